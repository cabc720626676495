# D08: the slot is invalidated.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

needs_version(13, 'wal_keep_size and max_slot_wal_keep_size');

known('D08');
my $mb     = 1024 * 1024;
my $server = new_server(
	'leader', conf => q(
wal_keep_size = 0
max_wal_size = 4MB
min_wal_size = 2MB
max_slot_wal_keep_size = 3MB
));
my $archive = new_archive();

create_slot($server, 'lost', 'unused');
my $had = write_wal($server, 1.2);
receive_upto('with the slot', $server, $archive, $had,
	options => [ '-S', 'lost' ]);
foreach my $try (1 .. 20)
{
	write_wal($server, 4);
	$server->safe_psql('postgres', 'CHECKPOINT');
	last if $server->slot('lost')->{restart_lsn} eq '';
}
is($server->slot('lost')->{restart_lsn}, '', 'the slot is invalidated');
is($server->slot('unused')->{restart_lsn}, '', 'so is one never used');

# With the archive that used it, and as a new receiver that has nothing.
my @seen;
foreach my $case ([ 'lost', $archive ], [ 'unused', new_archive() ])
{
	my ($slot, $where) = @$case;
	my $fingerprint = contents($where);
	my $receiver = start($server, $where,
		options => [ '-S', $slot, '--synchronous' ]);

	wait_until(
		"an end of \"$slot\"",
		sub { !$receiver->running || contents($where) ne $fingerprint },
		patience());
	my $status = $receiver->running ? 'running' : $receiver->status;
	is($status, 4, "$slot: status") || diag($receiver->stderr);
	like($receiver->stderr, qr/error: .*"$slot"/, "$slot: is named");
	is(contents($where), $fingerprint, "$slot: nothing is written");
	my $silent = contents($where) ne $fingerprint;
	push @seen,
	  ($slot eq 'lost' ? 'with an archive' : 'with none')
	  . ': '
	  . ( $silent ? 'silently starts at the current end'
		: $status eq 'running' ? 'tries for ever'
		:                        "status $status");
	if ($slot eq 'lost')
	{
		my $number = lsn_number($had);
		my $place = sprintf('%X/0*%X', $number >> 32, $number & 0xFFFFFFFF);
		my $segment = segment_name(1, int($number / $mb), $mb);
		like($receiver->stderr, qr/$place|$segment/,
			"$slot: where the missing WAL begins");
	}
	$receiver->stop('INT', 10);
	$receiver->destroy;
}
seen(join('; ', @seen));
known_done();
