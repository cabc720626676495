# What the tests of `walfetch backup` share: servers, the runs, and servers
# started from what came of them.

package WalfetchTest::BaseBackup;

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use Exporter 'import';
use File::Find qw(find);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Process;

our @EXPORT = qw(
  backup_server
  compresses
  left_below
  new_target
  odd_modes
  run_backup
  server_of
  start_backup
  streams_from
  verifies
);

my $count = 0;

# A running server with data checksums and some tables, of which "numbers" has
# 100000 rows. conf, extra: as for new_server.
sub backup_server
{
	my ($name, %params) = @_;
	my $server = PostgreSQL::Test::Cluster->new($name);

	$server->init(
		allows_streaming => 1,
		extra            => [ '-k', @{ $params{extra} // [] } ]);
	$server->append_conf('postgresql.conf',
		"hot_standby = on\nmax_wal_size = 4GB\n"
		  . (server_version() >= 17 ? "summarize_wal = on\n" : '')
		  . ($params{conf} // ''));
	$server->start;
	$server->safe_psql('postgres',
		'CREATE TABLE numbers AS SELECT n, md5(n::text) '
		  . 'FROM generate_series(1, 100000) AS n');
	return $server;
}

# True if a server can compress as a method says: "server-zstd:3" and the like.
# Any client can.
sub compresses
{
	my ($server, $method) = @_;
	my ($codec) = $method =~ /^server-(\w+)/ or return 1;

	return 0 if server_version() < 15;
	return $codec eq 'gzip' || $server->safe_psql('postgres',
		"SELECT '$codec' = ANY (enumvals) FROM pg_settings "
		  . "WHERE name = 'wal_compression'") eq 't';
}

# A name for a target that does not exist yet.
sub new_target
{
	return PostgreSQL::Test::Utils::tempdir('backup') . '/target';
}

# Start `walfetch backup` of a server into a directory.
sub start_backup
{
	my ($server, $target, @options) = @_;
	return WalfetchTest::Process->start(
		command => [
			walfetch(), 'backup', '-D', $target,
			'-d', $server->connstr, '-c', 'fast', @options
		],
		env => { PGAPPNAME => undef });
}

# Run it to its end. In list context (status, its stderr, its stdout), else the
# status.
sub run_backup
{
	my ($server, $target, @options) = @_;
	my $run = start_backup($server, $target, @options);
	my $status = $run->wait_for_end(time_limit(120));

	$run->destroy;
	diag($run->stderr) if !wantarray && $status ne '0';
	return wantarray ? ($status, $run->stderr, $run->stdout) : $status;
}

# A server that is not started yet, whose data directory is to be made, or
# is made by moving $target there.
sub server_of
{
	my ($server, $target) = @_;
	my $node = PostgreSQL::Test::Cluster->new('copy' . ++$count);

	mkdir $node->basedir;
	if (defined $target)
	{
		rename($target, $node->data_dir)
		  or die "could not rename \"$target\": $!";
		set_port($node);
	}
	return $node;
}

# Let a copy listen where its node does.
sub set_port
{
	my ($node) = @_;
	my $directory = $node->host;
	$node->append_conf('postgresql.conf',
		"port = @{[ $node->port ]}\nunix_socket_directories = '$directory'\n");
	return;
}

# Tests: a server started from $target streams from its leader and answers.
sub streams_from
{
	my ($server, $target, $name) = @_;
	my $node = server_of($server, $target);

	ok($node->start(fail_ok => 1), "$name: starts")
	  or return $node;
	is($node->safe_psql('postgres', 'SELECT count(*), sum(n) FROM numbers'),
		$server->safe_psql('postgres', 'SELECT count(*), sum(n) FROM numbers'),
		"$name: answers queries");
	is($node->safe_psql('postgres', 'SELECT pg_is_in_recovery()'),
		't', "$name: follows");
	$server->safe_psql('postgres',
		"CREATE TABLE IF NOT EXISTS later (n int); INSERT INTO later VALUES ($count)");
	ok( wait_until(
			'a row to arrive',
			sub {
				my ($result, $stdout) = $node->psql('postgres',
					"SELECT count(*) FROM later WHERE n = $count");
				return $result == 0 && $stdout eq '1';
			}),
		"$name: streams");
	return $node;
}

# pg_verifybackup as it came with the server; or else a newer one, which reads
# the manifest, but no WAL of that version.
sub verifybackup
{
	my ($server) = @_;
	my ($folder) = split /\n/, $server->config_data('--bindir');
	my $version = server_version();

	return "$folder/pg_verifybackup" if -x "$folder/pg_verifybackup";
	return if $version < 13;
	foreach my $newer ($version + 1 .. 18)
	{
		my $program = ($ENV{"WALFETCH_PG_$newer"} // next) . '/pg_verifybackup';
		return ($program, '-n') if -x $program;
	}
	return;
}

# One test: pg_verifybackup accepts it.
sub verifies
{
	my ($server, $target, $name, @options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($program, @more) = verifybackup($server);

  SKIP:
	{
		skip('no pg_verifybackup for PostgreSQL ' . server_version(), 1)
		  unless defined $program;
		my ($stdout, $stderr) =
		  run_command([ $program, @more, @options, $target ]);
		return like($stdout, qr/backup successfully verified/, $name)
		  || diag($stderr);
	}
	return;
}

# Every name below a directory that exists.
sub left_below
{
	my ($directory) = @_;
	my @names;

	return () unless -e $directory;
	find(sub { push @names, $File::Find::name unless $_ eq '.' }, $directory);
	return sort @names;
}

# Names below a directory whose mode is neither of these.
sub odd_modes
{
	my ($directory, $directory_mode, $file_mode) = @_;
	my @odd;

	find(
		sub {
			my $mode = (lstat $_)[2];
			return if -l $_;
			push @odd, sprintf('%s %04o', $File::Find::name, $mode & 07777)
			  if ($mode & 07777) != (-d _ ? $directory_mode : $file_mode);
		},
		$directory);
	return @odd;
}

1;
