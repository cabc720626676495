#!/bin/sh
# systemd finds no fault with the units of contrib/systemd, and their sandboxes
# leave little exposed. Status 77: no systemd-analyze that can tell.
. "$(dirname "$0")/cli.sh"

# An exposure of 2.0; systemd-analyze wants it in tenths.
limit=20

skip() {
	echo "$*" >&2
	exit 77
}
command -v systemd-analyze >/dev/null ||
	skip 'systemd-analyze is not installed'

mkdir "$scratch/units"
for unit in "$1/contrib/systemd"/*@.*; do
	sed -E "s,(ExecStart=|exec )walfetch ,\\1$walfetch ," "$unit" \
		>"$scratch/units/${unit##*/}"
done
cd "$scratch/units" || exit

# A unit without a fault, one with a fault, and neither with a sandbox.
printf '[Service]\nExecStart=%s\n' "$walfetch" >walfetch-plain@.service
printf '[Service]\nExecStart=%s\nNoSuchSetting=1\n' "$walfetch" \
	>walfetch-wrong@.service

# complaints UNIT: what systemd says of it; other units have faults, too.
complaints() {
	systemd-analyze verify --man=no "./$1" 2>&1 | grep walfetch
}
run systemd-analyze verify --man=no ./walfetch-plain@.service
[ "$status" -eq 0 ] ||
	skip "systemd-analyze verify cannot run here: $(cat "$scratch/err")"
complaints walfetch-wrong@.service >"$scratch/wrong"
grep -q NoSuchSetting "$scratch/wrong" || fail 'a wrong setting is not seen'
rm walfetch-wrong@.service

# exposed UNIT: true if more than the limit.
exposed() {
	run systemd-analyze security --offline=true --threshold=$limit "./$1"
	[ "$status" -ne 0 ]
}
run systemd-analyze security --offline=true ./walfetch-plain@.service
grep -q 'Overall exposure level' "$scratch/out" ||
	skip "systemd-analyze security cannot run offline: $(
		cat "$scratch/err")"
exposed walfetch-plain@.service || fail 'a service without a sandbox is safe'
rm walfetch-plain@.service

for unit in *; do
	complaints "$unit" >"$scratch/complaints"
	[ ! -s "$scratch/complaints" ] ||
		fail "$unit: $(cat "$scratch/complaints")"
	case $unit in
	*.timer)
		date=$(sed -n 's/^OnCalendar=//p' "$unit")
		run systemd-analyze calendar "$date"
		[ "$status" -eq 0 ] || fail "$unit: $date"
		continue
		;;
	esac
	! exposed "$unit" || fail "$unit: $(tail -n 2 "$scratch/out")"
	grep 'Overall exposure level' "$scratch/out"
done
finish
