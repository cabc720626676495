# What reads an archive is refused memory and threads: see lib/NoMemory.pm.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use Leader;
use NoMemory;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::Backup qw(take_backup);

plan skip_all => 'sanitizers and valgrind give out memory themselves'
  if sanitized();

my $server  = new_server('leader');
my $archive = new_archive();
my $base    = PostgreSQL::Test::Utils::tempdir('base');
my $scratch = PostgreSQL::Test::Utils::tempdir('scratch') . '/place';
my %of;
my %most = (program => 40, library => 20);

# Two timelines, each codec, and a base backup in two forms.
create_slot($server, 'held');
foreach my $codec (qw(none gzip lz4 zstd))
{
	my %before = map { $_ => 1 } $archive->complete;
	write_wal($server, 1.5);
	finishes("archived, $codec", $server, $archive,
		options => [ '--once', '-S', 'held', '-Z', $codec ]);
	($of{$codec}) = grep { !$before{$_} } $archive->complete;
}
take_backup($server, "$base/plain");
take_backup($server, "$base/tar", '-F', 'tar', '-z');
write_wal($server, 2);
$server->stop;
$server->append_conf('postgresql.conf', "restore_command = 'false'\n");
append_to_file($server->data_dir . '/recovery.signal', '');
$server->start;
$server->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
write_wal($server, 1.5);
finishes('archived, timeline 2', $server, $archive,
	options => [ '--once', '-S', 'held', '-Z', 'gzip' ]);
$server->stop;
my $fingerprint = $archive->fingerprint;
my ($open) = grep { /^00000002/ } $archive->partials;

sub renew
{
	system_or_bail('rm', '-rf', $scratch);
	mkdir $scratch, 0700 or die "could not make \"$scratch\": $!";
	return;
}

# What is there is the file, and there is none if it was not fetched.
sub fetched
{
	my ($status) = @_;
	my @names = grep { $_ !~ /^\.\.?$/ } slurp_dir($scratch);
	return $status eq '0' && "@names" eq 'target'
	  || $status ne '0' && @names == 0
	  || $status eq '127' ? '' : "status $status, left: @names";
}

my $dir = $archive->dir;
command_survives('list', [ 'list', '-D', $dir, '--segments' ], most => \%most);
command_survives('list, JSON', [ 'list', '-D', $dir, '--segments', '--json' ],
	most => \%most);
command_survives('verify', [ 'verify', '-D', $dir ], most => \%most);
command_survives(
	'verify, JSON',
	[ 'verify', '-D', $dir, '--json', '--since-backup', "$base/plain" ],
	most => \%most);
command_survives('status', [ 'status', '-D', $dir, '--explain' ],
	most => \%most);
command_survives('status, JSON', [ 'status', '-D', $dir, '--json' ],
	most => \%most);
command_survives(
	'prune, JSON',
	[
		'prune', '-D', $dir, '--dry-run', '--json', '--keep-backup',
		"$base/plain", "$base/tar"
	],
	most => \%most);
is($archive->fingerprint, $fingerprint, 'the archive is as it was');

command_survives(
	'prune',
	[ 'prune', '-D', $scratch, '--keep-backup', "$base/tar" ],
	before => sub {
		system_or_bail('rm', '-rf', $scratch);
		system_or_bail('cp', '-a', $dir, $scratch);
	},
	after => sub {
		my ($status) = @_;
		my $left = WalfetchTest::Archive->new(dir => $scratch);
		my %kept = map { $_ => 1 } $left->names;
		my $gone = 0;

		# From the oldest on, and nothing that the backup needs.
		foreach my $name ($left->timeline(1))
		{
			$gone = 0 if $kept{$name};
		}
		return $kept{"$of{zstd}"} || !$kept{"$of{none}"} || $status ne '0'
		  ? '' : "$of{none} is still there";
	},
	most => \%most);

my %fetch = (
	%of,
	missing => '000000020000000000000FFF',
	history => '00000002.history',
	partial => substr($open, 0, 24));
foreach my $kind (sort keys %fetch)
{
	command_survives(
		"restore, $kind",
		[
			'restore', '-D', $dir, '--partial',
			substr($fetch{$kind}, 0, $kind eq 'history' ? 16 : 24),
			"$scratch/target"
		],
		status => 126,
		before => \&renew,
		after  => \&fetched,
		most   => \%most);
}
done_testing();
