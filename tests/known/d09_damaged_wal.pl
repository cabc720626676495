# D09: WAL that is damaged on the server, or gone from it.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

needs_program('pg_waldump');
known('D09');
my $mb     = 1024 * 1024;
my $server = new_server('leader');
my $pg_wal = $server->data_dir . '/pg_wal';
my $begin  = create_slot($server, 'flipped', 'gone');

sub segment_path
{
	my ($number) = @_;
	return "$pg_wal/" . segment_name(1, $number, $mb);
}

# A record in the middle of a segment, within one page.
sub whole_record
{
	my ($number) = @_;
	my ($dump) = run_command(
		[ 'pg_waldump', '-r', 'Heap', segment_path($number) ]);

	while ($dump =~ m{len \(rec/tot\):\s+\d+/\s*(\d+),.*? lsn: (\S+),}g)
	{
		my ($len, $lsn) = ($1, lsn_number($2));
		return $lsn
		  if $lsn % $mb > $mb / 2
		  && $lsn % 8192 + $len <= 8192
		  && $len > 100;
	}
	BAIL_OUT('no record to damage');
	return;
}

# Three segments and more; the second one gets a flipped bit.
my $upto = write_wal($server, 3.5);
$server->safe_psql('postgres', 'CHECKPOINT');
my $number = int(lsn_number($begin) / $mb) + 1;
my $lsn    = whole_record($number);
open my $file, '+<:raw', segment_path($number) or die $!;
seek $file, $lsn % $mb + 70, 0;
read $file, my $byte, 1;
seek $file, $lsn % $mb + 70, 0;
print $file chr(ord($byte) ^ 0x10);
close $file or die $!;

my $archive  = new_archive();
my $receiver = start($server, $archive,
	options => [ '-S', 'flipped', '--synchronous' ]);
wait_until(
	'an end, or damaged WAL to be acknowledged',
	sub {
		return !$receiver->running
		  || lsn_number($server->slot('flipped')->{restart_lsn}) > $lsn;
	},
	patience());
my $status = $receiver->running ? 'running' : $receiver->status;
is($status, 5, 'a flipped bit: status') || diag($receiver->stderr);
my $place = sprintf('%X/0*%X', $lsn >> 32, $lsn & 0xFFFFFFFF);
like($receiver->stderr, qr/error: .*$place/, 'a flipped bit: its LSN');
$receiver->stop('INT', 10);
my $restart = lsn_number($server->slot('flipped')->{restart_lsn});
cmp_ok($restart, '<=', $lsn, 'a flipped bit: is not acknowledged');
my $segment = segment_name(1, $number, $mb);
is(join(' ', grep { /^$segment/ } $archive->complete),
	'', 'a flipped bit: its segment gets no final name');
$archive->is_faithful(
	'a flipped bit: all before it is there',
	servers => [$server],
	from    => $begin,
	upto    => lsn_text($restart));
my $flipped =
  $restart > $lsn
  ? 'damaged WAL acknowledged'
  : "damage found, status $status";

# The next segment is not there.
my $holed = new_archive();
receive_upto(
	'up to the hole', $server, $holed, flush_lsn($server),
	options  => [ '-S', 'gone' ],
	walfetch => ['--no-verify']);
my $before = contents($holed);
my ($hole) = (sort $holed->partials)[-1] =~ /^(\w{24})/;
write_wal($server, 2.5);
$server->safe_psql('postgres', 'CHECKPOINT');
my $next = segment_number($hole, $mb) + 1;
foreach my $gone ($next - 1, $next)
{
	rename segment_path($gone), segment_path($gone) . '.away' or die $!;
}
$receiver = start(
	$server, $holed,
	options  => [ '-S', 'gone', '--synchronous' ],
	walfetch => ['--no-verify']);
wait_until('an end, or a second attempt',
	sub { !$receiver->running || (() = $receiver->stderr =~ /removed/g) > 1 },
	patience());
$status = $receiver->running ? 'running' : $receiver->status;
is($status, 4, 'a segment is gone: status') || diag($receiver->stderr);
like($receiver->stderr, qr/error: .*removed/, 'a segment is gone: why');
$receiver->stop('INT', 10);
is(contents($holed), $before, 'a segment is gone: nothing is changed');
seen("$flipped; segment gone: "
	  . ($status eq 'running' ? 'tries for ever' : "status $status"));
foreach my $gone ($next - 1, $next)
{
	rename segment_path($gone) . '.away', segment_path($gone) or die $!;
}
known_done();
