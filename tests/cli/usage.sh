#!/bin/sh
# Command lines that cannot be carried out: these very messages, under the name
# that was called, status 1, and nothing done.
. "$(dirname "$0")/cli.sh"

# refused_by PROGRAM CALL MESSAGE HINT ARGUMENT...: PROGRAM is the name in
# messages, CALL the words to call it by.
refused_by() {
	program=$1 call=$2 message=$3 hint=$4
	shift 4
	{
		printf '%s: error: %s\n' "$program" "$message"
		[ -z "$hint" ] || printf '%s: hint: %s\n' "$program" "$hint"
	} >"$scratch/wanted"
	# shellcheck disable=SC2086 # one or two words
	run $call "$@"
	[ "$status" -eq 1 ] || fail "$program $*: exit status $status"
	[ ! -s "$scratch/out" ] || fail "$program $*: wrote to standard output"
	same "$program $*: wanted (-) and said (+)" \
		"$scratch/wanted" "$scratch/err"
	nothing_written "$program $*"
}

# refused MESSAGE ARGUMENT...: by either name, with the usual hint.
refused() {
	said=$1
	shift
	refused_by walfetch "walfetch receive" "$said" \
		'Try "walfetch receive --help" for more information.' "$@"
	refused_by pg_receivewal pg_receivewal "$said" \
		'Try "pg_receivewal --help" for more information.' "$@"
}

PATH=$scratch:$PATH
ln -s "$walfetch" "$scratch/walfetch" || exit
compression='invalid compression specification: compression'

help='Try "walfetch --help" for more information.'
refused_by walfetch walfetch 'no command given' "$help"
refused_by walfetch walfetch 'unrecognized command "fetch"' "$help" fetch
refused_by walfetch walfetch 'unrecognized command "-D"' "$help" -D "$archive"

refused 'no target directory specified'
refused 'no target directory specified' -n -S a
refused 'unrecognized option "--nonsense"' -D "$archive" --nonsense
refused 'unrecognized option "-x"' -D "$archive" -x
refused 'option "--slot" needs a value' -D "$archive" --slot
refused 'option "-S" needs a value' -D "$archive" -S
refused 'option "--once=yes" takes no value' -D "$archive" --once=yes
refused 'too many command-line arguments (first is "a")' -D "$archive" a b

refused 'cannot use --create-slot together with --drop-slot' \
	-S a --create-slot --drop-slot
refused '--create-slot needs a slot to be specified using --slot' --create-slot
refused '--drop-slot needs a slot to be specified using --slot' --drop-slot
refused '--auto-slot needs a slot to be specified using --slot' \
	-D "$archive" --auto-slot
refused '--if-not-exists needs --create-slot' \
	-D "$archive" -S a --if-not-exists
refused 'cannot use --synchronous together with --no-sync' \
	-D "$archive" --synchronous --no-sync

refused "$compression algorithm \"none\" does not accept a compression level" \
	-D "$archive" -Z none:1
refused 'unrecognized compression algorithm: "brotli"' \
	-D "$archive" --compress=brotli
for level in gzip:0 gzip:10 10; do
	refused "$compression algorithm \"gzip\" expects a compression level between 1 and 9 (default at -1)" \
		-D "$archive" -Z "$level"
done
refused "$compression option \"level\" requires a value" \
	-D "$archive" -Z gzip:level
refused 'invalid compression specification: unrecognized compression option: "window"' \
	-D "$archive" -Z gzip:window=9

for lsn in 0/0 16 16/ X/1 1/2/3; do
	refused "could not parse end position \"$lsn\"" -D "$archive" -E "$lsn"
done
refused 'invalid value "soon" for option -s/--status-interval' \
	-D "$archive" -s soon
refused '-s/--status-interval must be in range 0..2147483' -D "$archive" -s -1
refused '--connect-timeout must be in range 1..2147483' \
	-D "$archive" --connect-timeout=0
refused '--receive-timeout must be in range 0..2147483' \
	-D "$archive" --receive-timeout=2147484
refused 'invalid value "soon" for option --wait' -D "$archive" --wait=soon
refused '--wait must be in range 0..2147483' -D "$archive" --wait=-1
refused '--max-retries must be in range 0..2147483647' \
	-D "$archive" --max-retries=-1
refused '--jobs must be in range 1..64' -D "$archive" --jobs=0
refused '--jobs must be in range 1..64' -D "$archive" --jobs=65
refused 'invalid value "often" for option --progress' \
	-D "$archive" --progress=often
refused '--memory must be at least 34MB with --jobs=4' \
	-D "$archive" --jobs=4 --memory=33MB
