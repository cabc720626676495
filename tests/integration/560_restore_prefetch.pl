# Segments decompressed ahead: they are used, are right, stay within bounds, and
# what is not wanted goes.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Restore;

my $mb      = 1024 * 1024;
my $archive = new_archive();
my $leader  = new_server('leader');
my $begin   = create_slot($leader, 'archive');
my $receiver = start_receiver($leader, $archive,
	options => [ '-S', 'archive', '-Z', 'zstd', '-s', '1' ]);
base_backup($leader, 'base');
my $upto = write_wal($leader, 12.5);
wait_flushed($leader, $receiver, $upto);
stops_cleanly('the receiver stops', $receiver, 'TERM');
my @segments = map { substr($_, 0, 24) } grep { !/partial/ } $archive->timeline(1);
cmp_ok(scalar(@segments), '>', 10, 'there are segments to fetch');

my $scratch = PostgreSQL::Test::Utils::tempdir('scratch');
my $cache   = "$scratch/cache";
my $target  = "$scratch/file";
my @options = ('--prefetch=3', "--cache=$cache");

sub cached
{
	return grep { /\.ahead$/ } slurp_dir($cache);
}

sub in_cache
{
	my (@wanted) = @_;
	return wait_until("@wanted in the cache",
		sub { join(' ', sort(cached())) eq join(' ', map { "$_.ahead" } @wanted) });
}

sub is_right
{
	my ($test_name, $segment) = @_;
	my $original = $leader->data_dir . "/pg_wal/$segment";
	my ($differs) = run_command([ 'cmp', $target, $original ]);
	return is($differs, '', "$test_name: the file is right");
}

my ($status, $stderr) = fetch($archive, $segments[0], $target, @options);
is($status, 0, 'the first is fetched') || diag($stderr);
is_right('first', $segments[0]);
ok(in_cache(@segments[ 1 .. 3 ]), 'the next three are made ready');

# They are what is served: the archive's own file cannot be read meanwhile.
sub break_file
{
	my ($file) = @_;
	rename $file, "$scratch/moved";
	append_to_file($file, 'nonsense');
	system_or_bail('touch', '-r', "$scratch/moved", $file);
	return;
}

break_file($archive->dir . "/$segments[1].zst");
($status, $stderr) = fetch($archive, $segments[1], $target, @options);
is($status, 0, 'the second is fetched out of the cache') || diag($stderr);
is_right('second', $segments[1]);
rename "$scratch/moved", $archive->dir . "/$segments[1].zst";
ok(in_cache(@segments[ 2 .. 4 ]), 'it has left, another has come');

# What was asked for and is not there changes nothing; a jump clears the rest.
is((fetch($archive, $segments[0] =~ s/^0000000./00000009/r, $target, @options))[0],
	1, 'another timeline is not there');
ok(in_cache(@segments[ 2 .. 4 ]), 'the cache is as it was');
# What the archive has no more, or has in another file, is not served.
my $whole = $archive->dir . "/$segments[2].zst";
rename $whole, "$scratch/away";
is((fetch($archive, $segments[2], $target, @options))[0], 1, 'a file that has left');
ok(!-e "$cache/$segments[2].ahead", 'it has left the cache as well');
rename "$scratch/away", $whole;
my $second = (stat($archive->dir . "/$segments[3].zst"))[9];
append_to_file($archive->dir . "/$segments[3].zst", 'more');
utime $second, $second, $archive->dir . "/$segments[3].zst";
is((fetch($archive, $segments[3], $target, @options))[0], 126, 'another file of the same second');
ok(!-e "$cache/$segments[3].ahead", 'it has left the cache, too');
truncate $archive->dir . "/$segments[3].zst", (-s $archive->dir . "/$segments[3].zst") - 4;

