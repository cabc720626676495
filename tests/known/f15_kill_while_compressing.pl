# F15: killed while it compresses.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('F15');
my $server  = new_server('leader');
my $archive = new_archive();
my $begin   = create_slot($server, 'slot');
my @options = ('-S', 'slot', '-Z', 'gzip:9', '-s', 1);

# What is wrong after a kill. A segment may wait to be compressed while later
# ones are there, if all of it is in its .partial.
sub problems_after_kill
{
	my ($upto) = @_;
	my @problems = split /\n/,
	  $archive->problems(servers => [$server], from => $begin, upto => $upto);

	return join("\n", grep { !_is_whole($_) } @problems);
}

sub _is_whole
{
	my ($problem) = @_;
	my ($segment) = $problem =~ /^not finished: (\w{24})\.partial$/
	  or return 0;
	return slurp_file($archive->dir . "/$segment.partial") eq
	  slurp_file($server->data_dir . "/pg_wal/$segment");
}

seed_random();
foreach my $round (1 .. 6)
{
	my $receiver = start($server, $archive,
		options => [ @options, $round % 2 ? '--synchronous' : () ]);
	reaches("round $round: streams", $server, $receiver,
		write_wal($server, 1.2));

	# More at once than is compressed in that time.
	my $last = write_wal($server, 12);
	random_moment(0.15);
	$receiver->stop('KILL', 10);
	is(problems_after_kill($server->slot('slot')->{restart_lsn}),
		'', "round $round: all that was acknowledged is there");
}

# What it had in work is found again.
my $upto = write_wal($server, 0.4);
receive_upto('the next start', $server, $archive, $upto,
	options => \@options);
my @plain = grep { !/\.gz$/ } $archive->complete;
is("@plain", '', 'every finished segment is compressed');
is(scalar($archive->partials), 1, 'one open segment');
is(join(' ', grep { /\.tmp$/ } $archive->names), '', 'no temporary file');
$archive->is_faithful(
	'nothing is missing',
	servers => [$server],
	from    => $begin,
	upto    => $upto);
seen(
	@plain
	? @plain . ' segments stay uncompressed'
	: $archive->partials == 1 ? 'all compressed after the next start'
	:                           'open segments are left over');
known_done();
