#!/usr/bin/env bash
# A long run: pgbench on a leader of its own, a receiver with a slot, and a lost
# connection every minute. Memory and descriptors must stay flat, and the archive
# must be the server's WAL, byte for byte.
set -eu
cd "$(dirname "$0")/../.."
. contrib/lib.sh

usage() {
	cat <<'EOT'
Usage: tests/bench/soak.sh [OPTION]...
Print a line for each connection, then what memory and descriptors did. Status 1
if they grow, or if the archive differs from the server's WAL.

  --minutes N     how long (default: 30; below 10 the checkpoints that memory
                  follows are too few to judge by)
  --every N       seconds between lost connections (default: 60)
  --rate N        transactions per second (default: 200)
  --compress M    as for receive (default: lz4)
  --folder DIR    where the leader and the archive are made
  --help          show this
EOT
}

minutes=30 every=60 rate=200 compress=lz4 folder=${TMPDIR:-/tmp}
while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit ;;
	--minutes) minutes=$2 ;;
	--every) every=$2 ;;
	--rate) rate=$2 ;;
	--compress) compress=$2 ;;
	--folder) folder=$2 ;;
	*) usage >&2; die "unknown option \"$1\"" ;;
	esac
	shift 2
done

install_packages "${build_packages[@]}" lz4 zstd
install_postgresql
build_project build-bench -DBUILD_TESTING=OFF >/dev/null

work=$(mktemp -d "$folder/walfetch-soak.XXXXXX")
cp build-bench/src/walfetch "$work"
give_to_user "$work"
cd "$work"
receiver='' load=''

run() {
	"${as_user[@]}" "$@"
}

sql() {
	run "$pg_bin/psql" -XqAt -h "$work" -d postgres -c "$1"
}

