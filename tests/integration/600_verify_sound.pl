# verify finds no fault in what servers write and receivers keep: all codecs,
# switches, crashes, promotions, records of many segments, all segment sizes,
# and while a receiver is at work.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Verify;

# A record of about so many megabytes.
sub write_record
{
	my ($server, $megabytes) = @_;
	$server->safe_psql('postgres',
		"SELECT pg_logical_emit_message(false, 'long', "
		  . "repeat('walfetch', " . int($megabytes * 131072) . "))");
	return;
}

sub crash
{
	my ($server) = @_;
	$server->stop('immediate');
	$server->start;
	return;
}

foreach my $size (1, 64)
{
	my $server = new_server("size_$size",
		segment_size => $size, conf => "max_replication_slots = 10\n");
	my @codecs = $size == 1 ? ('none', 'gzip', 'lz4', 'zstd') : ('none', 'lz4');
	my %archives =
	  map { $_ => new_archive(segment_size => $size) } @codecs;

	create_slot($server, @codecs);
	write_wal($server, $size / 2);
	$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
	write_wal($server, $size * 1.2);
	write_record($server, $size * 2.5) if $size == 1;
	crash($server);
	my $load = start_load($server, clients => 4);
	write_wal($server, $size);
	crash($server);
	$load->destroy;
	$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
	$server->safe_psql('postgres', 'CHECKPOINT');
	write_wal($server, $size / 3);

	foreach my $codec (@codecs)
	{
		my $archive = $archives{$codec};
		finishes("$size MB, $codec: received",
			$server, $archive,
			options => [ '--once', '-S', $codec, '-Z', $codec ]);
		is(scalar $archive->partials, 1, "$size MB, $codec: an open segment");
		is_sound("$size MB, $codec", $archive);
		is_sound("$size MB, $codec, one job", $archive, '--jobs=1');
	}
	$server->stop;
}

# While it is being written.
my $leader  = new_server('leader');
my $standby = new_standby('standby', $leader);
my %running;
foreach my $codec ('none', 'zstd')
{
	my $archive = new_archive();
	create_slot($leader, "run_$codec");
	$running{$codec} = [
		$archive,
		start_receiver($leader, $archive,
			app     => "walfetch_$codec",
			options => [ '-S', "run_$codec", '-Z', $codec, '-s', 1 ])
	];
}
write_wal($leader, 2.3);
my $load = start_load($leader, clients => 4, width => 200);
my ($runs, $bad) = (0, '');
my $until = lsn_number(flush_lsn($leader)) + 15 * 1024 * 1024;
while ($bad eq '' && ($runs < 10 || lsn_number(flush_lsn($leader)) < $until))
{
	foreach my $codec (sort keys %running)
	{
		my ($status, $stdout, $stderr) = verify($running{$codec}[0]);
		# Before the first segment has a name there is nothing to verify.
		next if $stderr =~ /holds no WAL/;
		$runs++;
		$bad .= "$codec: status $status: $stdout$stderr" if $status != 0;
	}
}
is($bad, '', 'beside a busy receiver: no fault');
cmp_ok($runs, '>=', 10, "it was verified often enough ($runs times)");
$load->destroy;

# Promoted in the middle of a segment, and again.
my $flush = flush_lsn($leader);
foreach my $codec (sort keys %running)
{
	ok( wait_flushed($leader, $running{$codec}[1], $flush, "walfetch_$codec"),
		"$codec: all is flushed");
	stops_cleanly("$codec: stops", $running{$codec}[1], 'TERM');
	is_sound("$codec: after a clean stop", $running{$codec}[0]);
}
$leader->wait_for_catchup($standby, 'replay', $flush);
my $second = new_standby('second', $leader);
$standby->promote;
write_wal($standby, 2.4);
foreach my $codec (sort keys %running)
{
	finishes("$codec: received across the promotion",
		$standby, $running{$codec}[0],
		options => [ '--once', '-Z', $codec ]);
	is(scalar $running{$codec}[0]->histories, 1, "$codec: a history file");
	is_sound("$codec: across a promotion", $running{$codec}[0]);
}

# A fork that shares its parent's beginning: all its timelines are sound.
$second->promote;
write_wal($second, 0.3);
$second->safe_psql('postgres', 'SELECT pg_switch_wal()');
write_wal($second, 1.6);
my $fork = new_archive();
finishes('received from a fork', $second, $fork,
	options => ['--once']);
is_sound('a fork', $fork);

# The report as JSON.
my ($status, $stdout, $stderr) = verify($running{zstd}[0], '--json');
my $report = eval { decode_json($stdout) };
is($status, 0, 'JSON: status') || diag($stderr);
is($report->{status}, 0, 'JSON: the same within');
is($report->{archive}, $running{zstd}[0]->dir, 'JSON: archive');
is($report->{segment_size}, 1024 * 1024, 'JSON: segment size');
is($report->{system_identifier},
	$leader->safe_psql('postgres',
		'SELECT system_identifier FROM pg_control_system()'),
	'JSON: system identifier');
is($report->{verified},
	scalar(() = ($running{zstd}[0]->complete, $running{zstd}[0]->partials)),
	'JSON: every segment');
cmp_ok($report->{records}, '>', 1000, 'JSON: records');
is_deeply($report->{findings}, [], 'JSON: no findings');
ok($report->{finished}, 'JSON: finished');

# A progress line, if it is wanted.
($status, $stdout, $stderr) =
  verify($running{none}[0], '--progress=always');
like($stderr, qr/ of \d+ segments, .*\/s, 0 faults/, 'a progress line');
($status, $stdout, $stderr) = verify($running{none}[0], '--quiet');
is("$status$stdout$stderr", '0', 'nothing to say when quiet');

done_testing();
