# D21: -d and -h, -p, -U say different things.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('D21');
my $server  = new_server('leader');
my $nowhere = PostgreSQL::Test::Utils::tempdir_short();
my $right   = $server->connstr . ' user=' . getpwuid($<);
my %wrong   = (
	'-h' => $nowhere,
	'-p' => 1,
	'-U' => 'nobody_here');
my @losers;

foreach my $option (sort keys %wrong)
{
	my ($status, $stderr) = run(
		$server, undef,
		conninfo => $right,
		options  => [
			'--create-slot', '--if-not-exists', '-S', 'slot',
			'--no-loop', $option, $wrong{$option}
		]);
	is($status, 0, "-d wins over $option") || diag($stderr);
	push @losers, $option if $status ne 0;
}
isnt($server->slot('slot')->{slot_type}, '', 'it was this server');

# Without -d they count.
my ($status) = run(
	$server, undef,
	conninfo => undef,
	options  => [
		'--create-slot', '-S', 'plain', '--no-loop',
		'-h', $server->host, '-p', $server->port
	]);
is($status, 0, '-h and -p without -d');
seen(@losers ? "@losers win over -d" : '-d wins');
known_done();
