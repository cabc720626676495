#!/usr/bin/env bash
# A leader, a follower, and walfetch beside them: from the first setting to the
# day when the leader is lost. Real servers, in a folder that is thrown away.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/contrib/lib.sh"

usage() {
	cat <<'EOT'
Usage: contrib/leader-follower.sh [--keep] [--folder DIRECTORY]
Show PostgreSQL's replication, and walfetch's part in it, on servers that are
made for it: what is done, why, and that it came about. It takes a minute.

  --keep              leave the folder with the servers' files, all stopped
  --folder DIRECTORY  make this folder for them, not one below /tmp
  --help              show this

Each line that begins with "Checked:" was found to be true; what is not ends
the script with an error. walfetch-replication(7) goes through the same story.

It installs what it needs (Debian, Ubuntu) and builds walfetch into build/.
WALFETCH=PROGRAM takes that one instead, and installs and builds nothing.
PG_BIN=FOLDER takes the PostgreSQL programs from there; 13 or later.
EOT
}

# How long something may take that is waited for, in seconds.
limit=120

# die_with MESSAGE FILE: the end of the file says why.
die_with() {
	tail -n 20 "$2" >&2
	die "$1"
}

chapter() {
	printf '\n\n%s\n' "$*"
}

# tell <<EOT: what happens next, and why.
tell() {
	echo
	cat
	echo
}

type_line() {
	printf '   $ %s\n' "$1"
}

# As one would type it. "&" is the shell's.
print_command() {
	local word line=

	for word in "$@"; do
		case $word in
		"&") line+=" &" ;;
		*[!A-Za-z0-9_./=:,@%+-]* | '') line+=" \"$word\"" ;;
		*) line+=" $word" ;;
		esac
	done
	type_line "${line# }"
}

indent() {
	sed 's/^/     /' "$@"
}

# show COMMAND...: print it, run it, print what it says, which stays in $said,
# as its exit status does in $status.
show() {
	print_command "$@"
	status=0
	"${as_user[@]}" "$@" >"$said" 2>&1 </dev/null || status=$?
	indent "$said"
}

# show_when PATTERN COMMAND...: once a line of what it says matches.
show_when() {
	local pattern=$1 deadline=$((SECONDS + limit))

	shift
	print_command "$@"
	until status=0 &&
		{ "${as_user[@]}" "$@" >"$said" 2>&1 </dev/null || status=$?; } &&
		says "$pattern"; do
		[ "$SECONDS" -lt "$deadline" ] || break
		sleep 0.1
	done
	indent "$said"
}

# A command that must not fail.
run() {
	show "$@"
	[ "$status" -eq 0 ] || die "it ended with status $status"
}

checked() {
	printf '   Checked: %s\n' "$*"
}

# check CLAIM COMMAND...
check() {
	local claim=$1

	shift
	"$@" || die "this is not true: $claim"
	checked "$claim"
}

# await CLAIM COMMAND...: it may take a while to become true.
await() {
	local claim=$1 deadline=$((SECONDS + limit))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] ||
			die "within $limit seconds this did not become true: $claim"
		sleep 0.1
	done
	checked "$claim"
}

# What a server answers; db1 and db2 are the folders of the servers' sockets.
ask() {
	"${as_user[@]}" psql -X -At -v ON_ERROR_STOP=1 -h "$work/$1" \
		-d postgres -c "$2" 2>/dev/null </dev/null
}

# holds SERVER SQL: it answers "true".
holds() {
	[ "$(ask "$1" "$2")" = t ]
}

refuses() {
	! ask "$1" "$2" >/dev/null
}

# says PATTERN: a line of what was shown last matches.
says() {
	grep -qE -- "$1" "$said"
}

says_not() {
	! says "$1"
}

has_line() {
	grep -qsE -- "$2" "$1"
}

ended_with() {
	[ "$status" -eq "$1" ]
}

# sql SERVER SQL: for the reader to see, as psql shows it.
sql() {
	run psql -h "$work/$1" -d postgres -c "$2"
}

