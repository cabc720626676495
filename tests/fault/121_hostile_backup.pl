# A server whose base backup wants to write elsewhere, or more than there is:
# refused with one error, nothing outside the target has changed, and the target
# that was made is gone.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use Leader;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Process;

my $precious = "precious\n";

# The head of a member. type: 0 file, 1 hard link, 2 symbolic link, 3 and 4
# devices, 5 directory, 6 pipe. A size over 8 GB is written in base 256.
sub member
{
	my ($name, %params) = @_;
	my $size = $params{size} // 0;
	my $head = pack(
		'a100a8a8a8a12a12a8a1a100a6a2a32a32a8a8a155x12',
		$name, '0000600', '0000000', '0000000',
		$size < 8**11
		? sprintf('%011o', $size)
		: pack('CxxxQ>', 0x80, $size),
		'00000000000', ' ' x 8, $params{type} // 0, $params{target} // '',
		'ustar', '00', 'u', 'g', '0000000', '0000000', '');

	substr($head, 148, 8, sprintf("%06o\0 ", unpack('%32C*', $head)));
	return $head;
}

sub data_messages
{
	my ($bytes) = @_;
	return join('',
		map { 'message d ' . unpack('H*', "d$_") . "\n" }
		  unpack('(a1024)*', $bytes));
}

sub is_refused
{
	my ($name, $form, @parts) = @_;
	my $parent = PostgreSQL::Test::Utils::tempdir('parent');
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	mkdir "$parent/outside", 0700 or die $!;
	append_to_file("$parent/outside/file", $precious);
	my $tar = join('', @parts) =~ s/OUTSIDE/"$parent\/outside"/ger;
	my $leader = new_leader("connection\nuntil BASE_BACKUP\n"
		  . "row 0/1000000 1\ncomplete SELECT\nrow NULL NULL NULL\n"
		  . "complete SELECT\nmessage H 000000\nmessage d "
		  . unpack('H*', "nbase.tar\0\0") . "\n"
		  . data_messages($tar) . "done\nrow 0/1000100 1\n"
		  . "complete SELECT\ncomplete BASE_BACKUP\nready\nsilence\n");
	my $process = WalfetchTest::Process->start(
		command => [
			walfetch(), 'backup', '-D', "$parent/target", '-X', 'none', '-F',
			$form, '-R', '--receive-timeout=3', '-d', $leader->connstr
		]);
	my $status = $process->wait_for_end(time_limit(30));

	like($status, qr/^[12]$/, "$form: $name: status");
	like($process->stderr, qr/\A\S+ error: .*\n(\S+ hint: .*\n)?\z/,
		"$form: $name: one message");
	note($process->stderr);
	is( join(' ', sort(slurp_dir($parent), slurp_dir("$parent/outside")),
			slurp_file("$parent/outside/file")),
		". . .. .. file outside $precious",
		"$form: $name: nothing is elsewhere, and nothing is left");
	$leader->stop;
	return;
}

my $end  = "\0" x 1024;
my $file = ("x" x 512);
my %archives = (
	'a path upwards' => [ member('../outside/new', size => 512), $file ],
	'a path upwards, within' =>
	  [ member('base/../../outside/new', size => 512), $file ],
	'an absolute path' => [ member('OUTSIDE/new', size => 512), $file ],
	'an existing file' => [ member('../outside/file', size => 512), $file ],
	'a directory elsewhere' => [ member('../outside/folder/', type => 5) ],
	'a link, and a file through it' => [
		member('pg_tblspc/', type => 5),
		member('pg_tblspc/1', type => 2, target => '../../outside'),
		member('pg_tblspc/1/new', size => 512), $file
	],
	'a link at a file\'s name' => [
		member('name', type => 2, target => '../outside/file'),
		member('name', size => 512), $file
	],
	'a hard link' => [ member('name', type => 1, target => '../outside/file') ],
	'a device'    => [ member('name', type => 3) ],
	'a pipe'      => [ member('name', type => 6) ],
	'a deep path' =>
	  [ member(join('/', ('d') x 45) . '/f', size => 512), $file ],
	'a size beyond all disks' => [ member('big', size => 2**62), $file ],
	'a size that is negative' => [ member('big', size => 2**63), $file ],
	'a name without letters'  => [ member('',  size => 512), $file ],
	'only a dot'              => [ member('.', size => 512), $file ],
	'rubbish'                 => [ 'x' x 2048 ]);

foreach my $name (sort keys %archives)
{
	is_refused($name, $_, @{ $archives{$name} }, $end) foreach qw(plain tar);
}

done_testing();
