# Certificates of an authority that lives as long as a test.

package WalfetchTest::Certificates;

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use Test::More;

# new(name): a new authority. Its certificate is path('root.crt').
sub new
{
	my ($class, $name) = @_;
	my $self = bless { dir => PostgreSQL::Test::Utils::tempdir($name) }, $class;

	append_to_file($self->path('openssl.cnf'), <<"END");
[ ca ]
default_ca = ours
[ ours ]
database = @{[ $self->path('index.txt') ]}
crlnumber = @{[ $self->path('crlnumber') ]}
default_md = sha256
default_crl_days = 30
END
	append_to_file($self->path('index.txt'), '');
	append_to_file($self->path('crlnumber'), "01\n");
	$self->_openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days',
		30, '-subj', "/CN=$name", '-keyout', $self->path('root.key'), '-out',
		$self->path('root.crt'));
	return $self;
}

sub path
{
	my ($self, $file) = @_;
	return "$self->{dir}/$file";
}

# Make NAME.crt and NAME.key, for a host or a role. days: of its life (30).
sub issue
{
	my ($self, $name, $subject, $days) = @_;
	my ($key, $request) = ($self->path("$name.key"), $self->path("$name.csr"));

	$self->_openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-subj',
		"/CN=$subject", '-keyout', $key, '-out', $request);
	append_to_file($self->path("$name.ext"), "subjectAltName=DNS:$subject\n");
	$self->_openssl(
		'x509', '-req', '-in', $request, '-CA', $self->path('root.crt'),
		'-CAkey', $self->path('root.key'), '-CAcreateserial',
		'-days', $days // 30, '-extfile', $self->path("$name.ext"),
		'-out', $self->path("$name.crt"));
	chmod 0600, $key or die $!;
	return;
}

# Revoke NAME.crt, and make NAME.crl that says so.
sub revoke
{
	my ($self, $name) = @_;
	my @ca = (
		'ca', '-config', $self->path('openssl.cnf'),
		'-keyfile', $self->path('root.key'),
		'-cert', $self->path('root.crt'));

	$self->_openssl(@ca, '-revoke', $self->path("$name.crt"));
	$self->_openssl(@ca, '-gencrl', '-out', $self->path("$name.crl"));
	return;
}

sub _openssl
{
	my ($self, @arguments) = @_;
	my $log = $self->path('openssl.log');

	return if system("@{[ map { quote($_) } 'openssl', @arguments ]} >>$log 2>&1") == 0;
	BAIL_OUT("openssl @arguments: " . slurp_file($log));
	return;
}

sub quote
{
	my ($word) = @_;
	return "'" . ($word =~ s/'/'\\''/gr) . "'";
}

1;
