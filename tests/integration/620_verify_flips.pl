# One flipped bit anywhere in a segment, raw or compressed: verify finds every
# one that changes the WAL, but for bits that no reader of WAL looks at. Those
# are counted, each with its reason; one without a reason fails the test.
#
# WALFETCH_FLIPS is the number of flips (400).

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Verify;

my $mb    = 1024 * 1024;
my $page  = 8192;
my $flips = $ENV{WALFETCH_FLIPS} // 400;

seed_random();

# Real WAL: large and small records, switches, a crash, full-page images.
my $server = new_server('leader');
create_slot($server, 'slot');
my $origin = new_archive();
$server->safe_psql('postgres',
	'CREATE TABLE t (a int PRIMARY KEY, b text); '
	  . "INSERT INTO t SELECT i, repeat('x', i % 50) FROM generate_series(1, 12000) i");
write_wal($server, 1.5);
$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
$server->safe_psql('postgres', 'CHECKPOINT');
$server->safe_psql('postgres', "UPDATE t SET b = b || 'y' WHERE a % 3 = 0");
$server->stop('immediate');
$server->start;
$server->safe_psql('postgres', "UPDATE t SET b = b || 'z' WHERE a % 3 = 1");
$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
write_wal($server, 1.2);
finishes('received', $server, $origin, options => [ '--once', '-S', 'slot' ]);

# Complete segments only, and each of them in the four forms in turn.
unlink map { $origin->dir . "/$_" } $origin->partials;
my @segments = $origin->complete;
cmp_ok(@segments, '>=', 8, scalar(@segments) . ' segments');
my $archive = copy_of($origin);
compress_archive($archive, '', '.gz', '.lz4', '.zst');
is_sound('before', $archive);
my @files = $archive->complete;
my $first = segment_number($files[0], $mb) * $mb;

# What lies where in the sound WAL: the reasons for which a byte may be any.
my $wal = join '', map { slurp_file($origin->dir . "/$_") } @segments;

# Mark len bytes of records from at on, and step over page headers: the
# position behind them.
sub step
{
	my ($at, $len, $marks, $mark) = @_;

	while (1)
	{
		$at += $at % $mb == 0 ? 40 : 24 if $at % $page == 0;
		return $at if $len == 0 || $at >= length $wal;
		my $piece = $page - $at % $page;
		$piece = $len if $len < $piece;
		substr($$marks, $at, $piece) = $mark x $piece if defined $mark;
		$at += $piece;
		$len -= $piece;
		return $at if $len == 0;
	}
	return;
}

sub mark_wal
{
	my $marks = '.' x length $wal;
	# The rest of a record that began before the archive.
	my $at = step(0, unpack('L<', substr($wal, 16, 4)), \$marks, 'u');

	while ($at < length $wal)
	{
		my $next = ($at + 7) & ~7;
		substr($marks, $at, $next - $at) = 'p' x ($next - $at);
		$at = $next;
		last if $at >= length $wal;
		$at = step($at, 0);
		my $len = unpack('L<', substr($wal, $at, 4));
		last if $len == 0;
		my ($info, $rmid) = unpack('CC', substr($wal, $at + 16, 2));
		my $end = step($at, $len);
		if ($end >= length $wal)
		{
			# It goes on behind the archive, with its checksum unproved.
			step($at, $len, \$marks, 'l');
			last;
		}
		# Behind a segment switch nothing but zeros up to the next segment.
		$end = (int(($end - 1) / $mb) + 1) * $mb
		  if $rmid == 0 && ($info & 0xF0) == 0x40 && $end % $mb != 0;
		$at = $end;
	}
	for (my $begin = 0; $begin < length $wal; $begin += $page)
	{
		next if substr($wal, $begin + 8, 8) eq "\0" x 8;
		substr($marks, $begin + 20, 4) = 'h' x 4;
	}
	return $marks;
}

my $marks = mark_wal();
my %reasons = (
	u => 'rest of a record that began before the archive',
	l => 'record that goes on behind the archive',
	p => 'padding between records',
	h => 'padding in a page header',
);

# Why a bit of WAL may be any; undef: it may not.
sub reason
{
	my ($offset, $bit) = @_;
	my $within = $offset % $page;
	my $mark   = substr($marks, $offset, 1);

	return $reasons{$mark} if $mark ne '.';
	return 'page flag without a meaning for recovery'
	  if $within == 2 && ($bit == 2 || $bit == 3);
	return;
}

# Bits that one codec's stream has, and that its plain bytes do not depend on.
sub stream_reason
{
	my ($name, $offset) = @_;
	return 'gzip header: time, system'
	  if $name =~ /\.gz$/ && $offset >= 3 && $offset <= 9;
	return 'stream: the same plain bytes';
}

my (%found, %passed);
my @unexplained;
my @misnamed;

# (status, stdout) for the segments between two positions: without a shell and
# IPC::Run, which take longer than the program.
sub quick_verify
{
	my ($from, $to) = @_;
	my @command = (
		walfetch(), 'verify', '-D', $archive->dir, '--quiet', '--jobs=1',
		'--from', lsn_text($from), '--to', lsn_text($to));

	open my $report, '-|', @command or die "could not run walfetch: $!";
	my $stdout = join '', <$report>;
	close $report;
	return ($? >> 8, $stdout);
}

# Flip one bit of a file and judge what verify says.
sub try_flip
{
	my ($index) = @_;
	my $name   = $files[$index];
	my $path   = $archive->dir . "/$name";
	my $suffix = $archive->suffix($name);
	my $offset = int(rand(-s $path));
	my $bit    = int(rand(8));
	my $from   = $first + ($index > 0 ? $index - 1 : 0) * $mb;

	flip_bit($path, $offset, $bit);
	my ($status, $stdout) =
	  quick_verify($from, $first + ($index + 2) * $mb);
	if ($status != 0)
	{
		$found{$suffix}++;
		push @misnamed, "$name, byte $offset, bit $bit: $status, $stdout"
		  unless $status =~ /^[56]$/ && $stdout =~ /\Q$name\E/;
	}
	else
	{
		my ($plain, $problem) = $archive->plain($name);
		my $sound = !defined $problem
		  && slurp_file($plain) eq substr($wal, $index * $mb, $mb);
		my $why =
		    $suffix eq '' ? reason($index * $mb + $offset, $bit)
		  : $sound        ? stream_reason($name, $offset)
		  :                 undef;
		push @unexplained, "$name, byte $offset, bit $bit" unless defined $why;
		$passed{"$suffix: $why"}++ if defined $why;
	}
	flip_bit($path, $offset, $bit);
	return;
}

# What it says on standard error is in the tests of single faults.
open my $stderr, '>&', \*STDERR or die "$!";
open STDERR, '>', '/dev/null' or die "$!";
foreach my $turn (0 .. $flips - 1)
{
	# The forms in turn, and of each form any segment.
	my @same = grep { $_ % 4 == $turn % 4 } 0 .. $#files;
	try_flip($same[ int(rand(@same)) ]);
}
open STDERR, '>&', $stderr or die "$!";

is(join("\n", @unexplained), '', 'no flip is missed without a reason');
is(join("\n", @misnamed), '', 'each that is found is named');
cmp_ok($found{$_} // 0, '>', $flips / 4 * 0.8, "most are found in \"$_\"")
  foreach '', '.gz', '.lz4', '.zst';
note("$flips flips, seen in \"$_\": " . ($found{$_} // 0)) foreach sort keys %found;
note("not seen, $_: $passed{$_}") foreach sort keys %passed;
is_sound('afterwards', $archive);

done_testing();
