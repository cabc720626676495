# walfetch under the name pg_receivewal, and the real one.

package WalfetchTest::DropIn;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use PostgreSQL::Test::Utils;
use WalfetchTest;
use WalfetchTest::Process;

our @EXPORT = qw(
  drop_in_folder
  real_pg_receivewal
  start_as_pg_receivewal
);

my $name = 'pg_receivewal';
my $folder;

# A program that is run through a wrapper script would lose its name there: the
# same script, but with a link in place of the program.
sub _wrap
{
	my ($script) = @_;
	my ($wrapper, $program) = $script =~ /^exec "(.+?)" "(.+?)" "\$@"$/m
	  or die "not a wrapper that is known: $script";
	my $real = PostgreSQL::Test::Utils::tempdir('wrapped');

	symlink $program, "$real/$name" or die "could not make a link: $!";
	append_to_file("$folder/$name",
		qq(#!/bin/sh\nexec "$wrapper" "$real/$name" "\$@"\n));
	chmod 0755, "$folder/$name";
	return;
}

# A folder that holds nothing but the link pg_receivewal.
sub drop_in_folder
{
	return $folder if defined $folder;
	my $program = walfetch();
	my $head    = '';

	$folder = PostgreSQL::Test::Utils::tempdir('drop_in');
	open my $file, '<:raw', $program or die "could not open \"$program\": $!";
	read $file, $head, 2;
	close $file;
	if ($head eq '#!')
	{
		_wrap(slurp_file($program));
	}
	else
	{
		symlink $program, "$folder/$name" or die "could not make a link: $!";
	}
	return $folder;
}

# The program of the server's own version, or undef if it is not here.
sub real_pg_receivewal
{
	my ($server) = @_;
	my ($bindir) = split /\n/, $server->config_data('--bindir');
	return -x "$bindir/$name" ? "$bindir/$name" : undef;
}

# Start a program that understands pg_receivewal's options (default: walfetch
# under that name) on a server into an archive.
sub start_as_pg_receivewal
{
	my ($server, $archive, %params) = @_;
	my $app = $params{app} // 'walfetch_test';
	my @command = ($params{program} // drop_in_folder() . "/$name");

	push @command, '-D', $archive->dir if defined $archive;
	push @command, '-d', $server->connstr . " application_name=$app"
	  if defined $server;
	push @command, @{ $params{options} // [] };
	return WalfetchTest::Process->start(
		command => \@command,
		env     => { PGAPPNAME => undef, %{ $params{env} // {} } });
}

1;
