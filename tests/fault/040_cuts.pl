# The connection ends after every single byte of what a server may send.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use Leader;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $second = qq(history 2 "1\\t0/01248000\\tno reason\\n"\ntimeline 2);
my %after_switch = (timeline => 2, from => '0/01248000');

# Cut the output of a statement everywhere; bytes: how long it is at least.
sub cut_everywhere
{
	my ($name, $bytes, $before, $statement, %params) = @_;
	my $whole = 0;
	my $count = runs(
		$name,
		scripts => [ map { "$before\ncut $_\n$statement" } 0 .. 500 ],
		expected => sub {
			my ($number, $status, $stderr, $leader) = @_;
			my $connection = $number + 1;

			$whole = $leader->log =~ /^$connection whole$/m;
			return 'enough' if $whole;
			return "status $status: $stderr" if $status ne '2';
			return "message: $stderr"
			  unless $stderr =~ /^walfetch: error: .*(clos|lost|reset|terminating)/;
			return;
		},
		%params);
	ok($whole, "$name: up to the last byte");
	cmp_ok($count, '>', $bytes, "$name: $count cuts");
	return;
}

cut_everywhere('the startup', 140, '', 'answer');
cut_everywhere('IDENTIFY_SYSTEM', 150, 'until IDENTIFY_SYSTEM', 'answer');
cut_everywhere('the segment size', 50, 'until SHOW', 'answer');
cut_everywhere('the slot', 100, 'until READ_REPLICATION_SLOT', 'answer');
cut_everywhere('a history file', 100, 'until TIMELINE_HISTORY', 'answer',
	settings => $second, %after_switch);
cut_everywhere('the start of the copy', 7, 'until START_REPLICATION', 'answer');

my $start = "until START_REPLICATION\nanswer";
cut_everywhere('WAL', 100, $start, 'data 0/01000000 100');
cut_everywhere('WAL, with a header of a page within', 94,
	"$start\nwal 0/01001FE0", 'data 0/01001FE0 64', options => ['--synchronous']);
cut_everywhere('a keepalive', 22, "$start\nwal 0/01054321",
	'keepalive reply');
cut_everywhere('an error in the stream', 60, "$start\nwal 0/01054321",
	'error 57P01 "terminating connection"');

my $upto_switch = "$start\nwal 0/01248000";
cut_everywhere('the end of a timeline', 4, $upto_switch, 'done',
	settings => $second, %after_switch);
cut_everywhere('the name of the next timeline', 100,
	"$upto_switch\ndone\nuntil DONE", 'answer',
	settings => $second, %after_switch);

done_testing();
