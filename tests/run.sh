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
                     fault, simulation, fuzz (five seconds each;
                     tests/fuzz/run.sh runs longer), bench (a short run, to
                     see that it works)
  --compare          run the known failures of other receivers with
                     pg_receivewal and with walfetch, and print both, side by
                     side (a table for a page: MARKDOWN=1)
  --sanitize KIND    build into build-KIND and run the unit, integration and
                     fault tests under it: address, thread, undefined, valgrind
  --help             show this

PG_BIN=FOLDER takes the PostgreSQL programs from there.
EOT
}

build_dir=build
label=
compare=
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
	--label | --sanitize)
		[ $# -ge 2 ] || die "option \"$1\" needs an argument"
		if [ "$1" = --label ]; then label=$2; else sanitize "$2"; fi
		shift 2 ;;
	*) usage >&2; die "unknown option \"$1\"" ;;
	esac
done

install_packages "${build_packages[@]}" libcmocka-dev libipc-run-perl \
	lz4 zstd time python3 python3-yaml barman valgrind mandoc shellcheck \
	clang-format-14 clang-tidy-14 clang libclang-rt-14-dev iproute2 openssl
install_postgresql
build_project "$build_dir" -DBUILD_TESTING=ON -DWALFETCH_WERROR=ON \
	-DWALFETCH_BENCH=ON "${options[@]}"

if [ -n "$compare" ]; then
	exec tests/known/compare.sh "$build_dir/src/walfetch"
fi
exec ctest --test-dir "$build_dir" --output-on-failure -j2 \
	${label:+-L "$label"}
