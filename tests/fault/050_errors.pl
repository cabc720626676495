# The server answers with an error: every state of the table, at every step.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../integration/lib";

use Leader;
use PostgreSQL::Test::Utils;
use Test::More;
use WalfetchTest;

# A state, and whether another try may help.
my %states = (
	'08006' => 1, '08P01' => 1, '40001' => 1, '53100' => 1, '53300' => 1,
	'53400' => 1, '55006' => 1, '55P03' => 1, '57014' => 1, '57P01' => 1,
	'57P02' => 1, '57P03' => 1, '57P05' => 1, '58000' => 1, '58030' => 1,
	'F0000' => 1, 'XX000' => 1, 'XX001' => 1,
	'0A000' => 0, '28000' => 0, '28P01' => 0, '3D000' => 0, '42501' => 0,
	'42601' => 0, '42704' => 0, '57P04' => 0, 'ZZZZZ' => 0,
	# Of WAL that is gone, where WAL is asked for.
	'55000' => 'gap', '58P01' => 'gap');
my @states = sort keys %states;
my $second = qq(history 2 "1\\t0/01248000\\tno reason\\n"\ntimeline 2);
my $start  = "until START_REPLICATION\nanswer";

# Every state at one step. asks_for_wal: this is where WAL can be gone.
sub all_states
{
	my ($name, $before, %params) = @_;
	my $kind   = $params{kind} // 'error';
	my $except = $params{except} // {};
	my @tried  = grep { !exists $except->{$_} } @states;

	runs(
		"$name, $kind",
		scripts => [ map { qq($before\n$kind $_ "no such luck $_") } @tried ],
		expected => sub {
			my ($number, $status, $stderr) = @_;
			my $state = $tried[$number];
			my $wanted =
			  $states{$state} eq 'gap' && $params{asks_for_wal} ? 4 : 2;

			return "$state: status $status, not $wanted: $stderr"
			  if $status ne $wanted;
			return "$state: $stderr"
			  unless $stderr =~ /^walfetch: error: .*no such luck $state/;
			return;
		},
		map { $_ => $params{$_} }
		  grep { exists $params{$_} } qw(settings timeline from options));
	return;
}

foreach my $kind (qw(error fatal))
{
	all_states('the startup', '', kind => 'fatal') if $kind eq 'fatal';
	foreach my $query ('IDENTIFY_SYSTEM', 'SHOW wal_segment_size',
		'SHOW data_directory_mode')
	{
		all_states($query, qq(until "$query"), kind => $kind);
	}
	# 0A000 is said of a slot that is not a physical one.
	all_states('the slot', 'until READ_REPLICATION_SLOT',
		kind => $kind, except => { '0A000' => 1 });
	# 58P01 is said of a file that is not there.
	all_states('the history', 'until TIMELINE_HISTORY',
		kind     => $kind,
		except   => { '58P01' => 1 },
		settings => $second,
		timeline => 2,
		from     => '0/01248000');
	all_states('the start', 'until START_REPLICATION',
		kind => $kind, asks_for_wal => 1);
	all_states('the stream', "$start\nwal 0/01123456",
		kind => $kind, asks_for_wal => 1);
	all_states('the end of a timeline',
		"$start\nwal 0/01248000\ndone\nuntil DONE",
		kind         => $kind,
		asks_for_wal => 1,
		settings     => $second,
		timeline     => 2,
		from         => '0/01248000');
}

# A slot that the server cannot make.
foreach my $state (qw(53400 42501 55000))
{
	survives(
		"the slot cannot be made, $state",
		settings => "slot other $begin",
		script   => qq(until CREATE_REPLICATION_SLOT\nerror $state "full"),
		options  => ['--auto-slot'],
		status   => 2,
		message  => qr/error: .*CREATE_REPLICATION_SLOT failed: full/,
		after    => "slot held $begin");
}

# Which of them are tried again.
foreach my $case ([ '57P03', 1 ], [ '57P01', 1 ], [ '53300', 1 ],
	[ '42704', 0 ], [ '28P01', 0 ], [ '58P01', 0 ])
{
	my ($state, $again) = @$case;
	foreach my $step ("until IDENTIFY_SYSTEM", $start)
	{
		next if $state eq '58P01' && $step ne $start;
		my $leader = new_leader("slot held $begin\nwrite-wal $begin $end\n"
			  . qq(connection\n$step\nerror $state "not now"\n)
			  . "connection\nserve\n");
		my $archive = new_archive();
		my ($status, $stderr) = run_receiver($leader, $archive,
			options => [ '-S', 'held', "--endpos=$end", '--max-retries=1' ]);
		my $wanted = $again ? 0 : $state eq '58P01' ? 4 : 2;
		is($status, $wanted, "$state after \"$step\": status") || diag($stderr);
		is($stderr =~ /warning: .*not now.*\n.*trying again/ ? 1 : 0,
			$again, "$state after \"$step\": tried again or not");
		$leader->stop;
	}
}

done_testing();
