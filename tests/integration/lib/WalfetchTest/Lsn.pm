# LSNs and segment names as numbers.

package WalfetchTest::Lsn;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';

our @EXPORT_OK =
  qw(lsn_number lsn_text segment_begin segment_name segment_number);

sub lsn_number
{
	my ($text) = @_;
	my ($high, $low) = $text =~ m{^([0-9A-Fa-f]+)/([0-9A-Fa-f]+)$}
	  or die "not an LSN: \"$text\"";
	return (hex($high) << 32) | hex($low);
}

# As servers up to 18 write it.
sub lsn_text
{
	my ($number) = @_;
	return sprintf('%X/%X', $number >> 32, $number & 0xFFFFFFFF);
}

# Segment size in bytes, as everywhere here.
sub segment_name
{
	my ($timeline, $number, $segment_size) = @_;
	my $per_id = 4294967296 / $segment_size;
	return sprintf('%08X%08X%08X',
		$timeline, int($number / $per_id), $number % $per_id);
}

sub segment_number
{
	my ($name, $segment_size) = @_;
	my $per_id = 4294967296 / $segment_size;
	return hex(substr($name, 8, 8)) * $per_id + hex(substr($name, 16, 8));
}

# The LSN (text) at which the segment that holds an LSN begins.
sub segment_begin
{
	my ($lsn, $segment_size) = @_;
	my $number = lsn_number($lsn);
	return lsn_text($number - $number % $segment_size);
}

1;
