# Prune: what kept base backups need stays and recovers, what nobody needs goes.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Backup qw(backup_start recovers_from take_backup);

needs_version(13, 'backup manifests');

my $server  = new_server('leader');
my $standby = new_standby('standby', $server);
my $archive = new_archive();
my $base    = PostgreSQL::Test::Utils::tempdir('base');
my $query   = 'SELECT count(*) FROM acknowledged';
my $rows    = 0;

# Some rows that must come back, and WAL behind them.
sub work_on
{
	my ($leader) = @_;
	$leader->safe_psql('postgres',
		"INSERT INTO acknowledged (b) VALUES ('a')");
	$rows++;
	return write_wal($leader, 2.6);
}

# Run walfetch prune: (status, stdout, stderr).
sub prune
{
	my ($dir, @options) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ walfetch(), 'prune', '-D', $dir, @options ],
		'>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

sub segments
{
	my ($timeline) = @_;
	my $prefix = sprintf('%08X', $timeline);
	return map { substr($_, 0, 24) } grep { /^$prefix/ } $archive->complete;
}

# As if a timeline had been received some time ago.
sub age_timeline
{
	my ($timeline, $seconds) = @_;
	my $prefix = sprintf('%08X', $timeline);
	my $then   = time() - $seconds;

	utime $then, $then, map { $archive->dir . "/$_" }
	  grep { /^$prefix[0-9A-F]{16}/ } $archive->names;
	return;
}

