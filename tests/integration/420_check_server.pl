# walfetch check: each thing that may be wrong with a server, on a server that
# is broken so, and mended as the check says.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use lib "$FindBin::RealBin/../known/lib";

use PostgreSQL::Test::Utils;
use ServerProxy qw(message);
use Test::More;
use WalfetchTest;
use WalfetchTest::Check qw(check finds);

needs_version(13, 'the settings that are judged here');

# What tests are called must not be what walfetch is called.
delete $ENV{PGAPPNAME};

my $server = new_server('leader');
my $base   = $server->connstr;
my $conf   = $server->data_dir . '/postgresql.conf';
my $hba    = $server->data_dir . '/pg_hba.conf';
my $good_conf = slurp_file($conf);
my $good_hba  = slurp_file($hba);

sub put
{
	my ($path, $text) = @_;
	unlink $path;
	append_to_file($path, $text);
	chmod 0600, $path;
	return;
}

# The server with these settings, and none of before.
sub with_conf
{
	my ($lines, $restart) = @_;
	put($conf, "$good_conf\n$lines\n");
	$restart ? $server->restart : $server->reload;
	return;
}

sub with_hba
{
	put($hba, join("\n", @_, ''));
	$server->reload;
	return;
}

sub check_as
{
	my ($user, @options) = @_;
	my $conninfo = $base . (defined $user ? " user=$user" : '');
	return check(walfetch(), [ '-d', $conninfo, @options ]);
}