# shellcheck disable=SC2317 # the trap calls it
finish() {
	for pid in $receiver $load; do
		kill "$pid" 2>/dev/null || true
	done
	[ ! -e "$work/leader/postmaster.pid" ] ||
		run "$pg_bin/pg_ctl" -D "$work/leader" -m immediate stop >/dev/null
	cd /
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

say "making a leader"
run "$pg_bin/initdb" -D leader -A trust -N >/dev/null
run tee -a leader/postgresql.conf >/dev/null <<EOT
listen_addresses = ''
unix_socket_directories = '$work'
checkpoint_timeout = 1min
fsync = off
wal_keep_size = 1TB
EOT
run "$pg_bin/pg_ctl" -D leader -l leader.log -w start >/dev/null
run "$pg_bin/pgbench" -h "$work" -i -s 10 -q postgres >/dev/null 2>&1
sql "SELECT pg_create_physical_replication_slot('soak', true)" >/dev/null
begin=$(sql "SELECT pg_walfile_name(restart_lsn) FROM pg_replication_slots")

run mkdir archive
"${as_user[@]}" "$work/walfetch" receive -h "$work" -D archive -S soak -s 1 \
	-Z "$compress" 2>receiver.log &
receiver=$!
"${as_user[@]}" "$pg_bin/pgbench" -h "$work" -n -c 4 -R "$rate" \
	-T "$((minutes * 60))" postgres >load.log 2>&1 &
load=$!

# The walsender that serves us, once there is one other than $1.
walsender() {
	local pid tries

	for ((tries = 0; tries < 600; tries++)); do
		kill -0 "$receiver" || die "the receiver has ended: $(cat receiver.log)"
		pid=$(sql "SELECT active_pid FROM pg_replication_slots
			WHERE active_pid IS DISTINCT FROM ${1:-0}")
		if [ -n "$pid" ]; then
			echo "$pid"
			return
		fi
		sleep 0.1
	done
	die "no connection for a minute: $(tail -n 5 receiver.log)"
}

# kB in memory, its peak, threads and descriptors of the receiver.
sample() {
	local descriptors=(/proc/"$receiver"/fd/*)

	awk -v at="$SECONDS" -v descriptors="${#descriptors[@]}" '
		/^VmRSS/ { rss = $2 } /^VmHWM/ { peak = $2 }
		/^Threads/ { threads = $2 }
		END { print at, rss, peak, threads, descriptors }
	' "/proc/$receiver/status" >>samples
}

say "$minutes minutes, $rate transactions per second, a lost connection every $every s"
printf '%8s %10s %10s %8s %12s %14s\n' second 'RSS kB' 'peak kB' threads \
	descriptors 'archived files'
SECONDS=0 next=$every lost=0
pid=$(walsender)
while kill -0 "$load" 2>/dev/null; do
	sleep 1
	sample
	if [ "$SECONDS" -ge "$next" ]; then
		next=$((SECONDS + every))
		sql "SELECT pg_terminate_backend($pid)" >/dev/null
		pid=$(walsender "$pid")
		lost=$((lost + 1))
		read -r at rss peak threads descriptors <<<"$(tail -n 1 samples)"
		printf '%8s %10s %10s %8s %12s %14s\n' "$at" "$rss" "$peak" \
			"$threads" "$descriptors" "$(find archive -type f | wc -l)"
	fi
done
wait "$load" || die "pgbench failed: $(tail -n 3 load.log)"
load=

say "waiting for the rest"
end=$(sql "SELECT pg_walfile_name(pg_current_wal_lsn())")
sql 'SELECT pg_switch_wal()' >/dev/null
lsn=$(sql "SELECT pg_create_restore_point('end')")
for ((tries = 0; tries < 600; tries++)); do
	[ "$(sql "SELECT coalesce(max(flush_lsn), '0/0') >= '$lsn'
		FROM pg_stat_replication")" != t ] || break
	sleep 0.1
done
kill -TERM "$receiver"
status=0
wait "$receiver" || status=$?
receiver=
failed=0
if [ "$status" -ne 0 ]; then
	echo "the receiver ended with status $status" >&2
	failed=1
fi

# plain FILE: its content, whatever its codec.
plain() {
	case $1 in
	*.gz) gzip -dc "$1" ;;
	*.lz4) lz4 -dcq "$1" ;;
	*.zst) zstd -dcq "$1" ;;
	*) cat "$1" ;;
	esac
}

segments=0
for file in leader/pg_wal/????????????????????????; do
	name=${file##*/}
	if [[ $name < $begin || $name > $end ]]; then
		continue
	fi
	segments=$((segments + 1))
	archived=(archive/"$name"*)
	if [ ! -e "${archived[0]}" ]; then
		echo "missing: $name" >&2
		failed=1
	elif [[ ${archived[0]} == *.partial ]]; then
		echo "not complete: $name" >&2
		failed=1
	elif ! plain "${archived[0]}" | cmp -s - "$file"; then
		echo "differs from the server's: ${archived[0]}" >&2
		failed=1
	fi
done
say "$segments segments compared, $lost connections lost, $(grep -c 'trying again' receiver.log || true) times tried again"
if [ "$segments" -eq 0 ]; then
	echo "nothing to compare" >&2
	failed=1
fi

# The first third is for warming up; then the last must be as the second, the
# lowest of it and the most: memory goes up and down with what is in work. A file
# that is open for a moment is no growth; one for each lost connection is.
grows() {
	awk -v name="$1" -v column="$2" -v part="$3" -v fixed="$4" '
	{ value[NR] = $column }
	function summary(from, upto, list,    i, j, n, v)
	{
		n = 0
		for (i = int(from) + 1; i <= upto; i++) {
			v = value[i]
			for (j = n++; j > 0 && list[j] > v; j--)
				list[j + 1] = list[j]
			list[j + 1] = v
		}
		list["least"] = list[1]
		list["most"] = list[n]
	}
	END {
		summary(NR / 3, NR * 2 / 3, early)
		summary(NR * 2 / 3, NR, late)
		allowed = early["most"] * part + fixed
		bad = late["most"] > early["most"] + allowed || \
			late["least"] > early["least"] + allowed
		printf "%-12s second third: least %d, most %d; last: least %d, most %d: %s\n",
			name, early["least"], early["most"], late["least"],
			late["most"], bad ? "grows" : "flat"
		exit !bad
	}' samples
}

if grows 'RSS, kB' 2 0.05 1024; then failed=1; fi
if grows threads 4 0 0; then failed=1; fi
if grows descriptors 5 0 3; then failed=1; fi
if [ "$failed" -eq 0 ]; then
	say "flat and faithful"
fi
exit "$failed"
