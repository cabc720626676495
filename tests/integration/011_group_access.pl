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

done_testing();
