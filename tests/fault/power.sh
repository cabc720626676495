#!/usr/bin/env bash
# Run a test beside a file system that loses, when its power is cut, what was
# not flushed. Root makes it, and mounts it again after each cut; the test
# itself may run as an ordinary user.
#
# usage: power.sh VOLATILE-DISK xfs|ext4 COMMAND [ARGUMENT]...
# VOLATILE-DISK: the program of volatile_disk.c; empty if it was not built.
#
# The command finds in the folder $WALFETCH_POWER:
#   files/           the file system
#   control/control  the switch: see volatile_disk.c
#   request, reply   for one line each: "restart" mounts it again after a cut,
#                    "check" looks for what is wrong in it; "yes" or "no"
#
# All of it is in namespaces of its own (mounts, processes, memory), so nothing
# remains, however this ends; of SIGKILL, an empty folder in /tmp.
# Status: the command's; 77 where this cannot be had.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../contrib/lib.sh"

megabytes=512
PATH=$PATH:/usr/sbin:/sbin

skip() {
	echo "no power cuts: $*" >&2
	exit 77
}

find_means() {
	local program

	[ -n "$disk" ] || skip "no libfuse 3 when this was built"
	is_root || skip "only root can make and mount file systems"
	for program in "mkfs.$kind" mount umount losetup unshare setpriv; do
		command -v "$program" >/dev/null ||
			skip "\"$program\" is not installed"
	done
	if [ "$kind" = xfs ]; then program=xfs_repair; else program=e2fsck; fi
	command -v "$program" >/dev/null || skip "\"$program\" is not installed"
	[ -c /dev/fuse ] || skip "there is no /dev/fuse"
	losetup -f >/dev/null 2>&1 || skip "there is no loop device"
	unshare --mount --pid --ipc --fork true 2>/dev/null ||
		skip "no namespaces of our own"
}

make_files() {
	case $kind in
	xfs) mkfs.xfs -q -f -K "$folder/control/disk" ;;
	ext4)
		mkfs.ext4 -q -F -b 4096 -E nodiscard,lazy_itable_init=0 \
			"$folder/control/disk"
		;;
	esac
}

mount_files() {
	mount -t "$kind" -o loop "$folder/control/disk" "$folder/files"
}

# Those who had files open may still be about to end.
unmount_files() {
	local try

	for ((try = 1; try < 100; try++)); do
		! umount "$folder/files" 2>/dev/null || return 0
		sleep 0.05
	done
	umount "$folder/files"
}

check_files() {
	case $kind in
	xfs) xfs_repair -n "$folder/control/disk" ;;
	ext4) e2fsck -f -n "$folder/control/disk" ;;
	esac >&2
}

restart() {
	unmount_files && echo on 1<>"$folder/control/control" && mount_files
}

check() {
	unmount_files && check_files && mount_files
}

# Answer the test's requests.
serve() {
	local request reply

	while read -r request; do
		reply=no
		case $request in
		restart) ! restart || reply=yes ;;
		check) ! check || reply=yes ;;
		esac
		echo "$reply" >&3
	done <>"$folder/request" 3<>"$folder/reply"
}

# The first process in namespaces of our own: make the disk, and go on in a
# namespace inside. The disk must not hold the mount of what is on it: the end
# of its process would wait for itself, and hang the machine's loop devices.
inside() {
	local pid

	mount -t tmpfs -o mode=755 walfetch "$folder"
	mkdir "$folder/control" "$folder/files"
	mkfifo "$folder/request" "$folder/reply"
	give_to_user "$folder/request" "$folder/reply"
	"$disk" $((megabytes * 1024 * 1024)) "${WALFETCH_SEED:-$RANDOM}" \
		"$folder/control" &
	pid=$!
	until [ -e "$folder/control/disk" ]; do
		kill -0 "$pid" 2>/dev/null || die "the disk ended"
		sleep 0.05
	done
	unshare --mount "$here/power.sh" --innermost "$folder" "$kind" "$@"
}

# Where the file system is mounted: run the command.
innermost() {
	local server status=0

	make_files
	mount_files
	give_to_user "$folder/files"
	serve &
	server=$!
	WALFETCH_POWER=$folder "$@" || status=$?
	kill "$server"
	unmount_files || status=1
	return "$status"
}

case $1 in
--inside)
	folder=$2 disk=$3 kind=$4
	shift 4
	inside "$@"
	exit
	;;
--innermost)
	folder=$2 kind=$3
	shift 3
	innermost "$@"
	exit
	;;
esac

disk=$1 kind=$2
shift 2
find_means
child=
folder=$(mktemp -d /tmp/walfetch-power.XXXXXX)
# shellcheck disable=SC2317 # the trap calls it
finish() {
	[ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true
	wait
	rmdir "$folder"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# Both ends of it end with this one.
setpriv --pdeathsig KILL \
	unshare --mount --pid --ipc --fork --kill-child --mount-proc \
	"$here/power.sh" --inside "$folder" "$disk" "$kind" "$@" &
child=$!
status=0
wait "$child" || status=$?
child=
exit "$status"
