# --wait: until the server is ready, with a line for each change of its state.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $server = new_server('leader');

# It is there: not a word is said.
my ($status, $stderr) = run_receiver($server, new_archive(),
	options => [ '--once', '--wait' ]);
is($status, 0, 'a server that is ready: status');
is($stderr, '', 'a server that is ready: nothing is said');

# It is not, and then it is.
$server->stop;
my $archive  = new_archive();
my $receiver = start_receiver($server, $archive,
	options => [ '--once', '--no-loop', '--wait=' . time_limit(60) ]);
wait_until('the first line', sub { $receiver->stderr =~ /waiting/ });
# Several tries come to the same, which is said once.
my $asked = time();
wait_until('two more tries', sub { time() > $asked + 1 });
my @lines = $receiver->stderr =~ /^.*waiting.*$/mg;
is(scalar @lines, 1, 'the same state is one line') || diag($receiver->stderr);
like($lines[0], qr/^walfetch: waiting for the server: .*No such file/,
	'the line says why');
$server->start;
is($receiver->wait_for_end(time_limit(60)), 0, 'goes on when it is ready');
like($receiver->stderr, qr/^walfetch: server ".*" is ready$/m, 'and says so');
is(scalar(() = $receiver->stderr =~ /is ready/g), 1, 'once');
unlike($receiver->stderr, qr/^(?!walfetch: |\z)/m, 'each message is one line');
cmp_ok(scalar $archive->partials + $archive->complete,
	'>', 0, 'and receives');

# A standby that no client may ask yet starts up for as long as it lasts.
$server->backup('closed');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($server, 'closed', has_streaming => 1);
$standby->append_conf('postgresql.conf', "hot_standby = off\n");
PostgreSQL::Test::Utils::system_log(
	$standby->installed_command('pg_ctl'),
	'-W', '-D', $standby->data_dir, '-l', $standby->logfile, 'start');
wait_until('the standby to say no',
	sub { -e $standby->logfile && slurp_file($standby->logfile) =~ /consistent recovery state/ });
($status, $stderr) = run_receiver($standby, new_archive(),
	options => [ '--once', '--wait=2' ]);
is($status, 2, 'it never becomes ready: status');
like($stderr, qr/waiting for the server: .*(not accepting connections|starting up)/,
	'its state is told');
like($stderr, qr/error: .*(not accepting connections|starting up)/,
	'the last state is the error');
PostgreSQL::Test::Utils::system_log(
	$standby->installed_command('pg_ctl'),
	'-D', $standby->data_dir, '-m', 'immediate', 'stop');

# A refusal that stays is not waited out.
($status, $stderr, $receiver) = run_receiver($server, new_archive(),
	conninfo => $server->connstr . ' user=nobody_here',
	options  => ['--wait=0']);
is($status, 2, 'a refusal: status');
like($stderr, qr/error: .*role "nobody_here" does not exist/,
	'a refusal: message');

# And so is a signal.
my $nowhere = 'port=1 host=' . PostgreSQL::Test::Utils::tempdir_short();
$receiver = start_receiver(undef, new_archive(),
	conninfo => $nowhere,
	options  => ['--wait=0']);
wait_until('the first try', sub { $receiver->stderr =~ /waiting/ });
stops_cleanly('stops while it waits', $receiver, 'INT');

($status, $stderr, $receiver) = run_receiver(undef, new_archive(),
	conninfo => $nowhere,
	options  => ['--wait=1']);
is($status, 2, 'nobody there in time: status');
cmp_ok($receiver->lifetime, '>=', 1, 'it waited');
cmp_ok($receiver->lifetime, '<', time_limit(5), 'and not much longer');

done_testing();
