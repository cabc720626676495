# walfetch check and status: the settings that this version has and no others,
# and its own views.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../integration/lib";

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Check qw(check finds);

my $version = server_version();
my $server  = PostgreSQL::Test::Cluster->new('leader');

$server->init(allows_streaming => 1);
$server->append_conf('postgresql.conf', "max_replication_slots = 4\n"
	  . ($version >= 18 ? "idle_replication_slot_timeout = '1h'\n" : ''));
$server->start;

my $archive  = new_archive(segment_size => 16);
my $receiver = start_receiver(
	$server, $archive,
	options => [ '-S', 'archive', '--auto-slot', '-s', 1 ]);
my $conninfo = $server->connstr('postgres');
my $seen = sub {
	my ($out) = run_command(
		[ walfetch(), 'status', '-d', $conninfo, '-D', $archive->dir, '--json' ]);
	return eval { decode_json($out) };
};
ok( wait_until(
		'a follower',
		sub {
			my $told = $seen->();
			my ($follower) = @{ $told->{leader}{followers} // [] };
			return $follower && $follower->{flush}
			  && ($told->{archive}{state} // '') eq 'streaming';
		}),
	'a follower that says what is durable');
my $told = $seen->();
like($told->{leader}{version}, qr/^$version\d{4}$/, 'its number');
my ($slot) = @{ $told->{leader}{slots} };
is($slot->{active}, JSON::PP::true, 'the slot is in use');
is(defined $slot->{wal_status} ? 1 : 0, $version >= 13 ? 1 : 0,
	"the state of the slot's WAL");
my ($out) = run_command([ walfetch(), 'status', '-d', $conninfo, '--explain' ]);
like($out, qr/streaming: it has caught up/, 'explained');

my $checked = check(walfetch(),
	[ '-d', $conninfo, '-S', 'archive', '-D', $archive->dir ]);
is($checked->{status}, 0, 'check');
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
		$name);
}
finds('check', $checked, 'idle_replication_slot_timeout',
	'warning', qr/^1h; .*not used for so long is invalidated/,
	qr/0 turns it off/)
  if $version >= 18;
is( join(', ',
		grep { ($checked->{findings}{$_}{value} // '') =~ /not known/ }
		  keys %{ $checked->{findings} }),
	'',
	'all is known');
$server->safe_psql('postgres', 'CREATE ROLE ordinary LOGIN');
finds('check',
	check(walfetch(), [ '-d', "$conninfo user=ordinary" ]),
	'role', 'error', qr/replication/i, qr/ALTER ROLE "ordinary"/);
finds('a session that it cannot tell',
	check(walfetch(), [ '-d', "$conninfo target_session_attrs=primary" ]),
	'login', 'error', undef, qr/version $version, and before 14/)
  if $version < 14;
stops_cleanly('stops', $receiver, 'TERM');

# A slot that was idle for too long: the check tells, and why.
if ($version >= 18)
{
	$server->append_conf('postgresql.conf',
		"idle_replication_slot_timeout = '1s'");
	$server->reload;
	ok( wait_until(
			'an idle slot to go',
			sub {
				$server->safe_psql('postgres', 'CHECKPOINT');
				return $server->safe_psql('postgres',
					'SELECT invalidation_reason FROM pg_replication_slots') eq
				  'idle_timeout';
			}),
		'an idle slot is invalidated');
	$checked = check(walfetch(), [ '-d', $conninfo, '-S', 'archive' ]);
	is($checked->{status}, 4, 'an idle slot: status');
	finds('an idle slot', $checked, 'slot', 'error',
		qr/"archive" is invalidated, idle_timeout/, qr/--drop-slot/);
}
$server->stop;

done_testing();
