#!/bin/sh
# The statuses of restore are those of walfetch-restore(1): 1 only for what is
# not in the archive, 126 for anything else, with a message.
. "$(dirname "$0")/cli.sh"

name=000000010000000000000001
target=$scratch/target
mkdir "$target" || exit

# ends_with STATUS PATTERN ARGUMENT...: an empty pattern: nothing is said.
ends_with() {
	wanted=$1 pattern=$2
	shift 2
	run "$walfetch" restore "$@"
	[ "$status" -eq "$wanted" ] ||
		fail "restore $*: exit status $status instead of $wanted"
	[ ! -s "$scratch/out" ] || fail "restore $*: wrote to standard output"
	if [ -n "$pattern" ]; then
		grep -q "^walfetch: error: $pattern" "$scratch/err" ||
			fail "restore $*: no message like \"$pattern\": $(cat "$scratch/err")"
	else
		[ ! -s "$scratch/err" ] || fail "restore $*: $(cat "$scratch/err")"
	fi
	[ -z "$(ls -A "$target")" ] || fail "restore $*: left a file"
}

# An empty folder is no archive until a receiver has been there.
ends_with 126 'directory ".*" is not an archive: it holds no WAL' \
	-D "$archive" $name "$target/file"
: >"$archive/.walfetch.lock"
for file in $name 00000002.history $name.00000028.backup \
	0000000A00000001000000FF; do
	ends_with 1 '' -D "$archive" "$file" "$target/file"
	ends_with 1 '' -D "$archive" --partial "$file" "$target/file"
done

ends_with 126 'no archive specified' $name "$target/file"
ends_with 126 'the name of a file and the path' -D "$archive"
ends_with 126 'the name of a file and the path' -D "$archive" $name
ends_with 126 'too many command-line arguments (first is "more")' \
	-D "$archive" $name "$target/file" more
ends_with 126 'unrecognized option "--nonsense"' \
	-D "$archive" --nonsense $name "$target/file"
ends_with 126 '--prefetch needs a folder' \
	-D "$archive" --prefetch=2 $name "$target/file"
ends_with 126 '--prefetch must be in range 0..64' \
	-D "$archive" --prefetch=65 $name "$target/file"
for file in '' x .. ../$name $name.partial $name.gz /$name 1 \
	00000000000000010000000G 000000000000000000000001 \
	00000000.history 00000002.history.gz $name.28.backup \
	${name}0 00000001000000000000100000; do
	ends_with 126 '"[^"]*" is not the name of a WAL segment' \
		-D "$archive" "$file" "$target/file"
done
for path in "$target/" "$target/." "$target/.." ''; do
	ends_with 126 'path ".*" does not end in the name of a file' \
		-D "$archive" $name "$path"
done
ends_with 126 'could not open directory ".*": No such file or directory' \
	-D "$scratch/missing" $name "$target/file"
ends_with 126 'could not open directory ".*": No such file or directory' \
	-D "$archive" $name "$scratch/missing/file"

# What is there but no file of its name.
mkdir "$archive/$name" || exit
ends_with 126 "could not open file \"$name\": not a regular file" \
	-D "$archive" $name "$target/file"
rmdir "$archive/$name"
echo nonsense >"$archive/$name"
ends_with 126 "file \"$name\" is damaged: it is too short" \
	-D "$archive" $name "$target/file"
echo nonsense >"$archive/00000002.history"
ends_with 126 'file "00000002.history" is damaged' \
	-D "$archive" 00000002.history "$target/file"
: >"$archive/00000002.history"
ends_with 126 'file "00000002.history" is damaged' \
	-D "$archive" 00000002.history "$target/file"

# What can be had without a server.
printf '1\t0/3000000\tno recovery target specified\n' \
	>"$archive/00000002.history"
run "$walfetch" restore -D "$archive" 00000002.history "$target/file"
[ "$status" -eq 0 ] || fail "a history file: exit status $status"
same 'a history file' "$archive/00000002.history" "$target/file"
rm -f "$target/file"
echo 'START WAL LOCATION: 0/1000028' >"$archive/$name.00000028.backup"
run "$walfetch" restore -D "$archive" $name.00000028.backup "$target/file"
[ "$status" -eq 0 ] || fail "a backup history file: exit status $status"
same 'a backup history file' "$archive/$name.00000028.backup" "$target/file"

# The table in the manual has these statuses and no other.
sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EXAMPLES/s/^\.It \([0-9]*\).*/\1/p' \
	"$man/walfetch-restore.1" >"$scratch/told"
printf '0\n1\n126\n' >"$scratch/wanted"
same 'walfetch-restore(1) has these statuses' "$scratch/wanted" "$scratch/told"
finish
