# WAL that is damaged on the server: never acknowledged, never under a final
# name, and told of exactly. P2, D09.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

needs_program('pg_waldump');

my $mb     = 1024 * 1024;
my $server = new_server('leader', conf => "max_replication_slots = 30\n");
my $pg_wal = $server->data_dir . '/pg_wal';
my $count  = 0;

sub patch
{
	my ($segment, $offset, $bytes) = @_;
	open my $file, '+<:raw', "$pg_wal/$segment" or die "$segment: $!";
	seek $file, $offset, 0;
	read $file, my $old, length $bytes;
	seek $file, $offset, 0;
	print $file $bytes;
	close $file or die "$segment: $!";
	return $old;
}

# Three segments of records after a slot's position, and a checkpoint that the
# server would start from. The second of them gets the damage.
sub new_wal
{
	my $slot = 'damaged' . ++$count;
	$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
	my $begin = create_slot($server, map { "${slot}_$_" } qw(none gzip all));
	my $upto = write_wal($server, 3.5);
	my $number = int(lsn_number($begin) / $mb) + 1;

	$server->safe_psql('postgres', 'CHECKPOINT');
	return {
		slot    => $slot,
		begin   => $begin,
		upto    => $upto,
		number  => $number,
		segment => segment_name(1, $number, $mb),
	};
}

# A record in the middle of a segment that lies within one page: its LSN.
sub whole_record
{
	my ($wal) = @_;
	my ($dump) =
	  run_command([ 'pg_waldump', '-p', $pg_wal, '-r', 'Heap', $wal->{segment} ]);

	while ($dump =~ m{len \(rec/tot\):\s+\d+/\s*(\d+),.*? lsn: (\S+),}g)
	{
		my ($len, $lsn) = ($1, lsn_number($2));
		return $lsn
		  if $lsn % $mb > $mb / 2
		  && $lsn % 8192 + $len <= 8192
		  && $len > 100;
	}
	BAIL_OUT('no record to damage');
	return;
}

# name, function that damages and returns (LSN, undo), pattern of the message.
sub is_detected
{
	my ($name, $damage, $pattern) = @_;
	my $wal = new_wal();
	my ($lsn, $offset, $bytes) = $damage->($wal);
	my $old = patch($wal->{segment}, $offset, $bytes);
	isnt($old, $bytes, "$name: is a damage");

	foreach my $codec (qw(none gzip))
	{
		my $archive = new_archive();
		my $slot    = "$wal->{slot}_$codec";
		my @options = ('-S', $slot, '-Z', $codec);
		my ($status, $stderr);

		foreach my $run (1, 2)
		{
			($status, $stderr) = run_receiver($server, $archive,
				options => \@options);
			# Where the archive ends, it may be the server that went another way.
			my $expected = $run == 2 && $name =~ /link/ ? 6 : 5;
			is($status, $expected, "$name, $codec, run $run: status")
			  || diag($stderr);
			like($stderr, $pattern, "$name, $codec, run $run: message");
			my $place = sprintf('%X/%08X', $lsn >> 32, $lsn & 0xFFFFFFFF);
			like($stderr, qr{$place}, "$name, $codec, run $run: its LSN");
		}

		# All that is good is there; nothing of the rest has a final name.
		my $good = segment_name(1, $wal->{number} - 1, $mb);
		is(join(' ', map { substr($_, 0, 24) } $archive->complete),
			$good, "$name, $codec: only the segment before is complete");
		$archive->is_faithful(
			"$name, $codec: what is good before it is there",
			servers => [$server],
			from    => $wal->{begin},
			upto    => lsn_text($lsn));

		# Acknowledged up to there, and no further.
		my $restart = lsn_number($server->slot($slot)->{restart_lsn});
		cmp_ok($restart, '<=', $lsn, "$name, $codec: not acknowledged");
		cmp_ok($restart, '>', $lsn - 8192,
			"$name, $codec: what is before it is acknowledged");
	}

	# Whoever wants it all the same gets it, from where the slot is.
	my $archive = new_archive();
	my ($status) = run_receiver($server, $archive,
		options => [ '-S', "$wal->{slot}_all", '--once', '--no-verify' ]);
	is($status, 0, "$name: --no-verify takes it all");
	$archive->is_faithful(
		"$name: --no-verify takes it as it is",
		servers => [$server],
		upto    => $wal->{upto});
	patch($wal->{segment}, $offset, $old);
	return;
}

is_detected(
	'a byte in the middle of a record',
	sub {
		my ($wal) = @_;
		my $lsn = whole_record($wal);
		my $at = $lsn % $mb + 70;
		open my $file, '<:raw', "$pg_wal/$wal->{segment}" or die $!;
		seek $file, $at, 0;
		read $file, my $byte, 1;
		return ($lsn, $at, chr(ord($byte) ^ 0x10));
	},
	qr/error: .*(CRC|checksum)/i);

is_detected(
	'the link to the record before',
	sub {
		my ($wal) = @_;
		my $lsn = whole_record($wal);
		return ($lsn, $lsn % $mb + 8, pack('Q<', $lsn - 16));
	},
	qr/error: .*(prev|CRC|checksum)/i);

is_detected(
	'the length of a record',
	sub {
		my ($wal) = @_;
		my $lsn = whole_record($wal);
		return ($lsn, $lsn % $mb, pack('L<', 25));
	},
	qr/error: /);

is_detected(
	'the address in a page header',
	sub {
		my ($wal) = @_;
		my $lsn = $wal->{number} * $mb + 80 * 8192;
		return ($lsn, 80 * 8192 + 8, pack('Q<', $lsn + 8192));
	},
	qr/error: .*page/);

# In a stream that is already running: the same.
my $wal = new_wal();
my $lsn = whole_record($wal);
my $archive = new_archive();
finishes('a good segment', $server, $archive,
	options => [
		'-S', "$wal->{slot}_none",
		'--endpos', lsn_text($wal->{number} * $mb + 100)
	]);
patch($wal->{segment}, $lsn % $mb + 70, "\xFF\x00\xFF\x00");
my ($status) = run_receiver($server, $archive,
	options => [ '-S', "$wal->{slot}_none", '--synchronous', '-Z', 'zstd' ]);
is($status, 5, 'resumed in the damaged segment: status');
$archive->is_faithful(
	'resumed in the damaged segment: what is good is there',
	servers => [$server],
	from    => $wal->{begin},
	upto    => lsn_text($lsn));

done_testing();
