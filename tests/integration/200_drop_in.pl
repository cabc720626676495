# Under the name pg_receivewal: what programs that drive pg_receivewal count on.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;
use WalfetchTest::DropIn;

my $mb       = 1024 * 1024;
my $server   = new_server('leader');
my $connstr  = $server->connstr;
my $real     = real_pg_receivewal($server);
my %suffixes = (none => '', gzip => '.gz', lz4 => '.lz4');

# Run to the end: status, stdout, stderr.
sub run_to_end
{
	my ($where, @options) = @_;
	my $process = start_as_pg_receivewal($server, $where,
		ref $options[0] ? %{ shift @options } : (), options => \@options);
	my $status = $process->wait_for_end(time_limit(30));

	$process->destroy;
	return ($status, $process->stdout, $process->stderr);
}

# Run without a server: status, stdout, stderr.
sub run_alone
{
	my ($program, @options) = @_;
	my $process = start_as_pg_receivewal(
		undef, undef,
		program => $program,
		options => \@options);
	my $status = $process->wait_for_end(time_limit(10));

	return ($status, $process->stdout, $process->stderr);
}

# Lines of its messages that do not say whose they are.
sub nameless_lines
{
	my ($process) = @_;
	return join "\n", grep { !/^pg_receivewal: / } split /\n/, $process->stderr;
}

# --help and --version.
foreach my $option (qw(--version -V --help -?))
{
	my ($status, $stdout, $stderr) = run_alone(undef, $option);
	my @long = grep { length > 95 } split /\n/, $stdout;

	is($status, 0, "$option: status");
	is($stderr, '', "$option: nothing on stderr");
	is("@long", '', "$option: no line over 95 characters");
	if ($option =~ /V|version/)
	{
		my ($major) = $stdout =~ /\Apg_receivewal \(PostgreSQL\) (\d+)\.\d+\n\z/;
		cmp_ok($major // 0, '>=', $server->pg_version->major,
			"$option: not older than the server");
	}
	else
	{
		like($stdout, qr/^\s*pg_receivewal \[OPTION\]/m, "$option: the usage");
	}
}

