# walfetch check asks for the WAL that an archive needs next: what a server says
# in its place counts, however late it comes.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use IPC::Run;
use Leader;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $archive = new_archive();
my $leader  = new_leader("flushed 0/01240000\nserve\n");
finishes('an archive', $leader, $archive, options => [ '--once', '-n' ]);
$leader->stop;

# (status, the line of the gap) of a check against a leader with that script.
sub check_gap
{
	my ($script) = @_;
	my $server = new_leader("$script\n");
	my ($out, $err) = ('', '');

	IPC::Run::run(
		[
			walfetch(), 'check', '-D', $archive->dir, '-d', $server->connstr,
			'--connect-timeout=2'
		],
		'<', \undef, '>', \$out, '2>', \$err);
	my $status = $? >> 8;
	$server->stop;
	note($out);
	return ($status, $out =~ /^(\w+ +gap: .*)$/m);
}

my $start = "until START_REPLICATION\nanswer\nglue\nkeepalive plain";
my $gone  = 'error 58P01 "requested WAL segment has already been removed"';

my ($status, $line) = check_gap('serve');
is($status, 0, 'the WAL is there: status');
like($line, qr/^ok +gap: none: the server has timeline 1/, 'the WAL is there: said');

($status, $line) = check_gap("$start\n$gone\nsend\nserve");
is($status, 4, 'a keepalive, then an error: status');
like($line, qr/^error +gap: .*has already been removed/,
	'a keepalive, then an error: said');

($status, $line) = check_gap("flushed 0/01200000\n$start\nsend\nserve");
is($status, 0, 'a keepalive, and no WAL to be sent: status');
like($line, qr/^ok +gap: none/, 'a keepalive, and no WAL to be sent: said');

done_testing();
