# Base backups in tar format: each codec, a follower, tablespaces.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::BaseBackup;

needs_version(13, 'backup manifests');

my $server = backup_server('leader');
my $space  = PostgreSQL::Test::Utils::tempdir('space');
$server->safe_psql('postgres', "CREATE TABLESPACE elsewhere LOCATION '$space'");
$server->safe_psql('postgres',
	'CREATE TABLE far TABLESPACE elsewhere AS SELECT * FROM numbers');
my $oid = $server->safe_psql('postgres',
	"SELECT oid FROM pg_tablespace WHERE spcname = 'elsewhere'");

# How each is unpacked, by the standard tools.
my %tools = (
	''     => 'cat',
	'.gz'  => 'gzip -dc',
	'.lz4' => 'lz4 -dc',
	'.zst' => 'zstd -dc');

sub unpack_archive
{
	my ($file, $to) = @_;
	my ($suffix) = $file =~ /\.tar(\..+)?$/;
	system("$tools{$suffix // ''} < $file | tar -xf - -C $to") == 0
	  or die "could not unpack $file";
	return;
}

# Unpack a backup where a server can start; the tablespace goes to $far.
sub unpack_backup
{
	my ($from, $suffix) = @_;
	my $to  = new_target();
	my $far = PostgreSQL::Test::Utils::tempdir('far');

	mkdir $to, 0700;
	unpack_archive("$from/base.tar$suffix", $to);
	unpack_archive("$from/$oid.tar$suffix", $far);
	my $wal = -e "$from/pg_wal.tar$suffix" ? $suffix : '';
	unpack_archive("$from/pg_wal.tar$wal", "$to/pg_wal");
	my $map = slurp_file("$to/tablespace_map");
	is($map, "$oid $space\n", "$suffix: tablespace_map");
	open(my $file, '>', "$to/tablespace_map") or die;
	print $file "$oid $far\n";
	close $file;
	return $to;
}

my %methods = (
	none          => '',
	gzip          => '.gz',
	'gzip:6'      => '.gz',
	lz4           => '.lz4',
	zstd          => '.zst',
	'client-zstd:9' => '.zst',
	'server-gzip' => '.gz',
	'server-lz4'  => '.lz4',
	'server-zstd' => '.zst');

foreach my $method (sort keys %methods)
{
	if (!compresses($server, $method))
	{
	  SKIP: { skip("this server does not have $method", 1); }
		next;
	}
	my $target = new_target();
	my $suffix = $methods{$method};

	is(scalar(run_backup($server, $target, '-F', 'tar', '-Z', $method)),
		0, "-F tar -Z $method");
	my $wal = $method =~ /^server/ ? '' : $suffix;
	is( join(' ', left_below($target)),
		join(' ',
			sort map { "$target/$_" } 'backup_manifest', "base.tar$suffix",
			"$oid.tar$suffix", "pg_wal.tar$wal"),
		"$method: its files");
	is(join(' ', odd_modes($target, 0700, 0600)), '', "$method: modes");
	my $copy = server_of($server, unpack_backup($target, $suffix));
	ok($copy->start(fail_ok => 1), "$method: starts") or next;
	is($copy->safe_psql('postgres', 'SELECT count(*) FROM far'),
		100000, "$method: answers queries");
	$copy->stop;
}

# A follower out of archives; what the server had set stays before ours.
$server->safe_psql('postgres', 'ALTER SYSTEM SET work_mem = 12345');
my $target = new_target();
is(scalar(run_backup($server, $target, qw(-F t -R -Z gzip))),
	0, '-F tar -R');
my $data = unpack_backup($target, '.gz');
ok(-e "$data/standby.signal", 'standby.signal is in the archive');
like(slurp_file("$data/postgresql.auto.conf"),
	qr/work_mem = '12345'\nprimary_conninfo = /, 'and so are the settings');
system_or_bail('cp', "$target/backup_manifest", $data);
system("rm -f $data/tablespace_map.*");
streams_from($server, $data, 'follower out of archives');

# Without WAL.
$target = new_target();
is(scalar(run_backup($server, $target, qw(-F t -X n))), 0, '-F tar -X none');
ok(!-e "$target/pg_wal.tar", 'there is no pg_wal.tar');

done_testing();
