#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Mount and use randomly damaged images of each file system in a guest (mutate.c): an error or a mount, never an oops or a hang."""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import qemu  # noqa: E402

os.environ["PATH"] += ":/sbin:/usr/sbin"


def fill(top):
    """A small tree with something of everything."""
    os.makedirs(f"{top}/dir/deeper/deepest")
    for i in range(60):
        with open(f"{top}/dir/a file with a name of some length, number {i}", "w") as f:
            f.write("x" * i * 37)
    with open(f"{top}/big", "wb") as f:
        f.write(os.urandom(300 << 10))
        f.seek(600 << 10)
        f.write(b"end")
    with open(f"{top}/dir/deeper/deepest/small", "w") as f:
        f.write("small\n")
    os.symlink("dir/deeper", f"{top}/short-link")
    os.symlink("x/" * 100, f"{top}/long-link")
    os.link(f"{top}/big", f"{top}/dir/second-name")


def make_ext(path, tree, *words):
    subprocess.run(["mke2fs", "-qq", "-F", *words, "-d", tree, path, "4096"], check=True)


def make_fat(path, tree, bits):
    size = {"12": 2 << 20, "16": 12 << 20, "32": 36 << 20}[bits]
    with open(path, "wb") as f:
        f.truncate(size)
    subprocess.run(["mkfs.fat", "-F", bits, *(["-s", "1"] if bits == "32" else []), path], check=True, stdout=subprocess.DEVNULL)
    names = [f"{tree}/{n}" for n in os.listdir(tree) if not os.path.islink(f"{tree}/{n}")]
    subprocess.run(["mcopy", "-s", "-i", path, *names, "::/"], check=True)


def make_iso(path, tree, *words):
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", *words, "-o", path, tree], check=True, stderr=subprocess.DEVNULL)


IMAGES = {
    "ext2": ("ext2", lambda p, t: make_ext(p, t, "-t", "ext2", "-b", "1024", "-O", "dir_index")),
    "ext2-4k": ("ext2", lambda p, t: make_ext(p, t, "-t", "ext2", "-b", "4096", "-I", "256")),
    "ext3": ("ext3", lambda p, t: make_ext(p, t, "-t", "ext3", "-b", "1024", "-J", "size=1")),
    "fat12": ("vfat", lambda p, t: make_fat(p, t, "12")),
    "fat16": ("vfat", lambda p, t: make_fat(p, t, "16")),
    "fat32": ("vfat", lambda p, t: make_fat(p, t, "32")),
    "iso-rock": ("iso9660", lambda p, t: make_iso(p, t, "-R")),
    "iso-joliet": ("iso9660", lambda p, t: make_iso(p, t, "-J")),
}


def pack(name, tmp):
    tree, image, out = f"{tmp}/tree", f"{tmp}/{name}.img", f"{tmp}/{name}.cpio"
    if not os.path.isdir(tree):
        fill(tree)
    IMAGES[name][1](image, tree)
    cmd = [sys.executable, "usr/mkroot.py", "--base", "usr/base", "--busybox", f"{qemu.B}/src/busybox/busybox"]
    cmd += ["--add", f"{qemu.B}/fuzz/mutate:/init", "--add", f"{image}:/image", "--cpio", out]
    subprocess.run(cmd, check=True)
    return out


def run(args, name, initrd, log_path):
    cmd = qemu.base_command(smp=args.smp, mem=512)
    append = f"console=ttyS0 loglevel=3 panic=-1 rdinit=/init fs={IMAGES[name][0]} image=/image count={args.count} seed={args.seed}"
    cmd += qemu.boot_words("kernel", "lintel", args.debug, initrd, append=append)
    cmd += ["-no-reboot", "-monitor", "none", "-serial", "stdio"]
    start = time.time()
    with open(log_path, "wb") as log:
        try:
            subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, timeout=args.timeout)
        except subprocess.TimeoutExpired:
            pass
    with open(log_path, "rb") as f:
        lines = f.read().decode(errors="replace").replace("\r", "").split("\n")
    done = next((m for m in (re.match(r"DONE (\d+) rounds, (\d+) mounted", line) for line in lines) if m), None)
    faults = qemu.faults("\n".join(lines)) + [line for line in lines if line.startswith("FAULT")]
    if done is None:
        last = [line for line in lines if line.startswith("ROUND")][-1:]
        faults += ["it did not come to its end", *last, *lines[-4:]]
    print(f"  {'FAIL' if faults else 'ok':8} {name:12} {args.count} images, {done[2] if done else '?'} mounted, {time.time() - start:.0f} s", flush=True)
    for line in faults[:12]:
        print(f"           {line}")
    return not faults


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--debug", action="store_true")
    ap.add_argument("--smp", type=int, default=2)
    ap.add_argument("--count", type=int, default=100, help="images of each kind")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--only", default=",".join(IMAGES), help="of " + " ".join(IMAGES))
    ap.add_argument("--timeout", type=int, default=1800)
    args = ap.parse_args()
    failed = 0
    os.makedirs(f"{qemu.B}/fuzz", exist_ok=True)
    with tempfile.TemporaryDirectory(dir=qemu.B) as tmp:
        for name in args.only.split(","):
            failed += not run(args, name, pack(name, tmp), f"{qemu.B}/fuzz/{name}.log")
    print(f"mutate: {len(args.only.split(',')) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
