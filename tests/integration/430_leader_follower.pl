# contrib/leader-follower.sh: the story runs to its end, each claim in it was
# checked, what it leaves is what it says, and a claim that is not true ends it.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

needs_version(13, 'the settings of the story');

my $script  = "$FindBin::RealBin/../../contrib/leader-follower.sh";
my $bin_dir = PostgreSQL::Test::Cluster->new('programs')->config_data('--bindir');

# Start the story with a program in the place of walfetch.
sub start_story
{
	my ($program, @options) = @_;

	return WalfetchTest::Process->start(
		command => [ $script, @options ],
		env     => { WALFETCH => $program, PG_BIN => $bin_dir });
}

# Where a story makes its folder: its path, short enough for a socket.
sub new_folder
{
	return PostgreSQL::Test::Utils::tempdir_short() . '/story';
}

# Processes that work in a folder or were called with its name.
sub processes_in
{
	my ($folder) = @_;
	return grep {
		my $cwd = readlink("$_/cwd") // '';
		my $command = eval { slurp_file("$_/cmdline") } // '';
		index("$cwd\n$command", $folder) >= 0;
	} glob('/proc/[0-9]*');
}

# A walfetch that does one thing wrong: lines of a shell script, before it is
# called with "$@".
sub wrong_walfetch
{
	my (@lines) = @_;
	my $path = PostgreSQL::Test::Utils::tempdir('wrong') . '/walfetch';

	append_to_file($path,
		join("\n", '#!/bin/bash', @lines, "exec '@{[ walfetch() ]}' \"\$@\"")
		  . "\n");
	chmod 0755, $path;
	return $path;
}

# A server of the story, started once more.
sub ask_again
{
	my ($folder, $server, $data, $query) = @_;
	my ($out, $err) = ('', '');
	local $ENV{PATH} = "$folder/bin:$ENV{PATH}";
	my @pg_ctl =
	  ("$bin_dir/pg_ctl", '-s', '-w', '-D', "$folder/$server/$data");

	system_or_bail(@pg_ctl, '-l', "$folder/again.log", 'start');
	IPC::Run::run(
		[
			"$bin_dir/psql", '-XAt', '-h', "$folder/$server", '-p', '5432',
			'-d', 'postgres', '-c', $query
		],
		'>', \$out, '2>', \$err);
	system_or_bail(@pg_ctl, '-m', 'immediate', 'stop');
	chomp $out;
	return $out . $err;
}

# What differs from one run to the next is made the same.
sub normal
{
	my ($text) = @_;

	$text =~ s{\b[0-9A-F]+/[0-9A-F]{8}\b}{LSN}g;
	$text =~ s/\d[\d.]* [kMGT]?B\b/SIZE/g;
	$text =~ s/SIZE, [\d.]+ s\b/SIZE/g;
	$text =~ s/\d[\d.]*/N/g;
	$text =~ s/segments\b/segment/g;
	$text =~ s/promote\.+/promote.../g;
	$text =~ s/\s+/ /g;
	$text =~ s/^ | $//g;
	return $text;
}

# The pieces of literal text in a man page: commands, and what they print, as
# far as nothing is left out.
sub pieces_of_page
{
	my ($file) = @_;
	my @pieces;

	foreach my $block (slurp_file($file) =~ /^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$/mg)
	{
		$block =~ s/\\&//g;
		$block =~ s/ \\e\n */ /g;
		push @pieces, grep { /\S/ } split /^(?=\$ )|^\.\.\.$/m, $block;
	}
	return @pieces;
}

# Every claim, in the order of the story.
my @claims = (
	'check waits for the leader',
	'check went on when the leader answered',
	'it has found an error, and its exit status says so',
	'the error is the missing line in pg_hba.conf',
	'the leader lets the role in for replication',
	'check finds no error any more',

	'the copy is told to follow',
	'it knows whom',
	'it knows its slot',
	'status calls a slot that nobody uses a problem',
	'the follower streams, and no commit waits for it',
	'it has all of the leader\'s WAL',
	'status says streaming',
	'status says async',
	'status sees no problem',
	'the row is on the follower',
	'the follower takes no writes',

	'walfetch streams, and no commit waits for it',
	'all of the leader\'s WAL is durable in the archive',
	'status shows both',
	'walfetch never replays, which status calls right',
	'status sees no problem',
	'the receiver\'s own view says streaming',
	'it lags behind by nothing',

	'follower is synchronous',
	'status says that commits wait for 1 follower',
	'status says sync',
	'the commit hangs',
	'status says that commits hang, and why',
	'with the follower back, the commit returns',
	'the row is on the follower',

	'walfetch is synchronous',
	'status says that commits wait for 1 follower',
	'status says sync',
	'without walfetch, a commit hangs',
	'with walfetch back, it returns',
	'the row\'s WAL is durable in the archive',

	'the follower is one of the group',
	'and so is walfetch',
	'status says that any 1 will do',
	'status says quorum',
	'without walfetch, a commit returns',
	'walfetch is back',
	'and has what it missed',

	'without the follower, a commit returns',
	'the leader is gone',
	'walfetch has noticed, and tries again',
	'status says that it cannot receive now',
	'the follower has the last commit, out of the archive',
	'the follower is the leader now',
	'it writes timeline 2',
	'no acknowledged commit is missing',

	'walfetch streams from the new leader',
	'all of its WAL is durable in the archive',
	'the archive has the history of timeline 2',
	'status says that no commit waits: the new leader has settings of its own',
	'the archive has both timelines',
	'every record in the archive is sound',

	'the copy knows its leader',
	'the rebuilt server streams from the new leader',
	'the follower is one of the group',
	'and so is walfetch',
	'status sees no problem',
	'the row is on the rebuilt server',
	'the rebuilt server takes no writes');

