# As the synchronous standby: commits wait for us, and never for long. F14.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

needs_version(12, 'reply_time in pg_stat_replication');

my $server = new_server('leader');
$server->command_ok([qw(pgbench -i -q -s 1 postgres)], 'pgbench -i');
create_slot($server, 'standby');

sub stat_replication
{
	my ($column, $app) = @_;
	return $server->safe_psql('postgres',
		"SELECT $column FROM pg_stat_replication WHERE application_name = '$app'"
	);
}

sub set_standby
{
	my ($names) = @_;
	$server->append_conf('postgresql.conf',
		"synchronous_standby_names = '$names'");
	$server->reload;
	return;
}

# Nobody becomes a synchronous standby by accident: without a slot and without
# --synchronous no flush position is reported.
my $plain = start_receiver($server, new_archive(),
	app => 'accident', options => [ '-s', 1 ]);
set_standby('accident');
my $upto = $server->safe_psql('postgres',
	q(SET synchronous_commit = local;
INSERT INTO acknowledged (b) VALUES ('x');
SELECT pg_current_wal_flush_lsn()));
ok( $server->poll_query_until(
		'postgres',
		"SELECT write_lsn >= '$upto' AND reply_time > now() - '2 s'::interval "
		  . "FROM pg_stat_replication WHERE application_name = 'accident'"),
	'no slot, not synchronous: receives and reports');
is(stat_replication('flush_lsn', 'accident'), '', 'but no flush position');
is(stat_replication('replay_lsn', 'accident'), '', 'and no replay position');
stops_cleanly('stops', $plain, 'TERM');

# pgbench with us as the only standby, in each way to ask for it.
foreach my $case (
	[ 'slot and --synchronous', '-S', 'standby', '--synchronous' ],
	[ '--synchronous', '--synchronous' ],
	[ 'zstd', '-S', 'standby', '--synchronous', '-Z', 'zstd' ])
{
	my ($name, @options) = @$case;
	my $archive = new_archive();

	set_standby('other_name');
	my $receiver = start_receiver($server, $archive,
		app => 'other_name', options => \@options);
	ok( $server->poll_query_until(
			'postgres',
			"SELECT sync_state = 'sync' AND flush_lsn IS NOT NULL "
			  . "FROM pg_stat_replication "
			  . "WHERE application_name = 'other_name'"),
		"$name: application_name is as given, and synchronous");
	$server->command_ok([qw(pgbench -n -c 8 -T 3 postgres)],
		"$name: pgbench runs with 8 clients");
	is(stat_replication('replay_lsn', 'other_name'),
		'', "$name: no replay position");
	my $flushed = flush_lsn($server);
	ok( wait_flushed($server, $receiver, $flushed, 'other_name'),
		"$name: flushed to the end");
	stops_cleanly("$name: stops", $receiver, 'INT');
	$archive->is_faithful(
		"$name: identical",
		servers => [$server],
		upto    => $flushed);
	set_standby('');
}

# By the name that we have when nobody gives another.
set_standby('walfetch');
my $named = start_receiver(
	$server, new_archive(),
	conninfo => $server->connstr,
	options  => ['--synchronous']);
ok( $server->poll_query_until(
		'postgres',
		"SELECT sync_state = 'sync' FROM pg_stat_replication "
		  . "WHERE application_name = 'walfetch'"),
	'the application_name without another is walfetch');
$server->safe_psql('postgres', 'CREATE TABLE by_name ()');
stops_cleanly('stops', $named, 'TERM');

# F14: commits across many segment borders. One that a border cuts in two is
# acknowledged like any other, not when the next WAL comes along.
set_standby('borders');
my $archive  = new_archive();
my $receiver = start_receiver($server, $archive,
	app => 'borders', options => [ '--synchronous', '-S', 'standby' ]);
my $dir = PostgreSQL::Test::Utils::tempdir('latency');
append_to_file("$dir/script",
	"INSERT INTO filler SELECT repeat(md5(random()::text), 60) FROM generate_series(1, 5);\n"
);
my $from = lsn_number(flush_lsn($server));
my $load = WalfetchTest::Process->start(
	command => [
		'pgbench', '-n', '-c', 1, '-t', 3000, '-f', "$dir/script",
		'-l', "--log-prefix=$dir/log",
		'-h', $server->host, '-p', $server->port, 'postgres'
	]);
is($load->wait_for_end(time_limit(60)), 0, 'F14: pgbench ends')
  || diag($load->stderr);
my $borders = int(lsn_number(flush_lsn($server)) / 2**20) - int($from / 2**20);
cmp_ok($borders, '>=', 20, 'F14: across many borders');

my ($log) = glob("$dir/log.*");
my @latencies =
  sort { $a <=> $b } map { (split / /)[2] } split /\n/, slurp_file($log);
note("F14: $borders borders, median $latencies[$#latencies / 2] us, "
	  . "longest $latencies[-1] us");
cmp_ok($latencies[-1], '<', time_limit(1_000_000),
	'F14: no commit waits for long');
stops_cleanly('F14: stops', $receiver, 'TERM');

done_testing();
