# A server that was restored from an early copy, while the archive went on:
# behind the archive, beyond it on the same timeline, or on a new timeline that
# forks below the archive's end.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

needs_version(12, 'standbys without recovery.conf');

my $mb = 1024 * 1024;

# A copy of an archive, to try something else with.
sub copy_of
{
	my ($archive) = @_;
	my $copy = new_archive();
	system_or_bail('cp', '-p', map({ $archive->dir . "/$_" } $archive->names),
		$copy->dir);
	return $copy;
}

# One run is refused with status 6 and a message, and leaves all as it was.
sub is_refused
{
	my ($name, $server, $archive, $message, @options) = @_;
	my @names  = $archive->names;
	my $before = $archive->fingerprint;
	my ($status, $stderr) =
	  run_receiver($server, $archive, options => [@options]);

	is($status, 6, "$name: status") || diag($stderr);
	like($stderr, qr/error: .*$message/, "$name: message");
	unlike($stderr, qr/trying again/, "$name: at once");
	is($archive->fingerprint, $before, "$name: no file is written or changed");
	is(join(' ', grep { !/^\.walfetch\./ } $archive->names),
		join(' ', grep { !/^\.walfetch\./ } @names),
		"$name: no new file");
	return;
}

# A leader whose early state is kept aside, and which the archive follows.
my $leader = new_server('leader');
write_wal($leader, 1.2);
$leader->stop;
system_or_bail('cp', '-a', $leader->data_dir, $leader->data_dir . '.early');
$leader->start;
my $begin   = create_slot($leader, 'slot');
my $archive = new_archive();
my $end     = write_wal($leader, 4.3);
finishes('the archive follows', $leader, $archive,
	options => [ '--once', '-S', 'slot' ]);
$archive->is_faithful(
	'it has all',
	servers => [$leader],
	from    => $begin,
	upto    => $end);
is(scalar $archive->partials, 1, 'it ends in an open segment');
my $whole = copy_of($archive);
unlink map { $whole->dir . "/$_" } $whole->partials;
is(join(' ', $whole->partials), '', 'a copy has complete segments only');
$end = flush_lsn($leader);
$leader->stop;

# The early state takes the leader's place.
system_or_bail('mv', $leader->data_dir, $leader->data_dir . '.lost');
system_or_bail('mv', $leader->data_dir . '.early', $leader->data_dir);
$leader->start;
$leader->safe_psql('postgres', 'CREATE TABLE other_way ()');
cmp_ok(lsn_number(flush_lsn($leader)) + $mb,
	'<', lsn_number($end), 'the restored server is behind');

foreach my $case ([ 'open', $archive ], [ 'complete', $whole ])
{
	my ($ending, $origin) = @$case;

	foreach my $options ([], ['--once'], ['--no-loop'], ['--no-verify'])
	{
		is_refused("behind, $ending, @$options", $leader, copy_of($origin),
			'the server is behind the archive', @$options);
	}
}

# It writes as much as the archive has, and more, of other WAL.
my $beyond = write_wal($leader, 9);
cmp_ok(lsn_number($beyond), '>', lsn_number($end) + $mb,
	'the restored server is beyond');
foreach my $case ([ 'open', $archive ], [ 'complete', $whole ])
{
	my ($ending, $origin) = @$case;

	foreach my $options (
		[],
		['--once'],
		['--no-verify'],
		[ '--once', '--no-verify' ],
		[ '--once', '--allow-gap' ],
		[ '--once', '--synchronous' ],
		[ '--once', '-Z', 'gzip' ])
	{
		is_refused("beyond, $ending, @$options", $leader, copy_of($origin),
			"does not continue the archive's", @$options);
	}

	# Again and again it is the same.
	my $copy = copy_of($origin);
	is_refused("beyond, $ending, try $_", $leader, $copy,
		"does not continue the archive's", '--once')
	  foreach 1 .. 3;
}
$leader->stop('immediate');

# Recovery to a point below the archive's end: timeline 2 forks there.
my $origin = new_server('origin');
$origin->backup('early');
$begin   = create_slot($origin, 'slot');
$archive = new_archive();
my $target = write_wal($origin, 2.2);
$end = write_wal($origin, 4.1);
finishes('the archive follows another leader', $origin, $archive,
	options => [ '--once', '-S', 'slot' ]);
$whole = copy_of($archive);
unlink map { $whole->dir . "/$_" } $whole->partials;
$origin->stop;

my $wal      = $origin->data_dir . '/pg_wal';
my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($origin, 'early');
$restored->append_conf(
	'postgresql.conf', qq(
restore_command = 'cp "$wal/%f" "%p"'
recovery_target_lsn = '$target'
recovery_target_action = promote
));
$restored->set_recovery_mode;
$restored->start;
$restored->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()')
  or BAIL_OUT('recovery does not end');
my ($fork) =
  slurp_file($restored->data_dir . '/pg_wal/00000002.history') =~
  /^1\t([0-9A-F]+\/[0-9A-F]+)\t/m;
cmp_ok(lsn_number($fork) + $mb,
	'<', lsn_number($end), "timeline 2 forks at $fork, below the archive's end");

# First it ends below the archive's end, then beyond; in each, what the archive
# has of timeline 1 stays as it is.
my %have = (
	open => [ $archive, $archive->fingerprint ],
	complete => [ $whole, $whole->fingerprint ]);
foreach my $megabytes (1.2, 6)
{
	my $upto = write_wal($restored, $megabytes);

	foreach my $ending (sort keys %have)
	{
		my ($one, $before) = @{ $have{$ending} };
		my $name = "fork, $ending, up to $upto";
		my $first = !-e $one->dir . '/00000002.history';
		my ($status, $stderr) =
		  run_receiver($restored, $one, options => ['--once']);

		is($status, 0, "$name: status") || diag($stderr);
		like($stderr, qr/warning: .*but the server left that timeline at \Q@{[fork_text()]}\E/,
			"$name: says where the timelines part")
		  if $first;
		is($one->histories, 1, "$name: one history file");
		is( slurp_file($one->dir . '/00000002.history'),
			slurp_file($restored->data_dir . '/pg_wal/00000002.history'),
			"$name: the server's history file");
		$one->is_faithful(
			"$name: timeline 2",
			servers  => [$restored],
			timeline => 2,
			from     => $fork,
			upto     => $upto);
		my @two = grep { /^00000002\w{16}/ } $one->complete, $one->partials;
		is( (sort @two)[0] =~ s/\.partial//r,
			segment_name(2, int(lsn_number($fork) / $mb), $mb),
			"$name: it begins with the fork's segment");
		is( join("\n", grep { /^00000001/ } split /\n/, $one->fingerprint),
			$before, "$name: timeline 1 is left as it is");
		$one->is_faithful(
			"$name: timeline 1",
			servers => [$origin],
			from    => $begin);
	}
}

sub fork_text
{
	my ($high, $low) = split /\//, $fork;
	return sprintf('%X/%08X', hex $high, hex $low);
}

done_testing();
