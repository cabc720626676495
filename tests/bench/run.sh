#!/usr/bin/env bash
# How fast walfetch is beside others on this machine, on servers of its own.
set -eu
cd "$(dirname "$0")/../.."
. contrib/lib.sh
. tests/bench/measure.sh
. tests/bench/leader.sh
. tests/bench/wal.sh
. tests/bench/catch_up.sh
. tests/bench/restore.sh
. tests/bench/verify.sh
. tests/bench/backup.sh
. tests/bench/growth.sh
. tests/bench/synchronous.sh
. tests/bench/machine.sh

usage() {
	cat <<'EOT'
Usage: tests/bench/run.sh [OPTION]...
Measure walfetch and others in turn, and print tables: medians, and how many
times as fast walfetch was in each pair of runs, with the lowest and highest.

  --parts LIST        of catch-up restore verify backup growth synchronous
                      (default: all)
  --rounds N          rounds for each figure, in alternating order (default: 5)
  --folder DIR        where servers and archives are made (default: /tmp)
  --json FILE         write all figures and the machine's facts there, too
  --chart FILE        draw a chart of catch-up and synchronous there (SVG)
  --build DIR         measure the programs of this build folder, and install
                      and build nothing
  --smoke             as little as shows that all this works
  --help              show this

catch-up, restore, verify:
  --scale N           pgbench scale of the initialisation's WAL; as much again
                      comes from transactions (default: 75)
  --modes LIST        of none gzip:1 gzip lz4 zstd, each also with +sync, and
                      no-verify (default: all)
backup:
  --cluster-mb N      size of the cluster (default: 2048)
growth:
  --segments N        segments in the archive (default: 1000000)
synchronous:
  --seconds N         length of a pgbench run (default: 15)
  --clients LIST      (default: 1 8 32)
  --sync-scale N      pgbench scale (default: 50)
EOT
}

parts='catch-up restore verify backup growth synchronous'
rounds=5
folder=${TMPDIR:-/tmp}
json=
chart=
build=
scale=75
modes='none none+sync gzip:1 gzip:1+sync gzip gzip+sync lz4 lz4+sync
	zstd zstd+sync no-verify'
cluster_mb=2048
segments=1000000
seconds=15
clients='1 8 32'
sync_scale=50

while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit ;;
	--smoke)
		rounds=1 scale=4 cluster_mb=30 segments=1000 seconds=1 sync_scale=2
		clients=2
		modes='none gzip+sync zstd no-verify'
		shift
		continue ;;
	--parts | --rounds | --folder | --json | --chart | --build | --scale | \
		--modes | --cluster-mb | --segments | --seconds | --clients | --sync-scale)
		[ $# -ge 2 ] || die "option \"$1\" needs an argument" ;;
	*) usage >&2; die "unknown option \"$1\"" ;;
	esac
	case $1 in
	--parts) parts=$2 ;;
	--rounds) rounds=$2 ;;
	--folder) folder=$2 ;;
	--json) json=$(realpath "$2") ;;
	--chart) chart=$(realpath "$2") ;;
	--build) build=$2 ;;
	--scale) scale=$2 ;;
	--modes) modes=$2 ;;
	--cluster-mb) cluster_mb=$2 ;;
	--segments) segments=$2 ;;
	--seconds) seconds=$2 ;;
	--clients) clients=$2 ;;
	--sync-scale) sync_scale=$2 ;;
	esac
	shift 2
done

for part in $parts; do
	case $part in
	catch-up | restore | verify | backup | growth | synchronous) ;;
	*) die "unknown part \"$part\"" ;;
	esac
done

prepare_programs() {
	if [ -z "$build" ]; then
		build='build-bench'
		install_packages "${build_packages[@]}" time python3 gzip lz4 zstd
		[ -z "$chart" ] || install_packages python3-matplotlib
		install_postgresql
		build_project "$build" -DBUILD_TESTING=OFF \
			-DWALFETCH_BENCH=ON >/dev/null
	fi
	find_postgresql || skip "no PostgreSQL found"
	[ -x "$pg_bin/pg_receivewal" ] || skip "no pg_receivewal in $pg_bin"
	[ -x /usr/bin/time ] || skip "no /usr/bin/time"
	command -v python3 >/dev/null || skip "no python3"
	[ -z "$chart" ] || /usr/bin/python3 -c 'import matplotlib' ||
		skip "no matplotlib for the chart"
}

# For ctest, which knows this status.
skip() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 77
}

# shellcheck disable=SC2317 # the trap calls it
finish() {
	local status=$?

	stop_receiver
	stop_server standby immediate
	stop_server leader immediate
	cd /
	rm -rf "$work"
	exit "$status"
}

prepare_programs
scripts=$PWD/tests/bench
work=$(mktemp -d "$folder/walfetch-bench.XXXXXX")
trap finish EXIT
trap 'exit 1' INT TERM
cp "$build/src/walfetch" "$build/tests/bench/discard" \
	"$build/tests/bench/write_floor" "$work"
touch "$work/rounds"
give_to_user "$work"
cd "$work"

machine_facts >machine
for part in $parts; do
	case $part in
	catch-up) catch_up_part ;;
	restore) restore_part ;;
	verify) verify_part ;;
	backup) backup_part ;;
	growth) growth_part ;;
	synchronous) synchronous_part ;;
	esac
done

python3 "$scripts/report.py" rounds machine report.json
[ -z "$json" ] || cp report.json "$json"
[ -z "$chart" ] || "$scripts/chart.py" report.json "$chart"
