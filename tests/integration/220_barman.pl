# A real Barman that finds walfetch as pg_receivewal in its path_prefix: from
# the first segment to a recovered server.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::DropIn;

plan(skip_all => 'no Barman here (package barman)')
  unless grep { -x "$_/barman" } split /:/, $ENV{PATH};

my $mb     = 1024 * 1024;
my $server = new_server('leader', conf => "synchronous_commit = local\n");
my $home   = PostgreSQL::Test::Utils::tempdir('barman');
my $folder = drop_in_folder();
my $wals   = new_archive(dir => "$home/main/wals/0000000100000000");
my $stream = new_archive(dir => "$home/main/streaming");
my $user   = getpwuid($<);

append_to_file(
	"$home/conf", qq(
[barman]
barman_user = $user
barman_home = $home
barman_lock_directory = $home
log_file = $home/log
log_level = DEBUG

[main]
description = the leader
conninfo = @{[ $server->connstr('postgres') ]}
streaming_conninfo = @{[ $server->connstr ]}
backup_method = postgres
immediate_checkpoint = on
streaming_archiver = on
slot_name = barman
create_slot = auto
path_prefix = $folder
));

# Run Barman to its end: status and output.
sub barman
{
	my (@arguments) = @_;
	my $process = WalfetchTest::Process->start(
		command => [ 'barman', '-c', "$home/conf", @arguments ]);
	my $status = $process->wait_for_end(time_limit(60));

	return ($status, $process->stdout . $process->stderr);
}

# One test: Barman is content.
sub barman_ok
{
	my ($test_name, @arguments) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $output) = barman(@arguments);

	is($status, 0, $test_name) || diag($output);
	return $output;
}

# One test: what `barman check` says of receive-wal and its files is OK.
sub check_ok
{
	my ($test_name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $output) = barman('check', 'main');
	my @missing = grep { $output !~ /^\s*\Q$_\E: OK/m } (
		'replication slot', 'pg_receivexlog', 'pg_receivexlog compatible',
		'receive-wal running', 'archiver errors');

	is("@missing", '', $test_name) || diag($output);
	return ($status, $output);
}

sub receiver_flushed
{
	my ($lsn) = @_;
	return $server->poll_query_until(
		'postgres',
		"SELECT count(*) = 1 FROM pg_stat_replication "
		  . "WHERE application_name = 'barman_receive_wal' "
		  . "AND flush_lsn >= '$lsn'");
}

sub receiver_count
{
	return $server->safe_psql('postgres',
		"SELECT count(*) FROM pg_stat_replication "
		  . "WHERE application_name = 'barman_receive_wal'");
}

# What Barman heard of pg_receivewal.
sub complaints
{
	return join "\n", grep { /pg_receivewal: (error|warning|hint)/ }
	  split /\n/, slurp_file("$home/log");
}

# Write, switch, and let Barman take the finished segments. The LSN up to which
# the server had written.
sub archive_some
{
	my ($test_name) = @_;
	my $upto = write_wal($server, 2.2);

	barman_ok("$test_name: switch-wal", 'switch-wal', '--force', 'main');
	# Barman leaves the newest file until there is an open segment.
	ok(receiver_flushed(write_wal($server, 0.1)), "$test_name: received");
	my $segment = segment_name(1, int((lsn_number($upto) - 1) / $mb), $mb);
	ok( wait_until(
			"$segment in wals/",
			sub {
				barman('archive-wal', 'main');
				return -e $wals->dir . "/$segment";
			}),
		"$test_name: archive-wal moves segments into wals/");
	is(scalar($stream->complete), 0,
		"$test_name: and none is left in streaming/");
	return $upto;
}

# One test: from an LSN on, wals/ is what the server wrote.
sub wals_ok
{
	my ($test_name, $from, $upto) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $wals->is_faithful(
		$test_name,
		servers => [$server],
		from    => $from,
		upto    => $upto);
}