# What cannot be asked for: status 1, the real one's own words.
my $nowhere = PostgreSQL::Test::Utils::tempdir('nowhere');
foreach my $case (
	[ 'no target directory specified', '-d', $connstr ],
	[
		'cannot use --create-slot together with --drop-slot',
		'--create-slot', '--drop-slot', '-S', 'x'
	],
	[
		'--create-slot needs a slot to be specified using --slot',
		'--create-slot'
	],
	[ '--drop-slot needs a slot to be specified using --slot', '--drop-slot' ],
	[
		'cannot use --synchronous together with --no-sync',
		'-D', $nowhere, '--synchronous', '--no-sync'
	],
	[
		'invalid compression specification: compression algorithm "none" '
		  . 'does not accept a compression level',
		'-D', $nowhere, '-Z', 'none:1'
	],
	[ 'could not parse end position "x"', '-D', $nowhere, '--endpos', 'x' ],
	[
		'too many command-line arguments (first is "more")',
		'-D', $nowhere, 'more'
	])
{
	my ($message, @options) = @$case;

	foreach my $program (undef, $real // ())
	{
		my ($status, $stdout, $stderr) = run_alone($program, @options);
		my ($first) = split /\n/, $stderr;
		my $whose = defined $program ? 'the real one, ' : '';

		is($status, 1, "$whose$message: status");
		is($stdout, '', "$whose$message: nothing on stdout");
		is($first, "pg_receivewal: error: $message", "$whose$message");
	}
}
foreach my $option (qw(--nonsense -q))
{
	my ($status, $stdout, $stderr) = run_alone(undef, $option);

	is($status, 1, "$option: status");
	is($stdout, '', "$option: nothing on stdout");
	like($stderr, qr/\Apg_receivewal: error: .*"$option"/,
		"$option: is named");
	like($stderr, qr/pg_receivewal --help/, "$option: where help is");
}

# Slots.
{
	my ($status, $stdout, $stderr) =
	  run_to_end(undef, '--create-slot', '-S', 'made');
	is($status, 0, '--create-slot without -D: status') || diag($stderr);
	is($server->slot('made')->{slot_type}, 'physical', '--create-slot: made');
	is($server->slot('made')->{restart_lsn},
		'', '--create-slot: reserves no WAL');
	($status, $stdout, $stderr) =
	  run_to_end(undef, '--create-slot', '-S', 'made');
	is($status, 1, '--create-slot again: status');
	like(
		$stderr,
		qr/^pg_receivewal: error: .*replication slot "made" already exists$/m,
		'--create-slot again: message');
	($status) =
	  run_to_end(undef, '--create-slot', '--if-not-exists', '-S', 'made');
	is($status, 0, '--if-not-exists: status');
	($status, $stdout, $stderr) =
	  run_to_end(undef, '--drop-slot', '-S', 'made');
	is($status, 0, '--drop-slot without -D: status') || diag($stderr);
	is($server->slot('made')->{slot_type}, '', '--drop-slot: dropped');

	my $archive = new_archive();
	foreach my $program (undef, $real // ())
	{
		my $whose = defined $program ? 'the real one, ' : '';

		($status, $stdout, $stderr) = run_to_end($archive,
			{ program => $program }, '-n', '-S', 'nowhere');
		is($status, 1, "${whose}no such slot: status");
		like(
			$stderr,
			qr/^pg_receivewal: error: replication slot "nowhere" does not exist$/m,
			"${whose}no such slot: message");
	}
}

# Statuses that walfetch tells apart are all 1 here.
{
	my $archive = new_archive();
	my $first = start_as_pg_receivewal($server, $archive,
		options => [ '-s', 1, '--synchronous', '--no-loop' ]);
	ok(wait_flushed($server, $first, write_wal($server, 0.5)),
		'a first one has the archive');
	my ($status, $stdout, $stderr) = run_to_end($archive, '--no-loop');
	is($status, 1, 'archive in use: status');
	like($stderr, qr/^pg_receivewal: error: /m, 'archive in use: message');
	stops_cleanly('SIGINT: status 0', $first, 'INT');
	is($first->stdout, '', 'nothing on stdout');
	is(nameless_lines($first), '', 'every line begins with the name');

	my $process = start_as_pg_receivewal(
		undef, $archive,
		options => [
			'-d', 'port=1 host=' . PostgreSQL::Test::Utils::tempdir_short(),
			'--no-loop'
		]);
	is($process->wait_for_end(time_limit(10)), 1, 'unreachable: status');

	my $other = new_server('other');
	($process) = start_as_pg_receivewal($other, $archive,
		options => ['--no-loop']);
	is($process->wait_for_end(time_limit(10)), 1, 'another cluster: status');
	like($process->stderr, qr/^pg_receivewal: error: .*another cluster/m,
		'another cluster: message');
	$other->stop;
}

# Driven as Barman does it. A clean stop leaves exactly one open segment in the
# codec's form, and the next run continues it with any other.
my $restart = create_slot($server, 'barman');
my $archive = new_archive();
my $upto    = write_wal($server, 1.3);
foreach my $codec (qw(none gzip none lz4 gzip lz4 none))
{
	my $receiver = start_as_pg_receivewal(
		$server, $archive,
		options => [
			'--verbose', '--no-loop', '--no-password', '--slot=barman',
			'--synchronous', "--compress=$codec"
		]);
	$upto = write_wal($server, 1.2);
	ok(wait_flushed($server, $receiver, $upto), "$codec: receives");
	stops_cleanly("$codec: SIGINT", $receiver, 'INT');
	is(join(' ', $archive->partials),
		segment_name(1, int(lsn_number($upto) / $mb), $mb)
		  . "$suffixes{$codec}.partial",
		"$codec: one open segment, in its form");
	is($archive->wrong_modes(0600), '', "$codec: modes");
	is(nameless_lines($receiver), '',
		"$codec: every line begins with the name");
}
is(($archive->complete)[0],
	segment_name(1, int(lsn_number($restart) / $mb), $mb),
	'an empty directory begins with the segment of the slot');
$archive->is_faithful(
	'identical over all codecs',
	servers => [$server],
	from    => $restart,
	upto    => $upto);
is(join(' ', $archive->others), '', 'no file that Barman does not know');

done_testing();
