# D24: errors that stay.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

needs_version(13, 'wal_keep_size and max_slot_wal_keep_size');

known('D24');
my $server = new_server(
	'leader', conf => q(
wal_keep_size = 0
max_wal_size = 4MB
min_wal_size = 2MB
));
my $nowhere = 'port=1 host=' . PostgreSQL::Test::Utils::tempdir_short();
$server->safe_psql('postgres', 'CREATE ROLE ordinary LOGIN');
my @seen;

# One error that ends the program with its status, and how it was told of.
sub ends
{
	my ($name, $expected, $pattern, $archive, %params) = @_;
	my ($status, $stderr, $receiver) =
	  run($server, $archive // new_archive(), seconds => 6.5, %params);

	is($status, $expected, "$name: status");
	like($stderr, $pattern, "$name: message");
	push @seen,
	  "$name: "
	  . ( $status eq 'still running'
		? 'tries for ever'
		: "status $status");
	return $receiver;
}

ends('no such slot', 2, qr/error: .*"nowhere" does not exist/,
	undef, options => [ '-S', 'nowhere' ]);
ends(
	'no REPLICATION',
	2, qr/error: .*(permission denied|must be superuser)/,
	undef, conninfo => $server->connstr . ' user=ordinary');

# An archive whose next segment is gone.
my $archive = new_archive();
receive_upto('an archive', $server, $archive, write_wal($server, 1.4));
foreach my $try (1 .. 3)
{
	write_wal($server, 5);
	$server->safe_psql('postgres', 'CHECKPOINT');
}
ends('WAL removed', 4, qr/error: .*removed/, $archive);

# One that may go away: tried again, later each time, and so often.
my $receiver = ends(
	'unreachable', 2, qr/error: .*No such file/,
	undef,
	conninfo => $nowhere,
	walfetch => ['--max-retries=2'],
	options  => pg_receivewal() ? [] : ['--verbose']);
my @tries = $receiver->stderr =~ /No such file or directory/g;
is(scalar(@tries), 3, 'unreachable: so many attempts')
  || diag($receiver->stderr);
cmp_ok($receiver->status eq 'signal 9' ? 99 : $receiver->lifetime,
	'>', 0.5, 'unreachable: waits between them');

seen(join('; ', @seen));
known_done();
