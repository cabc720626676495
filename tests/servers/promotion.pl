# A standby is promoted while walfetch receive streams from it: the switch of
# the timeline is followed, and again in one run from before it.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../integration/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Verify;

my $size    = server_version() < 11 ? 16 : 1;
my $leader  = new_server('leader', segment_size => $size);
my $standby = new_standby('standby', $leader);
my $begin   = create_slot($standby, 'live', 'late');
my %archives = map { $_ => new_archive(segment_size => $size) } qw(live late);
my $receiver = start_receiver(
	$standby, $archives{live},
	app     => 'live',
	options => [ '-S', 'live', '-Z', 'zstd', '-s', 1 ]);
my $upto = write_wal($leader, $size * 1.2);

$leader->wait_for_catchup($standby, 'replay', $upto);
ok(wait_flushed($standby, $receiver, $upto, 'live'),
	'streams timeline 1 from the standby');
$leader->stop('fast');
$standby->promote;
my $end = write_wal($standby, $size * 1.2);
my ($switch) =
  slurp_file($standby->data_dir . '/pg_wal/00000002.history') =~
  /^1\t([0-9A-F]+\/[0-9A-F]+)\t/m;
ok(wait_flushed($standby, $receiver, $end, 'live'), 'goes on with timeline 2');
stops_cleanly('stops', $receiver, 'TERM');
finishes('one run over both timelines',
	$standby, $archives{late},
	options => [ '-S', 'late', '--once' ]);

foreach my $name (sort keys %archives)
{
	my $archive = $archives{$name};

	$archive->is_faithful(
		"$name: timeline 1 is there up to the switch at $switch",
		servers  => [$standby],
		timeline => 1,
		from     => $begin,
		upto     => $switch);
	$archive->is_faithful(
		"$name: timeline 2 is there from the switch on",
		servers  => [$standby],
		timeline => 2,
		from     => $switch,
		upto     => $end);
	is(join(' ', $archive->histories), '00000002.history',
		"$name: the history file");
	is_sound("$name: verify", $archive);
}

done_testing();
