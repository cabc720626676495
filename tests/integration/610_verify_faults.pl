# verify finds each fault, names file, LSN and cause, has a status for each
# kind, and changes nothing. A gap can be accepted.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use File::Copy qw(copy move);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Verify;

my $mb = 1024 * 1024;

# A cluster with two timelines, in its archive; and a backup of it.
my $leader = new_server('leader');
create_slot($leader, 'slot');
my $origin = new_archive();
write_wal($leader, 2.3);
my $standby = new_standby('standby', $leader);
write_wal($leader, 5.3);
finishes('received', $leader, $origin, options => [ '--once', '-S', 'slot' ]);
$leader->wait_for_catchup($standby, 'replay', flush_lsn($leader));
finishes('received all', $leader, $origin, options => [ '--once', '-S', 'slot' ]);
my $left = $leader->data_dir . '/pg_wal';
$standby->promote;
write_wal($standby, 3.4);
finishes('received from the promoted one', $standby, $origin,
	options => ['--once']);
my @complete = $origin->complete;
my @one = grep { /^00000001/ } @complete;
my @two = grep { /^00000002/ } @complete;
cmp_ok(@one, '>=', 7, 'segments of timeline 1');
cmp_ok(@two, '>=', 3, 'segments of timeline 2');
is_sound('as it was received', $origin);

sub path
{
	my ($archive, $name) = @_;
	return $archive->dir . "/$name";
}

# An archive with one fault each.
foreach my $suffix ('', '.gz', '.lz4', '.zst')
{
	my $archive = copy_of($origin);
	compress_archive($archive, $suffix);
	is_sound("copy with \"$suffix\"", $archive);
	my $file = path($archive, "$one[3]$suffix");
	flip_bit($file, int((-s $file) / 2) + 3, 5);
	finds("one bit, \"$suffix\"", $archive, 5,
		[qr{^damage: \Q$one[3]$suffix\E: at [0-9A-F]+/[0-9A-F]{8}: \w}]);
	flip_bit($file, int((-s $file) / 2) + 3, 5);

	truncate $file, int((-s $file) / 2);
	finds("cut, \"$suffix\"", $archive, 5, [qr/^damage: \Q$one[3]$suffix\E: /]);
	truncate $file, 0;
	finds("empty, \"$suffix\"", $archive, 5,
		[qr/^damage: \Q$one[3]$suffix\E: /]);
	unlink $file;
	my $begin = segment_number($one[3], $mb) * $mb;
	my $range = qr{from \Q@{[lsn_text8($begin)]}\E to \Q@{[lsn_text8($begin + $mb)]}\E};
	finds("missing, \"$suffix\"", $archive, 4,
		[qr/^gap: WAL of timeline 1 $range is missing$/]);
}

sub lsn_text8
{
	my ($lsn) = @_;
	return sprintf('%X/%08X', $lsn >> 32, $lsn & 0xFFFFFFFF);
}

# Two names are swapped.
my $archive = copy_of($origin);
move(path($archive, $one[2]), path($archive, 'swap'));
move(path($archive, $one[4]), path($archive, $one[2]));
move(path($archive, 'swap'), path($archive, $one[4]));
finds('swapped names', $archive, 5,
	[ map { qr/^damage: $_: at .*unexpected page address/ } @one[ 2, 4 ] ]);

# A segment has the name of one of another timeline.
$archive = copy_of($origin);
my $name = $one[1] =~ s/^00000001/00000002/r;
copy(path($archive, $one[1]), path($archive, $name));
finds('wrong timeline, before its beginning', $archive, 5,
	[qr/^damage: $name: at .*timeline 2 begins at/]);

$archive = copy_of($origin);
$name = $two[1] =~ s/^00000002/00000001/r;
move(path($archive, $two[1]), path($archive, $name));
my ($status, $stdout, $stderr) = verify($archive);
is($status, 5, 'a later one on the older timeline: status');
like($stdout, qr/^damage: $name: at .*unexpected timeline 2/m,
	'a later one on the older timeline: found');
like($stdout, qr/^gap: WAL of timeline 2 from/m,
	'a later one on the older timeline: is missing there');

# The old leader wrote on: its segment is not timeline 2's.
$leader->safe_psql('postgres', 'SELECT pg_switch_wal()');
write_wal($leader, 2);
$archive = copy_of($origin);
copy("$left/" . ($two[1] =~ s/^00000002/00000001/r), path($archive, $two[1]))
  or die "$!";
($status, $stdout, $stderr) = verify($archive);
is($status, 5, 'WAL of the left timeline: status');
like($stdout, qr/^damage: $two[1]: .*the history has timeline 2 there/m,
	'WAL of the left timeline: found');

# No history.
$archive = copy_of($origin);
unlink path($archive, '00000002.history');
finds('no history', $archive, 4,
	[qr/^history: 00000002\.history: the history of timeline 2 is missing$/]);
append_to_file(path($archive, '00000002.history'), "nonsense\n");
finds('a history that is none', $archive, 5, [qr/^damage: 00000002\.history: /]);

# Another cluster's segment.
my $other = new_server('other');
write_wal($other, 9.5);
$archive = copy_of($origin);
copy($other->data_dir . "/pg_wal/$one[3]", path($archive, $one[3])) or die "$!";
finds('another cluster', $archive, 6,
	[qr/^cluster: $one[3]: .*it is of another cluster: system identifier \d+/]);

# Of several, the gravest decides.
unlink path($archive, $one[1]);
flip_bit(path($archive, $one[5]), 300_000, 0);
finds('three kinds', $archive, 6,
	[ qr/^gap: /, qr/^cluster: $one[3]: /, qr/^damage: $one[5]: / ]);
