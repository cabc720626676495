# Fetching while a receiver writes: what is there is always found, whole, and
# the server's, however names change meanwhile.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Restore;

my $mb     = 1024 * 1024;
my $target = PostgreSQL::Test::Utils::tempdir('target') . '/file';
my $leader = new_server('leader');

seed_random();
foreach my $codec (qw(none gzip lz4 zstd))
{
	my $archive  = new_archive();
	my @options  = ('--synchronous', '-S', $codec, '--auto-slot', '-Z', $codec);
	my $receiver = start_receiver($leader, $archive, options => \@options);
	wait_flushed($leader, $receiver, flush_lsn($leader));
	my $number = int(lsn_number(flush_lsn($leader)) / $mb);
	my $load   = start_load($leader, width => 200);
	my $last   = $number + 4;
	my ($calls, $restarts) = (0, 0);
	my (%begun, @problems);

	# The open segment until it is complete, then the next one.
	while ($number < $last)
	{
		my $segment = segment_name(1, $number, $mb);
		$begun{$segment} ||= grep { /^$segment/ } $archive->names;
		my ($status, $stderr) = fetch($archive, $segment, $target, '--partial');

		if ($status ne '0')
		{
			# Only one that has not begun is not there.
			push @problems, "$segment: status $status: $stderr"
			  if $status ne '1' || $begun{$segment};
		}
		else
		{
			push @problems, "$segment: " . (-s $target) . ' bytes'
			  if -s $target != $mb;
			my $original = $leader->data_dir . "/pg_wal/$segment";
			my ($plain) =
			  run_command([ 'cmp', $target, $original ]);
			# Zeros where it has not come yet, and nothing else.
			push @problems, "$segment: $plain"
			  if $plain ne '' && !is_prefix($target, $original);
		}
		$calls++;
		if ($status eq '0' && grep { /^$segment(\.\w+)?$/ && !/partial/ } $archive->names)
		{
			$number++;
		}
		elsif ($calls % 25 == 0)
		{
			# The forms of the open segment change with a restart.
			$receiver->stop('TERM', time_limit(20));
			$receiver = start_receiver($leader, $archive, options => \@options);
			$restarts++;
		}
		last if @problems || $calls > 5000;
	}
	is(join("\n", @problems), '',
		"$codec: $calls calls over 4 segments and $restarts restarts");
	is($number, $last, "$codec: all were completed");
	$load->destroy;
	stops_cleanly("$codec: the receiver stops", $receiver, 'TERM');
	is(join(' ', grep { /tmp/ } slurp_dir($target =~ s{/file$}{}r)), '',
		"$codec: no temporary file is left");
}

# True if one file is the other up to its last byte that is not zero.
sub is_prefix
{
	my ($short, $long) = @_;
	open my $file, '<:raw', $short or die "$short: $!";
	local $/;
	my $bytes = <$file>;
	close $file;
	$bytes =~ s/\0+\z//;
	open $file, '<:raw', $long or die "$long: $!";
	my $whole = <$file>;
	close $file;
	return substr($whole, 0, length $bytes) eq $bytes;
}

done_testing();
