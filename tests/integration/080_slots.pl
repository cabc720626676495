# Slots: made, dropped, followed, and never set back. D12.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $mb     = 1024 * 1024;
my $server = new_server('leader');

# A run without an archive: only about the slot.
sub slot_run
{
	return run_receiver($server, undef, options => [@_]);
}

sub restart_lsn
{
	my ($slot) = @_;
	return $server->slot($slot)->{restart_lsn};
}

foreach my $slot ('plain', '1archive', 'select')
{
	my ($status, $stderr) = slot_run('--create-slot', '-S', $slot);
	is($status, 0, "$slot: --create-slot") || diag($stderr);
	is($server->slot($slot)->{slot_type}, 'physical', "$slot: is there");
	is(restart_lsn($slot), '', "$slot: reserves no WAL");

	($status, $stderr) = slot_run('--create-slot', '-S', $slot);
	isnt($status, 0, "$slot: --create-slot again");
	like($stderr, qr/error: .*replication slot "$slot" already exists/,
		"$slot: says why");
	($status) = slot_run('--create-slot', '--if-not-exists', '-S', $slot);
	is($status, 0, "$slot: --create-slot --if-not-exists");

	# D12: streaming from it needs its name in other commands.
	my $archive = new_archive();
	finishes("D12: $slot: streams", $server, $archive,
		options => [ '-S', $slot, '--once' ]);
	my $upto = write_wal($server, 1.5);
	finishes("D12: $slot: streams on", $server, $archive,
		options => [ '-S', $slot, '--once' ]);
	$archive->is_faithful(
		"D12: $slot: identical",
		servers => [$server],
		upto    => $upto);
	is(restart_lsn($slot), $upto, "$slot: has followed");

	($status, $stderr) = slot_run('--drop-slot', '-S', $slot);
	is($status, 0, "$slot: --drop-slot") || diag($stderr);
	is($server->slot($slot)->{slot_type}, '', "$slot: is gone");
	($status, $stderr) = slot_run('--drop-slot', '-S', $slot);
	isnt($status, 0, "$slot: --drop-slot again");
	like($stderr, qr/error: .*replication slot "$slot" does not exist/,
		"$slot: says why");
}

# --auto-slot makes it, with WAL reserved, and goes on to stream.
my $auto     = new_archive();
my $receiver = start_receiver($server, $auto,
	options => [ '-S', 'auto', '--auto-slot', '-s', 1 ]);
ok( $server->poll_query_until(
		'postgres',
		"SELECT count(*) = 1 FROM pg_replication_slots "
		  . "WHERE slot_name = 'auto' AND restart_lsn IS NOT NULL AND active"),
	'--auto-slot: is made, reserves WAL, and is used');
my $upto = write_wal($server, 2.5);
ok(wait_flushed($server, $receiver, $upto), '--auto-slot: streams');
stops_cleanly('--auto-slot: stops', $receiver, 'TERM');
$auto->is_faithful(
	'--auto-slot: identical',
	servers => [$server],
	upto    => $upto);
$upto = write_wal($server, 1.5);
finishes('--auto-slot: goes on with the slot that is there',
	$server, $auto, options => [ '-S', 'auto', '--auto-slot', '--once' ]);
$auto->is_faithful(
	'--auto-slot: nothing is missing',
	servers => [$server],
	upto    => $upto);

# The slot is lost with a failover: made again, and the archive goes on (F11).
$server->safe_psql('postgres', "SELECT pg_drop_replication_slot('auto')");
$upto = write_wal($server, 2.5);
finishes('F11: --auto-slot makes a lost slot again',
	$server, $auto, options => [ '-S', 'auto', '--auto-slot', '--once' ]);
$auto->is_faithful(
	'F11: without a gap',
	servers => [$server],
	upto    => $upto);

# An empty archive begins with the segment of the slot's restart_lsn.
write_wal($server, 0.4);
my $restart = create_slot($server, 'old');
$upto = write_wal($server, 3.5);
my $archive = new_archive();
finishes('an empty archive and an old slot',
	$server, $archive, options => [ '-S', 'old', '--once' ]);
is(($archive->timeline(1))[0],
	segment_name(1, int(lsn_number($restart) / $mb), $mb),
	'begins at its segment');
$archive->is_faithful(
	'begins at its start',
	servers => [$server],
	from    => segment_begin($restart, $mb),
	upto    => $upto);

# restart_lsn follows and never goes back, over restarts of every kind.
seed_random();
my $load = start_load($server, options => [ '-R', 1000 ], width => 30);
my $last = lsn_number(restart_lsn('old'));
my $went_back = '';
my @codecs = qw(none gzip lz4 zstd);
foreach my $round (0 .. 11)
{
	my $codec = $codecs[ $round % 4 ];
	$receiver = start_receiver($server, $archive,
		options => [ '-S', 'old', '-s', 1, '-Z', $codec,
			$round % 3 ? '--synchronous' : () ]);
	my $target = lsn_number(flush_lsn($server));
	wait_until(
		'the slot to follow',
		sub {
			my $now = lsn_number(restart_lsn('old'));
			$went_back .= sprintf("round %d: from %s to %s\n",
				$round, lsn_text($last), lsn_text($now))
			  if $now < $last;
			$last = $now;
			return $now >= $target;
		});
	cmp_ok($last, '>=', $target, "round $round, $codec: the slot follows");
	random_moment(0.2);
	$receiver->stop((qw(TERM KILL INT))[ $round % 3 ], time_limit(5));
}
is($went_back, '', 'restart_lsn never goes back');
$load->destroy;
$upto = flush_lsn($server);
finishes('catches up', $server, $archive,
	options => [ '-S', 'old', '--once' ]);
$archive->is_faithful(
	'identical in the end',
	servers => [$server],
	from    => $restart,
	upto    => $upto);

done_testing();
