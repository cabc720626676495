# D23: SIGTERM while gzip is at work.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('D23');
my $server  = new_server('leader');
my $archive = new_archive();
my $begin   = new_slot($server, 'slot');
my $receiver = start($server, $archive,
	options => [ '-S', 'slot', '-Z', 'gzip', '-s', 1 ]);

# A little, so that it may still be in memory.
my $upto = $server->safe_psql('postgres',
	q(INSERT INTO acknowledged (b) VALUES ('x'); SELECT pg_current_wal_flush_lsn())
);
ok( wait_until(
		'WAL to be received',
		sub {
			return $server->safe_psql('postgres',
				"SELECT count(*) FROM pg_stat_replication "
				  . "WHERE sent_lsn >= '$upto' AND write_lsn >= '$upto'");
		},
		patience()),
	'receives');
my ($status) = $receiver->stop('TERM', time_limit(5));
is($status, 0, 'SIGTERM: status') || diag($receiver->stderr);
my @partials = $archive->partials;
is(scalar(@partials), 1, 'SIGTERM: one open segment');
like($partials[0] // '', qr/\.gz\.partial$/, 'SIGTERM: in gzip');
my $size = defined $partials[0] ? -s $archive->dir . "/$partials[0]" : -1;
cmp_ok($size, '>', 0, 'SIGTERM: it is not empty');
my $problems = $archive->problems(
	servers => [$server],
	from    => $begin,
	upto    => $upto);
is($problems, '', 'SIGTERM: all that was received is in it');
seen(
	($status =~ /^\d/ ? "status $status" : $status)
	. ", open segment of $size bytes"
	  . ($problems eq '' ? ', readable' : ', not readable'));
known_done();
