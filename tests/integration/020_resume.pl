# Stopped at random moments under load and started again, from every codec to
# every other: in the end nothing is missing and nothing differs. D02, D23.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use POSIX qw(SIGINT SIGTERM);
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my %suffixes = (none => '', gzip => '.gz', lz4 => '.lz4', zstd => '.zst');

# Each ordered pair of neighbours is there once.
my @circuit = qw(none none gzip none lz4 none zstd gzip gzip lz4 gzip
  zstd lz4 lz4 zstd zstd none);

seed_random();
my $server  = new_server('leader');
my $archive = new_archive();
my $begin   = create_slot($server, 'resume');
my $load    = start_load($server, options => [ '-R', 800 ], width => 30);

sub receiver
{
	my ($codec, @more) = @_;
	return start_receiver($server, $archive,
		options => [ '-S', 'resume', '-Z', $codec, '-s', 1, @more ]);
}

# One clean stop once WAL has arrived, and what remains.
sub clean_stop
{
	my ($name, $codec, $signal) = @_;
	my $receiver = receiver($codec);

	ok(wait_flushed($server, $receiver, flush_lsn($server)), "$name: streams");
	random_moment(0.3);
	stops_cleanly("$name: $signal", $receiver, $signal);

	my @partials = $archive->partials;
	is(scalar(@partials), 1, "$name: one open segment")
	  || diag(join(' ', @partials));
	is($archive->suffix($partials[0]),
		$suffixes{$codec}, "$name: in the form of the codec");
	cmp_ok(-s $archive->dir . "/$partials[0]", '>', 0, "$name: not empty");
	is(join(' ', grep { /\.tmp$/ } $archive->names),
		'', "$name: no temporary file");
	return;
}

my $previous = 'nothing';
foreach my $index (0 .. $#circuit)
{
	my $codec = $circuit[$index];
	clean_stop("$previous to $codec",
		$codec, $index % 2 ? 'INT' : 'TERM');
	$previous = $codec;
}
$archive->is_faithful('identical after clean stops',
	servers => [$server],
	from    => $begin);

# At any moment at all, starting up included.
foreach my $codec (qw(gzip zstd none lz4))
{
	foreach my $signal (qw(TERM INT))
	{
		my $receiver = receiver($codec, '--synchronous');
		wait_until('signals to be expected',
			sub { $receiver->expects(SIGINT) && $receiver->expects(SIGTERM) });
		random_moment(0.2);
		stops_cleanly("$codec: $signal at a random moment",
			$receiver, $signal);
		cmp_ok(scalar($archive->partials),
			'<=', 1, "$codec: at most one open segment");
	}
}

# Two signals in a row: gone at once, and no harm done.
foreach my $codec (qw(gzip none))
{
	my $receiver = receiver($codec);
	ok(wait_flushed($server, $receiver, flush_lsn($server)),
		"$codec: streams before two signals");
	$receiver->signal('TERM');
	$receiver->signal('TERM');
	isnt($receiver->wait_for_end(time_limit(2.5)),
		'still running', "$codec: gone after two signals");
}
$archive->is_faithful('identical after many signals',
	servers => [$server],
	from    => $begin);

# SIGKILL: whatever was acknowledged stays.
foreach my $index (0 .. 11)
{
	my $codec = (qw(gzip none zstd lz4))[ $index % 4 ];
	my $receiver = receiver($codec, $index % 3 ? () : '--synchronous');

	wait_flushed($server, $receiver, flush_lsn($server)) if $index % 2;
	random_moment(0.3);
	my ($status) = $receiver->stop('KILL', time_limit(5));
	is($status, 'signal 9', "$codec: killed");
	my $acknowledged = $server->slot('resume')->{restart_lsn};
	$archive->is_faithful(
		"$codec: all that was acknowledged is there",
		servers => [$server],
		from    => $begin,
		upto    => $acknowledged);
}

# A long compressed open segment, then a shorter run: D02.
$load->destroy;
write_wal($server, 0.5);
finishes('catches up', $server, $archive,
	options => [ '-S', 'resume', '-Z', 'gzip', '--once' ]);
foreach my $codec (qw(gzip lz4 lz4 zstd zstd gzip gzip))
{
	$server->safe_psql('postgres', "INSERT INTO acknowledged (b) VALUES ('x')");
	my $upto = flush_lsn($server);
	finishes("D02: a short run with $codec",
		$server, $archive,
		options => [ '-S', 'resume', '-Z', $codec, '--once' ]);
	$archive->is_faithful(
		"D02: identical after a short run with $codec",
		servers => [$server],
		from    => $begin,
		upto    => $upto);
}

done_testing();
