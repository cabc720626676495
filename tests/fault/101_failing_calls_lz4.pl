# Calls that fail, and the process that dies, under compressed segments: see
# lib/FailingCalls.pm.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use FailingCalls;
use Test::More;

all_calls_fail('lz4', [ '-Z', 'lz4' ]);
all_calls_fail('lz4, synchronous', [ '-Z', 'lz4', '--synchronous' ]);

done_testing();
