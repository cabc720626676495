#!/usr/bin/env bash
# What receiving costs as what causes the cost grows: the archive, the segments,
# the distance to the server, the slowness of the disk. The leader is the scripted
# one of tests/fault, which sends synthetic WAL faster than it can be received.
# shellcheck disable=SC2317 # functions are called by their names
set -eu
cd "$(dirname "$0")/../.."
. contrib/lib.sh

usage() {
	cat <<'EOT'
Usage: tests/bench/scaling.sh [OPTION]...
Print cost per cause, and whether a cost grows faster than its cause. Status 1 if
one does, by more than twice.

  --parts LIST     of archive sizes behind disk (default: all)
  --archive LIST   segments in the archive (default: 1000 10000 100000 1000000)
  --sizes LIST     segment sizes in MB (default: 1 16 64 256 1024)
  --volume N       GB received for each of these, and for each disk (default: 2)
  --behind LIST    GB behind the server (default: 1 4 16)
  --disk LIST      MB/s that the disk writes (default: 400 200 100 50)
  --folder DIR     where archives are made
  --help           show this
EOT
}

parts='archive sizes behind disk' archive='1000 10000 100000 1000000'
sizes='1 16 64 256 1024' volume=2 behind='1 4 16' disk='400 200 100 50'
folder=${TMPDIR:-/tmp}
while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit ;;
	--parts) parts=$2 ;;
	--archive) archive=$2 ;;
	--sizes) sizes=$2 ;;
	--volume) volume=$2 ;;
	--behind) behind=$2 ;;
	--disk) disk=$2 ;;
	--folder) folder=$2 ;;
	*) usage >&2; die "unknown option \"$1\"" ;;
	esac
	shift 2
done

install_packages "${build_packages[@]}" libcmocka-dev time
build="build-scaling"
cmake -S . -B "$build" -DBUILD_TESTING=ON -DWALFETCH_BENCH=ON >/dev/null
cmake --build "$build" --parallel --target walfetch leader slow_disk >/dev/null

