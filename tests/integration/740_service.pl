# A receiver under a service manager, which is played here: what it is told,
# and when.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use IO::Select;
use IO::Socket::UNIX;
use PostgreSQL::Test::Utils;
use Socket qw(SOCK_DGRAM);
use Test::More;
use WalfetchTest;

my $server = new_server('leader');
create_slot($server, 'service');

# A socket in a short folder, as PostgreSQL's own is.
my $path    = PostgreSQL::Test::Utils::tempdir_short() . '/notify';
my $manager = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path)
  or die "could not make a socket: $!";
my $waiting = IO::Select->new($manager);

# All that was told since the start of the last receiver, one line each.
my @told;

sub listen_to_it
{
	while ($waiting->can_read(0))
	{
		$manager->recv(my $lines, 65536);
		push @told, split /\n/, $lines;
	}
	return;
}

sub was_told
{
	my ($pattern) = @_;

	listen_to_it();
	return scalar(grep { $_ =~ $pattern } @told);
}

sub start_service
{
	my ($archive, @options) = @_;

	listen_to_it();
	@told = ();
	return start_receiver($server, $archive,
		options => [ '-S', 'service', '-s', 1, @options ],
		env     => { NOTIFY_SOCKET => $path });
}

# Without trouble: ready when it streams, positions that move, the end.
my $archive  = new_archive();
my $receiver = start_service($archive);
ok(wait_until('ready', sub { was_told(qr/^READY=1$/) }), 'it is ready');
like($told[-1], qr/^STATUS=streaming at .* \(timeline 1\)/,
	'and streams by then');
my $position = $told[-1];
ok(wait_flushed($server, $receiver, write_wal($server, 1)), 'it receives');
ok( wait_until(
		'another position',
		sub { was_told(qr/^STATUS=streaming/) && $told[-1] ne $position }),
	'it tells how far it is');

# The server goes away and comes back: no end, and not ready anew.
$server->stop('fast');
ok( wait_until(
		'trying again',
		sub { was_told(qr/^STATUS=trying again after: connection to server/) }),
	'it tells why it tries again');
@told = ();
$server->start;
ok(wait_until('streaming', sub { was_told(qr/^STATUS=streaming/) }),
	'it tells that it streams again');

my ($status) = $receiver->stop('TERM', time_limit(60));
is($status, 0, 'it stops');
is(was_told(qr/^STOPPING=1$/), 1, 'and said so');
is(was_told(qr/^READY=1$/),    0, 'it was ready once');
is($told[-1], 'STATUS=stopped', 'its last word');
$receiver->destroy;

# A server that is away does not hold up the start.
$server->stop('fast');
$receiver = start_service($archive);
ok(wait_until('ready', sub { was_told(qr/^READY=1$/) }),
	'it is ready without a server');
like($told[-1], qr/^STATUS=trying again after: /, 'and said what it does');
$server->start;
ok(wait_until('streaming', sub { was_told(qr/^STATUS=streaming/) }),
	'it streams when there is one');
is(was_told(qr/^READY=1$/), 1, 'it was ready once');
($status) = $receiver->stop('TERM', time_limit(60));
is($status, 0, 'it stops');
$receiver->destroy;

# What is wrong for good is no start.
$receiver = start_service($archive, '-S', 'missing');
is($receiver->wait_for_end(time_limit(60)), 2, 'no such slot');
is(was_told(qr/^READY=1$/), 0, 'it was never ready');
like($told[-1], qr/^STATUS=replication slot "missing" does not exist/,
	'and said why');
$receiver->destroy;

# A run that ends by itself was a good one, however short.
$receiver = start_service($archive, '--once');
is($receiver->wait_for_end(time_limit(60)), 0, 'once');
is(was_told(qr/^READY=1$/),    1, 'ready');
is(was_told(qr/^STOPPING=1$/), 1, 'and ended');
$receiver->destroy;

# A service manager that cannot be spoken to is no reason to give up.
$receiver = start_receiver($server, $archive,
	options => [ '-S', 'service', '--once' ],
	env     => { NOTIFY_SOCKET => 'vsock:2:1234' });
is($receiver->wait_for_end(time_limit(60)), 0, 'another kind of socket');
like(
	$receiver->stderr,
	qr/warning: environment variable NOTIFY_SOCKET does not name a socket/,
	'is told of');
$receiver->destroy;

done_testing();
