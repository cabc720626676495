# shellcheck shell=sh
# Sourced by the scripts of this folder, which are called with the source
# folder, the program, and print_statuses. Status: 0 passed, 1 not.
# shellcheck disable=SC2034 # for those who source this

set -u
LC_ALL=C
export LC_ALL
man=$1/man
walfetch=$2
print_statuses=$3
failures=0

scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM
archive=$scratch/archive
mkdir "$archive" || exit
pg_receivewal=$scratch/pg_receivewal
ln -s "$walfetch" "$pg_receivewal" || exit
# No server is ever meant to be found.
PGHOST=$scratch
export PGHOST

# fail MESSAGE...: note a failure.
fail() {
	printf 'not ok: %s\n' "$*" >&2
	failures=$((failures + 1))
}

# run COMMAND...: run it; $status, and what it wrote in $scratch/out and /err.
run() {
	status=0
	"$@" </dev/null >"$scratch/out" 2>"$scratch/err" || status=$?
}

# same NAME FILE FILE: both hold the same lines, and some.
same() {
	[ -s "$2" ] || fail "$1: nothing was found to compare"
	diff -u "$2" "$3" >&2 || fail "$1"
}

# nothing_written: the archive is as empty as it was.
nothing_written() {
	[ -z "$(ls -A "$archive")" ] || fail "$1: wrote to the archive"
}

finish() {
	[ "$failures" -eq 0 ] || exit 1
	exit 0
}
