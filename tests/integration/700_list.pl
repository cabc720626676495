# List: what it says of a real archive, as text, as JSON, at a terminal.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $mb      = 1024 * 1024;
my $server  = new_server('leader');
my $standby = new_standby('standby', $server);
my $archive = new_archive();

sub list
{
	my (@options) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ walfetch(), 'list', '-D', $archive->dir, @options ],
		'>', \$out, '2>', \$err);
	is($? >> 8, 0, "list @options: status") || diag($err);
	is($err, '', "list @options: no message");
	return $out;
}

sub list_json
{
	return decode_json(list('--json', @_));
}

# What a terminal of 80 columns shows.
sub list_at_terminal
{
	my ($locale) = @_;
	local $ENV{LC_ALL} = $locale;
	local $ENV{WALFETCH_DIR} = $archive->dir;
	my ($out) = run_command(
		[ 'script', '-qec', walfetch() . ' list -D "$WALFETCH_DIR"', '/dev/null' ]);
	return $out;
}

# Nothing there.
like(list(), qr/holds no WAL/, 'an empty archive');
is(list_json()->{system_identifier}, undef, 'an empty archive: no cluster');
is_deeply(list_json()->{timelines}, [], 'an empty archive: no timeline');

# One timeline, which ends in an open segment.
create_slot($server, 'slot');
my $upto = write_wal($server, 5.3);
finishes('receives', $server, $archive,
	options => [ '--once', '-S', 'slot', '-Z', 'gzip' ]);
my $json = list_json();
my ($timeline) = @{ $json->{timelines} };
my @complete = $archive->complete;
is($json->{system_identifier},
	$server->safe_psql('postgres',
		'SELECT system_identifier FROM pg_control_system()'),
	'the cluster');
is($json->{segment_size}, $mb, 'the segment size');
is($timeline->{timeline}, 1, 'timeline 1');
is($timeline->{parent}, undef, 'timeline 1: no parent');
is($timeline->{complete}, scalar(@complete), 'how many are complete');
is("$timeline->{first}.gz", $complete[0], 'the first');
is("$timeline->{last}.gz", $complete[-1], 'the last');
is($timeline->{plain_bytes}, @complete * $mb, 'bytes of WAL');
my $stored = 0;
$stored += -s ($archive->dir . "/$_") foreach @complete;
is($timeline->{stored_bytes}, $stored, 'bytes stored');
cmp_ok(abs($timeline->{ratio} - @complete * $mb / $stored), '<', 0.001,
	'their ratio');
is($timeline->{open}{name}, ($archive->partials)[0], 'the open segment');
is(lsn_number($timeline->{open}{valid_lsn}), lsn_number($upto),
	'it is valid up to the last record');
is_deeply($timeline->{gaps}, [], 'no gap');
is($timeline->{files}, undef, 'no files unless asked for');
is( join(' ', map { $_->{name} } @{ list_json('--segments')->{timelines}[0]{files} }),
	join(' ', @complete, $archive->partials),
	'--segments: all of them');
is(scalar(grep { /^  0000/ } split /\n/, list('--segments')),
	@complete + 1, '--segments: a line each');
unlike(list(), qr/Coverage:/, 'no bar without a terminal');

# Two timelines.
$server->wait_for_catchup($standby, 'replay', flush_lsn($server));
$server->stop;
$standby->promote;
write_wal($standby, 4.4);
finishes('follows', $standby, $archive, options => [ '--once', '-Z', 'gzip' ]);
my ($switch) = slurp_file($archive->dir . '/00000002.history') =~
  m{^1\t([0-9A-F]+/[0-9A-F]+)\t}m;
$json = list_json();
is(scalar(@{ $json->{timelines} }), 2, 'two timelines');
is($json->{timelines}[1]{parent}, 1, 'timeline 2: its parent');
is(lsn_number($json->{timelines}[1]{switch_lsn}), lsn_number($switch),
	'timeline 2: where it began');
is(scalar(map { @{ $_->{gaps} } } @{ $json->{timelines} }), 0,
	'two timelines: no gap');
like(list(), qr/^Timeline 2, which left timeline 1 at /m, 'timeline 2 as text');

# Gaps: one that is not accepted, one that is.
@complete = grep { /^00000001/ } $archive->complete;
my @lost = map { segment_number($_, $mb) } @complete[ 1, 3 ];
unlink map { $archive->dir . "/$_" } @complete[ 1, 3 ];
append_to_file($archive->dir . '/.walfetch.gaps',
	sprintf("1 %s %s\n", lsn_text($lost[1] * $mb), lsn_text(($lost[1] + 1) * $mb)));
$json = list_json();
is_deeply(
	[
		map {
			[
				lsn_number($_->{begin_lsn}), lsn_number($_->{end_lsn}),
				$_->{segments}, $_->{accepted} ? 1 : 0
			]
		} @{ $json->{timelines}[0]{gaps} }
	],
	[
		[ $lost[0] * $mb, ($lost[0] + 1) * $mb, 1, 0 ],
		[ $lost[1] * $mb, ($lost[1] + 1) * $mb, 1, 1 ]
	],
	'two gaps, one of them accepted');
my $text = list();
is(scalar(() = $text =~ /Gap:/g), 2, 'gaps as text');
is(scalar(() = $text =~ /, accepted$/mg), 1, 'gaps as text: one is accepted');
SKIP:
{
	skip 'no script(1)', 2 if system('command -v script >/dev/null') != 0;
	like(list_at_terminal('C'), qr/Coverage: #\.#:#+\+\r?$/m, 'a bar in ASCII');
	like(list_at_terminal('C.UTF-8'),
		qr/Coverage: \xe2\x96\x88\xe2\x96\x91\xe2\x96\x88\xe2\x96\x92/,
		'a bar in UTF-8');
}

# A history that is not there, or is none.
rename $archive->dir . '/00000002.history', $archive->dir . '/moved'
  or die "could not rename: $!";
is(list_json()->{timelines}[1]{history}, 'missing', 'a missing history');
like(list(), qr/History: +missing/, 'a missing history as text');
append_to_file($archive->dir . '/00000002.history', "garbage\n");
is(list_json()->{timelines}[1]{history}, 'damaged', 'a damaged history');
like(list(), qr/History: +not usable: /, 'a damaged history as text');

done_testing();
