#!/bin/sh
# floors.sh must pass what is allowed and fail on each kind of violation.
set -eu
floors=$(dirname "$0")/floors.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# floors_say passes|fails FILE INCLUDE
floors_say() {
	rm -rf "$scratch/src"
	mkdir -p "$scratch/src/$(dirname "$2")"
	printf '#include %s\n' "$3" >"$scratch/src/$2"
	verdict=fails
	if "$floors" "$scratch" "$scratch" >"$scratch/output" 2>&1; then
		verdict=passes
	fi
	if [ "$verdict" != "$1" ]; then
		echo "$2 with #include $3 $verdict, and should not" >&2
		cat "$scratch/output" >&2
		exit 1
	fi
}

floors_say passes base/text.c '"base/text.h"'
floors_say passes base/text.c '<stdio.h>'
floors_say passes wal/lsn.c '"base/error.h"'
floors_say passes receive/engine.c '"server/server.h"'
floors_say passes cmd/receive.c '"receive/engine.h"'
floors_say passes main.c '"cmd/receive.h"'
floors_say passes server/server.c '<libpq-fe.h>'
floors_say fails base/text.c '"wal/lsn.h"'
floors_say fails wal/lsn.c '"archive/codec.h"'
floors_say fails wal/lsn.h '"cmd/help.h"'
floors_say fails archive/codec.c '"server/server.h"'
floors_say fails server/server.c '"archive/codec.h"'
floors_say fails receive/engine.c '"backup/backup.h"'
floors_say fails receive/engine.c '<libpq-fe.h>'
floors_say fails main.c '<libpq-fe.h>'
floors_say fails main.c '"help.h"'
floors_say fails base/text.c '"text.h"'
floors_say fails base/text.c '"../wal/lsn.h"'
floors_say fails extra/extra.c '"base/text.h"'
