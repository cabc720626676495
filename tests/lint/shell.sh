#!/bin/sh
# The shell scripts pass shellcheck.
. "$(dirname "$0")/lint.sh"

shellcheck=$(need shellcheck) || exit
project_files | while IFS= read -r file; do
	case $file in
	*.sh) printf '%s\n' "$file" ;;
	*) awk -v file="$file" '
		FNR == 1 && /^#!.*[\/ ](ba)?sh( |$)/ { print file }
		{ exit }' "$file" ;;
	esac
done | xargs "$shellcheck" --external-sources --source-path=SCRIPTDIR
