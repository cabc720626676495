# walfetch receive and verify: each codec, with a slot, stopped and started
# again; the archive is the server's WAL, byte for byte.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../integration/lib";

use Test::More;
use WalfetchTest;
use WalfetchTest::Verify;

my %suffixes = (none => '', gzip => '.gz', lz4 => '.lz4', zstd => '.zst');
my @codecs = sort keys %suffixes;
my $size = server_version() < 11 ? 16 : 1;
my $server = new_server('leader', segment_size => $size);
my %archives = map { $_ => new_archive(segment_size => $size) } @codecs;
my %receivers;

# WAL of more than two segments; where it ends.
sub write_segments
{
	$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
	write_wal($server, 0.7);
	$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
	return write_wal($server, 0.3);
}

create_slot($server, @codecs);
my $begin = flush_lsn($server);
foreach my $codec (@codecs)
{
	$receivers{$codec} = start_receiver(
		$server, $archives{$codec},
		app     => $codec,
		options => [ '-S', $codec, '-Z', $codec, '--synchronous' ]);
}
my $upto = write_segments();
foreach my $codec (@codecs)
{
	ok(wait_flushed($server, $receivers{$codec}, $upto, $codec),
		"$codec: everything is flushed");
	stops_cleanly("$codec: stops", $receivers{$codec}, 'TERM');
}

my $end = write_segments();
foreach my $codec (@codecs)
{
	my $archive = $archives{$codec};

	finishes("$codec: goes on", $server, $archive,
		options => [ '-S', $codec, '-Z', $codec, '--once' ]);
	$archive->is_faithful(
		"$codec: identical",
		servers => [$server],
		from    => $begin,
		upto    => $end);
	cmp_ok(scalar($archive->complete), '>=', 4, "$codec: complete segments");
	is( join(' ',
			grep { $archive->suffix($_) ne $suffixes{$codec} }
			  $archive->complete, $archive->partials),
		'',
		"$codec: every file in the form of the codec");
	is_sound("$codec: verify", $archive);
}
my ($listing) = (verify($archives{none}, '-v'))[2];
unlike($listing, qr/unknown|not known/i, 'verify knows this WAL');

done_testing();