# follows LEADER NAME STATE: how a follower is connected.
follows() {
	holds "$1" "SELECT state = 'streaming' AND sync_state = '$3'
		FROM pg_stat_replication WHERE application_name = '$2'"
}

# caught_up LEADER NAME: all that the leader has is durable there.
caught_up() {
	holds "$1" "SELECT flush_lsn >= pg_current_wal_flush_lsn()
		FROM pg_stat_replication WHERE application_name = '$2'"
}

explain() {
	run walfetch status -d "host=$work/$1 user=replicator" --explain
}

data_of() {
	ask "$1" "SHOW data_directory"
}

set_synchronous() {
	sql "$1" "ALTER SYSTEM SET synchronous_standby_names = '$2'"
	run pg_ctl -D "$(data_of "$1")" -s reload
}

is_stopped() {
	[ ! -e "$1/postmaster.pid" ]
}

# start_server DATA-FOLDER SERVER
start_server() {
	print_command pg_ctl -D "$1" -l "$work/$2.log" start
	"${as_user[@]}" pg_ctl -D "$1" -l "$work/$2.log" -s -w -t "$limit" \
		start </dev/null || die_with "it did not start" "$work/$2.log"
}

stop_server() {
	run pg_ctl -D "$1" -m "$2" -s stop
}

# The receiver ends by our signals, not by Ctrl-C at the keyboard: job control
# makes it a process group of its own.
start_receiver() {
	local pair="host=$work/db1,$work/db2 user=replicator"
	local command=(walfetch receive -D "$archive" -S archive --auto-slot
		--synchronous -d "$pair target_session_attrs=read-write" -v)

	print_command "${command[@]}" "&"
	set -m
	"${as_user[@]}" "${command[@]}" >"$receive_log" 2>&1 </dev/null &
	receiver=$!
	set +m
}

stop_receiver() {
	print_command kill "%walfetch"
	kill -TERM "$receiver"
	status=0
	wait "$receiver" || status=$?
	receiver=
	[ "$status" -eq 0 ] || die "walfetch ended with status $status"
}

insert() {
	echo "INSERT INTO diary (day) VALUES ('$1')"
}

# A commit of which it is not sure that it returns.
start_commit() {
	local command=(psql -h "$work/db1" -d postgres -c "$(insert "$1")")

	print_command "${command[@]}" "&"
	set -m
	"${as_user[@]}" "${command[@]}" >"$work/commit.log" 2>&1 </dev/null &
	commit=$!
	set +m
}

commit_hangs() {
	holds db1 "SELECT count(*) = 1 FROM pg_stat_activity
		WHERE wait_event = 'SyncRep'" && kill -0 "$commit"
}

commit_returned() {
	! kill -0 "$commit" 2>/dev/null && wait "$commit"
}

knows() {
	holds "$1" "SELECT count(*) = 1 FROM diary WHERE day = '$2'"
}

make_leader() {
	chapter "1. A leader"
	tell <<-EOT
		Two folders stand for two machines, $work/db1 and db2.
		Each holds a server's data and its Unix socket, so that "host=.../db1" is
		what "host=db1" is on a network. The first server, and two roles: you, and
		replicator, which followers and walfetch log in as.
	EOT
	print_command initdb -D "$leader" -A peer
	"${as_user[@]}" initdb -D "$leader" -A peer >"$work/initdb.log" 2>&1 ||
		die_with "it failed" "$work/initdb.log"
	type_line "cat >>$leader/postgresql.conf"
	tee -a "$leader/postgresql.conf" <<-EOT | indent
		listen_addresses = ''
		unix_socket_directories = '$work/db1'
		password_encryption = 'scram-sha-256'
	EOT
	start_server "$leader" db1
	print_command psql -h "$work/db1" -d postgres
	"${as_user[@]}" psql -X -q -v ON_ERROR_STOP=1 -h "$work/db1" -d postgres <<-EOT
		CREATE ROLE replicator REPLICATION LOGIN PASSWORD '$password';
		GRANT pg_monitor TO replicator;
		CREATE TABLE diary (id bigserial, day text);
	EOT
	indent <<-EOT
		CREATE ROLE replicator REPLICATION LOGIN PASSWORD '...';
		GRANT pg_monitor TO replicator;
		CREATE TABLE diary (id bigserial, day text);
	EOT
	tell <<-EOT
		REPLICATION lets the role copy the server and read its WAL (write-ahead
		log: every change, in order). pg_monitor lets it see how followers do.
		Its password is in ~/.pgpass, where every PostgreSQL program finds it.
	EOT
}

