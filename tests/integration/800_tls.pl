# TLS, what a server must prove, and how walfetch proves itself: certificates,
# SCRAM with channel binding, and passwords in clear text, which need a word.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use WalfetchTest::Network;
BEGIN { own_network(); }

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Certificates;

plan skip_all => 'no openssl here'
  if system('openssl version >/dev/null 2>&1') != 0;

my $host   = 'leader.walfetch.test';
my $secret = 'sEcReT-42';
my $ours   = WalfetchTest::Certificates->new('ours');
my $others = WalfetchTest::Certificates->new('others');

$ours->issue('leader',  $host);
$ours->issue('stale',   $host, -1);
$ours->issue('revoked', $host);
$ours->revoke('revoked');
$ours->issue('elsewhere', 'elsewhere.walfetch.test');
$ours->issue('archiver',  'archiver');
$ours->issue('stranger',  'stranger');
$others->issue('leader',   $host);
$others->issue('archiver', 'archiver');

my $server = new_server('leader', conf => "listen_addresses = '127.0.0.1'\n");
my $port   = $server->port;
my $data   = $server->data_dir;

$server->safe_psql('postgres', <<"END");
SET password_encryption = 'scram-sha-256';
CREATE ROLE scram REPLICATION LOGIN PASSWORD '$secret';
CREATE ROLE clear REPLICATION LOGIN PASSWORD '$secret';
CREATE ROLE archiver REPLICATION LOGIN;
SET password_encryption = 'md5';
CREATE ROLE md5 REPLICATION LOGIN PASSWORD '$secret';
END
unlink "$data/pg_hba.conf";
append_to_file("$data/pg_hba.conf", <<'END');
local   all                      all                    trust
host    all,replication scram    127.0.0.1/32 scram-sha-256
host    all,replication md5      127.0.0.1/32 md5
host    all,replication clear    127.0.0.1/32 password
hostssl all,replication archiver 127.0.0.1/32 cert
END

$server->append_conf('postgresql.conf', <<"END");
ssl = on
ssl_ca_file = '@{[ $ours->path('root.crt') ]}'
END

# The server shows this certificate from now on.
sub serve
{
	my ($authority, $name) = @_;

	foreach my $end ('crt', 'key')
	{
		my $to = "$data/server.$end";
		unlink $to;
		append_to_file($to, slurp_file($authority->path("$name.$end")));
		chmod 0600, $to or die $!;
	}
	$server->restart;
	return;
}

my $base = "host=$host hostaddr=127.0.0.1 port=$port";
my $full = "$base sslmode=verify-full sslrootcert=" . $ours->path('root.crt');

