#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Disks that fail: QEMU's blkdebug answers the n-th read, write or flush with EIO (once, or from then on), during a write load.

A guest has several such disks, each with an n of its own, and puts the load on one after the other. Callers get EIO or EROFS, nothing
hangs, the kernel's log holds no fault, the machine comes to its end, and what is on the disk can be repaired. "told": a caller or the
log heard of an error; "silent": nobody did (the load may have ended before the n-th request; a queued command of AHCI that failed goes
alone once more, since QEMU can't say which of them it was: for the errors of those there is --in-kernel).
"""
import argparse
import concurrent.futures
import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(__file__))
import run as crash  # noqa: E402
import qemu  # noqa: E402

EVENTS = {"read": "read_aio", "write": "write_aio", "flush": "flush_to_disk"}
ANY = "request"	# whose n-th one the block layer fails
DEFAULT = ",".join(map(str, [*range(1, 51), *range(100, 501, 50)]))
CONTROLLERS = 3	# of AHCI, beside the machine's own
# Machine, first disk, disks of a guest.
DEVICES = {"virtio": ("q35", "/dev/vda", 20), "ide": ("pc", "/dev/sda", 4), "ahci": ("q35", "/dev/sda", 6 * (CONTROLLERS + 1))}
SECONDS = 60	# for each disk


def rules(path, event, n, once):
    """States count the events: state i before the i-th one."""
    with open(path, "w") as f:
        for i in range(1, n):
            f.write(f'[set-state]\nstate = "{i}"\nevent = "{event}"\nnew_state = "{i + 1}"\n\n')
        f.write(f'[inject-error]\nevent = "{event}"\nerrno = "5"\nstate = "{n}"\nonce = "{"on" if once else "off"}"\n')


def bus(device, i):
    """Where the i-th disk hangs. PCI is searched from low slots on: AHCI controllers that are added come before the machine's own."""
    if device == "ide":
        return f"bus=ide.{i // 2},unit={i % 2}"
    own = i // 6 == CONTROLLERS
    return f"bus={'ide' if own else f'ahci{i // 6}'}.{i % 6}"


def drives(device, images):
    words = []
    if device == "ahci":
        for i in range(CONTROLLERS):
            words += ["-device", f"ahci,id=ahci{i},addr={i + 4}"]
    for i, (image, config) in enumerate(images):
        file = f"blkdebug:{config}:{image}" if config else image
        words += ["-drive", f"file={file},if=none,id=d{i},format=raw,rerror=report,werror=report"]
        words += ["-device", f"virtio-blk-pci,drive=d{i}" if device == "virtio" else f"ide-hd,drive=d{i},{bus(device, i)}"]
    return words


def parts(text):
    """What was said about each disk: number to text. What the boot said is the first one's."""
    cuts = [0, *(m.start() for m in re.finditer(r"load: DISK [1-9]\d*$", text, re.M)), len(text)]
    return [text[a:b] for a, b in zip(cuts, cuts[1:])]


def judge_disk(image, text, i):
    faults = qemu.faults(text) + [line for line in text.splitlines() if line.startswith("FAULT")]
    m = re.search(r"load: ERRORS eio (\d+) erofs (\d+) other (\d+)$", text, re.M)
    told = "load: MOUNT " in text or "I/O error" in text or (m is not None and int(m[1]) + int(m[2]) > 0)
    if not re.search(rf"load: OVER {i}$", text, re.M):
        faults += ["it did not come to its end", *text.splitlines()[-6:]]
    code, out = crash.run(["e2fsck", "-fy", image])
    if code & ~3:
        faults.append(f"e2fsck -fy: {code}\n{out}")
    code, out = crash.run(["e2fsck", "-fn", image])
    if code:
        faults.append(f"e2fsck -fn after the repair: {code}\n{out}")
    return ("told" if told else "silent"), faults


def batch(args, initrd, tmp, kind, ns):
    """One guest. [(n, verdict, faults)]"""
    with tempfile.TemporaryDirectory(dir=tmp) as place:
        images = [(f"{place}/disk{n}", None if args.in_kernel else f"{place}/rules{n}") for n in ns]
        for n, (image, config) in zip(ns, images):
            crash.make_image(image, args.fs)
            if config:
                rules(config, EVENTS[kind], n, not args.sticky)
        dev = DEVICES[args.device][1]
        words = f"mode=errors seed={ns[0]} ops={args.ops} dev={dev} disks={len(ns)} forget={int(kind in ('read', ANY))}" + (f" opts={args.opts}" if args.opts else "")
        if args.in_kernel:
            words += f" fails={','.join(map(str, ns))}" + ("" if kind == ANY else f" kind={kind}")
        lines = crash.guest(args, initrd, drives(args.device, images), words, f"{place}/log", limit=SECONDS * len(ns) + 60)
        if args.keep:
            os.makedirs(args.keep, exist_ok=True)
            with open(f"{args.keep}/{args.device}-{args.fs}-{kind}-{ns[0]}.log", "w") as f:
                f.write("\n".join(lines))
        said = parts("\n".join(lines))
        return [(n, *judge_disk(image, said[i] if i < len(said) else "", i)) for i, (n, (image, _)) in enumerate(zip(ns, images))]


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--kernel", choices=("lintel", "linux"), default="lintel")
    ap.add_argument("--debug", action="store_true")
    ap.add_argument("--smp", type=int, default=2)
    ap.add_argument("--fs", default="ext3", help="ext2, ext3, or both with a comma between")
    ap.add_argument("--device", default="virtio", help=f"of {', '.join(DEVICES)}; all: each of them")
    ap.add_argument("--opts", default="")
    ap.add_argument("--ops", type=int, default=40)
    ap.add_argument("--kinds", default="read,write,flush", help=f"with --in-kernel, {ANY}: what the block layer counts")
    ap.add_argument("--in-kernel", action="store_true", help="Lintel's own fail_nth or, for ATA commands, ata_fail_nth (--debug)")
    ap.add_argument("--n", default=DEFAULT, help="which requests fail, as a list")
    ap.add_argument("--sticky", action="store_true", help="from then on all fail")
    ap.add_argument("--jobs", type=int, default=2, help="guests at a time")
    ap.add_argument("--keep", help="folder for the guests' logs")
    args = ap.parse_args()
    totals, start = crash.Totals(), time.time()
    ns = list(map(int, args.n.split(",")))
    with tempfile.TemporaryDirectory(dir=qemu.B) as tmp, concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        initrd = f"{tmp}/initrd"
        crash.pack(args.kernel, initrd)
        for device in DEVICES if args.device == "all" else args.device.split(","):
            for fs in args.fs.split(","):
                one = argparse.Namespace(**{**vars(args), "device": device, "fs": fs, "machine": DEVICES[device][0]})
                print(f"{fs} on {device}", flush=True)
                size = DEVICES[device][2]
                for kind in args.kinds.split(","):
                    tally = crash.Tally(kind)
                    chunks = [ns[i : i + size] for i in range(0, len(ns), size)]
                    for results in pool.map(lambda c, kind=kind, one=one: batch(one, initrd, tmp, kind, c), chunks):
                        for n, verdict, faults in results:
                            tally.add(f"error at the {n}th", verdict, faults)
                    tally.show()
                    totals += tally.totals()
    print(f"errors: {totals.passed} passed, {totals.failed} failed, {time.time() - start:.0f} s")
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
