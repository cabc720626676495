# D14: the server is frozen, or the network lost.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use ServerProxy;
use Test::More;

known('D14');
my $server = new_server('leader', conf => "wal_sender_timeout = 0\n");
create_slot($server, 'frozen', 'lost');
my $proxy = ServerProxy->start($server);
my @seen;

sub streaming
{
	my ($app) = @_;
	return $server->safe_psql('postgres',
		"SELECT max(pid) FROM pg_stat_replication "
		  . "WHERE application_name = '$app' AND state = 'streaming'");
}

# One that is frozen itself, and one behind a network that stands still.
my %receivers = (
	frozen => start(
		$server, new_archive(),
		app      => 'frozen',
		options  => [ '-S', 'frozen', '-s', 1, '--synchronous' ],
		walfetch => ['--receive-timeout=3']),
	lost => start(
		$server, new_archive(),
		conninfo => $proxy->connstr . ' application_name=lost',
		options  => [ '-S', 'lost', '-s', 1, '--synchronous' ],
		walfetch => [ '--receive-timeout=3', '--connect-timeout=3' ]));
my $upto = write_wal($server, 1.4);
reaches("$_: streams", $server, $receivers{$_}, $upto, $_)
  foreach sort keys %receivers;

my $frozen = streaming('frozen');
kill 'STOP', $frozen;
$proxy->signal('STOP');
foreach my $name (sort keys %receivers)
{
	my $receiver = $receivers{$name};
	my $notices = wait_until(
		"\"$name\" to notice",
		sub { $receiver->stderr =~ /sent nothing|timeout|lost|closed/ },
		patience());

	ok($notices, "$name: is noticed");
	ok($receiver->running, "$name: is no reason to end");
	push @seen,
	  "$name: " . ($notices ? 'noticed' : 'not noticed in ' . patience() . ' s');
}
kill 'CONT', $frozen;
$proxy->signal('CONT');
$upto = write_wal($server, 1.4);
foreach my $name (sort keys %receivers)
{
	reaches("$name: streams again", $server, $receivers{$name}, $upto, $name);
}
isnt(streaming('frozen'), $frozen, 'frozen: over a new connection');
stops_cleanly("$_: stops", $receivers{$_}, 'INT') foreach sort keys %receivers;
seen(join('; ', @seen));
known_done();
