# Servers that answer nothing: every wait ends, and obeys a signal. D14, D15.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use IO::Socket::UNIX;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

needs_version(12, 'reply_time in pg_stat_replication');

# Somebody listens, and never says a word: D15.
my $dir    = PostgreSQL::Test::Utils::tempdir_short();
my $listen = IO::Socket::UNIX->new(
	Local  => "$dir/.s.PGSQL.5432",
	Listen => 20) or die "could not listen: $!";
my $silent = "host=$dir port=5432 user=postgres";

foreach my $signal (qw(INT TERM))
{
	my $receiver =
	  start_receiver(undef, new_archive(), conninfo => $silent);
	my $connection = $listen->accept;
	ok($receiver->running, "D15: connects, before $signal");
	stops_cleanly("D15: $signal while connecting", $receiver, $signal);
}

my ($status, $stderr, $receiver) = run_receiver(
	undef, new_archive(),
	conninfo => $silent,
	options  => [ '--connect-timeout=2', '--no-loop' ]);
is($status, 2, '--connect-timeout: status');
like($stderr, qr/error: .*time/i, '--connect-timeout: message');
cmp_ok($receiver->lifetime, '>=', 1.9, '--connect-timeout: not before');
cmp_ok($receiver->lifetime, '<', time_limit(4), '--connect-timeout: in time');

# A server that is frozen in the middle of the stream: D14.
my $server = new_server('leader', conf => "wal_sender_timeout = 0\n");
my $archive = new_archive();
create_slot($server, 'frozen');

sub walsender
{
	return $server->safe_psql('postgres',
		"SELECT pid FROM pg_stat_replication WHERE application_name = 'walfetch_test'"
	);
}

$receiver = start_receiver($server, $archive,
	options => [ '-S', 'frozen', '-s', 1, '--receive-timeout=2', '-Z', 'lz4' ]);
ok(wait_flushed($server, $receiver, write_wal($server, 1.5)), 'streams');
my $frozen = walsender();
kill 'STOP', $frozen;
ok( wait_until(
		'the receiver to give the server up',
		sub { $receiver->stderr =~ /sent nothing/ }),
	'D14: a frozen server is noticed');
ok($receiver->running, 'D14: and is no reason to end');
kill 'CONT', $frozen;
ok(wait_flushed($server, $receiver, write_wal($server, 1.5)),
	'D14: streams again');
isnt(walsender(), $frozen, 'D14: over a new connection');

# An idle server is not a frozen one: it answers when asked.
my $walsender = walsender();
my $asked = $server->safe_psql('postgres', 'SELECT now()');
ok( $server->poll_query_until(
		'postgres',
		"SELECT now() > '$asked'::timestamptz + '5 s' "
		  . "AND reply_time > '$asked'::timestamptz + '4 s' "
		  . "FROM pg_stat_replication WHERE pid = $walsender"),
	'an idle server is not given up');
is(walsender(), $walsender, 'the connection is the same');

# Frozen once more, and told to stop.
kill 'STOP', $walsender;
stops_cleanly('D14: stops while the server is frozen', $receiver, 'TERM');
kill 'CONT', $walsender;
ok( $server->poll_query_until(
		'postgres', "SELECT count(*) = 0 FROM pg_stat_replication"),
	'the connection is gone');
my $upto = flush_lsn($server);
finishes('goes on', $server, $archive, options => [ '-S', 'frozen', '--once' ]);
$archive->is_faithful(
	'nothing is missing',
	servers => [$server],
	upto    => $upto);

# --no-loop: a frozen server is the end.
$receiver = start_receiver($server, $archive,
	options => [ '-S', 'frozen', '--receive-timeout=2', '--no-loop', '-s', 1 ]);
ok(wait_flushed($server, $receiver, write_wal($server, 1.5)),
	'streams with --no-loop');
$frozen = walsender();
kill 'STOP', $frozen;
is($receiver->wait_for_end(time_limit(10)),
	2, 'a frozen server, --no-loop: status');
kill 'CONT', $frozen;

done_testing();
