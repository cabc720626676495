# Several hosts and target_session_attrs: promotions are followed from host to
# host, and no byte is lost or fetched again.
#
# $WALFETCH_PG_13 names the programs of a PostgreSQL 13, if there is one.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $mb = 1024 * 1024;

# The three servers that are the leader one after the other. Their ports must be
# known before the first stands.
my %servers = (a => new_server('a', conf => "log_replication_commands = on\n"));
$servers{b} = new_standby('b', $servers{a});
$servers{c} = PostgreSQL::Test::Cluster->new('c');

sub multi_host
{
	my ($names, $attributes) = @_;
	my @hosts = map { $servers{$_} } @$names;

	return
	    'host=' . join(',', map { $_->host } @hosts)
	  . ' port=' . join(',', map { $_->port } @hosts)
	  . " target_session_attrs=$attributes application_name=walfetch_test";
}

# Where and on which timelines a server was asked to stream.
sub starts
{
	my ($name) = @_;
	return slurp_file($servers{$name}->logfile) =~
	  m{walfetch_test.* START_REPLICATION ([0-9A-F]+/[0-9A-F]+ TIMELINE \d+)}g
	  ? slurp_file($servers{$name}->logfile) =~
	  m{ START_REPLICATION ([0-9A-F]+/[0-9A-F]+ TIMELINE \d+)}g
	  : ();
}

sub switch_point
{
	my ($name, $timeline) = @_;
	my $before = $timeline - 1;
	my $file = sprintf('%s/pg_wal/%08X.history', $servers{$name}->data_dir,
		$timeline);
	my ($switch) = slurp_file($file) =~ m{^$before\t([0-9A-F]+/[0-9A-F]+)\t}m;
	return $switch;
}
