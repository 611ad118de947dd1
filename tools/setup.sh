#!/bin/sh
# Makes sure that the tests find what they start: PostgreSQL's programs, a C compiler for the race
# detector, curl and sqlite3 for the documents' walks, and Chromium with two tools of npm that look at pages.
# It says what it does, and changes nothing that is there.
set -eu
cd "$(dirname "$0")/.."

have() {
	for program in "$@"; do
		command -v "$program" >/dev/null 2>&1 && return 0
	done
	return 1
}

have_postgres() {
	have initdb && return 0
	for program in /usr/lib/postgresql/*/bin/initdb; do
		[ -x "$program" ] && return 0
	done
	return 1
}

have_browser() {
	[ -n "${GATEHOUSE_BROWSER:-}" ] || have chromium chromium-browser google-chrome
}

# Installs Debian's packages that are missing. No server is configured, the tests start their own.
install_programs() {
	missing=""
	have_postgres || missing="postgresql"
	have gcc cc || missing="$missing gcc libc6-dev"
	have curl || missing="$missing curl"
	have sqlite3 || missing="$missing sqlite3"
	if [ "${GATEHOUSE_BROWSER:-}" != none ]; then
		# The fonts have the scripts of all languages that the pages speak.
		have_browser || missing="$missing chromium fonts-dejavu-core fonts-droid-fallback"
		have node || missing="$missing nodejs"
		have npm || missing="$missing npm"
	fi
	[ -n "$missing" ] || return 0

	if ! have apt-get; then
		echo "The tests need (in Debian's words): $missing. Install PostgreSQL 15 or newer (initdb and pg_ctl on the PATH), a C compiler, curl, sqlite3, Chromium, and Node.js 18.19 or newer with npm, then try again. GATEHOUSE_BROWSER=none leaves out the browser and its tests." >&2
		exit 1
	fi
	as_root=""
	if [ "$(id -u)" -ne 0 ]; then
		have sudo || { echo "The tests need: $missing. Run as root: apt-get install $missing" >&2; exit 1; }
		as_root="sudo"
	fi
	echo "The tests need: $missing. Installing with apt-get."
	$as_root apt-get update -qq
	# Without this Debian would create and start a cluster of its own.
	$as_root mkdir -p /etc/postgresql-common
	[ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
	# shellcheck disable=SC2086 # several packages
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
}

# Puts axe-core and html-validate, at the versions and hashes of the lock file, into the user's
# cache: they are for the tests alone and never part of the program.
install_page_tools() {
	[ "${GATEHOUSE_BROWSER:-}" != none ] || return 0
	lock=internal/browser/npm/package-lock.json
	version="$({ sha256sum "$lock" 2>/dev/null || shasum -a 256 "$lock"; } | cut -c 1-16)"
	folder="${XDG_CACHE_HOME:-$HOME/.cache}/gatehouse/npm-$version"
	[ ! -d "$folder" ] || return 0
	echo "The tests of the pages need axe-core and html-validate. Installing with npm into $folder."
	mkdir -p "$(dirname "$folder")"
	fresh="$(mktemp -d "$folder.XXXXXX")"
	cp internal/browser/npm/package.json internal/browser/npm/package-lock.json "$fresh"
	npm ci --prefix "$fresh" --ignore-scripts --no-audit --no-fund --loglevel=error
	mv "$fresh" "$folder"
}

install_programs
install_page_tools
