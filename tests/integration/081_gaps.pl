# WAL that is gone: status 4, with the place and the reason; never a silent
# gap. D08.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

needs_version(13, 'wal_keep_size and max_slot_wal_keep_size');

my $mb     = 1024 * 1024;
my $server = new_server(
	'leader', conf => q(
wal_keep_size = 0
max_wal_size = 4MB
min_wal_size = 2MB
max_slot_wal_keep_size = 3MB
));

# Write and throw away WAL until a segment is gone.
sub lose_segment_of
{
	my ($lsn) = @_;
	my $path = $server->data_dir . '/pg_wal/'
	  . segment_name(1, int(lsn_number($lsn) / $mb), $mb);

	foreach my $try (1 .. 20)
	{
		write_wal($server, 4);
		$server->safe_psql('postgres', 'CHECKPOINT');
		return if !-e $path;
	}
	BAIL_OUT("\"$path\" does not go away");
	return;
}

# An archive whose next segment the server has no more.
my $archive = new_archive();
finishes('an archive', $server, $archive, options => ['--once']);
my $had = flush_lsn($server);
lose_segment_of($had);
my $before = $archive->fingerprint;
foreach my $options ([], ['--no-loop'], ['--once'])
{
	my ($status, $stderr) =
	  run_receiver($server, $archive, options => $options);
	my $segment = segment_name(1, int(lsn_number($had) / $mb), $mb);

	is($status, 4, "WAL is gone, @$options: status");
	like($stderr, qr/error: .*($segment|[0-9A-F]+\/[0-9A-F]+)/,
		"WAL is gone, @$options: names the place");
	like($stderr, qr/removed/, "WAL is gone, @$options: names the reason");
	like($stderr, qr/hint: .*--allow-gap/,
		"WAL is gone, @$options: says what to do");
	is($archive->fingerprint, $before,
		"WAL is gone, @$options: nothing has changed");
}
finishes('--allow-gap', $server, $archive,
	options => [ '--allow-gap', '--once' ]);
my $upto = write_wal($server, 2);
finishes('and on without it', $server, $archive, options => ['--once']);
my $last = segment_name(1, int((lsn_number($upto) - 1) / $mb), $mb);
like(($archive->timeline(1))[-1], qr/^$last/, '--allow-gap: up to the end');

# An invalidated slot, with an archive that stands at it and with none: D08.
my $slotted = new_archive();
create_slot($server, 'lost');
write_wal($server, 1.2);
finishes('with a slot', $server, $slotted,
	options => [ '-S', 'lost', '--once' ]);
lose_segment_of(flush_lsn($server));
is($server->slot('lost')->{restart_lsn}, '', 'the slot is invalidated');
$before = $slotted->fingerprint;
foreach my $case ([ 'an archive', $slotted ], [ 'none', new_archive() ])
{
	my ($name, $where) = @$case;
	my ($status, $stderr) =
	  run_receiver($server, $where, options => [ '-S', 'lost' ]);

	is($status, 4, "D08: an invalidated slot and $name: status");
	like($stderr, qr/error: .*"lost"/,
		"D08: an invalidated slot and $name: names it");
}
is($slotted->fingerprint, $before, 'D08: nothing has changed');

done_testing();
