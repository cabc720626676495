# Archives that are not ours to write: another cluster's, another process's,
# missing, read-only. Nothing is written or changed. D06, D13.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $server = new_server('leader');
my $other  = new_server('other');
my $large  = new_server('large', segment_size => 16);
create_slot($server, 'one', 'two');

# Two receivers in one directory.
my $archive = new_archive();
my $first   = start_receiver($server, $archive,
	options => [ '-S', 'one', '-s', 1, '--synchronous' ]);
ok(wait_flushed($server, $first, write_wal($server, 1.5)),
	'a first receiver streams');
foreach my $options (['--once'], [ '-S', 'two' ], [ '--once', '--quiet' ])
{
	my ($status, $stderr) =
	  run_receiver($server, $archive, options => $options);
	my $pid = $first->pid;

	is($status, 3, "a second receiver, @$options: status");
	like($stderr, qr/\b$pid\b/, "a second receiver, @$options: names the first")
	  if $options->[-1] ne '--quiet';
}
ok($first->running, 'the first is not disturbed');
ok(wait_flushed($server, $first, write_wal($server, 1.5)),
	'the first goes on');

# The lock goes with the process, however that ends: F08.
$first->stop('KILL');
my $upto = flush_lsn($server);
finishes('F08: starts at once after SIGKILL',
	$server, $archive, options => [ '-S', 'one', '--once' ]);
$archive->is_faithful(
	'nothing of it is missing',
	servers => [$server],
	upto    => $upto);

# Another cluster: open and complete, in each form.
foreach my $codec (qw(none gzip lz4 zstd))
{
	my $mine = new_archive();

	write_wal($server, 0.3);
	finishes("$codec: fills an archive",
		$server, $mine, options => [ '-Z', $codec, '--once' ]);
	foreach my $form ('as left', 'complete segments only')
	{
		if ($form ne 'as left')
		{
			create_slot($server, "slot_$codec");
			write_wal($server, 1.2);
			finishes("$codec: finishes a segment", $server, $mine,
				options =>
				  [ '-Z', $codec, '--once', '-S', "slot_$codec" ]);
			cmp_ok(scalar($mine->complete), '>', 0, "$codec: there is one");
			unlink map { $mine->dir . "/$_" } $mine->partials;
		}
		my $before = $mine->fingerprint;
		foreach my $wrong ($other, $large)
		{
			my $name = "$codec, $form, " . $wrong->name;
			my ($status, $stderr) = run_receiver($wrong, $mine,
				options => [ '-Z', $codec, '--once' ]);

			is($status, 6, "D06: another cluster, $name: status");
			like($stderr, qr/error: .*(system identifier|cluster)/,
				"D06: another cluster, $name: message");
			is($mine->fingerprint, $before,
				"D06: another cluster, $name: nothing has changed");
			is( $wrong->safe_psql(
					'postgres', 'SELECT count(*) FROM pg_replication_slots'),
				'0',
				"D06: another cluster, $name: no slot is made");
		}
	}
	my ($status) = run_receiver($other, $mine,
		options => [ '-S', 'made', '--auto-slot', '--once' ]);
	is($status, 6, "D06: another cluster, $codec, --auto-slot: status");
	is( $other->safe_psql(
			'postgres', 'SELECT count(*) FROM pg_replication_slots'),
		'0',
		"D06: another cluster, $codec, --auto-slot: no slot is made");
}

# Directories that cannot be used.
my $missing = PostgreSQL::Test::Utils::tempdir('missing') . '/not_there';
my ($status, $stderr) = run_receiver($server,
	new_archive(dir => $missing), options => ['--no-loop']);
is($status, 1, 'no directory: status');
like($stderr, qr/error: could not open directory "\Q$missing\E": No such file/,
	'no directory: message');
ok(!-e $missing, 'no directory: it is not made');

my $file = PostgreSQL::Test::Utils::tempdir('file') . '/file';
append_to_file($file, '');
($status, $stderr) =
  run_receiver($server, new_archive(dir => $file), options => ['--no-loop']);
is($status, 1, 'a file for a directory: status');
like($stderr, qr/error: could not open directory "\Q$file\E": Not a directory/,
	'a file for a directory: message');

my $read_only = new_archive();
chmod 0500, $read_only->dir;
($status, $stderr) = run_receiver($server, $read_only, options => ['--once']);
is($status, 1, 'a read-only directory: status');
like($stderr, qr/error: could not .*: Permission denied/,
	'a read-only directory: message');
chmod 0700, $read_only->dir;
is(join(' ', $read_only->names), '', 'a read-only directory: nothing in it');

done_testing();
