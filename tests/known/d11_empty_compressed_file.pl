# D11: an empty .gz has a segment's name.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('D11');
my $mb      = 1024 * 1024;
my $server  = new_server('leader');
my $archive = new_archive();
my $begin   = create_slot($server, 'slot');
my @options = ('-S', 'slot', '-Z', 'gzip');
my $upto    = write_wal($server, 2.4);

receive_upto('an archive', $server, $archive, $upto, options => \@options);

# As a power cut leaves it: renamed, and what is in it lost.
unlink map { $archive->dir . "/$_" } $archive->partials;
my $empty = (sort $archive->complete)[-1];
truncate $archive->dir . "/$empty", 0 or die $!;

$upto = write_wal($server, 1.4);
my $starts = receive_upto('starts', $server, $archive, $upto,
	options => \@options);
my $receiver = start($server, $archive,
	options => [ @options, '--synchronous' ]);
$upto = write_wal($server, 0.4);
reaches('starts once more', $server, $receiver, $upto);
my ($status) = $receiver->stop('INT', 10);
ok(!-e $archive->dir . "/$empty" || -s $archive->dir . "/$empty",
	'the empty file is no longer in the way');
is(-s $archive->dir . "/.$empty.bad", 0, 'it is moved aside');
$archive->is_faithful(
	'and its segment is not missing',
	servers => [$server],
	from    => $begin,
	upto    => $upto);
seen($starts ? 'moved aside, streams' : "every start fails, status $status");
known_done();
