# D18: a history file cannot be written.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Known;
use PostgreSQL::Test::Utils;
use Test::More;

known('D18');
my $mb      = 1024 * 1024;
my $library = preloaded('fail_history');
my $leader  = new_server('leader');
my $standby = new_standby('standby', $leader);
my $begin   = create_slot($standby, 'slot');
my $archive = new_archive();
my $upto    = write_wal($leader, 1.4);

$leader->wait_for_catchup($standby, 'replay', $upto);
receive_upto('timeline 1', $standby, $archive, $upto,
	options => [ '-S', 'slot' ]);
$standby->promote;
my $switch = history_switch($standby, 2);
$upto = write_wal($standby, 2.4);

my $flag = PostgreSQL::Test::Utils::tempdir() . '/flag';
my $asan = $ENV{ASAN_OPTIONS} // '';
append_to_file($flag, '');
my $receiver = start(
	$standby, $archive,
	options => [ '-S', 'slot', '--synchronous', '--no-loop' ],
	env     => {
		LD_PRELOAD   => $library,
		ASAN_OPTIONS => "$asan:verify_asan_link_order=0",
		FAIL_FLAG    => $flag,
	});
wait_until(
	'an end, or WAL of timeline 2',
	sub {
		return !$receiver->running || grep { /^00000002[^.]/ } $archive->names;
	},
	patience());
my $status = $receiver->wait_for_end(2);
like($status, qr/^[1-9]/, 'ends with a status that is not 0');
like($receiver->stderr, qr/error: .*00000002\.history/, 'names the file');
is(join(' ', $archive->histories), '', 'the file is not there');
my $ignored = join(' ', grep { /^00000002[^.]/ } $archive->names);
is($ignored, '', 'nothing of timeline 2 is there');
$receiver->stop('INT', 10);

# When it can be written, all goes on.
unlink $flag;
receive_upto('later', $standby, $archive, $upto, options => [ '-S', 'slot' ]);
is(join(' ', $archive->histories), '00000002.history', 'later: the file');
$archive->is_faithful(
	'later: timeline 2',
	servers  => [$standby],
	timeline => 2,
	from     => $switch,
	upto     => $upto);
seen(
	$ignored eq ''
	? "an error, status $status; nothing written after it"
	: 'ignored, timeline 2 is archived without it');
known_done();
