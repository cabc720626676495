# D20: a server has an unusual version or a newer one.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use ServerProxy qw(message);
use Test::More;

needs_version(15, 'slots are asked for as the claimed version wants it');
known('D20');
my $server   = new_server('leader');
my @versions = ('15.8.1', '25.1', '16devel');
my @seen;

foreach my $version (@versions)
{
	my $slot = 'slot' . @seen;
	my $begin = create_slot($server, $slot);
	my $proxy = ServerProxy->start(
		$server,
		from_server => sub {
			my ($connection, $type, $body) = @_;
			return
			  if $type ne 'S' || $body !~ /^server_version\0/;
			return message('S', "server_version\0$version\0");
		});
	my $archive = new_archive();
	my $upto    = write_wal($server, 1.4);

	# The restart_lsn tells of a stream, for the server knows no better.
	my $receiver = start(
		$server, $archive,
		conninfo => $proxy->connstr . ' application_name=walfetch_test',
		options  => [ '-S', $slot, '--synchronous' ]);
	my $streams =
	  reaches("$version: streams", $server, $receiver, $upto);
	my ($error) = $receiver->stderr =~ /^\S*: error: (.*?)[;,]/m;
	push @seen,
	  "$version: " . ($streams ? 'streams' : $error // 'does not stream');
	$receiver->stop('INT', 10);
	$archive->is_faithful(
		"$version: archive",
		servers => [$server],
		from    => $begin,
		upto    => $upto);
}
seen(join('; ', @seen));
known_done();
