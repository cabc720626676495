#!/bin/sh
# The tree holds what it should: the agreed names at the top level, nothing
# generated, plain names, no trailing white space, no source or test that CMake
# was not told of.
. "$(dirname "$0")/lint.sh"

project_files | sed 's,/.*,,' | sort -u |
	grep -vxE 'src|man|tests|contrib|CMakeLists\.txt|README\.md|COPYING|\..*' |
	fail_if_any 'these do not belong at the top level'

project_files | grep -E '\.(o|a|so|d|gcno|gcda|tmp|orig|rej|log|pyc)$|~$|(^|/)(CMakeCache\.txt|CMakeFiles|Makefile|build\.ninja|compile_commands\.json)(/|$)' |
	fail_if_any 'these look generated'

project_files | grep -vxE '[A-Za-z0-9._/@-]+' |
	fail_if_any 'these names are not plain'

project_files | grep -vE '^tests/fuzz/(seeds|crashes)/' | tr '\n' '\0' |
	xargs -0 grep -IHnE '[[:blank:]]+$' |
	fail_if_any 'trailing white space'

project_files |
	grep -E '^(src/.*\.c|tests/unit/test_.*\.c|tests/(integration|fault|servers)/[^/]*\.pl|tests/fuzz/[^/]*\.c)$' |
	while IFS= read -r file; do
		name=${file##*/}
		case $name in
		test_*) name=${name#test_} name=${name%.c} ;;
		*.pl) name=${name%.pl} ;;
		esac
		grep -qw "$name" "${file%/*}/CMakeLists.txt" ||
			printf '%s\n' "$file"
	done | fail_if_any 'these are not in the CMakeLists.txt beside them'
