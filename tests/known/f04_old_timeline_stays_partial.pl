# F04: the old timeline's last segment is not complete.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('F04');
my $mb      = 1024 * 1024;
my $leader  = new_server('leader');
my $standby = new_standby('standby', $leader);
my @codecs  = pg_receivewal() ? qw(none gzip lz4) : qw(none gzip lz4 zstd);
my $begin   = create_slot($standby, @codecs);
my (%archives, %receivers);

my $upto = write_wal($leader, 2.4);
$leader->wait_for_catchup($standby, 'replay', $upto);
foreach my $codec (@codecs)
{
	$archives{$codec}  = new_archive();
	$receivers{$codec} = start(
		$standby, $archives{$codec},
		app     => $codec,
		options => [ '-S', $codec, '-Z', $codec, '--synchronous' ]);
	reaches("$codec: timeline 1", $standby, $receivers{$codec}, $upto, $codec);
}
$standby->promote;
my $switch = history_switch($standby, 2);
my $last   = segment_name(1, int(lsn_number($switch) / $mb), $mb);
$upto = write_wal($standby, 1.4);
my @wrong;
foreach my $codec (@codecs)
{
	my $archive = $archives{$codec};

	reaches("$codec: timeline 2", $standby, $receivers{$codec}, $upto, $codec);
	stops_cleanly("$codec: stops", $receivers{$codec}, 'INT');
	my @names = grep { /^$last/ } $archive->names;
	is(scalar(@names), 1, "$codec: the last segment of timeline 1");
	like($names[0] // '', qr/\.partial$/, "$codec: stays open");
	push @wrong, $codec if ($names[0] // '') !~ /\.partial$/;
	is(join(' ', $archive->histories),
		'00000002.history', "$codec: the history file");
	$archive->is_faithful(
		"$codec: and has all up to the switch",
		servers => [ $standby, $leader ],
		from    => $begin,
		upto    => $switch);
}
my ($other) = map { $_->others } values %archives;
seen( (@wrong ? "has a final name: @wrong" : 'stays .partial')
	. (defined $other ? ", but a history file is called $other" : ''));
known_done();
