# walfetch check over TCP: a server in a network of its own, for what a Unix
# socket never says.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Check qw(check finds);

my @network = ('unshare', '-Un', "--map-user=$<", '--keep-caps', 'sh', '-c');

plan(skip_all => 'no network of its own can be made here')
  if system(@network, 'ip link set lo up 2>/dev/null') != 0;

delete $ENV{PGAPPNAME};

my $server = new_server('leader');
my $data   = $server->data_dir;
my $port   = $server->port;
$server->safe_psql('postgres', "CREATE ROLE archiver REPLICATION LOGIN");
$server->stop;

# Check a server with these settings and lines of pg_hba.conf in a network where
# nobody else is.
sub check_there
{
	my ($settings, $hba, $conninfo) = @_;
	my $script = 'ip link set lo up && shift && '
	  . 'pg_ctl -s -w -D "$0" -l "$0/log" -o "$1" start && shift && '
	  . '{ "$@"; status=$?; pg_ctl -s -w -D "$0" -m immediate stop; exit $status; }';

	unlink("$data/pg_hba.conf");
	append_to_file("$data/pg_hba.conf", "$hba\n");
	return check(
		walfetch(),
		[ '-d', "host=127.0.0.1 port=$port user=archiver $conninfo" ],
		wrapper => [
			@network, $script, $data, '-', "-c listen_addresses=127.0.0.1 $settings"
		]);
}

my $trust = "host all all 127.0.0.1/32 trust\nlocal all all trust";

my $checked = check_there('', "$trust\nhost replication all all trust", '');
is($checked->{status}, 0, 'over TCP: status');
finds('over TCP', $checked, 'server', 'ok', qr/^127\.0\.0\.1:$port/);

$checked = check_there('', $trust, '');
is($checked->{status}, 2, 'no entry: status');
finds('no entry', $checked, 'pg_hba.conf', 'error', qr/no pg_hba\.conf entry/,
	qr{: host replication archiver 127\.0\.0\.1/32 scram-sha-256$});

$checked = check_there('', $trust, 'sslmode=require');
is($checked->{status}, 2, 'no encryption: status');
finds('no encryption', $checked, 'server', 'error',
	qr/server does not support SSL/, qr/do not agree on encryption: sslmode/);

SKIP:
{
	my @openssl = (
		'openssl', 'req', '-new', '-x509', '-nodes', '-subj', '/CN=leader',
		'-newkey', 'rsa:2048', '-keyout', "$data/server.key",
		'-out', "$data/server.crt");

	skip('no certificate can be made here', 4)
	  if !IPC::Run::run(\@openssl, '&>', \my $said);
	chmod 0600, "$data/server.key";
	$checked = check_there('-c ssl=on', $trust, 'sslmode=require');
	is($checked->{status}, 2, 'no entry, encrypted: status');
	finds('no entry, encrypted', $checked, 'pg_hba.conf', 'error',
		qr/no pg_hba\.conf entry/,
		qr{: hostssl replication archiver 127\.0\.0\.1/32 scram-sha-256$});
}

done_testing();
