#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# See to it that the tools of the named groups are there: install the missing packages on Debian and
# Ubuntu (with sudo where not root), name them elsewhere. With nothing missing it only looks, in a few
# milliseconds.
#
# Usage: usr/deps.sh GROUP...      groups: build usr iso run check disk fuzz boot gdb
set -eu
PATH=$PATH:/usr/sbin:/sbin

# what: a command, or a path (may hold a wildcard) -- package
table() {
	case $1 in
	build) echo 'gcc gcc
ld binutils
make make
python3 python3
/usr/include/stdio.h libc6-dev' ;;
	usr) echo 'musl-gcc musl-tools
/usr/include/linux/fs.h linux-libc-dev
patch patch
bzip2 bzip2
xz xz-utils
gzip gzip
dpkg-source dpkg-dev
mke2fs e2fsprogs
fakeroot fakeroot' ;;
	iso) echo 'grub-mkrescue grub-common
grub-file grub-common
xorriso xorriso
mformat mtools
/usr/lib/grub/i386-pc/multiboot2.mod grub-pc-bin
/usr/lib/grub/x86_64-efi/multiboot2.mod grub-efi-amd64-bin' ;;
	run) echo 'qemu-system-x86_64 qemu-system-x86' ;;
	check) echo '/usr/include/check.h check
pkg-config pkg-config' ;;
	boot) echo "/usr/share/ovmf/OVMF.fd ovmf" ;;
	fat) echo 'mkfs.fat dosfstools
mcopy mtools' ;;
	disk) echo 'mke2fs e2fsprogs
mkfs.fat dosfstools
mcopy mtools
xorriso xorriso' ;;
	fuzz) echo 'clang clang
/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a libclang-rt-dev' ;;
	gdb) echo 'gdb gdb' ;;
	*) echo "deps.sh: no group $1" >&2; exit 2 ;;
	esac
}

present() {
	case $1 in
	/*) for f in $1; do [ -e "$f" ] && return 0; done; return 1 ;;
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

missing=
for group in "$@"; do
	rows=$(table "$group")
	while read -r what package; do
		[ -z "$what" ] || present "$what" || case " $missing " in
		*" $package "*) ;;
		*) missing="$missing $package" ;;
		esac
	done <<-END
	$rows
	END
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "Missing tools. Please install what these Debian packages hold:$missing" >&2
	exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		echo "Missing packages, and no sudo to install them with. As root: apt-get install$missing" >&2
		exit 1
	fi
	as_root=sudo
fi
echo "Installing packages:$missing" >&2
apt_get() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" >&2; }
# shellcheck disable=SC2086
apt_get install -y --no-install-recommends $missing || {
	apt_get update
	apt_get install -y --no-install-recommends $missing
}
