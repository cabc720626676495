# The power is cut under a receiver that is the only synchronous standby, and
# under a base backup. What was promised must be on the disk when it is back.
#
# $WALFETCH_POWER_CUTS: how many cuts under the receiver (16), in turn with each
# codec, and with segments of 1 and of 16 MB.

package PowerCuts;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use VolatileDisk;
use WalfetchTest;
use WalfetchTest::BaseBackup;
use WalfetchTest::Process;
use WalfetchTest::Restore;

our @EXPORT = qw(power_cuts);

my @codecs = qw(none gzip lz4 zstd);

# The moments of cuts: a write or a flush, at random; a name that appears; a
# random time; the end of a clean stop; the start.
my @moments = qw(write sync final name time stop start);

# Mostly nothing survives that was not flushed; a disk may also keep some of it,
# in any order, or all.
my @keeps = (0, 0, 50, 100);

# 1 .. 2^$bits, small ones as often as large ones.
sub some
{
	my ($bits) = @_;
	return int(2**rand($bits)) || 1;
}

# A server, its clients, and its archive on the disk.
#
# Clients write down row and transaction once the commit is acknowledged. One of
# them fills segments, with messages that leave nothing in a table.
sub new_site
{
	my ($disk, $size) = @_;
	my $server = new_server("leader_$size", segment_size => $size,
		conf => "max_wal_size = 512MB\nwal_keep_size = 256MB\n");
	my $row = 'INSERT INTO acknowledged (b) '
	  . 'VALUES (repeat(md5(random()::text), 20)) '
	  . 'RETURNING id, pg_current_xact_id();';
	my $message = "SELECT pg_logical_emit_message(true, 'power', "
	  . "repeat(md5(random()::text), (random() * $size * 2000)::int));";
	my $out = PostgreSQL::Test::Utils::tempdir("clients_$size");
	my $dir = $disk->dir . "/archive_$size";

	mkdir $dir, 0700 or die "could not make \"$dir\": $!";
	my $site = {
		size    => $size,
		bytes   => $size * 1024 * 1024,
		server  => $server,
		archive => new_archive(dir => $dir, segment_size => $size),
		files   => [ map { "$out/client_$_" } 1 .. 5 ],
		rows    => {},
		read    => {},
		there   => {},
		from    => create_slot($server, 'power'),
	};
	$server->append_conf('postgresql.conf',
		"synchronous_standby_names = 'walfetch_test'");
	$server->reload;
	foreach my $file (@{ $site->{files} })
	{
		my $statement = $file =~ /_1$/ ? "$message\n$row" : $row;
		push @{ $site->{clients} },
		  WalfetchTest::Process->start(
			command => [
				'sh', '-c', 'yes "$1" | exec psql -XAtq -d "$2" >"$3"', 'sh',
				$statement, $server->connstr('postgres'), $file
			]);
	}
	return $site;
}

# What was acknowledged so far: transaction => row. A line that is not whole
# does not count.
sub read_acknowledged
{
	my ($site) = @_;

	foreach my $name (@{ $site->{files} })
	{
		open my $file, '<', $name or next;
		seek $file, $site->{read}{$name} // 0, 0;
		while (my $line = <$file>)
		{
			last unless $line =~ /\n\z/;
			$site->{read}{$name} = tell $file;
			$site->{rows}{$2} = $1 if $line =~ /^(\d+)\|(\d+)$/;
		}
		close $file;
	}
	return $site->{rows};
}

# Wait until so many commits more are acknowledged.
sub goes_on
{
	my ($site, $commits) = @_;
	my $before = keys %{ read_acknowledged($site) };
	return wait_until('commits to be acknowledged',
		sub { keys %{ read_acknowledged($site) } >= $before + $commits });
}

# What the server was told last, once nobody can tell it more.
sub last_flush
{
	my ($server, $slot) = @_;
	my $lsn;

	wait_until(
		'the slot to be free',
		sub {
			(my $active, $lsn) = split /\|/, $server->safe_psql('postgres',
				'SELECT active, restart_lsn FROM pg_replication_slots '
				  . "WHERE slot_name = '$slot'");
			return $active eq 'f';
		});
	return $lsn;
}

