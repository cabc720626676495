# Every call on a file of the archive fails once, or the process dies in front
# of it; a power cut follows. Then the archive is right, nothing that was
# acknowledged is missing, and the next run goes on.

package FailingCalls;

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../integration/lib";

use Exporter 'import';
use Leader;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

our @EXPORT = qw(all_calls_fail begun_archive fault_of_receive loses_without_sync);

# How a call may fail, other than by the end of the process.
my %ways = (
	open    => [qw(EMFILE EIO EROFS)],
	write   => [qw(ENOSPC EIO EDQUOT short)],
	sync    => [qw(EIO ENOSPC EDQUOT)],
	rename  => [qw(EIO ENOSPC EROFS)],
	unlink  => [qw(EIO EROFS)],
	reserve => [qw(ENOSPC EIO EDQUOT)],
	close   => [qw(EIO ENOSPC EDQUOT)]);

# The preloaded library, the leader, and how many connections it has had.
my ($library, $leader);
my $connections = 0;

# The leader sends the same WAL in every run: some, a question, more, a
# question, the rest.
sub prepare
{
	return if defined $leader;
	$library = PostgreSQL::Test::Utils::tempdir('fail_calls') . '/fail_calls.so';
	system_or_bail($ENV{CC} // 'cc', '-shared', '-fPIC', '-o', $library,
		"$FindBin::RealBin/fail_calls.c", '-ldl', '-lpthread');
	$leader = new_leader(<<"EOT");
slot held $begin
write-wal $begin $end
connection
until START_REPLICATION
answer
wal 0/01054321
keepalive reply
until STATUS
wal 0/01190000
keepalive reply
until STATUS
serve
EOT
	return;
}

# True if the leader is through with every connection that it has heard of.
sub all_ended
{
	my $log = $leader->log;
	my %open = map { $_ => 1 } $log =~ /^([1-9]\d*) /mg;

	delete $open{$_} foreach $log =~ /^(\d+) ended$/mg;
	return !%open;
}

# One run. Its status, its stderr, and the highest position that it
# acknowledged, as a number.
sub receive
{
	my ($archive, $options, %env) = @_;
	my ($status, $stderr) = run_receiver(
		$leader, $archive,
		options => [ '-S', 'held', '--no-loop', "--endpos=$end", @$options ],
		env     => \%env);
	my $highest = 0;

	# A process that dies before it connects is none of the leader's.
	my $before = $connections;
	wait_until('the leader to see the end', \&all_ended);
	my $log = $leader->log;
	($connections) = sort { $b <=> $a } $log =~ /^(\d+) /mg;
	foreach my $number ($before + 1 .. $connections)
	{
		foreach my $lsn ($log =~ /^$number status .*flush (\S+)/mg)
		{
			my $flush = lsn_number($lsn);
			$highest = $flush if $flush > $highest;
		}
	}
	return ($status, $stderr, $highest);
}

# One run with a fault, which a power cut follows, and the next run: what is wrong
# afterwards, a problem a line. $wanted: the status that may come of the fault;
# $message: what is said if that is not 0. $before: a folder that the archive is a
# copy of; undef for none. LD_PRELOAD in %env is loaded in front.
sub fault_of_receive
{
	my ($options, $wanted, $message, $before, %env) = @_;
	my $archive = new_archive();

	prepare();
	system_or_bail('cp', '-a', "$before/.", $archive->dir) if defined $before;
	$env{LD_PRELOAD} = join ' ', grep { defined } $env{LD_PRELOAD}, $library;
	my ($status, $stderr, $acknowledged) = receive(
		$archive, $options,
		ASAN_OPTIONS => ($ENV{ASAN_OPTIONS} // '') . ':verify_asan_link_order=0',
		FAIL_FOLDER  => $archive->dir,
		%env);

	my $upto = $status eq '0' ? $end : lsn_text($acknowledged);
	my @problems;
	push @problems, "status $status: $stderr" unless $status =~ $wanted;
	push @problems, "no message: $stderr"
	  if $status =~ /^[1-9]/ && $stderr !~ $message;
	foreach my $problem (
		split /\n/,
		$archive->problems(
			servers => [$leader],
			($acknowledged > 0 ? (from => $begin, upto => $upto) : ())))
	{
		# It is complete, but for its name.
		$problem = $archive->lacks($1, lsn_number($upto), $leader)
		  if $problem =~ /^not finished: (.*)$/;
		push @problems, $problem if $problem ne '';
	}

	($status, $stderr) = receive($archive, $options);
	push @problems, "then: status $status: $stderr" if $status ne '0';
	push @problems,
	  map { "then: $_" }
	  $archive->problems(servers => [$leader], from => $begin, upto => $end),
	  map { "left: $_" } grep { /\.(tmp|bad)$/ } $archive->names;
	return join("\n", grep { $_ ne 'then: ' } @problems);
}

# An archive that ends in the middle of a segment: its folder.
sub begun_archive
{
	my ($options) = @_;
	my $archive = new_archive();

	prepare();
	my ($status, $stderr) =
	  receive($archive, [ @$options, '--endpos=0/01234567' ]);
	BAIL_OUT("no archive to go on from: $stderr") if $status ne '0';
	return $archive->dir;
}

# One fault: what is wrong afterwards; undef if the call is never reached.
sub fails_at
{
	my ($options, $call, $nth, $way) = @_;
	my $hit = PostgreSQL::Test::Utils::tempdir('hit') . '/hit';
	my $problem = fault_of_receive(
		$options,
		$way eq 'kill' ? qr/^signal 9$/ : qr/^[01]$/,
		qr/^walfetch: error: could not/m,
		undef,
		FAIL_CALL => $call,
		FAIL_NTH  => $nth,
		FAIL_WITH => $way,
		FAIL_HIT  => $hit);
	return -e $hit ? $problem : undef;
}

# Every call of a kind fails, in one way after the other, or each in every way
# if $WALFETCH_EVERY_FAULT says so. How many faults there were.
sub all_fail
{
	my ($name, $options, $call) = @_;
	my @problems;
	my $count = 0;
	my $nth   = 0;
	my $reached;

	do
	{
		$nth++;
		$reached = 0;
		my @tried = @{ $ways{$call} };
		@tried = ($tried[ $nth % @tried ]) unless $ENV{WALFETCH_EVERY_FAULT};
		foreach my $way (@tried, 'kill')
		{
			my $problem = fails_at($options, $call, $nth, $way);
			last unless defined $problem;
			$reached = 1;
			$count++;
			push @problems, "$call $nth, $way: $problem"
			  if $problem ne '';
		}
	} while ($reached);
	is(join("\n", @problems), '', "$name: $count times $call");
	cmp_ok($nth, '>', 1, "$name: there is $call");
	return $count;
}

# Two tests for each kind of call, for a receiver with these options.
sub all_calls_fail
{
	my ($name, $options) = @_;
	my $faults = 0;

	prepare();
	$faults += all_fail($name, $options, $_) foreach sort keys %ways;
	note("$name: $faults faults");
	return;
}

# One test: what the power cut takes is missed, when nothing is ever synced.
sub loses_without_sync
{
	my $nth     = 1;
	my $problem = '';

	prepare();
	while (defined $problem && $problem eq '')
	{
		$problem = fails_at( ['--no-sync'], 'rename', $nth++, 'kill');
	}
	like($problem, qr/^0000/m, '--no-sync: the loss is seen');
	return;
}

1;
