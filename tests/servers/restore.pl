# The leader is lost while walfetch is its synchronous standby: walfetch restore
# brings back every acknowledged commit.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../integration/lib";

use Test::More;
use WalfetchTest;
use WalfetchTest::Restore;

my $size     = server_version() < 11 ? 16 : 1;
my $archive  = new_archive(segment_size => $size);
my $leader   = new_server('leader', segment_size => $size);
my $receiver = start_receiver($leader, $archive,
	options => [ '--synchronous', '-S', 'archive', '--auto-slot', '-Z', 'gzip' ]);

ok(wait_flushed($leader, $receiver, flush_lsn($leader)), 'streams');
base_backup($leader, 'base');
$leader->append_conf('postgresql.conf',
	"synchronous_standby_names = 'walfetch_test'\n");
$leader->reload;

my @clients = start_clients($leader);
my $enough = sub { acknowledged(@clients) > 500 };
ok(wait_until('commits', $enough), 'commits are acknowledged')
  || diag($receiver->stderr);
$leader->safe_psql('postgres', 'SELECT pg_switch_wal()');
my $more = 500 + acknowledged(@clients);
ok( wait_until('more of them', sub { acknowledged(@clients) > $more }),
	'in the next segment, too')
  || diag($receiver->stderr);
$leader->kill9;
$_->{process}->wait_for_end(time_limit(20)) foreach @clients;
stops_cleanly('stops', $receiver, 'TERM');
my @ids = acknowledged(@clients);

my $rebuilt = new_recovery('rebuilt', $leader, 'base', $archive,
	options => ['--partial']);
ends_recovery('recovers', $rebuilt);
is(scalar(missing_on($rebuilt, @ids)), 0,
	'has all ' . @ids . ' commits that were acknowledged');
$rebuilt->stop;

done_testing();
