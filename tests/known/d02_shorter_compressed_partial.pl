# D02: a compressed open segment is followed by a shorter one of the same name.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('D02');
my $mb     = 1024 * 1024;
my $server = new_server('leader');
my (%archives, %begin, %seen);

# The same segment, first compressed badly and then well: the second file is
# shorter, so what is left of the first would follow it.
my %levels = (gzip => [ 1, 9 ], lz4 => [ 1, 12 ]);
foreach my $codec (sort keys %levels)
{
	my ($low, $high) = @{ $levels{$codec} };
	my $archive = $archives{$codec} = new_archive();

	my $begin = new_slot($server, $codec);
	my $first = write_wal($server, 0.8);
	receive_upto("$codec: level $low, long",
		$server, $archive, $first,
		options => [ '-S', $codec, '-Z', "$codec:$low" ]);
	$archive->is_faithful(
		"$codec: is right so far",
		servers => [$server],
		from    => $begin,
		upto    => $first);

	# A little more, which ends the segment without filling it.
	$server->safe_psql('postgres',
		"INSERT INTO acknowledged (b) VALUES ('x'); SELECT pg_switch_wal()");
	my $second = write_wal($server, 0.2);
	receive_upto("$codec: level $high, shorter",
		$server, $archive, $second,
		options => [ '-S', $codec, '-Z', "$codec:$high" ]);
	my $problems = $archive->problems(
		servers => [$server],
		from    => $begin,
		upto    => $second);
	is($problems, '', "$codec: every file can be read and is right");

	my $third = write_wal($server, 0.2);
	my $starts = receive_upto(
		"$codec: a third start",
		$server, $archive, $third,
		options => [ '-S', $codec, '-Z', "$codec:$high" ]);
	my ($complaint) = $problems =~ /([^:\n]*(?:trailing|ignored|failed|Error|error)[^\n]*)/;
	$complaint = defined $complaint ? 'damaged file' : 'wrong file'
	  if $problems ne '';
	$seen{$codec} = join(', ',
		$complaint // 'file is right',
		$starts ? 'starts again' : 'no later start works');
}

# Cut off before it is as far as the time before.
my $archive = new_archive();
my $begin = new_slot($server, 'cut');
my $upto = write_wal($server, 0.8);
receive_upto('long', $server, $archive, $upto,
	options => [ '-S', 'cut', '-Z', 'gzip' ]);
my ($status) = run($server, $archive,
	options => [
		'-S', 'cut', '-Z', 'gzip', '-E',
		lsn_text(lsn_number($begin) + $mb / 4)
	]);
is($status, 0, 'a run that ends earlier: status');
my $problems = $archive->problems(
	servers => [$server],
	from    => $begin,
	upto    => $upto);
is($problems, '', 'a run that ends earlier: nothing is lost');

seen( join('; ', map { "$_: $seen{$_}" } sort keys %seen)
	  . '; ended earlier: '
	  . ($problems eq '' ? 'nothing lost' : 'acknowledged WAL lost'));
known_done();
