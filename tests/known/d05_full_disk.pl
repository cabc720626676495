# D05: the disk is full while the next segment is made.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest::Archive;
use WalfetchTest::Process;

known('D05');

# A small file system of our own, in a name space that lives with a process.
my $place = PostgreSQL::Test::Utils::tempdir();
my $holder = WalfetchTest::Process->start(
	command => [
		'unshare', '-Urm', 'sh', '-c',
		'mount -t tmpfs -o size=3584k tmpfs "$1" && mkdir "$1/archive" && '
		  . 'head -c 300k /dev/zero >"$1/filler" && echo ready && exec sleep 600',
		'sh', $place
	]);
wait_until('a file system',
	sub { $holder->stdout =~ /ready/ || !$holder->running }, 20);
known_skip('no file system can be made here: ' . $holder->stderr)
  if !$holder->running;
my @inside =
  ('nsenter', '-U', '-m', '--preserve-credentials', '-t', $holder->pid, '--');
my $root = '/proc/' . $holder->pid . '/root';
known_skip('cannot look into the name space') if !-e "$root$place/filler";

# What the receiver sees, and what we see of it.
my $inner  = new_archive(dir => "$place/archive");
my $outer  = new_archive(dir => "$root$place/archive");
my $server = new_server('leader');
my $begin  = create_slot($server, 'slot');
my $user   = getpwuid($<);
my $receiver = start(
	$server, $inner,
	wrapper  => \@inside,
	conninfo => $server->connstr . " application_name=walfetch_test user=$user",
	options  => [ '-S', 'slot', '--synchronous' ]);
reaches('streams', $server, $receiver, write_wal($server, 0.5));

# More than there is room for.
my $upto = write_wal($server, 4);
ok( wait_until(
		'the disk to be full',
		sub { $receiver->stderr =~ /No space left/ || !$receiver->running },
		patience()),
	'the disk is full');
my @odd = grep { (-s $outer->dir . "/$_") % 2**20 } $outer->partials;
is("@odd", '', 'no open segment of an odd size')
  || diag($receiver->stderr);

# What filled up when the disk did gets its name with the next try at the latest.
wait_until('full segments to get their names',
	sub { $outer->partials <= 1 && $outer->complete }, patience());
my $acknowledged = $server->slot('slot')->{restart_lsn};
$outer->is_faithful(
	'all that was acknowledged is there',
	servers => [$server],
	from    => $begin,
	upto    => $acknowledged);

# Somebody makes room: by moving away what is complete, as Barman does.
ok($receiver->running, 'it is still running');
my $saved = new_archive();
system_or_bail(@inside, 'rm', "$place/filler");
foreach my $name ($outer->complete)
{
	system_or_bail('cp', $outer->dir . "/$name", $saved->dir);
	system_or_bail(@inside, 'rm', "$place/archive/$name");
}
my $goes_on = reaches('goes on by itself', $server, $receiver, $upto);
seen(
	(@odd ? 'open segment of an odd size' : 'no odd file') . ', '
	  . ($goes_on ? 'goes on by itself' : 'fails for ever after'));
stops_cleanly('stops', $receiver, 'INT');
system_or_bail('cp', map({ $outer->dir . "/$_" } $outer->complete,
		$outer->partials),
	$saved->dir);
$saved->is_faithful(
	'nothing is missing',
	servers => [$server],
	from    => $begin,
	upto    => $upto);
is(join(' ', grep { /\.tmp$/ } $outer->names), '', 'no temporary file');
known_done();
