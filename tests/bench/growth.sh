# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared by way of run.sh
# Sourced by run.sh: an archive of very many segments. All but the newest are
# holes of the right size.

segment_name() {
	printf '%08X%08X%08X' 1 "$(($1 / 256))" "$(($1 % 256))"
}

# A leader whose WAL begins behind all those segments.
make_late_leader() {
	init_leader 'fsync = off'
	run "$pg_bin/pg_resetwal" -D leader \
		-l "$(segment_name "$((segments + 1))")" >/dev/null
	start_server leader
	make_slot run
}

make_holes() {
	(cd archive && awk -v segments="$segments" 'BEGIN {
		for (i = 1; i <= segments; i++)
			printf "%08X%08X%08X\n", 1, int(i / 256), i % 256
	}' | run xargs truncate -s 16M)
}

# more_wal: a little, to be received by the next run; its end is in late_end.
more_wal() {
	local emit="SELECT pg_logical_emit_message(true, 'bench', 'more')"

	sql "$emit" >/dev/null
	late_end=$(sql 'SELECT pg_current_wal_flush_lsn()')
	sql "$emit" >/dev/null
	sql 'SELECT pg_switch_wal()' >/dev/null
}

# receive_little SUBJECT: start, go on where the archive ends, and stop.
receive_little() {
	local command

	mapfile -t command < <(receiver_command "$1")
	more_wal
	measure "${command[@]}" -h "$work" -D archive -S run -E "$late_end" -n
}

# record_growth MODE SUBJECT ROUND
record_growth() {
	record part=growth "mode=$1" "subject=$2" "round=$3" \
		"segments=$segments" "${figures[@]}"
}

growth_part() {
	local round subject

	say "growth: an archive of $segments segments"
	make_late_leader
	fresh_folder archive
	receive_little walfetch
	make_holes
	for ((round = 1; round <= rounds; round++)); do
		for subject in $(in_order "$round" walfetch pg_receivewal); do
			receive_little "$subject"
			record_growth start-up "$subject" "$round"
		done
	done
	if has_command list; then
		for ((round = 1; round <= rounds; round++)); do
			measure ./walfetch list -D archive
			record_growth list walfetch "$round"
		done
	fi
	rm -rf archive
}