# Prune: --dry-run says the same before, and leaves no file that it names.
sub prunes
{
	my ($test_name, @options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $before = $archive->fingerprint;
	my ($dry_status, $dry) = prune($archive->dir, '--dry-run', @options);

	is($archive->fingerprint, $before, "$test_name: --dry-run removes nothing");
	my ($status, $stdout, $stderr) = prune($archive->dir, @options);
	is("$dry_status$status", '00', "$test_name: status") || diag($stderr);
	is($stdout, $dry, "$test_name: what goes is what --dry-run told");
	my %there = map { $_ => 1 } $archive->names;
	my @names = split /\n/, $stdout;
	is(join(' ', grep { $there{$_} } @names), '', "$test_name: it is gone");
	is( join("\n", sort($archive->names, @names)),
		join("\n", sort map { /^(\S+)/ } split(/\n/, $before),
			grep { /^\.walfetch\./ } $archive->names),
		"$test_name: nothing else is");
	return @names;
}

my $receiver =
  start_receiver($server, $archive, options => [ '-Z', 'gzip', '-s', 1, '-S', 'archive', '--auto-slot' ]);
wait_flushed($server, $receiver, work_on($server));
take_backup($server, "$base/1");
wait_flushed($server, $receiver, work_on($server));
take_backup($server, "$base/2", '-Ft');
wait_flushed($server, $receiver, work_on($server));
take_backup($server, "$base/3", '-Ft', '-z');
wait_flushed($server, $receiver, work_on($server));
my %start = map { $_ => backup_start("$base/$_") } 1 .. 3;
is(scalar(keys %{ { reverse %start } }), 3, 'three backups begin apart');
cmp_ok(scalar(segments(1)), '>', 9, 'segments to prune');

# Whatever names the backup, beside a running receiver.
my $label = PostgreSQL::Test::Utils::tempdir('label') . '/history';
append_to_file($label, slurp_file("$base/1/backup_label"));
foreach my $way (
	[ 'a directory with tar files', "$base/2" ],
	[ 'a manifest', "$base/2/backup_manifest" ],
	[ 'a tar file', "$base/2/base.tar" ])
{
	my ($status, $stdout) =
	  prune($archive->dir, '--dry-run', '--keep-backup', $way->[1]);
	is( $stdout, join('', map { "$_.gz\n" }
			grep { $_ lt $start{2} } segments(1)),
		"$way->[0]: keeps from its start on");
}
foreach my $path ("$base/3/base.tar.gz", "$base/1/backup_label", $label)
{
	my $number = $path =~ m{/3/} ? 3 : 1;
	my ($status, $stdout) =
	  prune($archive->dir, '--dry-run', "--keep-backup=$path");
	is(scalar(split /\n/, $stdout),
		scalar(grep { $_ lt $start{$number} } segments(1)), "$path: as many");
}

# Rules that hold each other.
my ($status, $stdout, $stderr) = prune($archive->dir);
is($status, 1, 'no rule: status');
like($stderr, qr/no rule/, 'no rule: says so');
($status, $stdout) =
  prune($archive->dir, '--keep-days=1', '--keep-backup', "$base/3");
is("$status$stdout", '0', 'young WAL stays whatever the backups say');
($status, $stdout) =
  prune($archive->dir, "--before=$start{2}", '--keep-backup', "$base/1", '--dry-run');
is(scalar(split /\n/, $stdout), scalar(grep { $_ lt $start{1} } segments(1)),
	'the oldest of two rules counts');

# Backups that cannot be: nothing goes.
my $other = new_server('other');
take_backup($other, "$base/other");
write_wal($other, 30) for 1 .. 2;
take_backup($other, "$base/ahead");
my $before = join(' ', $archive->complete);
# From version 17 on, a manifest says of which cluster it is.
my @ahead =
  server_version() < 17 ? (4, qr/does not reach/) : (6, qr/another cluster/);
foreach my $refused (
	[ 'a missing one', 1, qr/does not exist/, "$base/missing" ],
	[ 'one that is ahead', @ahead, "$base/ahead" ],
	[ 'one that is none', 5, qr/could not make out/, $archive->dir . '/' . ($archive->complete)[0] ],
	[ 'a directory of none', 1, qr/neither/, $archive->dir ])
{
	my ($name, $expected, $pattern, $path) = @$refused;
	($status, $stdout, $stderr) =
	  prune($archive->dir, '--keep-backup', "$base/3", $path);
	is("$status$stdout", $expected, "$name: status");
	like($stderr, $pattern, "$name: says so");
}
is(join(' ', $archive->complete), $before, 'they let nothing go');
$other->stop('immediate');

# What 2 and 3 need stays; the receiver goes on meanwhile.
my @gone = prunes('2 and 3', '--keep-backup', "$base/3", "$base/2");
ok(@gone > 0, '2 and 3: something went');
is((segments(1))[0], $start{2}, '2 and 3: the first segment is that of 2');
wait_flushed($server, $receiver, work_on($server));
stops_cleanly('the receiver stops', $receiver, 'TERM');
recovers_from($server, $archive, "$base/$_", $query, $rows) foreach 2, 3;

# On to timeline 2.
$server->wait_for_catchup($standby, 'replay', flush_lsn($server));
$server->stop;
$standby->promote;
$receiver =
  start_receiver($standby, $archive, options => [ '-Z', 'gzip', '-s', 1, '-S', 'archive', '--auto-slot' ]);
wait_flushed($standby, $receiver, work_on($standby));
take_backup($standby, "$base/4", '-Ft', '-z');
wait_flushed($standby, $receiver, work_on($standby));
wait_flushed($standby, $receiver, work_on($standby));
take_backup($standby, "$base/5");
my $upto = work_on($standby);
wait_flushed($standby, $receiver, $upto);
$start{$_} = backup_start("$base/$_") foreach 4, 5;
like($start{4}, qr/^00000002/, 'backup 4 is on timeline 2');

# A backup on timeline 1: timeline 2 can be reached from it, and stays.
@gone = prunes('3 to 5', '--keep-backup', "$base/3", "$base/4", "$base/5");
is((segments(1))[0], $start{3}, '3 to 5: the first segment is that of 3');
is(scalar(grep { /^00000002/ } @gone), 0, '3 to 5: all of timeline 2 stays');
stops_cleanly('the receiver stops', $receiver, 'TERM');
recovers_from($server, $archive, "$base/$_", $query, $rows) foreach 3 .. 5;

# Backups on timeline 2 only: timeline 1 goes as a whole, but for its history.
age_timeline(1, 60);
@gone = prunes('5', '--keep-backup', "$base/5");
is(scalar(grep { /^00000001[0-9A-F]{16}/ } $archive->names),
	0, '5: timeline 1 is gone');
is((segments(2))[0], $start{5}, '5: the first segment is that of 5');
is(join(' ', $archive->histories), '00000002.history', '5: the history stays');
my $json = decode_json(
	(run_command([ walfetch(), 'list', '-D', $archive->dir, '--json' ]))[0]);
is(scalar(map { @{ $_->{gaps} } } @{ $json->{timelines} }), 0, '5: no gap');
recovers_from($server, $archive, "$base/5", $query, $rows);

# And the receiver goes on where it was.
$upto = work_on($standby);
finishes('the receiver goes on', $standby, $archive,
	options => [ '-Z', 'gzip', '--once' ]);
$archive->is_faithful(
	'from backup 5 on everything is there',
	servers  => [$standby],
	timeline => 2,
	from     => lsn_text(
		segment_number($start{5}, $archive->segment_size) *
		  $archive->segment_size),
	upto => $upto);

# The newest complete segment stays whatever the rules say.
age_timeline(2, 10 * 86400);
prunes('all days', '--keep-days=1');
is(scalar(segments(2)), 1, 'all days: the newest complete segment stays');
is(scalar($archive->partials), 1, 'all days: the open segment stays');
$upto = work_on($standby);
finishes('the receiver goes on once more', $standby, $archive,
	options => [ '-Z', 'gzip', '--once' ]);

# The same as JSON.
my $first = (segments(2))[0];
$json = decode_json((run_command(
		[ walfetch(), 'prune', '-D', $archive->dir, '--json', '--dry-run',
			'--keep-days=1' ]))[0]);
is_deeply($json->{removed}, ["$first.gz"], 'JSON: what would go');
is($json->{timelines}[0]{reason}, 'days', 'JSON: why the rest stays');
ok($json->{dry_run}, 'JSON: a dry run');

done_testing();