copy(path($origin, $one[3]), path($archive, $one[3]));
finds('two kinds', $archive, 5, [ qr/^gap: /, qr/^damage: $one[5]: / ]);

# Parts of it, and what lies outside of them.
my @where = map { lsn_text8(segment_number($_, $mb) * $mb) } @one;
is_sound('from behind the faults', $archive, '--from', $where[6]);
is_sound('to between them', $archive,
	'--from', $where[2], '--to', $where[5]);
finds('from one', $archive, 5, [qr/^damage: $one[5]/], '--from', $where[2]);
finds('to the other', $archive, 4, [qr/^gap: /], '--to', $where[5]);
($status, $stdout) = verify($archive, '--timeline=2', '--from', $where[6]);
is($status, 0, 'a timeline and its parent: status') || diag($stdout);
finds('a timeline needs its parent', $archive, 5,
	[ qr/^gap: /, qr/^damage: $one[5]/ ], '--timeline=2');
($status, $stdout, $stderr) = verify($archive, '--timeline=3');
is($status, 1, 'no such timeline: status');
like($stderr, qr/error: the archive holds nothing of timeline 3/,
	'no such timeline: message');
($status, $stdout, $stderr) = verify($archive, '--from=FF/0');
is($status, 1, 'nothing chosen: status');
like($stderr, qr/error: archive ".*" holds no WAL that was to be verified/,
	'nothing chosen: message');
utime 1_000_000, 1_000_000, map { path($archive, $_) } @one[ 0 .. 5 ];
finds('what was written today, and the one before', $archive, 5,
	[qr/^damage: $one[5]/], '--days=1');
utime 1_000_000, 1_000_000, path($archive, $one[6]);
is_sound('what was written today', $archive, '--days=1');

# Since a backup: the standby's base backup began in the third segment or so.
my $backup = $leader->backup_dir . '/standby';
my ($start) =
  slurp_file("$backup/backup_label") =~ /^START WAL LOCATION: \S+ \(file (\w+)\)/m;
my ($before) = grep { $_ lt $start } reverse @one;
$archive = copy_of($origin);
flip_bit(path($archive, $before), 300_000, 0);
finds('before the backup', $archive, 5, [qr/^damage: $before: /]);
is_sound('since the backup', $archive, '--since-backup', $backup);
flip_bit(path($archive, $start), 300_000, 0);
finds('since the backup, damaged there', $archive, 5,
	[qr/^damage: $start: /], '--since-backup', $backup);
($status, $stdout, $stderr) = verify($archive, '--since-backup', '/nonexistent');
is($status, 1, 'no such backup: status');
like($stderr, qr/error: .*\/nonexistent/, 'no such backup: message');

# A segment in two forms: each is verified.
$archive = copy_of($origin);
system_or_bail('gzip', '-k', path($archive, $one[2]));
finds('two forms', $archive, 0,
	[qr/^twice: $one[2]\.gz: .*"$one[2]"/]);
flip_bit(path($archive, $one[2]), 300_000, 0);
finds('two forms, one damaged', $archive, 5,
	[ qr/^twice: $one[2]\.gz/, qr/^damage: $one[2]: / ]);

# A loss that is accepted.
$archive = copy_of($origin);
unlink map { path($archive, $_) } @one[ 2, 3 ];
finds('two segments are gone', $archive, 4, [qr/^gap: .* is missing/]);
($status, $stdout, $stderr) = verify($archive, '--accept-gap');
is($status, 0, 'accepted: status') || diag($stdout, $stderr);
like($stdout, qr/^accepted gap: WAL of timeline 1 from $where[2] to $where[4] /m,
	'accepted: report');
is(slurp_file(path($archive, '.walfetch.gaps')),
	"1 $where[2] $where[4]\n", 'accepted: on record');
finds('it stays accepted', $archive, 0,
	[qr/^accepted gap: .* was accepted as lost$/]);
($status, $stdout, $stderr) = verify($archive, '--quiet');
is("$status$stdout$stderr", '0', 'an accepted gap is not told of when quiet');
unlink path($archive, $one[5]);
finds('another one is not', $archive, 4,
	[ qr/^accepted gap: /, qr/^gap: / ]);

# The report of faults as JSON.
($status, $stdout, $stderr) = verify($archive, '--json');
my $report = decode_json($stdout);
is($status, 4, 'JSON: status');
is($report->{status}, 4, 'JSON: the same within');
is($report->{faults}, 1, 'JSON: one fault');
is_deeply(
	[ map { [ @{$_}{qw(kind timeline lsn end)} ] } @{ $report->{findings} } ],
	[
		[ 'accepted gap', 1, $where[2], $where[4] ],
		[ 'gap',          1, $where[5], $where[6] ]
	],
	'JSON: findings');

# A run that was stopped proves nothing. Without histories, the segments may be
# of any timeline.
my $large = copy_of($origin);
foreach my $timeline (1000 .. 5000)
{
	my $link = path($large, segment_name($timeline, 1, $mb));
	link path($large, $one[0]), $link =~ s/\w{16}$/substr($one[0], 8)/er
	  or die "$link: $!";
}
my $process = WalfetchTest::Process->start(command =>
	  [ walfetch(), 'verify', '-D', $large->dir, '--jobs=1', '--progress=always' ]);
wait_until('the first progress line', sub { $process->stderr =~ /segments/ });
($status) = $process->stop('TERM', time_limit(10));
is($status, 1, 'stopped: status') || diag($process->stderr);
like($process->stderr,
	qr/error: stopped before the end: \d+ of 40\d\d segments are verified/,
	'stopped: message');

done_testing();
