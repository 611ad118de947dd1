#!/bin/sh
# Makes sure that the tests can start a PostgreSQL server of their own, that the race
# detector has a C compiler, and that the README's walk has curl. It says what it does, and changes nothing that is there.
set -eu

have_postgres() {
	command -v initdb >/dev/null 2>&1 && return 0
	for program in /usr/lib/postgresql/*/bin/initdb; do
		[ -x "$program" ] && return 0
	done
	return 1
}

missing=""
have_postgres || missing="postgresql"
command -v gcc >/dev/null 2>&1 || command -v cc >/dev/null 2>&1 || missing="$missing gcc libc6-dev"
command -v curl >/dev/null 2>&1 || missing="$missing curl"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "The tests need:$missing. Install PostgreSQL 15 or newer (initdb and pg_ctl on the PATH), a C compiler and curl, then try again." >&2
	exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null 2>&1 || { echo "The tests need:$missing. Run as root: apt-get install$missing" >&2; exit 1; }
	as_root="sudo"
fi
echo "The tests need:$missing. Installing with apt-get; no server is configured, the tests start their own."
$as_root apt-get update -qq
# Without this Debian would create and start a cluster of its own.
$as_root mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
# shellcheck disable=SC2086 # several packages
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