units='A size is a number of bytes, or a number with one of the units kB, MB, GB and TB.'
for option in --memory --min-free; do
	refused_by walfetch "walfetch receive" \
		"invalid value \"1 hogshead\" for option $option" "$units" \
		-D "$archive" "$option=1 hogshead"
done

# refused_verify MESSAGE ARGUMENT...
refused_verify() {
	said=$1
	shift
	refused_by walfetch "walfetch verify" "$said" \
		'Try "walfetch verify --help" for more information.' "$@"
}

refused_verify 'no archive directory specified'
refused_verify 'too many command-line arguments (first is "a")' -D "$archive" a
for option in --from --to; do
	refused_verify "invalid value \"16\" for option $option" \
		-D "$archive" "$option=16"
done
refused_verify 'the position of --from must be below that of --to' \
	-D "$archive" --from=1/0 --to=1/0
refused_verify '--timeline must be in range 1..4294967295' \
	-D "$archive" --timeline=0
refused_verify '--days must be in range 1..36500' -D "$archive" --days=0
refused_verify '--jobs must be in range 1..64' -D "$archive" --jobs=65
refused_verify 'invalid value "often" for option --progress' \
	-D "$archive" --progress=often
refused_by walfetch "walfetch verify" \
	"archive \"$archive\" holds no WAL that was to be verified" '' \
	-D "$archive"

# refused_status MESSAGE ARGUMENT...
refused_status() {
	said=$1
	shift
	refused_by walfetch "walfetch status" "$said" \
		'Try "walfetch status --help" for more information.' "$@"
}

refused_status 'neither an archive nor a server is named: use -D, or -d, -h, -p or -U'
refused_status 'too many command-line arguments (first is "a")' -D "$archive" a
refused_status 'invalid value "x" for option --watch' -D "$archive" --watch=x
refused_status '--watch must be in range 1..2147483' -D "$archive" --watch=0
refused_by walfetch "walfetch status" \
	"could not open directory \"$scratch/missing\": No such file or directory" \
	'' -D "$scratch/missing"

refused_by walfetch "walfetch check" \
	'too many command-line arguments (first is "a")' \
	'Try "walfetch check --help" for more information.' -D "$archive" a
refused_by walfetch "walfetch check" \
	'--connect-timeout must be in range 1..2147483' \
	'Try "walfetch check --help" for more information.' \
	--connect-timeout=0

# backup_refused MESSAGE ARGUMENT...
backup_refused() {
	said=$1
	shift
	refused_by walfetch "walfetch backup" "$said" \
		'Try "walfetch backup --help" for more information.' "$@"
}

backup_refused 'no target directory specified'
backup_refused 'cannot use --archive together with -X stream' \
	-D "$archive" --archive=/a -X stream
backup_refused '--create-slot needs a slot to be specified using --slot' \
	-D "$archive" -C
backup_refused '--slot needs -X stream or -R' -D "$archive" -X none -S a
backup_refused '--tablespace-mapping needs plain format' \
	-D "$archive" -F tar -T /a=/b
backup_refused 'cannot use -R together with archives that the server compresses' \
	-D "$archive" -F t -Z server-gzip -R
backup_refused 'invalid value "copy" for option -X/--wal-method' \
	-D "$archive" -X copy
backup_refused 'cannot use --archive together with -X fetch' \
	-D "$archive" --archive=/a -X f
backup_refused 'a label cannot hold a line break' -D "$archive" -l 'a
b'
backup_refused '--waldir needs plain format' -D "$archive" -F tar --waldir=/a
backup_refused '--waldir needs an absolute path' -D "$archive" --waldir=a
backup_refused 'invalid value "zip" for option -F/--format' -D "$archive" -F zip
backup_refused 'invalid value "MD5" for option --manifest-checksums' \
	-D "$archive" --manifest-checksums=MD5
backup_refused 'invalid value "1G" for option -r/--max-rate' -D "$archive" -r 1G
for rate in 31 31k 1025M 1048577; do
	backup_refused '-r/--max-rate must be in range 32k..1048576k' \
		-D "$archive" -r "$rate"
done
for mapping in /a /a=b a=/b /a=/b=/c; do
	refused_by walfetch "walfetch backup" \
		"invalid tablespace mapping \"$mapping\"" \
		'It is OLD=NEW, both absolute; an "=" in a path is written "\=".' \
		-D "$archive" -T "$mapping"
done
refused_by walfetch "walfetch backup" \
	'cannot compress a backup in plain format' \
	'Use -F tar, or let the server compress what it sends.' \
	-D "$archive" -Z gzip

refused_by pg_receivewal pg_receivewal \
	"could not open directory \"$scratch/missing\": No such file or directory" \
	'' -n -D "$scratch/missing"
finish
