# D15: stopped while it connects.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use IO::Socket::UNIX;
use Known;
use PostgreSQL::Test::Utils;
use ServerProxy;
use Test::More;

known('D15');
my $server = new_server('leader');
my @seen;

# Send a signal to a receiver that connects to somebody who never says a word.
sub stops
{
	my ($name, $receiver, $signal) = @_;

	ok($receiver->running, "$name: connects, before SIG$signal");
	my ($status, $seconds) =
	  $receiver->stop($signal, pg_receivewal() ? 4 : time_limit(2.5));
	is($status, 0, "$name: SIG$signal");
	cmp_ok($seconds, '<', time_limit(1.5), "$name: SIG$signal: in time");
	push @seen,
	  "$name, SIG$signal: "
	  . ( $status eq 'still running'
		? 'still there after 4 s'
		: $status =~ /^\d/ ? "status $status"
		:                    "killed by it");
	$receiver->destroy;
	return;
}

# At its start.
my $dir    = PostgreSQL::Test::Utils::tempdir_short();
my $listen = IO::Socket::UNIX->new(
	Local  => "$dir/.s.PGSQL.5432",
	Listen => 20) or die "could not listen: $!";
foreach my $signal (qw(INT TERM))
{
	my $receiver = start(undef, new_archive(),
		conninfo => "host=$dir port=5432 user=postgres");
	my $connection = $listen->accept;
	stops('start', $receiver, $signal);
}

# When it connects again: from the second connection on, nothing comes back.
foreach my $signal (qw(INT TERM))
{
	my $told = PostgreSQL::Test::Utils::tempdir() . '/told';
	my $proxy = ServerProxy->start(
		$server,
		from_client => sub {
			my ($connection, $type) = @_;
			return if $connection->{number} == 1;
			$connection->{hold} = 1;
			append_to_file($told, '');
			return;
		});
	my $receiver = start(
		$server, new_archive(),
		conninfo => $proxy->connstr . ' application_name=walfetch_test',
		options  => ['--synchronous']);
	reaches('streams', $server, $receiver, write_wal($server, 0.4));
	$server->safe_psql('postgres',
		'SELECT pg_terminate_backend(pid) FROM pg_stat_replication');
	ok(wait_until('it to connect again', sub { -e $told }, patience()),
		'connects again');
	stops('reconnect', $receiver, $signal);
}
seen(join('; ', @seen));
known_done();
