# Several hosts and target_session_attrs: promotions are followed from host to
# host, and no byte is lost or fetched again.
#
# $WALFETCH_PG_13 is the folder of programs of a PostgreSQL 13, if there is one.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

needs_version(12, 'standbys without recovery.conf');

my $mb = 1024 * 1024;

# Each is the leader once, in this order. Their ports are known from the start.
my @names   = qw(a b c d);
my %servers = (
	a => new_server('a', conf => "log_replication_commands = on\n"),
	map { $_ => PostgreSQL::Test::Cluster->new($_) } @names[ 1 .. 3 ]);

sub add_standby
{
	my ($name, $leader) = @_;
	my $standby = $servers{$name};

	$servers{$leader}->backup($name);
	$standby->init_from_backup($servers{$leader}, $name, has_streaming => 1);
	$standby->start;
	$servers{$leader}->wait_for_catchup($standby, 'replay');
	return;
}

# The positions at which a server was asked to stream a timeline, as numbers.
sub starts
{
	my ($name, $timeline) = @_;
	return map { lsn_number($_) } slurp_file($servers{$name}->logfile) =~
	  m{walfetch_test LOG: .* START_REPLICATION .*?([0-9A-F]+/[0-9A-F]+) TIMELINE $timeline$}mg;
}

# Where a server's timeline forked off the one before.
sub switch_point
{
	my ($name, $timeline) = @_;
	my $before = $timeline - 1;
	my $file = sprintf('%s/pg_wal/%08X.history', $servers{$name}->data_dir,
		$timeline);
	my ($switch) = slurp_file($file) =~ m{^$before\t([0-9A-F]+/[0-9A-F]+)\t}m;
	return $switch;
}

# The last one is asked first.
my $conninfo =
    'host=' . join(',', map { $servers{$_}->host } reverse @names)
  . ' port=' . join(',', map { $servers{$_}->port } reverse @names)
  . ' target_session_attrs=read-write application_name=walfetch_test';
my $archive = new_archive();

add_standby('b', 'a');
my $receiver = start_receiver(
	undef, $archive,
	conninfo => $conninfo,
	options  => [ '--synchronous', '-v' ]);

sub flushed
{
	my ($name, $lsn) = @_;
	return wait_flushed($servers{$name}, $receiver, $lsn);
}

# One test: a timeline's WAL is that of a server, as far as it goes.
sub timeline_ok
{
	my ($timeline, $name, $from, $upto) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $archive->is_faithful(
		"timeline $timeline is identical to that of $name",
		servers  => [ $servers{$name} ],
		timeline => $timeline,
		from     => $from,
		upto     => $upto);
}

# The files that may not change any more.
sub complete_files
{
	return grep { /^[0-9A-F]{24} / } split /\n/, $archive->fingerprint;
}

sub still_there
{
	my ($test_name, @before) = @_;
	my %now = map { $_ => 1 } complete_files();
	return is(join("\n", grep { !$now{$_} } @before),
		'', "$test_name: no finished file was written again");
}

# A switchover: a shuts down and hands all it has to both.
ok(flushed('a', write_wal($servers{a}, 2.5)), 'a: streams from the leader');
my ($first) = starts('a', 1);
my $begin  = sprintf('%X/%08X', $first >> 32, $first & 0xFFFFFFFF);
my @before = complete_files();
my $load   = start_load($servers{a});
random_moment(0.5);
$servers{a}->stop('fast');
$load->destroy;
my $end = $servers{b}->lsn('receive');
is(join(' ', starts('b', '\d+')), '', 'b: nothing is asked of a standby');
$servers{b}->promote;
my $upto = write_wal($servers{b}, 2.5);
ok(flushed('b', $upto), 'b: is followed to timeline 2');
is(switch_point('b', 2), $end, 'b: goes on where a ended');
is(join(' ', starts('b', 1)), '', 'b: nothing of timeline 1 is asked for');
is(join(' ', starts('b', 2)), lsn_number(segment_begin($end, $mb)),
	'b: timeline 2 is asked for once');
timeline_ok(1, 'a', $begin, $end);
timeline_ok(2, 'b', $end, $upto);
still_there('b', @before);

