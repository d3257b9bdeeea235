#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The fuzzers' first inputs, made anew by mke2fs, mkfs.fat, mtools, xorriso: tests/fuzz/seeds.sh FOLDER (tests/fuzz/corpus).
set -eu
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C.UTF-8 MTOOLS_SKIP_CHECK=1 E2FSPROGS_FAKE_TIME=1700000000 SOURCE_DATE_EPOCH=1700000000
here=$(dirname "$0")
out=$(realpath "$1")
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
cd "$(dirname "$here")/.."

mkdir -p "$d/t/dir/deeper" "$d/many"
printf 'small\n' >"$d/t/dir/small"
head -c 3000 /dev/zero | tr '\0' a >"$d/t/dir/deeper/middling"
head -c 40000 /dev/zero >"$d/t/zeros"
printf end | dd of="$d/t/sparse" bs=1 seek=300000 status=none
ln -s dir/small "$d/t/link"
ln -s "$(printf 'x/%.0s' {1..50})y" "$d/t/slow"
ln "$d/t/dir/small" "$d/t/hard"
mkfifo "$d/t/fifo"
for i in {1..60}; do : >"$d/many/a name that is long enough to fill the block soon $i"; done

pack() { mkdir -p "$out/$2"; python3 tests/fuzz/pack.py "$1" "$out/$2/$3" "${4:-0}"; }
ext() { # name, how, size, tree, options
	rm -f "$d/img"
	mke2fs -qq -F -N 24 -m 0 -E root_owner=0:0,hash_seed=11111111-2222-3333-4444-555555555555 -U 11111111-2222-3333-4444-555555555555 \
		-d "$d/$4" "${@:5}" "$d/img" "$3" >/dev/null
	case " ${*:5} " in *' ext3 '*) pack "$d/img" ext3 "$1" "$2" ;; *) pack "$d/img" ext2 "$1" "$2" ;; esac
}
ext 1k 0 200 t -t ext2 -b 1024
ext 2k-continue 2 400 t -t ext2 -b 2048
ext 4k-wide 0 600 t -t ext2 -b 4096 -I 256
ext rev0 2 200 t -t ext2 -b 1024 -r 0 -O none
ext htree 0 300 many -t ext2 -b 1024 -N 80 -O dir_index
e2fsck -fyD "$d/img" >/dev/null 2>&1 || true	# makes the index
pack "$d/img" ext2 htree 0
ext xattr 0 200 t -t ext2 -b 1024
debugfs -w "$d/img" >/dev/null 2>&1 <<-END
	ea_set /dir/small user.one value
	ea_set /zeros user.two "$(printf 'v%.0s' {1..200})"
END
pack "$d/img" ext2 xattr 0
ext 1k 0 2100 t -t ext3 -b 1024 -J size=1
pack "$d/img" ext3 1k-again 2
# A journal with a transaction in it that nobody has replayed.
(echo jo; echo "jw -b 300 $d/t/zeros"; echo 'jw -r 310'; echo jc) | debugfs -w "$d/img" >/dev/null 2>&1 || true
pack "$d/img" ext3 dirty 0

fat() { # name, how, bits, KiB, options
	rm -f "$d/img"
	mkfs.fat -F "$3" -i 11223344 -n LABEL "${@:5}" -C "$d/img" "$4" >/dev/null
	mcopy -s -i "$d/img" "$d/t/dir" "$d/t/zeros" ::/
	mcopy -i "$d/img" "$d/t/zeros" '::/a long name with na\xc3\xafve letters.txt' 2>/dev/null || true
	pack "$d/img" fat "$1" "$2"
}
fat fat12 0 12 160 -r 32
fat fat12-utf8 2 12 160 -r 32
fat fat16 2 16 2400 -s 1 -r 32
fat fat32 0 32 33800 -s 1

iso() { # name, how, options
	rm -f "$d/img"
	xorriso -as mkisofs -quiet "${@:3}" -o "$d/img" "$d/t" 2>/dev/null
	pack "$d/img" iso9660 "$1" "$2"
}
rm "$d/t/fifo"
iso rock 0 -R
iso norock 2 -R
iso joliet 18 -R -J
mkdir -p "$d/t/1/2/3/4/5/6/7/8/9"
: >"$d/t/1/2/3/4/5/6/7/8/9/bottom"
iso deep 16 -R

python3 - "$d" <<-END
	import struct, sys
	def entry(kind, start, n):
	    return struct.pack("<BBBBBBBBII", 0, 1, 1, 0, kind, 1, 1, 0, start, n)
	def mbr(image, at, *entries):
	    image[at * 512 + 446:at * 512 + 446 + 16 * len(entries)] = b"".join(entries)
	    image[at * 512 + 510:at * 512 + 512] = b"\\x55\\xaa"
	image = bytearray(512 << 10)
	mbr(image, 0, entry(0x83, 8, 100), entry(5, 120, 400), entry(0x82, 600, 30))
	mbr(image, 120, entry(0x83, 8, 50), entry(5, 80, 100))
	mbr(image, 200, entry(0x83, 8, 60))
	open(sys.argv[1] + "/mbr", "wb").write(image)
	image = bytearray(128 << 10)
	mbr(image, 0, entry(0xee, 1, 255))
	parts = b"".join(bytes(range(16)) + bytes([i] * 16) + struct.pack("<QQQ", 40 + i * 20, 50 + i * 20, 0) +
	    ("part %d \\u2603" % i).encode("utf-16-le").ljust(72, b"\\0") for i in range(1, 5))
	for at, other, table in (1, 255, 2), (255, 1, 253):
	    image[at * 512:at * 512 + 92] = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, at, other, 34, 250, bytes(16), table, 8, 128, 0)
	    image[table * 512:table * 512 + len(parts)] = parts
	open(sys.argv[1] + "/gpt", "wb").write(image)
END
pack "$d/mbr" partition mbr 0
pack "$d/gpt" partition gpt 8

mkdir -p "$out/cpio"
(cd "$d/t" && find . | sort | grep -v -e zeros -e sparse | cpio --quiet -o -H newc 2>/dev/null) >"$out/cpio/newc" || true
(cd "$d/t" && find dir | sort | cpio --quiet -o -H crc 2>/dev/null) >"$out/cpio/crc" || true
du -sb "$out"/*
