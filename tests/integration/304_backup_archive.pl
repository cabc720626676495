# A backup that relies on the archive of a receiver.

use strict;
use warnings FATAL => 'all';

use File::Basename qw(dirname);
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::BaseBackup;

needs_version(13, 'backup manifests');

my $server  = backup_server('leader');
my $archive = new_archive();
create_slot($server, 'archive');
my $receiver = start_receiver($server, $archive, options => [qw(-S archive -s 1)]);
ok(wait_flushed($server, $receiver, flush_lsn($server)), 'the receiver is there');

my $target = new_target();
my ($status, $stderr) =
  run_backup($server, $target, '-R', '--archive=' . $archive->dir);
is($status, 0, 'backup --archive') || diag($stderr);
is($stderr, '', 'without a word');
verifies($server, $target, 'pg_verifybackup accepts its files', '-n');
is(join(' ', grep { m{/pg_wal/[0-9A-F]{24}} } left_below($target)),
	'', 'no WAL is in it');
my $dir = $archive->dir;
like(slurp_file("$target/postgresql.auto.conf"),
	qr/^restore_command = 'walfetch restore -D '?'?\Q$dir\E'?'? --partial %f %p'$/m,
	'restore_command');

# It recovers without its leader, by the command that was written into it, to
# what was acknowledged last, in the open segment.
$server->safe_psql('postgres', 'INSERT INTO numbers VALUES (-1)');
ok(wait_flushed($server, $receiver, flush_lsn($server)),
	'one more row is acknowledged');
$server->stop('immediate');
$receiver->stop('TERM', time_limit(20));
my $copy = server_of($server, $target);
{
	local $ENV{PATH} = dirname(walfetch()) . ":$ENV{PATH}";
	ok($copy->start(fail_ok => 1), 'it starts from the archive');
}
is($copy->safe_psql('postgres', 'SELECT pg_is_in_recovery()'),
	't', 'as a follower');
ok( $copy->poll_query_until('postgres',
		'SELECT count(*) = 100001 FROM numbers'),
	'with all rows');
$copy->stop;
$server->start;

# The archive of another cluster holds segments of the same names.
my $other = backup_server('other');
my $wrong = new_target();
($status, $stderr) = run_backup($other, $wrong, '--archive=' . $dir);
is($status, 6, 'the archive of another cluster: status');
like($stderr, qr/system identifier/, 'says so');
ok(!-e $wrong, 'nothing is left');
$other->stop;

# Without a receiver it waits, until there is one.
$target = new_target();
my $run = start_backup($server, $target, '--archive=' . $dir, '-v');
ok( wait_until('the files to be copied',
		sub { $run->stderr =~ /backup ends at/ || !$run->running }),
	'files are copied while no receiver is there');
ok($run->running, 'and it waits');
like($run->stderr, qr/warning: no receiver is at work/, 'says why');
ok(!-e "$target/backup_manifest", 'it is no backup yet');
$receiver = start_receiver($server, $archive, options => [qw(-S archive -s 1)]);
is($run->wait_for_end(time_limit(30)), 0, 'ends when the WAL is there')
  || diag($run->stderr);
ok(-e "$target/backup_manifest", 'now it is one');
$receiver->stop('TERM', time_limit(20));

# Told to stop while it waits.
$target = new_target();
$run = start_backup($server, $target, '--archive=' . $dir, '-v');
ok( wait_until('the files to be copied',
		sub { $run->stderr =~ /backup ends at/ || !$run->running }),
	'waits once more');
is(($run->stop('INT', time_limit(20)))[0], 1, 'SIGINT: status');
ok(!-e $target, 'nothing is left');

done_testing();
