# What is damaged, of another cluster or out of reach stops recovery with a
# message in the server's log; it never looks like the end of the WAL. F02.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Restore;

needs_program('pg_waldump');

my $mb    = 1024 * 1024;
my %tools = (
	none => undef,
	gzip => [ 'gzip', '-c' ],
	lz4  => [ 'lz4', '-cq' ],
	zstd => [ 'zstd', '-cq' ],
);
my %suffix = (none => '', gzip => '.gz', lz4 => '.lz4', zstd => '.zst');
my $count  = 0;

my $archive  = new_archive();
my $leader   = new_server('leader');
my $receiver = start_receiver($leader, $archive,
	options => [ '-S', 'archive', '--auto-slot', '-s', '1' ]);
wait_flushed($leader, $receiver, flush_lsn($leader));
base_backup($leader, 'base');
my $upto = write_wal($leader, 3.5);
wait_flushed($leader, $receiver, $upto);
stops_cleanly('the receiver stops', $receiver, 'TERM');
$leader->stop;
my @segments = grep { !/partial/ } $archive->timeline(1);
my $segment  = $segments[-2];
my ($open)   = $archive->partials;

sub bytes_of
{
	my ($path) = @_;
	open my $file, '<:raw', $path or die "$path: $!";
	local $/;
	return scalar <$file>;
}

sub write_bytes
{
	my ($path, $bytes) = @_;
	open my $file, '>:raw', $path or die "$path: $!";
	print $file $bytes;
	close $file or die "$path: $!";
	return;
}

# A copy of the archive with one segment in another form.
sub copy_with
{
	my ($name, $bytes) = @_;
	my $copy = new_archive();

	system_or_bail('cp', '-a', $archive->dir . '/.', $copy->dir);
	unlink $copy->dir . "/$segment";
	write_bytes($copy->dir . "/$name", $bytes) if defined $name;
	return $copy;
}

sub compressed
{
	my ($codec, $bytes) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir('compress') . '/plain';

	return $bytes unless defined $tools{$codec};
	write_bytes($file, $bytes);
	my $out = '';
	IPC::Run::run($tools{$codec}, '<', $file, '>', \$out)
	  or die "$tools{$codec}[0] failed";
	return $out;
}

# The offset of some bytes of a record in the middle.
sub record_offset
{
	my ($file, $after) = @_;
	my $plain = PostgreSQL::Test::Utils::tempdir('dump') . '/'
	  . ($file =~ s{.*/}{}r =~ s/\.partial$//r);
	system_or_bail('cp', $file, $plain);
	my ($dump) = run_command([ 'pg_waldump', '-r', 'Heap', $plain ]);
	while ($dump =~ m{len \(rec/tot\):\s+\d+/\s*(\d+),.*? lsn: (\S+),}g)
	{
		my ($len, $offset) = ($1, lsn_number($2) % $mb);
		return $offset + 40 if $offset > $after && $len > 100;
	}
	die "no record found in $file";
}

sub flip
{
	my ($bytes, $offset) = @_;
	substr($bytes, $offset, 1) = chr(ord(substr($bytes, $offset, 1)) ^ 0x10);
	return $bytes;
}

sub is_refused
{
	my ($test_name, $copy, $message, %params) = @_;
	my $server = new_recovery('server_' . ++$count, $leader, 'base', $copy, %params);
	return stays_down($test_name, $server, $message);
}

my $plain   = bytes_of($archive->dir . "/$segment");
my $damaged = flip($plain, record_offset($archive->dir . "/$segment", $mb / 2));
foreach my $codec (qw(none gzip lz4 zstd))
{
	my $name = "$segment$suffix{$codec}";

	is_refused("$codec, a damaged record",
		copy_with($name, compressed($codec, $damaged)),
		qr/walfetch: error: file "$name" is damaged: invalid record checksum/);
	my $whole = compressed($codec, $plain);
	is_refused("$codec, a truncated file",
		copy_with($name, substr($whole, 0, int(length($whole) / 2))),
		qr/walfetch: error: (file "$name" is damaged|could not read file "$name": \w+ stream is)/);
	next if $codec eq 'none';
	is_refused("$codec, a flipped bit in the stream",
		copy_with($name, flip($whole, int(length($whole) / 2))),
		qr/walfetch: error: .*"$name"/);
}

# Another name's segment; no bytes at all; not there, which is something else.
is_refused('the segment of another name',
	copy_with($segment, bytes_of($archive->dir . "/$segments[-3]")),
	qr/file "$segment" holds the WAL from \S+ on, which is not the segment of its name/);
is_refused('an empty file', copy_with($segment, ''),
	qr/file "$segment" is damaged: it is too short/);
my $ends = new_recovery('ends', $leader, 'base', copy_with());
ends_recovery('a segment that is not there ends recovery', $ends);
like(slurp_file($ends->logfile), qr/walfetch: warning: archive .* does not have segment $segment, but goes on/,
	'the log tells of those behind it');
$ends->stop;
is_refused('a segment that is not there, to the end of the archive',
	copy_with(),
	qr/walfetch: error: archive .* does not have segment $segment, but goes on/,
	options => ['--partial']);

# With --no-verify the server itself takes a fault for the end.
my $trusting = new_recovery('trusting', $leader, 'base',
	copy_with($segment, $damaged), options => ['--no-verify']);
ends_recovery('with --no-verify it is served', $trusting);
$trusting->stop;

# A sound form makes up for a damaged one, with a warning.
my $copy = copy_with($segment, $damaged);
write_bytes($copy->dir . "/$segment.gz", compressed('gzip', $plain));
my $other = new_recovery('other', $leader, 'base', $copy);
ends_recovery('a sound form makes up for a damaged one', $other);
like(slurp_file($other->logfile), qr/walfetch: warning: file "$segment" is damaged/,
	'with a warning');
$other->stop;

# The open segment, damaged with more WAL behind, and where the archive goes on.
$copy = copy_with($segment, $plain);
my $path   = $archive->dir . "/$open";
my $offset = record_offset($path, 24);
write_bytes($copy->dir . "/$open", flip(bytes_of($path), $offset));
is_refused('an open segment with damage in the middle',
	$copy, qr/walfetch: error: file "$open" is damaged: invalid record checksum/,
	options => ['--partial']);
is_refused('an open segment with more WAL after it',
	copy_with("$segment.partial",
		substr($plain, 0, $mb / 2) . "\0" x ($mb / 2)),
	qr/the WAL of file "$segment.partial" ends at \S+, but archive .* goes on/,
	options => ['--partial']);

# The archive of another cluster, one that is not mounted, one that is not there.
my $stranger = new_server('stranger');
my $theirs   = new_archive();
finishes('another cluster is archived', $stranger, $theirs, options => ['--once']);
write_wal($stranger, 1.5);
finishes('with a segment more', $stranger, $theirs, options => ['--once']);
my $name = ($theirs->complete)[0];
$stranger->stop;
my $mixed = new_archive();
system_or_bail('cp', $_, $mixed->dir)
  foreach map { $theirs->dir . "/$_" } $theirs->complete;
foreach my $wanted (@segments)
{
	system_or_bail('cp', $theirs->dir . "/$name", $mixed->dir . "/$wanted");
}
is_refused('the archive of another cluster',
	$mixed, qr/is of another cluster: its system identifier is \d+, the server's is \d+/);
is_refused('an archive that is not mounted',
	new_archive(), qr/is not an archive: it holds no WAL/);
my $gone = new_archive();
rmdir $gone->dir;
is_refused('an archive that is not there',
	$gone, qr/could not open directory .*: No such file or directory/);

done_testing();
