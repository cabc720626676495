# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared by way of run.sh
# Sourced by run.sh: what the figures depend on, one KEY=VALUE a line. No names
# of hosts or folders, for the results are published.

machine_facts() {
	cat <<-EOT
		cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)
		cpus=$(nproc)
		memory_mb=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)
		kernel=$(uname -sr)
		file_system=$(df --output=fstype . | tail -n 1)
		postgresql=$("$pg_bin/postgres" --version | sed 's/^postgres (PostgreSQL) //')
		walfetch=$(run ./walfetch --version | head -n 1)
		date=$(date -u +%F)
	EOT
}
