#!/bin/sh
# The exit statuses of walfetch(1) are those of the program's table, and the
# program exits with them.
. "$(dirname "$0")/cli.sh"

# Under each status of the manual a comment holds the error codes it is of.
awk '
/^\.Sh / { inside = $0 == ".Sh EXIT STATUS" }
inside && /^\.It / { status = $2; bare[status] = 1 }
inside && /^\.\\" ERR_/ {
	delete bare[status]
	for (i = 2; i <= NF; i++)
		print status, $i
}
END {
	for (status in bare)
		print status, "no error code"
}' "$man/walfetch.1" | sort >"$scratch/man"
"$print_statuses" | sort >"$scratch/table"
same 'the table (-) and walfetch(1) (+)' "$scratch/table" "$scratch/man"

# ends_with STATUS COMMAND...
ends_with() {
	wanted=$1
	shift
	run "$@"
	[ "$status" -eq "$wanted" ] ||
		fail "$*: exit status $status instead of $wanted"
}

ends_with 1 "$walfetch" receive
ends_with 1 "$walfetch" receive -n -D "$scratch/missing"
# These tell of themselves in their archive.
mkdir "$scratch/told"
ends_with 2 "$walfetch" receive -n -D "$scratch/told"
ends_with 2 "$walfetch" receive --max-retries=0 -D "$scratch/told"
ends_with 1 "$walfetch" check --nonsense
ends_with 2 "$walfetch" check
ends_with 1 "$walfetch" status
ends_with 1 "$walfetch" status -D "$archive"
ends_with 2 "$walfetch" status -h "$scratch"
ends_with 1 "$walfetch" backup
ends_with 2 "$walfetch" backup -D "$archive"
ends_with 1 "$pg_receivewal"
ends_with 1 "$pg_receivewal" -n -D "$scratch/told"
nothing_written statuses
finish