judge_script=$PWD/tests/bench/scaling.awk
work=$(mktemp -d "$folder/walfetch-scaling.XXXXXX")
cp "$build/src/walfetch" "$build/tests/fault/leader" "$work"
cp "$build"/tests/bench/*slow_disk.so "$work/slow_disk.so"
cd "$work"
leader='' pruner='' failed=0

stop() {
	[ -z "$1" ] || { kill "$1" && wait "$1"; } 2>/dev/null || true
}

finish() {
	stop "$leader"
	stop "$pruner"
	cd /
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

mb=1048576

lsn() {
	printf '%X/%08X' $(($1 >> 32)) $(($1 & 0xFFFFFFFF))
}

# lead SEGMENT-MB BEGIN END [STATEMENT]: start a leader with the WAL between two
# bytes.
lead() {
	local more=${4:-}

	stop "$leader"
	rm -f .s.PGSQL.5432 leader.log
	touch leader.log
	cat >script <<EOT
segment-size $1
oldest $(lsn "$2")
flushed $(lsn "$3")
slot growth $(lsn "$2")
$more
connection
serve
EOT
	./leader "$work" script >leader.log &
	leader=$!
	until grep -q listening leader.log; do
		kill -0 "$leader"
		sleep 0.01
	done
}

# receive END OPTION...: "kB CPU-seconds seconds" of one run.
receive() {
	local end=$1
	shift
	# shellcheck disable=SC2086 # $preload is an assignment or nothing
	command time -o times -f '%M %U %S %e' env ${preload:-} \
		./walfetch receive -D archive -d "host=$work user=growth" \
		-E "$(lsn "$end")" -n "$@" 2>receiver.log ||
		{ cat receiver.log >&2; exit 1; }
	awk '{ print $1, $2 + $3, $4 }' times
}

# judge FLAT: what the lines of the file "costs" say.
judge() {
	awk -v flat="$1" -v tolerance=2 -v least_memory=16384 -v least_cpu=0.1 \
		-f "$judge_script" costs || failed=1
}

new_archive() {
	rm -rf archive
	mkdir -m 700 archive
}

part_archive() {
	local count memory cpu seconds

	say "start and 1.5 MB more, with so many segments in the archive"
	printf '%10s %10s %10s %10s\n' segments 'peak kB' 'CPU s' seconds
	: >costs
	new_archive
	local made=0
	for count in $archive; do
		# Sparse files, in order; only the newest holds WAL.
		perl -e 'for my $n ($ARGV[0] + 1 .. $ARGV[1] - 1) {
			open my $f, ">", sprintf("archive/00000001%08X%08X", $n >> 12, $n & 4095) or die $!;
			truncate $f, 1048576 or die $!;
		}' "$made" "$count"
		rm -rf pg_wal
		lead 1 $((count * mb)) $(((count + 2) * mb + mb / 2)) \
			"write-wal $(lsn $((count * mb))) $(lsn $(((count + 1) * mb)))"
		mv pg_wal/* archive
		# The first reads the directory into the cache, and leaves an end.
		receive $(((count + 1) * mb)) >/dev/null
		read -r memory cpu seconds <<<"$(receive $(((count + 2) * mb + mb / 2)))"
		printf '%10s %10s %10s %10s\n' "$count" "$memory" "$cpu" "$seconds"
		echo "$count $memory $cpu $seconds" >>costs
		made=$((count + 2))
		rm -f archive/*.partial
	done
	judge 0
}

part_sizes() {
	local codec size bytes begin memory cpu seconds

	for codec in none gzip lz4 zstd; do
		say "$volume GB in segments of so many MB, $codec"
		printf '%10s %10s %10s %10s %10s\n' MB 'peak kB' 'CPU s/GB' \
			seconds MB/s
		: >costs
		for size in $sizes; do
			begin=$((2 * size * mb))
			bytes=$((volume * 1024 * mb))
			lead "$size" "$begin" $((begin + bytes))
			new_archive
			read -r memory cpu seconds <<<"$(receive $((begin + bytes)) \
				-S growth -Z "$codec")"
			cpu=$(awk "BEGIN { print $cpu / $volume }")
			printf '%10s %10s %10s %10s %10.0f\n' "$size" "$memory" \
				"$cpu" "$seconds" \
				"$(awk "BEGIN { print $volume * 1024 / $seconds }")"
			echo "$size $memory $cpu $seconds" >>costs
		done
		judge 1
	done
}

# Remove finished segments, all but the newest three, for ever.
prune() {
	while sleep 0.2; do
		find archive -name '*.zst' | sort | head -n -3 | xargs -r rm -f
	done
}

part_behind() {
	local far begin memory cpu seconds

	say "so many GB behind the server; zstd, 16 MB segments, pruned as it goes"
	printf '%10s %10s %10s %10s %10s\n' GB 'peak kB' 'CPU s/GB' seconds MB/s
	: >costs
	begin=$((32 * mb))
	for far in $behind; do
		lead 16 "$begin" $((begin + far * 1024 * mb))
		new_archive
		prune &
		pruner=$!
		read -r memory cpu seconds <<<"$(receive \
			$((begin + far * 1024 * mb)) -S growth -Z zstd)"
		stop "$pruner"
		pruner=
		cpu=$(awk "BEGIN { print $cpu / $far }")
		printf '%10s %10s %10s %10s %10.0f\n' "$far" "$memory" "$cpu" \
			"$seconds" "$(awk "BEGIN { print $far * 1024 / $seconds }")"
		echo "$far $memory $cpu $seconds" >>costs
	done
	judge 1
}

part_disk() {
	local speed begin memory cpu seconds

	say "$volume GB to a disk that writes so many MB/s and syncs in 20 ms"
	printf '%10s %10s %10s %10s\n' MB/s 'peak kB' 'CPU s/GB' seconds
	: >costs
	begin=$((32 * mb))
	for speed in $disk; do
		lead 16 "$begin" $((begin + volume * 1024 * mb))
		new_archive
		preload="LD_PRELOAD=$work/slow_disk.so SLOW_DISK_US=$((1000000 / speed)) SLOW_DISK_SYNC_US=20000"
		read -r memory cpu seconds <<<"$(receive \
			$((begin + volume * 1024 * mb)) -S growth)"
		preload=
		cpu=$(awk "BEGIN { print $cpu / $volume }")
		printf '%10s %10s %10s %10s\n' "$speed" "$memory" "$cpu" "$seconds"
		echo "$speed $memory $cpu $seconds" >>costs
		if [ "$memory" -gt $((128 * 1024 + 16 * 1024)) ]; then
			echo "more than --memory (128 MB) and what a process is" >&2
			failed=1
		fi
	done
	judge 1
}

for part in $parts; do
	case $part in
	archive | sizes | behind | disk) "part_$part" ;;
	*) die "unknown part \"$part\"" ;;
	esac
done
[ "$failed" -ne 0 ] || say "no cost grows faster than its cause"
exit "$failed"
