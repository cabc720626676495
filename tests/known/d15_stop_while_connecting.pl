# D15: stopped while it connects.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use IO::Socket::UNIX;
use Known;
use PostgreSQL::Test::Utils;
use Test::More;

# Somebody listens, and never says a word.
known('D15');
my $dir    = PostgreSQL::Test::Utils::tempdir_short();
my $listen = IO::Socket::UNIX->new(
	Local  => "$dir/.s.PGSQL.5432",
	Listen => 20) or die "could not listen: $!";
my @seen;

foreach my $signal (qw(INT TERM))
{
	my $receiver = start(undef, new_archive(),
		conninfo => "host=$dir port=5432 user=postgres");
	my $connection = $listen->accept;
	ok($receiver->running, "connects, before $signal");
	my ($status, $seconds) =
	  $receiver->stop($signal, pg_receivewal() ? 4 : time_limit(2.5));
	is($status, 0, "SIG$signal while connecting");
	cmp_ok($seconds, '<', time_limit(1.5), "SIG$signal is obeyed in time");
	push @seen,
	  "SIG$signal: "
	  . ( $status eq 'still running'
		? 'still there after 4 s'
		: sprintf('%s after %.1f s',
			$status =~ /^\d/ ? "status $status" : $status, $seconds));
	$receiver->destroy;
}
seen(join('; ', @seen));
known_done();
