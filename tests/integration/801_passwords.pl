# A password is taken from where libpq takes it, and turns up nowhere: not in a
# message, however talkative, not in the archive, not in the status, not in the
# list of processes. The one exception: backup -R, as pg_basebackup does.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use File::Find;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Process;

my $secret = 'sEcReT-42';
my $server = new_server('leader');
my $hba    = $server->data_dir . '/pg_hba.conf';

$server->safe_psql('postgres', <<"END");
SET password_encryption = 'scram-sha-256';
CREATE ROLE archiver REPLICATION LOGIN PASSWORD '$secret';
GRANT pg_monitor TO archiver;
END
append_to_file("$hba.new",
	"local all,replication archiver scram-sha-256\n" . slurp_file($hba));
rename "$hba.new", $hba or die $!;
$server->reload;

my $place    = 'host=' . $server->host . ' port=' . $server->port;
my $folder   = PostgreSQL::Test::Utils::tempdir('files');
my $passfile = "$folder/pgpass";
my $service  = "$folder/service";
my $uri      = sprintf('postgresql://archiver:%s@/?host=%s&port=%d',
	$secret, $server->host, $server->port);

append_to_file($passfile, "*:*:*:archiver:$secret\n");
append_to_file($service,  "[leader]\nuser=archiver\npassword=$secret\n"
	  . $place =~ s/ /\n/r . "\n");
chmod 0600, $passfile, $service or die $!;

# Every place that libpq has: a connection string, and the environment.
my %places = (
	'PGPASSWORD'        => [ "$place user=archiver", PGPASSWORD => $secret ],
	'password file'     => [ "$place user=archiver passfile=$passfile" ],
	'PGPASSFILE'        => [ "$place user=archiver", PGPASSFILE => $passfile ],
	'connection string' => [ "$place user=archiver password=$secret" ],
	'quoted'            => [ "$place user=archiver password = '$secret'" ],
	'URI'               => [$uri],
	'service'           => [ 'service=leader', PGSERVICEFILE => $service ]);

my @processes;
my @folders;

sub run_walfetch
{
	my ($env, @command) = @_;
	my $process = WalfetchTest::Process->start(
		command => [ walfetch(), @command ],
		env     => $env);

	push @processes, $process;
	return $process;
}

sub succeeds
{
	my ($name, $process) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $status = $process->wait_for_end(time_limit(60));

	return is($status, 0, $name) || diag($process->stderr);
}

sub new_folder
{
	my $new = PostgreSQL::Test::Utils::tempdir('folder');

	chmod 0700, $new or die $!;
	push @folders, $new;
	return $new;
}

# Where, in what a folder holds, the password is.
sub places_below
{
	my (@dirs) = @_;
	my @found;

	find(
		{
			no_chdir => 1,
			wanted   => sub {
				push @found, $_
				  if -f $_ && slurp_file($_) =~ /\Q$secret\E/;
			}
		},
		@dirs);
	return sort @found;
}

foreach my $name (sort keys %places)
{
	my ($conninfo, %env) = @{ $places{$name} };

	succeeds("receive: $name",
		run_walfetch(\%env, 'receive', '-D', new_folder(), '-d', $conninfo,
			qw(-vv --once --no-loop)));
	succeeds("check: $name",
		run_walfetch(\%env, 'check', '-d', $conninfo, qw(-vv --json)));
	succeeds("status: $name",
		run_walfetch(\%env, 'status', '-d', $conninfo, qw(-vv --json)));
	succeeds("backup: $name",
		run_walfetch(\%env, 'backup', '-D', new_folder() . '/base', '-d',
			$conninfo, qw(-vv -c fast --json)));
}

# Wrong ones, and words that libpq cannot read.
foreach my $conninfo (
	"$place user=archiver password=$secret-wrong",
	"$place user=archiver password=$secret-wrong host=/nonexistent",
	"$place user=archiver password='$secret",
	"$place user=archiver password=$secret nonsense",
	"$place user=archiver password=$secret nonsense=1",
	"$place user=archiver password $secret",
	"postgresql://archiver:$secret\@[::1",
	"postgresql://archiver:$secret%zz\@/",
	"postgresql://archiver:$secret@/?nonsense=1",
	"postgresql://archiver:$secret")
{
	my $process = run_walfetch({}, 'receive', '-D', new_folder(), '-d',
		$conninfo, qw(-vv --no-loop));

	like($process->wait_for_end(time_limit(60)),
		qr/^[12]$/, 'refused: ' . $conninfo =~ s/\Q$secret\E/SECRET/r);
}

# While it runs.
my ($held, $archive) = ('held', new_folder());
create_slot($server, $held);
foreach my $conninfo ("$place user=archiver password=$secret", $uri)
{
	my $receiver = run_walfetch({}, 'receive', '-D', $archive, '-d', $conninfo,
		'-S', $held, qw(-vv -s 1));
	my $file = "$archive/.walfetch.status";

	ok(wait_until('the status', sub { -e $file && slurp_file($file) =~ /streaming/ }),
		'a receiver runs');
	my $line = slurp_file('/proc/' . $receiver->pid . '/cmdline');
  SKIP:
	{
		skip 'valgrind keeps the command line', 1 if $line =~ /valgrind/;
		unlike($line, qr/\Q$secret\E/, 'its command line has no password');
	}
	succeeds('status of it',
		run_walfetch({}, 'status', '-D', $archive, qw(--json -vv)));
	is_deeply([ places_below($archive) ], [], 'nor has its archive, meanwhile');
	stops_cleanly('it stops', $receiver, 'TERM');
}

foreach my $process (@processes)
{
	next if ($process->stdout . $process->stderr) !~ /\Q$secret\E/;
	fail('no output has it');
	diag($process->stderr);
}
is_deeply([ places_below(@folders) ], [], 'no file has it');

# A follower needs a password of its own: the one that was in the connection
# string or the environment, but no copy of a password file.
foreach my $name (sort keys %places)
{
	my ($conninfo, %env) = @{ $places{$name} };
	my ($plain, $tar) = (new_folder(), new_folder());

	succeeds("backup -R: $name",
		run_walfetch(\%env, 'backup', '-D', $plain, '-d', $conninfo,
			qw(-R -vv -c fast)));
	succeeds("backup -R -F tar: $name",
		run_walfetch(\%env, 'backup', '-D', $tar, '-d', $conninfo,
			qw(-R -F tar -vv -c fast)));
	is_deeply(
		[ places_below($plain, $tar) ],
		$name =~ /file/i
		? []
		: [ sort "$plain/postgresql.auto.conf", "$tar/base.tar" ],
		"backup -R: $name: where it is");
	is(sprintf('%o', (stat "$plain/postgresql.auto.conf")[2] & 0777),
		'600', "backup -R: $name: who may read it");
	is(sprintf('%o', (stat "$tar/base.tar")[2] & 0777),
		'600', "backup -R -F tar: $name: who may read it");
}
is(scalar(grep { ($_->stdout . $_->stderr) =~ /\Q$secret\E/ } @processes),
	0, 'no output has it');

done_testing();
