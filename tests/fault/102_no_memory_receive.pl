# The receiver is refused memory and threads, in each codec: see
# lib/NoMemory.pm.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use NoMemory;
use Test::More;
use WalfetchTest;

plan skip_all => 'sanitizers and valgrind give out memory themselves'
  if sanitized();

my %most = (program => 12, library => 5);

foreach my $codec (qw(none lz4 gzip gzip:6 zstd))
{
	receive_survives($codec, [ '-Z', $codec ], %most);
}
receive_survives('synchronous', ['--synchronous'], %most);

# It goes on from an open segment in each form.
foreach my $codec (qw(none lz4 gzip zstd))
{
	receive_survives("resumes, $codec", [ '-Z', $codec ], %most, resumes => 1);
}

done_testing();
