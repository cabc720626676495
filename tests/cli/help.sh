#!/bin/sh
# --help and --version: to standard output only, status 0, lines that fit, by
# either name of the program.
. "$(dirname "$0")/cli.sh"

# shows NAME COMMAND...
shows() {
	name=$1
	shift
	run "$@"
	[ "$status" -eq 0 ] || fail "$name: exit status $status"
	[ -s "$scratch/out" ] || fail "$name: standard output is empty"
	[ ! -s "$scratch/err" ] || fail "$name: wrote to standard error"
	awk 'length($0) > 95 { exit 1 }' "$scratch/out" ||
		fail "$name: a line is longer than 95 characters"
}

# has NAME PATTERN: a line of the last standard output matches.
has() {
	grep -qx -- "$2" "$scratch/out" || fail "$1: no line is like \"$2\""
}

# only NAME PATTERN: the last standard output is this one line.
only() {
	[ "$(wc -l <"$scratch/out")" -eq 1 ] || fail "$1: is not one line"
	has "$1" "$2"
}

for option in --help '-?'; do
	shows "walfetch $option" "$walfetch" "$option"
	has "walfetch $option" '  backup  *[a-z].*'
	has "walfetch $option" '  receive  *[a-z].*'
	has "walfetch $option" '  restore  *[a-z].*'
	has "walfetch $option" '  verify  *[a-z].*'
	for command in status check; do
		has "walfetch $option" "  $command  *[a-z].*"
	done
	shows "receive $option" "$walfetch" receive "$option"
	has "receive $option" '  walfetch receive \[OPTION\]\.\.\.'
	shows "restore $option" "$walfetch" restore "$option"
	has "restore $option" '  walfetch restore \[OPTION\]\.\.\. FILE PATH'
	shows "verify $option" "$walfetch" verify "$option"
	has "verify $option" '  walfetch verify \[OPTION\]\.\.\.'
	for command in status check; do
		shows "$command $option" "$walfetch" "$command" "$option"
		has "$command $option" \
			"  walfetch $command \\[OPTION\\]\\.\\.\\."
	done
	shows "backup $option" "$walfetch" backup "$option"
	has "backup $option" '  walfetch backup \[OPTION\]\.\.\.'
	shows "pg_receivewal $option" "$pg_receivewal" "$option"
	has "pg_receivewal $option" '  pg_receivewal \[OPTION\]\.\.\.'
done
for option in --version -V; do
	shows "walfetch $option" "$walfetch" "$option"
	only "walfetch $option" 'walfetch [0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*'
	for command in backup receive restore verify status check; do
		shows "$command $option" "$walfetch" "$command" "$option"
		only "$command $option" 'walfetch [0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*'
	done
	shows "pg_receivewal $option" "$pg_receivewal" "$option"
	only "pg_receivewal $option" 'pg_receivewal (PostgreSQL) 19\.0'
done
finish
