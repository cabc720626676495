# Point-in-time recovery with `walfetch restore`: to a time, and to an LSN.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Test::More;
use WalfetchTest;
use WalfetchTest::Restore;

my $archive  = new_archive();
my $leader   = new_server('leader');
my $receiver = start_receiver($leader, $archive,
	options => [ '-S', 'archive', '--auto-slot', '-Z', 'gzip', '-s', '1' ]);
wait_flushed($leader, $receiver, flush_lsn($leader));
base_backup($leader, 'base');

# Rows of one kind, WAL of more than a segment; the position and time after.
sub add_rows
{
	my ($kind) = @_;
	$leader->safe_psql('postgres',
		"INSERT INTO acknowledged (b) SELECT '$kind' FROM generate_series(1, 100)");
	write_wal($leader, 1.5);
	return split /\|/, $leader->safe_psql('postgres',
		'SELECT pg_current_wal_lsn(), clock_timestamp()');
}

my ($lsn, $time);
add_rows('first');
($lsn) = add_rows('second');
add_rows('third');
(undef, $time) = add_rows('fourth');
my $end = add_rows('fifth');
wait_flushed($leader, $receiver, flush_lsn($leader));
stops_cleanly('the receiver stops', $receiver, 'TERM');
$leader->stop('immediate');

my %targets = (
	lsn  => [ "recovery_target_lsn = '$lsn'",   'first|100,second|100' ],
	time => [ "recovery_target_time = '$time'", 'first|100,fourth|100,second|100,third|100' ],
);
foreach my $kind (sort keys %targets)
{
	my ($line, $expected) = @{ $targets{$kind} };
	foreach my $partial ([], ['--partial'])
	{
		my $name = "$kind" . (@$partial ? '_partial' : '');
		my $server = new_recovery("to_$name", $leader, 'base', $archive,
			options => $partial,
			conf    => "$line\nrecovery_target_action = 'promote'\n");

		ends_recovery("$name: recovers", $server);
		my $found = $server->safe_psql('postgres',
			'SELECT b, count(*) FROM acknowledged GROUP BY b ORDER BY b');
		is($found =~ s/\n/,/gr, $expected, "$name: has those rows and no other");
		$server->stop;
	}
}

done_testing();
