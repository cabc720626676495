# Recovery with `walfetch restore`: servers made from a base backup and an
# archive, and clients that know what was acknowledged to them.

package WalfetchTest::Restore;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Process;

our @EXPORT = qw(
  acknowledged
  base_backup
  ends_recovery
  fetch
  missing_on
  new_recovery
  restore_line
  start_clients
  stays_down
);

my $count = 0;

# The line of postgresql.conf that recovers from an archive.
sub restore_line
{
	my ($archive, @options) = @_;
	my $command = join ' ',
	  map { qq("$_") } walfetch(), 'restore', '-D', $archive->dir, @options;
	return qq(restore_command = '$command "%f" "%p"'\n);
}

# A base backup without WAL: a server made from it has only its archive.
sub base_backup
{
	my ($leader, $name) = @_;
	return $leader->backup($name, backup_options => [ '-X', 'none' ]);
}

# A server made of a leader's base backup, not started yet, that recovers with
# `walfetch restore` alone. options: of restore. conf: more lines. standby: true
# for one that goes on as a standby.
sub new_recovery
{
	my ($name, $leader, $backup, $archive, %params) = @_;
	my $server = PostgreSQL::Test::Cluster->new($name);

	$server->init_from_backup($leader, $backup, standby => 0);
	# Before version 12 recovery has a file of its own.
	$server->append_conf('postgresql.conf', "synchronous_standby_names = ''\n");
	$server->append_conf($server->_recovery_file,
		restore_line($archive, @{ $params{options} // [] })
		  . "recovery_target_timeline = 'latest'\n"
		  . ($params{conf} // ''));
	if ($params{standby})
	{
		$server->set_standby_mode;
	}
	else
	{
		$server->set_recovery_mode;
	}
	return $server;
}

# One test: a server has ended recovery and takes writes.
sub ends_recovery
{
	my ($test_name, $server) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$server->start(fail_ok => 1)
	  or return fail($test_name) || diag(slurp_file($server->logfile));
	return ok($server->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()'),
		$test_name);
}

# Three tests: a server does not get through recovery and says why, and it has
# not gone on without the rest.
sub stays_down
{
	my ($test_name, $server, $message) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	my $process = WalfetchTest::Process->start(
		command => [ $server->installed_command('postgres'), '-D', $server->data_dir ]);

	# The postmaster ends with a status of its own when recovery fails.
	is($process->wait_for_end(time_limit(30)), 1, "$test_name: the server stops");
	$process->destroy;
	my $log = $process->stderr;
	like($log, $message, "$test_name: the server's log says why");
	my $promoted = $log =~ /selected new timeline|archive recovery complete/
	  || -e $server->data_dir . '/pg_wal/00000002.history';
	ok(!$promoted, "$test_name: it was not promoted") || diag($log);
	return;
}

# Run `walfetch restore` on an archive: (status, its stderr).
sub fetch
{
	my ($archive, $name, $path, @options) = @_;
	my $process = WalfetchTest::Process->start(
		command => [
			walfetch(), 'restore', '-D', ref $archive ? $archive->dir : $archive,
			@options, $name, $path
		]);
	my $status = $process->wait_for_end(time_limit(30));
	return ($status, $process->stderr);
}

# Clients that write down each row once its commit is acknowledged.
sub start_clients
{
	my ($server) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir('clients');
	my $insert = 'INSERT INTO acknowledged (b) '
	  . 'VALUES (repeat(md5(random()::text), 20)) RETURNING id;';

	return map {
		my $file = "$folder/client_" . ++$count;
		{
			file    => $file,
			process => WalfetchTest::Process->start(
				command => [
					'sh', '-c', 'yes "$1" | exec psql -XAtq -d "$2" >"$3"',
					'sh', $insert, $server->connstr('postgres'), $file
				])
		}
	} 1 .. 4;
}

# A line that is not whole does not count.
sub acknowledged
{
	return map { -e $_ ? slurp_file($_) =~ /^(\d+)\n/mg : () }
	  map { $_->{file} } @_;
}

sub missing_on
{
	my ($server, @ids) = @_;
	my %there = map { $_ => 1 } split /\n/,
	  $server->safe_psql('postgres', 'SELECT id FROM acknowledged');
	return grep { !$there{$_} } @ids;
}

1;
