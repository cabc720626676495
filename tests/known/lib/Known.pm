# What the tests of known failures share: each runs its steps with walfetch or,
# if $RECEIVER is pg_receivewal, with that, and says in a line what it saw.
#
# $PG_RECEIVEWAL names the program (pg_receivewal on PATH). The line, "row, tab,
# ok, fails or skipped, tab, what was seen", is appended to the file
# $KNOWN_VERDICTS if that is set, and is a TAP diagnostic otherwise.

package Known;

use strict;
use warnings FATAL => 'all';

use Compress::Raw::Zlib qw(WANT_GZIP);
use Exporter 'import';
use FindBin;
use lib "$FindBin::RealBin/../integration/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Process;

our @EXPORT = (
	@WalfetchTest::EXPORT, qw(
	  contents
	  history_switch
	  known
	  known_done
	  known_skip
	  lost_after_kill
	  new_slot
	  patience
	  pg_receivewal
	  preloaded
	  reaches
	  receive_upto
	  run
	  seen
	  start
	));

my ($row, $seen);

# Which row of the table this is: to be called first.
sub known
{
	($row) = @_;
	return;
}

# True if it is not walfetch that is run.
sub pg_receivewal
{
	return ($ENV{RECEIVER} // 'walfetch') eq 'pg_receivewal';
}

# What a reader of the table shall know; the last call counts.
sub seen
{
	($seen) = @_;
	return;
}

# The last call of a script.
sub known_done
{
	_verdict(Test::More->builder->is_passing ? 'ok' : 'fails');
	done_testing();
	return;
}

# In place of all tests: they cannot be run here.
sub known_skip
{
	my ($reason) = @_;

	seen($reason);
	_verdict('skipped');
	plan(skip_all => $reason);
	return;
}

sub _verdict
{
	my ($verdict) = @_;
	my $line = "$row\t$verdict\t" . ($seen // 'the test itself failed');

	undef $row;
	if (defined $ENV{KNOWN_VERDICTS})
	{
		append_to_file($ENV{KNOWN_VERDICTS}, "$line\n");
		return;
	}
	diag($line);
	return;
}

# How many seconds something may take: of pg_receivewal, where it is to be seen
# whether it ever happens, more than its five seconds between two attempts.
sub patience
{
	return pg_receivewal() ? 8 : time_limit(30);
}

# Start the receiver. Parameters as for start_receiver; walfetch and theirs are
# options that only the one or the other gets, under a program that is called
# through wrapper (a list) if need be.
sub start
{
	my ($server, $archive, %params) = @_;
	my $app = $params{app} // 'walfetch_test';
	my $conninfo =
	  exists $params{conninfo}
	  ? $params{conninfo}
	  : $server->connstr . " application_name=$app";
	my @command =
	  pg_receivewal()
	  ? ($ENV{PG_RECEIVEWAL} // 'pg_receivewal')
	  : (walfetch(), 'receive');

	push @command, '-D', $archive->dir if defined $archive;
	push @command, '-d', $conninfo if defined $conninfo;
	push @command, @{ $params{options} // [] };
	push @command, @{ $params{ pg_receivewal() ? 'theirs' : 'walfetch' } // [] };
	return WalfetchTest::Process->start(
		command => [ @{ $params{wrapper} // [] }, @command ],
		env     => { PGAPPNAME => undef, %{ $params{env} // {} } },
		umask   => $params{umask});
}

# Run it to its end: (status or 'still running', its stderr, the process).
sub run
{
	my ($server, $archive, %params) = @_;
	my $receiver = start($server, $archive, %params);
	my $status = $receiver->wait_for_end($params{seconds} // patience());

	$receiver->destroy;
	return ($status, $receiver->stderr, $receiver);
}

# One test: a receiver reports that LSN as flushed, in time.
sub reaches
{
	my ($test_name, $server, $receiver, $lsn, $app) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $query = 'SELECT count(*) FROM pg_stat_replication '
	  . "WHERE application_name = '@{[ $app // 'walfetch_test' ]}' "
	  . "AND flush_lsn >= '$lsn'";
	my $found = wait_until(
		"$test_name: $lsn",
		sub {
			return 'ended' unless $receiver->running;
			my ($result, $stdout) = $server->psql('postgres', $query);
			return $result == 0 && $stdout eq '1' ? 'found' : '';
		},
		patience());

	return is($found // 'too late', 'found', $test_name)
	  || (diag($receiver->stderr), 0);
}

# Receive until an LSN is reported as flushed, and stop. True if all that works.
# options and the like as for start; --synchronous is among them.
sub receive_upto
{
	my ($test_name, $server, $archive, $lsn, %params) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $receiver = start($server, $archive, %params,
		options => [ '--synchronous', @{ $params{options} // [] } ]);
	my $reached = reaches("$test_name: streams", $server, $receiver, $lsn,
		$params{app});
	my ($status) = $receiver->stop('INT', patience());

	$receiver->destroy;
	return is($status, 0, "$test_name: stops") && $reached;
}

# A slot whose WAL begins with a new segment, little of it used. That segment's
# beginning.
sub new_slot
{
	my ($server, @names) = @_;

	$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
	$server->safe_psql('postgres', 'CHECKPOINT');
	return create_slot($server, @names);
}

# What an archive lacks of the WAL from an LSN up to another after its receiver
# was killed: the problems, one per line. An open compressed segment need not
# have an end if what is needed can be read, and one before the last need not
# have its final name if it is whole.
sub lost_after_kill
{
	my ($archive, $server, $from, $upto) = @_;
	my @problems =
	  grep { /^(\w{24}|missing: |not )/ }
	  split /\n/,
	  $archive->problems(servers => [$server], from => $from, upto => $upto);
	my $size = $archive->segment_size;
	my ($last, $need) =
	  (int(lsn_number($upto) / $size), lsn_number($upto) % $size);

	return join(
		"\n",
		grep {
			my ($name) = /^(?:not finished: )?(\w{24}\S*\.partial)\b/;
			my $number = defined $name ? segment_number($name, $size) : 0;

			!defined $name || !_has($archive, $name, $server,
				  $number < $last ? $size
				: $number == $last ? $need
				: 0);
		} @problems);
}

# True if the first so many bytes of a segment can be read, and are right.
sub _has
{
	my ($archive, $name, $server, $len) = @_;
	my $original =
	  slurp_file($server->data_dir . '/pg_wal/' . substr($name, 0, 24));
	my $plain =
	  $archive->suffix($name) eq '.gz'
	  ? _inflated($archive->dir . "/$name")
	  : slurp_file(($archive->plain($name))[0]);

	return length $plain >= $len
	  && substr($plain, 0, $len) eq substr($original, 0, $len);
}

# What can be read of a gzip file that has no end: gzip itself keeps the last
# bytes of it back.
sub _inflated
{
	my ($path) = @_;
	my $inflate = Compress::Raw::Zlib::Inflate->new(
		-WindowBits => WANT_GZIP, -AppendOutput => 1, -ConsumeInput => 1);
	my ($input, $plain) = (slurp_file($path), '');

	$inflate->inflate($input, $plain);
	return $plain;
}

# Names, modes, sizes and sums of an archive's files, not their times: a file
# that is opened for writing and left as it is has not changed. A file may go
# away while it is looked at.
sub contents
{
	my ($archive) = @_;
	my $fingerprint = eval { $archive->fingerprint } // return 'changing';
	return $fingerprint =~ s/^(\S+ \S+ \S+) \d+/$1/mgr;
}

# Where a server's timeline left the one before.
sub history_switch
{
	my ($server, $timeline) = @_;
	my @lines = grep { /^\d/ } split /\n/,
	  slurp_file(
		sprintf('%s/pg_wal/%08X.history', $server->data_dir, $timeline));

	return (split /\t/, $lines[-1])[1];
}

# Build a library from a source beside the tests, to be preloaded: its path.
sub preloaded
{
	my ($name) = @_;
	my $library = PostgreSQL::Test::Utils::tempdir($name) . "/$name.so";

	system_or_bail($ENV{CC} // 'cc', '-shared', '-fPIC', '-o', $library,
		"$FindBin::RealBin/$name.c", '-ldl');
	return $library;
}

# A script that ends before its last call has a verdict, too.
END
{
	my $exit_code = $?;
	_verdict('fails') if defined $row;
	$? = $exit_code;
}

1;
