# Data pages that fail their checksums: named, status 5, and the backup is kept.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::BaseBackup;

my $server = backup_server('leader');
my $path =
  $server->safe_psql('postgres', q(SELECT pg_relation_filepath('numbers')));

is(scalar(run_backup($server, new_target())), 0, 'all pages are sound');

# One bit in each of two pages, far from their headers.
$server->stop;
open(my $file, '+<:raw', $server->data_dir . "/$path") or die;
foreach my $block (7, 100)
{
	sysseek($file, $block * 8192 + 5000, 0);
	sysread($file, my $byte, 1);
	sysseek($file, $block * 8192 + 5000, 0);
	syswrite($file, chr(ord($byte) ^ 4));
}
close $file;
$server->start;

foreach my $format (qw(plain tar))
{
	my $target = new_target();
	my ($status, $stderr, $stdout) =
	  run_backup($server, $target, '-F', $format, '--json');
	is($status, 5, "$format: status");
	like($stderr,
		qr/warning: checksum verification failed in file "\Q$path\E": 2 of its pages, the first is block 7$/m,
		"$format: names the file and the block");
	like($stderr,
		qr/error: the backup in "\Q$target\E" is damaged: data pages fail their checksums$/m,
		"$format: and calls the backup damaged");
	ok(decode_json($stdout)->{damaged}, "$format: --json does, too");
	my $name = $format eq 'tar' ? 'base.tar' : 'backup_label';
	ok(-e "$target/$name", "$format: it is kept");
}

my ($status, $stderr) =
  run_backup($server, new_target(), '--no-verify-checksums');
is($status, 0, '--no-verify-checksums: status') || diag($stderr);
is($stderr, '', 'and nothing is said');

# No false alarm while pages are being written.
my $busy = backup_server('busy', conf => "shared_buffers = 1MB\n");
$busy->safe_psql('postgres',
	'CREATE TABLE busy AS SELECT n, repeat(md5(n::text), 10) AS b '
	  . 'FROM generate_series(1, 50000) AS n');
my $script = PostgreSQL::Test::Utils::tempdir('load') . '/script';
append_to_file($script,
	"\\set n random(1, 50000)\nUPDATE busy SET b = reverse(b) WHERE n BETWEEN :n AND :n + 100;\n");
my $load = WalfetchTest::Process->start(
	command => [
		$busy->installed_command('pgbench'), '-n', '-c', 2, '-T', 600,
		'-f', $script, '-h', $busy->host, '-p', $busy->port, 'postgres'
	]);
my $target = new_target();
foreach my $round (1 .. 3)
{
	$target = new_target();
	is(scalar(run_backup($busy, $target)), 0, "under load, round $round");
}
$load->destroy;
verifies($busy, $target, 'pg_verifybackup accepts the last');
my $copy = server_of($busy, $target);
ok($copy->start(fail_ok => 1), 'it starts');
is($copy->safe_psql('postgres', 'SELECT count(*) FROM busy'),
	50000, 'and has all rows');

done_testing();
