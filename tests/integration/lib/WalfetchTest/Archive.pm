# An archive directory and its comparison with a server's own pg_wal.

package WalfetchTest::Archive;

use strict;
use warnings FATAL => 'all';

use Digest::MD5;
use Fcntl qw(:mode);
use File::stat qw(lstat);
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest::Lsn qw(lsn_number lsn_text segment_name segment_number);

my %tools = (
	''     => undef,
	'.gz'  => [ 'gzip', '-dc' ],
	'.lz4' => [ 'lz4', '-dc' ],
	'.zst' => [ 'zstd', '-dcq' ],
);

# new(segment_size => megabytes (1), dir => an existing one (a new one))
sub new
{
	my ($class, %params) = @_;
	return bless {
		dir          => $params{dir} // PostgreSQL::Test::Utils::tempdir('archive'),
		segment_size => ($params{segment_size} // 1) * 1024 * 1024,
		scratch      => PostgreSQL::Test::Utils::tempdir('scratch'),
	}, $class;
}

sub dir
{
	my ($self) = @_;
	return $self->{dir};
}

sub segment_size
{
	my ($self) = @_;
	return $self->{segment_size};
}

# All names, dot files as well.
sub names
{
	my ($self) = @_;
	return sort grep { $_ !~ /^\.\.?$/ } slurp_dir($self->{dir});
}

# Complete segments, open segments, history files, anything else.
sub complete
{
	my ($self) = @_;
	return grep { /^[0-9A-F]{24}(\.gz|\.lz4|\.zst)?$/ } $self->names;
}

sub partials
{
	my ($self) = @_;
	return grep { /^[0-9A-F]{24}(\.gz|\.lz4|\.zst)?\.partial$/ } $self->names;
}

sub histories
{
	my ($self) = @_;
	return grep { /^[0-9A-F]{8}\.history$/ } $self->names;
}

sub others
{
	my ($self) = @_;
	my %known = map { $_ => 1 } $self->complete, $self->partials, $self->histories;
	return grep { !$known{$_} && $_ !~ /^\./ } $self->names;
}

# ".gz" and the like: what a name says of its codec.
sub suffix
{
	my ($self, $name) = @_;
	return $name =~ /(\.gz|\.lz4|\.zst)(\.partial)?$/ ? $1 : '';
}

# name, mode, size and MD5 of every file: equal only if nothing has changed.
# Dot files are state and only listed by those that are not the receiver's own.
sub fingerprint
{
	my ($self) = @_;
	my @lines;

	foreach my $name (grep { $_ !~ /^\.+walfetch\./ } $self->names)
	{
		my $path = "$self->{dir}/$name";
		my $stat = lstat($path);
		# A start writes an open segment over itself, to know it durable.
		my $mtime = $name =~ /\.partial$/ ? 0 : $stat->mtime;
		open my $file, '<:raw', $path or die "could not open \"$path\": $!";
		push @lines,
		  sprintf('%s %o %d %d %s',
			$name, $stat->mode, $stat->size, $mtime,
			Digest::MD5->new->addfile($file)->hexdigest);
		close $file;
	}
	return join("\n", @lines);
}

# name => permission bits in octal, of all files that are not as expected.
sub wrong_modes
{
	my ($self, $expected) = @_;
	my @wrong;

	foreach my $name ($self->names)
	{
		my $mode = S_IMODE(lstat("$self->{dir}/$name")->mode);
		push @wrong, sprintf('%s %04o', $name, $mode) if $mode != $expected;
	}
	return join(', ', @wrong);
}

# Decompress a file with the standard tool: (path of the plain bytes, problem).
sub plain
{
	my ($self, $name) = @_;
	my $suffix = $self->suffix($name);
	my $path   = "$self->{dir}/$name";

	return ($path, undef) if $suffix eq '';

	my $output = "$self->{scratch}/plain";
	my $error  = '';
	IPC::Run::run($tools{$suffix}, '<', $path, '>', $output, '2>', \$error)
	  or return ($output, "$name: $tools{$suffix}[0] failed: $error");
	return ($output, $error eq '' ? undef : "$name: $error");
}

# True if len bytes of two files, from offset on, are equal.
sub _same
{
	my ($one, $other, $offset, $len) = @_;
	return 1 if $len == 0;
	return IPC::Run::run(
		[ 'cmp', '-s', '-n', $len, '-i', "$offset:" . ($other eq '/dev/zero' ? 0 : $offset), $one, $other ]);
}

# The server's own file of that segment, whichever of the servers has it.
sub _original
{
	my ($segment, @servers) = @_;
	foreach my $server (@servers)
	{
		my $path = $server->data_dir . "/pg_wal/$segment";
		return $path if -f $path;
	}
	return;
}

# How many bytes at the start of a file are up to its last one that is not zero.
sub _used
{
	my ($path) = @_;
	my $size = -s $path;
	my $step = 64 * 1024;

	open my $file, '<:raw', $path or die "could not open \"$path\": $!";
	for (my $end = $size; $end > 0; $end -= $step)
	{
		my $begin = $end > $step ? $end - $step : 0;
		seek $file, $begin, 0;
		read $file, my $bytes, $end - $begin;
		next unless $bytes =~ /[^\0]\0*\z/;
		close $file;
		return $begin + $-[0] + 1;
	}
	close $file;
	return 0;
}

sub _check_complete
{
	my ($self, $name, @servers) = @_;
	my $original = _original(substr($name, 0, 24), @servers)
	  // return ("$name: no server has it");
	my ($plain, $problem) = $self->plain($name);

	return ($problem) if defined $problem;
	return ("$name: " . (-s $plain) . ' bytes')
	  if -s $plain != $self->{segment_size};
	return ("$name: differs from the server's")
	  unless _same($plain, $original, 0, $self->{segment_size});
	return;
}

# An open segment: $upto bytes of it at least are the server's, and so is all
# that it holds beyond; a plain one is of full size with zeros at its end.
sub _check_partial
{
	my ($self, $name, $upto, @servers) = @_;
	my $original = _original(substr($name, 0, 24), @servers)
	  // return ("$name: no server has it");
	my ($plain, $problem) = $self->plain($name);

	return ($problem) if defined $problem;
	return ("$name: " . (-s $plain) . ' bytes')
	  if $self->suffix($name) eq '' && -s $plain != $self->{segment_size};
	return ("$name: " . (-s $plain) . " bytes, less than $upto")
	  if -s $plain < $upto;

	my $used = _used($plain);
	$used = $upto if $used < $upto;
	return ("$name: its first $used bytes differ from the server's")
	  unless _same($plain, $original, 0, $used);
	return;
}

# What an open segment lacks of a server's WAL below an LSN; empty if nothing.
sub lacks
{
	my ($self, $name, $upto, @servers) = @_;
	my $size = $self->{segment_size};
	my $need = $upto - segment_number($name, $size) * $size;

	$need = 0     if $need < 0;
	$need = $size if $need > $size;
	return join("\n", $self->_check_partial($name, $need, @servers));
}

sub _check_history
{
	my ($self, $name, @servers) = @_;
	my $original = _original($name, @servers) // return ("$name: no server has it");

	return ("$name: differs from the server's")
	  if slurp_file($original) ne slurp_file("$self->{dir}/$name");
	return;
}

# How many bytes of an open segment are in use; 0 if it cannot be read.
sub _extent
{
	my ($self, $name) = @_;
	my ($plain, $problem) = $self->plain($name);
	return defined $problem ? 0 : _used($plain);
}

# Names of one timeline in order, one per segment: the complete one, or the
# open one that holds most.
sub timeline
{
	my ($self, $timeline) = @_;
	my %segments;

	foreach my $name ($self->partials, $self->complete)
	{
		next if hex(substr($name, 0, 8)) != $timeline;
		my $number = segment_number($name, $self->{segment_size});
		my $other  = $segments{$number};
		next
		  if defined $other
		  && $name =~ /partial$/
		  && $self->_extent($other) >= $self->_extent($name);
		$segments{$number} = $name;
	}
	return map { $segments{$_} } sort { $a <=> $b } keys %segments;
}

# What is wrong with one timeline's sequence, between the LSNs from and upto.
sub _check_sequence
{
	my ($self, $timeline, $from, $upto) = @_;
	my %have =
	  map { segment_number($_, $self->{segment_size}) => $_ }
	  $self->timeline($timeline);
	my @numbers = sort { $a <=> $b } keys %have;
	my ($first, $last) = @numbers ? @numbers[ 0, -1 ] : (0, -1);
	my @problems;

	$first = int($from / $self->{segment_size}) if defined $from;
	$last = int(($upto - 1) / $self->{segment_size}) if defined $upto;
	foreach my $number ($first .. $last)
	{
		push @problems,
		  'missing: ' . segment_name($timeline, $number, $self->{segment_size})
		  unless $have{$number};
	}
	foreach my $number (grep { $_ < $last } @numbers)
	{
		push @problems, "not finished: $have{$number}"
		  if $have{$number} =~ /partial$/;
	}
	return @problems;
}

# Everything that is wrong with a timeline, one per line; empty if nothing is.
#
# servers: whose WAL it is; timeline (1); from and upto: LSNs as text, between
# which nothing may be missing (both optional).
sub problems
{
	my ($self, %params) = @_;
	my @servers  = @{ $params{servers} };
	my $timeline = $params{timeline} // 1;
	my $prefix   = sprintf('%08X', $timeline);
	my $from     = defined $params{from} ? lsn_number($params{from}) : undef;
	my $upto     = defined $params{upto} ? lsn_number($params{upto}) : undef;
	my @problems = map { "not expected: $_" } $self->others;
	my $last     = ($self->timeline($timeline))[-1] // '';

	push @problems, $self->_check_sequence($timeline, $from, $upto);
	push @problems, $self->_check_complete($_, @servers)
	  foreach grep { /^$prefix/ } $self->complete;
	push @problems, $self->_check_history($_, @servers)
	  foreach grep { /^$prefix/ } $self->histories;
	foreach my $name (grep { /^$prefix/ } $self->partials)
	{
		my $need = 0;

		$need = $upto - segment_number($name, $self->{segment_size}) *
		  $self->{segment_size}
		  if defined $upto && $name eq $last;
		push @problems,
		  $self->_check_partial($name, $need > 0 ? $need : 0, @servers);
	}
	return join("\n", @problems);
}

# One test: nothing is wrong. Parameters as for problems.
sub is_faithful
{
	my ($self, $test_name, %params) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($self->problems(%params), '', $test_name);
}

# Put what the archive holds from a segment number on, decompressed and under
# final names, into a folder that pg_waldump reads. The names, in order.
sub unpack_into
{
	my ($self, $folder, $timeline, $from) = @_;
	my @segments;

	foreach my $name ($self->timeline($timeline))
	{
		next if segment_number($name, $self->{segment_size}) < $from;
		my $segment = substr($name, 0, 24);
		my ($plain, $problem) = $self->plain($name);

		die $problem if defined $problem;
		system_or_bail('cp', $plain, "$folder/$segment");
		truncate("$folder/$segment", $self->{segment_size})
		  or die "could not extend \"$folder/$segment\": $!";
		push @segments, $segment;
	}
	return @segments;
}

1;
