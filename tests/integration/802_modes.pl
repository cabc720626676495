# Whatever the umask, what is made is as open as the server's own files, and a
# path that restore is given and that is a link, a pipe or a directory is
# neither followed nor waited for.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use POSIX qw(mkfifo);
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::BaseBackup qw(left_below odd_modes);
use WalfetchTest::Process;

my @umasks = (0000, 0022, 0077, 0777);

# Run a command to its end under a umask; true if it succeeds.
sub succeeds
{
	my ($umask, @command) = @_;
	my $process = WalfetchTest::Process->start(
		command => [ walfetch(), @command ],
		umask   => $umask);
	my $status = $process->wait_for_end(time_limit(60));

	diag($process->stderr) if $status ne '0';
	return $status eq '0';
}

sub modes_are_right
{
	my ($server, $umask, $directory_mode, $file_mode) = @_;
	my $parent = PostgreSQL::Test::Utils::tempdir('parent');
	my $space  = PostgreSQL::Test::Utils::tempdir('space');
	my $name   = sprintf('mode %03o, umask %03o', $file_mode, $umask);
	my @server = ('-d', $server->connstr);

	mkdir "$parent/wal", $directory_mode or die $!;
	my $archive = new_archive(dir => "$parent/wal");
	foreach my $codec ('none', 'gzip')
	{
		create_slot($server, "$codec$umask") if $codec eq 'none';
		write_wal($server, 3);
		ok( succeeds(
				$umask, 'receive', '-D', $archive->dir, @server, '-Z', $codec,
				'-S', "none$umask", '--once'),
			"$name: receive, $codec");
	}
	is($archive->wrong_modes($file_mode), '', "$name: the archive");

	my ($segment) = grep { /\.gz$/ } $archive->complete;
	$segment =~ s/\..*//;
	mkdir "$parent/pg_wal", $directory_mode or die $!;
	ok( succeeds(
			$umask, 'restore', '-D', $archive->dir, '--prefetch=1',
			"--cache=$parent/ahead", $segment, "$parent/pg_wal/RECOVERYXLOG"),
		"$name: restore");
	is(join(' ', odd_modes("$parent/pg_wal", $directory_mode, $file_mode)),
		'', "$name: what was restored");
	ok( wait_until(
			'a segment to be fetched ahead',
			sub { grep { /\.ahead$/ } slurp_dir("$parent/ahead") },
			time_limit(20)),
		"$name: one is fetched ahead");
	is(join(' ', odd_modes("$parent/ahead", 0700, $file_mode)),
		'', "$name: what was fetched ahead");

	foreach my $form ('plain', 'tar')
	{
		my $map = $form eq 'plain' ? "$parent/mapped/far" : undef;

		ok( succeeds(
				$umask,   'backup', '-D', "$parent/deep/$form", @server,
				'-F',     $form,    '-R', '-c', 'fast',
				defined $map
				? ('-T', $server->{space} . "=$map")
				: ('-Z', 'gzip')),
			"$name: backup, $form");
		is( join(
				' ',
				odd_modes("$parent/deep/$form", $directory_mode, $file_mode)),
			'',
			"$name: backup, $form: what it made");
		is(join(' ', odd_modes($map, $directory_mode, $file_mode)),
			'', "$name: backup, $form: its tablespace")
		  if defined $map;
	}
	return ($archive, $segment);
}

my ($archive, $segment);
foreach my $group (0, 1)
{
	my $server = new_server("leader$group", extra => $group ? ['-g'] : []);
	$server->{space} = PostgreSQL::Test::Utils::tempdir('space');
	$server->safe_psql('postgres',
		"CREATE TABLESPACE far LOCATION '$server->{space}'");
	$server->safe_psql('postgres',
		'CREATE TABLE elsewhere TABLESPACE far AS SELECT 1');
	foreach my $umask (@umasks)
	{
		($archive, $segment) =
		  modes_are_right($server, $umask, $group ? (0750, 0640) : (0700, 0600));
	}
	$server->stop;
}

# What is at the path that restore is to write.
my $outside  = PostgreSQL::Test::Utils::tempdir('outside');
my $precious = "precious\n";
append_to_file("$outside/file", $precious);
mkdir "$outside/folder" or die $!;
mkfifo("$outside/pipe", 0604) or die $!;
my %kinds = (
	'link to a file'      => sub { symlink("$outside/file", $_[0]) },
	'link to nothing'     => sub { symlink("$outside/nothing", $_[0]) },
	'link to a directory' => sub { symlink("$outside/folder", $_[0]) },
	'link to a device'    => sub { symlink('/dev/full', $_[0]) },
	'link to a pipe'      => sub { symlink("$outside/pipe", $_[0]) },
	'pipe'                => sub { mkfifo($_[0], 0600) },
	'second name'         => sub { link("$outside/file", $_[0]) },
	'directory'           => sub { mkdir($_[0]) });

foreach my $kind (sort keys %kinds)
{
	foreach my $name ('RECOVERYXLOG', '.RECOVERYXLOG.tmp', ".$segment.tmp")
	{
		my $folder = PostgreSQL::Test::Utils::tempdir('pg_wal');
		my $path   = "$folder/RECOVERYXLOG";

		$kinds{$kind}->("$folder/$name") or die $!;
		my $process = WalfetchTest::Process->start(
			command => [
				walfetch(), 'restore', '-D', $archive->dir, $segment, $path ]);
		my $status = $process->wait_for_end(time_limit(20));
		my $right  = -f $path && !-l $path && -s $path == 1024 * 1024;
		is($status, $right ? 0 : 126, "$kind, $name: status");
		is( join(' ', slurp_file("$outside/file"),
				sort(slurp_dir($outside)), slurp_dir("$outside/folder")),
			"$precious . .. file folder pipe . ..",
			"$kind, $name: nothing outside has changed");
	}
}

done_testing();
