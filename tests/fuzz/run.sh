#!/usr/bin/env bash
# Build the fuzz targets with clang and run each for some seconds. Status: 0 no
# crash, 1 a crash or an error, 77 no clang with libFuzzer here.
set -eu
cd "$(dirname "$0")/../.."
. contrib/lib.sh

usage() {
	cat <<'EOT'
Usage: tests/fuzz/run.sh [OPTION]... [TARGET]...
Build the fuzz targets and run all of them, or those named.

  --seconds N     run each for so long (default: 5)
  --jobs N        so many targets at a time (default: 1)
  --build FOLDER  build there (default: build-fuzz)
  --corpus FOLDER keep what was found in a folder for each target there, and
                  begin with it (default: forget it)
  --help          show this

An input that crashes a target is left in FOLDER/crashes of the build folder.
It belongs into tests/fuzz/crashes/TARGET, where the tests replay it.
EOT
}

seconds=5
jobs=1
build_dir=build-fuzz
corpus=
targets=()

while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit ;;
	--seconds | --jobs | --build | --corpus)
		[ $# -ge 2 ] || die "option \"$1\" needs an argument"
		case $1 in
		--seconds) seconds=$2 ;;
		--jobs) jobs=$2 ;;
		--build) build_dir=$2 ;;
		--corpus) corpus=$2 ;;
		esac
		shift 2 ;;
	-*) usage >&2; die "unknown option \"$1\"" ;;
	*) targets+=("$1"); shift ;;
	esac
done

# find_clang: set clang to one that has libFuzzer.
find_clang() {
	local scratch found=1

	scratch=$(mktemp -d)
	echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' >"$scratch/try.c"
	for clang in clang clang-{19,18,17,16,15,14}; do
		if command -v "$clang" >/dev/null &&
			"$clang" -fsanitize=fuzzer,address,undefined \
				-o "$scratch/try" "$scratch/try.c" 2>/dev/null
		then
			found=0
			break
		fi
	done
	rm -rf "$scratch"
	return "$found"
}

find_clang || {
	echo "clang with libFuzzer is not installed: nothing is fuzzed" >&2
	exit 77
}
generator=()
if [ ! -e "$build_dir/CMakeCache.txt" ] && command -v ninja >/dev/null; then
	generator=(-G Ninja)
fi
cmake -S . -B "$build_dir" "${generator[@]}" -DCMAKE_C_COMPILER="$clang" \
	-DWALFETCH_FUZZ=ON -DWALFETCH_WERROR=ON >/dev/null
cmake --build "$build_dir" >"$build_dir/build.log" 2>&1 || {
	cat "$build_dir/build.log" >&2
	die "could not build the fuzz targets"
}
if [ ${#targets[@]} -eq 0 ]; then
	for program in "$build_dir"/tests/fuzz/fuzz_*; do
		if [ -x "$program" ]; then
			targets+=("${program##*/fuzz_}")
		fi
	done
fi

# In memory, if it may: some targets write a file for each input.
scratch=$(TMPDIR=$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}") \
	mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$build_dir/crashes"
build_dir=$(cd "$build_dir" && pwd)

# run_target NAME: its summary on one line; its messages if it crashed.
run_target() {
	local name=$1 found="$scratch/$1.corpus" log="$scratch/$1.log" status=0
	local folders=() folder runs

	[ -z "$corpus" ] || found=$corpus/$name
	mkdir -p "$found" "$scratch/$name.tmp"
	for folder in tests/fuzz/seeds/"$name" tests/fuzz/crashes/"$name"; do
		[ ! -d "$folder" ] || folders+=("$folder")
	done
	TMPDIR="$scratch/$name.tmp" "$build_dir/tests/fuzz/fuzz_$name" \
		-max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 \
		-malloc_limit_mb=256 -print_final_stats=1 \
		-artifact_prefix="$build_dir/crashes/$name-" \
		"$found" "${folders[@]}" >"$log" 2>&1 || status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	if [ "$status" -eq 0 ]; then
		printf '%-20s %10d executions\n' "$name" "$runs"
		return
	fi
	printf '%-20s failed\n' "$name"
	grep -v '^#' "$log" | tail -n 60
	return 1
}

status=0
running=0
for name in "${targets[@]}"; do
	if [ "$running" -ge "$jobs" ]; then
		wait -n || status=1
		running=$((running - 1))
	fi
	run_target "$name" &
	running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
	wait -n || status=1
	running=$((running - 1))
done
exit "$status"
