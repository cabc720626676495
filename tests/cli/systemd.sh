#!/bin/sh
# The units of contrib/systemd call walfetch with options that it has, are of
# one mind with its statuses and its memory, and are installed when asked for.
. "$(dirname "$0")/cli.sh"

source_dir=$1
units=$source_dir/contrib/systemd

# setting UNIT NAME: its values, one a line.
setting() {
	sed -n "s/^$2=//p" "$units/$1"
}

# All services have one sandbox.
sandbox() {
	sed -n '/^# What it may do/,/^$/{/./p}' "$units/$1"
}
sandbox 'walfetch@.service' >"$scratch/one"
for name in verify prune; do
	sandbox "walfetch-$name@.service" >"$scratch/two"
	same "sandbox of receive (-) and $name (+)" \
		"$scratch/one" "$scratch/two"
done

# Only what somebody else may mend, the server's refusal or another receiver's
# end, is worth a restart.
"$print_statuses" | awk '$1 != 0 { all[$1] }
	$2 ~ /^ERR_(UNREACHABLE|REFUSED|PROTOCOL|LOCKED)$/ { again[$1] }
	END { for (status in all) if (!(status in again)) print status }' |
	sort >"$scratch/final"
setting 'walfetch@.service' RestartPreventExitStatus | tr ' ' '\n' |
	sort >"$scratch/prevented"
same 'statuses that stay (-), and RestartPreventExitStatus (+)' \
	"$scratch/final" "$scratch/prevented"

# Four times what --memory is without being given.
run "$walfetch" receive --help
sed -n '/--memory=/,/(default/s/.*(default: \([0-9]*\)MB.*/\1/p' \
	"$scratch/out" | awk '{ print 4 * $1 "M" }' >"$scratch/fourfold"
setting 'walfetch@.service' MemoryMax >"$scratch/memory"
same 'four times --memory (-), and MemoryMax (+)' \
	"$scratch/fourfold" "$scratch/memory"

# The pattern has each variable that a service takes, and no other.
grep -ohE 'WALFETCH_[A-Z_]+' "$units"/*.service | sort -u >"$scratch/taken"
sed -nE 's/^#?(WALFETCH_[A-Z_]+)=.*/\1/p' "$units/walfetch.conf" |
	sort >"$scratch/set"
same 'variables of the services (-) and in walfetch.conf (+)' \
	"$scratch/taken" "$scratch/set"

# The program's stand-in, which parses and does no more.
mkdir "$scratch/bin" "$scratch/base" "$scratch/base/1" "$scratch/base/2"
cat >"$scratch/bin/walfetch" <<EOT
#!/bin/sh
printf '%s\n' "\$@" >"$scratch/arguments"
exec "$walfetch" "\$@" --help
EOT
chmod +x "$scratch/bin/walfetch"

# start NAME=VALUE...: what ExecStart of $unit does, with walfetch.conf and
# these in the environment. systemd writes "$" of a shell as "$$".
start() {
	line=$(setting "$unit" ExecStart | sed 's/\$\$/$/g')
	while IFS= read -r assignment; do
		export "${assignment?}"
	done <<-EOT
		$(setting "$unit" Environment | sed 's/%i/db1/g')
		$(grep -E '^[A-Z]' "$units/walfetch.conf")
		$(printf '%s\n' "$@")
	EOT
	PATH=$scratch/bin:$PATH
	rm -f "$scratch/arguments"
	eval "set -- $line"
	run "$@"
	echo "$status" >"$scratch/status"
}

# starts UNIT ARGUMENT...: walfetch takes the options, these among them.
starts() {
	unit=$1
	shift
	(start "WALFETCH_BACKUPS=$scratch/base")
	read -r status <"$scratch/status"
	[ "$status" -eq 0 ] || fail "$unit: $(cat "$scratch/err")"
	printf '%s\n' "$@" >"$scratch/wanted"
	grep -xFf "$scratch/wanted" "$scratch/arguments" >"$scratch/found"
	same "arguments of $unit that are wanted (-) and given (+)" \
		"$scratch/wanted" "$scratch/found"
	for name in OPTIONS VERIFY_OPTIONS PRUNE_OPTIONS; do
		(start "WALFETCH_BACKUPS=$scratch/base" \
			"WALFETCH_$name=--nonsense x")
		read -r wrong <"$scratch/status"
		echo "$name $wrong"
	done >"$scratch/nonsense"
	[ "$(grep -c ' 1$' "$scratch/nonsense")" -eq 1 ] ||
		fail "$unit: nonsense in one variable should be seen: $(
			cat "$scratch/nonsense")"
}

starts 'walfetch@.service' receive -w -D /var/lib/walfetch/db1 -S walfetch \
	--auto-slot
starts 'walfetch-verify@.service' verify --quiet -D /var/lib/walfetch/db1 \
	--days=1
starts 'walfetch-prune@.service' prune --quiet -D /var/lib/walfetch/db1 \
	--keep-days=3 --keep-backup "$scratch/base/1" "$scratch/base/2"

# The manual names each.
for file in "$units"/*@.* "$units/walfetch.conf"; do
	grep -qF "${file##*/}" "$man/walfetch-receive.1" ||
		fail "walfetch-receive(1) does not name ${file##*/}"
done

# install_below FOLDER CMAKE-OPTION...: as cli_drop_in does.
install_below() {
	root=$1
	shift
	! command -v ninja >/dev/null || set -- -G Ninja "$@"
	run cmake -S "$source_dir" -B "$root.build" -DBUILD_TESTING=OFF \
		-DCMAKE_INSTALL_PREFIX=/opt/walfetch "$@"
	[ "$status" -eq 0 ] || fail "cmake: $(cat "$scratch/err")"
	cp "$walfetch" "$root.build/src/walfetch"
	run env DESTDIR="$root" cmake --install "$root.build"
	[ "$status" -eq 0 ] || fail "cmake --install: $(cat "$scratch/err")"
}

install_below "$scratch/off"
[ -z "$(find "$scratch/off" -name '*@*')" ] || fail 'units not asked for'
install_below "$scratch/on" -DWALFETCH_SYSTEMD=ON
installed=$scratch/on/opt/walfetch/lib/systemd/system
for unit in "$units"/*@.*; do
	sed -E 's,(ExecStart=|exec )walfetch ,\1/opt/walfetch/bin/walfetch ,' \
		"$unit" >"$scratch/wanted"
	same "${unit##*/} as wanted (-) and installed (+)" \
		"$scratch/wanted" "$installed/${unit##*/}"
done
cat "$installed"/*.service | grep -c /opt/walfetch/bin/walfetch >"$scratch/count"
[ "$(cat "$scratch/count")" -eq 3 ] || fail 'not every service was changed'
finish
