#!/bin/sh
# The man pages pass mandoc's own lint.
. "$(dirname "$0")/lint.sh"

mandoc=$(need mandoc) || exit
set -- man/*.[157]
if [ ! -e "$1" ]; then
	echo "no man pages in man/" >&2
	exit 1
fi
"$mandoc" -T lint -W warning "$@"
