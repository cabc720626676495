# Segments of 1, 8, 16 and 64 MB, in every codec, stopped and resumed in the
# middle of one. D04.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my @codecs = qw(none gzip lz4 zstd);

foreach my $size (1, 8, 16, 64)
{
	my $server = new_server("leader_$size", segment_size => $size);
	my $begin = create_slot($server, @codecs);
	my %archives =
	  map { $_ => new_archive(segment_size => $size) } @codecs;

	# One and a half segments: the open one ends somewhere in its middle.
	write_wal($server, 3);
	$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
	my $middle = write_wal($server, $size / 2);
	foreach my $codec (@codecs)
	{
		finishes("$size MB, $codec: first half",
			$server, $archives{$codec},
			options => [ '-S', $codec, '-Z', $codec, '--once' ]);
		$archives{$codec}->is_faithful(
			"$size MB, $codec: first half is identical",
			servers => [$server],
			from    => $begin,
			upto    => $middle);
		is(scalar($archives{$codec}->partials),
			1, "$size MB, $codec: the last segment is open");
	}

	# The rest of it and more, in the next codec.
	write_wal($server, 3);
	$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
	my $end = write_wal($server, 1);
	foreach my $index (0 .. $#codecs)
	{
		my $codec = $codecs[$index];
		my $next  = $codecs[ ($index + 1) % @codecs ];
		finishes("$size MB, $codec to $next: second half",
			$server, $archives{$codec},
			options => [ '-S', $codec, '-Z', $next, '--once' ]);
		$archives{$codec}->is_faithful(
			"$size MB, $codec to $next: second half is identical",
			servers => [$server],
			from    => $begin,
			upto    => $end);
		my ($suffix) = map { $archives{$codec}->suffix($_) }
		  ($archives{$codec}->complete)[-1];
		is($suffix,
			{ none => '', gzip => '.gz', lz4 => '.lz4', zstd => '.zst' }
			->{$next},
			"$size MB, $codec to $next: finished in the new codec");
	}
	$server->stop('immediate');
}

done_testing();
