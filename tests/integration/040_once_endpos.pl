# Runs that end by themselves: --once and --endpos, idle and busy. D17.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $mb     = 1024 * 1024;
my $server = new_server('leader');

# An idle server, from nothing, without a slot.
write_wal($server, 2.5);
my $flushed = flush_lsn($server);
my $archive = new_archive();
finishes('--once, idle, no slot, empty archive',
	$server, $archive, options => ['--once']);
$archive->is_faithful(
	'starts where the segment of the flush position does',
	servers => [$server],
	from    => segment_begin($flushed, $mb),
	upto    => $flushed);

finishes('--once with nothing new', $server, $archive,
	options => ['--once']);
is(scalar($archive->partials), 1, 'the open segment is still there');
$archive->is_faithful(
	'nothing is lost by it',
	servers => [$server],
	from    => segment_begin($flushed, $mb),
	upto    => $flushed);

my $upto = write_wal($server, 3);
finishes('--once, idle, no slot, continued',
	$server, $archive, options => ['--once']);
$archive->is_faithful(
	'--once fetched all that was flushed',
	servers => [$server],
	from    => segment_begin($flushed, $mb),
	upto    => $upto);

# The same with a slot, whose WAL begins earlier.
my $restart = create_slot($server, 'once');
$upto = write_wal($server, 3);
my $slotted = new_archive();
finishes('--once, idle, with a slot',
	$server, $slotted, options => [ '--once', '-S', 'once', '-Z', 'lz4' ]);
$slotted->is_faithful(
	'--once fetched from the slot on',
	servers => [$server],
	from    => $restart,
	upto    => $upto);
is($server->slot('once')->{restart_lsn},
	$upto, 'the slot has followed to the end');

# A server that never stands still.
my $load = start_load($server, clients => 4);
foreach my $options ([], [ '-S', 'once' ], [ '-S', 'once', '--synchronous' ])
{
	my $busy = new_archive();
	my $name = "--once, busy, @$options";

	finishes("$name: fills the archive", $server, $busy,
		seconds => time_limit(8),
		options => [ '--once', @$options ]);
	foreach my $codec (qw(gzip none))
	{
		my $at_start = flush_lsn($server);
		finishes("$name, $codec", $server, $busy,
			seconds => time_limit(8),
			options => [ '--once', '-Z', $codec, @$options ]);
		$busy->is_faithful(
			"$name, $codec: all that was flushed at the start",
			servers => [$server],
			upto    => $at_start);
	}
}
$load->destroy;

# The current flush position of an idle server: D17.
$upto = write_wal($server, 2.5);
finishes('D17: --endpos at the flush position of an idle server',
	$server, $slotted, options => [ '--endpos', $upto, '-S', 'once' ]);
$slotted->is_faithful(
	'D17: everything before it is there',
	servers => [$server],
	from    => $restart,
	upto    => $upto);
finishes('D17: the same once more, with nothing to fetch',
	$server, $slotted, options => [ '--endpos', $upto, '-S', 'once' ]);
$slotted->is_faithful(
	'D17: it is still there',
	servers => [$server],
	from    => $restart,
	upto    => $upto);

# Behind what is archived, and behind where an empty archive would begin.
my $before = join(' ', $slotted->complete);
finishes('--endpos in the past', $server, $slotted,
	options => [ '--endpos', $restart, '-S', 'once' ]);
is(join(' ', $slotted->complete), $before, 'adds no segment');
my $empty = new_archive();
finishes('--endpos in the past, empty archive',
	$server, $empty, options => [ '--endpos', $restart ]);
is(join(' ', $empty->complete), '', 'makes no segment');

# In the middle of a segment, and exactly at a border.
my $border = lsn_number($upto) - lsn_number($upto) % $mb + 2 * $mb;
write_wal($server, 5);
my $middle = lsn_text($border + $mb + $mb / 2);
foreach my $end (lsn_text($border), $middle)
{
	finishes("--endpos $end", $server, $slotted,
		options => [ '--endpos', $end, '-S', 'once', '-Z', 'gzip' ]);
	$slotted->is_faithful(
		"everything before $end is there",
		servers => [$server],
		from    => $restart,
		upto    => $end);
	my $last = segment_name(1, int((lsn_number($end) - 1) / $mb), $mb);
	is(scalar(grep { /^$last(\.gz)?$/ } $slotted->complete),
		$end eq $middle ? 0 : 1,
		"$last is complete only if the end is its border");
}

# Flushed exactly to a border: nothing there to fetch, and no waiting for it.
$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
$flushed = flush_lsn($server);
finishes('--once right after a segment switch',
	$server, $slotted, options => [ '--once', '-S', 'once' ]);
$slotted->is_faithful(
	'the segment switched away from is there',
	servers => [$server],
	from    => $restart,
	upto    => $flushed);
finishes('--once again at the border',
	$server, $slotted, options => [ '--once', '-S', 'once' ]);
finishes('--once at the border, empty archive',
	$server, new_archive(), options => ['--once']);

# An end that does not exist yet: waits for it, then ends.
my $future   = lsn_text(lsn_number(flush_lsn($server)) + $mb);
my $receiver = start_receiver($server, $slotted,
	options => [ '--endpos', $future, '-S', 'once', '-s', 1 ]);
ok(wait_flushed($server, $receiver, flush_lsn($server)),
	'waits for an --endpos to come');
ok($receiver->running, 'still waits');
write_wal($server, 2);
is($receiver->wait_for_end(time_limit(15)), 0, 'ends when it has come')
  || diag($receiver->stderr);
$slotted->is_faithful(
	'up to it',
	servers => [$server],
	from    => $restart,
	upto    => $future);

done_testing();
