#!/bin/sh
# A file includes the headers of its own folder and of lower floors only, and
# libpq is known to src/server alone.
. "$(dirname "$0")/lint.sh"

find src -name '*.[ch]' -exec awk '
BEGIN {
	floor["base"] = 0
	floor["wal"] = 1
	floor["archive"] = floor["server"] = 2
	floor["receive"] = floor["backup"] = floor["restore"] = 3
	floor["verify"] = 3
	floor["list"] = floor["prune"] = 3
	floor["check"] = floor["status"] = 3
	floor["cmd"] = 4
}
function complain(reason)
{
	printf "%s:%d: %s: %s\n", FILENAME, FNR, $0, reason
}
function folder_of(path)
{
	return split(path, part, "/") > 1 ? part[1] : ""
}
FNR == 1 {
	path = FILENAME
	sub(/^src\//, "", path)
	own = folder_of(path)
	top = path == "main.c"
	if (!top && !(own in floor))
		print FILENAME ": the folder has no floor"
}
!/^[ \t]*#[ \t]*include/ { next }
/[<"](libpq-fe|libpq\/|libpq-events|postgres_fe|pg_config)/ {
	if (own != "server")
		complain("only src/server may use libpq")
	next
}
/"/ {
	split($0, quoted, "\"")
	other = folder_of(quoted[2])
	if (!(other in floor))
		complain("not a header of a floor (\"folder/file.h\")")
	else if (!top && other != own && floor[other] >= floor[own])
		complain("upward or sideways")
}
' {} + | fail_if_any 'these includes break the floors'
