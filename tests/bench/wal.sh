# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared by way of run.sh
# Sourced by run.sh: a leader with WAL of two kinds, each from the beginning of
# a segment into another, each kept by a slot of its name.

wal_kinds='initialisation transactions'
wal_made=
declare -A wal_end wal_bytes

# The position of the kind's first byte: receivers begin with whole segments.
wal_start() {
	sql "SELECT '0/0'::pg_lsn + floor((restart_lsn - '0/0') / size) * size
		FROM pg_replication_slots,
		(SELECT setting::numeric AS size FROM pg_settings
			WHERE name = 'wal_segment_size') AS segment
		WHERE slot_name = '$1'"
}

begin_wal() {
	sql 'SELECT pg_switch_wal()' >/dev/null
	sql 'CHECKPOINT'
	make_slot "$1"
}

wal_so_far() {
	sql "SELECT pg_current_wal_flush_lsn() - '$(wal_start "$1")'"
}

# pg_receivewal stops at the first message from behind the end, so that there
# must be one.
end_wal() {
	wal_end[$1]=$(sql 'SELECT pg_current_wal_flush_lsn()')
	wal_bytes[$1]=$(sql "SELECT '${wal_end[$1]}' - '$(wal_start "$1")'::pg_lsn")
	sql "SELECT pg_logical_emit_message(true, 'bench', 'beyond')" >/dev/null
	sql 'SELECT pg_switch_wal()' >/dev/null
}

pgbench() {
	run "$pg_bin/pgbench" -h "$work" "$@" postgres >pgbench.log 2>&1 ||
		die_with pgbench.log "pgbench failed"
}

# Checkpoints in between make the transactions write full-page images.
make_transactions() {
	while [ "$(wal_so_far transactions)" -lt "${wal_bytes[initialisation]}" ]; do
		sql 'CHECKPOINT'
		pgbench -n -c 4 -t "$((scale * 100))"
	done
}

# The leader's own durability is nobody's subject here.
ensure_wal() {
	[ -z "$wal_made" ] || return 0
	say "making a leader and its WAL"
	init_leader 'fsync = off'
	start_server leader
	begin_wal initialisation
	pgbench -i -q -s "$scale"
	end_wal initialisation
	begin_wal transactions
	make_transactions
	end_wal transactions
	wal_made=1
}

# renew_slot KIND: the slot "run", back at the kind's beginning.
renew_slot() {
	drop_slot run
	sql "SELECT pg_copy_physical_replication_slot('$1', 'run')" >/dev/null
}
