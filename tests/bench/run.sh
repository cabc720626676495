#!/usr/bin/env bash
# How fast walfetch catches up, against pg_receivewal, on this machine: a leader
# of its own, pgbench WAL, both receivers in turn, order alternated.
set -eu
cd "$(dirname "$0")/../.."
. contrib/lib.sh

usage() {
	cat <<'EOT'
Usage: tests/bench/run.sh [OPTION]...
Print a table of median times and of walfetch's speed as a multiple of
pg_receivewal's, with the lowest and highest ratio of the rounds.

  --scale N       pgbench scale: 16 MB of WAL each, and half as much again of
                  transactions (default: 65)
  --rounds N      rounds for each mode (default: 5)
  --modes LIST    of none gzip:1 gzip lz4 zstd noverify (default: all)
  --folder DIR    where the leader and the archives are made
  --help          show this
EOT
}

scale=65 rounds=5 modes='none gzip:1 gzip lz4 zstd noverify' folder=${TMPDIR:-/tmp}
while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit ;;
	--scale) scale=$2 ;;
	--rounds) rounds=$2 ;;
	--modes) modes=$2 ;;
	--folder) folder=$2 ;;
	*) usage >&2; die "unknown option \"$1\"" ;;
	esac
	shift 2
done

install_packages "${build_packages[@]}" time
install_postgresql
build_project build-bench -DBUILD_TESTING=OFF >/dev/null
[ -x "$pg_bin/pg_receivewal" ] || die "no pg_receivewal in $pg_bin"

work=$(mktemp -d "$folder/walfetch-bench.XXXXXX")
cp build-bench/src/walfetch "$work"
give_to_user "$work"
cd "$work"

run() {
	"${as_user[@]}" "$@"
}

sql() {
	run "$pg_bin/psql" -XqAt -h "$work" -d postgres -c "$1"
}

finish() {
	[ ! -e "$work/leader/postmaster.pid" ] ||
		run "$pg_bin/pg_ctl" -D "$work/leader" -m immediate stop >/dev/null
	cd /
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

say "making a leader and its WAL"
run "$pg_bin/initdb" -D leader -A trust -N >/dev/null
run tee -a leader/postgresql.conf >/dev/null <<EOT
listen_addresses = ''
unix_socket_directories = '$work'
max_wal_size = 32GB
checkpoint_timeout = 1h
fsync = off
autovacuum = off
EOT
run "$pg_bin/pg_ctl" -D leader -l leader.log -w start >/dev/null
sql "SELECT pg_create_physical_replication_slot('begin', true)" >/dev/null
pgbench=$pg_bin/pgbench
run "$pgbench" -h "$work" -i -s "$scale" -q postgres >/dev/null 2>&1
run "$pgbench" -h "$work" -n -c 4 -t "$((scale * 250))" postgres >/dev/null 2>&1
end=$(sql 'SELECT pg_current_wal_flush_lsn()')
bytes=$(sql "SELECT '$end'::pg_lsn - restart_lsn FROM pg_replication_slots")

# measure RECEIVER OPTION...: one run; appends "wall cpu kB archived-kB".
measure() {
	local receiver=$1 command
	shift
	command=("$pg_bin/pg_receivewal")
	[ "$receiver" != walfetch ] || command=("$work/walfetch" receive)
	rm -rf archive
	run mkdir archive
	sql "SELECT pg_drop_replication_slot('run') FROM pg_replication_slots
		WHERE slot_name = 'run'" >/dev/null
	sql "SELECT pg_copy_physical_replication_slot('begin', 'run')" >/dev/null
	sync
	run /usr/bin/time -a -o "$receiver.times" -f '%e %U %S %M' \
		"${command[@]}" -h "$work" -D archive -S run -E "$end" -n "$@" \
		2>"$receiver.log" || { cat "$receiver.log" >&2; exit 1; }
	du -sk archive | cut -f1 >"$receiver.size"
}

# What pg_receivewal is called with for a mode of ours.
peer_options() {
	case $1 in
	none | noverify) ;;
	zstd) echo -Z lz4 ;; # it has no zstd
	*) echo -Z "$1" ;;
	esac
}

our_options() {
	case $1 in
	none) ;;
	noverify) echo --no-verify ;;
	*) echo -Z "$1" ;;
	esac
}

compare() {
	local mode=$1 round ours theirs

	rm -f ./*.times
	read -ra ours <<<"$(our_options "$mode")"
	read -ra theirs <<<"$(peer_options "$mode")"
	for ((round = 0; round < rounds; round++)); do
		if ((round % 2 == 0)); then
			measure walfetch "${ours[@]}"
			measure pg_receivewal "${theirs[@]}"
		else
			measure pg_receivewal "${theirs[@]}"
			measure walfetch "${ours[@]}"
		fi
	done
	paste -d ' ' walfetch.times pg_receivewal.times |
		awk -v mode="$mode" -v bytes="$bytes" \
			-v size="$(cat walfetch.size)" -f "$table"
}

table=$OLDPWD/tests/bench/table.awk
say "$((bytes >> 20)) MB of WAL, $rounds rounds; zstd is set against lz4"
printf '%-9s %9s %9s %8s %15s %7s %7s %6s\n' mode walfetch 'pg_recv.' MB/s \
	'times as fast' 'CPU s' 'peak MB' ratio
for mode in $modes; do
	compare "$mode"
done
