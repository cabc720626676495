# walfetch status: the receiver of an archive through its whole life, and the
# leader's view of its followers and slots.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

needs_version(13, 'wal_keep_size and max_slot_wal_keep_size');

my $server = new_server('leader', conf => "max_slot_wal_keep_size = -1\n");
my $archive = new_archive();

# (status, stdout, stderr) of `walfetch status`.
sub status_of
{
	my (@options) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ walfetch(), 'status', @options ],
		'<', \undef, '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

# What --json tells of the archive.
sub archive_status
{
	my ($status, $out) = status_of('-D', $archive->dir, '--json');
	return decode_json($out)->{archive};
}

# What --json tells of the leader.
sub leader_status
{
	my (@options) = @_;
	my ($status, $out, $err) =
	  status_of('-d', $server->connstr('postgres'), '--json', @options);
	is($status, 0, 'the leader is asked') || diag($err);
	return decode_json($out)->{leader};
}

# The problems that --explain tells of the leader.
sub problems
{
	my ($status, $out) =
	  status_of('-d', $server->connstr('postgres'), '--explain');
	return join("\n", $out =~ /^  Problem: (.*)$/mg);
}

# No receiver ever ran.
my ($status, $out, $err) = status_of('-D', $archive->dir, '--explain');
is($status, 1, 'no receiver: status');
like($out, qr/^receiver   none, and none has told of itself$/m,
	'no receiver: said');
like($out, qr/^Problem: no receiver runs/m, 'no receiver: explained');
is(join(' ', $archive->names), '', 'nothing is made in the archive');
is(archive_status()->{running}, JSON::PP::false, 'no receiver: in JSON');

# One whose server is not there, and never was.
my $nowhere = PostgreSQL::Test::Utils::tempdir_short();
my $early   = start_receiver(
	undef, $archive,
	conninfo => "host=$nowhere port=1 user=nobody",
	options  => [ '-S', 'archive' ]);