# Wait for something that is to be cut at once.
sub catch
{
	my ($function) = @_;
	my $deadline = time() + time_limit(20);

	usleep(200) until $function->() || time() > $deadline;
	return;
}

# Wait for a name in the archive that was not there: "complete" segments only,
# or all "names".
sub catch_name
{
	my ($archive, $which) = @_;
	my %old = map { $_ => 1 } $archive->$which;
	catch(sub { grep { !$old{$_} } $archive->$which });
	return;
}

# Let the power be cut, now or soon.
sub cut_at
{
	my ($disk, $site, $receiver, $moment, $keep) = @_;

	if ($moment eq 'write' || $moment eq 'start')
	{
		$disk->cut($keep, 'write ' . some($moment eq 'start' ? 7 : 11));
	}
	elsif ($moment eq 'sync')
	{
		$disk->cut($keep, 'sync ' . some(8));
	}
	elsif ($moment eq 'stop')
	{
		$disk->cut($keep, 'write ' . some(8));
		$receiver->stop('TERM', time_limit(20));
		$disk->cut($keep, 'now');
	}
	else
	{
		random_moment(0.3) if $moment eq 'time';
		catch_name($site->{archive}, 'complete') if $moment eq 'final';
		catch_name($site->{archive}, 'names')    if $moment eq 'name';
		$disk->cut($keep, 'now');
	}
	return;
}

# True if two files begin with the same len bytes.
sub same_bytes
{
	my ($one, $other, $len) = @_;
	return -s $one >= $len
	  && ($len == 0 || system('cmp', '-s', '-n', $len, $one, $other) == 0);
}

# What is wrong with one file of the archive: it is to be complete, or, if it is
# an open one, to hold the server's WAL below an LSN. What it holds goes into a
# folder, unless a better form of the segment is there.
sub wrong_in_file
{
	my ($site, $name, $upto, $folder) = @_;
	my $size    = $site->{bytes};
	my $segment = substr($name, 0, 24);
	my $need    = $upto - segment_number($name, $size) * $size;
	my ($plain, $problem) = $site->{archive}->plain($name);

	return $problem if defined $problem;
	return "$name: " . (-s $plain) . ' bytes'
	  if -s $plain > $size
	  || -s $plain < $size && $name !~ /\.\w+\.partial$/;
	$need = $size if $name !~ /partial$/ || $need > $size;
	$problem = "$name: is not the server's WAL below " . lsn_text($upto)
	  unless same_bytes($plain, $site->{server}->data_dir . "/pg_wal/$segment",
		$need > 0 ? $need : 0);
	if (!defined $problem || !-e "$folder/$segment")
	{
		system_or_bail('cp', $plain, "$folder/$segment");
		truncate("$folder/$segment", $size) or die "could not extend: $!";
	}
	return $problem;
}

# What is missing or wrong in the archive of WAL between two LSNs, as numbers.
# Of an open segment no more than what was acknowledged is looked at: behind
# that, a power cut leaves anything. If it is there in two forms, one of them
# is enough.
sub wrong_in_archive
{
	my ($site, $from, $upto, $folder) = @_;
	my $archive = $site->{archive};
	my (%wrong, %right);
	my @all;

	foreach my $name ($archive->complete, $archive->partials)
	{
		my $number  = segment_number($name, $site->{bytes});
		my $problem = wrong_in_file($site, $name, $upto, $folder);

		if (!defined $problem)
		{
			$right{$number} = 1;
		}
		elsif ($name =~ /partial$/)
		{
			$wrong{$number} = $problem;
		}
		else
		{
			push @all, $problem;
		}
	}
	push @all, map { $wrong{$_} } grep { !$right{$_} } sort keys %wrong;
	push @all,
	  map { 'missing: ' . segment_name(1, $_, $site->{bytes}) }
	  grep { !$right{$_} && !$wrong{$_} }
	  int($from / $site->{bytes}) .. int(($upto - 1) / $site->{bytes});
	return @all, map { "not expected: $_" } $archive->others,
	  grep { /\.bad$/ } $archive->names;
}

