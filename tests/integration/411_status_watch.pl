# walfetch status --watch at a terminal: drawn over and over, with bars in the
# characters that the locale has, and as it was before at the end.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Utils;
use POSIX ();
use Test::More;
use Time::HiRes qw(time);
use WalfetchTest;

plan(skip_all => 'no IO::Pty here') unless eval { require IO::Pty; 1 };

my $server = new_server('leader');

# Start it at a terminal: (terminal, process).
sub start_watch
{
	my ($locale) = @_;
	my $pty = IO::Pty->new;
	my $slave = $pty->slave;
	$slave->set_winsize(24, 80);
	my $pid = fork() // die "could not fork: $!";

	if ($pid == 0)
	{
		$pty->make_slave_controlling_terminal;
		close $pty;
		open STDIN,  '<&', $slave;
		open STDOUT, '>&', $slave;
		$ENV{LC_ALL} = $locale;
		no warnings;
		exec walfetch(), 'status', '-d', $server->connstr('postgres'),
		  '--watch=1';
		POSIX::_exit(127);
	}
	close $slave;
	return ($pty, $pid);
}

# What it writes from now on, to its end or until that matches.
sub read_until
{
	my ($pty, $pattern) = @_;
	my ($seen, $deadline) = ('', time() + time_limit(30));

	while (time() < $deadline)
	{
		my $ready = '';
		vec($ready, fileno($pty), 1) = 1;
		next unless select($ready, undef, undef, 0.1);
		last unless sysread($pty, my $bytes, 4096);
		$seen .= $bytes;
		last if defined $pattern && $seen =~ $pattern;
	}
	return $seen;
}

# How it ended, in good time.
sub end_of
{
	my ($pid) = @_;
	wait_until('the end', sub { waitpid($pid, POSIX::WNOHANG()) == $pid })
	  or kill('KILL', $pid);
	return $? == 0 ? 0 : "status $?";
}

# Run it until what it writes matches, then send a signal: (all that it wrote,
# exit status).
sub watch
{
	my ($locale, $pattern, $signal) = @_;
	my ($pty, $pid) = start_watch($locale);
	my $seen = read_until($pty, $pattern);

	kill $signal, $pid;
	$seen .= read_until($pty);
	return ($seen, end_of($pid));
}

foreach my $row (
	[ 'C',       qr/rate .*\/s [_.#]+.*lag /s,                'INT' ],
	[ 'C.UTF-8', qr/rate .*\/s (\xE2\x96[\x81-\x88])+.*lag /s, 'TERM' ])
{
	my ($locale, $pattern, $signal) = @$row;
	my ($seen, $status) = watch($locale, $pattern, $signal);

	is($status, 0, "$locale, SIG$signal: status");
	like($seen, $pattern, "$locale: bars");
	like($seen, qr/\A\e\[\?1049h\e\[\?25l\e\[H/,
		"$locale: a screen of its own, without a cursor");
	like($seen, qr/\e\[\?25h\e\[\?1049l\z/, "$locale: both are back at the end");
	cmp_ok(scalar(() = $seen =~ /\e\[H/g), '>=', 2, "$locale: drawn anew");
	unlike($seen, qr/\n\n/, "$locale: every line is cleared to its end");
}

# Ctrl-S makes the terminal stand still, and the program with it, so that the
# first signal does not help; with the second the terminal is as it was.
my ($pty, $pid) = start_watch('C');
read_until($pty, qr/rate .*lag /s);
syswrite($pty, "\x13");
foreach my $number (1, 2)
{
	kill 'INT', $pid;
	wait_until("signal $number to be taken",
		sub {
			my $told = eval { slurp_file("/proc/$pid/status") } // '';
			return $told !~ /^ShdPnd:\s*0*[1-9a-f]/m;
		}) if $number == 1;
}
like(read_until($pty), qr/\e\[\?25h\e\[\?1049l\z/,
	'a second signal: the terminal is as it was');
isnt(end_of($pid), undef, 'a second signal: it ends');

done_testing();
