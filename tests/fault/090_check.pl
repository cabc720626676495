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

# (status, the line of that name, the one below it) of a check against a leader
# with that script.
sub check_line
{
	my ($name, $script, @options) = @_;
	my $server = new_leader("$script\n");
	my ($out, $err) = ('', '');

	IPC::Run::run(
		[
			walfetch(), 'check', '-D', $archive->dir, '-d', $server->connstr,
			'--connect-timeout=2', @options
		],
		'<', \undef, '>', \$out, '2>', \$err);
	my $status = $? >> 8;
	$server->stop;
	note($out);
	my ($line, $mend) = $out =~ /^(error +$name: .*)\n(?: {9}(.*))?/m
	  or return ($status, $out =~ /^(\w+ +$name: .*)$/m);
	return ($status, $line, $mend);
}

sub check_gap
{
	return check_line('gap', @_);
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


# What a sound server does not say: these need a leader that does as it is told.
my $mend;
my $again = qr/^Try again; the server's log may say more\.$/;

($status, $line, $mend) = check_gap("$start\nsilence");
is($status, 2, 'silence in place of WAL: status');
like($line, qr/^error +gap: WAL from .* on: the server does not answer$/,
	'silence in place of WAL: said');
like($mend, $again, 'silence in place of WAL: the mend');

($status, $line, $mend) =
  check_gap("until START_REPLICATION\nerror 53200 \"out of memory\"\nserve");
is($status, 2, 'no stream: status');
like($line, qr/^error +gap: WAL from .* on: .*out of memory$/, 'no stream: said');
like($mend, $again, 'no stream: the mend');

($status, $line, $mend) = check_gap(
	"until START_REPLICATION\nerror XX000 \"requested starting point "
	  . "0/1000000 on timeline 1 is not in this server's history\"\nserve");
is($status, 6, 'another history: status');
like($line, qr/^error +gap: .*not in this server's history$/,
	'another history: said');
like($mend, qr/^The archive holds WAL .*: use another directory\.$/,
	'another history: the mend');

($status, $line, $mend) = check_line('server',
	"until IDENTIFY_SYSTEM\nerror XX000 \"could not identify\"\nserve");
is($status, 2, 'no identity: status');
like($line, qr/^error +server: .*could not identify$/, 'no identity: said');
like($mend, $again, 'no identity: the mend');

($status, $line, $mend) = check_line('slot',
	"until READ_REPLICATION_SLOT\nerror XX000 \"could not read\"\nserve",
	'-S', 'held');
is($status, 2, 'a slot that cannot be read: status');
like($line, qr/^error +slot: .*could not read$/,
	'a slot that cannot be read: said');
like($mend, $again, 'a slot that cannot be read: the mend');

done_testing();
