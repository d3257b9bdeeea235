#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Disk rows, Lintel and Debian's Linux in turn on the same QEMU, virtio-blk disk and fresh image: medians of the guests' wall-clock times.

Ratios mean something, the times don't: both depend on the machine and on what else it does. Writes tests/bench/DISK.md.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../guest"))
import modules  # noqa: E402
import qemu  # noqa: E402

OUT = f"{qemu.B}/bench"
RESULTS = "tests/bench/DISK.md"
ROWS = {
    "write": "sequential write of 64 MiB, fsync",
    "read": "sequential read of 64 MiB",
    "random-read": "4,096 random reads of 4 KiB",
    "random-write": "4,096 random writes of 4 KiB, fsync",
    "files": "create, stat, unlink of 10,000 files, sync",
    "untar": "untar of busybox's source tree, sync",
}
os.environ["PATH"] += ":/sbin:/usr/sbin"


def pack(kernel, out, tree):
    cmd = [sys.executable, "usr/mkroot.py", "--base", "usr/base", "--busybox", f"{qemu.B}/src/busybox/busybox"]
    cmd += ["--add", f"{OUT}/disk:/init", "--add", f"{tree}:/tree.tar"]
    if kernel == "linux":
        for i, path in enumerate(modules.in_order(f"{qemu.B}/oracle/linux/lib/modules")):
            cmd += ["--add", f"{path}:/modules/{i:02}-{os.path.basename(path)}"]
    subprocess.run([*cmd, "--cpio", out], check=True)


def run_once(kernel, fs, initrd, tmp):
    image, log_path = f"{tmp}/disk", f"{OUT}/disk-{kernel}.log"
    with open(image, "wb") as f:
        f.truncate(256 << 20)
    subprocess.run(["mke2fs", "-qq", "-F", "-t", fs, "-b", "4096", image], check=True)
    cmd = qemu.base_command(smp=2, mem=512)
    cmd += qemu.boot_words("kernel", kernel, False, initrd, append=f"console=ttyS0 quiet loglevel=1 panic=-1 rdinit=/init -- {fs}")
    cmd += ["-no-reboot", "-monitor", "none", "-serial", "stdio"]
    cmd += ["-drive", f"file={image},if=none,id=d,format=raw,cache=writeback", "-device", "virtio-blk-pci,drive=d"]
    with open(log_path, "wb") as log:
        subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, timeout=600)
    with open(log_path, "rb") as f:
        log = f.read().decode(errors="replace").replace("\r", "")
    if "disk-end" not in log or qemu.faults(log):
        sys.exit(f"disk: {kernel} did not come through: {log_path}")
    return {m[1]: int(m[2]) for m in re.finditer(r"^disk (\S+) (\d+)$", log, re.M)}


def table(fs, runs, times):
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    out = [f"## {fs}", "", f"At {commit}, medians of {runs} alternating runs, `-smp 2 -m 512`; below 1.00 Lintel is faster.", "",
           "| row | Lintel, ms | Linux, ms | ratio |", "|---|---:|---:|---:|"]
    for row, text in ROWS.items():
        a, b = (statistics.median(r[row] for r in times[k]) for k in ("lintel", "linux"))
        out.append(f"| {text} | {a / 1000:,.0f} | {b / 1000:,.0f} | {a / b:.2f} |")
    return "\n".join(out) + "\n"


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--runs", type=int, default=5)
    ap.add_argument("--fs", default="ext2,ext3")
    args = ap.parse_args()
    text = ["# Disks: Lintel beside Linux\n", "Written by `make bench-disk`: QEMU TCG, one virtio-blk disk; Linux mounts by its ext4 driver.\n"]
    with tempfile.TemporaryDirectory(dir=qemu.B) as tmp:
        subprocess.run(["tar", "cf", f"{tmp}/tree.tar", "--exclude=*.o", "--exclude=busybox/busybox*", "-C", f"{qemu.B}/src", "busybox"], check=True)
        for kernel in ("lintel", "linux"):
            pack(kernel, f"{tmp}/{kernel}.cpio", f"{tmp}/tree.tar")
        for fs in args.fs.split(","):
            times = {"lintel": [], "linux": []}
            for _ in range(args.runs):
                for kernel, got in times.items():
                    got.append(run_once(kernel, fs, f"{tmp}/{kernel}.cpio", tmp))
            text.append(table(fs, args.runs, times))
            print(text[-1], flush=True)
    with open(RESULTS, "w") as f:
        f.write("\n".join(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
