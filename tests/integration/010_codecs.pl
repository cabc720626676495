# Every codec: the archive is the server's WAL, byte for byte, and the files
# are what the standard tools and the documentation say they are. D25.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use IO::Uncompress::Gunzip qw($GunzipError);
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my @runs = (
	{ name => 'none',  codec => 'none',   suffix => '',     umask => 0000 },
	{ name => 'gzip',  codec => 'gzip',   suffix => '.gz',  umask => 0077 },
	{ name => 'gzip6', codec => 'gzip:6', suffix => '.gz',  umask => 0000 },
	{ name => 'lz4',   codec => 'lz4',    suffix => '.lz4', umask => 0000 },
	{ name => 'zstd',  codec => 'zstd',   suffix => '.zst', umask => 0077 },
	{   name    => 'zsync',
		codec   => 'zstd:level=2',
		suffix  => '.zst',
		umask   => 0000,
		options => ['--synchronous'] },);

my $server = new_server('leader', segment_size => 16);
create_slot($server, map { $_->{name} } @runs);
my $begin = flush_lsn($server);

sub options
{
	my ($run, @more) = @_;
	return [
		'-S', $run->{name}, '-Z', $run->{codec}, '-s', 1,
		@{ $run->{options} // [] }, @more
	];
}

# All of them at once, while pgbench writes.
foreach my $run (@runs)
{
	$run->{archive}  = new_archive(segment_size => 16);
	$run->{receiver} = start_receiver(
		$server, $run->{archive},
		app     => $run->{name},
		umask   => $run->{umask},
		options => options($run));
}
$server->command_ok([qw(pgbench -i -q -s 3 postgres)], 'pgbench -i');
$server->command_ok([qw(pgbench -n -c 2 -t 400 postgres)], 'pgbench');
my $upto = write_wal($server, 10);

foreach my $run (@runs)
{
	my ($name, $archive) = @$run{qw(name archive)};

	ok(wait_flushed($server, $run->{receiver}, $upto, $name),
		"$name: everything is flushed");
	stops_cleanly("$name: stops", $run->{receiver}, 'INT');
	$archive->is_faithful(
		"$name: identical after streaming",
		servers => [$server],
		from    => $begin,
		upto    => $upto);
	cmp_ok(scalar($archive->complete), '>=', 3, "$name: complete segments");
	is_deeply([ grep { $archive->suffix($_) ne $run->{suffix} }
			$archive->complete, $archive->partials ],
		[], "$name: every file in the form of the codec");
	is(scalar($archive->partials), 1, "$name: one open segment");
}

# Go on, each to an end of its own.
my $middle = write_wal($server, 8);
my $end = write_wal($server, 20);
foreach my $run (@runs)
{
	my ($name, $archive) = @$run{qw(name archive)};

	finishes("$name: --endpos ends",
		$server, $archive,
		umask   => $run->{umask},
		options => options($run, '--endpos', $middle));
	$archive->is_faithful(
		"$name: identical after --endpos",
		servers => [$server],
		from    => $begin,
		upto    => $middle);
	finishes("$name: --once ends",
		$server, $archive,
		umask   => $run->{umask},
		options => options($run, '--once'));
	$archive->is_faithful(
		"$name: identical after --once",
		servers => [$server],
		from    => $begin,
		upto    => $end);
	is($archive->wrong_modes(0600), '', "$name: mode 0600 of all files");
}

# What the frames carry.
sub first_complete
{
	my ($name) = @_;
	my ($run) = grep { $_->{name} eq $name } @runs;
	return $run->{archive}->dir . '/' . ($run->{archive}->complete)[0];
}

foreach my $name ('gzip', 'gzip6')
{
	my $gunzip = IO::Uncompress::Gunzip->new(first_complete($name))
	  or die $GunzipError;
	my $size = 0;
	while ((my $len = $gunzip->read(my $bytes, 1024 * 1024)) > 0)
	{
		$size += $len;
	}
	is($size, 16 * 1024 * 1024, "$name: the first member is the segment");
	is($gunzip->trailingData, '', "$name: nothing follows it");
}

# LZ4 frame descriptor: FLG bit 3 is content size, bit 4 block checksums.
my ($magic, $flags, undef, $size) =
  unpack('VCCQ<', slurp_file(first_complete("lz4")));
is($magic, 0x184D2204, 'lz4: a frame');
is($flags & 0x18, 0x18, 'lz4: content size and block checksums');
is($size, 16 * 1024 * 1024, 'lz4: its content size');

foreach my $name ('zstd', 'zsync')
{
	my ($listing) = run_command([ 'zstd', '-lv', first_complete($name) ]);
	like($listing, qr/Check: XXH64/, "$name: checksum");
	like($listing, qr/Decompressed Size: .*\(16777216 B\)/,
		"$name: content size");
	like($listing, qr/# Zstandard Frames: 1$/m, "$name: one frame");
}

done_testing();
