# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared by way of run.sh
# Sourced by run.sh: how fast a receiver fetches WAL that waits for it.

# receiver_options SUBJECT MODE: one a line.
receiver_options() {
	local method=${2%+sync}

	case $1:$method in
	*:none | pg_receivewal:no-verify) ;;
	walfetch:no-verify) echo --no-verify ;;
	pg_receivewal:zstd) echo --compress=lz4 ;; # it cannot write zstd
	*) echo "--compress=$method" ;;
	esac
	[ "$2" = "$method" ] || echo --synchronous
}

receiver_command() {
	case $1 in
	walfetch) printf '%s\n' ./walfetch receive ;;
	pg_receivewal) echo "$pg_bin/pg_receivewal" ;;
	esac
}

# receive SUBJECT KIND MODE: a measured run into the folder "archive".
receive() {
	local command options

	mapfile -t command < <(receiver_command "$1")
	mapfile -t options < <(receiver_options "$1" "$3")
	fresh_folder archive
	renew_slot "$2"
	measure "${command[@]}" -h "$work" -D archive -S run \
		-E "${wal_end[$2]}" -n "${options[@]}"
}

# The floors: what the server can send, and what one plain writer can store.
floor() {
	fresh_folder archive
	case $1 in
	discard) measure ./discard "host=$work" "$(wal_start "$2")" \
		"${wal_end[$2]}" ;;
	write) measure ./write_floor archive "${wal_bytes[$2]}" ;;
	esac
}

# record_run KIND MODE SUBJECT ROUND
record_run() {
	record part=catch-up "wal=$1" "mode=$2" "subject=$3" "round=$4" \
		"bytes=${wal_bytes[$1]}" "${figures[@]}" \
		"stored_kb=$(stored_kb archive)"
}

compare_mode() {
	local kind=$1 mode=$2 round subject

	say "catch-up, $kind: $mode"
	for ((round = 1; round <= rounds; round++)); do
		for subject in $(in_order "$round" walfetch pg_receivewal); do
			receive "$subject" "$kind" "$mode"
			record_run "$kind" "$mode" "$subject" "$round"
		done
	done
}

measure_floors() {
	local kind=$1 round subject

	say "catch-up, $kind: floors"
	for ((round = 1; round <= rounds; round++)); do
		for subject in $(in_order "$round" discard write); do
			floor "$subject" "$kind"
			record_run "$kind" floor "$subject" "$round"
		done
	done
}

catch_up_part() {
	local kind mode

	ensure_wal
	for kind in $wal_kinds; do
		measure_floors "$kind"
		for mode in $modes; do
			compare_mode "$kind" "$mode"
		done
	done
	rm -rf archive
}
