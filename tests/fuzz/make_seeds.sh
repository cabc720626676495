#!/usr/bin/env bash
# Make the seeds of the fuzz targets anew, from a real server and what walfetch
# receives from it: tests/fuzz/make_seeds.sh WALFETCH
# The server's files are different each time, so this is for when a format is
# new, not for every day.
set -eu
[ $# -eq 1 ] || { echo "usage: $0 WALFETCH" >&2; exit 1; }
walfetch=$(realpath "$1")
cd "$(dirname "$0")"
. ../../contrib/lib.sh
find_postgresql || die "no PostgreSQL found; set PG_BIN"

work=$(mktemp -d)
give_to_user "$work"
here=$PWD
trap 'stop_servers; rm -rf "$work"' EXIT

pg() {
	(cd "$work" && "${as_user[@]}" env PATH="$pg_bin:$PATH" \
		PGHOST="$work" PGDATABASE=postgres "$@")
}

stop_servers() {
	local data

	for data in "$work"/leader "$work"/standby; do
		[ ! -e "$data/postmaster.pid" ] ||
			pg pg_ctl -D "$data" -m immediate stop >/dev/null || :
	done
}

# put TARGET NAME: keep standard input as a seed.
put() {
	mkdir -p "$here/seeds/$1"
	cat >"$here/seeds/$1/$2"
}

run_servers() {
	pg initdb -D leader --wal-segsize=1 -A trust -N -U postgres >/dev/null
	cat >>"$work/leader/postgresql.conf" <<-EOT
		listen_addresses = ''
		unix_socket_directories = '$work'
		wal_keep_size = '64MB'
		autovacuum = off
		fsync = off
	EOT
	export PGUSER=postgres
	pg pg_ctl -D leader -l log -w start >/dev/null
	pg psql -qc 'CREATE TABLE t AS SELECT g, md5(g::text) FROM
		generate_series(1, 9000) g' -c 'CHECKPOINT' \
		-c 'UPDATE t SET g = g + 1' -c 'SELECT pg_switch_wal()' \
		-c 'UPDATE t SET g = g + 1 WHERE g < 900' >/dev/null
	pg pg_basebackup -D tar -Ft -X none -c fast
	pg pg_basebackup -D standby -R -c fast \
		--manifest-checksums=CRC32C
	pg mkdir archive
	pg "$walfetch" receive -D archive -h "$work" --once --quiet
	echo "port = 5433" | pg tee -a standby/postgresql.conf >/dev/null
	pg pg_ctl -D standby -l log2 -w start >/dev/null
	pg psql -qc 'UPDATE t SET g = g + 1 WHERE g < 100'
	position=$(pg psql -Atc 'SELECT pg_current_wal_flush_lsn()' postgres)
	until PGPORT=5433 pg psql -Atc "SELECT
		pg_last_wal_replay_lsn() >= '$position'" | grep -qx t; do
		read -rt 0.1 <> <(:) || :
	done
	pg pg_ctl -D standby -w promote >/dev/null
	PGPORT=5433 pg psql -qc 'UPDATE t SET g = g + 1' -c 'CHECKPOINT' \
		-c 'UPDATE t SET g = g + 1'
}

# pages FILE FIRST COUNT
pages() {
	dd if="$1" bs=8192 skip="$2" count="$3" status=none
}

seed_wal() {
	local wal=$work/leader/pg_wal segment

	segment=$(find "$wal" -maxdepth 1 -name '0*[0-9A-F]' | sort | head -n 2 |
		tail -n 1)
	{ printf '\0'; pages "$segment" 0 2; } | put record_verifier start
	{ printf '\1'; pages "$segment" 20 2; } | put record_verifier middle
	segment=$(pg psql -Atc 'SELECT pg_walfile_name(pg_switch_wal())')
	segment_end "$wal/$segment" | put record_verifier switch
	segment=$(find "$work/standby/pg_wal" -name '00000002*[0-9A-F]' | sort |
		head -n 1)
	{ printf '\0'; around_switch "$segment"; } | put record_verifier timeline
	{ printf 'w\0\0\0\0\2\0\0\0\0\0\0\0\2\1\0\0\0\2\235\373\7\1\2\3\4'
		pages "$segment" 0 1 | head -c 100; } |
		put replication_message data
	printf 'k\0\0\0\0\2\1\0\0\0\2\235\373\7\1\2\3\4\1' |
		put replication_message keepalive
	{ printf '\0\0\0\2'; cat "$work/standby/pg_wal/00000002.history"; } |
		put timeline_history real
	printf '\0\0\0\4%s' $'1\t0/3000000\tno recovery target specified\n\n3\t0/5000000\t\n# a comment\n' |
		put timeline_history longer
	pages "$segment" 0 1 >"$work/page"
	gzip -nc "$work/page" | put codec_gzip page
	lz4 -qc --content-size "$work/page" | put codec_lz4 page
	zstd -qc --single-thread "$work/page" | put codec_zstd page
	head -c 50 "$work/page" | gzip -nc | put codec_gzip short
	head -c 50 "$work/page" | lz4 -qc | put codec_lz4 short
	head -c 50 "$work/page" | zstd -qc | put codec_zstd short
}

# The pages around the last byte that is not zero.
segment_end() {
	local used

	used=$(od -An -v -tx8 -w8192 "$1" | awk '/[1-9a-f]/ { n = NR } END { print n }')
	printf '\0'
	pages "$1" "$((used > 1 ? used - 2 : 0))" 3
}

# The pages where the timeline in the page headers changes.
around_switch() {
	local page

	page=$(od -An -v -tu4 -w8192 "$1" | awk '$2 == 2 { print NR - 1; exit }')
	pages "$1" "$((page > 0 ? page - 1 : 0))" 2
}

seed_backups() {
	local tar=$work/tar

	tar -xOf "$tar/base.tar" backup_label >"$work/label"
	put backup_label real <"$work/label"
	grep -v -e '"Path": "[^"]*/' -e '"Path": "[^P]' \
		"$work/standby/backup_manifest" |
		sed '/"PG_VERSION"/s/,$//' >"$work/manifest"
	put backup_manifest real <"$work/manifest"
	sed '/"Manifest-Checksum"/d' "$work/manifest" | put manifest_check real
	put backup_start label <"$work/label"
	put backup_start manifest <"$work/manifest"
	gzip -nc "$work/label" | put backup_start label.gz
	lz4 -qc "$work/label" | put backup_start label.lz4
	zstd -qc "$work/manifest" | put backup_start manifest.zst
	head -c 4096 "$tar/base.tar" | put backup_start base.tar
	head -c 4096 "$tar/base.tar" | gzip -nc | put backup_start base.tar.gz
	mkdir -p "$work/tree/global" "$work/tree/base/1" "$work/tree/pg_tblspc"
	cp "$work/label" "$work/tree/backup_label"
	cp "$work/standby/PG_VERSION" "$work/tree"
	head -c 700 "$work/standby/global/pg_control" \
		>"$work/tree/global/pg_control"
	head -c 8192 "$work/standby/global/1262" >"$work/tree/base/1/1262"
	ln -s /space "$work/tree/pg_tblspc/16384"
	tar -C "$work/tree" --format=ustar -b1 -cf "$work/tree.tar" \
		backup_label PG_VERSION global base pg_tblspc
	put tar_members ustar <"$work/tree.tar"
	head -c 6144 "$tar/base.tar" | put tar_members base
	{ printf '\1'; cat "$work/tree.tar"; } | put unpack data
	mkdir -p "$work/space/PG_15_202209061/5"
	echo content >"$work/space/PG_15_202209061/5/16385"
	{ printf '\0'; tar -C "$work/space" --format=ustar -b1 -c .; } |
		put unpack space
	tar -C "$work/space" --format=pax -b1 -c . | put tar_members pax
	tar -C "$work/space" --format=gnu -b1 -c . | put tar_members gnu
}

seed_texts() {
	local name n=0

	put status_file real <"$work/archive/.walfetch.status"
	sed 's/^failure .*/failure could not connect: no such host/
		s/^server .*/server db1:5432/; s/^slot .*/slot walfetch/
		s/^state .*/state retrying/' "$work/archive/.walfetch.status" |
		put status_file retrying
	printf '1 0/3000000 0/5000000\n2 1/A0000000 1/A1000028\n' |
		put gap_record two
	for name in 000000010000000000000001 00000001000000000000000A.gz.partial \
		0000000200000001000000FF.zst 000000020000000100000003.lz4 \
		.000000010000000000000002.partial.tmp 00000002.history \
		.walfetch.status.tmp 000000010000000000000002.00000028.backup; do
		n=$((n + 1))
		printf '\4%s' "$name" | put names "$n"
	done
	printf '%s' '*' | put sync_names any
	printf '%s' 'FIRST 2 (a, "B ""c""", *)' | put sync_names first
	printf '%s' 'ANY 1(walfetch,other)' | put sync_names quorum
	printf '%s' "host=a,b port=5432,5433 user='x y' dbname=replication" |
		put conninfo words
	printf '%s' 'postgresql://u:p%40@h1:1,[::1]:2/db?sslmode=require&hostaddr=127.0.0.1,::1' |
		put conninfo uri
	printf '%s' 'connection to server on socket "/run/postgresql/.s.PGSQL.5432" failed: FATAL:  28000: no pg_hba.conf entry for replication connection from host "10.0.0.1", user "archive", no encryption
LOCATION:  ClientAuthentication, auth.c:544' | put server_message hba
	printf '%s' 'ERROR:  58P01: requested WAL segment 000000010000000000000001 has already been removed
' | put server_message gone
	printf '%s' '16 MB' | put numbers size
	printf '%s' '-9223372036854775808' | put numbers least
	printf '%s' '16/B374D848' | put numbers position
	printf '%s' 'gzip:level=9' | put numbers codec
	printf '\0-D\narchive\n-S\nslot\n--synchronous\n-Z\nlz4:3\n-s\n5\n--memory=64MB\n-E\n1/2\n--wait=5' |
		put options receive
	printf '\1-D\ntarget\n-Ft\n-z\n-T\n/a=/b\n-r\n1M\n-c\nfast\n--wal-method=stream\n-R\n-X\nnone' |
		put options backup
	printf '\2-D\narchive\n--keep-days=7\n--dry-run\n--json\n--keep-backup\nb' |
		put options prune
	printf '\3-D\narchive\n--jobs=2\n--accept-gap=1:0/3000000\n--timeline=1\n--json' |
		put options verify
}

run_servers
rm -rf seeds
seed_wal
seed_backups
seed_texts
du -sb seeds
