#!/bin/sh
# The program has what src/hardening.cmake asks for, and these checks see it
# when a program has none of it. Status 77: a build without it, or no readelf.
. "$(dirname "$0")/lint.sh"

readelf=$(need readelf) || exit
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# cached NAME: the value of this variable of CMake.
cached() {
	sed -n "s/^$1:[A-Z]*=//p" "$build_dir/CMakeCache.txt"
}

for name in SANITIZE COVERAGE FUZZ; do
	case $(cached "WALFETCH_$name") in
	'' | OFF) ;;
	*)
		echo "this build is not hardened: WALFETCH_$name" >&2
		exit 77
		;;
	esac
done
if [ "$(cached WALFETCH_HARDEN)" != ON ]; then
	echo "this build is not hardened: WALFETCH_HARDEN is off" >&2
	exit 77
fi

# missing PROGRAM OBJECT: one line for each thing that it lacks.
missing() {
	"$readelf" -W -h -l -d -s "$1" >"$scratch/elf"
	"$readelf" -W -n "$2" >"$scratch/notes"

	grep -qE '^ +Type: +DYN ' "$scratch/elf" &&
		grep -qE '\(FLAGS_1\).* PIE' "$scratch/elf" ||
		echo "position-independent executable"
	grep -qE '^ +GNU_RELRO ' "$scratch/elf" || echo "RELRO"
	grep -qE '\(FLAGS\).* BIND_NOW|\(FLAGS_1\).* NOW' "$scratch/elf" ||
		echo "BIND_NOW"
	awk '$1 == "GNU_STACK" && / RW +0x/ { found = 1 }
		END { exit !found }' "$scratch/elf" ||
		echo "a stack that is not executable"
	! grep -qE '^ +LOAD .* RWE ' "$scratch/elf" ||
		echo "memory that is either written or run"
	# The code has pages of its own.
	awk '$1 == "LOAD" && / R E +0x/ && $2 !~ /^0x0+$/ { found = 1 }
		END { exit !found }' "$scratch/elf" ||
		echo "separate code"
	! grep -qE '\((RPATH|RUNPATH|TEXTREL)\)' "$scratch/elf" ||
		echo "neither RPATH nor text relocations"
	grep -qE ' __stack_chk_fail(@|$)' "$scratch/elf" ||
		echo "stack protector"
	[ "$(cached CMAKE_BUILD_TYPE)" = Debug ] ||
		grep -qE ' __[a-z]+_chk(@|$)' "$scratch/elf" ||
		echo "_FORTIFY_SOURCE"
	! grep -q '^ *Machine: .*X86-64' "$scratch/elf" ||
		grep -q 'x86 feature: .*IBT, SHSTK' "$scratch/notes" ||
		echo "control-flow protection"
}

# A program with none of it.
cat >"$scratch/bare.c" <<'EOT'
#include <stdio.h>
#include <string.h>

int
main(int argc, char **argv)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%s", argv[argc - 1]);
	return (int)strlen(name);
}
EOT
cat >"$scratch/expected" <<'EOT'
position-independent executable
RELRO
BIND_NOW
a stack that is not executable
separate code
neither RPATH nor text relocations
stack protector
_FORTIFY_SOURCE
control-flow protection
EOT
no_control=-fcf-protection=none
if [ "$(uname -m)" != x86_64 ]; then
	sed -i '$d' "$scratch/expected"
	no_control=
fi
[ "$(cached CMAKE_BUILD_TYPE)" != Debug ] ||
	sed -i /_FORTIFY_SOURCE/d "$scratch/expected"
compiler=$(cached CMAKE_C_COMPILER)
"$compiler" -O2 -U_FORTIFY_SOURCE -fno-stack-protector -fno-pie $no_control \
	-o "$scratch/bare.o" -c "$scratch/bare.c"
"$compiler" -no-pie -Wl,-z,norelro,-z,lazy,-z,execstack \
	-Wl,-z,noseparate-code,-rpath,/nowhere \
	-o "$scratch/bare" "$scratch/bare.o"
missing "$scratch/bare" "$scratch/bare.o" >"$scratch/seen"
diff -u "$scratch/expected" "$scratch/seen"

missing "$build_dir/src/walfetch" \
	"$build_dir/src/CMakeFiles/walfetch.dir/main.c.o" >"$scratch/lacking"
fail_if_any 'the program lacks these' <"$scratch/lacking"
