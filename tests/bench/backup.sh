# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared by way of run.sh
# Sourced by run.sh: base backups of a cluster, each with the WAL it needs.

backup_modes='plain tar gzip:1 gzip lz4 zstd'

# backup_options MODE: one a line; both programs take the same.
backup_options() {
	case $1 in
	plain) printf '%s\n' --format=plain ;;
	tar) printf '%s\n' --format=tar ;;
	*) printf '%s\n' --format=tar "--compress=client-$1" ;;
	esac
}

backup_command() {
	case $1 in
	walfetch) printf '%s\n' ./walfetch backup ;;
	pg_basebackup) echo "$pg_bin/pg_basebackup" ;;
	esac
}

# back_up SUBJECT MODE: a measured run into the folder "backup".
back_up() {
	local command options

	mapfile -t command < <(backup_command "$1")
	mapfile -t options < <(backup_options "$2")
	rm -rf backup
	measure "${command[@]}" -h "$work" -D backup -X stream -c fast \
		"${options[@]}"
}

# With data checksums: the server verifies them as it reads, and walfetch does so
# again, with what arrives.
make_cluster() {
	say "making a cluster of $cluster_mb MB"
	init_leader 'fsync = off'
	run "$pg_bin/pg_checksums" --enable -D leader >checksums.log 2>&1 ||
		die_with checksums.log "could not enable data checksums"
	start_server leader
	# pgbench makes 15 MB of each unit of its scale.
	pgbench -i -q -s "$(((cluster_mb + 14) / 15))"
	sql 'CHECKPOINT'
	cluster_bytes=$(sql "SELECT sum(pg_tablespace_size(oid))
		FROM pg_tablespace")
}

backup_part() {
	local mode round subject

	has_command backup || return 0
	make_cluster
	for mode in $backup_modes; do
		say "backup: $mode"
		for ((round = 1; round <= rounds; round++)); do
			for subject in $(in_order "$round" walfetch pg_basebackup); do
				back_up "$subject" "$mode"
				record part=backup "mode=$mode" \
					"subject=$subject" "round=$round" \
					"bytes=$cluster_bytes" "${figures[@]}" \
					"stored_kb=$(stored_kb backup)"
			done
		done
	done
	rm -rf backup
}
