# pg_receivewal goes on with an archive that walfetch left, and walfetch with
# one that pg_receivewal left, in each codec, stopped or killed.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::DropIn;

my $server = new_server('leader');
my $real   = real_pg_receivewal($server)
  // plan(skip_all => 'no pg_receivewal here');
my $mb     = 1024 * 1024;
my %levels = (none => 'none', gzip => 'gzip:1', lz4 => 'lz4');
my @codecs = sort keys %levels;

seed_random();

sub start
{
	my ($program, $archive, $codec, @options) = @_;
	return start_as_pg_receivewal(
		$server, $archive,
		program => $program,
		app     => $codec,
		options => [
			'-n', '-s', 1, '-S', $codec, '-Z', $levels{$codec}, @options
		]);
}

sub is_complete_up_to
{
	my ($archive, $test_name, $begin, $upto) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $archive->is_faithful(
		$test_name,
		servers => [$server],
		from    => $begin,
		upto    => $upto);
}

# Stopped in the middle of a segment, then continued by the other one, which
# completes that segment.
foreach my $codec (@codecs)
{
	foreach my $order ([ undef, $real ], [ $real, undef ])
	{
		my $archive = new_archive();
		my $begin   = create_slot($server, $codec);
		my $test    = (defined $order->[0] ? 'pg_receivewal' : 'walfetch')
		  . " left it, $codec";

		foreach my $program (@$order)
		{
			$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
			my $process = start($program, $archive, $codec, '--synchronous');
			my $upto = write_wal($server, 2.4);
			my $whose = defined $program ? 'pg_receivewal' : 'walfetch';

			ok(wait_flushed($server, $process, $upto, $codec),
				"$test: $whose receives");
			stops_cleanly("$test: $whose stops", $process, 'INT');
			is_complete_up_to($archive, "$test: identical after $whose",
				$begin, $upto);
			is(scalar($archive->partials), 1, "$test: one open segment");
		}
		$server->safe_psql('postgres',
			"SELECT pg_drop_replication_slot('$codec')");
	}
}

# Killed or stopped at any moment under load, six times to and fro. walfetch is
# not stopped cleanly here: over a nearly full .gz.partial, pg_receivewal may
# write a shorter file and leave the rest behind it.
my %archives;
my %begins;
my $load = start_load($server, width => 200, options => [ '-R', 2000 ]);
foreach my $codec (@codecs)
{
	$archives{$codec} = new_archive();
	$begins{$codec}   = create_slot($server, $codec);
}
foreach my $round (0 .. 5)
{
	my $program = $round % 2 ? $real : undef;
	my $whose   = $round % 2 ? 'pg_receivewal' : 'walfetch';
	my $signal  = $round == 3 ? 'INT' : 'KILL';
	my @options = $round < 4 ? '--synchronous' : ();
	my %processes = map {
		$_ => start($program, $archives{$_}, $_, @options)
	} @codecs;

	foreach my $codec (@codecs)
	{
		ok( wait_flushed(
				$server, $processes{$codec}, flush_lsn($server), $codec),
			"round $round, $codec: $whose goes on");
	}
	random_moment(0.5);
	foreach my $codec (@codecs)
	{
		my ($status) = $processes{$codec}->stop($signal, time_limit(10));
		is($status, $signal eq 'INT' ? 0 : 'signal 9',
			"round $round, $codec: $whose ends with $signal");
	}
}
$load->destroy;

# Both directions once more up to an end.
foreach my $codec (@codecs)
{
	my $upto = write_wal($server, 1.5);
	my $last = start(undef, $archives{$codec}, $codec, "--endpos=$upto");

	is($last->wait_for_end(time_limit(30)), 0, "$codec: walfetch to the end")
	  || diag($last->stderr);
	is_complete_up_to($archives{$codec},
		"$codec: identical in the end", $begins{$codec}, $upto);
}

done_testing();
