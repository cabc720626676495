# F14: commits across segment borders wait for a synchronous receiver.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest::Process;

known('F14');
my $mb      = 1024 * 1024;
my $server  = new_server('leader');
my $archive = new_archive();
my $begin   = create_slot($server, 'slot');
my $dir     = PostgreSQL::Test::Utils::tempdir();
my $receiver = start($server, $archive,
	options => [ '-S', 'slot', '--synchronous' ]);

reaches('streams', $server, $receiver, write_wal($server, 0.1));
$server->append_conf('postgresql.conf',
	"synchronous_standby_names = 'walfetch_test'");
$server->reload;
$server->poll_query_until('postgres',
	"SELECT sync_state = 'sync' FROM pg_stat_replication");

# One client: no other WAL comes along to help. A commit of 70 kB, so that a
# border is in every fifteenth.
append_to_file("$dir/script",
	'INSERT INTO filler SELECT repeat(md5(random()::text), 60) '
	  . "FROM generate_series(1, 35);\n");
my $from = lsn_number(flush_lsn($server));
my $load = WalfetchTest::Process->start(
	command => [
		'pgbench', '-n', '-c', 1, '-t', 600, '-f', "$dir/script",
		'-l', "--log-prefix=$dir/log",
		'-h', $server->host, '-p', $server->port, 'postgres'
	]);
is($load->wait_for_end(time_limit(60)), 0, 'pgbench ends')
  || diag($load->stderr);
my $upto = flush_lsn($server);
my $borders = int(lsn_number($upto) / $mb) - int($from / $mb);
cmp_ok($borders, '>=', 20, 'across many borders');

my ($log) = glob("$dir/log.*");
my @latencies =
  sort { $a <=> $b } map { (split / /)[2] } split /\n/, slurp_file($log);
cmp_ok($latencies[-1], '<', time_limit(1_000_000),
	'no commit waits for long');
$server->append_conf('postgresql.conf', "synchronous_standby_names = ''");
$server->reload;
reaches('flushes all', $server, $receiver, $upto);
stops_cleanly('stops', $receiver, 'INT');
$archive->is_faithful(
	'the archive is right',
	servers => [$server],
	from    => $begin,
	upto    => $upto);
seen(sprintf(
		'%d borders, longest commit %.0f ms',
		$borders, $latencies[-1] / 1000));
known_done();
