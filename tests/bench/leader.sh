# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared by way of run.sh
# Sourced by run.sh: servers in the work folder, on a Unix socket there.

sql() {
	run "$pg_bin/psql" -XqAt -h "$work" -d postgres -c "$1"
}

# init_leader SETTING...: a new leader, not started, in place of any other.
init_leader() {
	stop_server leader immediate
	rm -rf leader
	wal_made=
	run "$pg_bin/initdb" -D leader -A trust -N >initdb.log 2>&1 ||
		die_with initdb.log "initdb failed"
	run tee -a leader/postgresql.conf >/dev/null <<-EOT
		listen_addresses = ''
		unix_socket_directories = '$work'
		shared_buffers = 512MB
		max_wal_size = 32GB
		checkpoint_timeout = 1h
		autovacuum = off
		$(printf '%s\n' "$@")
	EOT
}

start_server() {
	run "$pg_bin/pg_ctl" -D "$1" -l "$1.log" -s -w start ||
		die_with "$1.log" "could not start the $1"
}

# stop_server FOLDER MODE: if it runs.
stop_server() {
	[ ! -e "$1/postmaster.pid" ] ||
		run "$pg_bin/pg_ctl" -D "$1" -m "$2" -s stop
}

# await SQL: until it says "t", five minutes at most.
await() {
	local tries=3000

	until [ "$(sql "$1")" = t ]; do
		[ $((tries -= 1)) -gt 0 ] || die "waited in vain for: $1"
		receiver_is_well || die_with receiver.log "the receiver ended"
		sleep 0.1
	done
}

# WAL is kept from the last checkpoint on.
make_slot() {
	sql "SELECT pg_create_physical_replication_slot('$1', true)" >/dev/null
}

# drop_slot NAME: if it is there. A walsender outlives its receiver a little.
drop_slot() {
	await "SELECT NOT EXISTS (SELECT FROM pg_replication_slots
		WHERE slot_name = '$1' AND active)"
	sql "SELECT pg_drop_replication_slot(slot_name)
		FROM pg_replication_slots WHERE slot_name = '$1'" >/dev/null
}
