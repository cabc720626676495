# A server that makes libpq take memory: announced and sent messages of a
# gigabyte, and very many small ones, at every stage. The process stays within
# its bound, says why it ends, and ends in time.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use Leader;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Process;

plan skip_all => 'a sanitizer needs memory of its own' if sanitized();

my $megabyte = 1024 * 1024;
my $gigabyte = 1024 * $megabyte;

# --memory and what comes on top of it, see walfetch-receive(1).
my $memory = 64 * $megabyte;
my $bound  = $memory + 256 * $megabyte;
my $dir    = PostgreSQL::Test::Utils::tempdir('memory');

system_or_bail($ENV{CC} // 'cc', '-o', "$dir/peak",
	"$FindBin::RealBin/peak.c");

# A command against a script: status, what it said, and its peak of memory.
sub measure
{
	my ($script, @command) = @_;
	my $leader = new_leader("slot held $begin\nhistory 2 "
		  . '"1\t0/01248000\tno reason\n"' . "\ntimeline 2\n"
		  . "connection\n$script\nsilence\n" x 3);
	my $process = WalfetchTest::Process->start(
		command => [
			"$dir/peak", "$dir/bytes", walfetch(), @command,
			'-d', $leader->connstr
		]);
	my $status = $process->wait_for_end(time_limit(60));
	$process->destroy;
	$leader->stop;
	return ($status, $process->stderr . $process->stdout,
		slurp_file("$dir/bytes"));
}

sub is_bounded
{
	my ($name, $script, %params) = @_;
	my $target = PostgreSQL::Test::Utils::tempdir('target');
	my @command = map { s/TARGET/$target/r } @{ $params{command}
		  // [ 'receive', '-D', 'TARGET', "--memory=$memory",
			'--jobs=2', '-S', 'held', '--no-loop' ] };
	push @command, '--connect-timeout=3';
	push @command, '--receive-timeout=3' if $command[0] =~ /receive|backup/;
	my ($status, $output, $peak) = measure($script, @command);

	note(sprintf('%s: %.1f MB: %s', $name, $peak / $megabyte, $output));
	like($status, qr/^[12]$/, "$name: status");
	like($output, qr/error/, "$name: message");
	cmp_ok($peak, '<', $params{bound} // $bound, "$name: memory");
	return;
}

sub hex_of
{
	return unpack('H*', join('', @_));
}

my $copy = "until START_REPLICATION\nanswer\n";
my $len  = 65536;
my $row  = 'message T '
  . hex_of(pack('n', 1), "c\0", pack('NnNnNn', 0, 0, 25, 0, 0, 0));
my %floods = (
	parameters    => "flood S 20000 20000\nclose",
	notices       => "flood N 12000 $len 4d\nclose",
	notifications => "flood A 12000 $len 00000001\nclose",
	rows          => "$row\nflood D 12000 $len "
	  . hex_of(pack('nN', 1, 8 + $len + 2)) . "\nclose");

is_bounded('error before the login', "lie E $gigabyte $gigabyte");
is_bounded('endless error of an old server',
	'lie E 2021161080 4000000000 x');
is_bounded('request of a gigabyte', "lie R $gigabyte $gigabyte");
is_bounded('parameter of a gigabyte before a session',
	"message R 00000000\nlie S $gigabyte $gigabyte");
is_bounded("$_ before a session", "message R 00000000\n$floods{$_}")
  foreach qw(parameters notices);

is_bounded("answer: $_ of a gigabyte",
	"until IDENTIFY_SYSTEM\nlie $_ $gigabyte $gigabyte")
  foreach qw(E T D S N);
is_bounded("answer: $_", "until IDENTIFY_SYSTEM\n$floods{$_}")
  foreach sort keys %floods;
is_bounded('history file of a gigabyte',
	"until TIMELINE_HISTORY\n$row\nlie D $gigabyte $gigabyte");
is_bounded('history file of many rows',
	"until TIMELINE_HISTORY\n$floods{rows}");
is_bounded('row of a gigabyte', "$copy$row\nlie D $gigabyte $gigabyte");
is_bounded("stream: $_ of a gigabyte", "${copy}lie $_ $gigabyte $gigabyte")
  foreach qw(d E N S);
is_bounded("stream: $_", "$copy$floods{$_}")
  foreach qw(notices notifications parameters);

# The other commands that listen to a server have bounds of their own.
foreach my $command ([ 'check', '-S', 'held' ], ['status'])
{
	my $query = $command->[0] eq 'status' ? 'SELECT' : 'IDENTIFY_SYSTEM';

	is_bounded(
		"$command->[0]: rows",
		"until $query\n$floods{rows}",
		command => $command);
	is_bounded(
		"$command->[0]: row of a gigabyte",
		"until $query\nlie D $gigabyte $gigabyte",
		command => $command);
}

# The head of a base backup, and of its first archive.
my $backup = "until BASE_BACKUP\nrow 0/1000000 1\ncomplete SELECT\n"
  . "row NULL NULL NULL\ncomplete SELECT\nmessage H 000000\n";
my $archive = 'message d ' . hex_of("nbase.tar\0\0") . "\n";

foreach my $form ('plain', 'tar')
{
	my %params = (
		command => [ 'backup', '-D', 'TARGET', '-X', 'none', '-F', $form ],
		bound   => 512 * $megabyte);

	is_bounded("backup, $form: message of a gigabyte",
		"$backup${archive}lie d $gigabyte $gigabyte", %params);
	is_bounded("backup, $form: notifications",
		"$backup$archive$floods{notifications}", %params);
	is_bounded("backup, $form: manifest without an end",
		"${backup}message d 6d\nflood d 12000 $len 64\nclose", %params);
	is_bounded("backup, $form: tablespaces",
		"until BASE_BACKUP\nrow 0/1000000 1\ncomplete SELECT\n"
		  . $floods{rows}, %params);
}

done_testing();