# Acknowledged transactions without a commit record in the segments of a folder,
# or of one that was looked at before.
sub missing_commits
{
	my ($site, $folder) = @_;
	my ($first) = sort grep { /^[0-9A-F]{24}$/ } slurp_dir($folder);

	if (defined $first)
	{
		my ($dump) = run_command(
			[
				'pg_waldump', '-p', $folder, '-r', 'Transaction', '-s',
				lsn_text(segment_number($first, $site->{bytes}) * $site->{bytes})
			]);
		$site->{there}{$_} = 1
		  foreach $dump =~ /tx:\s+(\d+), lsn: .* desc: COMMIT/g;
	}
	return
	  grep { !$site->{there}{$_} } keys %{ read_acknowledged($site) };
}

# Run `walfetch verify`: what it found wrong. $$torn: that is no more than a
# power cut may leave, WAL behind a hole in the newest segment, which is open.
# What was acknowledged is compared byte for byte elsewhere.
sub verify
{
	my ($archive, $torn) = @_;
	my ($newest) = reverse sort map { substr($_, 0, 24) } $archive->complete,
	  $archive->partials;
	my $file = defined $newest ? qr/\Q$newest\E\.partial/ : qr/(?!)/;

	$$torn = 0;
	return '' unless defined $newest;
	my ($stdout, $stderr) = run_command(
		[ walfetch(), 'verify', '-D', $archive->dir, '--progress=never' ]);
	return '' if $? == 0;
	$$torn = $stdout =~ /\Adamage: $file: .*\n.*\n1 fault was found/;
	return "verify: $stdout$stderr";
}

# What there is after a cut. wrong: all that is, one per line; missing: how many
# commits; told: the last position that was acknowledged; torn: see verify.
sub inspect
{
	my ($site, $slot) = @_;
	my $archive = $site->{archive};
	my $folder  = PostgreSQL::Test::Utils::tempdir('unpacked');
	my $told    = last_flush($site->{server}, $slot);
	my $upto    = lsn_number($told);
	my @wrong = wrong_in_archive($site, lsn_number($site->{from}), $upto, $folder);
	my @missing = missing_commits($site, $folder);
	my $damage  = verify($archive, \my $torn);

	push @wrong, @missing . ' acknowledged commits are missing' if @missing;
	push @wrong, $damage if $damage ne '' && !$torn;
	system_or_bail('rm', '-rf', $folder);
	return {
		wrong   => join("\n", @wrong),
		missing => scalar @missing,
		told    => $told,
		torn    => $torn,
	};
}

# Remove segments that were looked at, for good.
sub forget
{
	my ($site, $upto) = @_;
	my $archive = $site->{archive};
	my $first   = int(lsn_number($upto) / $site->{bytes}) - 2;

	return if $first * $site->{bytes} <= lsn_number($site->{from});
	unlink map { $archive->dir . "/$_" }
	  grep { segment_number($_, $site->{bytes}) < $first } $archive->complete;
	system_or_bail('sync', '-f', $archive->dir);
	$site->{from} = lsn_text($first * $site->{bytes});
	$site->{server}->safe_psql('postgres', 'CHECKPOINT');
	return;
}

# Two tests: an open segment with WAL behind a hole is not served as if it were
# whole, unless that is but the rest of its last record; what was acknowledged of
# it can be had all the same.
sub serves_torn
{
	my ($site, $told, $name) = @_;
	my ($open) = reverse $site->{archive}->partials;
	my $segment = substr($open, 0, 24);
	my $path = PostgreSQL::Test::Utils::tempdir('served') . "/$segment";
	my $need = lsn_number($told) -
	  segment_number($segment, $site->{bytes}) * $site->{bytes};
	my ($status, $stderr) = fetch($site->{archive}, $segment, $path, '--partial');

	like("$status $stderr", qr/\A(0 |126 .*\n.*--no-verify)/,
		"$name: torn, restore says so");
	($status, $stderr) =
	  fetch($site->{archive}, $segment, $path, '--partial', '--no-verify')
	  if $status ne '0';
	ok( $status eq '0'
		  && same_bytes($path,
			$site->{server}->data_dir . "/pg_wal/$segment",
			$need > 0 ? $need : 0),
		"$name: torn, restore has what was acknowledged")
	  || diag("status $status: $stderr");
	return;
}

