#!/bin/sh
# A function or object that is not static is used by another file; only main
# is not. What the tests alone use counts as unused.
. "$(dirname "$0")/lint.sh"

nm=$(need nm) || exit
find "$build_dir/src" \( -name '*.a' -o -name main.c.o \) \
	-exec "$nm" --format=posix -A {} + |
	sed -n 's/^\(.*\): \([^ ]*\) \([A-Z]\)\( .*\)*$/\3 \2 \1/p' |
	awk '
	$1 == "U" { used[$2] = 1; next }
	$2 == "main" || $2 ~ /^__/ { next }
	{
		symbol = $2
		sub(/.*[\/[]/, "")
		sub(/\.o\]?$/, "")
		defined[symbol] = symbol " in " $0
	}
	END {
		for (symbol in defined)
			if (!(symbol in used))
				print defined[symbol]
	}' | sort | fail_if_any 'nothing uses these outside their own file'
