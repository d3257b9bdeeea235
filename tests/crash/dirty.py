#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Journals that one kernel left dirty, recovered by the other: QEMU killed at a random moment of a write load on Linux, the image mounted
by Lintel; and the reverse. And logs that e2fsprogs' debugfs wrote, with checksums of version 2 and 3, which no kernel makes on ext3.

After the recovery e2fsck -fn must find nothing, and what was fsync'ed must be there.
"""
import argparse
import os
import random
import sys
import tempfile
import time
import zlib

sys.path.insert(0, os.path.dirname(__file__))
import run as crash  # noqa: E402
import qemu  # noqa: E402

OTHER = {"linux": "lintel", "lintel": "linux"}
# Linux sets the journal's checksum feature (version 1) for these options.
OPTIONS = {"linux": ("", "journal_checksum", "journal_async_commit,data=writeback"), "lintel": ("",)}


def is_dirty(image):
    return "needs_recovery" in crash.run(["dumpe2fs", "-h", image])[1]


def load(args, initrd, image, block, opts, seed, seconds, tmp, writer):
    """False: it did not begin. Linux may fail to start on a host that is very busy: that is tried again."""
    words = f"mode=load seed={seed} ops=100000" + (f" fs=ext4 opts={opts}" if opts else "")    # type ext3 refuses them
    for _ in range(3 if writer == "linux" else 1):
        crash.make_image(image, "ext3", block)
        if "MOUNTED" in crash.guest(args, initrd, crash.drive_of(image), words, f"{tmp}/load.log", seconds, kernel=writer):
            return True
    return False


def recovered(args, initrd, image, notes, tmp, reader):
    """The verdict of the kernel that reads. Linux, again, may not start on a busy host."""
    for _ in range(3 if reader == "linux" else 1):
        crash.run(["cp", "--sparse=always", image, f"{tmp}/own"])
        verdict, faults = crash.judge_by_kernel(args, initrd, f"{tmp}/own", notes, tmp, reader)
        if "the kernel did not come through" not in faults:
            break
    if is_dirty(f"{tmp}/own"):
        verdict, faults = "bad", faults + ["still marked for recovery"]
    return verdict, faults


def kills(args, initrds, tmp, writer):
    tally, image, rng = crash.Tally(f"dirty by {writer}"), f"{tmp}/disk", random.Random(args.seed)
    dirty = 0
    for i in range(args.kills):
        opts, block = OPTIONS[writer][i % len(OPTIONS[writer])], (1024, 4096)[i // 3 % 2]
        if not load(args, initrds[writer], image, block, opts, args.seed + i, rng.uniform(0.3, 6), tmp, writer):
            tally.add(i, "bad", ["the load did not begin"])
            continue
        dirty += is_dirty(image)
        reader = OTHER[writer]
        notes = crash.notes_in_image(image)
        verdict, faults = recovered(args, initrds[reader], image, notes, tmp, reader)
        tally.add(f"{i} ({opts or 'no options'}, blocks of {block}, {len(notes.safe)} safe)", verdict, faults)
    tally.show()
    print(f"           {dirty} of {args.kills} wanted recovery", flush=True)
    return tally.totals()


def debugfs(image, *commands):
    for command in commands:
        code, text = crash.run(["debugfs", "-w", "-R", command, image])
        if code != 0:
            sys.exit(f"dirty: debugfs {command}: {text}")
    return text


def block_of(image, name):
    return int(debugfs(image, f"bmap {name} 0").split()[-1])


def written_logs(args, initrds, tmp):
    """Two files whose blocks a transaction in the log changes; the second one's block is revoked by the next transaction. Not with
    checksums: debugfs 1.47 leaves them out of revoke blocks, so that e2fsck, too, ends there."""
    tally, image = crash.Tally("debugfs' logs"), f"{tmp}/disk"
    old, new = os.urandom(1024), os.urandom(1024)
    for name, data in (("old", old), ("new", new)):
        with open(f"{tmp}/{name}", "wb") as f:
            f.write(data)
    for version in ("", "-c -v 2", "-c -v 3"):
        crash.make_image(image, "ext3")
        debugfs(image, "mkdir w0", f"write {tmp}/old w0/changed", f"write {tmp}/old w0/revoked")
        changed, revoked = block_of(image, "w0/changed"), block_of(image, "w0/revoked")
        script = f"{tmp}/script"
        with open(script, "w") as f:
            f.write(f"jo {version}\njw -b {changed},{revoked} {tmp}/both\njw -r {revoked}\njc\n")
        with open(f"{tmp}/both", "wb") as f:
            f.write(new + new)
        code, text = crash.run(["debugfs", "-w", "-f", script, image])
        faults = [] if code == 0 and is_dirty(image) else [f"debugfs wrote no log: {text}"]
        notes = crash.Notes()
        notes.safe = {"w0/changed": (zlib.crc32(new), 1024), "w0/revoked": (zlib.crc32(new if version else old), 1024)}
        verdict, more = crash.judge_by_kernel(args, initrds["lintel"], image, notes, tmp, "lintel")
        tally.add(f"jo {version}", verdict if not faults else "bad", faults + more)
    tally.show()
    return tally.totals()


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--debug", action="store_true")
    ap.add_argument("--smp", type=int, default=2)
    ap.add_argument("--kills", type=int, default=20, help="each way")
    ap.add_argument("--writers", default="linux,lintel")
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    args.fs, args.kernel = "ext3", "lintel"
    totals, start = crash.Totals(), time.time()
    with tempfile.TemporaryDirectory(dir=qemu.B) as tmp:
        initrds = {k: f"{tmp}/{k}.cpio" for k in OTHER}
        for k, path in initrds.items():
            crash.pack(k, path)
        totals += written_logs(args, initrds, tmp)
        for writer in args.writers.split(","):
            totals += kills(args, initrds, tmp, writer)
    print(f"dirty: {totals.passed} passed, {totals.failed} failed, {time.time() - start:.0f} s")
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
