# The very lines of contrib/cron/walfetch, several rounds of them.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Fcntl qw(:flock);
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Backup qw(backup_start recovers_from take_backup);

my $server  = new_server('leader');
my $archive = new_archive();
my $base    = PostgreSQL::Test::Utils::tempdir('base');
my $bin     = PostgreSQL::Test::Utils::tempdir('bin');
symlink walfetch(), "$bin/walfetch" or die "could not make a link: $!";

# The values and the jobs of the file: "minute hour day month weekday user
# command", in which a % would be a newline.
my (%values, @jobs);
foreach my $line (
	split /\n/, slurp_file("$FindBin::RealBin/../../contrib/cron/walfetch"))
{
	next if $line =~ /^(#|$)/;
	if ($line =~ /^(\w+)=(.*)/)
	{
		$values{$1} = $2;
		next;
	}
	like($line, qr/^([\d*\/]+ +){5}postgres +\S[^%]*$/, 'a line of a crontab');
	push @jobs, $line =~ /^(?:\S+ +){6}(.*)/;
}
is(scalar(@jobs), 3, 'three jobs');
my %job = map { /walfetch (\w+)/ => $_ } @jobs;
is(join(' ', sort keys %job), 'prune receive verify', 'their commands');
is($values{SHELL}, '/bin/sh', 'the shell');

my %replaced = (
	ARCHIVE => $archive->dir,
	BACKUPS => $base,
	SERVER  => $server->connstr,
	PATH    => "$bin:$values{PATH}");
my $can_verify = system('sh', '-c',
	'"$0" verify --help >/dev/null 2>&1', walfetch()) == 0;

# Run a job: (status, all that it said).
sub run_job
{
	my ($name) = @_;
	my $output = '';

	my $process = WalfetchTest::Process->start(
		command => [ $values{SHELL}, '-c', $job{$name} ],
		env     => { %values, %replaced });
	my $status = $process->wait_for_end(time_limit(60));
	$output = $process->stdout . $process->stderr;
	$process->destroy;
	return ($status, $output);
}

sub is_quiet
{
	my ($test_name, $name, $expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $output) = run_job($name);

	return is("$status$output", $expected, $test_name);
}

# As if everything in the archive had been there for some days.
sub age_archive
{
	my $then = time() - 5 * 86400;
	utime $then, $then, map { $archive->dir . "/$_" } $archive->complete,
	  $archive->partials;
	return;
}

sub first_segment
{
	return substr(($archive->complete)[0], 0, 24);
}

# Nothing there yet: prune says so, and keeps away.
is_quiet('first of all: receive', 'receive', '0');
my ($status, $output) = run_job('prune');
is($status, 1, 'no base backup: prune fails');
like($output, qr/does not exist/, 'no base backup: prune says so');

foreach my $round (1 .. 5)
{
	take_backup($server, "$base/$round", $round % 2 ? ('-Ft', '-z') : ());
	$server->safe_psql('postgres',
		"INSERT INTO acknowledged (b) VALUES ('round $round')");
	my $upto = write_wal($server, 3.3);

	is_quiet("round $round: receive", 'receive', '0');
	is_quiet("round $round: receive again", 'receive', '0');
	PostgreSQL::Test::Utils::system_or_bail('rm', '-r', "$base/" . ($round - 2))
	  if $round > 2;
	is_quiet("round $round: prune lets young WAL be", 'prune', '0')
	  if $round == 1;
	SKIP:
	{
		skip 'no verify command', 1 unless $can_verify;
		is_quiet("round $round: verify", 'verify', '0');
	}
	age_archive();
	is_quiet("round $round: verify, with nothing new", 'verify', '0');
	is_quiet("round $round: prune", 'prune', '0');

	my ($oldest) = sort map { backup_start("$base/$_") }
	  grep { -e "$base/$_" } 1 .. $round;
	is(first_segment(), $oldest,
		"round $round: the first segment is the oldest backup's");
	$archive->is_faithful(
		"round $round: the rest is there",
		servers => [$server],
		from    => lsn_text(
			segment_number($oldest, $archive->segment_size) *
			  $archive->segment_size),
		upto => $upto);
}

# Jobs that step on each other: silence, and the status that says so.
my $receiver = start_receiver($server, $archive,
	options => [ '-S', 'walfetch', '--synchronous' ]);
wait_flushed($server, $receiver, write_wal($server, 1.2));
is_quiet('beside a receiver: receive', 'receive', '3');
is_quiet('beside a receiver: prune',   'prune',   '0');
stops_cleanly('the receiver stops', $receiver, 'TERM');
open my $lock, '<', $archive->dir or die "could not open the archive: $!";
flock($lock, LOCK_EX | LOCK_NB) or die "could not lock the archive: $!";
is_quiet('beside a verify: prune',  'prune',  '3');
is_quiet('beside a prune: verify', 'verify', '3');
close $lock;

recovers_from($server, $archive, "$base/$_",
	"SELECT count(*) FROM acknowledged WHERE b LIKE 'round%'", 5)
  foreach 4, 5;

# Trouble is not silent.
SKIP:
{
	skip 'no verify command', 2 unless $can_verify;
	my $victim = $archive->dir . '/' . ($archive->complete)[1];
	utime undef, undef, $victim;
	open my $file, '+<:raw', $victim or die "could not open \"$victim\": $!";
	seek $file, 100_000, 0;
	print $file 'walfetch' x 100;
	close $file;
	($status, $output) = run_job('verify');
	is($status, 5, 'a damaged segment: verify fails');
	like($output, qr/@{[ ($archive->complete)[1] ]}/,
		'a damaged segment: verify names it');
}
$server->stop('immediate');
($status, $output) = run_job('receive');
is($status, 2, 'no server: receive fails');
like($output, qr/error: /, 'no server: receive says so');

done_testing();
