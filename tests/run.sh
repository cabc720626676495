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
                     servers (the core of integration on PostgreSQL 10, 13 to
                     19), fault, simulation, power (cuts, by root; how many:
                     WALFETCH_POWER_CUTS), fuzz (five seconds each;
                     tests/fuzz/run.sh runs longer), bench (a short run, to
                     see that it works)
  --servers LIST     on these versions of PostgreSQL (10,11,12,...,19): the
                     tests labelled servers, then all labelled integration;
                     with --label, those of that label
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

Servers of other versions are fetched with npm (10 to 16) and with apt, from
newer suites of Debian (17 to 19, without installing anything), into
${XDG_CACHE_HOME}/walfetch, or else ~/.cache/walfetch, or /var/cache/walfetch if
we are root; some 700 MB for all. Remove that folder to fetch them anew. What
cannot be had is skipped and named at the end, with the reason.
WALFETCH_PG_13=FOLDER takes the programs of PostgreSQL 13 from there instead,
and so for every version. WALFETCH_SERVER=13 ctest ... runs single tests on it.
EOT
}

build_dir=build
label=
versions=(10 13 14 15 16 17 18 19)
only_servers=
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

servers() {
	local version

	IFS=, read -r -a versions <<<"$1"
	only_servers=1
	for version in "${versions[@]}"; do
		case $version in
		1[0-9]) ;;
		*) die "no version of PostgreSQL from 10 to 19: \"$version\"" ;;
		esac
	done
	[ ${#versions[@]} -gt 0 ] || die "option \"--servers\" needs versions"
}

# Where the servers are, or why they are not, as WALFETCH_PG_<version> and
# WALFETCH_NO_PG_<version>: into the environment. Those that are not whole are
# helped by the programs of 18.
find_servers() {
	local version name missing=() line

	for version in 18 "${versions[@]}"; do
		name=WALFETCH_PG_$version
		[ -n "${!name:-}" ] || missing+=("$version")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	while IFS= read -r line; do
		# shellcheck disable=SC2163 # a name and a value
		export "$line"
	done < <(tests/servers/fetch.sh "${missing[@]}")
}

# What was skipped in the last run of ctest, and why.
list_skipped() {
	awk '
		/^[0-9]+\/[0-9]+ Test: / { name = $3 }
		/^skipped: / { print name ": " substr($0, 10) }
		/^1\.\.0 # SKIP / { print name ": " substr($0, 13) }
		/^ok [0-9]+ # skip / {
			sub(/^ok [0-9]+ # skip /, "")
			print name ", in part: " $0
		}' "$build_dir/Testing/Temporary/LastTest.log" | awk '!seen[$0]++'
}

# run_tests CTEST-OPTION...: and say what was skipped.
run_tests() {
	local status=0 skipped

	ctest --test-dir "$build_dir" --output-on-failure -j2 "$@" || status=$?
	skipped=$(list_skipped)
	if [ -n "$skipped" ]; then
		say "skipped, and why:"
		echo "$skipped"
	fi
	return "$status"
}

# The tests of a label (servers, then integration) with servers of each version.
run_on_servers() {
	local version name status=0

	if [ -z "$label" ] || [ "$label" = servers ]; then
		run_tests -L servers || status=$?
	fi
	[ "$label" != servers ] || return "$status"
	for version in "${versions[@]}"; do
		name=WALFETCH_PG_$version
		if [ -z "${!name:-}" ]; then
			name=WALFETCH_NO_PG_$version
			say "PostgreSQL $version: skipped: ${!name:-}"
			continue
		fi
		say "PostgreSQL $version: ${!name}"
		WALFETCH_SERVER=$version run_tests -L "${label:-integration}" ||
			status=$?
	done
	return "$status"
}

while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit ;;
	--compare) compare=1; shift ;;
	--coverage) coverage=1; shift ;;
	--label | --sanitize | --servers)
		[ $# -ge 2 ] || die "option \"$1\" needs an argument"
		case $1 in
		--label) label=$2 ;;
		--sanitize) sanitize "$2" ;;
		--servers) servers "$2" ;;
		esac
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
	mandoc shellcheck patchelf clang-format-14 clang-tidy-14 clang \
	libclang-rt-14-dev iproute2 openssl xfsprogs e2fsprogs
install_postgresql
build_project "$build_dir" -DBUILD_TESTING=ON -DWALFETCH_WERROR=ON \
	-DWALFETCH_BENCH=ON \
	-DWALFETCH_TEST_SERVERS="$(IFS=';' && echo "${versions[*]}")" \
	"${options[@]}"

if [ -n "$compare" ]; then
	exec tests/known/compare.sh "$build_dir/src/walfetch"
fi
case ,$label, in
,, | *integration* | *servers*) find_servers ;;
esac
status=0
[ -z "$coverage" ] || tests/coverage/measure.sh begin "$build_dir"
if [ -n "$only_servers" ]; then
	run_on_servers || status=$?
else
	run_tests ${label:+-L "$label"} || status=$?
fi
[ -z "$coverage" ] ||
	tests/coverage/measure.sh report "$build_dir" || status=$?
exit "$status"
