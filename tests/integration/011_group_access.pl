# A server that lets its group read: so does the archive.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $server = new_server('group', extra => ['-g']);
create_slot($server, 'none', 'lz4');

foreach my $codec ('none', 'lz4')
{
	foreach my $umask (0000, 0077)
	{
		my $archive = new_archive();
		my $upto    = write_wal($server, 3);

		finishes("$codec: receives",
			$server, $archive,
			umask   => $umask,
			options => [ '-S', $codec, '-Z', $codec, '--once' ]);
		$archive->is_faithful(
			"$codec: identical",
			servers => [$server],
			upto    => $upto);
		cmp_ok(scalar($archive->complete), '>', 0, "$codec: segments");
		is($archive->wrong_modes(0640),
			'', sprintf('%s: mode 0640 with umask %03o', $codec, $umask));
		cmp_ok(scalar(grep { /^\./ } $archive->names),
			'>', 0, "$codec: dot files are among them");
	}
}

# One that has an archive the group may read, and no server yet, lets it read
# what it tells of itself.
my $archive = new_archive();
finishes('receives', $server, $archive, options => ['--once']);
my $early = start_receiver(
	undef, $archive,
	conninfo => 'host=' . PostgreSQL::Test::Utils::tempdir_short());
ok( wait_until('the status to be told',
		sub {
			my $told = slurp_file($archive->dir . '/.walfetch.status');
			return $told =~ /^pid @{[ $early->pid ]}$/m && $told =~ /^state (connecting|retrying)$/m;
		}),
	'without a server: tells its status');
is($archive->wrong_modes(0640), '', 'without a server: mode 0640');
stops_cleanly('without a server: stops', $early, 'TERM');

done_testing();
