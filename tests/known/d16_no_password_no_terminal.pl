# D16: a password is needed, and there is no terminal to ask for it.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

known('D16');
my $server = new_server('leader', conf => "log_connections = on\n");
my $home = PostgreSQL::Test::Utils::tempdir();

$server->safe_psql(
	'postgres', q(
SET password_encryption = 'scram-sha-256';
CREATE ROLE scram REPLICATION LOGIN PASSWORD 'right';
));
my $hba   = $server->data_dir . '/pg_hba.conf';
my $rules = slurp_file($hba);
unlink $hba;
append_to_file($hba, "local replication scram scram-sha-256\n$rules");
$server->reload;

# No terminal: all processes of these tests are sessions of their own.
my $from = -s $server->logfile;
my $receiver = start(
	$server, new_archive(),
	conninfo => $server->connstr . ' user=scram',
	env      => { HOME => $home, PGPASSFILE => "$home/none" });
my $status = $receiver->wait_for_end(pg_receivewal() ? 3 : time_limit(10));
$receiver->stop('KILL', 10);
my $connections =
  () = slurp_file($server->logfile, $from) =~ /connection received/g;
is($status, 2, 'ends with status');
cmp_ok($connections, '<=', 2, 'does not try again and again');
like($receiver->stderr, qr/error: .*no password supplied/, 'says why');
my @errors = $receiver->stderr =~ /error: /g;
is(scalar(@errors), 1, 'says it once');
seen(
	$status eq 'still running'
	? "$connections connections in 3 s, for ever"
	: "$connections connection(s), status $status");
known_done();
