#!/usr/bin/env bash
# Run every test of this folder with pg_receivewal and with walfetch, and print
# what each of them did, side by side.
# usage: compare.sh WALFETCH [NAME...]
# Environment: MARKDOWN=1 prints a table for a page; PG_RECEIVEWAL names the
# program to compare with. Status: 0 walfetch passes all, 1 it does not.
set -eu
tests=$(cd "$(dirname "$0")" && pwd)
. "$tests/../../contrib/lib.sh"

[ $# -ge 1 ] || die "usage: compare.sh WALFETCH [NAME...]"
walfetch=$(realpath "$1")
shift
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
	for file in "$tests"/*.pl; do
		file=${file##*/}
		names+=("${file%.pl}")
	done
fi
find_postgresql || die "no PostgreSQL found"
PG_RECEIVEWAL=${PG_RECEIVEWAL:-$pg_bin/pg_receivewal}
"$PG_RECEIVEWAL" --version >/dev/null
export PG_RECEIVEWAL

work=$(mktemp -d /tmp/walfetch-compare.XXXXXX)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# Verdicts go to one file a test and receiver.
run_test() {
	local receiver=$1 name=$2 file=$work/$1.$2

	: >"$file"
	give_to_user "$file"
	mkdir -p "$work/$receiver"
	if ! RECEIVER=$receiver KNOWN_VERDICTS=$file \
		"$tests/../integration/run_one.sh" "$walfetch" \
		"$work/$receiver" "known/$name" 600 >"$file.log" 2>&1 &&
		[ "$receiver" = walfetch ]; then
		printf 'failed: %s\n' "$name" >&2
		grep -E '^(not ok|#)' "$file.log" >&2 || tail -n 20 "$file.log" >&2
	fi
}
export -f run_test give_to_user is_root
export work tests walfetch

say "running ${#names[@]} tests with $("$PG_RECEIVEWAL" --version) and walfetch" >&2
printf '%s\n' "${names[@]}" |
	xargs -P 2 -I{} bash -c 'run_test pg_receivewal {}; run_test walfetch {}'

# Columns: row, title, one verdict for each.
table() {
	local name title row

	for name in "${names[@]}"; do
		title=$(sed -n '1s/^# //p' "$tests/$name.pl")
		row=${title%%: *}
		title=${title#*: }
		printf '%s\t%s\t%s\t%s\n' "$row" "${title%.}" \
			"$(cell pg_receivewal "$name")" "$(cell walfetch "$name")"
	done
}

cell() {
	local row verdict what

	if IFS=$'\t' read -r row verdict what <"$work/$1.$2" && [ -n "$row" ]; then
		printf '%s: %s' "$verdict" "$what"
	else
		printf 'did not run'
	fi
}

as_markdown() {
	printf '| row | what happens | %s | walfetch |\n|---|---|---|---|\n' "$theirs"
	sed 's/|/\\|/g; s/\t/ | /g; s/^/| /; s/$/ |/'
}

# Lines of at most three columns of 36, under each other.
as_text() {
	awk -F '\t' -v theirs="$theirs" '
	function fold(text, lines,    words, count, n, i) {
		count = split(text, words, " ")
		n = 0
		delete lines
		for (i = 1; i <= count; i++) {
			if (n > 0 && length(lines[n] " " words[i]) <= 36)
				lines[n] = lines[n] " " words[i]
			else
				lines[++n] = words[i]
		}
		return n
	}
	function print_row(row, one, two, three,    a, b, c, n, m, o, i) {
		n = fold(one, a); m = fold(two, b); o = fold(three, c)
		for (i = 1; i <= n || i <= m || i <= o; i++)
			printf "%-8s  %-36s  %-36s  %s\n", i == 1 ? row : "",
				i <= n ? a[i] : "", i <= m ? b[i] : "", i <= o ? c[i] : ""
	}
	BEGIN { print_row("row", "what happens", theirs, "walfetch"); print "" }
	{ print_row($1, $2, $3, $4); print "" }' | sed 's/ *$//'
}

theirs=$("$PG_RECEIVEWAL" --version | sed -E 's/^pg_receivewal \(PostgreSQL\) ([^ ]*).*/pg_receivewal \1/')
if [ -n "${MARKDOWN:-}" ]; then
	table | as_markdown
else
	table | as_text
fi
! table | cut -f 4 | grep -qv -e '^ok: ' -e '^skipped: '
