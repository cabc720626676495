# Continuity across a failover, proved by recovery: every commit that a client
# saw acknowledged comes back from an early base backup and the archive alone.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $mb      = 1024 * 1024;
my $codec   = 'zstd';
my $archive = new_archive();
my $scratch = PostgreSQL::Test::Utils::tempdir('failover');
my $sync    = "synchronous_standby_names = 'walfetch'\n";

seed_random();
my $leader  = new_server('leader');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$leader->backup('early');
$standby->init_from_backup($leader, 'early', has_streaming => 1);
$standby->append_conf('postgresql.conf', $sync);
$standby->start;

# What an administrator would write: a file in whatever form it is, the open
# segment if there is no other, filled up with zeros.
append_to_file("$scratch/restore", <<'EOT');
#!/bin/sh
# restore ARCHIVE SIZE FILE PATH
for name in "$1/$3" "$1/$3.gz" "$1/$3.lz4" "$1/$3.zst" \
	"$1/$3.partial" "$1/$3.gz.partial" "$1/$3.lz4.partial" "$1/$3.zst.partial"
do
	[ -e "$name" ] || continue
	case $name in
	*.gz | *.gz.partial) program='gzip -dc' ;;
	*.lz4 | *.lz4.partial) program='lz4 -dc' ;;
	*.zst | *.zst.partial) program='zstd -dcq' ;;
	*) program=cat ;;
	esac
	$program <"$name" >"$4" || exit 200
	case $3 in
	*.history) ;;
	*) truncate -s "$2" "$4" || exit 201 ;;
	esac
	exit 0
done
exit 1
EOT
chmod 0755, "$scratch/restore";
my $restore_command =
  "restore_command = '$scratch/restore \"@{[ $archive->dir ]}\" $mb \"%f\" \"%p\"'\n";

# Clients that write down each row once its commit is acknowledged.
my $count = 0;

sub start_clients
{
	my ($server) = @_;
	my $insert = 'INSERT INTO acknowledged (b) '
	  . 'VALUES (repeat(md5(random()::text), 20)) RETURNING id;';

	return map {
		my $file = "$scratch/client_" . ++$count;
		{
			file    => $file,
			process => WalfetchTest::Process->start(
				command => [
					'sh', '-c', 'yes "$1" | exec psql -XAtq -d "$2" >"$3"',
					'sh', $insert, $server->connstr('postgres'), $file
				])
		}
	} 1 .. 4;
}

# A line that is not whole does not count.
sub acknowledged
{
	return map { -e $_ ? slurp_file($_) =~ /^(\d+)\n/mg : () }
	  map { $_->{file} } @_;
}

sub missing_on
{
	my ($server, @ids) = @_;
	my %there = map { $_ => 1 } split /\n/,
	  $server->safe_psql('postgres', 'SELECT id FROM acknowledged');
	return grep { !$there{$_} } @ids;
}

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
$standby->append_conf('postgresql.conf', $restore_command);
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
	"$restore_command\nrecovery_target_timeline = 'latest'\n");
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
