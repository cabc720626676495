# D04: gzip with segments of 8 MB.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('D04');
my $server  = new_server('leader', segment_size => 8);
my $archive = new_archive(segment_size => 8);
my $begin   = create_slot($server, 'slot');

# Two finished segments, and a start without a slot: it knows where to go on
# only by them.
write_wal($server, 17);
$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
my $upto = write_wal($server, 0.2);
receive_upto('two segments', $server, $archive, $upto,
	options => [ '-S', 'slot', '-Z', 'gzip' ]);
cmp_ok(scalar($archive->complete), '>=', 2, 'two segments are finished');
$archive->is_faithful(
	'they are right',
	servers => [$server],
	from    => $begin,
	upto    => $upto);
unlink map { $archive->dir . "/$_" } $archive->partials;

write_wal($server, 17);
$upto = write_wal($server, 0.2);
my $receiver = start($server, $archive,
	options => [ '--synchronous', '-Z', 'gzip' ]);
reaches('goes on', $server, $receiver, $upto);
my @skipped = $receiver->stderr =~ /incorrect uncompressed size/g;
is(scalar(@skipped), 0, 'no finished segment is called incorrect');
stops_cleanly('stops', $receiver, 'INT');
my $problems = $archive->problems(
	servers => [$server],
	from    => $begin,
	upto    => $upto);
is($problems, '', 'without a gap');
my @missing = $problems =~ /missing/g;
seen(
	@skipped
	? @skipped . ' finished segments skipped as "incorrect"'
	  . (@missing ? ', ' . @missing . ' never fetched' : '')
	: $problems eq '' ? 'goes on without a gap' : 'archive is wrong');
known_done();
