#!/usr/bin/env bash
# walfetch at work in a minute or two, on a throw-away leader or on yours.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/contrib/lib.sh"

usage() {
	cat <<'EOT'
Usage: contrib/quickstart.sh [-d CONNINFO -D DIRECTORY [RECEIVE-OPTION]...]
Install what walfetch needs, build it into build/ and show it at work.

Without arguments: start a throw-away leader, put load on it, receive its WAL,
check what was received, and clean up. Nothing stays but packages and build/.

With arguments: build, then run "walfetch receive" with them, on your leader.
EOT
}

build() {
	say "Building into build/ (about half a minute)."
	mkdir -p "$root/build"
	if ! (cd "$root" && build_project build -DBUILD_TESTING=OFF) \
		>"$root/build/quickstart.log" 2>&1; then
		cat "$root/build/quickstart.log" >&2
		die "the build failed"
	fi
}

# shellcheck disable=SC2317 # the trap calls it
clean_up() {
	say "Cleaning up: stopping everything and removing $work."
	[ -z "$receiver" ] || kill "$receiver" 2>/dev/null || true
	[ -z "$load" ] || kill "$load" 2>/dev/null || true
	wait
	[ ! -e "$leader/postmaster.pid" ] ||
		"${as_user[@]}" "$pg_bin/pg_ctl" -D "$leader" -m fast -s stop || true
	cd / && rm -rf "$work"
}

query() {
	"${as_user[@]}" "$pg_bin/psql" -X -h "$work" -d postgres "$@"
}

start_leader() {
	say "Making a throw-away leader in $work; it listens on a Unix socket only."
	"${as_user[@]}" "$pg_bin/initdb" -D "$leader" --no-sync -A trust >"$work/initdb.log"
	cat >>"$leader/postgresql.conf" <<-EOT
		listen_addresses = ''
		unix_socket_directories = '$work'
		wal_keep_size = 2GB
	EOT
	"${as_user[@]}" "$pg_bin/pg_ctl" -D "$leader" -l "$work/leader.log" -s -w start
}

start_receiver() {
	local command=(./walfetch receive -D archive -h "$work"
		-S quickstart --auto-slot -v)

	say "Starting to receive, into $archive:"
	printf '     %s\n' "${command[*]}"
	# With job control on, the process gets SIGINT when we send it one, and
	# not when the person at the keyboard stops this script.
	set -m
	"${as_user[@]}" "${command[@]}" 2> >(sed -u 's/^/     /' >&2) &
	receiver=$!
	set +m
}

start_load() {
	say "Putting load on the leader with pgbench for ten seconds."
	"${as_user[@]}" "$pg_bin/pgbench" -q -i -s 10 -h "$work" postgres \
		>"$work/pgbench.log" 2>&1
	"${as_user[@]}" "$pg_bin/pgbench" -T 10 -c 4 -j 2 -h "$work" postgres \
		>"$work/pgbench.log" 2>&1 &
	load=$!
}

show_both_sides() {
	say "How the leader sees walfetch (flush_lsn: durable, as walfetch said):"
	query -x -c "SELECT application_name, state, sent_lsn, write_lsn,
		flush_lsn, sync_state FROM pg_stat_replication"
	say "And what the archive holds:"
	ls -l "$archive"
}

# Wait up to a minute until walfetch has made durable all that there is.
await_receiver() {
	local end

	say "Closing the leader's open segment with pg_switch_wal()."
	query -At -c "SELECT pg_switch_wal()" >/dev/null
	end=$(query -At -c "SELECT pg_current_wal_flush_lsn()")
	for _ in $(seq 600); do
		kill -0 "$receiver" 2>/dev/null || die "walfetch ended early"
		[ "$(query -At -c "SELECT flush_lsn >= '$end'
			FROM pg_stat_replication")" != t ] || return 0
		sleep 0.1
	done
	die "walfetch did not reach $end within a minute"
}

stop_receiver() {
	local status=0

	say "Stopping walfetch with SIGINT, as Ctrl-C does."
	kill -INT "$receiver"
	wait "$receiver" || status=$?
	receiver=
	[ "$status" -eq 0 ] || die "walfetch ended with status $status"
}

check_archive() {
	local path name first='' last='' count=0

	for path in "$archive"/????????????????????????; do
		name=${path##*/}
		cmp "$path" "$leader/pg_wal/$name"
		first=${first:-$name}
		last=$name
		count=$((count + 1))
	done
	say "$count complete segments are byte for byte the leader's own."
	"${as_user[@]}" "$pg_bin/pg_waldump" --quiet -p "$archive" "$first" "$last"
	say "pg_waldump reads every record from $first to $last."
}

demonstrate() {
	receiver='' load=''
	work=$(mktemp -d /tmp/walfetch-demo.XXXXXX)
	leader=$work/leader
	archive=$work/archive
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	# The leader's user may be one that cannot see this folder.
	cp "$root/build/src/walfetch" "$work/walfetch"
	mkdir -m 700 "$archive"
	give_to_user "$work"
	cd "$work"
	unset "${!PG@}"
	export HOME="$work"

	start_leader
	start_receiver
	start_load
	sleep 5
	show_both_sides
	wait "$load"
	load=
	grep -E '^(tps|latency average)' "$work/pgbench.log"
	await_receiver
	stop_receiver
	ls -l "$archive"
	check_archive
	say "Done. On a leader of yours: contrib/quickstart.sh -d CONNINFO -D DIRECTORY"
}

case ${1:-} in
--help | -\?) usage; exit ;;
esac
say "Looking for what it takes to build walfetch."
install_packages "${build_packages[@]}"
if [ $# -gt 0 ]; then
	build
	exec "$root/build/src/walfetch" receive "$@"
fi
install_postgresql
build
demonstrate
