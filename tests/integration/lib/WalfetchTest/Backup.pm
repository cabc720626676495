# Base backups without WAL of their own, and recoveries from one and an archive.

package WalfetchTest::Backup;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT_OK = qw(backup_start recovers_from restore_command take_backup);

my $recoveries = 0;

# Take one of a server into a new directory, with more options of
# pg_basebackup.
sub take_backup
{
	my ($server, $path, @options) = @_;
	system_or_bail('pg_basebackup', '-d', $server->connstr('postgres'), '-D',
		$path, '-X', 'none', '-c', 'fast', '--no-sync', @options);
	return;
}

# The text of its label, wherever that is.
sub backup_label
{
	my ($path) = @_;
	my ($tar) = glob("$path/base.tar*");

	return slurp_file("$path/backup_label") unless defined $tar;
	my $program =
	    $tar =~ /gz$/  ? 'gzip -dc'
	  : $tar =~ /lz4$/ ? 'lz4 -dc'
	  : $tar =~ /zst$/ ? 'zstd -dcq'
	  :                  'cat';
	my ($label) =
	  run_command([ 'sh', '-c', "$program <'$tar' | tar -xOf - backup_label" ]);
	return $label;
}

# The segment that its recovery begins in, as the label names it.
sub backup_start
{
	my ($path) = @_;
	my ($segment) = backup_label($path) =~ /\(file ([0-9A-F]{24})\)/
	  or die "no label in \"$path\"";
	return $segment;
}

# A restore_command made of the standard tools; the newest open segment counts
# as a segment.
sub restore_command
{
	my ($archive) = @_;
	my $script = PostgreSQL::Test::Utils::tempdir('restore') . '/script';
	my $size = $archive->segment_size;

	append_to_file($script, <<'EOT');
#!/bin/sh
# script ARCHIVE SIZE FILE PATH
for name in "$1/$3" "$1/$3.gz" "$1/$3.partial" "$1/$3.gz.partial"
do
	[ -e "$name" ] || continue
	case $name in
	*.gz | *.gz.partial) program='gzip -dc' ;;
	*) program=cat ;;
	esac
	$program <"$name" >"$4" || exit 200
	case $3 in
	*.history) ;;
	*) truncate -s "$2" "$4" || exit 201 ;;
	esac
	exit 0
done
exit 1
EOT
	chmod 0755, $script;
	return "restore_command = '$script \"@{[ $archive->dir ]}\" $size "
	  . "\"%f\" \"%p\"'\n";
}

# Two tests: a new server recovers from the backup at a path and the archive
# alone, to the end of the newest timeline, and a query has this result.
sub recovers_from
{
	my ($server, $archive, $path, $query, $expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $name   = 'recovered_' . ++$recoveries;
	my $folder = $server->backup_dir . "/$name";
	my ($tar)  = glob("$path/base.tar*");

	if (defined $tar)
	{
		mkdir $server->backup_dir unless -d $server->backup_dir;
		mkdir $folder or die "could not make \"$folder\": $!";
		system_or_bail('tar', '-xf', $tar, '-C', $folder);
	}
	else
	{
		mkdir $server->backup_dir unless -d $server->backup_dir;
		system_or_bail('cp', '-R', $path, $folder);
	}
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init_from_backup($server, $name);
	$node->append_conf($node->_recovery_file,
		restore_command($archive) . "recovery_target_timeline = 'latest'\n");
	$node->set_recovery_mode;
	$node->start;
	ok( $node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()'),
		"$path: recovers");
	my $same = is($node->safe_psql('postgres', $query),
		$expected, "$path: everything is there");
	$node->stop('immediate');
	$node->clean_node;
	return $same;
}

1;
