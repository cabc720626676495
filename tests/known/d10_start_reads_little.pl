# D10: starting over an archive of many lz4 segments.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('D10');
my $server   = new_server('leader');
my $archive  = new_archive();
my $segments = 40;
my $begin    = create_slot($server, 'slot');
my @options  = ('-S', 'slot', '--synchronous', '-Z', 'lz4');

# WAL that does not get small.
$server->safe_psql('postgres',
	'CREATE TABLE random (b bytea); ALTER TABLE random ALTER b SET STORAGE PLAIN;'
);
$server->safe_psql(
	'postgres', qq(
INSERT INTO random SELECT string_agg(sha256(random()::text::bytea), '')
FROM generate_series(1, $segments * 530) row, generate_series(1, 60) hash
GROUP BY row));
my $upto = flush_lsn($server);
receive_upto("$segments segments", $server, $archive, $upto,
	options => [ '-S', 'slot', '-Z', 'lz4' ]);
cmp_ok(scalar($archive->complete), '>=', $segments, 'they are there');
my $size = 0;
$size += -s $archive->dir . "/$_" foreach $archive->complete;
my $limit = 8 * $size / $archive->complete;

# How many bytes a process has read from files so far.
sub has_read
{
	my ($process) = @_;
	my ($bytes) =
	  slurp_file('/proc/' . $process->pid . '/io') =~ /^rchar: (\d+)/m;
	return $bytes;
}

my $receiver = start($server, $archive, options => \@options);
reaches('starts', $server, $receiver, write_wal($server, 0.2));
my $at_start = has_read($receiver);
cmp_ok($at_start, '<', $limit, 'reads a few files at start');

my $walsender = $server->safe_psql('postgres',
	"SELECT pg_terminate_backend(pid) FROM pg_stat_replication");
reaches('reconnects', $server, $receiver, write_wal($server, 0.2));
my $at_reconnect = has_read($receiver) - $at_start;
cmp_ok($at_reconnect, '<', $limit, 'reads a few files when it reconnects');
stops_cleanly('stops', $receiver, 'INT');

sub share
{
	my ($bytes) = @_;
	return sprintf('%.0f %%', 100 * $bytes / $size);
}
seen('reads '
	  . share($at_start)
	  . ' of the archive at start, '
	  . share($at_reconnect)
	  . ' at a reconnect');
known_done();
