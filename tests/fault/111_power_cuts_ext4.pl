# Power cuts with the archive on ext4: see lib/PowerCuts.pm.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use PowerCuts;
use Test::More;

power_cuts();

done_testing();
