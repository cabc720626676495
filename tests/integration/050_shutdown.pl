# Servers that go away and come back: fast, at once, and slowly. D19.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use WalfetchTest;

seed_random();
my $server  = new_server('leader');
my $archive = new_archive();
my $begin   = create_slot($server, 'shutdown');
my @options = ('-S', 'shutdown', '-s', 1);

# Restarted under load: the receiver goes on by itself.
my $receiver = start_receiver($server, $archive,
	options => [ @options, '-Z', 'zstd' ]);
ok(wait_flushed($server, $receiver, write_wal($server, 2.5)), 'streams');

my $load = start_load($server);
random_moment(0.5);
$server->stop('fast');
$load->destroy;
ok($receiver->running, 'a fast shutdown does not end it');
$server->start;
ok(wait_flushed($server, $receiver, write_wal($server, 2.5)),
	'streams after a fast restart');

$load = start_load($server);
random_moment(0.5);
$server->stop('immediate');
$load->destroy;
ok($receiver->running, 'an immediate shutdown does not end it');
$server->start;
ok(wait_flushed($server, $receiver, write_wal($server, 2.5)),
	'streams after an immediate restart');

# The shutdown checkpoint takes its time: hold up the checkpointer. The server
# keeps us on, and is down soon after it is let go.
$load = start_load($server);
my $checkpointer = $server->safe_psql('postgres',
	"SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
my $walsender = $server->safe_psql('postgres',
	"SELECT pid FROM pg_stat_replication WHERE application_name = 'walfetch_test'"
);
my $pid_file = $server->data_dir . '/postmaster.pid';
my $log_from = -s $server->logfile;
kill 'STOP', $checkpointer;
system_or_bail('pg_ctl', '-D', $server->data_dir, '-m', 'fast', '--no-wait',
	'stop');
wait_until('the backends to end', sub { !$load->running });
wait_until(
	'the shutdown to begin',
	sub {
		slurp_file($server->logfile, $log_from) =~
		  /received fast shutdown request/;
	});
my $slow_until = time() + 3;
wait_until('three seconds of a slow shutdown', sub { time() > $slow_until });
ok(kill(0, $walsender), 'still connected during a slow shutdown');
ok($receiver->running, 'a slow shutdown does not end it');
my $released = time();
kill 'CONT', $checkpointer;
wait_until('the server to be down', sub { !-e $pid_file });
cmp_ok(time() - $released, '<', time_limit(4), 'the server is down soon');
$server->_update_pid(0);
$server->start;
my $upto = write_wal($server, 1.5);
ok(wait_flushed($server, $receiver, $upto), 'streams after a slow shutdown');

stops_cleanly('stops', $receiver, 'INT');
$archive->is_faithful(
	'nothing is missing after all that',
	servers => [$server],
	from    => $begin,
	upto    => $upto);

# With us connected the shutdown checkpoint record itself is received before
# the server is down.
$receiver = start_receiver($server, $archive, options => \@options);
ok(wait_flushed($server, $receiver, write_wal($server, 1.5)), 'streams again');
$server->stop('fast');
my $checkpoint =
  unpack('x32 Q<', slurp_file($server->data_dir . '/global/pg_control'));
stops_cleanly('stops while the server is down', $receiver, 'TERM');
$archive->is_faithful(
	'the shutdown checkpoint is in the archive',
	servers => [$server],
	from    => $begin,
	upto    => lsn_text($checkpoint + 24));
$server->start;

# --no-loop: the end of the server is ours.
$receiver = start_receiver($server, $archive,
	options => [ @options, '--no-loop' ]);
ok(wait_flushed($server, $receiver, write_wal($server, 1.5)),
	'streams with --no-loop');
$server->stop('fast');
is($receiver->wait_for_end(time_limit(10)), 2, '--no-loop: status 2')
  || diag($receiver->stderr);

# The server is not there at the first start either: waits for it.
$receiver = start_receiver($server, $archive, options => \@options);
wait_until('a first refusal',
	sub { $receiver->stderr =~ /could not connect|connection to server/ });
ok($receiver->running, 'D19: an unreachable server does not end a first start');
$server->start;
$upto = write_wal($server, 1.5);
ok(wait_flushed($server, $receiver, $upto),
	'D19: streams as soon as the server is there');
stops_cleanly('D19: stops', $receiver, 'TERM');
$archive->is_faithful(
	'identical in the end',
	servers => [$server],
	from    => $begin,
	upto    => $upto);

done_testing();
