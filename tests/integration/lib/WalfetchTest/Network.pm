# TCP for tests: a loopback of their own where that can be had, so that ports
# are nobody else's.

package WalfetchTest::Network;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';

our @EXPORT = qw(own_network);

# Begin the test again in a network namespace of its own; where the system does
# not allow that, go on with the loopback that all share.
sub own_network
{
	my @enter = ('unshare', '-cn', '--keep-caps', 'sh', '-c');
	my $up    = 'ip link set lo up 2>/dev/null';

	return if $ENV{WALFETCH_OWN_NETWORK};
	$ENV{WALFETCH_OWN_NETWORK} = 1;
	return if system("@enter[0..3] true >/dev/null 2>&1") != 0;
	return if system(@enter, $up) != 0;
	exec(@enter, "$up && exec \"\$@\"", 'sh', $^X, (map { "-I$_" } @INC), $0)
	  or die "could not run $0 again: $!";
}

1;
