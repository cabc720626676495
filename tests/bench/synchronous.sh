# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared by way of run.sh
# Sourced by run.sh: transactions per second of a leader whose only synchronous
# standby is a receiver, or a real hot standby.

receiver=

# The standby keeps its place by a slot while others have their turn.
make_standby() {
	rm -rf standby
	run "$pg_bin/pg_basebackup" -D standby -R -C -S standby -c fast \
		-d "host=$work application_name=subject" 2>basebackup.log ||
		die_with basebackup.log "pg_basebackup failed"
	run tee -a standby/postgresql.conf >/dev/null <<<'port = 5433'
}

make_synchronous_leader() {
	say "making a leader and a standby"
	init_leader 'fsync = on'
	start_server leader
	pgbench -i -q -s "$sync_scale"
	make_standby
	sql "ALTER SYSTEM SET synchronous_standby_names = 'subject'"
	sql 'SELECT pg_reload_conf()' >/dev/null
}

# Each turn begins with a checkpoint, so that all pay for the same full-page
# images.
start_subject() {
	local command

	sql 'CHECKPOINT'
	sync
	if [ "$1" = standby ]; then
		start_server standby
	else
		fresh_folder archive
		make_slot run
		mapfile -t command < <(receiver_command "$1")
		"${as_user[@]}" "${command[@]}" -D archive -S run -n \
			-d "host=$work application_name=subject" \
			--synchronous >receiver.log 2>&1 </dev/null &
		receiver=$!
	fi
	await "SELECT EXISTS (SELECT FROM pg_stat_replication
		WHERE sync_state = 'sync' AND application_name = 'subject' AND
		coalesce(replay_lsn, flush_lsn) >= pg_current_wal_flush_lsn())"
}

# Whether there is none, or it is alive.
receiver_is_well() {
	[ -z "$receiver" ] || kill -0 "$receiver" 2>/dev/null
}

# bash has a background process ignore SIGINT, so it is SIGTERM.
stop_receiver() {
	[ -n "$receiver" ] || return 0
	kill "$receiver" 2>/dev/null || true
	wait "$receiver" || true
	receiver=
}

stop_subject() {
	if [ "$1" = standby ]; then
		stop_server standby fast
	else
		stop_receiver
		drop_slot run
	fi
}

# transact CLIENTS: sets tps and latency_ms. If the standby fails, commits would
# wait for ever.
transact() {
	run timeout "$((seconds + 60))" "$pg_bin/pgbench" -h "$work" -c "$1" \
		-j 2 -T "$seconds" postgres >pgbench.log 2>&1 ||
		die_with pgbench.log "pgbench failed"
	tps=$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' pgbench.log | tail -n 1)
	latency_ms=$(sed -n 's/^latency average = \([0-9.]*\) ms/\1/p' pgbench.log)
}

take_turns() {
	local count=$1 round subject mode="$1 client"

	[ "$count" -eq 1 ] || mode+=s
	say "synchronous: $mode"
	for ((round = 1; round <= rounds; round++)); do
		for subject in $(in_order "$round" walfetch pg_receivewal standby); do
			start_subject "$subject"
			transact "$count"
			stop_subject "$subject"
			record part=synchronous "mode=$mode" \
				"clients=$count" "subject=${subject/standby/hot standby}" \
				"round=$round" "tps=$tps" "latency_ms=$latency_ms"
		done
	done
}

synchronous_part() {
	local count

	make_synchronous_leader
	for count in $clients; do
		take_turns "$count"
	done
	rm -rf archive
}
