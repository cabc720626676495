#!/bin/sh
# Installing with WALFETCH_DROP_IN: the link pg_receivewal in a private folder.
. "$(dirname "$0")/cli.sh"
source_dir=$1

# is NAME GOT WANTED
is() {
	[ "$2" = "$3" ] || fail "$1: \"$2\", not \"$3\""
}

# install_below FOLDER CMAKE-OPTION...: configure, take the program that is
# built already, and install it.
install_below() {
	root=$1
	shift
	! command -v ninja >/dev/null || set -- -G Ninja "$@"
	run cmake -S "$source_dir" -B "$root.build" -DBUILD_TESTING=OFF \
		-DCMAKE_INSTALL_PREFIX=/usr "$@"
	is 'cmake' "$status" 0
	cp "$walfetch" "$root.build/src/walfetch"
	run env DESTDIR="$root" cmake --install "$root.build"
	is 'cmake --install' "$status" 0
}

# links FOLDER: everything below that is called pg_receivewal.
links() {
	(cd "$1" && find . -name pg_receivewal | sort | tr '\n' ' ')
}

install_below "$scratch/off"
is 'not asked for' "$(links "$scratch/off")" ''

# A pg_receivewal that is there stays, whatever the folders are called.
for folder in libexec lib/private; do
	root=$scratch/${folder##*/}
	mkdir -p "$root/usr/bin"
	echo 'the real one' >"$root/usr/bin/pg_receivewal"
	install_below "$root" -DWALFETCH_DROP_IN=ON \
		-DCMAKE_INSTALL_LIBEXECDIR="$folder"
	link=$root/usr/$folder/walfetch/pg_receivewal

	is "$folder: one link more" "$(links "$root")" \
		"./usr/bin/pg_receivewal ./usr/$folder/walfetch/pg_receivewal "
	is "$folder: the real one" "$(cat "$root/usr/bin/pg_receivewal")" \
		'the real one'
	is "$folder: leads to the program" "$(realpath "$link")" \
		"$(realpath "$root/usr/bin/walfetch")"
	run "$link" --version
	is "$folder: version" "$(cat "$scratch/out")" \
		'pg_receivewal (PostgreSQL) 19.0'
done
is 'relative' "$(readlink "$scratch/libexec/usr/libexec/walfetch/pg_receivewal")" \
	../../bin/walfetch
finish
