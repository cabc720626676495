# What asks a server is refused memory and threads: see lib/NoMemory.pm.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use NoMemory;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

plan skip_all => 'sanitizers and valgrind give out memory themselves'
  if sanitized();

my $server  = new_server('leader');
my $archive = new_archive();
my $conninfo = $server->connstr('postgres');
my $scratch = PostgreSQL::Test::Utils::tempdir('scratch');
my %most    = (program => 30, library => 10, thread => 6);

create_slot($server, 'held');
write_wal($server, 1);
finishes('archived', $server, $archive, options => [ '--once', '-S', 'held' ]);

my @check = ('check', '-d', $conninfo, '-D', $archive->dir, '-S', 'held');
command_survives('check', [@check],
	connects => 1, tells => 1, most => { %most, program => 60 });
command_survives('check, JSON', [ @check, '--json' ],
	connects => 1, tells => 1, most => \%most);
command_survives('status', [ 'status', '-d', $conninfo, '--explain' ],
	connects => 1, tells => 1, most => \%most);
command_survives('status, JSON', [ 'status', '-d', $conninfo, '--json' ],
	connects => 1, tells => 1, most => \%most);

# What failed does not look like a backup.
sub nothing_whole
{
	my ($status) = @_;
	return $status ne '0' && -e "$scratch/backup/backup_manifest"
	  ? 'there is a manifest' : '';
}

foreach my $format ([ 'plain', '-R' ], [ 'tar', '-Z', 'gzip' ])
{
	command_survives(
		"backup, @$format",
		[
			'backup', '-d', $conninfo, '-D', "$scratch/backup", '-N',
			'-c', 'fast', '-F', @$format
		],
		before => sub { system_or_bail('rm', '-rf', "$scratch/backup") },
		after  => \&nothing_whole,
		connects => 1,
		most   => \%most);
}

done_testing();