# Two to six tests: the receiver goes on after the cut before, the archive is
# right, one more cut, what is there then.
sub cut_receiver
{
	my ($disk, $site, $codec, $moment) = @_;
	my $keep = $keeps[ rand @keeps ];
	my $name = "$site->{size} MB, $codec, $moment, keeps $keep %";
	my @options = ('-S', 'power', '--synchronous', '-Z', $codec);
	my $start   = $moment eq 'start';

	cut_at($disk, $site, undef, $moment, $keep) if $start;
	my $receiver = start_receiver($site->{server}, $site->{archive},
		options => \@options);
	if (!$start)
	{
		ok(goes_on($site, 20), "$name: commits are acknowledged")
		  || diag($receiver->stderr);
		is(verify($site->{archive}, \my $torn), '', "$name: verified");
		cut_at($disk, $site, $receiver, $moment, $keep);
	}
	ok($disk->wait_off, "$name: the power is cut") || diag($receiver->stderr);
	$disk->cut($keep, 'now');
	$receiver->stop('KILL', time_limit(20));
	$disk->restart || BAIL_OUT('the file system cannot be mounted');
	my $found = inspect($site, 'power');
	is($found->{wrong}, '', "$name: nothing is lost or wrong")
	  || diag($receiver->stderr);
	serves_torn($site, $found->{told}, $name) if $found->{torn};
	return $found;
}

# Two tests: a server recovered from a base backup and the archive has all rows
# that were acknowledged.
sub recovers
{
	my ($site, $backup, $torn) = @_;
	my @rows = values %{ read_acknowledged($site) };
	my $name = $backup . ($torn ? ', torn' : '');
	my $rebuilt = new_recovery("rebuilt_$backup", $site->{server}, $backup,
		$site->{archive},
		options => [ '--partial', ($torn ? '--no-verify' : ()) ]);

	ends_recovery("$name: recovers", $rebuilt);
	is(scalar(missing_on($rebuilt, @rows)), 0,
		"$name: has all " . @rows . ' rows that were acknowledged');
	$rebuilt->stop('immediate');
	$rebuilt->clean_node;
	return;
}

# All the cuts under a receiver.
sub cut_receivers
{
	my ($disk, @sites) = @_;
	my $cuts    = $ENV{WALFETCH_POWER_CUTS} // 16;
	my $lost    = 0;
	my $torn    = 0;
	my $commits = 0;
	my %count;

	foreach my $n (0 .. $cuts - 1)
	{
		my $site   = $sites[ $n % 2 ];
		my $codec  = $codecs[ int($n / 4) % 4 ];
		my $moment = $moments[ int($n / 2) % @moments ];
		my $backup = "base_$n";

		# The last of each codec, of one size or the other.
		my $recovery = $n >= $cuts - 16 && $n % 4 == 2 + int($n / 4) % 2;
		base_backup($site->{server}, $backup) if $recovery;
		# The archive must get to the end of the backup.
		$moment = 'time' if $recovery && $moment eq 'start';
		my $found = cut_receiver($disk, $site, $codec, $moment);
		$lost += $found->{missing};
		$torn += $found->{torn};
		$count{$codec}++;
		recovers($site, $backup, $found->{torn}) if $recovery;
		forget($site, $found->{told});
	}
	$commits += keys %{ $_->{rows} } foreach @sites;
	note("$cuts cuts under a receiver ("
		  . join(', ', map { "$_ $count{$_}" } @codecs)
		  . "): $commits acknowledged commits, $lost lost; "
		  . "$torn times the open segment was torn behind them");
	cmp_ok($commits, '>', 10 * $cuts, 'commits were acknowledged');
	return;
}

