# D13: two receivers in one directory.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('D13');
my $server  = new_server('leader');
my $archive = new_archive();
my $begin   = create_slot($server, 'slot');
my $first   = start($server, $archive,
	options => [ '--synchronous', '-S', 'slot' ]);

reaches('the first streams', $server, $first, write_wal($server, 1.4));
my $second =
  start($server, $archive, app => 'second', options => ['--synchronous']);
wait_until(
	'an end of the second, or its connection',
	sub {
		return !$second->running
		  || $server->safe_psql('postgres',
			"SELECT count(*) FROM pg_stat_replication "
			  . "WHERE application_name = 'second' AND state = 'streaming'");
	},
	patience());
my $status = $second->running ? 'running' : $second->status;
is($status, 3, 'the second: status') || diag($second->stderr);
my $pid = $first->pid;
like($second->stderr, qr/error: .*\b$pid\b/, 'the second: names the first');

my $upto = write_wal($server, 2.4);
my $goes_on = reaches('the first goes on', $server, $first, $upto);
$second->stop('INT', 10);
stops_cleanly('the first stops', $first, 'INT');
my $problems = $archive->problems(
	servers => [$server],
	from    => $begin,
	upto    => $upto);
is($problems, '', 'the archive is right');
seen(
	$status eq 'running'
	? 'both write the same files'
	  . ($goes_on ? '' : '; the first one fails')
	: "second refused, status $status");
known_done();
