#!/bin/sh
# contrib/docker/compose.yaml is YAML, refers to what is there, and calls
# walfetch with options that it has. Status 77: no YAML parser.
. "$(dirname "$0")/cli.sh"

docker=$1/contrib/docker
if ! python3 -c 'import yaml' 2>/dev/null; then
	echo "python3 with yaml is not installed" >&2
	exit 77
fi

# The command lines of walfetch, one a line and quoted for a shell; then, behind
# another first word, what must be there: files, services.
python3 - "$docker/compose.yaml" >"$scratch/found" <<'EOT' || exit
import re, shlex, sys, yaml

compose = yaml.safe_load(open(sys.argv[1]))
services = compose["services"]
for name, service in services.items():
    command = service["command"]
    build = service.get("build")
    if build is None:
        assert service["image"].startswith("postgres:")
    else:
        print("file", build["context"] + "/" + build["dockerfile"])
    if "entrypoint" not in service and build is not None:
        command = [shlex.join(["walfetch"] + command)]
    for line in command:
        if re.search(r"(^|[ =])walfetch [a-z]", line):
            line = re.sub(r"^.*?(^|[ =])walfetch ", "walfetch ", line)
            print(line)
    check = service.get("healthcheck")
    if check is not None and check["test"][1] == "walfetch":
        print(shlex.join(check["test"][1:]))
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("."):
            print("file", source)
        else:
            assert source in compose["volumes"], source
    for other, condition in service.get("depends_on", {}).items():
        assert other in services, other
        if condition["condition"] == "service_healthy":
            assert "healthcheck" in services[other], other
EOT

commands=
while IFS= read -r line; do
	case $line in
	'file '*)
		[ -e "$docker/${line#file }" ] ||
			fail "there is no file ${line#file }"
		continue ;;
	esac
	eval "set -- $line"
	shift
	commands="$commands $1"
	run "$walfetch" "$@" --help
	[ "$status" -eq 0 ] || fail "$line: $(cat "$scratch/err")"
done <"$scratch/found"
[ "$commands" = " check backup receive status restore" ] ||
	fail "the commands were:$commands"
finish
