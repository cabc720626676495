# Timelines that jump, positions that are not where they should be, answers of
# the wrong form, names that lead elsewhere, and numbers at the limits.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use Leader;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $second = qq(history 2 "1\\t0/01248000\\tno reason\\n"\ntimeline 2);
my %after_switch = (
	settings => $second,
	timeline => 2,
	from     => '0/01248000');
my $start  = "until START_REPLICATION\nanswer";
my $system = '7100000000000000001';

# A list of answers in place of the right one to a command: all refused.
sub all_refused
{
	my ($name, $query, $pattern, $answers, %params) = @_;

	runs(
		$name,
		scripts => [ map { "until $query\n$_" } @$answers ],
		expected => sub {
			my ($number, $status, $stderr) = @_;

			return "status $status: $stderr"
			  if $status ne ($params{status} // 2);
			return "message: $stderr"
			  unless $stderr =~ /^walfetch: error: .*$pattern/;
			return;
		},
		map { $_ => $params{$_} }
		  grep { exists $params{$_} } qw(settings timeline from));
	return;
}

sub row
{
	my (@values) = @_;
	my $words = join(' ', map { $_ eq 'NULL' ? $_ : qq("$_") } @values);
	return "row $words\ncomplete X\nready";
}

# Who the server says it is.
all_refused(
	'IDENTIFY_SYSTEM',
	'IDENTIFY_SYSTEM',
	qr/IDENTIFY_SYSTEM|system identifier/,
	[
		row($system, 1),
		row($system, 0,            '0/1380000'),
		row($system, -1,           '0/1380000'),
		row($system, '4294967296', '0/1380000'),
		row($system, '1x',         '0/1380000'),
		row($system, 'NULL',       '0/1380000'),
		row('NULL',  1,            '0/1380000'),
		row('',      1,            '0/1380000'),
		row(-1,      1,            '0/1380000'),
		row('18446744073709551616', 1, '0/1380000'),
		row($system, 1, 'NULL'),
		row($system, 1, ''),
		row($system, 1, '1380000'),
		row($system, 1, '0/100000000'),
		row($system, 1, '0/1380000 '),
		row($system, 1, '-1/1380000'),
		"complete IDENTIFY_SYSTEM\nready",
		"ready",
		"message I\nready",
		"message W 000000\nsilence",
		"message G 000000\nsilence",
		"message H 000000\nsilence",
	]);
all_refused(
	'the segment size',
	'"SHOW wal_segment_size"',
	qr/segment size|wal_segment_size/,
	[
		map { row($_) } 'NULL', '', '0', '3MB', '512kB', '2GB', '16 MB',
		'-1MB', '17592186044416MB', '18446744073709551616B', '1048577B',
		'4096TB', '99999999999999999999999999999999999999999'
	]);
all_refused(
	'the mode of the data directory',
	'"SHOW data_directory_mode"',
	qr/data directory|data_directory_mode/,
	[ map { row($_) } 'NULL', '', '0999', '07777777777777777777777', 'x', '-1' ]);
all_refused(
	'the slot',
	'READ_REPLICATION_SLOT',
	qr/READ_REPLICATION_SLOT|not a physical|does not exist/,
	[
		row('physical'),
		row('physical', 'garbage', 1),
		row('physical', '0/1000000', 0),
		row('physical', '0/1000000', 'x'),
		row('logical', '0/1000000', 1),
		row('NULL', 'NULL', 'NULL'),
		"complete READ_REPLICATION_SLOT\nready",
	]);

# History files: what they are called, and what is in them.
my $good = "1\\t0/01248000\\tno reason\\n";
all_refused(
	'the name of a history file',
	'TIMELINE_HISTORY',
	qr/(instead of "00000002\.history"|TIMELINE_HISTORY)/,
	[
		map { row($_, $good) } '../../evil.history', '../00000002.history',
		'/tmp/00000002.history', '00000003.history', '00000002.HISTORY',
		'00000002.history ', './00000002.history', '00000002.history/x',
		'', 'NULL', 'A' x 10_000,
		'000000010000000000000010', '.walfetch.lock'
	],
	%after_switch);
all_refused(
	'the text of a history file',
	'TIMELINE_HISTORY',
	qr/(history of timeline 2|TIMELINE_HISTORY|file "00000002\.history" of \d+ bytes)/,
	[
		(map { row('00000002.history', $_) } 'NULL', 'nonsense',
			'2\\t0/01248000\\tself\\n',
			'3\\t0/01248000\\tlater\\n', '0\\t0/01248000\\tzero\\n',
			'4294967296\\t0/01248000\\tbig\\n',
			'1\\t0/100000000\\tx\\n', '1\\t0/01248000\\tx\\n1\\t0/1250000\\tx\\n',
			"1\\t" . '9' x 2_000),
		row('00000002.history', 'x' x 1_200_000),
		row('00000002.history'),
	],
	%after_switch);

# No such file outside the archive: the names above said these.
ok(!-e '/tmp/00000002.history', 'nothing outside the archive');

# What the end of a timeline says is not relied upon.
foreach my $next ('3 0/0', '2 0/9000000', '1 0/1248000', '4294967295 FFFFFFFF/FFFFFFFF')
{
	my ($timeline, $lsn) = split / /, $next;
	survives(
		"the next timeline is said to be $next",
		script =>
		  "$start\nwal 0/01248000\ndone\nuntil DONE\n"
		  . row($timeline, $lsn)
		  . "\nserve",
		status => 0,
		%after_switch);
}
foreach my $next ('0 0/0', 'x 0/0', '2 garbage', '-1 0/1248000',
	'4294967296 0/0', 'NULL NULL')
{
	my ($timeline, $lsn) = split / /, $next;
	survives(
		"the next timeline is nonsense, $next",
		script => "$start\nwal 0/01248000\ndone\nuntil DONE\n"
		  . row($timeline, $lsn)
		  . "\nserve",
		status  => 2,
		message => qr/error: .*START_REPLICATION/,
		%after_switch);
}
survives(
	'timelines that jump',
	settings =>
	  qq(history 7 "1\\t0/01248000\\tx\\n5\\t0/01300008\\ty\\n"\n)
	  . qq(history 5 "1\\t0/01248000\\tx\\n"\ntimeline 7),
	script   => 'serve',
	status   => 0,
	timeline => 7,
	from     => '0/01300008');
survives(
	'the highest timeline',
	settings =>
	  qq(history 4294967295 "1\\t0/01248000\\tx\\n"\ntimeline 4294967295),
	script   => 'serve',
	status   => 0,
	timeline => 4294967295,
	from     => '0/01248000');
survives(
	'a timeline that ends again and again',
	script  => join("\n", ("$start\ndone\nuntil DONE\n" . row(2, '0/1000000')) x 6),
	status  => 2,
	message => qr/error: .*ended timeline 1 at .* without saying where/);

# A server on an older timeline: the newer one is another way, and stays.
my ($archive) = survives('on timeline 2', script => 'serve', status => 0,
	%after_switch);
my @second = grep { /^00000002/ } split /\n/, $archive->fingerprint;
my $leader = new_leader("slot held $begin\nwrite-wal $begin $end\nconnection\nserve\n");
my ($status, $stderr) = run_receiver($leader, $archive,
	options => [ '-S', 'held', '--no-loop', '--once' ]);
is($status, 0, 'back on timeline 1: status') || diag($stderr);
is(join("\n", grep { /^00000002/ } split /\n/, $archive->fingerprint),
	join("\n", @second), 'back on timeline 1: what there is of 2 stays');
$archive->is_faithful(
	'back on timeline 1: all of it',
	servers => [$leader],
	from    => $begin,
	upto    => $end);
$leader->stop;

# Behind the archive.
my $before = $archive->fingerprint;
$leader = new_leader("$second\nflushed 0/01300000\nslot held $begin\nconnection\nserve\n");
($status, $stderr) = run_receiver($leader, $archive,
	options => [ '-S', 'held', '--no-loop', '--once' ]);
is($status, 6, 'behind the archive: status') || diag($stderr);
like($stderr, qr{behind the archive: its WAL ends at 0/01300000},
	'behind the archive: message');
is($archive->fingerprint, $before, 'behind the archive: nothing is changed');
$leader->stop;

# WAL that is not what was asked for.
foreach my $case (
	[ 'too high by one', 'data 0/01010001 100' ],
	[ 'too low by one',  'data 0/0100FFFF 100' ],
	[ 'again',           'data 0/01000000 8192' ],
	[ 'a segment later', 'data 0/01110000 8192' ],
	[ 'at zero',         'data 0/00100000 8192' ],
	[ 'at the very end', 'data FFFFFFFF/FFFFE000 8192' ])
{
	my ($name, $data) = @$case;
	survives(
		"WAL $name",
		script  => "$start\nwal 0/01010000\n$data\nsilence",
		status  => 2,
		message => qr{error: the server sent WAL from .*0/01010000 comes next},
		good    => '0/01010000');
}

# The end of WAL and the clock as a server may name them: nothing hangs on them.
foreach my $tell ('FFFFFFFF/FFFFFFFF 9223372036854775807',
	'FFFFFFFF/FFFFFFFF 0xFFFFFFFFFFFFFFFF', '0/1 0x8000000000000000',
	'0/01000000 0', '7FFFFFFF/FFFFFFFF 1')
{
	foreach my $progress (qw(never always))
	{
		survives(
			"told $tell, --progress=$progress",
			script  => "tell $tell\n$start\nkeepalive reply 3\nserve",
			options => [ "--progress=$progress", '-v' ],
			status  => 0);
	}
}

# The last segments there can be. Nobody has so much WAL: the very last one is
# refused, and nothing wraps round.
my $top = 'FFFFFFFF/FFD00000';
foreach my $flushed ('FFFFFFFF/FFE80000', 'FFFFFFFF/FFF00000',
	'FFFFFFFF/FFF00001', 'FFFFFFFF/FFF80000', 'FFFFFFFF/FFFFE000',
	'FFFFFFFF/FFFFFFFF')
{
	foreach my $mode ([], ['--no-verify'], [ '-Z', 'zstd', '--synchronous' ])
	{
		my $name    = "up to $flushed @$mode";
		my $archive = new_archive();
		my $leader = new_leader("oldest $top\nflushed $flushed\n"
			  . "slot held $top\nwrite-wal $top $flushed\n"
			  . "connection\nserve\n");
		my ($status, $stderr) = run_receiver($leader, $archive,
			options =>
			  [ '-S', 'held', '--no-loop', "--endpos=$flushed", @$mode ]);
		my $wanted = $flushed gt 'FFFFFFFF/FFF00000' ? 5 : 0;
		is($status, $wanted, "$name: status") || diag($stderr);
		like($stderr, qr/error: WAL position .* is out of range/,
			"$name: message")
		  if $wanted != 0;
		is( $archive->problems(
				servers => [$leader],
				from    => $top,
				upto    => 'FFFFFFFF/FFE80000'),
			'',
			"$name: the archive is right");
		is(scalar(my @complete = $archive->complete),
			$flushed lt 'FFFFFFFF/FFF00000' ? 1 : 2,
			"$name: complete segments");
		$leader->stop;
	}
}

# Another system identifier at the limits, and another cluster.
foreach my $system ('1', '18446744073709551615')
{
	survives("system identifier $system", settings => "system $system",
		script => 'serve', status => 0);
}

done_testing();
