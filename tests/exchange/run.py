#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""File systems passed between Lintel and Debian's Linux: one writes a tree, the other verifies and changes it, the first verifies that.

The guests (init.c and its fellows) know from the seed what must be there. After each turn the image must be clean for e2fsck -fn
or fsck.fat -n. Both directions: who writes first.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../guest"))
import modules  # noqa: E402
import qemu  # noqa: E402

os.environ["PATH"] += ":/sbin:/usr/sbin"
MIB = 1 << 20
STAGES = 2        # written by the one, changed by the other; then the first looks
OTHER = {"linux": "lintel", "lintel": "linux"}


def ext(*words):
    return lambda path, args: ["mke2fs", "-qq", "-F", *words, "-I", "256", "-N", str(args.files * 2 + 2000), "-E", "lazy_itable_init=0", path]


def fat(bits, cluster):
    """FAT16's root directory can't grow: it gets room for what the plan puts there."""
    root = ["-r", "32768"] if bits == "16" else []
    return lambda path, args: ["mkfs.fat", "-F", bits, "-s", str(8 if args.big else cluster), *root, path]


# Name: how it is made, its size in MiB for the quick form, for the whole, and with a file that fills what FAT32 can hold.
KINDS = {
    "ext2-1k": (ext("-t", "ext2", "-b", "1024"), 64, 768, 768),
    "ext2-4k": (ext("-t", "ext2", "-b", "4096"), 96, 768, 768),
    "ext3-1k": (ext("-t", "ext3", "-b", "1024"), 64, 768, 768),
    "ext3-2k": (ext("-t", "ext3", "-b", "2048"), 64, 768, 768),
    "ext3-4k": (ext("-t", "ext3", "-b", "4096"), 96, 768, 768),
    "fat16": (fat("16", 8), 48, 250, 250),
    "fat32": (fat("32", 1), 48, 512, 4800),
}
QUICK = ["ext2-1k", "ext3-4k", "fat16", "fat32"]


# fsck.fat 4.2 counts the bytes of a chain in 32 bits: of a file of 4 GiB - 1 it says this, wrongly, and then finds nothing else.
OVERFLOW = re.compile(r"^/nearly-4-GiB\n +File size is 4294967295 bytes, cluster chain length is 0 bytes\.\n +Truncating file to 0 bytes\.\n", re.M)
OTHER_WORDS = re.compile(r"\s*|fsck\.fat [\d.]+ \(.*\)|Leaving filesystem unchanged\.|.*: \d+ files, \d+/\d+ clusters")


def says_nothing_else(text):
    rest, n = OVERFLOW.subn("", text)
    return n == 1 and all(OTHER_WORDS.fullmatch(line) for line in rest.splitlines())


class Disk:
    """An image: who writes it first, and how many stages it has been through."""

    def __init__(self, kind, first, path, args):
        self.kind, self.turn, self.path, self.stages, self.faults = kind, first, path, 0, []
        self.name = f"{kind} from {first}"
        how, quick, whole, big = KINDS[kind]
        with open(path, "wb") as f:
            f.truncate((quick if args.quick else big if args.big else whole) * MIB)
        subprocess.run(how(path, args), check=True, stdout=subprocess.DEVNULL)

    def check(self):
        cmd = ["e2fsck", "-fn", self.path] if self.kind.startswith("ext") else ["fsck.fat", "-n", self.path]
        done = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        if done.returncode != 0 and not (self.kind == "fat32" and says_nothing_else(done.stdout)):
            self.faults += [f"{' '.join(cmd[:2])} after stage {self.stages} by {self.turn}: {done.returncode}", *done.stdout.splitlines()[:12]]


def device(i):
    return f"vd{chr(ord('a') + i)}"


def pack(kernel, out):
    add = ["--add", f"{qemu.B}/exchange/init:/init"]
    if kernel == "linux":
        for i, path in enumerate(modules.in_order(f"{qemu.B}/oracle/linux/lib/modules")):
            add += ["--add", f"{path}:/modules/{i:02}-{os.path.basename(path)}"]
    cmd = [sys.executable, "usr/mkroot.py", "--base", "usr/base", "--busybox", f"{qemu.B}/src/busybox/busybox"]
    subprocess.run([*cmd, *add, "--cpio", out], check=True)


