# A server stopped with -m fast while we stream is down within a second of
# what it takes without us.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use WalfetchTest;

seed_random();
my $server = new_server('leader');
create_slot($server, 'fast');

# Seconds that a fast stop takes under load.
sub fast_stop
{
	my $load = start_load($server, clients => 4);
	my $from = lsn_number(flush_lsn($server));
	wait_until('load', sub { lsn_number(flush_lsn($server)) > $from + 100_000 });
	random_moment(0.3);

	my $begin = time();
	$server->stop('fast');
	my $seconds = time() - $begin;

	$load->destroy;
	$server->start;
	return $seconds;
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	return $sorted[ $#sorted / 2 ];
}

foreach my $options ([ '-Z', 'gzip' ], ['--synchronous'])
{
	my $archive = new_archive();
	my (@with, @without);

	foreach my $round (1 .. 3)
	{
		push @without, fast_stop();

		my $receiver = start_receiver($server, $archive,
			options => [ '-S', 'fast', @$options ]);
		wait_until(
			'the receiver to stream',
			sub {
				$server->safe_psql('postgres',
					"SELECT count(*) FROM pg_stat_replication "
					  . "WHERE state = 'streaming'");
			});
		push @with, fast_stop();
		ok($receiver->running, "@$options: outlives the server, round $round");
		stops_cleanly("@$options: stops, round $round", $receiver, 'TERM');
	}
	note("@$options: without: @without; with: @with");
	cmp_ok(
		median(@with) - median(@without),
		'<=',
		time_limit(1),
		"@$options: at most a second longer");
}

done_testing();
