#!/usr/bin/env bash
# The tests: installs what is missing (Debian, Ubuntu), builds, runs them all.
set -eu
cd "$(dirname "$0")/.."
. contrib/lib.sh

usage() {
	cat <<'EOT'
Usage: tests/run.sh [OPTION]...
Install what the tests need, build into build/ and run the tests.

  --label LABEL      only these: unit, cli, lint, integration, known,
                     fault, simulation, power (cuts, by root; how many:
                     WALFETCH_POWER_CUTS), fuzz (five seconds each;
                     tests/fuzz/run.sh runs longer), bench (a short run, to
                     see that it works)
  --compare          run the known failures of other receivers with
                     pg_receivewal and with walfetch, and print both, side by
                     side (a table for a page: MARKDOWN=1)
  --sanitize KIND    build into build-KIND and run the unit, integration and
                     fault tests under it: address, thread, undefined, valgrind
  --coverage         build into build-coverage, run the unit, cli, integration
                     and fault tests, and print what they cover of each folder;
                     fails if it is too little. What is not covered is listed
                     in build-coverage/coverage/
  --help             show this

PG_BIN=FOLDER takes the PostgreSQL programs from there.
EOT
}

build_dir=build
label=
compare=
coverage=
options=()

sanitize() {
	case $1 in
	address | thread | undefined) options+=("-DWALFETCH_SANITIZE=$1") ;;
	valgrind) options+=(-DWALFETCH_VALGRIND=ON) ;;
	*) die "unknown sanitizer \"$1\"" ;;
	esac
	build_dir=build-$1
	label=${label:-unit|integration|fault}
}

while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit ;;
	--compare) compare=1; shift ;;
	--coverage) coverage=1; shift ;;
	--label | --sanitize)
		[ $# -ge 2 ] || die "option \"$1\" needs an argument"
		if [ "$1" = --label ]; then label=$2; else sanitize "$2"; fi
		shift 2 ;;
	*) usage >&2; die "unknown option \"$1\"" ;;
	esac
done

if [ -n "$coverage" ]; then
	build_dir=build-coverage
	label=${label:-unit|cli|integration|fault}
	options+=(-DWALFETCH_COVERAGE=ON)
	install_packages gcovr
fi
install_packages "${build_packages[@]}" libcmocka-dev libfuse3-dev \
	libipc-run-perl lz4 zstd time python3 python3-yaml barman valgrind \
	mandoc shellcheck clang-format-14 clang-tidy-14 clang \
	libclang-rt-14-dev iproute2 openssl xfsprogs e2fsprogs
install_postgresql
build_project "$build_dir" -DBUILD_TESTING=ON -DWALFETCH_WERROR=ON \
	-DWALFETCH_BENCH=ON "${options[@]}"

if [ -n "$compare" ]; then
	exec tests/known/compare.sh "$build_dir/src/walfetch"
fi
run_tests() {
	ctest --test-dir "$build_dir" --output-on-failure -j2 \
		${label:+-L "$label"}
}

if [ -z "$coverage" ]; then
	run_tests
	exit
fi
status=0
tests/coverage/measure.sh begin "$build_dir"
run_tests || status=$?
tests/coverage/measure.sh report "$build_dir" || status=$?
exit "$status"
