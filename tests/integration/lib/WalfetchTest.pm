# What the integration tests share: servers, receivers, load and waits.
#
# The program under test is $WALFETCH. Time limits are multiplied by
# $WALFETCH_TIME_FACTOR (1), for sanitizers and valgrind. Random moments come
# from $WALFETCH_SEED, which every test that uses it prints.

package WalfetchTest;

use strict;
use warnings FATAL => 'all';

BEGIN
{
	$ENV{PG_TEST_TIMEOUT_DEFAULT} //= 60 * ($ENV{WALFETCH_TIME_FACTOR} // 1);
}

use Cwd qw(abs_path);
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use WalfetchTest::Archive;
use WalfetchTest::Lsn
  qw(lsn_number lsn_text segment_begin segment_name segment_number);
use WalfetchTest::Process;

our @EXPORT = qw(
  create_slot
  finishes
  flush_lsn
  has_program
  lsn_number
  lsn_text
  needs_program
  needs_version
  new_archive
  new_server
  new_standby
  random_moment
  run_receiver
  sanitized
  seed_random
  server_version
  segment_begin
  segment_name
  segment_number
  start_load
  start_receiver
  stops_cleanly
  time_limit
  wait_flushed
  wait_until
  walfetch
  write_wal
);

# A test that is told to end takes its servers and receivers with it.
$SIG{$_} = sub { exit 1 }
  foreach qw(HUP INT TERM);

# The path of the program.
sub walfetch
{
	my $program = $ENV{WALFETCH};
	BAIL_OUT('WALFETCH must name the program to test')
	  unless defined $program && -x $program;
	return abs_path($program);
}

