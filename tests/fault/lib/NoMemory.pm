# Requests for memory, or for a thread, are refused, one in each run. No crash
# comes of it, and what fails says why.

package NoMemory;

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../integration/lib";

use Exporter 'import';
use FailingCalls;
use POSIX qw(:sys_wait_h);
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

our @EXPORT = qw(command_survives receive_survives);

# How it may be said: by us, by libpq, libarchive and the loader, by the system.
my $message = qr/[Oo]ut\ of\ memory|[Cc]annot\ allocate\ memory|No\ memory
  |Memory\ allocation\ failure
  |could\ not\ start\ \S+\ (\S+\ )?thread:\ Resource\ temporarily\ unavailable
  |could\ not\ load\ library/x;

# Where libraries crash when they are refused memory: glibc's search for a user's
# name, and how libarchive begins to read.
my $not_ours = qr/getpwuid|archive_read_new|archive_read_set_callback_data/;

my ($library, $scratch);
my $faults = 0;

sub prepare
{
	return if defined $library;
	# In a build for coverage, what it counts with as the program ends.
	$not_ours = qr/$not_ours|walfetch\(\S+\n\S*ld-linux/
	  if slurp_file(walfetch()) =~ /__gcov_/;
	$scratch = PostgreSQL::Test::Utils::tempdir('no_memory');
	$library = "$scratch/fail_memory.so";
	system_or_bail($ENV{CC} // 'cc', '-shared', '-fPIC', '-o', $library,
		"$FindBin::RealBin/fail_memory.c", '-ldl', '-lpthread');
	return;
}

# Run a command to its end: (status or "signal N", stdout, stderr).
sub run
{
	my ($command, %env) = @_;
	my $pid = fork();

	die "could not fork: $!" unless defined $pid;
	if ($pid == 0)
	{
		POSIX::setsid();
		$ENV{$_} = $env{$_} foreach keys %env;
		POSIX::close($_) foreach 0 .. 2;
		POSIX::open('/dev/null', POSIX::O_RDONLY());
		POSIX::open("$scratch/$_",
			POSIX::O_WRONLY() | POSIX::O_CREAT() | POSIX::O_TRUNC(), 0600)
		  foreach qw(stdout stderr);
		exec { $command->[0] } @$command or POSIX::_exit(125);
	}
	local $SIG{ALRM} = sub { kill 'KILL', -$pid };
	alarm(time_limit(60));
	waitpid($pid, 0);
	my $status = WIFEXITED($?) ? WEXITSTATUS($?) : 'signal ' . WTERMSIG($?);
	alarm(0);
	return ($status, slurp_file("$scratch/stdout"),
		slurp_file("$scratch/stderr"));
}

sub environment
{
	my ($kind, $nth) = @_;

	prepare();
	unlink "$scratch/hit", "$scratch/count";
	return (
		LD_PRELOAD        => $library,
		ASAN_OPTIONS      => ($ENV{ASAN_OPTIONS} // '')
		  . ':verify_asan_link_order=0:allocator_may_return_null=1',
		FAIL_MEMORY       => $kind,
		FAIL_MEMORY_NTH   => $nth,
		FAIL_MEMORY_HIT   => "$scratch/hit",
		FAIL_MEMORY_COUNT => "$scratch/count");
}

# How many requests of a kind the last run made.
sub requests
{
	return -e "$scratch/count" ? int(slurp_file("$scratch/count")) : 0;
}

# Which of so many requests are refused: all, or no more than so many, evenly.
sub choose
{
	my ($requests, $most) = @_;
	my $step = $ENV{WALFETCH_EVERY_FAULT} ? 1 : $requests / $most;
	my %chosen;

	$step = 1 if $step < 1;
	for (my $at = 1; $at <= $requests; $at += $step)
	{
		$chosen{ int($at) } = 1;
	}
	return sort { $a <=> $b } keys %chosen;
}

# One test for each kind of request. $fault->(%env) makes a run, and returns what
# was wrong. most: how many are refused of a kind, if not every one.
sub all_refused
{
	my ($name, $fault, %most) = @_;

	foreach my $kind (qw(program library thread))
	{
		my @problems = $fault->(environment($kind, 0));
		my $requests = requests();
		my $count    = 0;

		foreach my $nth (choose($requests, $most{$kind} // 20))
		{
			my $problem = $fault->(environment($kind, $nth));
			next unless -e "$scratch/hit";
			$count++;
			next if $problem eq '';
			my $where = slurp_file("$scratch/hit");
			next if $problem =~ /^signal/ && $where =~ $not_ours;
			push @problems, "$kind $nth: $problem\n$where";
		}
		is(join("\n", grep { $_ ne '' } @problems),
			'', "$name: $count of $requests requests, $kind");
		cmp_ok($count, '>', 0, "$name: there are, $kind")
		  unless $kind eq 'library';
		$faults += $count;
	}
	note("$name: $faults so far");
	return;
}

# A command does what it would do anyway, or fails and says why.
#
# before: a function that makes its place anew. status: of a failure (1).
# connects: to a server. tells: of failures in its output, among what it found.
# after: a function that is given the status and returns what is wrong then, if
# anything. most: a hash, as for all_refused. Numbers and blanks in the output may change.
sub command_survives
{
	my ($name, $command, %params) = @_;
	my $before  = $params{before} // sub { };
	my $after   = $params{after} // sub { return '' };
	my $failure = $params{status} // 1;
	my @good;
	my $fault = sub {
		my (%env) = @_;
		$before->();
		my ($status, $stdout, $stderr) = run([ walfetch(), @$command ], %env);
		$stdout =~ s{[0-9A-F]+/[0-9A-F]+}{N}g;
		$stdout =~ s/\d+(\.\d+)?(e-?\d+)?( [kMG]?B\b)?/N/g;
		$stdout =~ s/ +/ /g;
		@good = ($status, $stdout) unless @good;
		return "$status: $stderr" if $status =~ /^signal/;
		if ($status ne $good[0] || $stdout ne $good[1])
		{
			# The loader ends a process with 127. A connection that libpq
			# has no memory for is one that failed.
			return "status $status: $stderr$stdout"
			  unless $status =~ /^($failure|127)$/
			  || $status eq '2' && $params{connects}
			  || $status eq '0' && $params{tells};
			return "status $status, no message: $stderr\n$stdout"
			  unless $stderr =~ $message
			  || $params{tells} && $stdout =~ $message;
		}
		return $after->($status);
	};
	all_refused($name, $fault, %{ $params{most} // {} });
	return;
}

# A receiver does, too, and a power cut takes nothing that was acknowledged.
# resumes: it goes on from what another one received.
sub receive_survives
{
	my ($name, $options, %most) = @_;
	my $before = $most{resumes} ? begun_archive($options) : undef;
	my $fault = sub {
		my (%env) = @_;
		return fault_of_receive($options, qr/^([012]|127)$/, $message, $before,
			%env);
	};
	all_refused($name, $fault, %most);
	return;
}

1;