ok( wait_until('a receiver without a server to try again',
		sub { (archive_status()->{state} // '') eq 'retrying' }),
	'without a server: it is seen');
my $seen_early = archive_status();
is($seen_early->{running}, JSON::PP::true, 'without a server: it lives');
is($seen_early->{pid}, $early->pid, 'without a server: its process');
is($seen_early->{received}, undef, 'without a server: it has received nothing');
like($seen_early->{last_error}{message}, qr/No such file or directory/,
	'without a server: its last error');
ok( wait_until(
		'the problem to be explained',
		sub {
			($status, $out) = status_of('-D', $archive->dir, '--explain');
			return $out =~ /^Problem: it cannot receive now/m;
		}),
	'without a server: explained');
is($status, 0, 'without a server: status');
like($out, qr/^receiver   retrying since .*; process @{[ $early->pid ]}$/m,
	'without a server: said');
like($out, qr/^server     -, slot archive$/m, 'without a server: none is named');
my ($second_status, $second_err) =
  run_receiver($server, $archive, options => ['--once']);
is($second_status, 3, 'without a server: it keeps another one out');
is($archive->wrong_modes(0600), '', 'without a server: the modes');
stops_cleanly('without a server: stops', $early, 'TERM');

# One that streams.
create_slot($server, 'archive');
my $receiver = start_receiver($server, $archive,
	options => [ '-S', 'archive', '-s', 1 ]);
my $lsn = write_wal($server, 3.3);
ok(wait_flushed($server, $receiver, $lsn), 'a receiver streams');
my $told = wait_until('the status file to say so',
	sub {
		my $now = archive_status();
		return $now->{state}
		  && $now->{state} eq 'streaming'
		  && lsn_number($now->{durable} // '0/0') >= lsn_number($lsn)
		  && $now;
	});
ok($told, 'the status says what is durable');
is($told->{running}, JSON::PP::true, 'it runs');
is($told->{pid}, $receiver->pid, 'its process');
is($told->{status_of}, $receiver->pid, 'which told');
is($told->{slot}, 'archive', 'its slot');
is($told->{timeline}, 1, 'its timeline');
is($told->{last_error}, undef, 'no error');
is($told->{stale}, JSON::PP::false, 'not stale');
my ($last) = reverse $archive->complete;
cmp_ok(lsn_number($told->{archived}) / $archive->segment_size,
	'==', segment_number($last, $archive->segment_size) + 1,
	'what is archived');
cmp_ok(lsn_number($told->{archived}),
	'<=', lsn_number($told->{durable}), 'not more than what is durable');
is($archive->wrong_modes(0600), '', 'the status file has the archive\'s mode');
($status, $out) = status_of('-D', $archive->dir, '--explain');
is($status, 0, 'a receiver: status');
like($out, qr/^receiver   streaming since 20\d\d-\S+Z, .*; process \d+$/m,
	'a receiver: said');
unlike($out, qr/Problem/, 'a receiver: no problem');

# The server goes, and comes.
$server->stop;
ok( wait_until('the receiver to try again',
		sub { archive_status()->{state} eq 'retrying' }),
	'it says that it tries again');
$told = archive_status();
like($told->{last_error}{message},
	qr/ended by the server|terminating|closed the connection|connection to server|shut/,
	'and why');
is($told->{running}, JSON::PP::true, 'and lives');
($status, $out) = status_of('-D', $archive->dir, '--explain');
like($out, qr/^Problem: it cannot receive now/m, 'explained');
$server->start;
ok( wait_until('the receiver to stream again',
		sub { archive_status()->{state} eq 'streaming' }),
	'it streams again');
isnt(archive_status()->{last_error}, undef, 'the last error is still told');

# Killed, it cannot say a word; stopped, it does.
$receiver->signal('KILL');
$receiver->wait_for_end(time_limit(10));
($status, $out) = status_of('-D', $archive->dir);
is($status, 1, 'killed: status');
like($out, qr/^receiver   none; process \d+ ended without a word$/m,
	'killed: said');
$receiver = start_receiver($server, $archive,
	options => [ '-S', 'archive', '-s', 1 ]);
ok( wait_until('another to stream',
		sub {
			my $now = archive_status();
			$now->{running} && $now->{state} eq 'streaming'
			  && ($now->{pid} // 0) == $receiver->pid;
		}),
	'another one streams');
stops_cleanly('it stops', $receiver, 'TERM');
($status, $out) = status_of('-D', $archive->dir);
is($status, 1, 'stopped: status');
like($out, qr/^receiver   none; process \d+ stopped at /m, 'stopped: said');

# One that fails for good.
run_receiver($server, $archive, options => [ '-S', 'nowhere', '-n' ]);
$told = archive_status();
is($told->{state}, 'failed', 'failed: state');
like($told->{last_error}{message}, qr/"nowhere" does not exist/,
	'failed: why');

# One of the two cannot be asked: the other is shown.
($status, $out, $err) = status_of('-D', $archive->dir, '-d', "host=$nowhere port=1");
is($status, 2, 'no leader: status');
like($out, qr/^archive .*^last error /ms, 'no leader: the archive is shown');
like($err, qr/^walfetch: error: .*No such file or directory/m, 'no leader: said');
($status, $out) =
  status_of('-D', $archive->dir, '-d', "host=$nowhere port=1", '--json');
is($status, 2, 'no leader, JSON: status');
is(decode_json($out)->{archive}{running}, JSON::PP::false,
	'no leader, JSON: the archive is told');

# A status file that is none.
unlink($archive->dir . '/.walfetch.status');
append_to_file($archive->dir . '/.walfetch.status', "rubbish\n");
($status, $out, $err) = status_of('-D', $archive->dir);
is($status, 5, 'rubbish in the status file: status');
like($err, qr/is not the status of a receiver/, 'rubbish: message');

# The leader: nobody there but a slot that nobody uses.
write_wal($server, 2);
my $leader = leader_status();
is($leader->{standby}, JSON::PP::false, 'it is a leader');
is(scalar @{ $leader->{followers} }, 0, 'no followers');
my ($slot) = grep { $_->{name} eq 'archive' } @{ $leader->{slots} };
is($slot->{active}, JSON::PP::false, 'the slot is not in use');
cmp_ok($slot->{holds_back_bytes}, '>', 1024 * 1024, 'and holds back WAL');
like(problems(), qr/nobody uses it, and it holds back/, 'a problem');
like(problems(), qr/max_slot_wal_keep_size = -1/, 'and another');

# A standby and a receiver.
my $standby = new_standby('standby', $server);
$receiver = start_receiver($server, $archive,
	options => [ '-S', 'archive', '--synchronous' ]);
ok(wait_flushed($server, $receiver, write_wal($server, 0.1)), 'both follow');
$server->wait_for_catchup($standby, 'replay');
$leader = leader_status();
my %followers = map { $_->{application} => $_ } @{ $leader->{followers} };
my $own = $followers{walfetch_test};
is($own->{state}, 'streaming', 'the receiver streams');
is($own->{sync_state}, 'async', 'asynchronously');
is($own->{replay}, undef, 'and never replays');
cmp_ok(lsn_number($own->{flush}{lsn}), '>', 0, 'what it has is told');
like($followers{standby}{replay}{lsn}, qr{^[0-9A-F]+/[0-9A-F]{8}$},
	'the standby replays');
is(problems(), '', 'no problem');

# The standby's own view: nothing follows it.
($status, $out) = status_of('-d', $standby->connstr('postgres'));
is($status, 0, 'a standby is asked');
like($out, qr/itself a standby/, 'and says that it is one');

# Synchronous, as it should be and as it should not.
$server->append_conf('postgresql.conf',
	"synchronous_standby_names = 'ANY 1 (walfetch_test, standby)'\n");
$server->reload;
ok( wait_until('the receiver to count',
		sub {
			$server->safe_psql('postgres',
				"SELECT sync_state FROM pg_stat_replication "
				  . "WHERE application_name = 'walfetch_test'") eq 'quorum';
		}),
	'the receiver is synchronous');
is(problems(), '', 'no problem either');
$server->append_conf('postgresql.conf',
	"synchronous_commit = remote_apply\n");
$server->reload;
ok( wait_until('the problem to be told',
		sub { problems() =~ /remote_apply waits for replay, which never comes/ }),
	'remote_apply with a receiver is a problem');
$server->append_conf('postgresql.conf',
	"synchronous_commit = on\nsynchronous_standby_names = 'gone'\n");
$server->reload;
ok( wait_until('the problem to be told',
		sub { problems() =~ /0 of them are connected and synchronous: commits hang/ }),
	'a synchronous standby that is not there is a problem');
$server->append_conf('postgresql.conf', "synchronous_standby_names = ''\n");
$server->reload;
wait_until('commits to go on', sub { problems() eq '' });

# A role that may see nothing.
$server->safe_psql('postgres', 'CREATE ROLE nosy LOGIN');
($status, $out) = status_of(
	'-d', $server->connstr('postgres') . ' user=nosy', '--explain');
is($status, 0, 'a role without rights: status');
like($out, qr/\(hidden\)/, 'the state is hidden');
like($out, qr/one with pg_monitor or pg_read_all_stats may/, 'and why');
$leader = decode_json(
	(status_of('-d', $server->connstr('postgres') . ' user=nosy', '--json'))[1])
  ->{leader};
is($leader->{sees_all}, JSON::PP::false, 'in JSON too');

# --watch: page after page, with bars from the second on, until it is stopped.
my $watch = WalfetchTest::Process->start(
	command => [
		walfetch(), 'status', '-D', $archive->dir,
		'-d', $server->connstr('postgres'), '--watch=1'
	],
	env => { LC_ALL => 'C' });
ok( wait_until('three pages',
		sub { my @pages = $watch->stdout =~ /^archive /mg; @pages >= 3 }),
	'--watch shows pages');
like($watch->stdout, qr/^rate .*[_.=+*%#-]+\nlag /m, 'with bars');
unlike($watch->stdout, qr/\033/, 'and nothing for a terminal');
$server->stop('immediate');
ok( wait_until('the failure to be shown',
		sub { $watch->stdout =~ /^error: /m }),
	'a server that goes is shown');
ok($watch->running, 'and waited for');
$server->start;
my $seen = length($watch->stdout);
ok( wait_until('the leader to be shown again',
		sub { substr($watch->stdout, $seen) =~ /^leader /m }),
	'until it is there again');
is(($watch->stop('INT', time_limit(10)))[0], 0, 'SIGINT ends it with 0');
is($watch->stderr, '', 'without a word');

done_testing();
