# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared by way of run.sh
# Sourced by run.sh: all complete segments out of an archive, one call each, as
# a server's restore_command does it.

# make_archive METHOD: the transactions' WAL in the folder "archive"; the names
# of its complete segments are in the array segment_names then.
make_archive() {
	fresh_folder archive
	renew_slot transactions
	run ./walfetch receive -h "$work" -D archive -S run -n \
		-E "${wal_end[transactions]}" --compress="$1" 2>receive.log ||
		die_with receive.log "could not make an archive"
	mapfile -t segment_names < <(find archive -type f -printf '%f\n' |
		sed -nE 's/^([0-9A-F]{24})(\.gz|\.lz4|\.zst)?$/\1/p' | sort)
	[ ${#segment_names[@]} -ge 2 ] || die "too little WAL: raise --scale"
}

# What the loop of restore_all calls for a segment, as text for a shell in
# which $name is the segment.
# shellcheck disable=SC2016 # it is that shell that expands them
restore_call() {
	case $1:$2 in
	walfetch:*) echo './walfetch restore -D archive "$name" "out/$name"' ;;
	*:none) echo 'cp "archive/$name" "out/$name"' ;;
	*:gzip) echo 'gunzip -c "archive/$name.gz" >"out/$name"' ;;
	*:lz4) echo 'lz4 -q -dc "archive/$name.lz4" >"out/$name"' ;;
	*:zstd) echo 'zstd -q -dc "archive/$name.zst" >"out/$name"' ;;
	esac
}

restore_peer() {
	case $1 in
	none) echo cp ;;
	gzip) echo gunzip ;;
	*) echo "$1" ;;
	esac
}

# restore_all SUBJECT METHOD: a measured run.
restore_all() {
	fresh_folder out
	measure bash -c "for name; do $(restore_call "$1" "$2") || exit; done" \
		- "${segment_names[@]}"
}

restore_part() {
	local method round subject peer

	has_command restore || return 0
	ensure_wal
	for method in none gzip lz4 zstd; do
		say "restore: $method"
		make_archive "$method"
		peer=$(restore_peer "$method")
		for ((round = 1; round <= rounds; round++)); do
			for subject in $(in_order "$round" walfetch "$peer"); do
				restore_all "$subject" "$method"
				record part=restore "mode=$method" \
					"subject=$subject" "round=$round" \
					"bytes=$((${#segment_names[@]} << 24))" \
					"${figures[@]}"
			done
		done
	done
	rm -rf archive out
}
