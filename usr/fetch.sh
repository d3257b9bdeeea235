#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Get a third-party thing of usr/thirdparty.tsv from the distribution's own archives into the cache, check its
# SHA-256, and print its path. Nothing in /etc is touched and no root is needed: apt-get runs with a private
# source list derived from the machine's own and with private state. With a full cache no network is used.
#
# Usage: usr/fetch.sh NAME             print the path of the verified file
#        usr/fetch.sh --unpack NAME DIR unpack it into DIR (made anew)
#        usr/fetch.sh --all            fill the cache (for work without a network)
# Environment: LINTEL_CACHE  the cache (default ~/.cache/lintel)
#              LINTEL_SOURCES  a file of deb and deb-src lines to use instead of the machine's own
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
table=$here/thirdparty.tsv
cache=${LINTEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lintel}
files=$cache/files
state=$cache/apt

say() { printf '  %-8s %s\n' "$1" "$2" >&2; }
die() { echo "fetch.sh: $*" >&2; exit 1; }

# The columns of a row, as the table's head says them.
row() {
	IFS=$'\t' read -r name version kind package file sha256 licence < <(
		awk -F '\t' -v n="$1" '!/^#/ && $1 == n' "$table") || die "no $1 in $table"
}

verified() { [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ]; }

apt_get() {
	local tool=$1
	shift
	"$tool" -qq -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=- \
		-o Dir::State="$state" -o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache" \
		-o Dir::State::status=/var/lib/dpkg/status -o APT::Sandbox::User= -o APT::Get::AllowUnauthenticated=false \
		-o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# Lists are fetched once a run, and again only when something was not found.
update_lists() {
	command -v apt-get >/dev/null || die "no apt-get here: put $file (SHA-256 $sha256) into $files by hand"
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	if [ -n "${LINTEL_SOURCES:-}" ]; then
		cp "$LINTEL_SOURCES" "$state/sources.list"
	else
		local own=()
		for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
			[ -f "$f" ] && own+=("$f")
		done
		[ ${#own[@]} -gt 0 ] || die "no apt source lists on this machine"
		{ awk -v type=deb-src -f "$here/sources.awk" "${own[@]}"
		  awk -v type=deb -f "$here/sources.awk" "${own[@]}"; } >"$state/sources.list"
	fi
	[ -s "$state/sources.list" ] || die "no Debian or Ubuntu archive among this machine's apt sources"
	say APT "package lists into $state"
	apt_get apt-get update >&2 || die "apt-get update failed: is the network there?"
}

# Any Debian revision of the pinned upstream version will do: revisions vanish from the archive.
source_revision() {
	apt_get apt-cache showsrc --only-source "$package" 2>/dev/null |
		awk -v file="$file" '/^Version: / { v = $2 } $3 == file { print v; exit }'
}

get_source() {
	local rev
	[ -f "$state/sources.list" ] || update_lists
	rev=$(source_revision)
	[ -n "$rev" ] || { update_lists; rev=$(source_revision); }
	[ -n "$rev" ] || die "$file (package $package) is not in this machine's archives.
  Put it into $files by hand (SHA-256 $sha256), or name an archive that has it by LINTEL_SOURCES."
	say FETCH "$package $rev"
	(cd "$1" && apt_get apt-get source --download-only --only-source "$package=$rev" >&2)
}

# The package itself; of a meta package, what it depends on.
binary_package() {
	if [ "$kind" = meta ]; then
		apt_get apt-cache depends "$package" 2>/dev/null | awk '/Depends:/ { print $2; exit }'
	elif apt_get apt-cache show "$package" >/dev/null 2>&1; then
		echo "$package"
	fi
}

get_binary() {
	local real
	[ -f "$state/sources.list" ] || update_lists
	real=$(binary_package)
	[ -n "$real" ] || { update_lists; real=$(binary_package); }
	[ -n "$real" ] || die "no package $package in this machine's archives"
	say FETCH "$real"
	cd "$1"
	apt_get apt-get download "$real" >&2 || {
		update_lists
		apt_get apt-get download "$(binary_package)" >&2
	}
}

fetch() {
	row "$1"
	mkdir -p "$files"
	if [ "$kind" != source ]; then
		fetch_binary
		return
	fi
	if ! verified "$files/$file" "$sha256"; then
		exec 8>"$cache/lock"
		flock 8
		verified "$files/$file" "$sha256" || fetch_source_locked
		exec 8>&-
	fi
	echo "$files/$file"
}

fetch_source_locked() {
	local tmp
	tmp=$(mktemp -d "$cache/tmp.XXXXXX")
	get_source "$tmp" || { rm -rf "$tmp"; die "could not download $file"; }
	if ! verified "$tmp/$file" "$sha256"; then
		rm -rf "$tmp"
		die "$file: the SHA-256 is not the one of $table"
	fi
	mv "$tmp/$file" "$files/$file"
	rm -rf "$tmp"
}

# A binary package is signed by the archive; its version moves, so the table's checksum is only compared.
fetch_binary() {
	local found tmp
	found=$(compgen -G "$files/$file" | sort -V | tail -1 || true)
	if [ -z "$found" ]; then
		exec 8>"$cache/lock"
		flock 8
		tmp=$(mktemp -d "$cache/tmp.XXXXXX")
		(get_binary "$tmp") || { rm -rf "$tmp"; die "could not download $package"; }
		mv "$tmp"/*.deb "$files/"
		rm -rf "$tmp"
		exec 8>&-
		found=$(compgen -G "$files/$file" | sort -V | tail -1)
	fi
	verified "$found" "$sha256" || say NOTE "$(basename "$found") is not the version that the tree's results are of ($version)"
	echo "$found"
}

unpack() {
	local from
	from=$(fetch "$1")
	rm -rf "$2"
	mkdir -p "$2"
	case $from in
	*.deb) dpkg-deb -x "$from" "$2" ;;
	*) tar -xf "$from" -C "$2" --strip-components=1 --no-same-owner ;;
	esac
	say UNPACK "$1 into $2"
}

case ${1:-} in
--unpack) [ $# = 3 ] || die "usage: fetch.sh --unpack NAME DIR"; unpack "$2" "$3" ;;
--all) awk -F '\t' '!/^#/ && NF { print $1 }' "$table" | while read -r n; do fetch "$n"; done ;;
--* | '') sed -n '/^# Usage/,/^# Env/p' "$0" >&2; exit 2 ;;
*) fetch "$1" ;;
esac
