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

# One run, many connections that are cut, each after a little more WAL: that it
# gets on counts, and what is acknowledged is never taken back.
my @cuts = map { sprintf("%s\nwal 0/%08X\ncut 5000\nkeepalive reply\nwal 0/%08X",
		$start, 0x1000000 + $_ * 200_001, 0x1000000 + $_ * 200_001 + 60_000) }
  1 .. 8;
my $leader = new_leader("slot held $begin\nwrite-wal $begin $end\n"
	  . join('', map { "connection\n$_\n" } @cuts)
	  . "connection\nserve\n");
my $archive = new_archive();
my ($status, $stderr) = run_receiver($leader, $archive,
	options => [ '-S', 'held', "--endpos=$end", '--max-retries=2', '-Z', 'lz4' ],
	seconds => time_limit(60));
is($status, 0, 'many cuts in one run: status') || diag($stderr);
is(scalar(() = $stderr =~ /trying again/g), 8,
	'many cuts in one run: each is told of');
is(join("\n", $leader->taken_back), '',
	'many cuts in one run: nothing is taken back');
$archive->is_faithful(
	'many cuts in one run: nothing is missing',
	servers => [$leader],
	from    => $begin,
	upto    => $end);

done_testing();
