# D03: killed between reopening the open segment and finishing it.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use ServerProxy;
use Test::More;

# The stream stands still after its first message of WAL, and the receiver is
# killed: the leader is lost, and what was acknowledged must be there.
known('D03');
my $server = new_server('leader');
my $begin  = create_slot($server, 'one');
my $dir    = PostgreSQL::Test::Utils::tempdir();
my $rounds = 12;
my $lost   = 0;

# Holds each connection after $dir/messages messages that hold WAL, and then
# makes $dir/held.
my $proxy = ServerProxy->start(
	$server,
	from_server => sub {
		my ($connection, $type, $body) = @_;
		return if $type ne 'd' || substr($body, 0, 1) ne 'w';
		$connection->{limit} //= slurp_file("$dir/messages");
		return if ++$connection->{messages} < $connection->{limit};
		append_to_file("$dir/held", '') if !-e "$dir/held";
		return '' if $connection->{messages} > $connection->{limit};
		return;
	});

seed_random();
my $archive;
my $acknowledged;
foreach my $round (1 .. $rounds)
{
	my $codec = $round <= $rounds / 2 ? 'gzip' : 'lz4';
	my $compress = [ '-S', 'one', '-Z', $codec ];

	# A fresh archive for each codec, and whenever the one before is spoilt.
	undef $archive if $round == $rounds / 2 + 1;
	if (!defined $archive)
	{
		$archive = new_archive();
		$server->safe_psql('postgres',
			"SELECT pg_drop_replication_slot('one')");
		$begin = new_slot($server, 'one');
		$acknowledged = write_wal($server, 0.5);
	}
	receive_upto("round $round, $codec: acknowledges",
		$server, $archive, $acknowledged, options => $compress);
	is(lost_after_kill($archive, $server, $begin, $acknowledged),
		'', "round $round, $codec: has what it acknowledged");

	my $next = write_wal($server, 0.02);
	unlink "$dir/held", "$dir/messages";
	append_to_file("$dir/messages", 1);
	my $receiver = start(
		$server, $archive,
		conninfo => $proxy->connstr . ' application_name=walfetch_test',
		options  => [ '--synchronous', @$compress ]);
	ok( wait_until(
			'WAL to arrive',
			sub { -e "$dir/held" || !$receiver->running }, patience())
		  && $receiver->running,
		"round $round, $codec: reopens");
	random_moment(0.1);
	$receiver->stop('KILL', 5);
	my $problems =
	  lost_after_kill($archive, $server, $begin, $acknowledged);
	is($problems, '',
		"round $round, $codec: killed, and what it acknowledged is there");
	$lost++ if $problems ne '';
	undef $archive if $problems ne '';
	$acknowledged = $next;
	$server->poll_query_until('postgres',
		"SELECT NOT active FROM pg_replication_slots WHERE slot_name = 'one'");
}
seen("acknowledged WAL lost in $lost of $rounds kills");
known_done();
