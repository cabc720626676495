# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared by way of run.sh
# Sourced by run.sh: proving an archive of raw WAL, against pg_waldump, which
# reads every record and its checksum, too.

# pg_waldump needs the segment behind its last, where the last record may end.
verify_segments() {
	case $1 in
	walfetch) echo "${#segment_names[@]}" ;;
	pg_waldump) echo "$((${#segment_names[@]} - 1))" ;;
	esac
}

verify_all() {
	case $1 in
	walfetch) measure ./walfetch verify -D archive --jobs 2 ;;
	pg_waldump) measure "$pg_bin/pg_waldump" --quiet -p archive \
		"${segment_names[0]}" "${segment_names[-2]}" ;;
	esac
}

verify_part() {
	local round subject

	has_command verify || return 0
	ensure_wal
	say "verify"
	make_archive none
	for ((round = 1; round <= rounds; round++)); do
		for subject in $(in_order "$round" walfetch pg_waldump); do
			verify_all "$subject"
			record part=verify mode=none "subject=$subject" \
				"round=$round" \
				"bytes=$(($(verify_segments "$subject") << 24))" \
				"${figures[@]}"
		done
	done
	rm -rf archive
}
