# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared by way of run.sh
# Sourced by run.sh: one measured run, and the line that is kept of it.

# No language may come between us and the numbers, no setting of the caller's
# between us and our servers.
export LC_ALL=C
unset PGHOST PGPORT PGUSER PGDATABASE PGOPTIONS PGAPPNAME PGSERVICE

run() {
	"${as_user[@]}" "$@"
}

# die_with LOG MESSAGE: show how the log ends, too.
die_with() {
	tail -n 20 "$1" >&2
	die "$2"
}

# in_order ROUND NAME...: the names, each round in another order.
in_order() {
	local round=$1 i step place

	shift
	step=$((round % 2 ? 1 : $# - 1))
	for ((i = 0; i < $#; i++)); do
		place=$(((round + i * step) % $# + 1))
		echo "${!place}"
	done
}

# fresh_folder NAME: an empty folder in place of what was there.
fresh_folder() {
	rm -rf "$1"
	run mkdir "$1"
}

stored_kb() {
	du -sk "$1" | cut -f1
}

# measure COMMAND...: run it, with nothing of earlier runs left to be written;
# its figures are in the array of that name then.
measure() {
	local begin end user system peak

	sync
	begin=${EPOCHREALTIME/./}
	run /usr/bin/time -o usage -f '%U %S %M' "$@" \
		>measured.log 2>&1 </dev/null ||
		die_with measured.log "failed: $*"
	end=${EPOCHREALTIME/./}
	read -r user system peak <usage
	figures=("wall_us=$((end - begin))" "user_s=$user" "system_s=$system"
		"peak_kb=$peak")
}

# record KEY=VALUE...: keep a run. report.py reads these.
record() {
	local IFS=$'\t'

	printf '%s\n' "$*" >>rounds
}

# has_command NAME: whether walfetch has it; if not, says so.
has_command() {
	! run ./walfetch "$1" --help >/dev/null 2>&1 || return 0
	say "skipped: walfetch has no command \"$1\""
	return 1
}
