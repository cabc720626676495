# D12: a slot is called 1archive.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('D12');
my $server = new_server('leader');
my @seen;

foreach my $slot ('1archive', 'select')
{
	my ($status, $stderr) = run($server, undef,
		options => [ '--create-slot', '-S', $slot ]);
	is($status, 0, "$slot: --create-slot") || diag($stderr);
	$server->safe_psql('postgres',
		"SELECT pg_drop_replication_slot('$slot')");
	my $begin   = create_slot($server, $slot);
	my $upto    = write_wal($server, 2.4);
	my $archive = new_archive();

	my $receiver = start($server, $archive,
		options => [ '--synchronous', '-S', $slot ]);
	my $streams = reaches("$slot: streams", $server, $receiver, $upto);
	$receiver->stop('INT', 10);
	my ($error) = $receiver->stderr =~ /^\S*: error: (?:.*ERROR:\s+)?(.*)/m;
	push @seen, "$slot: " . ($streams ? 'streams' : $error // 'nothing');
	$archive->is_faithful(
		"$slot: from its position on",
		servers => [$server],
		from    => $begin,
		upto    => $upto);
}
seen(join('; ', @seen));
known_done();
