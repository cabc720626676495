# The only synchronous standby is killed at random moments: every commit that
# a client saw acknowledged is in the archive. $WALFETCH_KILL_ROUNDS (10).

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

needs_program('pg_waldump');

my $rounds = $ENV{WALFETCH_KILL_ROUNDS} // 10;
my $mb     = 1024 * 1024;
my @codecs = qw(none gzip lz4 zstd);
my $out    = PostgreSQL::Test::Utils::tempdir('acknowledged');

seed_random();
my $server  = new_server('leader');
my $archive = new_archive();
my $begin   = create_slot($server, 'kill');
$server->append_conf('postgresql.conf',
	"synchronous_standby_names = 'walfetch_test'");
$server->reload;

# Clients that write down each transaction once its commit is acknowledged:
# the row that RETURNING gives arrives with the end of the command.
my $insert = 'INSERT INTO acknowledged (b) VALUES (repeat(md5(random()::text), 20)) '
  . 'RETURNING pg_current_xact_id();';
my @files = map { "$out/client_$_" } 1 .. 4;
my @clients = map {
	WalfetchTest::Process->start(
		command => [
			'sh', '-c', 'yes "$1" | exec psql -XAtq -d "$2" >"$3"',
			'sh', $insert, $server->connstr('postgres'), $_
		])
} @files;

# Transactions acknowledged so far; a line that is not whole does not count.
sub acknowledged
{
	return map { /^(\d+)$/mg } map { -e $_ ? slurp_file($_) =~ s/[^\n]*\z//r : '' } @files;
}

# Which transactions the archive has a commit record of, from a segment on.
# Returns the number of the last segment too.
sub committed
{
	my ($from, $commits) = @_;
	my $folder   = PostgreSQL::Test::Utils::tempdir('unpacked');
	my @segments = $archive->unpack_into($folder, 1, $from);
	my ($dump, $error) = run_command(
		[
			'pg_waldump', '-p', $folder, '-r', 'Transaction',
			'-s', lsn_text($from * $mb)
		]);

	$commits->{$_} = 1 foreach $dump =~ /tx:\s+(\d+), lsn: .* desc: COMMIT/g;
	note("pg_waldump ended with: $error");
	system_or_bail('rm', '-rf', $folder);
	return segment_number($segments[-1], $mb);
}

my %committed;
my $from   = int(lsn_number($begin) / $mb);
my $before = 0;
foreach my $round (1 .. $rounds)
{
	my $codec = $codecs[ $round % @codecs ];
	my $receiver = start_receiver($server, $archive,
		options => [ '-S', 'kill', '--synchronous', '-Z', $codec ]);

	my $more = wait_until('commits to be acknowledged',
		sub { scalar(acknowledged()) > $before + 20 });
	ok($more, "round $round, $codec: commits are acknowledged")
	  || diag($receiver->stderr);
	random_moment(0.5);
	my ($status) = $receiver->stop('KILL', time_limit(5));
	is($status, 'signal 9', "round $round, $codec: killed");

	# What is acknowledged now was so because of the one just killed.
	my @acknowledged = acknowledged();
	my $last = committed($from, \%committed);
	my @missing = grep { !$committed{$_} } @acknowledged;
	is(scalar(@missing), 0,
		"round $round, $codec: all " . @acknowledged . ' commits are there')
	  || diag("the first that are missing: @missing[0 .. ($#missing < 9 ? $#missing : 9)]");
	$before = scalar @acknowledged;
	$from   = $last > $from ? $last - 1 : $from;
}
cmp_ok($before, '>=', 20 * $rounds, 'commits were acknowledged all the time');

# Let the clients go, and compare it all.
$server->append_conf('postgresql.conf', "synchronous_standby_names = ''");
$server->reload;
$_->destroy foreach @clients;
my $upto = flush_lsn($server);
finishes('catches up', $server, $archive,
	options => [ '-S', 'kill', '--once' ]);
$archive->is_faithful(
	'identical in the end',
	servers => [$server],
	from    => $begin,
	upto    => $upto);

done_testing();