sub time_limit
{
	my ($seconds) = @_;
	return $seconds * ($ENV{WALFETCH_TIME_FACTOR} // 1);
}

# The major version of the servers, which are those of the PATH.
sub server_version
{
	my ($text) = run_command([ 'postgres', '--version' ]);
	return $text =~ /(\d+)/ ? $1 : die "no version in \"$text\"";
}

# Skip all tests of the file unless the servers are of this version or later.
sub needs_version
{
	my ($version, $reason) = @_;
	plan(skip_all => "$reason: PostgreSQL $version or later")
	  if server_version() < $version;
	return;
}

# True if this program came with the servers.
sub has_program
{
	my ($name) = @_;
	my ($folder) = run_command([ 'pg_config', '--bindir' ]);
	return -x "$folder/$name";
}

# Skip all tests of the file unless these programs came with the servers.
sub needs_program
{
	foreach my $name (@_)
	{
		plan(skip_all => "no $name of PostgreSQL " . server_version() . ' here')
		  unless has_program($name);
	}
	return;
}

# True if the program was built with a sanitizer: its memory tells nothing.
sub sanitized
{
	my ($libraries) = run_command([ 'ldd', walfetch() ]);
	return $libraries =~ /lib[a-z]*san\b/
	  || ( ($ENV{WALFETCH_TIME_FACTOR} // 1) > 1
		&& slurp_file(walfetch()) !~ /__gcov_/);
}

sub seed_random
{
	my $seed = $ENV{WALFETCH_SEED} // int(time() * 1000) % 1_000_000;
	note("WALFETCH_SEED=$seed");
	srand($seed);
	return;
}

# Let a random time below $seconds go by: the moment is what is tested.
sub random_moment
{
	my ($seconds) = @_;
	usleep(rand(time_limit($seconds)) * 1_000_000);
	return;
}

# Call a function until it returns true, at most $seconds: its result.
sub wait_until
{
	my ($what, $function, $seconds) = @_;
	my $limit = $seconds // $PostgreSQL::Test::Utils::timeout_default;
	my $deadline = time() + $limit;

	while (1)
	{
		my $result = $function->();
		return $result if $result;
		last if time() > $deadline;
		usleep(10_000);
	}
	diag("gave up waiting for $what");
	return;
}

sub new_archive
{
	my (%params) = @_;
	return WalfetchTest::Archive->new(%params);
}

# A server that keeps all its WAL, is started, and has a table to write to.
# segment_size in MB (1); conf: more lines; extra: options of initdb.
sub new_server
{
	my ($name, %params) = @_;
	my $size    = $params{segment_size} // 1;
	my $version = server_version();
	my @segsize = ("--wal-segsize=$size");

	if ($version < 11)
	{
		needs_version(11, 'segments that are not of 16 MB') if $size != 16;
		@segsize = ();
	}
	my $server = PostgreSQL::Test::Cluster->new($name);
	$server->init(
		allows_streaming => 1,
		extra            => [ @segsize, @{ $params{extra} // [] } ]);
	my $max_wal_size = 4096 > 8 * $size ? 4096 : 8 * $size;
	my $keep = $version >= 13 ? 'wal_keep_size = 16GB' : 'wal_keep_segments = 1000';
	$server->append_conf(
		'postgresql.conf', qq(
autovacuum = off
checkpoint_timeout = 1h
log_statement = none
max_connections = 40
max_wal_size = ${max_wal_size}MB
shared_buffers = 32MB
$keep
@{[ $params{conf} // '' ]}
));
	$server->start;
	$server->safe_psql(
		'postgres', q(
CREATE TABLE filler (b text);
ALTER TABLE filler ALTER COLUMN b SET STORAGE PLAIN;
CREATE TABLE acknowledged (id bigserial, b text);
));
	return $server;
}

# A running hot standby of a running server.
sub new_standby
{
	my ($name, $server) = @_;
	my $standby = PostgreSQL::Test::Cluster->new($name);

	$server->backup($name);
	$standby->init_from_backup($server, $name, has_streaming => 1);
	$standby->start;
	return $standby;
}

# Write that many megabytes of WAL. The flush position afterwards.
sub write_wal
{
	my ($server, $megabytes) = @_;
	my $rows = int($megabytes * 1024 * 1024 / 1968);

	$server->safe_psql('postgres',
		"INSERT INTO filler SELECT repeat(md5(random()::text), 60) "
		  . "FROM generate_series(1, $rows)");
	return flush_lsn($server);
}

sub flush_lsn
{
	my ($server) = @_;
	return $server->lsn('flush');
}

# A slot that holds back WAL from now on. Its restart_lsn.
sub create_slot
{
	my ($server, @names) = @_;
	my $lsn;

	foreach my $name (@names)
	{
		$lsn = $server->safe_psql('postgres',
			"SELECT lsn FROM pg_create_physical_replication_slot('$name', true)");
	}
	return $lsn;
}

# Small commits from several clients until it is destroyed or $seconds are over.
sub start_load
{
	my ($server, %params) = @_;
	my $script = PostgreSQL::Test::Utils::tempdir('load') . '/script';
	my $clients = $params{clients} // 2;
	my $width   = $params{width} // 10;

	append_to_file($script,
		"INSERT INTO acknowledged (b) VALUES (repeat('walfetch', $width));\n");
	return WalfetchTest::Process->start(
		command => [
			$server->installed_command('pgbench'), '-n',
			'-c', $clients, '-j', 1, '-f', $script,
			'-T', $params{seconds} // 600,
			'-h', $server->host, '-p', $server->port,
			@{ $params{options} // [] }, 'postgres'
		]);
}

# Start `walfetch receive` on a server into an archive.
#
# options: more options. app: application_name (walfetch_test). conninfo: in
# place of the server's, or undef for none. env, umask: as for Process.
sub start_receiver
{
	my ($server, $archive, %params) = @_;
	my $app = $params{app} // 'walfetch_test';
	my $conninfo =
	  exists $params{conninfo}
	  ? $params{conninfo}
	  : $server->connstr . " application_name=$app";
	my @command = (walfetch(), $params{command} // 'receive');

	push @command, '-D', $archive->dir if defined $archive;
	push @command, '-d', $conninfo if defined $conninfo;
	push @command, @{ $params{options} // [] };
	return WalfetchTest::Process->start(
		command => \@command,
		env     => { PGAPPNAME => undef, %{ $params{env} // {} } },
		umask   => $params{umask});
}

# Run `walfetch receive` to its end. In list context (status, its stderr, the
# process), else the status.
sub run_receiver
{
	my ($server, $archive, %params) = @_;
	my $receiver = start_receiver($server, $archive, %params);
	my $status = $receiver->wait_for_end($params{seconds} // time_limit(30));

	$receiver->destroy;
	return wantarray ? ($status, $receiver->stderr, $receiver) : $status;
}

# One test: a run ends with status 0.
sub finishes
{
	my ($test_name, @arguments) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $stderr) = run_receiver(@arguments);

	return is($status, 0, $test_name) || diag($stderr);
}

# One test: a receiver obeys a signal with status 0 and in time.
sub stops_cleanly
{
	my ($test_name, $receiver, $signal) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $seconds) = $receiver->stop($signal, time_limit(20));
	my $limit = time_limit(2.5);

	return is($status . ($seconds > $limit ? ", after $seconds s" : ''),
		0, $test_name)
	  || diag($receiver->stderr);
}

# Wait until a receiver has reported an LSN as flushed. False after the limit,
# or when the receiver has ended.
sub wait_flushed
{
	my ($server, $receiver, $lsn, $app) = @_;
	$app //= 'walfetch_test';
	my $query = "SELECT count(*) FROM pg_stat_replication "
	  . "WHERE application_name = '$app' AND flush_lsn >= '$lsn'";

	my $found = wait_until(
		"\"$app\" to flush $lsn",
		sub {
			return 'ended' unless $receiver->running;
			my ($result, $stdout) = $server->psql('postgres', $query);
			return $result == 0 && $stdout eq '1';
		});
	if (!$found || $found eq 'ended')
	{
		diag($receiver->stderr);
		return 0;
	}
	return 1;
}

1;