append_to_file("$cache/.$segments[8].ahead.tmp", 'left by a process that died');
append_to_file("$cache/other", 'of somebody else');
is((fetch($archive, $segments[6], $target, @options))[0], 0, 'a jump ahead');
is_right('jump', $segments[6]);
ok(in_cache(@segments[ 7 .. 9 ]), 'only what follows is kept');
is(join(' ', sort grep { /tmp|other/ } slurp_dir($cache)),
	'other', 'the rest of a dead process is gone, other files are not');

# A file of another size is none of ours, nor is one of another segment.
truncate "$cache/$segments[7].ahead", $mb / 2;
is((fetch($archive, $segments[7], $target, @options))[0], 0, 'a short one in the cache');
is_right('short', $segments[7]);
ok(in_cache(@segments[ 8 .. 10 ]), 'the next ones are ready');
system_or_bail('cp', "$cache/$segments[8].ahead", "$cache/$segments[9].ahead");
is((fetch($archive, $segments[9], $target, @options))[0], 0, 'a wrong one in the cache');
is_right('wrong', $segments[9]);

# The cache is none: another folder is refused, a bad one costs speed only.
my ($again, $message) = fetch($archive, $segments[0], $target,
	'--prefetch=1', '--cache=' . $archive->dir);
is($again, 126, 'the archive is no cache');
like($message, qr/cannot be the cache/, 'with a message');
append_to_file("$scratch/a_file", '');
($again, $message) = fetch($archive, $segments[0], $target,
	'--prefetch=1', "--cache=$scratch/a_file");
is($again, 0, 'without a cache it is fetched all the same');
like($message, qr/walfetch: warning: could not open directory/, 'with a warning');

# On another file system a segment is copied out of the cache.
SKIP:
{
	skip 'no other file system', 4
	  unless -d '/dev/shm' && -w _ && (stat '/dev/shm')[0] != (stat $scratch)[0];
	my $other = "/dev/shm/walfetch-test.$$";
	my @there = ('--prefetch=1', "--cache=$other");

	is((fetch($archive, $segments[4], $target, @there))[0], 0, 'elsewhere: the first');
	ok( wait_until('the next', sub { -e "$other/$segments[5].ahead" }),
		'elsewhere: the next is made ready');
	break_file($archive->dir . "/$segments[5].zst");
	is((fetch($archive, $segments[5], $target, @there))[0], 0, 'elsewhere: it is served');
	is_right('elsewhere', $segments[5]);
	rename "$scratch/moved", $archive->dir . "/$segments[5].zst";
	# Another process in the background may be about to add one more.
	wait_until('the next', sub { -e "$other/$segments[6].ahead" });
	system_or_bail('rm', '-rf', $other);
}

# A damaged segment is not made ready: it is told of when it is asked for.
my $path = $archive->dir . "/$segments[3].zst";
truncate $path, (-s $path) / 2;
is((fetch($archive, $segments[1], $target, @options))[0], 0, 'before a damaged one');
ok(in_cache($segments[2]), 'only what is sound is made ready');
is((fetch($archive, $segments[2], $target, @options))[0], 0, 'the one before it');
is((fetch($archive, $segments[3], $target, @options))[0], 126, 'the damaged one');

# A whole recovery, from an archive that is sound.
my $sound = new_archive();
system_or_bail('cp', '-a', $archive->dir . '/.', $sound->dir);
unlink $sound->dir . "/$segments[3].zst";
system_or_bail('cp', $leader->data_dir . "/pg_wal/$segments[3]", $sound->dir);
my $rows = $leader->safe_psql('postgres', 'SELECT count(*) FROM filler');
$leader->stop;
my $rebuilt = new_recovery('rebuilt', $leader, 'base', $sound,
	options => [ '--partial', '--prefetch=4', "--cache=$scratch/recovery" ]);
ends_recovery('a server recovers with it', $rebuilt);
is($rebuilt->safe_psql('postgres', 'SELECT count(*) FROM filler'),
	$rows, 'and has all rows');
cmp_ok(scalar(grep { /\.ahead$/ } slurp_dir("$scratch/recovery")),
	'<=', 4, 'the cache stays within bounds');
$rebuilt->stop;

done_testing();
