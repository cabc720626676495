# The disk stands still for $WALFETCH_STALL_SECONDS (25), which is longer than
# wal_sender_timeout and --receive-timeout: the connection stays up, memory
# stays bounded, nothing is acknowledged meanwhile, and everything arrives
# afterwards. P6, P7, P8.

use strict;
use warnings FATAL => 'all';

use Config;
use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use WalfetchTest;

my $seconds = $ENV{WALFETCH_STALL_SECONDS} // 25;
my $bound   = (128 + 16) * 1024 * 1024;
my $dir     = PostgreSQL::Test::Utils::tempdir('stall');
my $library = "$dir/stall.so";

system_or_bail($ENV{CC} // 'cc', '-shared', '-fPIC', '-o', $library,
	"$FindBin::RealBin/stall.c", '-ldl');

my $server = new_server(
	'leader',
	segment_size => 16,
	conf         => "wal_sender_timeout = 10s\n");
my %runs = (
	plain => [ '-s', 1 ],
	gzip  => [ '-s', 1, '-Z', 'gzip' ],
	sync  => [ '--synchronous', '--receive-timeout=15' ],
	zstd  => [ '--synchronous', '-Z', 'zstd' ]);
my @names = sort keys %runs;
my $begin = create_slot($server, @names);
my (%archives, %receivers, %flags);

sub start
{
	my ($name) = @_;
	my $asan = $ENV{ASAN_OPTIONS} // '';

	$archives{$name} //= new_archive(segment_size => 16);
	$flags{$name} = "$dir/$name";
	$receivers{$name} = start_receiver(
		$server, $archives{$name},
		app     => $name,
		options => [ '-S', $name, @{ $runs{$name} } ],
		env     => {
			LD_PRELOAD   => $library,
			ASAN_OPTIONS => "$asan:verify_asan_link_order=0",
			STALL_FLAG   => $flags{$name},
			STALL_FOLDER => $archives{$name}->dir,
		});
	return;
}

# Stop the disks, and make every receiver want to write.
sub stall
{
	append_to_file($_, '') foreach values %flags;
	my $lsn = flush_lsn($server);

	# What was flushed before the flag was seen may still be reported.
	write_wal($server, 1);
	foreach my $name (@names)
	{
		ok( wait_until(
				"$name to wait for its disk",
				sub { -e "$flags{$name}.waiting" }),
			"$name: its disk stands still");
	}
	return $lsn;
}

sub unstall
{
	unlink $_, "$_.waiting" foreach values %flags;
	return;
}

sub stat_replication
{
	my ($name, $columns) = @_;
	return $server->safe_psql('postgres',
		"SELECT $columns FROM pg_stat_replication WHERE application_name = '$name'"
	);
}

start($_) foreach @names;
my $upto = write_wal($server, 20);
foreach my $name (@names)
{
	ok(wait_flushed($server, $receivers{$name}, $upto, $name),
		"$name: streams");
}
my %walsenders = map { $_ => stat_replication($_, 'pid') } @names;

# More WAL than may be held in memory, while the disks stand still.
my $stalled_at = time();
my $limit      = stall();
$upto = write_wal($server, 250);
my %flushed = map { $_ => stat_replication($_, 'flush_lsn') } @names;
foreach my $name (@names)
{
	cmp_ok(
		lsn_number($flushed{$name}),
		'<=',
		lsn_number($limit),
		"$name: nothing is flushed that came after the disk stood still");
}

# It goes on answering all the time: otherwise the server would end it.
my $gone = '';
wait_until(
	"$seconds s of stalled disks",
	sub {
		foreach my $name (@names)
		{
			$gone .= "$name " if stat_replication($name, 'pid') eq '';
		}
		return time() > $stalled_at + $seconds || $gone ne '';
	},
	$seconds + 30);
is($gone, '', 'the connections stay up all the time');
foreach my $name (@names)
{
	ok($receivers{$name}->running, "$name: runs after $seconds s");
	is(stat_replication($name, 'pid'), $walsenders{$name},
		"$name: the connection is the same");
	is(stat_replication($name, 'flush_lsn'), $flushed{$name},
		"$name: the flush position has not moved");
}

unstall();
foreach my $name (@names)
{
	ok(wait_flushed($server, $receivers{$name}, $upto, $name),
		"$name: everything arrives afterwards");
	is(stat_replication($name, 'pid'), $walsenders{$name},
		"$name: over the same connection");
  SKIP:
	{
		skip 'sanitizers take memory of their own', 1 if sanitized();
		my $peak = $receivers{$name}->peak_memory;
		cmp_ok($peak, '<', $bound, "$name: memory is bounded");
		note("$name: peak memory " . int($peak / 1024 / 1024) . ' MiB');
	}
}

# A signal while the disk stands still: done as soon as the disk is back.
stall();
foreach my $name (@names)
{
	$receivers{$name}->signal('TERM');
}
ok( $server->poll_query_until(
		'postgres', 'SELECT count(*) >= 0 FROM pg_stat_replication'),
	'the server answers');
unstall();
foreach my $name (@names)
{
	is($receivers{$name}->wait_for_end(time_limit(10)),
		0, "$name: SIGTERM is obeyed once the disk is back");
	is(scalar($archives{$name}->partials), 1, "$name: one open segment");
}
foreach my $name (@names)
{
	$archives{$name}->is_faithful(
		"$name: identical",
		servers => [$server],
		from    => $begin,
		upto    => $upto);
}

# A second signal: gone at once, disk or not, and without harm.
start($_) foreach @names;
$upto = write_wal($server, 2);
foreach my $name (@names)
{
	ok(wait_flushed($server, $receivers{$name}, $upto, $name),
		"$name: streams again");
}
stall();
foreach my $name (@names)
{
	$receivers{$name}->signal('INT');
	$receivers{$name}->signal('TERM');
	isnt($receivers{$name}->wait_for_end(time_limit(2.5)),
		'still running', "$name: two signals end it with the disk stalled");
}
unstall();
$upto = flush_lsn($server);
foreach my $name (@names)
{
	finishes("$name: goes on", $server, $archives{$name},
		options => [ '-S', $name, @{ $runs{$name} }, '--once' ]);
	$archives{$name}->is_faithful(
		"$name: no harm was done",
		servers => [$server],
		from    => $begin,
		upto    => $upto);
}

done_testing();
