# shellcheck shell=sh
# Sourced by the scripts of this folder, which are called with the source
# folder and the build folder. Status: 0 clean, 1 not, 77 a tool is missing.

set -eu
source_dir=$1
build_dir=$2
export source_dir build_dir
cd "$source_dir"

# need TOOL...: print the first of these programs that is here, or skip.
need() {
	for tool in "$@"; do
		command -v "$tool" && return
	done
	echo "$1 is not installed" >&2
	return 77
}

# The project's files, one a line: what git has or would take, or, in a
# tarball, all but build folders.
project_files() {
	if [ -e .git ] && command -v git >/dev/null; then
		git -c safe.directory='*' ls-files --cached --others \
			--exclude-standard |
			while IFS= read -r file; do
				[ ! -e "$file" ] || printf '%s\n' "$file"
			done
	else
		find . -path './build*' -prune -o -path ./.git -prune -o \
			! -type d -print | sed 's,^\./,,'
	fi
}

# fail_if_any MESSAGE: copy standard input; if there was any, fail with MESSAGE.
fail_if_any() {
	if grep .; then
		printf '%s\n' "$1" >&2
		exit 1
	fi
}
