# Calls that fail, and the process that dies, under plain segments: see
# lib/FailingCalls.pm.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use FailingCalls;
use Test::More;

loses_without_sync();
all_calls_fail('plain', []);
all_calls_fail('plain, synchronous', ['--synchronous']);

done_testing();
