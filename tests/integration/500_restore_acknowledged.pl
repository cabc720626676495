# The leader is lost while walfetch is its synchronous standby: a base backup
# and `walfetch restore --partial` bring back every acknowledged commit. P9, F01.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Test::More;
use WalfetchTest;
use WalfetchTest::Restore;

# How the receiver ends, which leaves the open segment in different forms.
my %end = (none => 'not', gzip => 'TERM', lz4 => 'KILL', zstd => 'TERM');

seed_random();
foreach my $codec (qw(none gzip lz4 zstd))
{
	my $archive  = new_archive();
	my $leader   = new_server("leader_$codec");
	my $receiver = start_receiver($leader, $archive,
		options =>
		  [ '--synchronous', '-S', 'archive', '--auto-slot', '-Z', $codec ]);
	wait_flushed($leader, $receiver, flush_lsn($leader));
	base_backup($leader, 'base');
	$leader->append_conf('postgresql.conf',
		"synchronous_standby_names = 'walfetch_test'\n");
	$leader->reload;

	my @clients = start_clients($leader);
	ok( wait_until('commits', sub { acknowledged(@clients) > 3000 }),
		"$codec: commits are acknowledged")
	  || diag($receiver->stderr);
	random_moment(0.3);
	$leader->kill9;
	$_->{process}->wait_for_end(time_limit(20)) foreach @clients;
	my @ids = acknowledged(@clients);
	if ($end{$codec} ne 'not')
	{
		$receiver->stop($end{$codec}, time_limit(10));
	}
	else
	{
		# It persists what it has, and waits for a leader.
		wait_until('the receiver to notice',
			sub { $receiver->stderr =~ /trying again/ });
	}
	note("$codec: " . @ids . ' commits; ' . join ' ', $archive->partials);
	cmp_ok(scalar($archive->complete), '>', 1,
		"$codec: there are complete segments");
	is(scalar($archive->partials), 1, "$codec: there is an open one");
	my $before = $archive->fingerprint;

	my $rebuilt = new_recovery("rebuilt_$codec", $leader, 'base', $archive,
		options => ['--partial']);
	ends_recovery("$codec: recovers", $rebuilt);
	is(scalar(missing_on($rebuilt, @ids)), 0,
		"$codec: has all " . @ids . ' commits that were acknowledged');
	$rebuilt->stop;
	is($archive->fingerprint, $before, "$codec: the archive was only read");

	# That it was the open segment that made the difference.
	my $without = new_recovery("without_$codec", $leader, 'base', $archive);
	ends_recovery("$codec: recovers without --partial", $without);
	cmp_ok(scalar(missing_on($without, @ids)), '>', 0,
		"$codec: which lacks the last commits");
	$without->stop;
	$receiver->destroy;
}

done_testing();