# Barman waits until the receiver is gone, and somebody else may have to bury it.
sub stop_receiver
{
	my ($test_name, $receiver) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $stop = WalfetchTest::Process->start(
		command => [ 'barman', '-c', "$home/conf", 'receive-wal', '--stop', 'main' ]);

	is($receiver->wait_for_end(time_limit(20)), 0, "$test_name: status")
	  || diag($receiver->stdout . $receiver->stderr)
	  if defined $receiver;
	is($stop->wait_for_end(time_limit(20)), 0, $test_name)
	  || diag($stop->stdout . $stop->stderr);
	is(receiver_count(), 0, "$test_name: is gone");
	is(scalar($stream->partials), 1, "$test_name: one open segment");
	return;
}

# The LSN of the segment at which the base backup begins; Barman removes what is
# older.
sub backup_begin
{
	my ($segment) =
	  barman_ok('show-backup', 'show-backup', 'main', 'latest') =~
	  /Begin WAL\s*: ([0-9A-F]{24})/;
	return lsn_text(segment_number($segment, $mb) * $mb);
}

# By hand first.
my $begin    = create_slot($server, 'barman');
my $receiver = WalfetchTest::Process->start(
	command => [ 'barman', '-c', "$home/conf", 'receive-wal', 'main' ]);
ok(wait_until('the receiver', sub { receiver_count() }),
	'receive-wal: connects')
  || diag($receiver->stdout . $receiver->stderr);
my $upto = archive_some('receive-wal');
wals_ok('receive-wal: wals/ is identical', $begin, $upto);
check_ok('check: the lines about receive-wal are OK');
stop_receiver('receive-wal --stop', $receiver);

# Now as the synchronous standby, which answers at once and not every 10 seconds,
# and as cron starts it, and every minute tidies up behind it.
$server->append_conf('postgresql.conf',
	"synchronous_standby_names = 'barman_receive_wal'");
$server->reload;
write_wal($server, 3.3);
barman_ok('cron', 'cron');
ok(receiver_flushed(flush_lsn($server)), 'cron: starts it again');
$upto = archive_some('cron');
wals_ok('cron: nothing is missing since the first start', $begin, $upto);
stop_receiver('receive-wal --stop after cron');

# The slot is lost, and with --reset goes on after that: Barman removes the open
# segment and makes one of no bytes where the server is.
$server->safe_psql('postgres', "SELECT pg_drop_replication_slot('barman')");
write_wal($server, 2.2);
like(barman_ok('receive-wal --reset', 'receive-wal', '--reset', 'main'),
	qr/Creating status file/, '--reset: does something');
my ($reset) = $stream->partials;
my %before = map { $_ => 1 } $wals->names;
barman_ok('cron after --reset', 'cron');
ok(receiver_flushed(write_wal($server, 1.2)), '--reset: goes on');
# Whoever moves the first away meanwhile moves it into wals/.
my @streamed = grep { /^[0-9A-F]{24}/ } $stream->names;
my ($first) = sort @streamed, grep { !$before{$_} } $wals->complete;
is(substr($first, 0, 24), substr($reset, 0, 24), '--reset: begins there');

# A base backup, and commits after it.
barman_ok('backup', 'backup', 'main');
$begin = backup_begin();
$server->safe_psql('postgres',
	"INSERT INTO acknowledged (b) SELECT 'after' FROM generate_series(1, 100)");
$upto = archive_some('after the backup');
wals_ok('after the backup: wals/ is identical', $begin, $upto);
my ($status, $output) = check_ok('check: the lines are still OK');
is($status, 0, 'check: nothing has failed') || diag($output);
is(complaints(), '', 'walfetch does not complain in the log');

# Recover to a new server that has nothing but the backup and wals/.
my $node = PostgreSQL::Test::Cluster->new('recovered');
barman_ok('recover', 'recover', 'main', 'latest', $node->data_dir);
stop_receiver('receive-wal --stop at the end');
$server->stop('immediate');
$node->append_conf(
	'postgresql.conf', qq(
port = @{[ $node->port ]}
unix_socket_directories = '@{[ $node->host ]}'
listen_addresses = ''
));
$node->start;
ok($node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()'),
	'recovered');
is( $node->safe_psql('postgres',
		"SELECT b, count(*) FROM acknowledged GROUP BY b"),
	'after|100',
	'recovered to the last commit that was archived');

done_testing();
