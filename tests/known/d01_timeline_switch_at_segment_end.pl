# D01: the timeline switch lies exactly at the end of the last archived segment.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('D01');
my $mb     = 1024 * 1024;
my $leader = new_server('leader');
my $begin  = create_slot($leader, 'slot');
my $archive = new_archive();
my ($standby, $border);

# A standby that has everything up to a border, as the archive has.
foreach my $try (1 .. 3)
{
	my $candidate = new_standby("standby$try", $leader);
	write_wal($leader, 1.3);
	$leader->safe_psql('postgres', 'SELECT pg_switch_wal()');
	$border = lsn_text(
		lsn_number(segment_begin(lsn_text(lsn_number(flush_lsn($leader)) - 1), $mb))
		  + $mb);
	receive_upto("timeline 1 to $border",
		$leader, $archive, $border, options => [ '-S', 'slot' ]);
	$leader->stop('immediate');
	wait_until("the standby to be at $border",
		sub { lsn_number($candidate->lsn('replay')) == lsn_number($border) }, 10);
	$candidate->promote;
	if (lsn_number(history_switch($candidate, 2)) == lsn_number($border))
	{
		$standby = $candidate;
		last;
	}
	$candidate->stop('immediate');
	$leader->start;
}
BAIL_OUT('no timeline switch at a border') if !defined $standby;
ok(1, "timeline 2 begins exactly at a border, $border");
unlink map { $archive->dir . "/$_" } $archive->partials;
my $last = segment_name(1, lsn_number($border) / $mb - 1, $mb);
is(($archive->timeline(1))[-1], $last, 'and there the archive ends');

my $upto = write_wal($standby, 1.5);
my $receiver = start($standby, $archive, options => ['--synchronous']);
my $goes_on =
  reaches('goes on with timeline 2', $standby, $receiver, $upto);
my @attempts = $receiver->stderr =~ /^.*(?:error|disconnected).*$/mg;
seen(
	$goes_on
	? 'goes on with timeline 2'
	: @attempts . ' empty errors and attempts in '
	  . patience()
	  . ' s, nothing of timeline 2');
stops_cleanly('stops', $receiver, 'INT');
$archive->is_faithful(
	'timeline 1 up to the border',
	servers => [$leader],
	from    => $begin,
	upto    => $border);
$archive->is_faithful(
	'timeline 2 from the border on',
	servers  => [ $standby, $leader ],
	timeline => 2,
	from     => $border,
	upto     => $upto);
is(join(' ', $archive->histories), '00000002.history', 'the history file');

known_done();
