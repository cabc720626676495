# The scripted leader, and what every test of a fault asks.

package Leader;

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../integration/lib";

use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Process;

our @EXPORT = qw(new_leader runs survives $begin $end);

# The WAL that a leader has unless its script says otherwise.
our $begin = '0/01000000';
our $end   = '0/01380000';

# A running leader; its script begins with a slot and ends as one is told.
sub new_leader
{
	my ($script) = @_;
	my $dir      = PostgreSQL::Test::Utils::tempdir_short();
	my $program  = $ENV{WALFETCH_LEADER};

	BAIL_OUT('WALFETCH_LEADER must name the scripted leader')
	  unless defined $program && -x $program;
	append_to_file("$dir/script", $script);
	my $self = bless {
		dir     => $dir,
		process => WalfetchTest::Process->start(
			command => [ $program, $dir, "$dir/script" ]),
	}, 'Leader';
	BAIL_OUT('the leader does not start: ' . $self->{process}->stderr)
	  unless wait_until('the leader to listen',
		sub { $self->log =~ /^0 listening$/m || !$self->{process}->running })
	  && $self->{process}->running;
	return $self;
}

sub stop
{
	my ($self) = @_;
	$self->{process}->destroy;
	return;
}

# What start_receiver and is_faithful want of a server.
sub connstr
{
	my ($self) = @_;
	return "host=$self->{dir} port=5432 user=tester";
}

sub data_dir
{
	my ($self) = @_;
	return $self->{dir};
}

# What the clients said so far, see tests/fault/service.h.
sub log
{
	my ($self) = @_;
	return $self->{process}->stdout;
}

# The highest position that was acknowledged as flushed, as a number.
sub acknowledged
{
	my ($self) = @_;
	my $highest = 0;

	foreach my $lsn ($self->log =~ /flush (\S+)/g)
	{
		my $flush = lsn_number($lsn);
		$highest = $flush if $flush > $highest;
	}
	return $highest;
}

# What was acknowledged and then taken back, over all connections.
sub taken_back
{
	my ($self) = @_;
	my $highest = 0;
	my @found;

	foreach my $lsn ($self->log =~ /flush (\S+)/g)
	{
		my $flush = lsn_number($lsn);
		next if $flush == 0;
		push @found, "acknowledged $lsn after " . lsn_text($highest)
		  if $flush < $highest;
		$highest = $flush if $flush > $highest;
	}
	return @found;
}

# Wait until a connection's section is at its end.
sub ended
{
	my ($self, $connection) = @_;
	return wait_until("connection $connection to end",
		sub { $self->log =~ /^$connection ended$/m });
}

# One fault after another, each in a run of its own with --no-loop on the same
# archive, then a good server.
#
# settings, from, upto, timeline, options: as for survives. scripts: the faults.
# expected: a function that is given the number of a fault (the first is 0), its
# status, stderr and the leader, and returns what was wrong, or nothing; the runs
# stop when it returns 'enough'. How many there were.
sub runs
{
	my ($name, %params) = @_;
	my $upto = $params{upto} // $end;
	my $head = "slot held $begin\n@{[ $params{settings} // '' ]}\n";
	my $archive = new_archive();
	my $leader = new_leader(
		$head . join('', map { "connection\n$_\n" } @{ $params{scripts} }));
	my @options =
	  ('-S', 'held', '--no-loop', "--endpos=$upto", @{ $params{options} // [] });
	my @problems;
	my $count = 0;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	foreach my $number (0 .. $#{ $params{scripts} })
	{
		my ($status, $stderr) =
		  run_receiver($leader, $archive, options => \@options);
		$leader->ended(++$count);
		my @found =
		  $params{expected}->($number, $status, $stderr, $leader);
		last if @found && $found[0] eq 'enough';
		push @problems, map { "$number: $_" } @found;
	}
	$leader->stop;
	push @problems, $leader->taken_back;
	is(join("\n", @problems), '', "$name: each is told of as it should");

	my $acknowledged = $leader->acknowledged;
	$leader = new_leader("${head}write-wal $begin $upto\nconnection\nserve\n");
	is($archive->problems(servers => [$leader]),
		'', "$name: nothing is damaged");
	finishes("$name: goes on", $leader, $archive, options => \@options);
	$archive->is_faithful(
		"$name: nothing is missing",
		servers  => [$leader],
		timeline => $params{timeline} // 1,
		from     => $params{from} // $begin,
		upto     => $upto);
	cmp_ok($acknowledged, '<=', lsn_number($upto),
		"$name: no more was acknowledged than there is");
	$leader->stop;
	return $count;
}

# A fault, then a good server: nothing may be lost, damaged or elsewhere.
#
# settings: statements before the first connection. script: the fault, for the
# first connection (more than one: with "connection" between). status: of the
# run with --no-loop that sees it. message: a pattern for its stderr. options:
# more for both runs. good: no more than up to this LSN may be acknowledged
# before the fault is over. after: statements for the good server, before it
# serves; undef if no good server follows. seconds: limit of the first run.
# from, upto: the range that must be there in the end; timeline: of that.
sub survives
{
	my ($name, %params) = @_;
	my $settings = $params{settings} // '';
	my $after    = exists $params{after} ? $params{after} : '';
	my $from     = $params{from} // $begin;
	my $upto     = $params{upto} // $end;
	my $parent   = PostgreSQL::Test::Utils::tempdir('parent');
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	mkdir "$parent/archive", 0700 or die $!;
	my $archive = new_archive(dir => "$parent/archive");
	my $leader = new_leader("slot held $begin\n"
		  . "$settings\nwrite-wal $begin $upto\n"
		  . "connection\n$params{script}\n"
		  . (defined $after ? "connection\nrepair\n$after\nserve\n" : ''));
	my @options =
	  ('-S', 'held', '--no-loop', "--endpos=$upto", @{ $params{options} // [] });

	my ($status, $stderr, $process) = run_receiver($leader, $archive,
		options => \@options,
		seconds => $params{seconds} // time_limit(20));
	is($status, $params{status}, "$name: status") || diag($stderr);
	like($stderr, $params{message}, "$name: message")
	  if defined $params{message};
	my @problems = $archive->problems(servers => [$leader]);
	my $acknowledged = $leader->acknowledged;
	push @problems, 'acknowledged ' . lsn_text($acknowledged)
	  if defined $params{good} && $acknowledged > lsn_number($params{good});
	if (defined $after)
	{
		($status, $stderr) =
		  run_receiver($leader, $archive, options => \@options);
		push @problems, "then: status $status: $stderr" if $status ne '0';
		push @problems,
		  $archive->problems(
			servers  => [$leader],
			timeline => $params{timeline} // 1,
			from     => $from,
			upto     => $upto);
	}
	push @problems, $leader->taken_back;
	push @problems,
	  map { "outside: $_" } grep { !/^(\.|\.\.|archive)$/ } slurp_dir($parent);
	is(join("\n", grep { $_ ne '' } @problems),
		'', "$name: the archive is right");
	$leader->stop;
	return ($archive, $leader, $process, $stderr);
}

1;
