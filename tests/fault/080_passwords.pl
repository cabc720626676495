# A server that asks for a password: none is sent that was not given, none is
# asked for where there is no terminal, and none gets into a message.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use Leader;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $secret = 'sEcReT-42';
my %requests = (
	'clear text' => 'message R 00000003',
	'MD5'        => 'message R 0000000501020304',
	'SCRAM'      => 'message R 0000000A'
	  . unpack('H*', "SCRAM-SHA-256\0\0"),
	'SCRAM or another one' => 'message R 0000000A'
	  . unpack('H*', "SCRAM-SHA-512\0SCRAM-SHA-256\0\0"));

foreach my $name (sort keys %requests)
{
	survives(
		"$name, no password",
		script  => "$requests{$name}\nuntil PASSWORD\nserve",
		status  => 2,
		message => qr/error: .*password.*\n.*hint: .*terminal/i);

	my ($archive, $leader, $process, $stderr);
	{
		local $ENV{PGPASSWORD} = $secret;
		($archive, $leader, $process, $stderr) = survives(
			"$name, a wrong password",
			script => "$requests{$name}\nuntil PASSWORD\n"
			  . 'fatal 28P01 "password authentication failed for user \"tester\""',
			status  => 2,
			message => qr/error: .*password authentication failed/);
	}
	unlike($process->stderr . $process->stdout,
		qr/\Q$secret\E/, "$name: the password is in no message");
}
{
	local $ENV{PGPASSWORD} = $secret;
	survives(
		'clear text, the right password',
		script  => "$requests{'clear text'}\nuntil PASSWORD\nserve",
		status  => 0);
	survives(
		'SCRAM of a server that does not know the password',
		script => "$requests{SCRAM}\nuntil PASSWORD\nmessage R 0000000B"
		  . unpack('H*', 'r=x,s=eHg=,i=4096')
		  . "\nsilence",
		status  => 2,
		message => qr/error: .*(nonce|SCRAM)/i);
	survives(
		'SCRAM that ends before its proof',
		script => "$requests{SCRAM}\nuntil PASSWORD\nmessage R 00000000\nsilence",
		options => ['--connect-timeout=2'],
		status  => 2,
		message => qr/error: .*/);
}

# Other ways to log in that nobody offered.
foreach my $request (qw(00000002 00000006 00000007 00000009 0000FFFF 7FFFFFFF))
{
	survives(
		"authentication request $request",
		script  => "message R $request\nsilence",
		options => ['--connect-timeout=2'],
		status  => 2,
		message => qr/error: .*(authentication|timeout|support|GSSAPI)/i);
}

# Terminals are not the server's to work.
my (undef, undef, $process) = survives(
	'an error with control characters',
	script => "until IDENTIFY_SYSTEM\nmessage E "
	  . unpack('H*', "SFATAL\0VFATAL\0C28000\0Ma\e[2J\rb\0\0")
	  . "\nready\nsilence",
	status => 2);
like($process->stderr, qr/failed: a\?\[2J\?b$/m, 'they are shown, not obeyed');

done_testing();
