#!/usr/bin/env bash
# Count the lines and branches that the tests run (tests/run.sh --coverage).
# usage: measure.sh begin BUILD-FOLDER, the tests, measure.sh report BUILD-FOLDER
# Status of report: 0 if every folder is as good as it should be.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../contrib/lib.sh"
source_dir=$(cd "$here/../.." && pwd)
build_dir=$(cd "$2" && pwd)

# The programs add to these files at their end, and tests run them as root and
# as an ordinary user. So the files are there before, for both to write.
begin() {
	local object

	"${as_user[@]}" test -x "$build_dir" ||
		die "the tests' user cannot enter \"$build_dir\""
	find "$build_dir" -name '*.gcda' -delete
	find "$build_dir" -name '*.gcno' | while IFS= read -r object; do
		: >"${object%.gcno}.gcda"
		chmod 666 "${object%.gcno}.gcda"
	done
}

# An assertion is for our own mistakes: that none fails is no branch missed.
report() {
	local output=$build_dir/coverage

	find "$build_dir" -name '*.gcda' -empty -delete
	mkdir -p "$output"
	gcovr --root "$source_dir" --filter "$source_dir/src/" -j 2 \
		--exclude-unreachable-branches \
		--exclude-branches-by-pattern '\s*(static_)?assert\(.*' \
		--json "$output/coverage.json" \
		--html-details "$output/index.html" "$build_dir/src"
	python3 "$here/report.py" "$output/coverage.json" \
		"$output/not_covered.txt"
}

case $1 in
begin | report) "$1" ;;
*) die "unknown step \"$1\"" ;;
esac
