#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Make the bootable ISO: hybrid (CD or USB stick), BIOS and UEFI, GRUB2 loading the kernel by Multiboot2 and the
# initramfs as its module.
# --root DIR: DIR's files become the ISO's, and the ISO is the root file system, without an initramfs; run it under fakeroot for the owners.
# Usage: ./mkiso.sh [--kernel FILE] [--initrd FILE | --root DIR] [--append WORDS] [--out FILE]
set -euo pipefail
kernel=build/lintel initrd=build/initramfs.cpio.gz out=build/lintel.iso append='console=tty1 console=ttyS0' root=
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2 ;;
	--initrd) initrd=$2 ;;
	--append) append=$2 ;;
	--root) root=$2 ;;
	--out) out=$2 ;;
	*) sed -n 's/^# Usage/Usage/p' "$0" >&2; exit 2 ;;
	esac
	shift 2
done

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
[ -z "$root" ] || cp -a "$root/." "$tree"
mkdir -p "$tree/boot/grub"
cp "$kernel" "$tree/boot/lintel"
if [ -n "$root" ]; then
	append+=' root=LABEL=LINTEL rootfstype=iso9660 ro' module=
else
	cp "$initrd" "$tree/boot/initramfs.cpio.gz"
	module='module2 --nounzip /boot/initramfs.cpio.gz initramfs'
fi
cat >"$tree/boot/grub/grub.cfg" <<END
serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
insmod all_video
set gfxmode=1024x768x32,auto
set timeout=0
menuentry "Lintel" {
	multiboot2 /boot/lintel $append
	$module
}
END
grub-file --is-x86-multiboot2 "$tree/boot/lintel" || { echo "mkiso.sh: $kernel has no Multiboot2 header" >&2; exit 1; }
log=$tree.log
# grub-mkrescue makes all files readable and nobody's own (-r): a root's files are entered again as they are; directories stay 555.
if ! grub-mkrescue --locales= --themes= --fonts= -o "$out.new" "$tree" -- -volid LINTEL ${root:+-overwrite on -map "$root" /} >"$log" 2>&1; then
	cat "$log" >&2
	rm -f "$log" "$out.new"
	exit 1
fi
rm -f "$log"
mv "$out.new" "$out"
