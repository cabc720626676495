# walfetch check and status on every version of PostgreSQL that is here: the
# settings that it has and no others, and its own views.
#
# $WALFETCH_PG_10 to $WALFETCH_PG_19 name folders with initdb, pg_ctl and
# postgres; without any, it is the version of the other tests alone.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Check qw(check finds);

my %programs;
foreach my $version (10 .. 19)
{
	my $folder = $ENV{"WALFETCH_PG_$version"} // next;
	$programs{$version} = "$folder/" if -x "$folder/postgres";
}
if (!%programs)
{
	my ($text) = run_command([ 'postgres', '--version' ]);
	$programs{$1} = '' if $text =~ / (\d+)/;
}

sub quietly
{
	my (@command) = @_;
	my $output;
	IPC::Run::run(\@command, '<', \undef, '>&', \$output)
	  or BAIL_OUT("@command failed: $output");
	return;
}

# A slot that was idle for too long: the check tells, and why.
sub loses_idle_slot
{
	my ($version, $conninfo) = @_;
	my @ask = ('psql', '-XAtq', $conninfo . ' dbname=postgres', '-c');

	quietly(@ask, "ALTER SYSTEM SET idle_replication_slot_timeout = '1s'");
	quietly(@ask, 'SELECT pg_reload_conf()');
	ok( wait_until(
			"version $version: an idle slot to go",
			sub {
				quietly(@ask, 'CHECKPOINT');
				my ($reason) = run_command([ @ask,
						'SELECT invalidation_reason FROM pg_replication_slots' ]);
				return $reason eq 'idle_timeout';
			}),
		"version $version: an idle slot is invalidated");
	my $checked = check(walfetch(), [ '-d', $conninfo, '-S', 'archive' ]);
	is($checked->{status}, 4, "version $version, an idle slot: status");
	finds("version $version, an idle slot", $checked, 'slot', 'error',
		qr/"archive" is invalidated, idle_timeout/, qr/--drop-slot/);
	return;
}

foreach my $version (sort { $a <=> $b } keys %programs)
{
	my $bin  = $programs{$version};
	my $data = PostgreSQL::Test::Utils::tempdir("data$version");
	my $host = PostgreSQL::Test::Utils::tempdir_short();
	my $conninfo = "host=$host port=5432 user=postgres";
	my $idle = $version >= 18 ? "idle_replication_slot_timeout = '1h'" : '';

	quietly("${bin}initdb", '-N', '-A', 'trust', '-U', 'postgres', '-D', $data);
	append_to_file(
		"$data/postgresql.conf", qq(
listen_addresses = ''
unix_socket_directories = '$host'
port = 5432
fsync = off
max_replication_slots = 4
$idle
));
	quietly("${bin}pg_ctl", '-w', '-D', $data, '-l', "$data/log", 'start');
	my $stop = sub {
		quietly("${bin}pg_ctl", '-w', '-D', $data, '-m', 'immediate', 'stop');
	};

	my $archive  = new_archive(segment_size => 16);
	my $receiver = start_receiver(
		undef, $archive,
		conninfo => $conninfo,
		options  => [ '-S', 'archive', '--auto-slot', '-s', 1 ]);
	my $seen = sub {
		my ($out) = run_command(
			[ walfetch(), 'status', '-d', $conninfo, '-D', $archive->dir, '--json' ]);
		return eval { decode_json($out) };
	};
	ok( wait_until(
			"version $version: a follower",
			sub {
				my $told = $seen->();
				my ($follower) = @{ $told->{leader}{followers} // [] };
				return $follower && $follower->{flush}
				  && ($told->{archive}{state} // '') eq 'streaming';
			}),
		"version $version: a follower that says what is durable");
	my $told = $seen->();
	like($told->{leader}{version}, qr/^$version\d{4}$/,
		"version $version: its number");
	my ($slot) = @{ $told->{leader}{slots} };
	is($slot->{active}, JSON::PP::true, "version $version: the slot is in use");
	is(defined $slot->{wal_status} ? 1 : 0, $version >= 13 ? 1 : 0,
		"version $version: the state of the slot's WAL");
	my ($out) = run_command([ walfetch(), 'status', '-d', $conninfo, '--explain' ]);
	like($out, qr/streaming: it has caught up/, "version $version: explained");

	my $checked = check(walfetch(),
		[ '-d', $conninfo, '-S', 'archive', '-D', $archive->dir ]);
	is($checked->{status}, 0, "version $version: check");
	my %since = (
		wal_keep_segments             => [ 10, 12 ],
		wal_keep_size                 => [ 13, 99 ],
		max_slot_wal_keep_size        => [ 13, 99 ],
		idle_replication_slot_timeout => [ 18, 99 ]);
	foreach my $name (sort keys %since)
	{
		my ($first, $last) = @{ $since{$name} };
		is( exists $checked->{findings}{$name} ? 1 : 0,
			$version >= $first && $version <= $last ? 1 : 0,
			"version $version: $name");
	}
	finds("version $version", $checked, 'idle_replication_slot_timeout',
		'warning', qr/^1h; .*not used for so long is invalidated/,
		qr/0 turns it off/)
	  if $version >= 18;
	is( join(', ',
			grep { ($checked->{findings}{$_}{value} // '') =~ /not known/ }
			  keys %{ $checked->{findings} }),
		'',
		"version $version: all is known");
	quietly('psql', '-X', '-h', $host, '-U', 'postgres', '-qc',
		'CREATE ROLE ordinary LOGIN', 'postgres');
	finds("version $version",
		check(walfetch(), [ '-d', "host=$host port=5432 user=ordinary" ]),
		'role', 'error', qr/replication/i, qr/ALTER ROLE "ordinary"/);
	finds("version $version, a session that it cannot tell",
		check(walfetch(), [ '-d', "$conninfo target_session_attrs=primary" ]),
		'login', 'error', undef, qr/version $version, and before 14/)
	  if $version < 14;
	stops_cleanly("version $version: stops", $receiver, 'TERM');
	loses_idle_slot($version, $conninfo) if $version >= 18;
	$stop->();
}

done_testing();