# A reload takes its time: check until it shows.
sub check_until
{
	my ($name, $level, $words, @options) = @_;
	my $checked;
	wait_until(
		"$name to be $level",
		sub {
			$checked = check_as(undef, @options);
			my $finding = $checked->{findings}{$name} // return 0;
			my $said = join '; ', map { $_ // '' } @$finding{qw(value meaning)};
			return $finding->{level} eq $level && $said =~ $words;
		},
		20);
	return $checked;
}

# All is well.
my $checked = check_as(undef);
is($checked->{status}, 0, 'a good server: status');
my @bad = grep { $_->{level} ne 'ok' } values %{ $checked->{findings} };
is(join(', ', map { $_->{name} } @bad), '', 'a good server: nothing else');
is($checked->{stderr}, '', 'a good server: no message');
my @wanted = (
	'server', 'pg_hba.conf', 'role', 'version', 'wal_level',
	'max_wal_senders', 'max_replication_slots', 'wal_sender_timeout',
	'hot_standby', 'synchronous_standby_names', 'synchronous_commit');
is(join(', ', grep { !$checked->{findings}{$_} } @wanted),
	'', 'a good server: nothing is left out');

# Nobody there.
my $nowhere = 'port=1 host=' . PostgreSQL::Test::Utils::tempdir_short();
$checked = check(walfetch(), [ '-d', $nowhere ]);
is($checked->{status}, 2, 'unreachable: status');
is($checked->{told}, 2, 'unreachable: status in JSON');
finds('unreachable', $checked, 'server', 'error',
	qr/No such file or directory/, qr/Is it running/);

# There, but not ready.
$server->backup('closed');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($server, 'closed', has_streaming => 1);
$standby->append_conf('postgresql.conf', "hot_standby = off\n");
PostgreSQL::Test::Utils::system_log(
	$standby->installed_command('pg_ctl'),
	'-W', '-D', $standby->data_dir, '-l', $standby->logfile, 'start');
wait_until('the standby to say no',
	sub {
		-e $standby->logfile
		  && slurp_file($standby->logfile) =~ /consistent recovery state/;
	});
$checked = check(walfetch(), [ '-d', $standby->connstr, '--wait=1' ]);
is($checked->{status}, 2, 'not ready: status');
finds('not ready', $checked, 'server', 'error',
	qr/not accepting connections|starting up/, qr/--wait/);
like($checked->{stderr}, qr/waiting for the server/, 'not ready: waits');
PostgreSQL::Test::Utils::system_log(
	$standby->installed_command('pg_ctl'),
	'-D', $standby->data_dir, '-m', 'immediate', 'stop');

# Who may come in: these failures are not the same.
my $me = getpwuid($<);
$server->safe_psql(
	'postgres', q(
SET password_encryption = 'scram-sha-256';
CREATE ROLE archiver REPLICATION LOGIN PASSWORD 'secret';
CREATE ROLE "odd one" REPLICATION LOGIN;
CREATE ROLE ordinary LOGIN;
CREATE ROLE nologin REPLICATION;
));
with_hba('local all all trust');
my $pass = { PGPASSWORD => 'secret' };

wait_until('no more replication',
	sub { (check_as('archiver'))->{status} == 2 });
$checked = check_as('archiver');
finds('no entry', $checked, 'server', 'ok');
finds(
	'no entry', $checked, 'pg_hba.conf', 'error',
	qr/no pg_hba\.conf entry for replication/,
	qr/^Add this line to the server's pg_hba\.conf, then reload: local replication archiver scram-sha-256$/);
finds('no entry, but the right', $checked, 'role', 'ok',
	qr/has REPLICATION/);
$checked = check_as('ordinary');
finds('no entry, and no right', $checked, 'role', 'error',
	qr/has no REPLICATION/, qr/ALTER ROLE "ordinary" REPLICATION/);
finds('a name that needs quotes', check_as("'odd one'"),
	'pg_hba.conf', 'error', undef,
	qr/: local replication "odd one" scram-sha-256$/);
finds('the user of the system', check_as($me), 'pg_hba.conf', 'error', undef,
	qr/: local replication $me peer$/);

# The line that it prints is the mend, password and all.
my ($line) = check_as('archiver')->{findings}{'pg_hba.conf'}{mend} =~ /reload: (.*)/;
with_hba('local all all trust', $line);
wait_until('the line to be read',
	sub {
		!(check_as('archiver')->{findings}{'pg_hba.conf'} // {})->{mend};
	});
{
	local $ENV{PGPASSWORD} = 'secret';
	$checked = check_as('archiver');
	is($checked->{status}, 0, 'with that line: status');
	finds('with that line', $checked, 'role', 'ok');
	local $ENV{PGPASSWORD} = 'wrong';
	$checked = check_as('archiver');
	is($checked->{status}, 2, 'wrong password: status');
	finds('wrong password', $checked, 'login', 'error',
		qr/password authentication failed/, qr/~\/\.pgpass/);
}

with_hba('local replication archiver reject',
	'local replication all trust', 'local all all trust');
wait_until('the rejection',
	sub {
		my $f = check_as('archiver')->{findings}{'pg_hba.conf'};
		$f && $f->{level} eq 'error' && $f->{value} =~ /rejects/;
	});
finds('rejected', check_as('archiver'), 'pg_hba.conf', 'error',
	qr/pg_hba\.conf rejects/, qr/above the one that rejects/);

$checked = check_as('ordinary');
is($checked->{status}, 2, 'no REPLICATION: status');
finds('no REPLICATION', $checked, 'pg_hba.conf', 'ok');
finds('no REPLICATION', $checked, 'role', 'error', qr/replication/i,
	qr/ALTER ROLE "ordinary" REPLICATION;/);
finds('no REPLICATION', $checked, 'wal_level', 'ok');
my ($command) =
  $checked->{findings}{role}{mend} =~ /(ALTER ROLE .*;)/;
$server->safe_psql('postgres', $command);
finds('mended', check_as('ordinary'), 'role', 'ok');

finds('no such role', check_as('nobody_here'), 'login', 'error',
	qr/role "nobody_here" does not exist/, qr/CREATE ROLE "nobody_here"/);
finds('may not log in', check_as('nologin'), 'login', 'error',
	qr/not permitted to log in/, qr/ALTER ROLE "nologin" LOGIN/);

# Not the proof that the file asks for.
with_hba('local replication archiver peer', 'local replication shown scram-sha-256',
	'local replication all trust', 'local all all trust');
$server->safe_psql('postgres',
	"CREATE ROLE shown REPLICATION LOGIN PASSWORD 'secret'");
wait_until('the new methods',
	sub { defined check_as('archiver')->{findings}{login} });
$checked = check_as('archiver');
is($checked->{status}, 2, 'another user of the system: status');
finds('another user of the system', $checked, 'login', 'error',
	qr/Peer authentication failed/,
	qr/role "archiver" is only for .* of that name, and this is "$me": map it/);
unlike($checked->{findings}{login}{mend},
	qr/CREATE ROLE/, 'another user of the system: the role is there');
finds('no password', check_as('shown', '-w'), 'login', 'error',
	qr/no password supplied/, qr/password file/);
put($hba, $good_hba);
$server->reload;
wait_until('the old methods',
	sub { !check_as('archiver')->{findings}{login} });

# There, but not the one that is wanted.
$checked = check(walfetch(),
	[ '-d', $server->connstr . ' target_session_attrs=standby' ]);
is($checked->{status}, 2, 'not a standby: status');
finds('not a standby', $checked, 'server', 'error',
	qr/not in hot standby mode/, qr/not what target_session_attrs asks for/);

# A role that may have no normal connection: that is no fault of the server's.
$server->safe_psql('postgres',
	'CREATE ROLE busy REPLICATION LOGIN CONNECTION LIMIT 0');
$checked = check_as('busy');
is($checked->{status}, 0, 'no normal connection: status');
finds('no normal connection', $checked, 'SQL', 'warning',
	qr/too many connections for role "busy"/);

# No database for this role.
with_hba(
	'local replication all trust',
	'local all odd reject',
	"local all $me trust",
	'local all postgres trust');
wait_until('the database to be closed',
	sub { defined((check_as('ordinary'))->{findings}{SQL}) });
$checked = check_as('ordinary');
is($checked->{status}, 0, 'no SQL: status');
finds('no SQL', $checked, 'SQL', 'warning', qr/no normal connection: /,
	qr/Let the role into a database/);
finds('no SQL', $checked, 'wal_level', 'ok');
finds('no SQL', $checked, 'max_wal_senders', 'ok', qr/not known/);
finds('no SQL', $checked, 'max_replication_slots', 'ok', qr/not known/);
put($hba, $good_hba);
$server->reload;
wait_until('SQL again', sub { !check_as('ordinary')->{findings}{SQL} });

# Versions that were not tried, and one that is too old.
foreach my $row ([ '25.1', 'warning', qr/^25\.1/ ], [ '9.6.24', 'error', qr/^9\.6/ ])
{
	my ($version, $level, $words) = @$row;
	my $proxy = ServerProxy->start(
		$server,
		from_server => sub {
			my ($connection, $type, $body) = @_;
			return
			  if $type ne 'S' || $body !~ /^server_version\0/;
			return message('S', "server_version\0$version\0");
		});
	finds("version $version", check(walfetch(), [ '-d', $proxy->connstr ]),
		'version', $level, $words, qr/./);
}

# Settings, one after the other.
with_conf("wal_level = minimal\nmax_wal_senders = 0", 1);
$checked = check_as(undef);
is($checked->{status}, 2, 'wal_level: status');
finds('wal_level', $checked, 'wal_level', 'error', qr/minimal.*sends no WAL/,
	qr/wal_level = replica/);
finds('max_wal_senders = 0', $checked, 'max_wal_senders', 'error',
	qr/^0; nobody more/, qr/ALTER SYSTEM SET max_wal_senders = 10/);
finds('max_wal_senders = 0', $checked, 'connections', 'error',
	qr/max_wal_senders/);

with_conf('max_wal_senders = 2', 1);
finds('two places', check_as(undef), 'max_wal_senders', 'warning',
	qr/2, 2 free; .*backup beside a receiver/, qr/max_wal_senders = 10/);
my $receiver = start_receiver($server, new_archive(), options => [ '-s', 1 ]);
ok(wait_flushed_or_streaming(), 'a receiver takes a place');
finds('one place left', check_as(undef), 'max_wal_senders', 'warning',
	qr/2, 1 free/, qr/max_wal_senders = 10/);
my $second = start_receiver($server, new_archive(), options => [ '-s', 1 ]);
ok(wait_flushed_or_streaming(2), 'a second takes the other');
$checked = check_as(undef);
is($checked->{status}, 2, 'no place left: status');
finds('no place left', $checked, 'connections', 'error',
	qr/exceeds "?max_wal_senders/, qr/Wait until others leave/);
finds('no place left', $checked, 'max_wal_senders', 'error',
	qr/2, none free/, qr/max_wal_senders = 10/);
stops_cleanly('the first stops', $receiver, 'TERM');
stops_cleanly('the second stops', $second, 'TERM');

sub wait_flushed_or_streaming
{
	my ($count) = @_;
	$count //= 1;
	return wait_until(
		"$count streaming",
		sub {
			$server->safe_psql('postgres',
				"SELECT count(*) FROM pg_stat_replication "
				  . "WHERE state = 'streaming'") >= $count;
		});
}

with_conf('max_replication_slots = 1', 1);
create_slot($server, 'only');
finds('no slot left', check_as(undef), 'max_replication_slots', 'warning',
	qr/1, none free; no slot can be made/, qr/max_replication_slots = 10/);
$checked = check_as(undef, '-S', 'another');
is($checked->{status}, 2, 'no slot left, and one is wanted: status');
finds('no slot left, and one is wanted', $checked, 'max_replication_slots',
	'error', qr/none free/, qr/drop a slot/);
finds('no slot left, but it exists', check_as(undef, '-S', 'only'),
	'max_replication_slots', 'ok', qr/none free/);
$server->safe_psql('postgres', "SELECT pg_drop_replication_slot('only')");

with_conf('wal_keep_size = 0');
$checked = check_until('wal_keep_size', 'warning', qr/^0; /);
finds('wal_keep_size', $checked, 'wal_keep_size', 'warning',
	qr/may go before/, qr/Use a slot/);
create_slot($server, 'archive');
finds('wal_keep_size with a slot', check_as(undef, '-S', 'archive'),
	'wal_keep_size', 'ok');
finds('max_slot_wal_keep_size', check_as(undef, '-S', 'archive'),
	'max_slot_wal_keep_size', 'warning', qr/^-1; .*fills the server's disk/,
	qr/max_slot_wal_keep_size = '50GB'/);
with_conf("max_slot_wal_keep_size = '1GB'");
$checked = check_until('max_slot_wal_keep_size', 'ok', qr/^1GB/,
	'-S', 'archive');
finds('max_slot_wal_keep_size is set', $checked, 'max_slot_wal_keep_size',
	'ok', qr/^1GB; .*loses its slot/);

with_conf("wal_sender_timeout = 0");
$checked = check_until('wal_sender_timeout', 'warning', qr/^0; /);
finds('wal_sender_timeout off', $checked, 'wal_sender_timeout', 'warning',
	qr/never notices/, qr/'60s'/);
with_conf("wal_sender_timeout = '5s'");
$checked = check_until('wal_sender_timeout', 'warning', qr/^5s; /);
finds('wal_sender_timeout short', $checked, 'wal_sender_timeout', 'warning',
	qr/too short/, qr/--status-interval/);

with_conf('hot_standby = off', 1);
finds('hot_standby', check_as(undef), 'hot_standby', 'warning',
	qr/answers no queries/, qr/hot_standby = on/);

with_conf("synchronous_standby_names = 'gone'");
$checked = check_until('synchronous_standby_names', 'warning', qr/^gone; /);
finds('nobody to commit', $checked, 'synchronous_standby_names', 'warning',
	qr/0 of 1 are connected: commits hang; commits do not wait for walfetch/,
	qr/Start the followers/);
is($checked->{status}, 0, 'nobody to commit: status');
with_conf("synchronous_standby_names = '2 (gone, walfetch)'\n"
	  . "synchronous_commit = remote_apply");
$checked = check_until('synchronous_commit', 'error', qr/remote_apply/);
is($checked->{status}, 2, 'remote_apply: status');
finds('remote_apply', $checked, 'synchronous_commit', 'error',
	qr/wait for ever/, qr/synchronous_commit = on/);
finds('remote_apply', $checked, 'synchronous_standby_names', 'warning',
	qr/0 of 2.*run walfetch receive with --synchronous/);

# By whatever name the receiver goes there.
foreach my $row (
	[ 'in the connection string', " application_name='the Archive'", {} ],
	[ 'in the environment', '', { PGAPPNAME => 'The archive' } ])
{
	my ($where, $conninfo, $env) = @$row;
	with_conf("synchronous_standby_names = '1 (\"the archive\")'\n"
		  . "synchronous_commit = remote_apply");
	wait_until(
		'the names to be read',
		sub {
			$server->safe_psql('postgres', 'SHOW synchronous_standby_names') =~
			  /the archive/;
		});
	$checked = check(walfetch(), [ '-d', "$base$conninfo" ], env => $env);
	is($checked->{status}, 2, "a name $where: status");
	finds("a name $where", $checked, 'synchronous_standby_names',
		'warning', qr/--synchronous, for commits wait for "[Tt]he [Aa]rchive"/);
	finds("a name $where", $checked, 'synchronous_commit', 'error',
		qr/wait for ever/, qr/take "[Tt]he [Aa]rchive" out of/);
}
$checked = check_as(undef);
is($checked->{status}, 0, 'another name: status');
finds('another name', $checked, 'synchronous_standby_names', 'warning',
	qr/do not wait for walfetch receive, whose application_name is "walfetch"/);

# The same without SQL.
with_conf("synchronous_standby_names = 'walfetch'\n"
	  . "synchronous_commit = remote_apply");
check_until('synchronous_commit', 'error', qr/remote_apply/);
finds('remote_apply without SQL', check_as('busy'),
	'synchronous_commit', 'error', qr/wait for ever/,
	qr/synchronous_commit = on/);
with_conf('synchronous_commit = off');
$checked = check_until('synchronous_commit', 'warning', qr/off/);
finds('synchronous_commit = off', $checked, 'synchronous_commit', 'warning',
	qr/loses commits/, qr/synchronous_commit = on/);

# As lines for people, and only those that want attention.
my ($out, $err) = run_command([ walfetch(), 'check', '-d', $base, '--quiet' ]);
like($out, qr/^warning  synchronous_commit: off; .*\n {9}ALTER SYSTEM/m,
	'--quiet: only what is not ok');
unlike($out, qr/^ok/m, '--quiet: nothing that is ok');
($out) = run_command([ walfetch(), 'check', '-d', $base ]);
like($out, qr/^ok       wal_level: replica; /m, 'lines for people');

done_testing();
