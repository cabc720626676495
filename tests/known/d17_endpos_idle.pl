# D17: --endpos with the flush position of an idle server.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('D17');
my $mb     = 1024 * 1024;
my $server = new_server('leader');
my @seen;

sub one_run
{
	my ($name, $archive, $upto, $begin, @options) = @_;
	my ($status, $stderr) =
	  run($server, $archive, options => [ '-s', 1, @options ]);

	is($status, 0, "$name: ends") || diag($stderr);
	$archive->is_faithful(
		"$name: everything before it is there",
		servers => [$server],
		from    => $begin,
		upto    => $upto);
	push @seen,
	  "$name: " . ($status eq 'still running' ? 'hangs' : 'ends');
	return;
}

my $begin = create_slot($server, 'slot');
my $upto  = write_wal($server, 2.4);
my $archive = new_archive();
one_run('flush position', $archive, $upto, $begin, '-S', 'slot', '-E', $upto);
one_run('the same again', $archive, $upto, $begin, '-S', 'slot', '-E', $upto)
  if !pg_receivewal();

# The same at the end of a segment.
$server->safe_psql('postgres', 'SELECT pg_switch_wal()');
my $border = segment_begin(
	lsn_text(lsn_number(flush_lsn($server)) + $mb - 1), $mb);
one_run('end of a segment', $archive, $border, $begin,
	'-S', 'slot', '-E', $border);

if (!pg_receivewal())
{
	$upto = write_wal($server, 2.4);
	one_run('--once', $archive, $upto, $begin, '-S', 'slot', '--once');
}
seen(join('; ', @seen));
known_done();
