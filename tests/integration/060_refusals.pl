# Servers that say no: one clear message, the right status, no endless tries.
# D16, D24.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $server = new_server('leader', conf => "log_connections = on\n");
my $home   = PostgreSQL::Test::Utils::tempdir('home');
my %no_password = (HOME => $home, PGPASSFILE => "$home/none");

$server->safe_psql(
	'postgres', q(
SET password_encryption = 'scram-sha-256';
CREATE ROLE scram REPLICATION LOGIN PASSWORD 'right';
CREATE ROLE rejected REPLICATION LOGIN;
CREATE ROLE ordinary LOGIN;
));
my $hba = $server->data_dir . '/pg_hba.conf';
my $rules = slurp_file($hba);
unlink $hba;
append_to_file(
	$hba, qq(
local replication scram scram-sha-256
local replication rejected reject
$rules));
$server->reload;

my $base = $server->connstr . ' application_name=walfetch_test';

# How many connections the server has seen since its log had that length.
sub connections
{
	my ($from) = @_;
	my @lines = slurp_file($server->logfile, $from) =~ /connection received/g;
	return scalar @lines;
}

# A refusal that stays: status 2 after one connection (attempts), even without
# --no-loop, a message, and nothing in the archive.
sub is_refused
{
	my ($name, $pattern, %params) = @_;
	my $attempts = delete $params{attempts} // 1;
	my $archive  = new_archive();
	my $from = -s $server->logfile;
	my ($status, $stderr) = run_receiver($server, $archive,
		seconds => time_limit(10), %params);

	is($status, 2, "$name: status");
	like($stderr, $pattern, "$name: message");
	is(connections($from), $attempts, "$name: connection attempts");
	is(join(' ', grep { !/^\./ } $archive->names),
		'', "$name: nothing is archived");
	return $stderr;
}

is_refused(
	'wrong password',
	qr/error: .*password authentication failed for user "scram"/,
	conninfo => "$base user=scram password=wrong");
is_refused(
	'wrong password, --no-loop',
	qr/error: .*password authentication failed for user "scram"/,
	conninfo => "$base user=scram password=wrong",
	options  => ['--no-loop']);

my $stderr = is_refused(
	'D16: no password and no terminal',
	qr/error: .*no password supplied/,
	conninfo => "$base user=scram",
	env      => \%no_password);
like($stderr, qr/hint: .*(PGPASSWORD|pgpass)/i,
	'D16: says where a password is looked for');
is_refused(
	'no password, -w',
	qr/error: .*no password supplied/,
	conninfo => "$base user=scram",
	env      => \%no_password,
	options  => ['-w']);

is_refused(
	'pg_hba.conf rejects',
	qr/error: .*pg_hba\.conf rejects replication connection/,
	conninfo => "$base user=rejected");
is_refused(
	'no such role',
	qr/error: .*role "nobody_here" does not exist/,
	conninfo => "$base user=nobody_here");
is_refused(
	'a role without REPLICATION',
	qr/error: .*(permission denied|must be superuser or replication role)/,
	conninfo => "$base user=ordinary");

# Before version 15 slots are read over a second connection, a normal one.
foreach my $options ([], ['--no-loop'], [ '--once', '-Z', 'lz4' ])
{
	is_refused(
		"no such slot, @$options",
		qr/error: replication slot "nowhere" does not exist/,
		attempts => server_version() < 15 ? 2 : 1,
		options  => [ '-S', 'nowhere', @$options ]);
}

# With the right password, from a file and from the environment, it works.
append_to_file("$home/pgpass", "*:*:*:scram:right\n");
chmod 0600, "$home/pgpass";
finishes(
	'password file',
	$server, new_archive(),
	conninfo => "$base user=scram",
	env      => { HOME => $home, PGPASSFILE => "$home/pgpass" },
	options  => ['--once']);
finishes(
	'PGPASSWORD',
	$server, new_archive(),
	conninfo => "$base user=scram",
	env      => { %no_password, PGPASSWORD => 'right' },
	options  => [ '--once', '-w' ]);

# Nobody is there: tries again, but only so often.
my $nowhere = 'port=1 host=' . PostgreSQL::Test::Utils::tempdir_short();
my ($status, $receiver);
($status, $stderr) = run_receiver(
	undef, new_archive(),
	conninfo => $nowhere,
	options  => ['--no-loop']);
is($status, 2, 'unreachable, --no-loop: status');
like($stderr, qr/error: .*No such file or directory/,
	'unreachable, --no-loop: message');

($status, $stderr, $receiver) = run_receiver(
	undef, new_archive(),
	conninfo => $nowhere,
	options  => ['--max-retries=2']);
is($status, 2, 'unreachable, --max-retries=2: status');
cmp_ok($receiver->lifetime, '>', 0.5, 'waits between the tries');
my @tries = $stderr =~ /No such file or directory/g;
is(scalar @tries, 3, 'three tries are told of') || diag($stderr);

$receiver = start_receiver(undef, new_archive(), conninfo => $nowhere);
wait_until('a first try',
	sub { $receiver->stderr =~ /No such file or directory/ });
stops_cleanly('stops while it waits for the next try', $receiver, 'TERM');

# A slot that somebody else uses is worth another try.
create_slot($server, 'shared');
my $first = start_receiver($server, new_archive(),
	options => [ '-S', 'shared', '-s', 1 ]);
ok(wait_flushed($server, $first, write_wal($server, 0.5)),
	'a first receiver has the slot');
($status, $stderr) = run_receiver($server, new_archive(),
	options => [ '-S', 'shared', '--no-loop' ]);
is($status, 2, 'slot in use, --no-loop: status');
like($stderr, qr/replication slot "shared" is active for PID/,
	'slot in use: message');
my $second = start_receiver($server, new_archive(),
	app     => 'second',
	options => [ '-S', 'shared', '-s', 1 ]);
wait_until('a refusal', sub { $second->stderr =~ /is active for PID/ });
ok($second->running, 'slot in use: waits for it');
stops_cleanly('the first stops', $first, 'TERM');
ok(wait_flushed($server, $second, flush_lsn($server), 'second'),
	'slot in use: streams when it is free');
stops_cleanly('the second stops', $second, 'TERM');

done_testing();
