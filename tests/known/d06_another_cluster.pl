# D06: a directory of cluster A is connected to cluster B.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('D06');
my $one     = new_server('one');
my $other   = new_server('other');
my $archive = new_archive();

receive_upto('cluster A', $one, $archive, write_wal($one, 1.4));
my $before = contents($archive);

# Further than the other, so that there is something to append.
my $upto = write_wal($other, 4);
my $receiver = start($other, $archive, options => ['--synchronous']);
wait_until(
	'an end, or WAL of the other cluster',
	sub { !$receiver->running || contents($archive) ne $before },
	patience());
my $status = $receiver->running ? 'running' : $receiver->status;
is($status, 6, 'cluster B: status') || diag($receiver->stderr);
like($receiver->stderr, qr/error: .*(system identifier|cluster)/,
	'cluster B: says why');
$receiver->stop('INT', 10);
is(contents($archive), $before, 'nothing is written or changed');
seen(
	contents($archive) eq $before
	? "refused, status $status"
	: "B's WAL among A's");
known_done();