sub run_once
{
	my ($conninfo, %params) = @_;
	return run_receiver(
		$server, new_archive(),
		conninfo => $conninfo,
		options  => [ '--once', '--no-loop', @{ $params{options} // [] } ],
		env      => {
			PGPASSWORD => $secret,
			PGSSLCERT  => '/nonexistent',
			%{ $params{env} // {} }
		});
}

sub connects
{
	my ($name, @arguments) = @_;
	my ($status, $stderr) = run_once(@arguments);
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return is($status, 0, $name) || diag($stderr);
}

# One message, whose pattern and status are given, and no secret in it.
sub refuses
{
	my ($name, $pattern, $conninfo, %params) = @_;
	my ($status, $stderr) = run_once($conninfo, %params);
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is($status, $params{status} // 2, "$name: status");
	like($stderr, qr/\A\S+ error: .*$pattern.*\n(\S+ hint: .*\n)?\z/,
		"$name: one message");
	unlike($stderr, qr/\Q$secret\E/, "$name: no secret");
	return;
}

# Who the server is.
serve($ours, 'leader');
connects('verify-full', "$full user=scram");
connects('TLS that proves nothing', "$base sslmode=require user=scram");
refuses('another name', qr/does not match host name "another.test"/,
	"$full user=scram" =~ s/\Q$host\E/another.test/r);
refuses(
	'another authority', qr/certificate verify failed/,
	"$base sslmode=verify-full user=scram sslrootcert="
	  . $others->path('root.crt'));
refuses('no root certificate', qr/root certificate file .* does not exist/,
	"$base sslmode=verify-full user=scram sslrootcert=/nonexistent");
serve($ours, 'elsewhere');
refuses('certificate of another host', qr/does not match host name "\Q$host\E"/,
	"$full user=scram");
serve($ours, 'stale');
refuses('expired', qr/certificate has expired|certificate verify failed/,
	"$full user=scram");
serve($ours, 'revoked');
connects('revoked, which nobody was told', "$full user=scram");
refuses('revoked', qr/certificate (revoked|verify failed)/,
	"$full user=scram sslcrl=" . $ours->path('revoked.crl'));
serve($others, 'leader');
refuses('certificate of another authority', qr/certificate verify failed/,
	"$full user=scram");

# Who the client is.
serve($ours, 'leader');
my $key = $ours->path('archiver.key');
my $certificate = "sslcert=" . $ours->path('archiver.crt') . " sslkey=$key";
connects('client certificate', "$full user=archiver $certificate");
refuses('no client certificate', qr/requires a valid client certificate/,
	"$full user=archiver");
refuses(
	'client certificate of another role',
	qr/certificate authentication failed/,
	"$full user=archiver sslcert=" . $ours->path('stranger.crt')
	  . ' sslkey=' . $ours->path('stranger.key'));
refuses(
	'client certificate of another authority',
	qr/unknown ca|certificate (unknown|required)|closed the connection/,
	"$full user=archiver sslcert=" . $others->path('archiver.crt')
	  . ' sslkey=' . $others->path('archiver.key'));
chmod 0644, $key or die $!;
refuses('key that others can read', qr/"\Q$key\E" has group or world access/,
	"$full user=archiver $certificate");
chmod 0600, $key or die $!;
refuses('no such key', qr/private key file "\/nonexistent"/,
	"$full user=archiver sslkey=/nonexistent sslcert="
	  . $ours->path('archiver.crt'));

# Passwords that only one who has them can use.
connects('channel binding', "$full user=scram channel_binding=require");
refuses('channel binding without TLS', qr/channel binding required/i,
	"$base sslmode=disable user=scram channel_binding=require");
refuses('channel binding with MD5', qr/channel binding required/i,
	"$full user=md5 channel_binding=require");
connects('SCRAM without TLS', "$base sslmode=disable user=scram");
connects('MD5',               "$full user=md5");
refuses(
	'a wrong password',
	qr/password authentication failed/,
	"$full user=scram",
	env => { PGPASSWORD => "not $secret" });

# The password itself, within TLS and without.
my $libpq_knows =
  (run_once("require_auth=none host=/nonexistent"))[1] !~ /require_auth/;
my $clear = qr/clear ?text/;
foreach my $way ('disable', 'require', 'verify-full')
{
	my $conninfo = "$full sslmode=$way user=clear";

	refuses("clear text, $way", $clear, $conninfo);
	connects("clear text allowed, $way", $conninfo,
		options => ['--allow-cleartext']);
}
refuses('clear text, prefer', $clear, "$base user=clear");
if ($libpq_knows)
{
	connects('require_auth=password',
		"$full user=clear require_auth=password");
	connects('require_auth of the environment',
		"$full user=clear", env => { PGREQUIREAUTH => 'password' });
	refuses('require_auth=scram-sha-256, MD5', qr/authentication method/,
		"$full user=md5 require_auth=scram-sha-256");
	refuses(
		'require_auth wins over --allow-cleartext',
		qr/authentication method/,
		"$full user=clear require_auth=scram-sha-256",
		options => ['--allow-cleartext']);
}
else
{
	refuses('require_auth, unknown', qr/invalid connection option/,
		"$full user=scram require_auth=scram-sha-256", status => 1);
	refuses('PGREQUIREAUTH, unknown', qr/PGREQUIREAUTH is set/,
		"$full user=scram", status => 1,
		env => { PGREQUIREAUTH => 'scram-sha-256' });
}

# A stream over TLS, whose connection was looked at, is one like any other.
my $archive  = new_archive();
my $from     = create_slot($server, 'held');
my $receiver = start_receiver(
	$server, $archive,
	conninfo => "$full user=scram application_name=walfetch_test",
	options  => [ '-S', 'held', '-s', 1 ],
	env      => { PGPASSWORD => $secret });
my $upto = write_wal($server, 20);
ok(wait_flushed($server, $receiver, $upto), 'WAL arrives over TLS');
stops_cleanly('a clean stop', $receiver, 'TERM');
$archive->is_faithful(
	'and it is the server\'s',
	servers => [$server],
	from    => $from,
	upto    => $upto);

done_testing();
