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

seed_random();
foreach my $round (1 .. 6)
{
	my $receiver = start(
		$server, $archive,
		options  => \@options,
		walfetch => [ $round % 2 ? '--synchronous' : () ],
		theirs   => ['--synchronous']);
	reaches("round $round: streams", $server, $receiver,
		write_wal($server, 1.2));

	# More at once than is compressed in that time.
	my $last = write_wal($server, 12);
	random_moment(0.15);
	$receiver->stop('KILL', 10);
	my $lost = lost_after_kill($archive, $server, $begin,
		$server->slot('slot')->{restart_lsn});
	is($lost, '', "round $round: all that was acknowledged is there");
}

# As if killed between giving the compressed file its name and removing what it
# was made from.
if (!pg_receivewal())
{
	my ($segment) = ($archive->complete)[3] =~ /^(\w{24})/;
	system_or_bail('cp', $server->data_dir . "/pg_wal/$segment",
		$archive->dir . "/$segment.partial");
	chmod 0600, $archive->dir . "/$segment.partial";
}

# What it had in work is found again.
my $upto = write_wal($server, 0.4);
receive_upto('the next start', $server, $archive, $upto,
	options => \@options);
my @plain = grep { !/\.gz$/ } $archive->complete;
is("@plain", '', 'every finished segment is compressed');
is(scalar($archive->partials), 1, 'one open segment')
  || diag(join(' ', $archive->partials));
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
