# Something between a receiver and a server that sees every message of the
# protocol and can change, drop, hold or invent them.
#
# A process of its own listens on a Unix socket and takes any number of
# connections. The hooks run there, so they tell the test what they see through
# files only. Each is called with the connection, the message's type (one
# letter, '' for the start-up message) and its body, and returns what is to be
# sent on instead (bytes, see message; '' for nothing), or undef to send it as it
# is. A connection is a hash that the hooks may keep things in, and knows:
#   number       the first is 1
#   to_client, to_server   bytes on their way; a hook may add its own
#   hold         if true, nothing more is sent on to the client

package ServerProxy;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use PostgreSQL::Test::Utils;
use Socket qw(SOCK_STREAM);

our @EXPORT_OK = qw(error_response message ready_for_query);

my @proxies;

# start($server, from_server => sub, from_client => sub)
sub start
{
	my ($class, $server, %hooks) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir_short();
	my $self = bless { dir => $dir, owner => $$ }, $class;
	my $listener = IO::Socket::UNIX->new(
		Type   => SOCK_STREAM,
		Local  => "$dir/.s.PGSQL.5432",
		Listen => 20) or die "could not listen: $!";

	$self->{pid} = fork() // die "could not fork: $!";
	if ($self->{pid} == 0)
	{
		$SIG{$_} = 'DEFAULT' foreach qw(HUP INT TERM);
		$SIG{PIPE} = 'IGNORE';
		eval { _serve($listener, $server, \%hooks) };
		print STDERR "proxy: $@";
		POSIX::_exit(1);
	}
	close $listener;
	push @proxies, $self;
	return $self;
}

# Where it is, as part of a connection string.
sub connstr
{
	my ($self) = @_;
	return "host=$self->{dir} port=5432";
}

# Stand still (STOP), go on (CONT), or end: nothing but this process is told.
sub signal
{
	my ($self, $signal) = @_;
	kill $signal, $self->{pid};
	return;
}

# A message as it is sent.
sub message
{
	my ($type, $body) = @_;
	return $type . pack('N', 4 + length $body) . $body;
}

sub error_response
{
	my ($sqlstate, $text) = @_;
	return message('E',
		"SERROR\0VERROR\0C$sqlstate\0M$text\0Fproxy\0L1\0Rproxy\0\0");
}

sub ready_for_query
{
	return message('Z', 'I');
}

sub _serve
{
	my ($listener, $server, $hooks) = @_;
	my $path = $server->host . '/.s.PGSQL.' . $server->port;
	my %connections;
	my $count = 0;

	while (1)
	{
		my ($read, $write) = (IO::Select->new($listener), IO::Select->new);
		foreach my $connection (values %connections)
		{
			my ($client, $upstream) = @$connection{qw(client server)};
			$read->add($client);
			$read->add($upstream) unless $connection->{hold};
			$write->add($client)
			  if $connection->{to_client} ne '' && !$connection->{hold};
			$write->add($upstream) if $connection->{to_server} ne '';
		}
		my ($readable, $writable) =
		  IO::Select->select($read, $write, undef);

		foreach my $socket (@{ $readable // [] })
		{
			if ($socket == $listener)
			{
				my $client = $listener->accept or next;
				my $upstream = IO::Socket::UNIX->new(
					Type => SOCK_STREAM,
					Peer => $path) or next;
				$count++;
				$connections{$count} = {
					number    => $count,
					client    => $client,
					server    => $upstream,
					to_client => '',
					to_server => '',
					in_client => '',
					in_server => '',
				};
				next;
			}
			my ($connection) =
			  grep { $_->{client} == $socket || $_->{server} == $socket }
			  values %connections;
			next if defined $connection && _forward($connection, $socket, $hooks);
			_close(\%connections, $connection) if defined $connection;
		}
		foreach my $connection (values %connections)
		{
			foreach my $side (qw(client server))
			{
				next unless grep { $_ == $connection->{$side} } @{ $writable // [] };
				my $sent = syswrite $connection->{$side},
				  $connection->{"to_$side"}, 65536;
				substr($connection->{"to_$side"}, 0, $sent, '')
				  if defined $sent;
			}
		}
	}
	return;
}

# Send on what is left for the client, and end both sides.
sub _close
{
	my ($connections, $connection) = @_;

	while (!$connection->{hold} && $connection->{to_client} ne '')
	{
		my $sent = syswrite $connection->{client}, $connection->{to_client};
		last unless $sent;
		substr($connection->{to_client}, 0, $sent, '');
	}
	close $connection->{client};
	close $connection->{server};
	delete $connections->{ $connection->{number} };
	return;
}

# Read from a socket and take its whole messages. False at its end.
sub _forward
{
	my ($connection, $socket, $hooks) = @_;
	my ($from, $to) =
	  $socket == $connection->{client}
	  ? qw(client server)
	  : qw(server client);

	my $size = sysread $socket, $connection->{"in_$from"}, 65536,
	  length $connection->{"in_$from"};
	return 0 unless $size;

	while (my @message = _take($connection, $from))
	{
		my $hook = $hooks->{"from_$from"};
		my $instead =
		  defined $hook ? $hook->($connection, @message) : undef;
		my ($type, $body) = @message;
		$connection->{"to_$to"} .= $instead // message($type, $body);
	}
	return 1;
}

# The next whole message of a side: (type, body), or nothing.
sub _take
{
	my ($connection, $from) = @_;
	my $in = \$connection->{"in_$from"};
	my $typed = $from eq 'server' || $connection->{started} ? 1 : 0;

	return if length $$in < $typed + 4;
	my $len = unpack('N', substr($$in, $typed, 4));
	return if length $$in < $typed + $len;
	$connection->{started} = 1 if $from eq 'client';

	my $message = substr($$in, 0, $typed + $len, '');
	return (substr($message, 0, $typed), substr($message, $typed + 4));
}

END
{
	my $exit_code = $?;
	foreach my $proxy (grep { $_->{owner} == $$ } @proxies)
	{
		kill 'KILL', $proxy->{pid};
		waitpid $proxy->{pid}, 0;
	}
	$? = $exit_code;
}

1;
