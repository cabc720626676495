# D22: compression takes a core, and the stream waits for it.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

known('D22');
my $server  = new_server('leader', segment_size => 16);
my $begin   = create_slot($server, 'slot');
my $archive = new_archive(segment_size => 16);

# Text that takes gzip some time.
$server->safe_psql(
	'postgres', q(
INSERT INTO filler SELECT string_agg(md5(random()::text), '')
FROM generate_series(1, 30000) row, generate_series(1, 60) hash
GROUP BY row));
my $upto = flush_lsn($server);
$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
$server->safe_psql('postgres', "INSERT INTO acknowledged (b) VALUES ('x')");

# The processor time of each thread, as long as they are there. The user time of
# all is left by the end.
my %ticks;
sub look_at_threads
{
	my ($pid) = @_;
	foreach my $task (glob("/proc/$pid/task/*"))
	{
		open my $file, '<', "$task/stat" or next;
		my $stat = <$file> // next;
		my ($user, $system) = $stat =~ /\) \S+(?: \S+){10} (\d+) (\d+)/
		  or next;
		$ticks{ ($task =~ /(\d+)$/)[0] } = $user + $system;
	}
	return;
}

my $user_before = (times)[2];
my $begun       = time();
my $receiver    = start($server, $archive,
	options => [ '-S', 'slot', '-Z', 'gzip:6', '-n', '-E', $upto ]);
my $deadline = $begun + time_limit(60);
while ($receiver->running && time() < $deadline)
{
	look_at_threads($receiver->pid);
	usleep(5_000);
}
my $wall = time() - $begun;
my $user = (times)[2] - $user_before;
is($receiver->status, 0, 'compresses') || diag($receiver->stderr);
$archive->is_faithful(
	'the archive is right',
	servers => [$server],
	from    => $begin,
	upto    => $upto);

my $total = 0;
$total += $_ foreach values %ticks;
cmp_ok($total, '>', 50, 'took time enough to be measured');
my ($stream) = delete @ticks{ $receiver->pid };
my ($busiest) = (sort { $b <=> $a } values %ticks)[0];
$busiest //= 0;
note(sprintf('user time %.1f s in %.1f s, main thread %d of %d ticks',
		$user, $wall, $stream, $total));
# What a sanitizer adds falls on the stream's thread most of all.
my $share = ($ENV{WALFETCH_TIME_FACTOR} // 1) > 1 ? 0.6 : 0.33;
cmp_ok($stream, '<', $total * $share, 'the stream does not compress');
open my $info, '<', '/proc/cpuinfo' or die $!;
my $processors = grep { /^processor\s*:/ } <$info>;
SKIP:
{
	skip 'there is but one processor', 1 if $processors < 2;
	cmp_ok($busiest, '<', $total * 3 / 4, 'more than one thread compresses');
}
seen(sprintf(
		'%.0f %% of the work on the stream\'s thread, %.0f %% on the busiest other',
		100 * $stream / $total,
		100 * $busiest / $total));
known_done();
