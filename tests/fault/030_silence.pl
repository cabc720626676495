# A server that falls silent, anywhere: noticed in time, and no harm done.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use Leader;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use WalfetchTest;

my $limit = 2;

# The limits of connecting and of everything after it.
my @options = ("--receive-timeout=$limit", "--connect-timeout=$limit", '-s', 1);

sub is_noticed
{
	my ($name, $script, %params) = @_;
	my ($archive, $leader, $process) = survives(
		$name,
		script  => $script,
		options => \@options,
		status  => 2,
		message => qr/error: .*(sent nothing|timeout)/,
		seconds => time_limit($limit + 15),
		%params);
	cmp_ok($process->lifetime, '>=', $limit * 0.9, "$name: not before its time");
	cmp_ok($process->lifetime, '<', time_limit($limit + 3), "$name: in time");
	return;
}

is_noticed('no answer to the startup packet', 'silence');
is_noticed('half an answer to the startup packet',
	"message R 00000000\nlie S 50 5\nsilence");
foreach my $query ('IDENTIFY_SYSTEM', 'SHOW wal_segment_size',
	'SHOW data_directory_mode', 'READ_REPLICATION_SLOT',
	'START_REPLICATION')
{
	is_noticed(
		"no answer to $query",
		qq(until "$query"\nsilence),
		message => qr/error: .*command $query failed: timeout expired/);
}
is_noticed(
	'no answer to TIMELINE_HISTORY',
	"until TIMELINE_HISTORY\nsilence",
	message => qr/error: .*command TIMELINE_HISTORY failed: timeout/,
	settings => qq(history 2 "1\\t0/01248000\\tno reason\\n"\ntimeline 2),
	timeline => 2,
	from     => '0/01248000');
is_noticed('a row, and never the end of the command',
	"until IDENTIFY_SYSTEM\nrow 7100000000000000001 1 0/1380000 NULL\nsilence");
is_noticed('half an answer to IDENTIFY_SYSTEM',
	"until IDENTIFY_SYSTEM\nlie T 100 10\nsilence");

my $copy = "until START_REPLICATION\nanswer\nwal 0/01123456\n";
is_noticed('silent in the stream', "${copy}silence");
is_noticed('half a message of WAL, then silent',
	"${copy}lie d 60000 30000\nsilence");
is_noticed('half a keepalive, then silent', "${copy}lie d 22 9\nsilence");
is_noticed(
	'no answer to the end of a timeline',
	"until START_REPLICATION\nanswer\nwal 0/01248000\ndone\nsilence",
	message => qr/error: .*command START_REPLICATION failed: timeout/,
	settings => qq(history 2 "1\\t0/01248000\\tno reason\\n"\ntimeline 2),
	timeline => 2,
	from     => '0/01248000');

# The end that we ask for ourselves is not held up by a server that says nothing
# more: what was received is durable by then.
my ($archive, $leader, $process) = survives(
	'silent when we leave',
	script =>
	  "until START_REPLICATION\nanswer\nwal 0/01380000\nuntil DONE\nsilence",
	options => \@options,
	status  => 0);
cmp_ok($process->lifetime, '<', time_limit($limit + 3),
	'silent when we leave: in time');

done_testing();
