# shellcheck shell=bash
# Sourced by contrib/quickstart.sh and the test scripts: packages, the build,
# PostgreSQL's programs, and running things as an ordinary user.

# What it takes to build, as Debian and Ubuntu call it.
# shellcheck disable=SC2034 # for those who source this
build_packages=(gcc libc6-dev cmake ninja-build pkg-config libpq-dev
	zlib1g-dev liblz4-dev libzstd-dev libisal-dev libjansson-dev
	libarchive-dev libssl-dev)

say() {
	printf '== %s\n' "$*"
}

die() {
	printf '%s: error: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

is_root() {
	[ "$(id -u)" -eq 0 ]
}

# Run a command as root, through sudo if need be.
as_root() {
	if is_root; then
		"$@"
	else
		sudo "$@"
	fi
}

can_become_root() {
	is_root || { command -v sudo >/dev/null &&
		{ [ -t 0 ] || sudo -n true 2>/dev/null; }; }
}

# Put before a command, this runs it as an ordinary user: ourselves, or postgres
# if we are root, for a PostgreSQL server refuses to run as root. setpriv, unlike
# runuser and su, becomes the command, so that signals reach it.
as_user=()
if is_root; then
	as_user=(setpriv --reuid=postgres --regid=postgres --init-groups --)
fi

# Give a folder of ours to that user.
give_to_user() {
	! is_root || chown -R postgres: "$@"
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Debian's packages make and start a server when they are installed. We want
# the programs only, so this file tells them not to while they go in.
no_server_conf=/etc/postgresql-common/createcluster.d/walfetch.conf

apt_install() {
	local status=0

	as_root mkdir -p "${no_server_conf%/*}"
	echo 'create_main_cluster = false' |
		as_root tee "$no_server_conf" >/dev/null
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends "$@" </dev/null >/dev/null || status=$?
	as_root rm -f "$no_server_conf"
	return "$status"
}

# install_packages NAME...: install those that are missing, or say why not and
# carry on: what they were for will say so if it cannot do without.
install_packages() {
	local package missing=() known=() unknown=()

	if ! command -v apt-get >/dev/null; then
		say "this is neither Debian nor Ubuntu, so you see to these packages' likes: $*"
		return
	fi
	for package in "$@"; do
		is_installed "$package" || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if ! can_become_root; then
		say "not installed, and we are neither root nor have sudo: ${missing[*]}"
		return
	fi
	as_root apt-get update -qq </dev/null ||
		say "apt-get update failed; trying with the lists that are here"
	for package in "${missing[@]}"; do
		if apt-cache show "$package" >/dev/null 2>&1; then
			known+=("$package")
		else
			unknown+=("$package")
		fi
	done
	[ ${#unknown[@]} -eq 0 ] || say "apt does not know: ${unknown[*]}"
	[ ${#known[@]} -gt 0 ] || return 0
	say "installing with apt-get: ${known[*]}"
	apt_install "${known[@]}" || die "apt-get could not install them"
}

# build_project BUILD-FOLDER CMAKE-OPTION...: configure and build.
build_project() {
	local build_dir=$1 generator=()

	shift
	if [ ! -e "$build_dir/CMakeCache.txt" ] && command -v ninja >/dev/null; then
		generator=(-G Ninja)
	fi
	cmake -S . -B "$build_dir" "${generator[@]}" "$@" &&
		cmake --build "$build_dir" --parallel
}

# Set pg_bin to the newest PostgreSQL's folder of programs; $PG_BIN wins.
find_postgresql() {
	local dir

	pg_bin=${PG_BIN:-}
	[ -z "$pg_bin" ] || return 0
	while IFS= read -r dir; do
		if [ -x "$dir/initdb" ]; then
			pg_bin=$dir
		fi
	done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V)
	if [ -z "$pg_bin" ] && command -v pg_config >/dev/null; then
		dir=$(pg_config --bindir)
		[ ! -x "$dir/initdb" ] || pg_bin=$dir
	fi
	[ -n "$pg_bin" ]
}

# Install PostgreSQL unless one is here.
install_postgresql() {
	find_postgresql || install_packages postgresql
	find_postgresql ||
		die "no PostgreSQL found; set PG_BIN to its folder of programs"
}
