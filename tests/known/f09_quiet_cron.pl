# F09: cron jobs that step on each other.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('F09');
my $server  = new_server('leader');
my $archive = new_archive();
my $begin   = create_slot($server, 'slot');
my $first   = start($server, $archive,
	options => [ '-S', 'slot', '--synchronous' ]);
my $upto = write_wal($server, 1.4);

reaches('a first one streams', $server, $first, $upto);
my $before = contents($archive);
my ($status, $stderr, $second) = run(
	$server, $archive,
	options  => ['--no-loop'],
	walfetch => [ '--once', '--quiet' ]);
is($status, 3, 'the second: status');
is($stderr . $second->stdout, '', 'the second: says nothing');
is(contents($archive), $before, 'the second: changes nothing');
ok($first->running, 'the first runs');

($status, $stderr) = run(
	$server, $archive,
	options  => ['--no-loop'],
	walfetch => ['--once']);
is($status, 3, 'without --quiet: status');
like($stderr, qr/error: /, 'without --quiet: says why');
stops_cleanly('the first stops', $first, 'INT');

# Alone, it does its work as quietly.
$upto = write_wal($server, 1.4);
($status, $stderr, $second) = run(
	$server, $archive,
	options  => [ '-S', 'slot', '-n' ],
	walfetch => [ '--once', '--quiet' ],
	theirs   => [ '-E', $begin ]);
is($status, 0, 'alone: status');
is($stderr . $second->stdout, '', 'alone: says nothing');
$archive->is_faithful(
	'alone: fetches everything',
	servers => [$server],
	from    => $begin,
	upto    => $upto);
seen(
	Test::More->builder->is_passing
	? 'the second: status 3, quiet'
	: 'both run, both write');
known_done();
