# A backup that does not come to its end leaves nothing that looks like one.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::BaseBackup;

needs_version(13, 'pg_stat_progress_basebackup');

my $server = backup_server('leader');

# Start one that takes its time, and wait until files are there.
sub start_slow
{
	my ($target, @options) = @_;
	my $run = start_backup($server, $target, '-r', '2M', @options);

	ok( wait_until(
			'files to arrive',
			sub {
				return !$run->running
				  || grep { -s $_ && -f $_ } left_below($target);
			}),
		'it has begun');
	ok($run->running, 'and goes on');
	return $run;
}

foreach my $format (qw(plain tar))
{
	foreach my $signal (qw(INT TERM))
	{
		my $target = new_target();
		my $run = start_slow($target, '-F', $format);
		my ($status, $seconds) = $run->stop($signal, time_limit(20));
		is($status, 1, "$format: SIG$signal: status");
		ok($seconds < time_limit(2.5), "$format: SIG$signal: at once")
		  || diag("after $seconds s");
		like($run->stderr, qr/error: the backup was interrupted/,
			"$format: SIG$signal: says so");
		ok(!-e $target, "$format: SIG$signal: nothing is left");
	}
}

# The wait for a checkpoint that takes its time.
$server->safe_psql('postgres', 'CREATE TABLE dirty AS SELECT * FROM numbers');
my $waiting = new_target();
my $patient = start_backup($server, $waiting, qw(-c spread));
ok( wait_until(
		'the checkpoint to begin',
		sub {
			return !$patient->running || $server->safe_psql('postgres',
				q(SELECT count(*) FROM pg_stat_progress_basebackup
				  WHERE phase = 'waiting for checkpoint to finish')) eq '1';
		}),
	'it waits for a checkpoint');
ok($patient->running, 'and goes on');
my ($ended, $took) = $patient->stop('INT', time_limit(20));
is($ended, 1, 'stopped while it waits for a checkpoint: status');
ok($took < time_limit(2.5), 'at once') || diag("after $took s");
ok(!-e $waiting, 'nothing is left');

# A directory that was there stays, and is empty.
my $target = new_target();
mkdir $target, 0700;
my ($status) = start_slow($target)->stop('INT', time_limit(20));
is($status, 1, 'into a directory that was there');
ok(-d $target, 'it stays');
is(join(' ', left_below($target)), '', 'and is empty');

# Killed: what is left cannot be taken for a backup.
foreach my $format (qw(plain tar))
{
	my $to = new_target();
	my $run = start_slow($to, '-F', $format);
	is(($run->stop('KILL', time_limit(20)))[0], 'signal 9', "$format: killed");
	my @left = left_below($to);
	ok(@left > 0, "$format: files are left");
	is( join(' ', grep { m{/(backup_manifest|pg_control|[^./]+\.tar)$} } @left),
		'', "$format: but none that makes it a backup");
	isnt(system("postgres --single -D $to postgres </dev/null >/dev/null 2>&1"),
		0, "$format: and no server starts in it");
}

# The connection ends in the middle.
$target = new_target();
my $run = start_slow($target);
$server->safe_psql('postgres',
	q(SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE state = 'backup'));
is($run->wait_for_end(time_limit(30)), 2, 'the connection is lost: status');
ok(!-e $target, 'nothing is left');

# The WAL cannot be had.
$target = new_target();
($status, my $stderr) = run_backup($server, $target, qw(-S missing));
is($status, 2, 'a slot that does not exist: status');
like($stderr, qr/replication slot "missing" does not exist/, 'says so');
ok(!-e $target, 'nothing is left');

# The disk is full.
SKIP:
{
	my $limit = PostgreSQL::Test::Utils::tempdir('limit') . '/run';
	append_to_file($limit,
		"#!/bin/sh\ntrap '' XFSZ\nulimit -f 4096\nexec \"\$@\"\n");
	chmod 0755, $limit;
	$target = new_target();
	my $full = WalfetchTest::Process->start(
		command => [
			$limit, walfetch(), 'backup', '-D', $target, '-F', 'tar',
			'-d', $server->connstr, '-c', 'fast'
		]);
	is($full->wait_for_end(time_limit(60)), 1, 'a write fails: status');
	like($full->stderr, qr/could not write to file ".base.tar.tmp"/, 'says so');
	ok(!-e $target, 'nothing is left');
}

done_testing();