# One test: that a loss would be seen.
sub loses_without_sync
{
	my ($disk, $site) = @_;
	my $dir  = $disk->dir . '/lossy';
	my $rows = keys %{ read_acknowledged($site) };

	mkdir $dir, 0700 or die "could not make \"$dir\": $!";
	system_or_bail('sync', '-f', $dir);
	local $site->{archive} = new_archive(dir => $dir, segment_size => $site->{size});
	local $site->{from} = create_slot($site->{server}, 'lossy');
	my $receiver = start_receiver($site->{server}, $site->{archive},
		options => [ '-S', 'lossy', '--no-sync', '-s', 1 ]);
	goes_on($site, 50) || diag($receiver->stderr);
	$disk->cut(0, 'now');
	$receiver->stop('KILL', time_limit(20));
	$disk->restart || BAIL_OUT('the file system cannot be mounted');
	my $found = inspect($site, 'lossy');
	note("--no-sync: of "
		  . (keys(%{ $site->{rows} }) - $rows)
		  . " acknowledged commits $found->{missing} are lost: $found->{wrong}");
	cmp_ok($found->{missing}, '>', 0, '--no-sync: commits are lost');
	return;
}

# One test: a backup that looks complete is.
sub right_backup
{
	my ($server, $target, $status, $name) = @_;

	if ($status eq '0' || -e "$target/backup_manifest")
	{
		verifies($server, $target, "$name: complete");
	}
	elsif (-e "$target/global/pg_control")
	{
		is(system("postgres --single -D $target postgres </dev/null >/dev/null"),
			0, "$name: complete but for its manifest, a server starts");
	}
	else
	{
		isnt($status, '0', "$name: not complete");
	}
	return;
}

# One test: a base backup, cut when it is done, at a random write or flush, or
# when it gets the name that makes it one.
sub cut_backup
{
	my ($disk, $server, $moment) = @_;
	my $target = $disk->dir . '/backup';
	my $keep   = $keeps[ rand @keeps ];

	$disk->cut($keep, 'write ' . some(14)) if $moment eq 'write';
	$disk->cut($keep, 'sync ' . some(11))  if $moment eq 'sync';
	my $run = start_backup($server, $target, '--no-verify-checksums');
	if ($moment eq 'name')
	{
		catch(sub { -e "$target/global/pg_control" || !$run->running });
		$disk->cut($keep, 'now');
	}
	my $status = $run->wait_for_end(time_limit(120));
	$disk->cut($keep, 'now');
	$disk->restart || BAIL_OUT('the file system cannot be mounted');
	right_backup($server, $target, $status,
		"backup, $moment, keeps $keep %: status $status");
	system_or_bail('rm', '-rf', $target);
	system_or_bail('sync', '-f', $disk->dir);
	return $status eq '0';
}

sub cut_backups
{
	my ($disk, $server) = @_;
	my $cuts = int(($ENV{WALFETCH_POWER_CUTS} // 16) / 4) + 2;
	my $done = 0;

	foreach my $n (0 .. $cuts - 1)
	{
		$done += cut_backup($disk, $server, (qw(end write sync name))[ $n % 4 ]);
	}
	note("$cuts cuts under a backup, $done of them of a complete one");
	cmp_ok($done, '>', 0, 'backups were completed');
	cmp_ok($done, '<', $cuts, 'backups were cut');
	return;
}

# All of it.
sub power_cuts
{
	my $disk = VolatileDisk->new;

	seed_random();
	my @sites = map { new_site($disk, $_) } 1, 16;
	cut_receivers($disk, @sites);
	loses_without_sync($disk, $sites[0]);
	foreach my $site (@sites)
	{
		$_->destroy foreach @{ $site->{clients} };
	}
	cut_backups($disk, $sites[1]{server});
	my $state = $disk->state;
	note("the cuts took $state->{lost} sectors back that were not flushed, "
		  . "and left $state->{kept}");
	ok($disk->check, 'the file system is whole');
	return;
}

1;
