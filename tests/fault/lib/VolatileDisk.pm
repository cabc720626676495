# A file system whose power can be cut: power.sh has made it.

package VolatileDisk;

use strict;
use warnings FATAL => 'all';

use IO::Handle;
use IO::Select;
use Test::More;
use WalfetchTest;

sub new
{
	my ($class) = @_;
	my $folder = $ENV{WALFETCH_POWER}
	  // BAIL_OUT('WALFETCH_POWER must name the folder of power.sh');

	open my $request, '+<', "$folder/request" or die "no requests: $!";
	open my $reply,   '+<', "$folder/reply"   or die "no replies: $!";
	$request->autoflush(1);
	return bless {
		folder  => $folder,
		request => $request,
		reply   => $reply,
	}, $class;
}

# Where its files are.
sub dir
{
	my ($self) = @_;
	return "$self->{folder}/files";
}

# Cut the power; of what is not flushed, $keep per cent survive. $when: "now",
# "write N" or "sync N". False if it is off.
sub cut
{
	my ($self, $keep, $when) = @_;

	open my $control, '+<', "$self->{folder}/control/control"
	  or die "no control: $!";
	return defined syswrite($control, "cut $keep $when\n");
}

# off: true after a cut; writes, syncs; lost, kept: sectors, in all cuts.
sub state
{
	my ($self) = @_;
	my %state;

	open my $control, '<', "$self->{folder}/control/control"
	  or die "no control: $!";
	sysread($control, my $line, 200);
	(my $power, @state{qw(writes syncs lost kept)}) = split ' ', $line;
	$state{off} = $power eq 'off';
	return \%state;
}

# Wait for a cut that is to come; false if it does not.
sub wait_off
{
	my ($self) = @_;
	return wait_until('the power to be cut', sub { $self->state->{off} });
}

sub _ask
{
	my ($self, $request) = @_;
	my $select = IO::Select->new($self->{reply});

	$self->{request}->print("$request\n");
	return 0 unless $select->can_read(time_limit(60));
	sysread($self->{reply}, my $reply, 100);
	return $reply eq "yes\n";
}

# The power comes back: mount the file system again. Nobody may use it. False if
# that fails.
sub restart
{
	my ($self) = @_;
	return $self->_ask('restart');
}

# True if the file system's own check finds nothing. Nobody may use it.
sub check
{
	my ($self) = @_;
	return $self->_ask('check');
}

1;
