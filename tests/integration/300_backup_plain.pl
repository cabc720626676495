# Base backups in plain format: a follower, tablespaces, modes, the target.

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

needs_version(13, 'backup manifests');

my $server = backup_server('leader');
my $space  = PostgreSQL::Test::Utils::tempdir('space');
$server->safe_psql('postgres', "CREATE TABLESPACE elsewhere LOCATION '$space'");
$server->safe_psql('postgres',
	'CREATE TABLE far TABLESPACE elsewhere AS SELECT * FROM numbers');

# A follower with a slot of its own.
my $target = new_target();
my $moved  = new_target();
my ($status, $stderr, $stdout) = run_backup(
	$server, $target,
	qw(-R -C -S follower --json -l), "it's a label",
	'-T', "$space=$moved");
is($status, 0, 'backup -R -C -S -T') || diag($stderr);
is($stderr, '', 'without a word');
my $result = decode_json($stdout);
is($result->{start}{timeline}, 1, '--json: the timeline');
ok(lsn_number($result->{end}{lsn}) > lsn_number($result->{start}{lsn}),
	'--json: the positions');
ok($result->{manifest_verified} && $result->{pages_verified}
	  && !$result->{damaged},
	'--json: what was verified');
like(slurp_file("$target/backup_label"),
	qr/^LABEL: it's a label$/m, 'the label');
verifies($server, $target, 'pg_verifybackup accepts it');
is(join(' ', odd_modes($target, 0700, 0600)), '', 'modes of the target');
is(join(' ', odd_modes($moved, 0700, 0600)), '', 'modes of the tablespace');
is(join(' ', grep { m{/\.[^/]*$} } left_below($target)),
	'', 'no temporary names are left');
my ($link) = glob("$target/pg_tblspc/*");
is(readlink($link), $moved, 'the link of the tablespace');
my @segments = grep { m{/pg_wal/[0-9A-F]{24}$} } left_below($target);
ok(@segments > 0, 'WAL is in the backup');
is(join(' ', map { -e s{/pg_wal/}{/pg_wal/archive_status/}r . '.done' ? 1 : 0 } @segments),
	join(' ', (1) x @segments), 'each segment is marked as archived');
like(slurp_file("$target/postgresql.auto.conf"),
	qr/^primary_slot_name = 'follower'$/m, 'the slot');

my $follower = streams_from($server, $target, 'follower');
is($follower->safe_psql('postgres', 'SELECT count(*) FROM far'),
	100000, 'follower: the tablespace');
is($server->safe_psql('postgres',
		"SELECT active FROM pg_replication_slots WHERE slot_name = 'follower'"),
	't', 'follower: uses the slot');
is($server->safe_psql('postgres',
		"SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'walfetch%'"),
	0, 'no temporary slot is left');

# From a follower; into a directory that is there.
my $second = new_target();
mkdir $second, 0700;
is(scalar(run_backup($follower, $second, '-T', "$moved=" . new_target())),
	0, 'a backup of a follower, into an empty directory');
verifies($server, $second, 'pg_verifybackup accepts that');

# Checksums of each kind, and none.
foreach my $kind (qw(none SHA224 sha256 SHA384 SHA512))
{
	my $to = new_target();
	is(scalar(run_backup($server, $to, "--manifest-checksums=$kind",
				'-T', "$space=" . new_target(), '-X', 'none')),
		0, "--manifest-checksums=$kind");
	verifies($server, $to, "pg_verifybackup accepts $kind", '-n');
}

# The server compresses, we unpack.
foreach my $method (qw(server-gzip server-lz4 server-zstd:3))
{
  SKIP:
	{
		skip("this server does not have $method", 2)
		  unless compresses($server, $method);
		my $to = new_target();
		is(scalar(run_backup($server, $to, '-Z', $method,
					'-T', "$space=" . new_target())),
			0, "-Z $method");
		verifies($server, $to, "pg_verifybackup accepts $method");
	}
}

# Targets that are refused, and stay as they are.
my $refused = PostgreSQL::Test::Utils::tempdir('refused');
append_to_file("$refused/file", 'x');
($status, $stderr) = run_backup($server, $refused);
is($status, 1, 'a directory that holds something');
like($stderr, qr/exists but is not empty.*hint: Name a directory/s, 'says so');
is(join(' ', left_below($refused)), "$refused/file", 'and leaves it alone');
unlink "$refused/file";
chmod 0755, $refused;
($status, $stderr) = run_backup($server, $refused);
is($status, 1, 'a directory of mode 0755');
like($stderr, qr/has mode 0755.*chmod 700 "\Q$refused\E"/s, 'says the mend');
is((stat $refused)[2] & 07777, 0755, 'and leaves the mode alone');
my $unmapped = new_target();
($status, $stderr) = run_backup($server, $unmapped);
is($status, 1, 'a tablespace whose place is taken');
like($stderr, qr/exists but is not empty.*-T "\Q$space\E"=NEW/s, 'says the mend');
ok(!-e $unmapped, 'and removes what it made');
($status, $stderr) = run_backup($server, new_target(), qw(-C -S follower));
is($status, 2, '-C with a slot that exists');

# What -T says is compared as paths; what it names in vain is told; what it puts
# together is refused.
my ($one, $other) = (new_target(), new_target());
($status, $stderr) = run_backup($server, $one, '-T', "/$space//=$other/",
	'-T', '/not/there=/not/here', qw(-X none));
is($status, 0, 'a mapping with slashes') || diag($stderr);
like($stderr, qr{warning: the server has no tablespace at "/not/there", which -T names},
	'a mapping of nothing');
is(readlink((glob("$one/pg_tblspc/*"))[0]), $other, 'a mapping with slashes: its link');
my $both = new_target();
mkdir $both, 0700;
($status, $stderr) = run_backup($server, $both, '-T', "$space=$both", qw(-X none));
is($status, 1, 'one directory for two parts: status');
like($stderr, qr/is named for two parts of the backup/, 'one directory for two parts: said');
is(join(' ', left_below($both)), '', 'one directory for two parts: nothing is left');

# A slot that is not there is found before anything is waited for.
my $slotless = new_target();
($status, $stderr) = run_backup($server, $slotless, qw(-S nowhere));
is($status, 2, '-S without a slot: status');
like($stderr, qr/"nowhere" does not exist\n.*hint: Create it with -C\.$/m,
	'-S without a slot: said');
ok(!-e $slotless, '-S without a slot: nothing is left');

# Directories that are made on the way go again.
my $way = PostgreSQL::Test::Utils::tempdir('way');
($status, $stderr) = run_backup($server, "$way/a/b/c", qw(-C -S follower));
is($status, 2, 'refused after the target was made');
is(join(' ', left_below($way)), '', 'what was made on the way is gone');

# A result that nobody can read.
my $unread = '';
IPC::Run::run(
	[
		walfetch(), 'backup', '-d', $server->connstr, '-c', 'fast', '-D',
		new_target(), '-X', 'none', '-T', "$space=" . new_target(), '--json'
	],
	'>', '/dev/full', '2>', \$unread);
is($? >> 8, 1, '--json to a full device: status');
like($unread, qr/could not write/, '--json to a full device: said');

# A name that is no UTF-8.
my $odd = "$way/d\xFCr";
($status, $stderr, $stdout) =
  run_backup($server, $odd, '--json', '-X', 'none', '-T', "$space=" . new_target());
is($status, 0, '--json of a name that is no UTF-8') || diag($stderr);
is(eval { decode_json($stdout)->{directory} }, "$way/d?r", 'what it says');

# A server that comes late is waited for.
$server->stop;
my $late = start_backup($server, new_target(), qw(--wait -X none),
	'-T', "$space=" . new_target());
ok( wait_until('the first attempt',
		sub { $late->stderr ne '' || !$late->running }),
	'--wait: begins to wait');
ok($late->running, '--wait: and goes on');
$server->start;
is($late->wait_for_end(time_limit(60)), 0, '--wait: until the server is there')
  || diag($late->stderr);

# A server that lets its group read.
my $open = backup_server('open', extra => ['-g']);
my $group = new_target();
is(scalar(run_backup($open, $group)), 0, 'a server with group access');
is(join(' ', odd_modes($group, 0750, 0640)), '', 'its modes');

done_testing();
