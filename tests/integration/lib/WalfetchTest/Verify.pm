# `walfetch verify`, run to its end, and what its tests do to archives.

package WalfetchTest::Verify;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

our @EXPORT = qw(compress_archive copy_of finds flip_bit is_sound verify);

my %tools = (
	'.gz'  => [ 'gzip', '-n' ],
	'.lz4' => [ 'lz4', '-q', '--content-size', '--rm' ],
	'.zst' => [ 'zstd', '-q', '--rm' ],
);

# (status, stdout, stderr)
sub verify
{
	my ($archive, @options) = @_;
	my ($stdout, $stderr) = ('', '');

	IPC::Run::run([ walfetch(), 'verify', '-D', $archive->dir, @options ],
		'>', \$stdout, '2>', \$stderr);
	return ($? >> 8, $stdout, $stderr);
}

# Two tests: nothing is wrong, and nothing was changed.
sub is_sound
{
	my ($name, $archive, @options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $stdout, $stderr) = verify($archive, @options);

	is($status, 0, "$name: status") || diag($stdout, $stderr);
	like($stdout, qr/^verified [1-9].*\nno fault was found$/m, "$name: report");
	return;
}

# The status and the lines of the report are these; no file was changed.
sub finds
{
	my ($name, $archive, $expected, $lines, @options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $before = $archive->fingerprint;
	my ($status, $stdout, $stderr) = verify($archive, @options);
	my @found = grep { !/^verified |found$/ } split /\n/, $stdout;
	my $count = @$lines;

	# A damaged stream may also begin with bytes that break the link to it.
	my %damaged = map { /^damage: (\S+): / ? ($1 => 1) : () } @found;
	@found = grep { !(/"(\S+)" does not carry it on/ && $damaged{$1}) } @found
	  if @found > $count;

	is($status, $expected, "$name: status") || diag($stdout, $stderr);
	is(@found, $count, "$name: number of findings") || diag($stdout);
	like($found[$_] // '', $lines->[$_], "$name: finding $_")
	  foreach 0 .. $#$lines;
	like($stderr, qr/^walfetch: error: archive /m, "$name: error")
	  if $expected != 0;
	is($archive->fingerprint, $before, "$name: nothing is changed");
	return;
}

# Another archive with the same files.
sub copy_of
{
	my ($archive) = @_;
	my $copy =
	  new_archive(segment_size => $archive->segment_size / 1024 / 1024);

	system_or_bail('cp', '-p', map({ $archive->dir . "/$_" } $archive->names),
		$copy->dir);
	return $copy;
}

# Store complete segments in these forms, in turn.
sub compress_archive
{
	my ($archive, @suffixes) = @_;
	my $turn = 0;

	foreach my $name ($archive->complete)
	{
		my $suffix = $suffixes[ $turn++ % @suffixes ];
		next if $suffix eq '';
		my $path = $archive->dir . "/$name";
		# lz4 writes to a standard output that is no terminal unless told.
		system_or_bail(@{ $tools{$suffix} },
			$path, $suffix eq '.lz4' ? "$path$suffix" : ());
	}
	return;
}

# Change one bit of a file; twice: as it was.
sub flip_bit
{
	my ($path, $offset, $bit) = @_;

	open my $file, '+<:raw', $path or die "could not open \"$path\": $!";
	seek $file, $offset, 0;
	read $file, my $byte, 1;
	seek $file, $offset, 0;
	print $file chr(ord($byte) ^ 1 << $bit);
	close $file or die "could not write \"$path\": $!";
	return;
}

1;
