# WAL that is damaged on its way, and lengths that lie.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use Leader;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $start = "until START_REPLICATION\nanswer";

# Bytes at an LSN, and what is said of them.
my @damages = (
	[ 'a flipped byte of a record', '0/01180100', 'A5A5A5A5', qr/checksum|link|length|header/ ],
	[ 'zeros in a record', '0/01180100', '00' x 60, qr/checksum|link|length|header|no record/ ],
	[ 'the magic of a page',   '0/01182000', '0000',     qr/magic/ ],
	[ 'the magic of a version', '0/01182000', '16D1',    qr/magic/ ],
	[ 'the flags of a page',   '0/01182002', 'FFFF',     qr/info bits/ ],
	[ 'the timeline of a page', '0/01182004', '02000000', qr/timeline 2/ ],
	[ 'no timeline of a page', '0/01182004', '00000000', qr/timeline 0/ ],
	[ 'the address of a page', '0/01182008', '0040180100000000', qr/page address/ ],
	[ 'an address at the limit', '0/01182008', 'FFFFFFFFFFFFFFFF', qr/page address/ ],
	[ 'the rest of a record', '0/01182010', 'FFFFFF3F', qr/contrecord|info bits/ ],
	[ 'another cluster', '0/01200018', '2A00000000000000', qr/another cluster/ ],
	[ 'another segment size', '0/01200020', '00000001', qr/segment size/ ],
	[ 'another block size', '0/01200024', '00400000', qr/block size/ ]);

foreach my $damage (@damages)
{
	my ($name, $lsn, $bytes, $pattern) = @$damage;

	foreach my $mode ([], [ '--synchronous', '-Z', 'lz4' ])
	{
		my ($archive) = survives(
			"$name @$mode",
			settings => "damage $lsn $bytes",
			script   => 'serve',
			status   => 5,
			message  => qr/error: .*(?:$pattern)/,
			good     => $lsn,
			options  => $mode);
	}
}

# Of the first segment, too, where nothing came before.
foreach my $damage (
	[ 'another cluster from the first byte on', '0/01000018', '2A00000000000000', qr/another cluster/ ],
	[ 'no page header at all', '0/01000000', '00' x 40, qr/magic/ ])
{
	my ($name, $lsn, $bytes, $pattern) = @$damage;
	survives(
		$name,
		settings => "damage $lsn $bytes",
		script   => 'serve',
		status   => 5,
		message  => qr/error: .*(?:$pattern)/,
		good     => $begin);
}

# Messages that are no replication messages.
foreach my $case (
	[ 'an unknown message',       'message d 7A0000', qr/unknown type 0x7A/ ],
	[ 'half a header of WAL',     'message d 77' . '00' x 12, qr/too short/ ],
	[ 'half a keepalive',         'message d 6B' . '00' x 16, qr/too short/ ],
	[ 'a row in the stream',      'row x',            qr/./ ],
	[ 'a type that does not exist', 'message @ 00',   qr/./ ],
	[ 'ready in the stream',      'ready',            qr/without an answer/ ],
	[ 'complete in the stream',   "complete X\nready", qr/./ ],
	[ 'a length of 0',            'lie d 0 100',      qr/./ ],
	[ 'a length of 3',            'lie d 3 100',      qr/./ ],
	[ 'a length of 2 GB',         'lie d 2147483648 100', qr/./ ],
	[ 'a length of 4 GB',         'lie d 4294967295 100', qr/./ ],
	[ 'a long message of a short type', 'lie k 100000 1000', qr/./ ])
{
	my ($name, $statement, $pattern) = @$case;
	survives(
		$name,
		script  => "$start\nwal 0/01123456\n$statement\nsilence",
		options => ['--receive-timeout=5'],
		status  => 2,
		message => qr/error: .*(?:$pattern)/,
		good    => '0/01123456');
}

# libpq lets one without content pass, and so is it.
survives(
	'an empty message',
	script => "$start\nwal 0/01123456\nmessage d\nserve",
	status => 0);

# Notices and settings may come at any time, and are nothing.
survives(
	'notices and settings in the stream',
	script => "$start\nwal 0/01123456\nmessage N 5357415200433030303030004D686900"
	  . "00\nmessage S 61006200\nwal 0/01200000\nserve",
	status => 0);

done_testing();
