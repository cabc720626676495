# Every version of PostgreSQL that is here ($WALFETCH_SERVERS): a follower, the
# archives of a backup, and from 17 on incremental backups.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::BaseBackup;

my $number = 0;

sub has_program
{
	my ($install_path, $name) = @_;
	return !defined $install_path || -x "$install_path/bin/$name";
}

sub try_follower
{
	my ($server, $version) = @_;
	my $target = new_target();

	is(scalar(run_backup($server, $target, '-R')), 0, "$version: backup -R");
	verifies($server, $target, "$version: pg_verifybackup accepts it", '-n')
	  if $version >= 13;
	streams_from($server, $target, "$version")->stop;
	return;
}

sub try_archives
{
	my ($server, $version) = @_;
	my $target = new_target();
	my $data   = new_target();

	is(scalar(run_backup($server, $target, qw(-F tar -R -Z zstd))),
		0, "$version: backup -F tar -R");
	mkdir $data, 0700;
	system_or_bail("zstd -dcq $target/base.tar.zst | tar -xf - -C $data");
	system_or_bail(
		"zstd -dcq $target/pg_wal.tar.zst | tar -xf - -C $data/pg_wal");
	streams_from($server, $data, "$version: out of archives")->stop;
	return;
}

sub try_incremental
{
	my ($server, $version, $install_path) = @_;
	my ($full, $first, $second) = map { new_target() } 1 .. 3;
	my $combined = new_target();

	is(scalar(run_backup($server, $full)), 0, "$version: a full backup");
	$server->safe_psql('postgres',
		'UPDATE numbers SET n = n + 1 WHERE n % 50000 = 0');
	is( scalar(run_backup($server, $first, '-i', "$full/backup_manifest")),
		0, "$version: an incremental one");
	ok((grep { m{/INCREMENTAL\.\d+$} } left_below($first)),
		"$version: it has incremental files");
	$server->safe_psql('postgres', 'INSERT INTO numbers VALUES (-1)');
	is( scalar(run_backup($server, $second, '-i', "$first/backup_manifest")),
		0, "$version: one upon that");
	verifies($server, $second, "$version: pg_verifybackup accepts that", '-n');
	my ($stdout, $stderr) = run_command(
		[
			program_of($install_path, 'pg_combinebackup'), $full, $first,
			$second, '-o', $combined
		]);
	is($stderr, '', "$version: pg_combinebackup accepts them");
	verifies($server, $combined, "$version: and makes a backup", '-n');
	my $copy = server_of($server, $combined);
	ok($copy->start(fail_ok => 1), "$version: that starts") or return;
	is( $copy->safe_psql('postgres', 'SELECT count(*), sum(n) FROM numbers'),
		$server->safe_psql('postgres', 'SELECT count(*), sum(n) FROM numbers'),
		"$version: and has all");
	$copy->stop;
	return;
}

foreach my $install_path (install_paths())
{
	my $version = version_of($install_path);
	my $server =
	  backup_server('leader' . ++$number, install_path => $install_path);

	try_follower($server, $version);
	try_archives($server, $version);
	if ($version < 17)
	{
		my ($status, $stderr) =
		  run_backup($server, new_target(), '-i', '/dev/null');
		is($status, 1, "$version: an incremental backup is refused");
		like($stderr, qr/needs a server of version 17 or later/,
			"$version: and why is said");
	}
	elsif (has_program($install_path, 'pg_combinebackup'))
	{
		try_incremental($server, $version, $install_path);
	}
	$server->stop;
}

done_testing();