configure_leader() {
	tell <<-EOT
		Now what makes it a leader. wal_level: WAL is complete enough to follow.
		max_wal_senders: so many may read it at once; a backup takes two.
		max_replication_slots: so many may have a slot, which makes the leader keep
		the WAL that its owner has not confirmed. max_slot_wal_keep_size: but no
		more than this, so that one who is away cannot fill the disk.
		hot_standby: a follower answers queries.
	EOT
	type_line "cat >>$leader/postgresql.conf"
	tee -a "$leader/postgresql.conf" <<-EOT | indent
		wal_level = replica
		max_wal_senders = 10
		max_replication_slots = 10
		max_slot_wal_keep_size = 4GB
		hot_standby = on
	EOT
	tell <<-EOT
		pg_hba.conf says who may log in, from where, and how. "local" is a socket;
		on a network it would be "host" and an address.
	EOT
	type_line "cat >$leader/pg_hba.conf"
	tee "$leader/pg_hba.conf" <<-EOT | indent
		local  all  replicator  scram-sha-256
		local  all  all         peer
	EOT
	give_to_user "$work"
}

is_fit() {
	"${as_user[@]}" walfetch check -d "$1" --quiet >/dev/null 2>&1 </dev/null
}

is_waiting() {
	grep -qs 'waiting for the server' "$work/check.log"
}

restart_leader() {
	local command=(walfetch check --wait -d "$1")

	tell <<-EOT
		These settings need a restart. "walfetch check" says whether a server is fit
		to be followed; with --wait it first waits until the server is there.
	EOT
	stop_server "$leader" fast
	print_command "${command[@]}" "&"
	"${as_user[@]}" "${command[@]}" >"$work/check.log" 2>&1 </dev/null &
	checker=$!
	await "check waits for the leader" is_waiting
	start_server "$leader" db1
	status=0
	wait "$checker" || status=$?
	checker=
	cp "$work/check.log" "$said"
	indent "$said"
}

check_leader() {
	local conninfo="host=$work/db1 user=replicator" line

	restart_leader "$conninfo"
	check "check went on when the leader answered" says '^ok +server: answers'
	check "it has found an error, and its exit status says so" ended_with 2
	check "the error is the missing line in pg_hba.conf" \
		says '^error +pg_hba.conf'
	tell <<-EOT
		Replication needs a line of its own: the word "all" does not include it.
		The line that check printed goes into the file:
	EOT
	line=$(sed -n 's/.*then reload: *//p' "$said")
	type_line "cat >>$leader/pg_hba.conf"
	tee -a "$leader/pg_hba.conf" <<<"$line" | indent
	run pg_ctl -D "$leader" -s reload
	# The reload takes effect when the leader gets to it.
	await "the leader lets the role in for replication" is_fit "$conninfo"
	run walfetch check -d "$conninfo"
	check "check finds no error any more" says_not '^error'
}

make_follower() {
	chapter "2. A follower"
	tell <<-EOT
		A follower begins as a copy of its leader. "walfetch backup" makes one over
		the same connection. -R writes down whom to follow, -C makes the slot that
		-S names, -c fast takes the checkpoint that a backup begins with at once.
		application_name is what the leader will call it.
	EOT
	run walfetch backup -D "$follower" -R -C -S follower -c fast -d \
		"host=$work/db1 user=replicator application_name=follower"
	check "the copy is told to follow" [ -e "$follower/standby.signal" ]
	check "it knows whom" has_line "$follower/postgresql.auto.conf" \
		"^primary_conninfo = '.*db1.*'"
	check "it knows its slot" has_line "$follower/postgresql.auto.conf" \
		"^primary_slot_name = 'follower'"
	if command -v pg_verifybackup >/dev/null; then
		run pg_verifybackup "$follower"
	fi
	tell <<-EOT
		Nothing follows yet. But the slot is there, and holds back WAL for the
		follower, which is what the leader's view says.
	EOT
	explain db1
	check "status calls a slot that nobody uses a problem" \
		says 'Problem: nobody uses it'
}

