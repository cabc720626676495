# Under the name pg_receivewal: finished files vanish at any time, as they do
# with Barman, and leave one open segment or nothing.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::DropIn;

my $mb     = 1024 * 1024;
my $server = new_server('leader');

seed_random();

# Put every finished file away at once. One that comes a second time must say
# what the first did.
sub move_away
{
	my ($archive, $vault) = @_;
	my $moved = 0;

	foreach my $name ($archive->complete, $archive->histories)
	{
		my ($from, $to) = map { $_->dir . "/$name" } $archive, $vault;
		BAIL_OUT("\"$name\" came again, with other bytes")
		  if -e $to
		  && slurp_file(($archive->plain($name))[0]) ne
		  slurp_file(($vault->plain($name))[0]);
		rename $from, $to or BAIL_OUT("could not move \"$from\": $!");
		$moved++;
	}
	return $moved;
}

sub start
{
	my ($archive, $codec) = @_;
	return start_as_pg_receivewal(
		$server, $archive,
		options => [
			'--no-loop', '-s', 1, "--slot=$codec", "--compress=$codec"
		]);
}

# While it runs, again and again, and then everything between two runs. What
# was moved away never comes back while the open segment is there.
foreach my $codec (qw(none gzip lz4))
{
	my ($archive, $vault) = (new_archive(), new_archive());
	my $begin    = create_slot($server, $codec);
	my $receiver = start($archive, $codec);
	my $load     = start_load($server, width => 200, options => [ '-R', 2000 ]);
	my $moved    = 0;

	ok( wait_until(
			'10 files to move',
			sub {
				return 'ended' unless $receiver->running;
				$moved += move_away($archive, $vault);
				return $moved >= 10;
			}),
		"$codec: finished files vanish while it runs");
	ok($receiver->running, "$codec: and it goes on") || diag($receiver->stderr);
	foreach my $round (1 .. 4)
	{
		my $signal = $round % 2 ? 'INT' : 'KILL';
		random_moment(0.3);
		$receiver->stop($signal, time_limit(10));
		move_away($archive, $vault);
		is(scalar(grep { $_ !~ /^\./ } $archive->names),
			scalar($archive->partials),
			"$codec, round $round: only an open segment is left");

		# Nothing at all: the slot says where to go on.
		if ($round == 3)
		{
			unlink map { $archive->dir . "/$_" } $archive->partials;
		}
		$receiver = start($archive, $codec);
		ok(wait_flushed($server, $receiver, flush_lsn($server)),
			"$codec, round $round: goes on");
	}
	$load->destroy;
	my $upto = write_wal($server, 1.2);
	ok(wait_flushed($server, $receiver, $upto), "$codec: to the end");
	stops_cleanly("$codec: stops", $receiver, 'INT');
	unlike($receiver->stderr, qr/warning|error/, "$codec: without complaint");

	# All that was ever there, in one folder.
	rename $archive->dir . "/$_", $vault->dir . "/$_"
	  foreach $archive->complete, $archive->partials;
	$vault->is_faithful(
		"$codec: nothing is missing",
		servers => [$server],
		from    => $begin,
		upto    => $upto);
	is(join(' ', grep { $_ !~ /^\./ } $archive->names),
		'', "$codec: no other file");
}

# An open segment of no bytes is what "barman receive-wal --reset" leaves, and
# what Barman makes of one that has a size it did not expect: its name says
# where to begin.
foreach my $options ([], ['--slot=reset'])
{
	my $archive = new_archive();
	$server->safe_psql('postgres', 'CHECKPOINT');
	my $begin   = segment_begin(create_slot($server, 'reset'), $mb);
	my $segment = segment_name(1, lsn_number($begin) / $mb, $mb);

	append_to_file($archive->dir . "/$segment.partial", '');
	my $upto = write_wal($server, 2.5);
	my $receiver = start_as_pg_receivewal($server, $archive,
		options => [ '--no-loop', "--endpos=$upto", @$options ]);
	is($receiver->wait_for_end(time_limit(30)), 0, "empty file, @$options: runs")
	  || diag($receiver->stderr);
	$archive->is_faithful(
		"empty file, @$options: begins with its segment",
		servers => [$server],
		from    => $begin,
		upto    => $upto);
	is(join(' ', grep { /bad$/ } $archive->names),
		'', "empty file, @$options: is not moved aside");
	$server->safe_psql('postgres', "SELECT pg_drop_replication_slot('reset')");
}

done_testing();