# The whole of it, and what it leaves.
my $folder = new_folder();
my $story = start_story(walfetch(), '--keep', '--folder', $folder);
is($story->wait_for_end(time_limit(200)), 0, 'the story ends well')
  || diag($story->stdout . $story->stderr);
is($story->stderr, '', 'without a complaint');
my @checked = $story->stdout =~ /^   Checked: (.*)$/mg;
is_deeply(\@checked, \@claims, 'every claim was checked, in order');
is(join(' ', processes_in($folder)), '', 'nothing runs any more');
is(oct(sprintf '%o', (stat $folder)[2] & 07777),
	0700, 'nobody else may look into the folder');

my $days = 'SELECT string_agg(day, \' \' ORDER BY id) FROM diary';
my $week = 'Monday Tuesday Wednesday Thursday Friday Saturday Sunday';
is(ask_again($folder, 'db2', 'data', $days),
	$week, 'the new leader has every row');
is(ask_again($folder, 'db1', 'rebuilt', $days),
	$week, 'and so has the rebuilt server');
is(ask_again($folder, 'db1', 'data', 'TABLE diary LIMIT 0'),
	'', 'the old leader\'s data is still there');
ok(-e "$folder/db1/rebuilt/standby.signal", 'the rebuilt server follows');
ok(!-e "$folder/db2/data/standby.signal",   'the new leader does not');
my $archive = "$folder/archive";
command_ok([ walfetch(), 'verify', '-D', $archive ], 'the archive is sound');
ok(-e "$archive/00000002.history", 'with the history of timeline 2');
is( (grep { /^local replication replicator scram-sha-256$/ }
		split /\n/, slurp_file("$folder/db1/data/pg_hba.conf"))[0],
	'local replication replicator scram-sha-256',
	'the line in pg_hba.conf is the one that check printed');
my ($password) = slurp_file("$folder/.pgpass") =~ /:(\w{32})$/m;
unlike($story->stdout, qr/$password/, 'the password is not shown');

# What the tutorial shows is what the story prints, folded and with gaps.
SKIP:
{
	my $page = "$FindBin::RealBin/../../man/walfetch-replication.7";
	my $told = $story->stdout;
	my @pieces = pieces_of_page($page);

	skip 'the tutorial is of version 15', 3
	  if slurp_file("$folder/db1/data/PG_VERSION") ne "15\n";
	cmp_ok(scalar @pieces, '>', 50, 'the tutorial shows much');
	is(shift @pieces, "\$ contrib/leader-follower.sh\n", 'and how to see it');
	$told =~ s/\Q$folder\E/\/data\/story/g;
	$told =~ s/^   Checked: .*\n//mg;
	my @lines = map { normal($_) } split /\n/, $told;
	my $all = normal(join ' ', @lines);
	my @strange = grep { index($all, normal($_)) < 0 } @pieces;
	is(join("\n", @strange), '', 'all that it shows was printed');
}

# A folder that is there is somebody's.
my $again = start_story(walfetch(), '--folder', $folder);
isnt($again->wait_for_end(time_limit(30)), 0, 'a folder that exists is refused');
ok(-e "$folder/archive", 'and left alone');

# Without --keep nothing stays; neither does it when the story is interrupted.
$folder = new_folder();
$story = start_story(walfetch(), '--folder', $folder);
wait_until('a receiver to run',
	sub { $story->stdout =~ /Checked: walfetch streams/ });
$story->signal('TERM');
is($story->wait_for_end(time_limit(60)), 143, 'SIGTERM ends it');
ok(!-e $folder, 'and the folder goes');
is(join(' ', processes_in($folder)), '', 'with all that ran in it');

# Claims that are not true.
my %wrong = (
	'a backup that forgets to make a follower' => [
		qr/this is not true: the copy is told to follow$/m,
		'for word; do shift; [ "$word" = -R ] || set -- "$@" "$word"; done'
	],
	'a status that explains nothing' => [
		qr/this is not true: status calls a slot that nobody uses a problem$/m,
		'[ "$1" != status ] || exit 0'
	],
	'a check that finds no error' => [
		qr/this is not true: it has found an error, /,
		'[ "$1" != check ] || { "' . walfetch() . '" "$@"; exit 0; }'
	],
	'a verify that finds a fault' => [
		qr/ended with status 5$/m, '[ "$1" != verify ] || exit 5'
	]);
foreach my $what (sort keys %wrong)
{
	my ($complaint, @lines) = @{ $wrong{$what} };

	$folder = new_folder();
	$story = start_story(wrong_walfetch(@lines), '--folder', $folder);
	is($story->wait_for_end(time_limit(200)), 1, "$what: the story fails");
	like($story->stderr, $complaint, "$what: it says where");
	ok(!-e $folder, "$what: the folder goes");
	is(join(' ', processes_in($folder)), '', "$what: nothing runs any more");
}

done_testing();
