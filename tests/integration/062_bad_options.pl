# Command lines that cannot be carried out: status 1 and a message, before any
# server is asked.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

my $dir = new_archive()->dir;
my @to = ('-D', $dir, '-d', "host=$dir port=1", '--no-loop');

sub is_bad
{
	my ($name, $pattern, @arguments) = @_;
	my $process = WalfetchTest::Process->start(
		command => [ walfetch(), 'receive', @arguments ],
		env     => { PGHOST => $dir });

	is($process->wait_for_end(time_limit(10)), 1, "$name: status");
	like($process->stderr, $pattern, "$name: message");
	is($process->stdout, '', "$name: nothing on stdout");
	return;
}

is_bad('no directory', qr/error: no target directory specified/);
is_bad('an unknown option', qr/unrecognized option '--nonsense'|--nonsense/,
	@to, '--nonsense');
is_bad('an operand', qr/error: too many command-line arguments/,
	@to, 'surplus');
is_bad('--create-slot with --drop-slot', qr/error: cannot use --create-slot together with --drop-slot/,
	@to, '-S', 'x', '--create-slot', '--drop-slot');
is_bad('--create-slot without --slot', qr/error: --create-slot needs a slot/,
	@to, '--create-slot');
is_bad('--drop-slot without --slot', qr/error: --drop-slot needs a slot/,
	@to, '--drop-slot');
is_bad('--synchronous with --no-sync', qr/error: cannot use --synchronous together with --no-sync/,
	@to, '--synchronous', '--no-sync');
is_bad(
	'a level for none',
	qr/error: invalid compression specification: compression algorithm "none" does not accept a compression level/,
	@to, '-Z', 'none:1');
is_bad('no such algorithm', qr/error: .*"nonsense"/, @to, '-Z', 'nonsense');
foreach my $level ('gzip:0', 'gzip:10', 'lz4:13', 'zstd:23', 'gzip:x',
	'gzip:', 'zstd:level=', '10')
{
	is_bad("-Z $level", qr/error: .*compression/, @to, '-Z', $level);
}
is_bad('an end that is no LSN', qr/error: .*"0-1"/, @to, '--endpos', '0-1');
is_bad('a negative status interval', qr/error: .*--status-interval/,
	@to, '-s', '-1');
is_bad('a status interval that is no number', qr/error: .*--status-interval/,
	@to, '-s', 'soon');
foreach my $option (
	'--memory=none', '--memory=1kB', '--jobs=0', '--jobs=x',
	'--min-free=x', '--connect-timeout=-1', '--receive-timeout=x',
	'--max-retries=-1', '--progress=perhaps')
{
	my ($name) = $option =~ /^(--[a-z-]+)/;
	is_bad($option, qr/error: .*$name/, @to, $option);
}
is(join(' ', slurp_dir($dir)) =~ s/\.\.? ?//gr,
	'', 'nothing was written by any of them');

foreach my $option ('--help', '-?', '--version')
{
	my $process = WalfetchTest::Process->start(
		command => [ walfetch(), 'receive', $option ]);
	is($process->wait_for_end(time_limit(10)), 0, "$option: status");
	isnt($process->stdout, '', "$option: on stdout");
	is($process->stderr, '', "$option: nothing on stderr");
	is(join('', grep { length > 95 } split /\n/, $process->stdout),
		'', "$option: short lines");
}

done_testing();
