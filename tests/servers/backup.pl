# walfetch backup: a follower, archives, and from version 17 on incremental
# backups.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../integration/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::BaseBackup;

sub try_follower
{
	my ($server) = @_;
	my $target = new_target();

	is(scalar(run_backup($server, $target, '-R')), 0, 'backup -R');
	verifies($server, $target, 'pg_verifybackup accepts it', '-n');
	streams_from($server, $target, 'follower')->stop;
	return;
}

sub try_archives
{
	my ($server) = @_;
	my $target = new_target();
	my $data   = new_target();

	is(scalar(run_backup($server, $target, qw(-F tar -R -Z zstd))),
		0, 'backup -F tar -R');
	mkdir $data, 0700;
	system_or_bail("zstd -dcq $target/base.tar.zst | tar -xf - -C $data");
	system_or_bail(
		"zstd -dcq $target/pg_wal.tar.zst | tar -xf - -C $data/pg_wal");
	streams_from($server, $data, 'out of archives')->stop;
	return;
}

sub try_fetched_wal
{
	my ($server) = @_;
	my ($target, $wal) = (new_target(), new_target());

	is(scalar(run_backup($server, $target, '-X', 'fetch', "--waldir=$wal")),
		0, 'backup -X fetch --waldir');
	verifies($server, $target, 'pg_verifybackup accepts it', '-n');
	my $node = server_of($server, $target);
	ok($node->start(fail_ok => 1), 'it starts with nothing but its own WAL')
	  or return;
	is($node->safe_psql('postgres', 'SELECT count(*) FROM numbers'),
		100000, 'all rows are there');
	$node->stop;
	return;
}

sub try_incremental
{
	my ($server) = @_;
	my ($full, $first, $second) = map { new_target() } 1 .. 3;
	my $combined = new_target();

	if (server_version() < 17)
	{
		my ($status, $stderr) =
		  run_backup($server, $full, '-i', '/dev/null');
		is($status, 1, 'an incremental backup is refused');
		like($stderr, qr/needs a server of version 17 or later/,
			'and why is said');
		return;
	}

	is(scalar(run_backup($server, $full)), 0, 'a full backup');
	$server->safe_psql('postgres',
		'UPDATE numbers SET n = n + 1 WHERE n % 50000 = 0');
	is( scalar(run_backup($server, $first, '-i', "$full/backup_manifest")),
		0, 'an incremental one');
	ok((grep { m{/INCREMENTAL\.\d+$} } left_below($first)),
		'it has incremental files');
	$server->safe_psql('postgres', 'INSERT INTO numbers VALUES (-1)');
	is( scalar(run_backup($server, $second, '-i', "$first/backup_manifest")),
		0, 'one upon that');
	verifies($server, $second, 'pg_verifybackup accepts that', '-n');
	my ($stdout, $stderr) = run_command(
		[ 'pg_combinebackup', $full, $first, $second, '-o', $combined ]);
	is($stderr, '', 'pg_combinebackup accepts them');
	verifies($server, $combined, 'and makes a backup', '-n');
	my $copy = server_of($server, $combined);
	ok($copy->start(fail_ok => 1), 'that starts') or return;
	is( $copy->safe_psql('postgres', 'SELECT count(*), sum(n) FROM numbers'),
		$server->safe_psql('postgres', 'SELECT count(*), sum(n) FROM numbers'),
		'and has all');
	$copy->stop;
	return;
}

my $server = backup_server('leader');

try_follower($server);
try_archives($server);
try_fetched_wal($server);
SKIP:
{
	skip('no pg_combinebackup here', 1)
	  if server_version() >= 17 && !has_program('pg_combinebackup');
	try_incremental($server);
}

done_testing();
