#!/usr/bin/env bash
# Run one integration test as an ordinary user, in a folder of its own.
# usage: run_one.sh WALFETCH OUTPUT-FOLDER [FOLDER/]NAME SECONDS [WRAPPER]
# FOLDER is one beside this one (integration).
# WALFETCH_LEADER: the scripted leader, if the test wants one.
# WALFETCH_SERVER: the version of the servers, if it is not to be that of the
# newest PostgreSQL installed; $WALFETCH_PG_<version> is its folder of programs.
# Status: 0 passed, 77 no PostgreSQL with its test modules here, or not that one.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../contrib/lib.sh"

walfetch=$1 name=${3##*/} seconds=$4 wrapper=${5:-}
output=$2/$name
case $3 in
*/*) folder=${3%/*} ;;
*) folder=integration ;;
esac
tests=${here%/*}
scratch=

find_postgresql || pg_bin=
pgxs=${pg_bin%/bin}/lib/pgxs/src/test
if [ ! -e "$pgxs/perl/PostgreSQL/Test/Cluster.pm" ]; then
	echo "skipped: no PostgreSQL with its test modules found" >&2
	exit 77
fi
if [ -n "${WALFETCH_SERVER:-}" ]; then
	own=WALFETCH_PG_$WALFETCH_SERVER why=WALFETCH_NO_PG_$WALFETCH_SERVER
	pg_bin=${!own:-}
	if ! "${as_user[@]}" test -x "$pg_bin/postgres"; then
		echo "skipped: no PostgreSQL $WALFETCH_SERVER here:" \
			"${!why:-\$$own does not name its programs}" >&2
		exit 77
	fi
fi

# What the test leaves behind stays for reading if it failed.
# shellcheck disable=SC2317 # the trap calls it
finish() {
	status=$?
	if [ -n "$scratch" ]; then
		cp -R "$scratch/output/." "$output"
		rm -rf "$scratch"
	fi
	[ "$status" -ne 0 ] || rm -rf "$output"
	exit "$status"
}
trap finish EXIT
trap 'exit 1' INT TERM

rm -rf "$output"
mkdir -p "$output"
run_dir=$output
give_to_user "$run_dir"

# A checkout below a folder that the user cannot enter: work on copies.
if ! "${as_user[@]}" test -x "$walfetch" -a -r "$tests/$folder/$name.pl" -a -w "$run_dir"; then
	scratch=$(mktemp -d /tmp/walfetch-test.XXXXXX)
	chmod 755 "$scratch"
	mkdir "$scratch/output"
	cp "$walfetch" "$scratch/walfetch"
	mkdir "$scratch/tests"
	cp -R "$here/../../contrib" "$here/../../man" "$scratch"
	cp -R "$tests/integration" "$tests/known" "$tests/fault" \
		"$tests/servers" "$scratch/tests"
	if [ -n "${WALFETCH_LEADER:-}" ]; then
		cp "$WALFETCH_LEADER" "$scratch/leader"
		export WALFETCH_LEADER="$scratch/leader"
	fi
	[ -z "$wrapper" ] || cp "$wrapper" "$scratch/wrapper.sh"
	walfetch=$scratch/walfetch
	tests=$scratch/tests
	wrapper=${wrapper:+$scratch/wrapper.sh}
	run_dir=$scratch/output
	give_to_user "$run_dir"
fi

if [ -n "$wrapper" ]; then
	printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$wrapper" "$walfetch" \
		>"$run_dir/walfetch"
	chmod 755 "$run_dir/walfetch"
	walfetch=$run_dir/walfetch
fi

# Sanitizers and valgrind write here, for the exit status of a program that a
# test runs in the background may be lost.
reports=$run_dir/reports
mkdir "$reports"
give_to_user "$reports"
for kind in ASAN LSAN TSAN UBSAN; do
	export "${kind}_OPTIONS=log_path='$reports/$kind':exitcode=99:print_stacktrace=1"
done
export WALFETCH_VALGRIND_LOG="$reports/valgrind.%p"

# Unix sockets go below TMPDIR, and their paths hold 107 bytes at most.
cd "$run_dir"
export WALFETCH="$walfetch" HOME="$run_dir" TMPDIR=/tmp LANG=C
export PATH="$pg_bin:$PATH" PG_REGRESS="$pgxs/regress/pg_regress"
export PG_TEST_PORT_DIR="$run_dir/ports"
export TESTDIR="$run_dir" TESTDATADIR="$run_dir/tmp_check"
export TESTLOGDIR="$run_dir/tmp_check/log"

status=0
"${as_user[@]}" timeout --kill-after=20 "$seconds" \
	prove -v -I "$pgxs/perl" "$tests/$folder/$name.pl" || status=$?

if [ -n "$(find "$reports" -type f -size +0)" ]; then
	echo "# reports of sanitizers or valgrind:"
	find "$reports" -type f -size +0 -exec cat {} +
	status=1
fi
if [ "$status" -ne 0 ]; then
	find "$TESTLOGDIR" -name 'regress_log_*' -exec tail -n 60 {} + || true
fi
exit "$status"
