# --min-free: it pauses before the disk is full, keeps the connection and a
# bound of memory meanwhile, and goes on once somebody has made room.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Process;

needs_version(12, 'reply_time in pg_stat_replication');

my $mb    = 1024 * 1024;
my $bound = (32 + 16) * $mb;

# A small file system of our own, in a name space that lives with a process.
my $place  = PostgreSQL::Test::Utils::tempdir('small');
my $holder = WalfetchTest::Process->start(
	command => [
		'unshare', '-Urm', 'sh', '-c',
		'mount -t tmpfs -o size=64m tmpfs "$1" && mkdir "$1/archive" && '
		  . 'head -c 56M /dev/zero >"$1/filler" && echo ready && '
		  . 'exec sleep 3600',
		'sh', $place
	]);
wait_until('a file system',
	sub { $holder->stdout =~ /ready/ || !$holder->running }, 20);
plan(skip_all => 'no file system can be made here: ' . $holder->stderr)
  if !$holder->running;
my @inside =
  ('nsenter', '-U', '-m', '--preserve-credentials', '-t', $holder->pid, '--');
my $root = '/proc/' . $holder->pid . '/root';
plan(skip_all => 'cannot look into the name space')
  if !-e "$root$place/filler";

# What we see of the archive. The name space's user is another one.
my $archive = new_archive(dir => "$root$place/archive");
my $server  = new_server('leader', conf => "wal_sender_timeout = 2s\n");
my $begin   = create_slot($server, 'slot');
my $user    = getpwuid($<);

sub start
{
	my (@options) = @_;
	return WalfetchTest::Process->start(
		command => [
			@inside, walfetch(), 'receive',
			'-D' => "$place/archive",
			'-S' => 'slot',
			'-d' => $server->connstr
			  . " application_name=walfetch_test user=$user",
			'-s', 1, '--jobs=1', '--memory=32MB', '--min-free=4MB', @options
		],
		env => { PGAPPNAME => undef });
}

sub count
{
	my ($receiver, $pattern) = @_;
	my @found = $receiver->stderr =~ /$pattern/g;
	return scalar @found;
}

sub pauses
{
	my ($name, $receiver, $times) = @_;
	ok( wait_until(
			'a pause',
			sub {
				count($receiver,
					qr/warning: less than \d+ bytes are free in /) >= $times
				  || !$receiver->running;
			})
		  && $receiver->running,
		"$name: pauses")
	  || BAIL_OUT($receiver->stderr);
	like($receiver->stderr, qr/warning: less than 4194304 bytes are free/,
		"$name: says so");
	return;
}

# The connection outlives wal_sender_timeout: the same one still reports.
sub stays_connected
{
	my ($name, $receiver) = @_;
	my $which = "application_name = 'walfetch_test' AND state = 'streaming'";
	my $pid   = $server->safe_psql('postgres',
		"SELECT pid FROM pg_stat_replication WHERE $which");
	my $since = $server->safe_psql('postgres', 'SELECT now()');

	like($pid, qr/^\d+$/, "$name: is connected");
	ok( $server->poll_query_until(
			'postgres',
			'SELECT count(*) = 1 FROM pg_stat_replication '
			  . "WHERE $which AND pid = '$pid' "
			  . "AND reply_time > '$since'::timestamptz + interval '5 s'"),
		"$name: stays connected, and reports")
	  || diag($receiver->stderr);
	return;
}

sub free_bytes
{
	my ($output) = run_command(
		[ @inside, 'df', '--output=avail', '-B1', $place ]);
	return $output =~ /(\d+)\s*\z/ ? $1 : 0;
}

foreach my $codec (qw(none gzip))
{
	my $receiver = start('-Z', $codec);
	ok(wait_flushed($server, $receiver, write_wal($server, 0.5)),
		"$codec: streams");

	# More than there is room for, and more than memory holds.
	my $upto = write_wal($server, $codec eq 'none' ? 50 : 60);
	pauses($codec, $receiver, 1);
	stays_connected($codec, $receiver);
	is(count($receiver, qr/going on/), 0, "$codec: it is still waiting");
	cmp_ok(free_bytes(), '>', 2 * $mb, "$codec: it leaves space free");
	my $flushed = $server->safe_psql('postgres',
		'SELECT flush_lsn FROM pg_stat_replication '
		  . "WHERE application_name = 'walfetch_test'");
	cmp_ok(lsn_number($flushed), '<', lsn_number($upto),
		"$codec: not all is acknowledged");
	$archive->is_faithful(
		"$codec: all that was acknowledged is there",
		servers => [$server],
		from    => $begin,
		upto    => $flushed);

	# Somebody makes room.
	system_or_bail(@inside, 'rm', "$place/filler");
	ok( wait_until(
			'the pause to end',
			sub {
				count($receiver,
					qr/warning: going on: space is free again/) == 1
				  || !$receiver->running;
			}),
		"$codec: goes on, and says so")
	  || diag($receiver->stderr);
	ok(wait_flushed($server, $receiver, $upto), "$codec: all arrives");
	is(count($receiver, qr/bytes are free/), 1, "$codec: it paused once");
	unlike($receiver->stderr, qr/trying again|error:/,
		"$codec: it never lost its connection");
	my $peak = $receiver->peak_memory;
	note("$codec: at most " . int($peak / $mb) . ' MB');
	cmp_ok($peak, '<=', $bound, "$codec: memory stays bounded")
	  if !sanitized();
	$archive->is_faithful(
		"$codec: nothing is missing",
		servers => [$server],
		from    => $begin,
		upto    => $upto);
	stops_cleanly("$codec: stops", $receiver, 'INT');

	# The next one begins with an empty archive and a full disk again, where
	# the slot stands. Next is gzip, which needs little room.
	system_or_bail(@inside, 'sh', '-c',
		'rm -rf "$1/archive" && mkdir "$1/archive" && '
		  . 'head -c "$2" /dev/zero >"$1/filler"',
		'sh', $place, $codec eq 'none' ? 59.5 * $mb : 56 * $mb);
	$begin = $server->slot('slot')->{restart_lsn};
}

# It obeys a signal while it waits, using space that it would leave free, and a
# later run goes on.
my $receiver = start();
my $upto = write_wal($server, 5.5);
pauses('signal', $receiver, 1);
stops_cleanly('signal: it stops while it waits', $receiver, 'TERM');
system_or_bail(@inside, 'rm', "$place/filler");
$receiver = start('--once');
is($receiver->wait_for_end(time_limit(30)), 0, 'signal: a later run goes on')
  || diag($receiver->stderr);
unlike($receiver->stderr, qr/bytes are free/, 'signal: without a pause');
$archive->is_faithful(
	'signal: nothing is missing',
	servers => [$server],
	from    => $begin,
	upto    => $upto);

done_testing();
