# Under the name pg_receivewal: one run with --endpos on a promoted standby
# follows timeline 1 to 2, and leaves the files that the real one leaves.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::DropIn;

my $mb      = 1024 * 1024;
my $leader  = new_server('leader');
my $standby = new_standby('standby', $leader);
my $real    = real_pg_receivewal($leader);
my %options = (none => 'none', gzip => 'gzip:1', lz4 => 'lz4');

my $begin = create_slot($standby,
	map { ($_, "real_$_", "restart_$_") } keys %options);
$leader->wait_for_catchup($standby, 'replay', write_wal($leader, 3.3));
$standby->promote;

# In the middle of a segment. The real one only stops when it sees WAL beyond.
write_wal($standby, 1.6);
$standby->safe_psql('postgres', 'SELECT pg_switch_wal()');
my $endpos = write_wal($standby, 0.4);
write_wal($standby, 0.1);

my ($switch) =
  slurp_file($standby->data_dir . '/pg_wal/00000002.history') =~
  /^1\t([0-9A-F]+\/[0-9A-F]+)\t/m;

sub run_to_endpos
{
	my ($archive, $slot, $codec, $end, $program) = @_;
	my $process = start_as_pg_receivewal(
		$standby, $archive,
		program => $program,
		options => [
			'--no-loop', '-S', $slot, '-Z', $options{$codec}, '-E', $end
		]);
	my $status = $process->wait_for_end(time_limit(30));

	diag($process->stderr) unless $status eq '0';
	return $status;
}

# All but dot files. The real one compresses history files too.
sub names
{
	my ($archive) = @_;
	return join(' ',
		map { s/(\.history)\.\w+$/$1/r } grep { $_ !~ /^\./ } $archive->names);
}

# Segment names of a timeline from one LSN to another, the last one open.
sub expected
{
	my ($timeline, $from, $upto, $suffix) = @_;
	my ($first, $last) = map { int(lsn_number($_) / $mb) } $from, $upto;
	my @names = map { segment_name($timeline, $_, $mb) . $suffix } $first .. $last;

	$names[-1] .= '.partial';
	return @names;
}

foreach my $codec (sort keys %options)
{
	my $suffix = { none => '', gzip => '.gz', lz4 => '.lz4' }->{$codec};
	my $archive = new_archive();

	is(run_to_endpos($archive, $codec, $codec, $endpos),
		0, "$codec: one run to the end position");
	is( names($archive),
		join(' ',
			expected(1, $begin, $switch, $suffix),
			'00000002.history',
			expected(2, $switch, $endpos, $suffix)),
		"$codec: the files");
	is($archive->wrong_modes(0600), '', "$codec: modes");
	foreach my $range ([ 1, $begin, $switch ], [ 2, $switch, $endpos ])
	{
		my ($timeline, $from, $upto) = @$range;
		$archive->is_faithful(
			"$codec: timeline $timeline is identical",
			servers  => [$standby],
			timeline => $timeline,
			from     => $from,
			upto     => $upto);
	}

	# From an archive that ends on timeline 1.
	$archive = new_archive();
	is(run_to_endpos($archive, "restart_$codec", $codec, $begin),
		0, "$codec: a first run on timeline 1");
	is(run_to_endpos($archive, "restart_$codec", $codec, $endpos),
		0, "$codec: a second run over both");
	$archive->is_faithful(
		"$codec: timeline $_ is identical in two runs",
		servers  => [$standby],
		timeline => $_) foreach 1, 2;

  SKIP:
	{
		skip('no pg_receivewal here', 2) unless defined $real;
		my $theirs = new_archive();

		is(run_to_endpos($theirs, "real_$codec", $codec, $endpos, $real),
			0, "$codec: the real one");
		is(names($archive), names($theirs),
			"$codec: the same names as the real one leaves");
	}
}

done_testing();