# A crash while the receiver is far behind the standby: what b can no longer
# give comes from c.
add_standby('c', 'b');
ok(flushed('b', write_wal($servers{b}, 0.3)), 'b: streams');
my $had = flush_lsn($servers{b});
my $two = segment_begin($end, $mb);
@before = complete_files();
$receiver->signal('STOP');
write_wal($servers{b}, 6);
$servers{b}->wait_for_catchup($servers{c}, 'write');
$servers{b}->kill9;
$receiver->signal('CONT');
$servers{c}->promote;
$upto = write_wal($servers{c}, 2.5);
ok(flushed('c', $upto), 'c: is followed to timeline 3');
my $switch = switch_point('c', 3);
my @starts = starts('c', 2);
is(scalar(@starts), 1, 'c: the rest of timeline 2 is asked for once');
cmp_ok($starts[0] // 0, '>=', lsn_number($had),
	'c: and only what was not there');
timeline_ok(2, 'b', $two, $switch);
timeline_ok(3, 'c', $switch, $upto);
still_there('c', @before);

# A crash while the standby is far behind: d forks off below what is there.
add_standby('d', 'c');
my $three = segment_begin($switch, $mb);
$servers{d}->append_conf('postgresql.conf', "primary_conninfo = ''");
$servers{d}->reload;
$servers{c}->poll_query_until('postgres',
	"SELECT count(*) = 0 FROM pg_stat_replication WHERE application_name = 'd'");
$end = write_wal($servers{c}, 3.5);
ok(flushed('c', $end), 'c: streams');
@before = complete_files();
$servers{c}->kill9;
$servers{d}->promote;
$upto   = write_wal($servers{d}, 2.5);
$switch = switch_point('d', 4);
cmp_ok(lsn_number($switch), '<', lsn_number($end) - 3 * $mb,
	'd: forks off below');
ok(flushed('d', $upto), 'd: is followed to timeline 4');
is(join(' ', starts('d', 3)), '', 'd: nothing of timeline 3 is asked for');
like($receiver->stderr, qr/warning: .*timeline 3/,
	'd: it is said that timeline 3 reaches further');
timeline_ok(3, 'c', $three, $end);
timeline_ok(4, 'd', $switch, $upto);
still_there('d', @before);
is(join(' ', $archive->histories),
	'00000002.history 00000003.history 00000004.history',
	'all history files');
stops_cleanly('stops', $receiver, 'TERM');

# None of them is what is wanted: told for each of them.
SKIP:
{
	skip('a server before version 14 cannot be asked for a standby', 6)
	  if server_version() < 14;
	my ($status, $stderr) = run_receiver(
		undef, new_archive(),
		conninfo => $conninfo =~ s/read-write/standby/r,
		options  => ['--no-loop']);

	is($status, 2, 'no standby: status');
	foreach my $name (@names)
	{
		my $port = $servers{$name}->port;
		like($stderr, qr/PGSQL\.$port"/, "no standby: tells of $name");
	}
	like($stderr, qr/server is not in hot standby mode/,
		'no standby: says what is wrong with d');
}

# Before version 14 a server does not say what some attributes ask, and cannot
# be asked over the replication protocol.
SKIP:
{
	my $programs = $ENV{WALFETCH_PG_13};
	skip('no PostgreSQL 13 here ($WALFETCH_PG_13)', 1)
	  unless defined $programs && -x "$programs/postgres";
	my $old = PostgreSQL::Test::Cluster->new('old',
		install_path => dirname($programs));

	$old->init(allows_streaming => 1);
	$old->start;
	foreach my $attributes (qw(primary standby))
	{
		my ($status, $stderr) = run_receiver(
			undef, new_archive(),
			conninfo => $old->connstr . " target_session_attrs=$attributes",
			options  => [ '--no-loop', '--once' ]);

		is($status, 2, "version 13, $attributes: status");
		like($stderr, qr/^walfetch: error: /m, "version 13, $attributes: message");
		like($stderr, qr/hint: .*version 13.*before 14.*"read-write"/,
			"version 13, $attributes: says what can be asked");
	}
	finishes(
		"version 13, $_: works",
		undef, new_archive(),
		conninfo => $old->connstr . " target_session_attrs=$_",
		options  => ['--once']) foreach qw(read-write prefer-standby);
}

done_testing();
