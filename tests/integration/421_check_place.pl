# walfetch check: each thing that may be wrong with a slot, a directory, and
# what lies between the archive's end and the server.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Check qw(check finds);
use WalfetchTest::Process;

needs_version(13, 'wal_keep_size and max_slot_wal_keep_size');

my $server = new_server('leader', conf => "wal_level = logical\n");
my $base   = $server->connstr;

sub check_place
{
	my ($dir, %params) = @_;
	return check(walfetch(),
		[ '-d', $params{conninfo} // $base, '-D', $dir, @{ $params{options} // [] } ],
		%params);
}

sub check_slot
{
	my ($slot) = @_;
	return check(walfetch(), [ '-d', $base, '-S', $slot ]);
}

# Slots.
my $checked = check_slot('nowhere');
is($checked->{status}, 2, 'no slot: status');
finds('no slot', $checked, 'slot', 'error', qr/"nowhere" does not exist/,
	qr/pg_create_physical_replication_slot\('nowhere', true\)/);
my ($sql) = $checked->{findings}{slot}{mend} =~ /(SELECT .*;)/;
$server->safe_psql('postgres', $sql);
finds('made as it says', check_slot('nowhere'), 'slot', 'ok', qr/holds back/);

finds('a name that no slot has', check_slot('My"slot'),
	'slot', 'error', qr/no slot can be called "My"slot"/,
	qr/lower-case letters, digits and underscores, 63 at most/);

$server->safe_psql('postgres',
	"SELECT pg_create_logical_replication_slot('logical', 'pgoutput')");
$checked = check_slot('logical');
is($checked->{status}, 2, 'a logical slot: status');
finds('a logical slot', $checked, 'slot', 'error', qr/is a logical slot/,
	qr/physical/);
$server->safe_psql('postgres', "SELECT pg_drop_replication_slot('logical')");

$server->safe_psql('postgres',
	"SELECT pg_create_physical_replication_slot('unused')");
finds('an unused slot', check_slot('unused'), 'slot', 'ok',
	qr/has reserved nothing yet/);

# One in use.
my $archive  = new_archive();
my $receiver = start_receiver($server, $archive,
	options => [ '-S', 'nowhere', '-s', 1 ]);
ok(wait_flushed($server, $receiver, write_wal($server, 1.5)),
	'a receiver streams');
$checked = check_place($archive->dir, options => [ '-S', 'nowhere' ]);
is($checked->{status}, 0, 'a receiver runs: status');
finds('a receiver runs', $checked, 'slot in use', 'warning',
	qr/by process \d+ of the server/, qr/slot of its own/);
finds('a receiver runs', $checked, 'lock', 'warning',
	qr/held by process @{[ $receiver->pid ]}\b/, qr/walfetch status/);
finds('a receiver runs', $checked, 'gap', 'ok', qr/none: the server has/);
finds('a receiver runs', $checked, 'cluster', 'ok');
stops_cleanly('it stops', $receiver, 'TERM');
$checked = check_place($archive->dir, options => [ '-S', 'nowhere' ]);
finds('it stopped', $checked, 'slot in use', 'ok', qr/^no/);
finds('it stopped', $checked, 'lock', 'ok', qr/free/);

# The directory.
my $place = PostgreSQL::Test::Utils::tempdir('place');
mkdir "$place/good", 0700;
$checked = check_place("$place/good");
is($checked->{status}, 0, 'a good place: status');
finds('a good place', $checked, $_, 'ok')
  foreach ('directory', 'owner', 'mode', 'writable', 'fsync', 'free space',
	'lock', 'cluster', 'gap');
finds('a good place', $checked, 'gap', 'ok', qr/archive is empty/);
is(join(' ', grep { !/^\.\.?$/ } slurp_dir("$place/good")),
	'', 'a good place: nothing is left there');

$checked = check_place("$place/missing");
is($checked->{status}, 1, 'missing: status');
finds('missing', $checked, 'directory', 'error', qr/No such file/,
	qr{mkdir -p -m 700 '\Q$place\E/missing'});
my ($mkdir) = $checked->{findings}{directory}{mend} =~ /(mkdir .*)/;
is(system($mkdir), 0, 'missing: made as it says');
is(check_place("$place/missing")->{status}, 0, 'missing: is fit then');

append_to_file("$place/file", "x\n");
finds('a file', check_place("$place/file"),
	'directory', 'error', qr/Not a directory/, qr/Name a directory/);

symlink('loop', "$place/loop");
finds('a loop', check_place("$place/loop"),
	'directory', 'error', qr/Too many levels/, qr/that can be opened/);

mkdir "$place/closed";
chmod 0000, "$place/closed";
finds('closed', check_place("$place/closed"),
	'directory', 'error', qr/Permission denied/, qr/Run as its owner/);
chmod 0700, "$place/closed";

mkdir "$place/mode";
foreach my $row (
	[ 0755, 'warning', qr/0755; others may see/ ],
	[ 0777, 'error',   qr/0777; others may remove/ ],
	[ 0770, 'error',   qr/0770; others may remove/ ],
	[ 0750, 'ok',      qr/0750/ ])
{
	my ($mode, $level, $words) = @$row;
	chmod $mode, "$place/mode";
	my $name = sprintf('mode %04o', $mode);
	$checked = check_place("$place/mode");
	is($checked->{status}, $level eq 'error' ? 1 : 0, "$name: status");
	finds($name, $checked, 'mode', $level, $words,
		$level eq 'ok' ? undef : qr/^chmod 700/);
}

chmod 0500, "$place/mode";
$checked = check_place("$place/mode");
is($checked->{status}, 1, 'not writable: status');
finds('not writable', $checked, 'writable', 'error', qr/Permission denied/,
	qr/Let this user write/);
chmod 0700, "$place/mode";

append_to_file("$place/mode/.walfetch.lock", '');
chmod 0000, "$place/mode/.walfetch.lock";
finds('a lock that cannot be read', check_place("$place/mode"),
	'lock', 'error', qr/could not open file "\.walfetch\.lock"/,
	qr/Let this user read and write/);
unlink("$place/mode/.walfetch.lock");

$checked = check_place('/usr');
finds('somebody else\'s', $checked, 'owner', 'warning',
	qr/^user 0, and this is user $</, qr{chown $< '/usr'});

my $library = "$place/fail_sync.so";
system_or_bail($ENV{CC} // 'cc', '-shared', '-fPIC', '-o', $library,
	"$FindBin::RealBin/fail_sync.c", '-ldl');
$checked = check_place(
	"$place/good",
	env => {
		LD_PRELOAD   => $library,
		ASAN_OPTIONS => ($ENV{ASAN_OPTIONS} // '') . ':verify_asan_link_order=0',
		FAIL_FOLDER  => "$place/good",
	});
is($checked->{status}, 1, 'no fsync: status');
finds('no fsync', $checked, 'fsync', 'error', qr/Input\/output error/,
	qr/power cut/);
is(join(' ', grep { !/^\.\.?$/ } slurp_dir("$place/good")),
	'', 'no fsync: nothing is left there');

SKIP:
{
	my $small  = PostgreSQL::Test::Utils::tempdir('small');
	my $user   = getpwuid($<);
	my @inside = (
		'unshare', '-Urm', 'sh', '-c',
		'mount -t tmpfs -o mode=0700,size="$1" tmpfs "$2" && '
		  . 'shift 2 && exec "$@"', 'sh');
	skip('no file system can be made here', 9)
	  if system(@inside, '4m', $small, 'true') != 0;
	$checked = check_place(
		$small,
		conninfo => "$base user=$user",
		wrapper  => [ @inside, '1m', $small ]);
	is($checked->{status}, 1, 'a full disk: status');
	finds('a full disk', $checked, 'free space', 'error',
		qr/room for [01] segment/, qr/Free space/);
	$checked = check_place(
		$small,
		conninfo => "$base user=$user",
		wrapper  => [ @inside, '8m', $small ]);
	is($checked->{status}, 0, 'a small disk: status');
	finds('a small disk', $checked, 'free space', 'warning',
		qr/room for [678] segments/, qr/Free space/);
	$checked = check_place(
		$small,
		conninfo => "$base user=$user",
		wrapper  => [
			@inside, '1m', $small, 'sh', '-c',
			'dd if=/dev/zero of="$0/filler" bs=4k 2>/dev/null; exec "$@"',
			$small
		]);
	is($checked->{status}, 1, 'no space at all: status');
	finds('no space at all', $checked, 'writable', 'error',
		qr/No space left on device/, qr/has space/);
}

# Whose WAL it is.
my $other = new_server('other');
$checked = check_place($archive->dir, conninfo => $other->connstr);
is($checked->{status}, 6, 'another cluster: status');
finds('another cluster', $checked, 'cluster', 'error',
	qr/belongs to another cluster/, qr/one directory per cluster/i);
$other->stop;
$other = new_server('two', segment_size => 2);
$checked = check_place($archive->dir, conninfo => $other->connstr);
is($checked->{status}, 6, 'another segment size: status');
finds('another segment size', $checked, 'cluster', 'error',
	qr/another (cluster|segment size)/, qr/one directory per cluster/i);
$other->stop;
my $closed = new_archive();
system_or_bail('cp', $archive->dir . '/' . ($archive->complete)[0], $closed->dir);
chmod 0000, glob($closed->dir . '/*');
$checked = check_place($closed->dir);
is($checked->{status}, 1, 'WAL that may not be read: status');
finds('WAL that may not be read', $checked, 'cluster', 'error',
	qr/Permission denied/, qr/Let this user read/);

# A server that was set back: an archive that is further.
$checked = check_place($archive->dir);
finds('as far as it can be', $checked, 'gap', 'ok');
my ($last) = reverse $archive->complete, $archive->partials;
my $ahead = segment_number($last, $archive->segment_size) + 5;
my $copy  = new_archive();
system_or_bail('cp', $archive->dir . '/' . ($archive->complete)[0],
	$copy->dir . '/' . segment_name(1, $ahead, $copy->segment_size));
$checked = check_place($copy->dir);
is($checked->{status}, 6, 'ahead of the server: status');
finds('ahead of the server', $checked, 'gap', 'error',
	qr/the archive ends at .*, and the server at/, qr/set back/);

# WAL of a timeline that the server never had.
my $fork = new_archive();
system_or_bail('cp', $archive->dir . '/' . ($archive->complete)[0],
	$fork->dir . '/' . segment_name(7, 1, $fork->segment_size));
$checked = check_place($fork->dir);
is($checked->{status}, 6, 'another history: status');
finds('another history', $checked, 'gap', 'error',
	qr/no timeline of this server's history/, qr/another directory/);

# A slot that nobody uses, that is about to be lost, and that is lost; and WAL
# that is gone.
$server->append_conf('postgresql.conf',
	"wal_keep_size = 0\nmax_wal_size = 4MB\nmin_wal_size = 4MB\n"
	  . "wal_init_zero = off\nmax_slot_wal_keep_size = '4GB'\n");
$server->reload;
write_wal($server, 20);
$checked = check_slot('nowhere');
finds('held back', $checked, 'slot', 'ok', qr/holds back \d+\.?\d* MB \(\d+ bytes\)/);
$server->append_conf('postgresql.conf', "max_slot_wal_keep_size = '1MB'\n");
$server->reload;
ok( wait_until('the slot to be unreserved',
		sub {
			$server->safe_psql('postgres',
				"SELECT wal_status FROM pg_replication_slots "
				  . "WHERE slot_name = 'nowhere'") eq 'unreserved';
		}),
	'the slot is about to be lost');
finds('unreserved', check_slot('nowhere'), 'slot', 'warning',
	qr/next checkpoint may invalidate/, qr/Start its receiver now/);
$server->safe_psql('postgres', 'CHECKPOINT');
write_wal($server, 2);
$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
$server->safe_psql('postgres', 'CHECKPOINT');
$checked = check_slot('nowhere');
is($checked->{status}, 4, 'lost: status');
finds('lost', $checked, 'slot', 'error', qr/is invalidated/,
	qr/-S nowhere --drop-slot/);

$checked = check_place($archive->dir);
is($checked->{status}, 4, 'a gap: status');
finds('a gap', $checked, 'gap', 'error',
	qr/has already been removed; the archive cannot go on/,
	qr/--allow-gap/);

# A gigabyte that nobody fetches, which is a lot.
my $large = new_server('large', segment_size => 64,
	conf => "wal_init_zero = off\nmax_slot_wal_keep_size = -1\n");
create_slot($large, 'idle');
foreach my $i (1 .. 17)
{
	$large->safe_psql('postgres',
		"CREATE TABLE t$i (); SELECT pg_switch_wal()");
}
$checked = check(walfetch(), [ '-d', $large->connstr, '-S', 'idle' ]);
finds('much is held back', $checked, 'slot', 'warning',
	qr/holds back 1\.\d* GB/, qr/Start its receiver, or drop the slot/);

# After a promotion the archive of the old timeline goes on with the new one.
my $standby = new_standby('standby', $large);
my $old = new_archive(segment_size => 64);
write_wal($large, 0.1);
finishes('timeline 1', $large, $old, options => ['--once']);
$large->wait_for_catchup($standby, 'replay');
$large->stop;
$standby->promote;
$standby->safe_psql('postgres', 'CREATE TABLE after ()');
$checked = check(walfetch(), [ '-d', $standby->connstr, '-D', $old->dir ]);
is($checked->{status}, 0, 'promoted: status');
finds('promoted', $checked, 'gap', 'ok', qr/none: the server has timeline/);


# A server that has spoilt its own history.
my ($history) = glob($standby->data_dir . '/pg_wal/*.history');
append_to_file($history, "no line of a history\n");
$checked = check(walfetch(), [ '-d', $standby->connstr, '-D', $old->dir ]);
isnt($checked->{status}, 0, 'a spoilt history: status');
finds('a spoilt history', $checked, 'gap', 'error', qr/history/,
	qr/the server's log may say more/);

done_testing();
