#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Put the base system together: as a newc cpio archive (no root needed), or as a tree (under fakeroot).

The files are those of usr/base/files, what usr/base/manifest names (directories, device nodes, links, modes),
busybox with a link for each applet, more files (--add), and an overlay directory on top. Owners are root, times
are --epoch, and the order is sorted, so that the same input gives the same archive.
"""
import argparse
import gzip
import os
import shutil
import stat
import subprocess
import sys


class Entry:
    """One file of the image: type and mode, and data, link target or device number."""

    def __init__(self, mode, data=b"", rdev=(0, 0)):
        self.mode, self.data, self.rdev = mode, data, rdev


def directory(mode=0o755):
    return Entry(stat.S_IFDIR | mode)


def link(target):
    return Entry(stat.S_IFLNK | 0o777, target.encode())


class Image:
    def __init__(self):
        self.entries = {}

    def add(self, path, entry):
        path = os.path.normpath(path.strip("/"))
        parent = os.path.dirname(path)
        if parent and parent not in self.entries:
            self.add(parent, directory())
        self.entries[path] = entry

    def add_tree(self, top, keep_modes=False):
        """Every file below `top`. Without keep_modes only the executable bit counts, as in git."""
        for base, dirs, files in os.walk(top):
            for name in dirs + files:
                full = os.path.join(base, name)
                path = os.path.relpath(full, top)
                st = os.lstat(full)
                if stat.S_ISLNK(st.st_mode):
                    self.add(path, link(os.readlink(full)))
                elif stat.S_ISDIR(st.st_mode):
                    if path not in self.entries:
                        self.add(path, directory(stat.S_IMODE(st.st_mode) if keep_modes else 0o755))
                elif stat.S_ISREG(st.st_mode):
                    mode = stat.S_IMODE(st.st_mode) if keep_modes else 0o755 if st.st_mode & 0o111 else 0o644
                    with open(full, "rb") as f:
                        self.add(path, Entry(stat.S_IFREG | mode, f.read()))

    def add_manifest(self, path):
        """Lines: dir PATH MODE | node PATH MODE c|b MAJOR MINOR | link PATH TARGET | mode PATH MODE"""
        with open(path) as f:
            for line in f:
                words = line.split("#")[0].split()
                if not words:
                    continue
                kind, name, *rest = words
                if kind == "dir":
                    self.add(name, directory(int(rest[0], 8)))
                elif kind == "node":
                    fmt = stat.S_IFCHR if rest[1] == "c" else stat.S_IFBLK
                    self.add(name, Entry(fmt | int(rest[0], 8), rdev=(int(rest[2]), int(rest[3]))))
                elif kind == "link":
                    self.add(name, link(rest[0]))
                elif kind == "mode":
                    entry = self.entries[name.strip("/")]
                    entry.mode = stat.S_IFMT(entry.mode) | int(rest[0], 8)
                else:
                    sys.exit(f"mkroot: {path}: what is {kind}?")

    def add_busybox(self, binary):
        with open(binary, "rb") as f:
            self.add("bin/busybox", Entry(stat.S_IFREG | 0o755, f.read()))
        applets = subprocess.run([binary, "--list-full"], check=True, capture_output=True, text=True).stdout.split()
        for path in applets:
            if path not in ("bin/busybox", "linuxrc") and path not in self.entries:
                self.add(path, link("/bin/busybox"))

    def cpio(self, epoch):
        out = bytearray()

        def record(ino, name, entry, nlink):
            encoded = name.encode() + b"\0"
            fields = (ino, entry.mode, 0, 0, nlink, epoch, len(entry.data), 0, 0, *entry.rdev, len(encoded), 0)
            out.extend(b"070701" + b"".join(b"%08X" % v for v in fields) + encoded)
            out.extend(b"\0" * (-len(out) % 4))
            out.extend(entry.data)
            out.extend(b"\0" * (-len(out) % 4))

        record(0, ".", directory(), 2)
        for ino, (name, entry) in enumerate(sorted(self.entries.items()), 1):
            record(ino, name, entry, 2 if stat.S_ISDIR(entry.mode) else 1)
        record(0, "TRAILER!!!", Entry(0), 1)
        out.extend(b"\0" * (-len(out) % 512))
        return bytes(out)

    def write_tree(self, top, epoch):
        shutil.rmtree(top, ignore_errors=True)
        os.makedirs(top)
        for name, entry in sorted(self.entries.items()):
            path = os.path.join(top, name)
            kind, mode = stat.S_IFMT(entry.mode), stat.S_IMODE(entry.mode)
            if kind == stat.S_IFLNK:
                os.symlink(entry.data.decode(), path)
            elif kind == stat.S_IFDIR:
                os.mkdir(path)
            elif kind == stat.S_IFREG:
                with open(path, "wb") as f:
                    f.write(entry.data)
            else:
                os.mknod(path, entry.mode, os.makedev(*entry.rdev))
            os.chown(path, 0, 0, follow_symlinks=False)
            if kind != stat.S_IFLNK:
                os.chmod(path, mode)
        for name in sorted(self.entries, reverse=True):
            os.utime(os.path.join(top, name), (epoch, epoch), follow_symlinks=False)


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--epoch", type=int, default=0)
    ap.add_argument("--base", help="usr/base: files/ and manifest")
    ap.add_argument("--busybox")
    ap.add_argument("--add", action="append", default=[], metavar="HOSTFILE:PATH", help="a file or a directory")
    ap.add_argument("--overlay")
    ap.add_argument("--cpio", metavar="OUT", help="gzipped when it ends in .gz")
    ap.add_argument("--tree", metavar="DIR")
    args = ap.parse_args()

    image = Image()
    if args.base:
        image.add_tree(os.path.join(args.base, "files"))
    if args.busybox:
        image.add_busybox(args.busybox)
    if args.base:
        image.add_manifest(os.path.join(args.base, "manifest"))
    for item in args.add:
        host, _, path = item.partition(":")
        if os.path.isdir(host):
            sub = Image()
            sub.add_tree(host, keep_modes=True)
            image.add(path, directory())
            for name, entry in sub.entries.items():
                image.add(os.path.join(path, name), entry)
        else:
            with open(host, "rb") as f:
                mode = 0o755 if os.access(host, os.X_OK) else 0o644
                image.add(path, Entry(stat.S_IFREG | mode, f.read()))
    if args.overlay:
        image.add_tree(args.overlay, keep_modes=True)

    if args.cpio:
        data = image.cpio(args.epoch)
        if args.cpio.endswith(".gz"):
            data = gzip.compress(data, 9, mtime=0)
        with open(args.cpio + ".new", "wb") as f:
            f.write(data)
        os.replace(args.cpio + ".new", args.cpio)
    if args.tree:
        image.write_tree(args.tree, args.epoch)


if __name__ == "__main__":
    main()
