# The timeline changes while we are away: at any place in a segment, exactly
# at its border, twice, or below what is archived already. D01, D07.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

needs_version(12, 'standbys without recovery.conf');

my $mb     = 1024 * 1024;
my $leader = new_server('leader');
my $begin  = create_slot($leader, 'base');

# Every standby starts from here, so that each has all WAL of its history.
$leader->backup('base');

# Where a server's timeline left the one before.
sub switch_point
{
	my ($server, $timeline) = @_;
	my $name = sprintf('%08X.history', $timeline);
	my @lines =
	  grep { /^\d/ } split /\n/,
	  slurp_file($server->data_dir . "/pg_wal/$name");
	return (split /\t/, $lines[-1])[1];
}

sub standby_of
{
	my ($name, $server) = @_;
	my $standby = PostgreSQL::Test::Cluster->new($name);

	$standby->init_from_backup($leader, 'base');
	$standby->enable_streaming($server);
	$standby->start;
	return $standby;
}

# A copy of an archive, to go on with in another direction.
sub copy_of
{
	my ($archive) = @_;
	my $copy = new_archive();
	system_or_bail('cp', '-p', map({ $archive->dir . "/$_" } $archive->names),
		$copy->dir);
	return $copy;
}

sub receive
{
	my ($name, $server, $archive, $codec) = @_;
	return finishes($name, $server, $archive,
		options => [ '--once', '-Z', $codec ]);
}

# A standby that stays behind, and an archive that went further.
my $behind = standby_of('behind', $leader);
my $parted = write_wal($leader, 2.4);
$leader->wait_for_catchup($behind, 'replay', $parted);
$behind->stop('immediate');
my $archive = new_archive();
finishes('timeline 1', $leader, $archive,
	options => [ '--once', '-S', 'base', '-Z', 'gzip' ]);
my $went = copy_of($archive);
my $ahead = write_wal($leader, 3);
receive('timeline 1, further than the standby will have it',
	$leader, $went, 'lz4');

# A second standby has it all, and is promoted exactly at a border: D01.
my $exact;
my $border;
my $full;
foreach my $try (1 .. 3)
{
	my $standby = standby_of("exact$try", $leader);
	write_wal($leader, 1.3);
	$leader->safe_psql('postgres', 'SELECT pg_switch_wal()');
	$border = $leader->lsn('flush');
	$border = segment_begin(lsn_text(lsn_number($border) + $mb - 1), $mb);
	$full = copy_of($archive);
	receive('timeline 1 up to a border', $leader, $full, 'none');
	$leader->stop('immediate');
	wait_until('the standby to be at the border',
		sub { lsn_number($standby->lsn('replay')) == lsn_number($border) });
	$standby->promote;
	if (lsn_number(switch_point($standby, 2)) == lsn_number($border))
	{
		$exact = $standby;
		last;
	}
	$standby->stop('immediate');
	$leader->start;
}
ok(defined $exact, "timeline 2 begins exactly at a border, $border")
  or BAIL_OUT('no timeline switch at a border');
is(join(' ', $full->partials),
	'', 'the archive ends exactly there') || diag($full->names);
my $two = write_wal($exact, 2.2);

foreach my $codec (qw(none zstd))
{
	my $copy = copy_of($full);
	receive("D01: goes on, $codec", $exact, $copy, $codec);
	$copy->is_faithful(
		"D01: timeline 1 up to the border, $codec",
		servers => [$leader],
		from    => $begin,
		upto    => $border);
	$copy->is_faithful(
		"D01: timeline 2 from the border on, $codec",
		servers  => [ $exact, $leader ],
		timeline => 2,
		from     => $border,
		upto     => $two);
	is(join(' ', $copy->histories), '00000002.history',
		"D01: the history file, $codec");
}

# From the middle of timeline 1, with whole segments still to come on it.
my $middle = copy_of($archive);
receive('from the middle of timeline 1', $exact, $middle, 'lz4');
$middle->is_faithful(
	'the rest of timeline 1',
	servers => [ $leader, $exact ],
	from    => $begin,
	upto    => $border);
$middle->is_faithful(
	'and timeline 2',
	servers  => [ $exact, $leader ],
	timeline => 2,
	from     => $border,
	upto     => $two);

# Two timelines at once.
my $third = standby_of('third', $exact);
my $more = write_wal($exact, 1.6);
$exact->wait_for_catchup($third, 'replay', $more);
$exact->stop('immediate');
$third->promote;
my $three = write_wal($third, 2.2);
my $second_switch = switch_point($third, 3);
foreach my $start ([ 'the middle of timeline 1', $archive ],
	[ 'the border', $full ], [ 'timeline 2', $middle ])
{
	my $copy = copy_of($start->[1]);
	my $name = "to timeline 3 from $start->[0]";
	receive($name, $third, $copy, 'gzip');
	$copy->is_faithful(
		"$name: timeline 1",
		servers => [ $leader, $exact ],
		from    => $begin,
		upto    => $border);
	$copy->is_faithful(
		"$name: timeline 2",
		servers  => [ $exact, $third ],
		timeline => 2,
		from     => $border,
		upto     => $second_switch);
	$copy->is_faithful(
		"$name: timeline 3",
		servers  => [$third],
		timeline => 3,
		from     => $second_switch,
		upto     => $three);
	is(join(' ', $copy->histories), '00000002.history 00000003.history',
		"$name: both history files");
}

# The server that stayed behind becomes the leader: its timeline 2 begins below
# what the archive has of timeline 1. It is another timeline 2.
unlink $behind->data_dir . '/standby.signal';
$behind->append_conf('postgresql.conf', "primary_conninfo = ''");
open my $signal, '>', $behind->data_dir . '/standby.signal' or die $!;
close $signal;
$behind->start;
$behind->promote;
my $below = switch_point($behind, 2);
cmp_ok(lsn_number($below), '<', lsn_number($ahead),
	'the new timeline begins below what is archived');
my $new = write_wal($behind, 2.2);
receive('a switch below what is archived', $behind, $went, 'zstd');
$went->is_faithful(
	'timeline 1 is left as it is',
	servers => [ $leader, $behind ],
	from    => $begin,
	upto    => $ahead);
$went->is_faithful(
	'timeline 2 from the switch on',
	servers  => [ $behind, $leader ],
	timeline => 2,
	from     => $below,
	upto     => $new);

# And back: the old leader went on after all, on timeline 1. The archive's
# higher timeline is an abandoned fork: D07.
$leader->start;
my $one = write_wal($leader, 1.7);
receive('D07: goes on with timeline 1 beside an abandoned fork',
	$leader, $went, 'none');
$went->is_faithful(
	'D07: timeline 1 is complete',
	servers => [ $leader, $behind ],
	from    => $begin,
	upto    => $one);

# An archive that holds timeline 2 of one server, and meets the other's.
my $before = $middle->fingerprint;
my ($status, $stderr) =
  run_receiver($behind, $middle, options => [ '--once', '--no-loop' ]);
is($status, 6, 'a timeline 2 with another history is refused')
  || diag($stderr);
is($middle->fingerprint, $before, 'and nothing is written or changed');

done_testing();
