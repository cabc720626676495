#!/bin/sh
# A function or object that is not static is used by another file; only main
# is not. What the tests alone use counts as unused, save what is listed here.
. "$(dirname "$0")/lint.sh"

# meter_update: a progress line without a clock; page_checksum: what tests make
# sound pages with. codec_available: which codecs a test can try; crc32c_update_portable: the code
# that a build with ISA-L does not run, and the tests make their records with.
for_tests='codec_available crc32c_update_portable meter_update page_checksum'

nm=$(need nm) || exit
find "$build_dir/src" \( -name '*.a' -o -name main.c.o \) \
	-exec "$nm" --format=posix -A {} + |
	sed -n 's/^\(.*\): \([^ ]*\) \([A-Z]\)\( .*\)*$/\3 \2 \1/p' |
	awk -v for_tests="$for_tests" '
	BEGIN {
		split(for_tests, list, " ")
		for (i in list)
			used[list[i]] = 1
	}
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
