#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A disk that fails: QEMU's blkdebug answers the n-th read, write or flush with EIO (once, or from then on), during a write load.

Callers get EIO or EROFS, nothing hangs, the kernel's log holds no fault, the machine comes to its end, and what is on the disk can be
repaired. "told": a caller or the log heard of an error; "silent": nobody did (the load may have ended before the n-th request).
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(__file__))
import run as crash  # noqa: E402
import qemu  # noqa: E402

EVENTS = {"read": "read_aio", "write": "write_aio", "flush": "flush_to_disk"}
DEFAULT = ",".join(map(str, [*range(1, 51), *range(100, 501, 50)]))


def rules(path, event, n, once):
    """States count the events: state i before the i-th one."""
    with open(path, "w") as f:
        for i in range(1, n):
            f.write(f'[set-state]\nstate = "{i}"\nevent = "{event}"\nnew_state = "{i + 1}"\n\n')
        f.write(f'[inject-error]\nevent = "{event}"\nerrno = "5"\nstate = "{n}"\nonce = "{"on" if once else "off"}"\n')


def drive(image, config, device):
    words = ["-drive", f"file=blkdebug:{config}:{image},if=none,id=d0,format=raw,rerror=report,werror=report"]
    if device == "virtio":
        return [*words, "-device", "virtio-blk-pci,drive=d0"]
    return [*words, "-device", "ide-hd,drive=d0"]


def one(args, initrd, tmp, kind, n, once):
    image, config = f"{tmp}/disk", f"{tmp}/rules"
    crash.make_image(image, args.fs)
    rules(config, EVENTS[kind], n, once)
    dev = "/dev/vda" if args.device == "virtio" else "/dev/sda"
    words = f"mode=errors seed={n} ops={args.ops} dev={dev}" + (f" opts={args.opts}" if args.opts else "")
    lines = crash.guest(args, initrd, drive(image, config, args.device), words, f"{tmp}/log")
    text = "\n".join(lines)
    faults = qemu.faults(text)
    m = re.search(r"^ERRORS eio (\d+) erofs (\d+) other (\d+)$", text, re.M)
    told = "MOUNT" in text or "I/O error" in text or (m is not None and int(m[1]) + int(m[2]) > 0)
    if "DONE" not in lines:
        faults += ["it did not come to its end", *lines[-6:]]
    code, out = crash.run(["e2fsck", "-fy", image])
    if code & ~3:
        faults.append(f"e2fsck -fy: {code}\n{out}")
    return ("told" if told else "silent"), faults


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--kernel", choices=("lintel", "linux"), default="lintel")
    ap.add_argument("--debug", action="store_true")
    ap.add_argument("--smp", type=int, default=2)
    ap.add_argument("--fs", choices=("ext2", "ext3"), default="ext3")
    ap.add_argument("--device", choices=("virtio", "ata"), default="virtio", help="ata: AHCI on q35")
    ap.add_argument("--opts", default="")
    ap.add_argument("--ops", type=int, default=40)
    ap.add_argument("--kinds", default="read,write,flush")
    ap.add_argument("--n", default=DEFAULT, help="which requests fail, as a list")
    ap.add_argument("--sticky", action="store_true", help="from then on all fail")
    args = ap.parse_args()
    totals, start = crash.Totals(), time.time()
    with tempfile.TemporaryDirectory(dir=qemu.B) as tmp:
        initrd = f"{tmp}/initrd"
        crash.pack(args.kernel, initrd)
        for kind in args.kinds.split(","):
            tally = crash.Tally(kind)
            for n in args.n.split(","):
                tally.add(f"error at the {n}th", *one(args, initrd, tmp, kind, int(n), not args.sticky))
            tally.show()
            totals += tally.totals()
    print(f"errors: {totals.passed} passed, {totals.failed} failed, {time.time() - start:.0f} s")
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
