# Names that walfetch makes, opens or renames in an archive, and that are there
# already: links to a file, to nothing, to a directory, to a device, pipes,
# directories and second names of a file. None is followed, nothing outside is
# touched, and nothing hangs.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use Leader;
use POSIX qw(mkfifo);
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $precious = "precious\n" x 1000;
my $outside;

# Each plants something at a path.
my %kinds = (
	'link to a file'      => sub { symlink("$outside/file", $_[0]) },
	'link to nothing'     => sub { symlink("$outside/nothing", $_[0]) },
	'link to a directory' => sub { symlink("$outside/folder", $_[0]) },
	'link to a device'    => sub { symlink('/dev/zero', $_[0]) },
	'link to itself'      => sub { symlink($_[0], $_[0]) },
	'link to a pipe'      => sub { symlink("$outside/pipe", $_[0]) },
	'pipe'                => sub { mkfifo($_[0], 0600) },
	'directory'           => sub { mkdir($_[0], 0700) },
	'directory with more' => sub {
		mkdir($_[0], 0700) && symlink("$outside/file", "$_[0]/name");
	},
	'second name'   => sub { link("$outside/file", $_[0]) },
	'unreadable'    => sub { append_to_file($_[0], 'x'); chmod 0, $_[0] },
	'rubbish'       => sub { append_to_file($_[0], $precious); 1 });

# The first segment of the stream, the segment in which the timelines meet, and
# what is made beside them.
my $first = '000000010000000000000010';
my $open  = '000000020000000000000013';
my @names = (
	$first, "$first.gz", "$first.partial", "$first.gz.partial", ".$first.tmp",
	".$first.gz.tmp", ".$first.partial.tmp", ".$first.partial.bad",
	".$first.bad", "$open.partial", "$open.gz.partial",
	".$open.partial.tmp", ".$open.gz.partial.tmp", '00000002.history',
	'.00000002.history.tmp', '.walfetch.lock', '.walfetch.status',
	'..walfetch.status.tmp', '.walfetch.gaps', '..walfetch.gaps.tmp');

sub plant_outside
{
	$outside = PostgreSQL::Test::Utils::tempdir('outside');
	append_to_file("$outside/file", $precious);
	chmod 0604, "$outside/file" or die $!;
	mkdir "$outside/folder", 0705 or die $!;
	append_to_file("$outside/folder/file", $precious);
	mkfifo("$outside/pipe", 0604) or die $!;
	return;
}

# What has changed there.
sub changes_outside
{
	my @changes;

	foreach my $file ('file', 'folder/file')
	{
		push @changes, "$file has another content"
		  if slurp_file("$outside/$file") ne $precious;
	}
	push @changes, 'another file: ' . join(' ', slurp_dir($outside))
	  if join(' ', sort(slurp_dir($outside))) ne '. .. file folder pipe';
	push @changes, 'another file in the folder'
	  if slurp_dir("$outside/folder") != 3;
	foreach my $name ('file', 'pipe', 'folder')
	{
		my $mode = sprintf('%o', (stat "$outside/$name")[2] & 0777);
		push @changes, "$name has mode $mode"
		  if $mode ne ($name eq 'folder' ? '705' : '604');
	}
	return @changes;
}

my $leader = new_leader(<<"END" . "connection\nserve\n" x 2000);
slot held $begin
history 2 "1\\t0/01248000\\tno reason\\n"
timeline 2
write-wal $begin $end
END
my %ends;

foreach my $kind (sort keys %kinds)
{
	my @problems;

	foreach my $name (@names)
	{
		my $archive = new_archive();
		my $codec = $name =~ /\.gz/ ? 'gzip' : 'none';

		plant_outside();
		$kinds{$kind}->($archive->dir . "/$name") or die "$name: $!";
		my ($status, $stderr) = run_receiver(
			$leader, $archive,
			options =>
			  [ '-S', 'held', '--no-loop', "--endpos=$end", '-Z', $codec ]);
		$ends{$status}++;
		push @problems, map { "$name: $_" } changes_outside();
		push @problems, "$name: status $status: $stderr"
		  if $status !~ /^[0156]$/
		  || ($status ne '0' && $stderr !~ /error: .*$name/);
		note("$kind, $name: $status $stderr");
	}
	is(join("\n", @problems), '', $kind);
}
note(join(', ', map { "status $_: $ends{$_}" } sort keys %ends));
$leader->stop;

done_testing();