def boot(args, kernel, initrd, disks, log_path):
    """The lines of the log."""
    jobs, words = [], []
    for i, disk in enumerate(disks):
        jobs.append(f"{device(i)}/{disk.kind}/{disk.stages}/{int(disk.stages < STAGES)}")
        words += ["-drive", f"file={disk.path},if=none,id=d{i},format=raw,cache=unsafe,discard=unmap,detect-zeroes=unmap",
                  "-device", f"virtio-blk-pci,drive=d{i}"]
    append = f"console=ttyS0 loglevel=4 panic=-1 rdinit=/init seed={args.seed} files={args.files} big={int(args.big)} jobs={','.join(jobs)}"
    cmd = qemu.base_command(smp=args.smp, mem=args.mem)
    cmd += qemu.boot_words("kernel", kernel, args.debug, initrd, append=append)
    cmd += ["-no-reboot", "-monitor", "none", "-serial", "stdio", *words]
    with open(log_path, "wb") as log:
        try:
            subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, timeout=args.timeout)
        except subprocess.TimeoutExpired:
            log.write(f"\ntime-out after {args.timeout} s\n".encode())
    with open(log_path, "rb") as f:
        return f.read().decode(errors="replace").replace("\r", "").split("\n")


def turn(args, kernel, initrd, disks, log_path):
    """One boot of one kernel with the disks whose turn it is."""
    start = time.time()
    for _ in range(3 if kernel == "linux" else 1):    # it may fail to start on a host that is very busy
        lines = boot(args, kernel, initrd, disks, log_path)
        if "BEGIN" in lines:
            break
    bad = qemu.faults("\n".join(lines))
    for i, disk in enumerate(disks):
        label = f"{device(i)} {disk.kind}"
        own = [line for line in lines if line.startswith(f"FAULT {label}")]
        if not any(line.startswith(f"END {label} ") for line in lines):
            own += [f"{kernel} did not come to its end", *lines[-5:]]
        disk.faults += own + bad
        disk.stages += 1
        disk.check()
        disk.turn = OTHER[kernel]
    names = sum(int(m[1]) for m in (re.search(r"(\d+) names verified", line) for line in lines) if m)
    print(f"  {kernel:8} {', '.join(f'{d.kind} ({d.stages})' for d in disks)}: {names} names verified, {time.time() - start:.0f} s", flush=True)


def exchange(args, initrds, kinds, tmp):
    """The kinds' images through all turns, both directions in the same four boots. (failed, all)"""
    disks = [Disk(k, first, f"{tmp}/{k}-{first}", args) for first in args.first.split(",") for k in kinds]
    for step, kernel in enumerate(("linux", "lintel") * 2 if "linux" in args.first else ("lintel", "linux") * 2):
        ready = [d for d in disks if d.turn == kernel and not d.faults and d.stages <= STAGES]
        if ready:
            turn(args, kernel, initrds[kernel], ready, f"{qemu.B}/exchange/{kinds[0]}-{step}-{kernel}.log")
    for disk in disks:
        print(f"  {'FAIL' if disk.faults else 'ok':8} {disk.name}")
        for line in disk.faults[:16]:
            print(f"           {line}")
        os.unlink(disk.path)
    return sum(bool(d.faults) for d in disks), len(disks)


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--debug", action="store_true")
    ap.add_argument("--smp", type=int, default=2)
    ap.add_argument("--mem", type=int, default=768)
    ap.add_argument("--quick", action="store_true", help="300 files, four kinds in the same boots, no file of 4 GiB on FAT")
    ap.add_argument("--files", type=int)
    ap.add_argument("--no-big", action="store_true", help="no file of 4 GiB on FAT")
    ap.add_argument("--only", default=None, help="of " + " ".join(KINDS))
    ap.add_argument("--first", default="linux,lintel", help="who writes first")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--timeout", type=int, default=1800)
    args = ap.parse_args()
    args.files = args.files or (300 if args.quick else 10000)
    args.big = not args.quick and not args.no_big
    if not os.path.exists(qemu.kernel_path("linux")):
        print("exchange: 0 passed, 0 failed, 1 skipped: Debian's kernel can't be had here")
        return 0
    kinds = args.only.split(",") if args.only else QUICK if args.quick else list(KINDS)
    failed = count = 0
    start = time.time()
    with tempfile.TemporaryDirectory(dir=qemu.B) as tmp:
        initrds = {k: f"{tmp}/{k}.cpio" for k in OTHER}
        for k, path in initrds.items():
            pack(k, path)
        for group in [kinds] if args.quick else [[k] for k in kinds]:
            bad, n = exchange(args, initrds, group, tmp)
            failed, count = failed + bad, count + n
    print(f"exchange: {count - failed} passed, {failed} failed, {time.time() - start:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
