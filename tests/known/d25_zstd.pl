# D25: -Z zstd.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('D25');
my $server  = new_server('leader');
my $archive = new_archive();
my $begin   = create_slot($server, 'slot');
my $upto    = write_wal($server, 2.4);
my $receiver = start($server, $archive,
	options => [ '-S', 'slot', '-Z', 'zstd', '--synchronous' ]);
my $streams = reaches('streams', $server, $receiver, $upto);

$receiver->stop('INT', 10);
is($receiver->status, 0, 'stops');
my @complete = $archive->complete;
cmp_ok(scalar(grep { /\.zst$/ } @complete), '>', 0, 'makes .zst files');
is(scalar(grep { !/\.zst$/ } @complete), 0, 'and no others');
$archive->is_faithful(
	'zstd reads them',
	servers => [$server],
	from    => $begin,
	upto    => $upto);
my ($error) = $receiver->stderr =~ /^\S*: error: (.*)/m;
seen($streams ? 'makes .zst files' : "refused: $error");
known_done();
