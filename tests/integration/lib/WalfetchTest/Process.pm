# A program in the background: its output goes to files, its end has a limit.
#
# Every process is a session of its own, so it has no terminal, and is killed
# with all its children when the test ends before it does.

package WalfetchTest::Process;

use strict;
use warnings FATAL => 'all';

use POSIX qw(:sys_wait_h setsid);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my @processes;
my $count = 0;

# start(command => [...], env => {NAME => value or undef}, umask => 077)
sub start
{
	my ($class, %params) = @_;

	my $log = sprintf('%s_%03d', $PostgreSQL::Test::Utils::test_logfile,
		++$count);
	my $self = bless {
		command => $params{command},
		stdout  => "$log.out",
		stderr  => "$log.err",
		started => time(),
	}, $class;

	print "# Starting: @{ $self->{command} } (output: $log)\n";
	my $pid = fork();
	die "could not fork: $!" unless defined $pid;
	$self->_become(%params) if $pid == 0;

	$self->{pid} = $pid;
	push @processes, $self;
	return $self;
}

# The child's part of start.
sub _become
{
	my ($self, %params) = @_;
	my $env = $params{env} // {};

	setsid();
	$SIG{PIPE} = 'DEFAULT';
	foreach my $name (keys %$env)
	{
		delete $ENV{$name};
		$ENV{$name} = $env->{$name} if defined $env->{$name};
	}

	# STDOUT and STDERR may be tied: work on the descriptors.
	my $in  = POSIX::open('/dev/null', POSIX::O_RDONLY());
	my $out = POSIX::open($self->{stdout},
		POSIX::O_WRONLY() | POSIX::O_CREAT() | POSIX::O_TRUNC(), 0600);
	my $err = POSIX::open($self->{stderr},
		POSIX::O_WRONLY() | POSIX::O_CREAT() | POSIX::O_TRUNC(), 0600);
	POSIX::dup2($in, 0);
	POSIX::dup2($out, 1);
	POSIX::dup2($err, 2);
	umask $params{umask} if defined $params{umask};
	{
		no warnings;
		exec { $self->{command}[0] } @{ $self->{command} };
	}
	POSIX::_exit(127);
}

sub pid
{
	my ($self) = @_;
	return $self->{pid};
}

# What it wrote so far.
sub stdout
{
	my ($self) = @_;
	return -e $self->{stdout} ? slurp_file($self->{stdout}) : '';
}

sub stderr
{
	my ($self) = @_;
	return -e $self->{stderr} ? slurp_file($self->{stderr}) : '';
}

# Exit status, or 'signal N', or undef while it runs.
sub status
{
	my ($self) = @_;

	return $self->{status} if defined $self->{status};
	return if waitpid($self->{pid}, WNOHANG) != $self->{pid};
	$self->{ended} = time();
	$self->{status} =
	  WIFEXITED($?) ? WEXITSTATUS($?) : 'signal ' . WTERMSIG($?);
	print "# Ended: $self->{command}[0], $self->{status}\n";
	return $self->{status};
}

sub running
{
	my ($self) = @_;
	return !defined $self->status;
}

# Wait for the end, at most $seconds: the status, or 'still running'.
sub wait_for_end
{
	my ($self, $seconds) = @_;
	my $deadline = time() + ($seconds // $PostgreSQL::Test::Utils::timeout_default);

	while ($self->running)
	{
		if (time() > $deadline)
		{
			diag("still running after $seconds s: @{ $self->{command} }\n"
				  . $self->stderr);
			return 'still running';
		}
		usleep(5_000);
	}
	return $self->{status};
}

# Seconds from start to end.
sub lifetime
{
	my ($self) = @_;
	return $self->{ended} - $self->{started};
}

# True once it has been told what to do with a signal (number), by a handler or
# a mask: before that, any program is ended by it.
sub expects
{
	my ($self, $signal) = @_;
	my $proc = "/proc/$self->{pid}";

	return 0 if (readlink("$proc/exe") // '') ne $self->{command}[0];
	my $bits = 0;
	no warnings 'portable';
	foreach my $mask (slurp_file("$proc/status") =~ /^Sig(?:Blk|Cgt):\s+(\w+)/mg)
	{
		$bits |= hex($mask);
	}
	return $bits & 1 << $signal - 1;
}

sub signal
{
	my ($self, $signal) = @_;
	kill $signal, $self->{pid} if $self->running;
	return;
}

# Send a signal and wait for the end: (status, seconds that took).
sub stop
{
	my ($self, $signal, $seconds) = @_;
	my $begin = time();

	$self->signal($signal // 'TERM');
	my $status = $self->wait_for_end($seconds);
	return ($status, time() - $begin);
}

# End it and all its children at once.
sub destroy
{
	my ($self) = @_;
	return unless $self->running;
	kill 'KILL', -$self->{pid};
	kill 'CONT', -$self->{pid};
	$self->wait_for_end(10);
	return;
}

# The largest resident memory so far, in bytes.
sub peak_memory
{
	my ($self) = @_;
	my $text = slurp_file("/proc/$self->{pid}/status");
	return $text =~ /^VmHWM:\s+(\d+) kB/m ? $1 * 1024 : undef;
}

# What a sanitizer or valgrind found fails the test, whatever else it showed.
sub _found
{
	my ($self) = @_;
	return $self->stderr =~
	  /(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error: |ERROR SUMMARY: [1-9])/;
}

END
{
	my $exit_code = $?;

	$_->destroy foreach @processes;
	foreach my $process (grep { $_->_found } @processes)
	{
		diag("found by a sanitizer: @{ $process->{command} }\n"
			  . $process->stderr);
		$exit_code ||= 1;
	}
	$? = $exit_code;
}

1;
