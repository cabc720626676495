# The scripted leader itself: with no fault asked for, it is a good server.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use Leader;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

foreach my $codec (qw(none gzip lz4 zstd))
{
	survives(
		"a good server, $codec",
		script  => 'serve',
		status  => 0,
		options => [ '-Z', $codec, '-v' ]);
}
survives(
	'a good server, --synchronous',
	script  => 'serve',
	status  => 0,
	options => ['--synchronous']);

# Verification is at work on this WAL, or the other tests would show nothing.
my ($archive, $leader, undef, $stderr) = survives(
	'a flipped bit',
	settings => 'damage 0/01180100 FF00FF00',
	script   => 'serve',
	status   => 5,
	message  => qr{error: .*(checksum|record|prev).* at 0/011\w{5}},
	good     => '0/01180100');

# It follows a history, in the middle of a segment and at the end of one.
survives(
	'a timeline that ends within a segment',
	settings => qq(history 2 "1\\t0/01248000\\tno reason\\n"\ntimeline 2),
	script   => 'serve',
	status   => 0,
	timeline => 2,
	from     => '0/01248000');
survives(
	'a timeline that ends with a segment',
	settings => qq(history 2 "1\\t0/01200000\\tno reason\\n"\ntimeline 2),
	script   => 'serve',
	status   => 0,
	timeline => 2,
	from     => '0/01200000');

# It keeps slots, and says what it is asked.
$leader = new_leader("connection\nserve\n");
foreach my $case ([ '--create-slot', 0 ], [ '--create-slot', 2 ],
	[ '--drop-slot', 0 ], [ '--drop-slot', 2 ])
{
	my ($option, $status) = @$case;
	is( run_receiver($leader, undef,
			options => [ $option, '-S', 'made', '--no-loop' ]),
		$status, "$option: status $status");
}
like(
	$leader->log,
	qr/^1 query CREATE_REPLICATION_SLOT "made" PHYSICAL\n(1 .*\n)*1 closed\n/m,
	'what the client says is on record');

done_testing();
