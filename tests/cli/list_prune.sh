#!/bin/sh
# list and prune: help, manual and parser tell of the same options; usage
# errors; what an archive without WAL gives.
. "$(dirname "$0")/cli.sh"

# refused COMMAND MESSAGE ARGUMENT...: status 1, this message, nothing done.
refused() {
	command=$1 message=$2
	shift 2
	run "$walfetch" "$command" "$@"
	[ "$status" -eq 1 ] || fail "$command $*: exit status $status"
	[ ! -s "$scratch/out" ] || fail "$command $*: wrote to standard output"
	grep -qxF "walfetch: error: $message" "$scratch/err" ||
		fail "$command $*: said $(cat "$scratch/err")"
	nothing_written "$command $*"
}

for command in list prune; do
	run "$walfetch" "$command" --help
	{ [ "$status" -eq 0 ] && [ ! -s "$scratch/err" ]; } ||
		fail "$command --help"
	awk 'length($0) > 95 { exit 1 }' "$scratch/out" ||
		fail "$command --help: a line is longer than 95 characters"
	grep -oE '^  (-.,|   ) --[a-z-]+' "$scratch/out" |
		sed 's/.*--//' | sort >"$scratch/help"
	grep -oE '^\.It Fl .*' "$man/walfetch-$command.1" |
		grep -oE 'Fl -[a-z-]+' | sed 's/Fl -//' | sort >"$scratch/man"
	same "$command --help (-) and its manual (+)" \
		"$scratch/help" "$scratch/man"
	while read -r name; do
		run "$walfetch" "$command" "--$name" 1 --help
		[ "$status" -eq 0 ] || fail "$command --$name is not accepted"
	done <"$scratch/help"
	run "$walfetch" "$command" -V
	grep -qx 'walfetch [0-9.]*' "$scratch/out" || fail "$command -V"
	refused "$command" 'no directory specified'
	refused "$command" 'unrecognized option "--nonsense"' --nonsense
done

refused list 'too many command-line arguments (first is "a")' -D "$archive" a
refused prune 'no rule says what may go' -D "$archive"
refused prune 'no rule says what may go' -D "$archive" --dry-run
refused prune 'too many command-line arguments (first is "a")' \
	-D "$archive" --keep-days=1 a
refused prune '--keep-days must be in range 1..36500' \
	-D "$archive" --keep-days=0
refused prune 'invalid value "x" for option --keep-days' \
	-D "$archive" --keep-days=x
refused prune "backup \"$scratch/a\" does not exist" \
	-D "$archive" --keep-backup "$scratch/a"
refused prune \
	"could not open directory \"$scratch/a\": No such file or directory" \
	-D "$scratch/a" --keep-days=1

run "$walfetch" list -D "$archive"
{ [ "$status" -eq 0 ] && grep -q 'holds no WAL' "$scratch/out"; } ||
	fail 'list of an empty archive'
run "$walfetch" prune -D "$archive" --keep-days=1 --quiet
{ [ "$status" -eq 0 ] && [ ! -s "$scratch/out" ] && [ ! -s "$scratch/err" ]; } ||
	fail 'prune of an empty archive'

# What cannot be printed is a failure.
for command in 'list' 'list --json' 'prune --keep-days=1 --dry-run --json' \
	'check --json' 'status'; do
	status=0
	# shellcheck disable=SC2086 # the words of a command line
	"$walfetch" $command -D "$archive" </dev/null >/dev/full \
		2>"$scratch/err" || status=$?
	grep -q 'could not write to standard output: No space left' \
		"$scratch/err" || fail "$command: said $(cat "$scratch/err")"
	[ "$status" -eq 1 ] || fail "$command, a full device: status $status"
done
nothing_written 'list and prune'
finish
