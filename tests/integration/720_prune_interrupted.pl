# A prune that is killed leaves no gap in the middle, and the next one goes on.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $mb      = 1024 * 1024;
my $server  = new_server('leader');
my $standby = new_standby('standby', $server);
my $small   = new_archive();

# The heads of real segments of two timelines, under thousands of names: prune
# reads no more than that.
create_slot($server, 'slot');
write_wal($server, 2.2);
finishes('timeline 1', $server, $small, options => [ '--once', '-S', 'slot' ]);
$server->wait_for_catchup($standby, 'replay', flush_lsn($server));
$server->stop;
$standby->promote;
write_wal($standby, 2.2);
finishes('timeline 2', $standby, $small, options => ['--once']);
my %head;
foreach my $timeline (1, 2)
{
	my ($name) = grep { /^0000000$timeline/ } $small->complete;
	$head{$timeline} = substr(slurp_file($small->dir . "/$name"), 0, 8192);
}
my ($switch) = slurp_file($small->dir . '/00000002.history') =~
  m{^1\t([0-9A-F]+/[0-9A-F]+)\t}m;
my $fork = int(lsn_number($switch) / $mb) + 3000;

# 3000 segments of timeline 1 before the switch, 3000 of timeline 2 behind it.
sub make_archive
{
	my $dir = PostgreSQL::Test::Utils::tempdir('archive');

	append_to_file("$dir/00000002.history",
		"1\t" . lsn_text($fork * $mb + 0x100) . "\tno recovery target\n");
	foreach my $number ($fork - 3000 .. $fork + 3000)
	{
		my $timeline = $number < $fork ? 1 : 2;
		append_to_file("$dir/" . segment_name($timeline, $number, $mb),
			$head{$timeline});
	}
	my $then = time() - 60;
	utime $then, $then, glob("$dir/00000001*");
	return $dir;
}

# What is wrong with what is left: all of the one timeline must be gone before
# the other loses anything, and either loses its beginning only.
sub faults
{
	my ($dir) = @_;
	my @numbers = map { segment_number($_, $mb) } sort grep { /^[0-9A-F]{24}$/ }
	  slurp_dir($dir);

	return 'it is empty' unless @numbers;
	foreach my $i (1 .. $#numbers)
	{
		return "a gap before $numbers[$i]"
		  if $numbers[$i] != $numbers[ $i - 1 ] + 1;
	}
	return "it ends at $numbers[-1]" if $numbers[-1] != $fork + 3000;
	return '';
}

sub count
{
	my ($dir) = @_;
	return scalar(grep { /^[0-9A-F]{24}$/ } slurp_dir($dir));
}

seed_random();
my $segment = segment_name(2, $fork + 2000, $mb);
foreach my $round (1 .. 6)
{
	my $dir    = make_archive();
	my $signal = $round % 3 == 0 ? 'TERM' : 'KILL';
	my $left   = 1 + int(rand(100_000));

	# It writes names as they go, and waits while nobody reads them.
	my $pid = open my $names, '-|', walfetch(), 'prune', '-D', $dir,
	  "--before=$segment"
	  or die "could not start prune: $!";
	while ($left > 0)
	{
		my $got = sysread $names, my $bytes, $left > 4096 ? 4096 : $left;
		die 'prune ended early' unless $got;
		$left -= $got;
	}
	kill $signal, $pid;
	if ($signal eq 'TERM')
	{
		1 while sysread $names, my $bytes, 4096;
	}
	close $names;
	is($?, $signal eq 'KILL' ? 9 : 0, "round $round: ends by SIG$signal");
	my $count = count($dir);
	cmp_ok($count, '<', 6001, "round $round: some are gone ($count are left)");
	cmp_ok($count, '>', 1001, "round $round: not all are");
	is(faults($dir), '', "round $round: what is left is whole");

	my ($list) = run_command([ walfetch(), 'list', '-D', $dir ]);
	unlike($list, qr/Gap:/, "round $round: list finds no gap");
	is(system(walfetch(), 'prune', '-D', $dir, "--before=$segment", '--quiet'),
		0, "round $round: the next run");
	is(count($dir), 1001, "round $round: it does the rest");
	is(faults($dir), '', "round $round: what is left then is whole");
	PostgreSQL::Test::Utils::system_or_bail('rm', '-r', $dir);
}

done_testing();
