# Running `walfetch check`, and what it found.

package WalfetchTest::Check;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use IPC::Run;
use JSON::PP;
use Test::More;

our @EXPORT_OK = qw(check finds);

# A hash: status, stdout, stderr, and the findings by name, each with level,
# value, meaning and mend. env: as for Process; wrapper: a command before it.
sub check
{
	my ($walfetch, $options, %params) = @_;
	my ($out, $err) = ('', '');
	local %ENV = (%ENV, %{ $params{env} // {} });
	my @command =
	  (@{ $params{wrapper} // [] }, $walfetch, 'check', '--json', @$options);

	print "# Running: @command\n";
	IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err);
	my $status = $? >> 8;
	print "# $out# $err\n";
	my $told = eval { decode_json($out) };
	return {
		status   => $status,
		told     => $told ? $told->{status} : undef,
		stdout   => $out,
		stderr   => $err,
		findings =>
		  { map { $_->{name} => $_ } @{ $told ? $told->{findings} : [] } },
	};
}

# One test: a finding's level, and that its words match the patterns. The
# status of an error is the program's.
sub finds
{
	my ($test_name, $checked, $name, $level, $words, $mend) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $finding = $checked->{findings}{$name};

	if (!$finding)
	{
		fail("$test_name: there is a finding \"$name\"");
		diag($checked->{stdout} . $checked->{stderr});
		return;
	}
	is($finding->{level}, $level, "$test_name: level of $name")
	  || diag(explain($finding));
	like(join('; ', map { $_ // '' } @$finding{qw(value meaning)}),
		$words, "$test_name: $name")
	  if defined $words;
	like($finding->{mend} // '', $mend, "$test_name: how to mend $name")
	  if defined $mend;
	isnt($finding->{mend}, undef, "$test_name: there is a mend for $name")
	  if $level eq 'error' && !defined $mend;
	return;
}

1;
