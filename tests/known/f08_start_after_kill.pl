# F08, F13: started again after SIGKILL.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

known('F08');
my $server  = new_server('leader');
my $archive = new_archive();
my $begin   = create_slot($server, 'slot');
my @options = ('-S', 'slot', '--synchronous');
my $longest = 0;
my $upto;

foreach my $round (1 .. 5)
{
	my $receiver = start($server, $archive, options => \@options);
	$upto = write_wal($server, 0.7);
	my $begun = time();
	reaches("round $round: streams", $server, $receiver, $upto);
	my $took = time() - $begun;
	$longest = $took if $took > $longest;
	my ($status) = $receiver->stop('KILL', 10);
	is($status, 'signal 9', "round $round: killed");
	is(lost_after_kill($archive, $server, $begin, $upto),
		'', "round $round: all that was acknowledged is there");
}
cmp_ok($longest, '<', time_limit(4), 'starts at once');

# And at once after the server has noticed: a run that only has to end.
my ($status, $stderr) = run($server, $archive,
	options => [ '-S', 'slot', '-n', '-E', $begin ]);
is($status, 0, 'nothing that was left behind is in the way') || diag($stderr);
seen(sprintf('streams again after %.1f s at most', $longest));
known_done();
