# Continuity across a failover, proved by recovery: every commit that a client
# saw acknowledged comes back from an early base backup and the archive alone.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Restore;

needs_version(12, 'standbys without recovery.conf');
needs_program('pg_waldump');

my $mb      = 1024 * 1024;
my $codec   = 'zstd';
my $archive = new_archive();
my $sync    = "synchronous_standby_names = 'walfetch'\n";

seed_random();
my $leader  = new_server('leader');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$leader->backup('early');
$standby->init_from_backup($leader, 'early', has_streaming => 1);
$standby->append_conf('postgresql.conf', $sync);
$standby->start;

my $restore_line = restore_line($archive, '--partial');

# The start of the last record in the archive.
sub last_record
{
	my ($timeline) = @_;
	my $folder   = PostgreSQL::Test::Utils::tempdir('unpacked');
	my $last     = segment_number(($archive->timeline($timeline))[-1], $mb);
	my @segments = $archive->unpack_into($folder, $timeline, $last - 1);
	my ($dump) = run_command(
		[
			'pg_waldump', '-p', $folder, '-t', $timeline,
			'-s', lsn_text(segment_number($segments[0], $mb) * $mb)
		]);
	my @lsns = $dump =~ m{lsn: ([0-9A-F]+/[0-9A-F]+), prev}g;

	return $lsns[-1];
}

# Commits on the leader wait for the archive; the standby only listens.
my $receiver = start_receiver(
	undef, $archive,
	conninfo => "host=@{[ $standby->host ]},@{[ $leader->host ]} "
	  . "port=@{[ $standby->port ]},@{[ $leader->port ]} "
	  . 'target_session_attrs=read-write',
	options => [
		'--synchronous', '-S', 'walfetch', '--auto-slot', '-Z', $codec, '-v'
	]);
$leader->append_conf('postgresql.conf', $sync);
$leader->reload;
my @clients = start_clients($leader);
ok( wait_until('commits', sub { acknowledged(@clients) > 2000 }),
	'leader: commits are acknowledged')
  || diag($receiver->stderr);

# The standby is cut off some time before the leader is lost.
$standby->append_conf('postgresql.conf', "primary_conninfo = ''\n");
$standby->reload;
$leader->poll_query_until('postgres',
	"SELECT count(*) = 0 FROM pg_stat_replication "
	  . "WHERE application_name = 'standby'");
my $before = acknowledged(@clients);
wait_until('more commits', sub { acknowledged(@clients) > $before + 1000 });
random_moment(0.3);
$leader->stop('immediate');
$_->{process}->wait_for_end(time_limit(10)) foreach @clients;
my @acknowledged = acknowledged(@clients);
note(scalar(@acknowledged) . ' commits were acknowledged by the leader');
cmp_ok(scalar(missing_on($standby, @acknowledged)), '>', 0,
	'standby: lacks commits that were acknowledged');

# It fetches them from the archive, up to the last record.
$standby->append_conf('postgresql.conf', $restore_line);
$standby->reload;
my $last = last_record(1);
ok( $standby->poll_query_until(
		'postgres', "SELECT pg_last_wal_replay_lsn() > '$last'"),
	'standby: has replayed the archive to its end');
is(scalar(missing_on($standby, @acknowledged)), 0,
	'standby: has all commits that were acknowledged');
$standby->promote;

# Commits on the new leader wait for the archive too.
@clients = start_clients($standby);
ok( wait_until('commits', sub { acknowledged(@clients) > 1000 }),
	'new leader: commits are acknowledged')
  || diag($receiver->stderr);
is($standby->slot('walfetch')->{active}, 't', 'new leader: has the slot');
random_moment(0.3);
$_->{process}->destroy foreach @clients;
push @acknowledged, acknowledged(@clients);
my $all  = 'SELECT count(*), md5(string_agg(id || b, $$,$$ ORDER BY id)) FROM acknowledged';
my $upto = flush_lsn($standby);
ok(wait_flushed($standby, $receiver, $upto, 'walfetch'),
	'new leader: all is flushed');
my $expected = $standby->safe_psql('postgres', $all);
my ($switch) =
  slurp_file($standby->data_dir . '/pg_wal/00000002.history') =~
  m{^1\t([0-9A-F]+/[0-9A-F]+)\t}m;
$standby->stop('immediate');
stops_cleanly('stops', $receiver, 'TERM');
$archive->is_faithful(
	'timeline 1 is that of the leader',
	servers  => [$leader],
	timeline => 1,
	upto     => $switch);
$archive->is_faithful(
	'timeline 2 is that of the new leader',
	servers  => [$standby],
	timeline => 2,
	from     => $switch,
	upto     => $upto);

# Nobody is left but the early backup and the archive.
my $rebuilt = PostgreSQL::Test::Cluster->new('rebuilt');
$rebuilt->init_from_backup($leader, 'early');
$rebuilt->append_conf('postgresql.conf',
	"${restore_line}recovery_target_timeline = 'latest'\n");
$rebuilt->set_standby_mode;
$rebuilt->start;
ok( $rebuilt->poll_query_until(
		'postgres', "SELECT pg_last_wal_replay_lsn() >= '$upto'"),
	'rebuilt: has replayed both timelines to the end');
is(scalar(missing_on($rebuilt, @acknowledged)), 0,
	'rebuilt: has all ' . @acknowledged . ' commits that were acknowledged');
is($rebuilt->safe_psql('postgres', $all),
	$expected, 'rebuilt: has the same rows as the new leader');
$rebuilt->promote;
is($rebuilt->safe_psql('postgres', $all),
	$expected, 'rebuilt: and still when it is promoted');

done_testing();
