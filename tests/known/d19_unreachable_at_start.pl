# D19: the server is not there at the first start, or fails at a reconnect.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use ServerProxy qw(error_response ready_for_query);
use Test::More;

known('D19');
my $server  = new_server('leader');
my $begin   = create_slot($server, 'first', 'identify', 'show');
my @options = ('--synchronous');
my @seen;

# The first start, with nobody there.
my $archive = new_archive();
$server->stop('fast');
my $receiver = start($server, $archive, options => [ '-S', 'first', @options ]);
wait_until('an end, or word of a second attempt',
	sub { !$receiver->running || $receiver->stderr =~ /again/ }, patience());
my $survives = ok($receiver->running, 'first start: waits for the server');
$server->start;
my $upto = write_wal($server, 1.4);
my $streams =
  reaches('first start: streams once it is there', $server, $receiver, $upto);
push @seen,
  'first start: '
  . ($streams ? 'waits' : 'ends with status ' . ($receiver->status // '?'));
$receiver->stop('INT', 10);
$archive->is_faithful(
	'first start: archive',
	servers => [$server],
	from    => $begin,
	upto    => $upto) if $survives;

# A reconnect whose first commands fail: the second connection's does.
my %commands = (identify => 'IDENTIFY_SYSTEM', show => 'SHOW');
foreach my $slot (sort keys %commands)
{
	my $told = PostgreSQL::Test::Utils::tempdir() . '/told';
	my $failing = PostgreSQL::Test::Utils::tempdir() . '/failing';
	my $proxy = ServerProxy->start(
		$server,
		from_client => sub {
			my ($connection, $type, $body) = @_;
			return
			  if $type ne 'Q'
			  || $body !~ /^$commands{$slot}\b/
			  || !-e $failing;
			rename $failing, $told;
			$connection->{to_client} .=
			  error_response('53200', 'out of memory') . ready_for_query();
			return '';
		});
	$receiver = start(
		$server, new_archive(),
		conninfo => $proxy->connstr . ' application_name=walfetch_test',
		options  => [ '-S', $slot, @options ]);
	reaches("$slot: streams", $server, $receiver, write_wal($server, 0.4));

	append_to_file($failing, '');
	$server->safe_psql('postgres',
		'SELECT pg_terminate_backend(pid) FROM pg_stat_replication');
	ok(wait_until('the command', sub { -e $told }, patience()),
		"$slot: $commands{$slot} fails once");
	$streams = reaches("$slot: streams again",
		$server, $receiver, write_wal($server, 0.4));
	push @seen,
	  "$commands{$slot} fails: "
	  . ( $streams ? 'tries again'
		: $receiver->running ? 'stands still'
		: 'ends with status ' . $receiver->status);
	$receiver->stop('INT', 10);
}
seen(join('; ', @seen));
known_done();
