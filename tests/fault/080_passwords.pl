# A server that asks for a password: none is sent that was not given, none in
# clear text unless that is allowed, none is asked for where there is no terminal,
# and none gets into a message.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use Leader;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $secret = 'sEcReT-42';
my $clear_text = 'message R 00000003';
my $scram =
  'message R 0000000A' . unpack('H*', "SCRAM-SHA-256\0\0");
my %requests = (
	'MD5'                  => 'message R 0000000501020304',
	'SCRAM'                => $scram,
	'SCRAM or another one' => 'message R 0000000A'
	  . unpack('H*', "SCRAM-SHA-512\0SCRAM-SHA-256\0\0"));
# libpq 16 and later knows how to refuse by itself.
my $refused = qr/error: .*(asked\ for\ the\ password\ in\ clear\ text;\ .*not\ sent
	|requested\ a\ cleartext\ password)\n.*hint:\ .*scram
	|invalid\ protocol\ negotiation/x;

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

# Whatever came before the request, and in whatever pieces it comes.
my %clear_text = (
	'alone'              => $clear_text,
	'byte by byte'       => "split 1\n$clear_text",
	'with more behind'   => "glue\n$clear_text\nmessage R 00000000\nsend",
	'longer'             => 'message R 0000000301020304',
	'after SCRAM'        => "$scram\nuntil PASSWORD\n$clear_text",
	'glued to SCRAM'     => "glue\n$scram\n$clear_text\nsend",
	'after MD5'          => "$requests{MD5}\nuntil PASSWORD\n$clear_text",
	'after a version'    => "glue\nmessage v 0000000000000000\n$clear_text\nsend");

survives(
	'clear text, no password',
	script  => "$clear_text\nuntil PASSWORD\nserve",
	status  => 2,
	message => qr/(?:$refused)|no password supplied\n.*hint: .*terminal/);
{
	local $ENV{PGPASSWORD} = $secret;
	foreach my $name (sort keys %clear_text)
	{
		my (undef, $leader) = survives(
			"clear text $name",
			script  => "$clear_text{$name}\nsilence",
			status  => 2,
			message => $refused);
		unlike($leader->log, qr/\Q$secret\E/,
			"clear text $name: the password does not arrive");
	}
	# Each connection is looked at.
	my $leader = new_leader(
		"connection\n$scram\nuntil PASSWORD\nclose\nconnection\n$clear_text\nsilence\n"
	);
	my ($status, $stderr) =
	  run_receiver($leader, new_archive(), options => ['--max-retries=1']);
	is($status, 2, 'clear text when tried again: status');
	like($stderr, $refused, 'clear text when tried again: message');
	unlike($leader->log, qr/\Q$secret\E/,
		'clear text when tried again: the password does not arrive');
	$leader->stop;

	(undef, $leader) = survives(
		'clear text, allowed',
		script  => "$clear_text\nuntil PASSWORD\nserve",
		options => ['--allow-cleartext'],
		status  => 0);
	like($leader->log, qr/password \Q$secret\E/, 'clear text, allowed: arrives');
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
