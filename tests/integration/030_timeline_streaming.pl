# Standbys are promoted while we stream from them: the stream goes on.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $mb      = 1024 * 1024;
seed_random();
my $leader  = new_server('leader');
my $standby = new_standby('standby', $leader);
my $begin   = create_slot($standby,
	qw(none zstd old_none old_gzip old_lz4 old_zstd));

# Stream from the standby while its leader writes, then promote it.
my %archives;
my %receivers;
foreach my $codec ('none', 'zstd')
{
	$archives{$codec}  = new_archive();
	$receivers{$codec} = start_receiver(
		$standby, $archives{$codec},
		app     => $codec,
		options => [ '-S', $codec, '-Z', $codec, '-s', 1, '-v' ]);
}
my $upto = write_wal($leader, 4);
$leader->wait_for_catchup($standby, 'replay', $upto);
foreach my $codec (keys %receivers)
{
	ok(wait_flushed($standby, $receivers{$codec}, $upto, $codec),
		"$codec: streams timeline 1 from a standby");
}
my $load = start_load($leader);
random_moment(0.5);
$standby->promote;
$load->destroy;
my $on_two = write_wal($standby, 4);

my ($switch) =
  slurp_file($standby->data_dir . '/pg_wal/00000002.history') =~
  /^1\t([0-9A-F]+\/[0-9A-F]+)\t/m;
my $last = segment_name(1, int(lsn_number($switch) / $mb), $mb);

foreach my $codec (sort keys %receivers)
{
	my $archive = $archives{$codec};

	ok(wait_flushed($standby, $receivers{$codec}, $on_two, $codec),
		"$codec: goes on with timeline 2");
	stops_cleanly("$codec: stops", $receivers{$codec}, 'TERM');
	$archive->is_faithful(
		"$codec: timeline 1 is there up to the switch at $switch",
		servers  => [$standby],
		timeline => 1,
		from     => $begin,
		upto     => $switch);
	$archive->is_faithful(
		"$codec: timeline 2 is there from the switch on",
		servers  => [$standby],
		timeline => 2,
		from     => $switch,
		upto     => $on_two);
	is(join(' ', $archive->histories),
		'00000002.history', "$codec: the history file");
	my ($unfinished) = grep { /^$last/ } $archive->names;
	like($unfinished // '', qr/\.partial$/,
		"$codec: the last segment of timeline 1 stays open");
	is(scalar($archive->partials), 2, "$codec: two open segments");
}

# From a slot that points at timeline 1, the whole way in one run.
foreach my $codec (qw(none gzip lz4 zstd))
{
	my $archive = new_archive();

	finishes("$codec: one run over both timelines",
		$standby, $archive,
		options => [ '-S', "old_$codec", '-Z', $codec, '--endpos', $on_two ]);
	$archive->is_faithful(
		"$codec: timeline 1 in one run",
		servers  => [$standby],
		timeline => 1,
		from     => $begin,
		upto     => $switch);
	$archive->is_faithful(
		"$codec: timeline 2 in one run",
		servers  => [$standby],
		timeline => 2,
		from     => $switch,
		upto     => $on_two);
	is(join(' ', $archive->histories),
		'00000002.history', "$codec: the history file in one run");
}

done_testing();
