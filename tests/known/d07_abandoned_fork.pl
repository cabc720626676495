# D07: an abandoned fork has a higher timeline than the leader.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('D07');
my $mb      = 1024 * 1024;
my $leader  = new_server('leader');
my $standby = new_standby('standby', $leader);
my $begin   = create_slot($leader, 'slot');
my $archive = new_archive();
my $upto    = write_wal($leader, 1.4);

receive_upto('timeline 1', $leader, $archive, $upto,
	options => [ '-S', 'slot' ]);
$leader->wait_for_catchup($standby, 'replay', $upto);

# Somebody promotes the standby, takes it for the leader and regrets it.
$standby->promote;
my $fork = write_wal($standby, 1.4);
receive_upto('timeline 2', $standby, $archive, $fork);
cmp_ok(scalar(grep { /^00000002/ } $archive->names),
	'>', 1, 'the archive has both timelines');
$standby->stop('immediate');

$upto = write_wal($leader, 3);
my $receiver = start($leader, $archive,
	options => [ '-S', 'slot', '--synchronous' ]);
my $goes_on = reaches('goes on with timeline 1', $leader, $receiver, $upto);
my ($error) = $receiver->stderr =~ /^\S*: error: (.*)/m;
seen($goes_on ? 'goes on with timeline 1' : "blocked: $error");
stops_cleanly('stops', $receiver, 'INT');
$archive->is_faithful(
	'timeline 1 has no gap',
	servers => [ $leader, $standby ],
	from    => $begin,
	upto    => $upto);
known_done();
