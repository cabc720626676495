# The WAL of a backup: fetched behind the files, and in a directory of its own.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::BaseBackup;

needs_version(13, 'manifests of backups');

# Start it as it is, with nothing but its own WAL.
sub starts_alone
{
	my ($server, $target, $name) = @_;
	my $node = server_of($server, $target);

	ok($node->start(fail_ok => 1), "$name: starts") or return;
	is($node->safe_psql('postgres', 'SELECT count(*) FROM numbers'),
		100000, "$name: has all rows");
	$node->stop;
	return;
}

sub segments_below
{
	my ($dir) = @_;
	return grep { m{/[0-9A-F]{24}$} } left_below($dir);
}

my $server = backup_server('leader', extra => ['--wal-segsize=1']);

my $plain = new_target();
is(scalar(run_backup($server, $plain, qw(-X fetch))),
	0, 'fetched');
ok(segments_below("$plain/pg_wal"), 'fetched: WAL is in it');
verifies($server, $plain, 'fetched: pg_verifybackup accepts it', '-n');
starts_alone($server, $plain, 'fetched');

my ($tar, $unpacked) = (new_target(), new_target());
is(scalar(run_backup($server, $tar, qw(-F tar -X f -Z lz4))),
	0, 'fetched, tar');
ok(!-e "$tar/pg_wal.tar.lz4", 'fetched, tar: one archive');
mkdir $unpacked, 0700;
system_or_bail("lz4 -dcq $tar/base.tar.lz4 | tar -xf - -C $unpacked");
starts_alone($server, $unpacked, 'fetched, tar');

foreach my $method (qw(stream fetch none))
{
	my $name = "--waldir, $method";
	my ($target, $wal) = (new_target(), new_target());

	is( scalar(run_backup($server, $target, '-X', $method, "--waldir=$wal")),
		0, $name);
	is(readlink("$target/pg_wal"), $wal, "$name: a link to it");
	is(segments_below($wal) ? 1 : 0, $method eq 'none' ? 0 : 1,
		"$name: the WAL is there");
	is(join(' ', odd_modes($wal, 0700, 0600)), '', "$name: modes");
	is(join(' ', grep { m{/\.} } left_below($wal)), '',
		"$name: nothing else is");
	verifies($server, $target, "$name: pg_verifybackup accepts it", '-n');
	starts_alone($server, $target, $name) if $method ne 'none';
}

# From a standby: its WAL goes on behind the end of the backup.
my $standby = new_standby('standby', $server);
$server->wait_for_catchup($standby, 'replay');
my $target = new_target();
is(scalar(run_backup($standby, $target, qw(-X fetch))), 0, 'of a standby');
starts_alone($standby, $target, 'of a standby');
$standby->stop;

# What the command line cannot mean, and what a directory cannot be.
my $taken = PostgreSQL::Test::Utils::tempdir('taken');
append_to_file("$taken/file", "x\n");
my $empty = PostgreSQL::Test::Utils::tempdir('empty');
chmod 0700, $empty;
foreach my $row (
	[ [qw(-X some)], qr/invalid value "some" for option -X/ ],
	[ [ qw(-X fetch), "--archive=$empty" ], qr/--archive together with -X fetch/ ],
	[ [qw(-X fetch -S one)],          qr/--slot needs -X stream or -R/ ],
	[ [qw(-F tar --waldir=/x)],       qr/--waldir needs plain format/ ],
	[ [qw(--waldir=x)],               qr/--waldir needs an absolute path/ ],
	[ ["--waldir=$taken"],            qr/exists but is not empty/ ],
	[ [ "--waldir=$empty/./", '-D', $empty ], qr/named for two parts/ ])
{
	my ($options, $words) = @$row;
	my $refused = new_target();
	my ($status, $stderr) = run_backup($server, $refused, @$options);

	is($status, 1, "@$options: status");
	like($stderr, $words, "@$options: said");
	ok(!-e $refused, "@$options: nothing is made");
	is(join(' ', left_below($empty)), '', "@$options: or left")
}
is(join(' ', left_below($taken)), "$taken/file", 'what was there is still there');

# A backup that takes its time, while the server writes WAL.
sub while_it_runs
{
	my ($dir, @options) = @_;
	my $run = start_backup($server, $dir, qw(-X fetch -r 4M), @options);

	ok( wait_until(
			'files to arrive',
			sub { !$run->running || grep { -s $_ && -f $_ } left_below($dir) }),
		'it has begun');
	write_filler(3);
	return $run;
}

sub write_filler
{
	my ($times) = @_;
	$server->safe_psql('postgres', 'CREATE TABLE IF NOT EXISTS filler (t text)');
	$server->safe_psql('postgres',
		q(INSERT INTO filler SELECT repeat(md5(n::text), 30)
		  FROM generate_series(1, 1200) n)) foreach 1 .. $times;
	return;
}

# A byte of it that is not as it was written.
my ($wal, $run) = (new_target());
$target = new_target();
$run = while_it_runs($target, "--waldir=$wal");
my $segment = $server->safe_psql('postgres',
	'SELECT pg_walfile_name(pg_current_wal_lsn())');
write_filler(2);
open(my $file, '+<:raw', $server->data_dir . "/pg_wal/$segment") or die $!;
seek $file, 512 * 1024 + 1000, 0;
read $file, my $byte, 1;
seek $file, -1, 1;
print $file chr(ord($byte) ^ 1);
close $file;
is($run->wait_for_end(time_limit(60)), 5, 'damaged WAL: status');
like($run->stderr, qr/error: .*(CRC|checksum|record)/i, 'damaged WAL: said');
ok(!-e $target, 'damaged WAL: nothing is left');
ok(!-e $wal, 'damaged WAL: nor in the directory of the WAL');

# The server has removed it.
$server->append_conf('postgresql.conf',
	"max_replication_slots = 0\nwal_keep_size = 0\nmax_wal_size = 2MB\n"
	  . "min_wal_size = 2MB\n");
$server->restart;
$target = new_target();
$run = while_it_runs($target);
$server->safe_psql('postgres', 'SELECT pg_switch_wal(); CHECKPOINT');
write_filler(1);
$server->safe_psql('postgres', 'SELECT pg_switch_wal(); CHECKPOINT');
is($run->wait_for_end(time_limit(60)), 2, 'removed WAL: status');
like($run->stderr, qr/without a replication slot the server may remove WAL/,
	'removed WAL: warned of');
like($run->stderr, qr/error: .*(removed|could not find)/, 'removed WAL: said')
  || diag($run->stderr);
ok(!-e $target, 'removed WAL: nothing is left');

done_testing();
