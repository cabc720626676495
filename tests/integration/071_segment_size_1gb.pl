# Segments of 1 GB, in every codec, resumed in the middle of one. Most of a
# segment is what a segment switch leaves: zeros and page headers.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my @codecs = qw(none gzip lz4 zstd);
my $server = new_server('leader', segment_size => 1024);
my $begin  = create_slot($server, @codecs);
my $middle = write_wal($server, 20);
my %archives = map { $_ => new_archive(segment_size => 1024) } @codecs;

foreach my $codec (@codecs)
{
	finishes("$codec: the start of a segment",
		$server, $archives{$codec},
		options => [ '-S', $codec, '-Z', $codec, '--once' ]);
	$archives{$codec}->is_faithful(
		"$codec: the start is identical",
		servers => [$server],
		from    => $begin,
		upto    => $middle);
}

write_wal($server, 20);
$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
my $end = write_wal($server, 2);
foreach my $codec (@codecs)
{
	my ($status, $stderr, $receiver) = run_receiver(
		$server, $archives{$codec},
		seconds => time_limit(60),
		options => [ '-S', $codec, '-Z', $codec, '--once' ]);

	is($status, 0, "$codec: the rest of it and a bit of the next")
	  || diag($stderr);
	note(sprintf('%s: %.1f s', $codec, $receiver->lifetime));
	is(scalar($archives{$codec}->complete), 1, "$codec: one is complete");
	$archives{$codec}->is_faithful(
		"$codec: all is identical",
		servers => [$server],
		from    => $begin,
		upto    => $end);
	system_or_bail('rm', '-rf', $archives{$codec}->dir);
}

done_testing();
