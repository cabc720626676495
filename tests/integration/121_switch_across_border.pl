# A segment switch that begins in the last bytes of a segment: it takes up the
# next one, too, of which everything but the record's rest is zeros.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Restore qw(fetch);

my $size   = 1024 * 1024;
my $server = new_server('leader',
	conf => "bgwriter_delay = 10s\ncheckpoint_timeout = 1d\n");

# Fill the segment but for its last $room bytes, then switch: the position after
# that, or undef if something else was written meanwhile.
sub switch_with_room
{
	my ($room) = @_;
	my $out = $server->safe_psql('postgres', <<"EOT");
CREATE OR REPLACE FUNCTION emit(len bigint) RETURNS bigint LANGUAGE sql AS
	\$\$ SELECT pg_logical_emit_message(false, 'x', repeat('x', len::int))
		- '0/0'::pg_lsn \$\$;
DO \$\$
DECLARE
	size constant bigint := $size;
	page constant bigint := 8192;
	at bigint;
	began bigint;
	overhead bigint;
BEGIN
	LOOP
		-- Into the last page, with room for the measuring and the last one.
		began := pg_current_wal_insert_lsn() - '0/0';
		at := size - began % size;
		IF at < page - 1000 AND at > 2000 THEN EXIT; END IF;
		PERFORM emit(CASE WHEN at > 3 * page THEN page ELSE 400 END);
	END LOOP;
	PERFORM emit(400);
	at := pg_current_wal_insert_lsn() - '0/0';
	overhead := at - began - 400;
	PERFORM emit(size - at % size - $room - overhead);
END \$\$;
SELECT pg_current_wal_insert_lsn() - '0/0', pg_switch_wal() - '0/0',
	pg_current_wal_insert_lsn() - '0/0';
EOT
	my ($before, undef, $after) = split /\|/, (split /\n/, $out)[-1];
	return $before % $size == $size - $room ? ($before, $after) : ();
}

foreach my $room (8, 16)
{
	my ($before, $after);
	foreach (1 .. 20)
	{
		($before, $after) = switch_with_room($room);
		last if defined $after;
	}
	is(defined $after ? int($after / $size) - int($before / $size) : 'none',
		2, "$room bytes left: the switch takes up the next segment")
	  or next;
	write_wal($server, 0.2);
	my $taken = int($before / $size) + 1;

	# From that segment on, and from the one before; with a stop within it.
	foreach my $first ($taken, $taken - 1)
	{
		my $archive = new_archive();
		my $test = "$room bytes left, from " . ($first == $taken ? 'there' : 'before');
		my $path = PostgreSQL::Test::Utils::tempdir('target') . '/segment';

		# An open segment without a byte says where to begin.
		append_to_file(
			$archive->dir . '/' . segment_name(1, $first, $size) . '.partial', '');
		foreach my $options ([ '-E', lsn_text($taken * $size + 100) ], ['--once'])
		{
			finishes("$test: @$options", $server, $archive,
				options => [ '-n', @$options ]);
		}
		$archive->is_faithful(
			"$test: all is there",
			servers => [$server],
			from    => lsn_text($first * $size),
			upto    => flush_lsn($server));
		my ($out, $err) =
		  run_command([ walfetch(), 'verify', '-D', $archive->dir, '--quiet' ]);
		is("$out$err", '', "$test: it is sound");
		my ($status, $stderr) =
		  fetch($archive, segment_name(1, $taken, $size), $path);
		is($status, 0, "$test: it is restored") || diag($stderr);
	}
}

done_testing();