start_follower() {
	local config=$1 server=$2

	tell <<-EOT
		The copy has the leader's settings, its socket too, for two servers share
		one machine here. On machines of their own this line is not needed.
	EOT
	type_line "cat >>$config/postgresql.conf"
	tee -a "$config/postgresql.conf" \
		<<<"unix_socket_directories = '$work/$server'" | indent
	start_server "$config" "$server"
}

follow() {
	start_follower "$follower" db2
	await "the follower streams, and no commit waits for it" \
		follows db1 follower async
	await "it has all of the leader's WAL" caught_up db1 follower
	explain db1
	check "status says streaming" says '^  streaming: '
	check "status says async" says '^  async: no commit waits for it'
	check "status sees no problem" says_not 'Problem'
	tell <<-EOT
		A row that is written on the leader can be read on the follower, a moment
		later: asynchronous means that the commit did not wait for it.
	EOT
	sql db1 "$(insert Monday)"
	await "the row is on the follower" knows db2 Monday
	sql db2 "TABLE diary"
	check "the follower takes no writes" refuses db2 "$(insert never)"
}

keep_archive() {
	chapter "3. walfetch beside it"
	tell <<-EOT
		A follower has the leader's present, and its mistakes within a second. An
		archive of WAL has its past: with a base backup, each moment of it.
		walfetch names both machines and wants the one that takes writes, so that it
		will find the leader wherever it is. --auto-slot makes its slot.
		--synchronous makes WAL durable as it arrives; whether a commit waits for
		that is up to the leader.
	EOT
	run mkdir -m 700 "$archive"
	start_receiver
	await "walfetch streams, and no commit waits for it" \
		follows db1 walfetch async
	await "all of the leader's WAL is durable in the archive" \
		caught_up db1 walfetch
	indent "$receive_log"
	explain db1
	check "status shows both" says '^walfetch, process'
	check "walfetch never replays, which status calls right" \
		says 'replay is empty.*right for walfetch'
	check "status sees no problem" says_not 'Problem'
	show_when '^received .* lag 0 B' walfetch status -D "$archive" --explain
	check "the receiver's own view says streaming" \
		says '^receiver +streaming since'
	check "it lags behind by nothing" says '^received .* lag 0 B'
}

# name_synchronous NAME: the leader's commits wait for this one.
name_synchronous() {
	set_synchronous db1 "$1"
	await "$1 is synchronous" follows db1 "$1" sync
	explain db1
	check "status says that commits wait for 1 follower" \
		says '^Commits wait for 1 follower: the first of those'
	check "status says sync" says '^  sync: commits wait for it'
}

wait_for_follower() {
	chapter "4. Synchronous: the follower"
	tell <<-EOT
		If the leader is lost now, so are the commits that had not got away from it.
		synchronous_standby_names makes each commit wait until the named follower
		has it durably.
	EOT
	name_synchronous follower
	tell <<-EOT
		The price: if the follower is away, commits wait for it.
	EOT
	stop_server "$follower" fast
	start_commit Tuesday
	await "the commit hangs" commit_hangs
	explain db1
	check "status says that commits hang, and why" \
		says 'Problem: 0 of them are connected and synchronous: commits hang'
	start_server "$follower" db2
	await "with the follower back, the commit returns" commit_returned
	await "the row is on the follower" knows db2 Tuesday
}

wait_for_walfetch() {
	chapter "5. Synchronous: walfetch"
	tell <<-EOT
		walfetch can be the one that commits wait for. It has no queries to serve,
		and its archive is often on another machine.
	EOT
	name_synchronous walfetch
	stop_receiver
	start_commit Wednesday
	await "without walfetch, a commit hangs" commit_hangs
	start_receiver
	await "with walfetch back, it returns" commit_returned
	await "the row's WAL is durable in the archive" caught_up db1 walfetch
}

