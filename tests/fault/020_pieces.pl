# Messages split and glued in every way, storms of keepalives, questions without
# end: the stream is what counts, not its pieces.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use Leader;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

# Each byte by itself, but for most of the WAL.
survives(
	'everything before the WAL byte by byte',
	script => qq(
		split 1
		until START_REPLICATION
		answer
		keepalive plain 3
		keepalive reply
		until STATUS
		wal 0/01000200
		split 0
		wal 0/0137FE00
		split 1
		serve),
	status => 0);

foreach my $size (2, 3, 5, 7, 24, 31, 33, 1000, 8191)
{
	my $upto = $size < 100 ? '0/01010000' : '0/01100000';
	survives(
		"pieces of $size bytes",
		script => qq(
			split $size
			until START_REPLICATION
			answer
			wal $upto
			split 0
			serve),
		status => 0);
}

# The smallest messages of WAL there can be, each by itself and then glued.
foreach my $glue ("", "glue")
{
	my $script = "until START_REPLICATION\nanswer\n$glue\n";

	$script .= sprintf("wal 0/%08X\n", 0x1000000 + $_)
	  foreach (1 .. 100, 8150 .. 8250);
	survives(
		'messages of one byte' . ($glue ne '' ? ', glued' : ''),
		script  => "$script\nsend\nserve",
		options => ['--synchronous'],
		status  => 0);
}
survives(
	'messages of no bytes',
	script => qq(
		until START_REPLICATION
		answer
		data 0/01000000 0
		data 0/01000000 0
		wal 0/01001000
		data 0/01001000 0
		serve),
	status => 0);

# All that a server may send, in one piece.
survives(
	'answer, WAL, keepalives and the end of the timeline glued',
	settings => qq(history 2 "1\\t0/01248000\\tno reason\\n"\ntimeline 2),
	script   => qq(
		until START_REPLICATION
		glue
		answer
		keepalive reply
		wal 0/01000001
		keepalive plain
		wal 0/01248000
		keepalive reply
		done
		send
		serve),
	status   => 0,
	timeline => 2,
	from     => '0/01248000');

foreach my $mode ([], ['--synchronous'])
{
	# Ten thousand of them are read while WAL goes on coming.
	my (undef, $leader) = survives(
		"a storm of keepalives @$mode",
		script => qq(
			until START_REPLICATION
			answer
			wal 0/01012345
			keepalive plain 100000
			wal 0/01154321
			keepalive reply 10000
			wal 0/01200000
			serve),
		options => $mode,
		seconds => time_limit(30),
		status  => 0);
	# One answer may be for many questions, but none stays without.
	my @answers = $leader->log =~ /^(1 status .*)$/mg;
	cmp_ok(scalar @answers, '<=', 10_100, "answers to it, no more: @$mode");
	ok($leader->acknowledged >= lsn_number('0/01200000'),
		"and what was received is acknowledged: @$mode");
}

# A question is answered, with all that was sent before it.
my (undef, $leader) = survives(
	'a question after each piece',
	script => "until START_REPLICATION\nanswer\nuntil STATUS\nanswer\n"
	  . join('', map { sprintf("wal 0/%08X\nkeepalive reply\nuntil STATUS\nanswer\n", 0x1000000 + $_ * 777) } 1 .. 30)
	  . 'serve',
	status => 0);
foreach my $n (1, 15, 30)
{
	my $lsn = sprintf('0/%08X', 0x1000000 + $n * 777);
	like($leader->log, qr{^1 status write $lsn flush $lsn }m,
		"question $n is answered");
}

done_testing();
