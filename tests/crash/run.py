#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Power cuts: a write load in a guest, its disk's writes recorded, the disk as it would be after a cut judged.

Points: QEMU's blklogwrites records every write and flush. A cut at a point leaves all writes up to the last flush before
it, and of the later ones those with FUA and any subset of the others. Kills: QEMU is killed at a random moment.

After each, the file system must be clean (ext3: once its journal is replayed; by e2fsck and, for some, by the kernel under test
itself) or, for plain ext2, repairable; and what the guest noted as safe (load.c) must be there, by name and checksum.
"""
import argparse
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../guest"))
import modules  # noqa: E402
import qemu  # noqa: E402

FS_BYTES = 48 << 20
WORKERS = 2
NOTE = 4096
NOTES = 2048
DISK_BYTES = FS_BYTES + WORKERS * NOTES * NOTE
SECTOR = 512
FLUSH, FUA, DISCARD = 1, 2, 4
os.environ["PATH"] += ":/sbin:/usr/sbin"


# ---- the guest ----------------------------------------------------------------------------------------------

def pack(kernel, out):
    with tempfile.TemporaryDirectory() as tmp:
        add = ["--add", f"{qemu.B}/crash/load:/init"]
        if kernel == "linux":
            for i, path in enumerate(modules.in_order(f"{qemu.B}/oracle/linux/lib/modules")):
                add += ["--add", f"{path}:/modules/{i:02}-{os.path.basename(path)}"]
        os.makedirs(f"{tmp}/empty")
        cmd = [sys.executable, "usr/mkroot.py", "--base", "usr/base", "--busybox", f"{qemu.B}/src/busybox/busybox"]
        subprocess.run([*cmd, *add, "--cpio", out], check=True)


def guest(args, initrd, drive, words, log_path, kill_after=None, limit=300, kernel=None):
    """Runs to its end, or is killed after so many seconds. The lines of its log. kernel: another than args.kernel."""
    cmd = qemu.base_command(getattr(args, "machine", "q35"), smp=args.smp, mem=256)
    append = f"console=ttyS0 panic=-1 rdinit=/init fs={args.fs} size={FS_BYTES} workers={WORKERS} {words}"
    cmd += qemu.boot_words("kernel", kernel or args.kernel, args.debug, initrd, append=append)
    cmd += ["-nodefaults", "-no-reboot", "-monitor", "none", "-serial", "stdio", *drive]
    with open(log_path, "wb") as log:
        machine = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            if kill_after is not None:
                wait_for(log_path, b"MOUNTED", 60)
                time.sleep(kill_after)
            else:
                machine.wait(limit)
        except subprocess.TimeoutExpired:
            pass
        finally:
            machine.kill()
            machine.wait()
    with open(log_path, "rb") as f:
        return f.read().decode(errors="replace").replace("\r", "").split("\n")


def wait_for(path, text, seconds):
    end = time.time() + seconds
    while time.time() < end:
        with open(path, "rb") as f:
            if text in f.read():
                return
        time.sleep(0.05)


def drive_of(image, log=None):
    node = f"driver=file,filename={image},node-name=f0"
    if log is None:
        return ["-blockdev", node, "-blockdev", "driver=raw,file=f0,node-name=d0", "-device", "virtio-blk-pci,drive=d0"]
    record = f"driver=blklogwrites,file=f0,log=l0,log-sector-size={SECTOR},node-name=d0"
    return ["-blockdev", node, "-blockdev", f"driver=file,filename={log},node-name=l0", "-blockdev", record,
            "-device", "virtio-blk-pci,drive=d0"]


def make_image(path, fs, block=1024):
    with open(path, "wb") as f:
        f.truncate(DISK_BYTES)
    kind = {"ext3": ["-t", "ext3", "-J", "size=4"], "ext2": ["-t", "ext2"]}[fs]
    subprocess.run(["mke2fs", "-qq", "-F", *kind, "-b", str(block), path, str(FS_BYTES // block)], check=True)


# ---- the record ---------------------------------------------------------------------------------------------

class Write:
    def __init__(self, sector, flags, data):
        self.sector, self.flags, self.data = sector, flags, data


def read_log(path):
    """Entries of a dm-log-writes log: a super block, then for each a head of one sector and its data."""
    entries = []
    with open(path, "rb") as f:
        magic, _version, count, size = struct.unpack("<QQQI", f.read(28))
        if magic != 0x6A736677736872:
            sys.exit("crash: the log of writes has no super block")
        f.seek(size)
        for _ in range(count):
            head = f.read(size)
            if len(head) < 32:
                break
            sector, sectors, flags, _len = struct.unpack("<QQQQ", head[:32])
            data = b"" if flags & DISCARD else f.read(sectors * size)
            if flags & DISCARD:
                data = bytes(sectors * size)
            entries.append(Write(sector * size, flags, data))
    return entries


def apply(f, w):
    if w.data:
        f.seek(w.sector)
        f.write(w.data)


# ---- judging ------------------------------------------------------------------------------------------------

class Notes:
    """What is safe by name: (checksum, size), or None for "it is gone"."""

    def __init__(self):
        self.safe = {}

    def take(self, block):
        m = re.match(rb"NOTE (B|S) (\S+)(?: (\S+))?(?: (\d+))?\n", block)
        if m is None:
            return
        name = m[2].decode()
        if m[1] == b"B":
            self.safe.pop(name, None)
        elif m[3] == b"-":
            self.safe[name] = None
        else:
            self.safe[name] = (int(m[3], 16), int(m[4]))


def notes_in_image(path):
    notes = Notes()
    with open(path, "rb") as f:
        for worker in range(WORKERS):
            f.seek(FS_BYTES + worker * NOTES * NOTE)
            for _ in range(NOTES):
                block = f.read(NOTE)
                if not block.startswith(b"NOTE"):
                    break
                notes.take(block)
    return notes


def run(cmd):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return p.returncode, p.stdout.decode(errors="replace")


def files_by_debugfs(image, tmp):
    """Name to (checksum, size), as e2fsprogs read them."""
    out = f"{tmp}/files"
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    run(["debugfs", "-R", "rdump " + " ".join(f"/w{i}" for i in range(WORKERS)) + f" {out}", image])
    found = {}
    for base, _dirs, names in os.walk(out):
        for name in names:
            path = os.path.join(base, name)
            with open(path, "rb") as f:
                data = f.read()
            found[os.path.relpath(path, out)] = (zlib.crc32(data), len(data))
    return found


def compare(notes, found):
    faults = []
    for name, want in notes.safe.items():
        have = found.get(name)
        if want != have:
            faults.append(f"{name}: safe was {want}, there is {have}")
    return faults


def repair(image, fs):
    """ext3: replay the journal, then it must be clean. ext2: it must be repairable. (verdict, faults)"""
    if fs == "ext3":
        code, text = run(["e2fsck", "-fy", "-E", "journal_only", image])
        if code & ~1:
            return "bad", [f"replay of the journal: {code}: {text}"]
        code, text = run(["e2fsck", "-fn", image])
        return ("clean", []) if code == 0 else ("bad", [f"e2fsck -fn after the replay: {code}\n{text}"])
    code, text = run(["e2fsck", "-fn", image])
    if code == 0:
        return "clean", []
    code, text = run(["e2fsck", "-fy", image])
    if code & ~3:
        return "bad", [f"e2fsck -fy: {code}\n{text}"]
    code, text = run(["e2fsck", "-fn", image])
    return ("repaired", []) if code == 0 else ("bad", [f"e2fsck -fn after the repair: {code}\n{text}"])


def judge(image, fs, notes, tmp):
    verdict, faults = repair(image, fs)
    if not faults:
        faults = compare(notes, files_by_debugfs(image, tmp))
    return ("lost" if verdict != "bad" and faults else verdict), faults


def judge_by_kernel(args, initrd, image, notes, tmp, kernel=None):
    """The kernel under test (or another) mounts the image itself (ext3: recovers it), reads everything and unmounts; then it is clean."""
    lines = guest(args, initrd, drive_of(image), "mode=check", f"{tmp}/check.log", kernel=kernel)
    faults = qemu.faults("\n".join(lines)) + [line for line in lines if line.startswith("FAULT")]
    if "DONE" not in lines:
        return "bad", faults + ["the kernel did not come through"] + lines[-5:]
    found = {m[1]: (int(m[2], 16), int(m[3])) for m in (re.match(r"IS (\S+) (\S+) (\d+)$", line) for line in lines) if m}
    code, text = run(["e2fsck", "-fn", image])
    if code != 0:
        faults.append(f"e2fsck -fn after the kernel's recovery: {code}\n{text}")
    faults += compare(notes, found)
    return ("bad" if faults else "clean"), faults


# ---- points and kills ---------------------------------------------------------------------------------------

class Totals:
    def __init__(self, passed=0, failed=0):
        self.passed, self.failed = passed, failed

    def __add__(self, other):
        return Totals(self.passed + other.passed, self.failed + other.failed)


class Tally:
    def __init__(self, what):
        self.what, self.count, self.bad = what, {}, 0

    def add(self, where, verdict, faults):
        self.count[verdict] = self.count.get(verdict, 0) + 1
        if faults:
            self.bad += 1
            if self.bad <= 5:
                print(f"  FAULT    {self.what} {where}: {verdict}")
                for line in "\n".join(faults).splitlines()[:12]:
                    print(f"           {line}")

    def totals(self):
        return Totals(sum(self.count.values()) - self.bad, self.bad)

    def show(self):
        total = sum(self.count.values())
        print(f"  {self.what.upper():8} {total}: " + ", ".join(f"{n} {k}" for k, n in sorted(self.count.items())), flush=True)


def choose_points(entries, n, rng):
    """Flush boundaries first, then points between."""
    flushes = [i + 1 for i, w in enumerate(entries) if w.flags & FLUSH]
    chosen = set(flushes if len(flushes) <= n // 2 else rng.sample(flushes, n // 2))
    rest = [i for i in range(1, len(entries) + 1) if i not in chosen]
    chosen.update(rng.sample(rest, min(len(rest), n - len(chosen))))
    return sorted(chosen)


class Replayer:
    """The disk at rising points of the record: what is stable, and what may or may not be there yet."""

    def __init__(self, base, entries):
        self.entries, self.at, self.loose, self.notes = entries, 0, [], Notes()
        self.stable = base

    def advance(self, to):
        with open(self.stable, "r+b") as f:
            for w in self.entries[self.at:to]:
                if w.flags & FLUSH:
                    for old in self.loose:
                        apply(f, old)
                    self.loose = []
                self.loose.append(w)
                if w.sector >= FS_BYTES:
                    self.notes.take(w.data)
        self.at = to

    def cut(self, image, rng):
        run(["cp", "--sparse=always", self.stable, image])
        luck = rng.choice((0, 0.3, 0.7, 1))
        with open(image, "r+b") as f:
            for w in self.loose:
                if w.flags & FUA or rng.random() < luck:
                    apply(f, w)


def run_points(args, initrd, tmp, rng):
    disk, log, base, image = (f"{tmp}/{n}" for n in ("disk", "log", "base", "cut"))
    make_image(disk, args.fs)
    shutil.copy(disk, base)
    open(log, "wb").close()
    lines = guest(args, initrd, drive_of(disk, log), f"mode=load seed={args.seed} ops={args.ops}", f"{tmp}/load.log")
    tally, own = Tally("points"), Tally("mounted")
    faults = qemu.faults("\n".join(lines)) + [line for line in lines if line.startswith("FAULT")]
    if "DONE" not in lines or faults:
        tally.add("the load", "bad", faults or ["it did not end", *lines[-8:]])
    entries = read_log(log)
    replay = Replayer(base, entries)
    points = choose_points(entries, args.points, rng)
    print(f"  RECORD   {len(entries)} writes, {sum(1 for w in entries if w.flags & FLUSH)} flushes", flush=True)
    for i, point in enumerate(points):
        replay.advance(point)
        replay.cut(image, rng)
        if args.every and i % args.every == 0 and args.fs != "ext2":
            run(["cp", "--sparse=always", image, f"{tmp}/own"])
            own.add(point, *judge_by_kernel(args, initrd, f"{tmp}/own", replay.notes, tmp))
        tally.add(point, *judge(image, args.fs, replay.notes, tmp))
    tally.show()
    own.show()
    return tally.totals() + own.totals()


def run_kills(args, initrd, tmp, rng):
    tally, image = Tally("kills"), f"{tmp}/kill"
    for i in range(args.kills):
        make_image(image, args.fs)
        words = f"mode=load seed={args.seed + i + 1} ops=100000"
        guest(args, initrd, drive_of(image), words, f"{tmp}/kill.log", kill_after=rng.uniform(0.3, 6))
        notes = notes_in_image(image)
        tally.add(i, *judge(image, args.fs, notes, tmp))
    tally.show()
    return tally.totals()


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--kernel", choices=("lintel", "linux"), default="lintel")
    ap.add_argument("--debug", action="store_true")
    ap.add_argument("--smp", type=int, default=2)
    ap.add_argument("--fs", choices=("ext2", "ext3", "both"), default="both")
    ap.add_argument("--points", type=int, default=60)
    ap.add_argument("--kills", type=int, default=6)
    ap.add_argument("--ops", type=int, default=150, help="operations of each worker for the record")
    ap.add_argument("--every", type=int, default=20, help="every n-th point is recovered by the kernel itself, too")
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    all_, start = Totals(), time.time()
    with tempfile.TemporaryDirectory(dir=qemu.B) as tmp:
        initrd = f"{tmp}/initrd"
        pack(args.kernel, initrd)
        for fs in ("ext3", "ext2") if args.fs == "both" else (args.fs,):
            args.fs = fs
            print(f"{fs} on {args.kernel}", flush=True)
            rng = random.Random(args.seed)
            all_ += run_points(args, initrd, tmp, rng) if args.points else Totals()
            all_ += run_kills(args, initrd, tmp, rng) if args.kills else Totals()
    print(f"crash: {all_.passed} passed, {all_.failed} failed, {time.time() - start:.0f} s")
    return 1 if all_.failed else 0


if __name__ == "__main__":
    sys.exit(main())