wait_for_any() {
	chapter "6. Synchronous: any one of them"
	tell <<-EOT
		With ANY 1 a commit waits for whichever is first. Each may be away, and
		every commit is still in two places.
	EOT
	set_synchronous db1 "ANY 1 (follower, walfetch)"
	await "the follower is one of the group" follows db1 follower quorum
	await "and so is walfetch" follows db1 walfetch quorum
	explain db1
	check "status says that any 1 will do" \
		says '^Commits wait for 1 follower: any of those'
	check "status says quorum" says '^  quorum: commits wait for it, or'
	stop_receiver
	sql db1 "$(insert Thursday)"
	checked "without walfetch, a commit returns"
	start_receiver
	await "walfetch is back" follows db1 walfetch quorum
	await "and has what it missed" caught_up db1 walfetch
}

lose_leader() {
	local restore="walfetch restore -D $archive --partial %f %p"

	chapter "7. The leader is lost"
	tell <<-EOT
		One thing first. With ANY 1 the newest commit may be in the archive and not
		on the follower. So the follower gets a second source: what it cannot stream,
		it asks walfetch for. --partial serves the newest, open segment too.
	EOT
	sql db2 "ALTER SYSTEM SET restore_command = '$restore'"
	tell <<-EOT
		Now the worst case: the follower is away, a commit is acknowledged because
		walfetch has it, and then the leader dies.
	EOT
	stop_server "$follower" fast
	sql db1 "$(insert Friday)"
	checked "without the follower, a commit returns"
	stop_server "$leader" immediate
	check "the leader is gone" refuses db1 "SELECT 1"
	await "walfetch has noticed, and tries again" \
		has_line "$receive_log" 'trying again'
	show_when '^receiver +retrying' walfetch status -D "$archive" --explain
	check "status says that it cannot receive now" \
		says 'Problem: it cannot receive now'
}

promote_follower() {
	tell <<-EOT
		The follower comes back, finds no leader to stream from, and reads the
		archive to its end.
	EOT
	start_server "$follower" db2
	await "the follower has the last commit, out of the archive" \
		knows db2 Friday
	tell <<-EOT
		Then a person decides, or a tool like Patroni: walfetch does not. Be sure
		that the old leader is dead; two leaders would write two histories.
	EOT
	run pg_ctl -D "$follower" -w -t "$limit" promote
	check "the follower is the leader now" \
		holds db2 "SELECT NOT pg_is_in_recovery()"
	check "it writes timeline 2" holds db2 \
		"SELECT pg_walfile_name(pg_current_wal_lsn()) LIKE '00000002%'"
	sql db2 "$(insert Saturday)"
	sql db2 "TABLE diary"
	check "no acknowledged commit is missing" holds db2 "
		SELECT array_agg(day ORDER BY id) = '{Monday,Tuesday,Wednesday,
			Thursday,Friday,Saturday}' FROM diary"
}

follow_promotion() {
	chapter "8. walfetch follows the new leader"
	tell <<-EOT
		walfetch asks both machines, and takes the one that takes writes. It proves
		that timeline 2 goes on where its archive ends before it writes a byte, and
		makes its slot on the new leader.
	EOT
	await "walfetch streams from the new leader" follows db2 walfetch async
	await "all of its WAL is durable in the archive" caught_up db2 walfetch
	indent "$receive_log"
	check "the archive has the history of timeline 2" \
		[ -e "$archive/00000002.history" ]
	explain db2
	check "status says that no commit waits: the new leader has settings of its own" \
		says '^No commit waits for a follower'
	run walfetch list -D "$archive"
	check "the archive has both timelines" says '^Timeline 2, which left timeline 1 at'
	run walfetch verify -D "$archive"
	checked "every record in the archive is sound"
}

