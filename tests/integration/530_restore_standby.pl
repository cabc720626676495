# A standby far behind catches up from the archive, then streams; one that has
# only the archive follows it; either stops at once when told to. One that has
# streamed more than the archive holds keeps what it has.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use WalfetchTest;
use WalfetchTest::Restore;

needs_version(13, 'wal_keep_size and max_slot_wal_keep_size');

my $archive  = new_archive();
my $leader   = new_server('leader', conf => "wal_keep_size = 0\nmin_wal_size = 2MB\n");
my $receiver = start_receiver($leader, $archive,
	options => [ '-S', 'archive', '--auto-slot', '-Z', 'lz4', '-s', '1' ]);
wait_flushed($leader, $receiver, flush_lsn($leader));
base_backup($leader, 'base');
my $begin = flush_lsn($leader);
wait_flushed($leader, $receiver, write_wal($leader, 8));

# What lay after the backup is gone from the leader.
my $first = segment_name(1, int(lsn_number($begin) / 1048576), 1048576);
ok( wait_until('the leader to remove WAL', sub {
		$leader->safe_psql('postgres', 'SELECT pg_switch_wal(); CHECKPOINT');
		return !-e $leader->data_dir . "/pg_wal/$first";
	}),
	'the leader has removed WAL');

my $streams = new_recovery('streams', $leader, 'base', $archive,
	standby => 1,
	conf    => "primary_conninfo = '@{[ $leader->connstr ]} application_name=streams'\n");
$streams->start;
ok( $leader->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_replication "
		  . "WHERE application_name = 'streams' AND state = 'streaming'"),
	'streams: has caught up and streams');
like(slurp_file($streams->logfile), qr/restored log file "$first" from archive/,
	'streams: caught up from the archive');
write_wal($leader, 0.5);
$leader->wait_for_catchup($streams, 'replay', $leader->lsn('flush'));
is($streams->safe_psql('postgres', 'SELECT count(*) FROM filler'),
	$leader->safe_psql('postgres', 'SELECT count(*) FROM filler'),
	'streams: has all rows');

# The open segment is asked for again and again as it grows.
my $follows = new_recovery('follows', $leader, 'base', $archive,
	standby => 1,
	options => ['--partial'],
	conf    => "wal_retrieve_retry_interval = 100ms\n");
$follows->start;
foreach my $round (1 .. 3)
{
	my $upto = write_wal($leader, 0.2);
	wait_flushed($leader, $receiver, $upto);
	ok( $follows->poll_query_until('postgres',
			"SELECT pg_last_wal_replay_lsn() >= '$upto'"),
		"follows: round $round, has replayed the open segment");
}
unlike(slurp_file($follows->logfile), qr/walfetch: error/, 'follows: no errors');

foreach my $server ($streams, $follows)
{
	my $start = time();
	$server->stop('fast');
	cmp_ok(time() - $start, '<', time_limit(10), $server->name . ': stops at once');
	# RECOVERYXLOG is the server's, until it has given it another name.
	my @left = grep { /tmp/ } slurp_dir($server->data_dir . '/pg_wal');
	is("@left", '', $server->name . ': no temporary file is left');
}
stops_cleanly('the receiver stops', $receiver, 'TERM');

# The open segment in the archive is behind the standby's own.
my $ahead = new_recovery('ahead', $leader, 'base', $archive,
	standby => 1,
	options => ['--partial'],
	conf    => "primary_conninfo = '@{[ $leader->connstr ]} application_name=ahead'\n");
$ahead->start;
$leader->wait_for_catchup($ahead, 'replay', flush_lsn($leader));
$leader->safe_psql('postgres', "INSERT INTO acknowledged (b) VALUES ('ahead')");
my $confirmed = flush_lsn($leader);
$leader->wait_for_catchup($ahead, 'flush', $confirmed);
my ($open) = map { substr($_, 0, 24) } $archive->partials;
is($open,
	segment_name(1, int(lsn_number($confirmed) / 1048576), 1048576),
	'ahead: the archive has an older state of the same segment');
$leader->stop('immediate');
$ahead->stop('immediate');
$ahead->start;
ok( $ahead->poll_query_until('postgres',
		"SELECT pg_last_wal_replay_lsn() >= '$confirmed'"),
	'ahead: what it had confirmed is not undone by the archive');
is($ahead->safe_psql('postgres',
		"SELECT count(*) FROM acknowledged WHERE b = 'ahead'"),
	1, 'ahead: the row is there');
unlike(slurp_file($ahead->logfile), qr/walfetch: error/, 'ahead: no errors');
$ahead->stop('fast');

done_testing();