rebuild_leader() {
	chapter "9. The old leader becomes a follower"
	tell <<-EOT
		The old leader must not simply be started: it may have WAL that nobody else
		has, and would go on with its own history. The plain way is a fresh copy of
		the new leader, beside the old data, which can be looked at and removed later.
	EOT
	run walfetch backup -D "$rebuilt" -R -C -S follower -c fast -d \
		"host=$work/db2 user=replicator application_name=follower"
	check "the copy knows its leader" has_line "$rebuilt/postgresql.auto.conf" \
		"^primary_conninfo = '.*db2.*'"
	start_follower "$rebuilt" db1
	await "the rebuilt server streams from the new leader" \
		follows db2 follower async
	tell <<-EOT
		It follows under the same name, so the same line makes commits safe again.
	EOT
	set_synchronous db2 "ANY 1 (follower, walfetch)"
	await "the follower is one of the group" follows db2 follower quorum
	await "and so is walfetch" follows db2 walfetch quorum
	explain db2
	check "status sees no problem" says_not 'Problem'
	sql db2 "$(insert Sunday)"
	await "the row is on the rebuilt server" knows db1 Sunday
	sql db1 "TABLE diary"
	check "the rebuilt server takes no writes" refuses db1 "$(insert never)"
}

# shellcheck disable=SC2317 # the trap calls it
clean_up() {
	local data pid

	trap '' INT TERM HUP
	for pid in "$receiver" "$commit" "$checker"; do
		[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	done
	for data in "$leader" "$follower" "$rebuilt"; do
		is_stopped "$data" || "${as_user[@]}" pg_ctl -D "$data" \
			-m "$stop_mode" -s stop 2>/dev/null || true
	done
	wait
	cd /
	if [ -n "$keep" ]; then
		say "All is stopped. The files are in $work."
	else
		rm -rf "$work"
		say "All is stopped, and $work removed."
	fi
}

prepare() {
	local version

	if [ -z "${WALFETCH:-}" ]; then
		say "Looking for what it takes to build walfetch, and for PostgreSQL."
		install_packages "${build_packages[@]}"
		install_postgresql
		say "Building into build/ (about half a minute)."
		mkdir -p "$root/build"
		(cd "$root" && build_project build -DBUILD_TESTING=OFF) \
			>"$root/build/leader-follower.log" 2>&1 ||
			die_with "the build failed" "$root/build/leader-follower.log"
		WALFETCH=$root/build/src/walfetch
	fi
	find_postgresql ||
		die "no PostgreSQL found; set PG_BIN to its folder of programs"
	version=$("$pg_bin/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	[ "$version" -ge 13 ] ||
		die "PostgreSQL $version is too old for this story; it takes 13 or later"
}

make_folder() {
	if [ -n "$folder" ]; then
		mkdir -m 700 "$folder"
		work=$(cd "$folder" && pwd)
	else
		work=$(mktemp -d /tmp/walfetch-story.XXXXXX)
	fi
	receiver='' commit='' checker='' stop_mode=immediate
	leader=$work/db1/data
	follower=$work/db2/data
	rebuilt=$work/db1/rebuilt
	archive=$work/archive
	receive_log=$work/receive.log
	said=$work/said
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	# The servers' user may be one that cannot see the checkout.
	mkdir "$work/bin" "$work/db1" "$work/db2"
	cp "$WALFETCH" "$work/bin/walfetch"
	password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	(umask 077 && echo "*:*:*:replicator:$password" >"$work/.pgpass")
	give_to_user "$work"
	cd "$work"
	unset "${!PG@}"
	unset PSQLRC PAGER
	export HOME="$work" PGPASSFILE="$work/.pgpass" LC_ALL=C
	export PATH="$work/bin:$pg_bin:$PATH"
}

keep='' folder=''
while [ $# -gt 0 ]; do
	case $1 in
	--keep) keep=1 ;;
	--folder)
		[ $# -ge 2 ] || die "option \"$1\" needs an argument"
		folder=$2
		shift ;;
	--help | -\?) usage; exit ;;
	*) usage >&2; die "unknown option \"$1\"" ;;
	esac
	shift
done
prepare
make_folder
make_leader
configure_leader
check_leader
make_follower
follow
keep_archive
wait_for_follower
wait_for_walfetch
wait_for_any
lose_leader
promote_follower
follow_promotion
rebuild_leader
stop_receiver
stop_mode=fast
printf '\n\n'
say "Done: two leaders, one after the other, and no commit lost."
