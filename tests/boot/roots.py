# SPDX-License-Identifier: BSD-2-Clause
"""The root on a disk, as the command line names it: by device, number, label, UUID and partition; read-only and remounted; what a disk
looks like after the system's end; and what the kernel says when there is no root."""
import os
import re
import shutil
import struct
import subprocess
import time
import uuid
import zlib

import disks
import power
import qemu
from guest import Failed, Guest

MIB = 1 << 20
ROOT_UUID = "6c696e74-656c-4000-8000-000000000001"	# usr/usr.mk
MBR_ID = 0x12345678
GPT_DISK = uuid.UUID("6c696e74-656c-4000-8000-0000000000d0")
GPT_ROOT = uuid.UUID("6c696e74-656c-4000-8000-0000000000d2")
LINUX_DATA = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")


# ---- images: name -> the offset of the root file system -----------------------------------------------------

def whole(path):
    shutil.copyfile(f"{qemu.B}/root.img", path)
    return 0


def journal(path):
    whole(path)
    subprocess.run(["tune2fs", "-J", "size=4", path], check=True, capture_output=True)
    return 0


def mbr(path):
    """The root is the second partition."""
    with open(f"{qemu.B}/root.img", "rb") as f, open(path, "wb") as out:
        root = f.read()
        entry = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0x83, b"\0\3\0", 2048, 2048)
        entry += struct.pack("<B3sB3sII", 0x80, b"\0\4\0", 0x83, b"\0\5\0", 2 * 2048, len(root) // 512)
        out.write(bytes(440) + struct.pack("<IH", MBR_ID, 0) + entry + bytes(32) + b"\x55\xaa")
        out.seek(2 * MIB)
        out.write(root)
    return 2 * MIB


def gpt(path):
    """The root is the third entry, called "the root"."""
    with open(f"{qemu.B}/root.img", "rb") as f, open(path, "wb") as out:
        root = f.read()
        sectors = (2 * MIB + len(root) + MIB) // 512
        first = 2 * MIB // 512
        entry = LINUX_DATA.bytes_le + GPT_ROOT.bytes_le + struct.pack("<QQQ", first, first + len(root) // 512 - 1, 0)
        entries = bytes(256) + entry + "the root".encode("utf-16-le").ljust(72, b"\0")
        entries = entries.ljust(128 * 128, b"\0")

        def header(here, other, table):
            h = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, here, other, 34, sectors - 34, GPT_DISK.bytes_le, table, 128, 128,
                            zlib.crc32(entries))
            return (h[:16] + struct.pack("<I", zlib.crc32(h)) + h[20:]).ljust(512, b"\0")

        protective = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff\xff\xff", 1, sectors - 1)
        out.write(bytes(446) + protective + bytes(48) + b"\x55\xaa" + header(1, sectors - 1, 2) + entries)
        out.seek(2 * MIB)
        out.write(root)
        out.seek((sectors - 33) * 512)
        out.write(entries + header(sectors - 1, 1, sectors - 33))
    return 2 * MIB


# ---- roots that are there: image, words, device ---------------------------------------------------------------

# rcS makes a read-only one writable.
GOOD = {
    "device": (whole, "root=/dev/vda rw", "vda"),
    "uuid": (whole, f"root=UUID={ROOT_UUID} rw", "vda"),
    "label, read-only at first": (whole, "root=LABEL=lintel ro", "vda"),
    "number": (whole, "root=254:0 rw", "vda"),
    "wait, type and flags": (whole, "root=/dev/vda rootwait rootfstype=ext2 rootflags=errors=remount-ro rw", "vda"),
    "delay and a list of types": (whole, "root=/dev/vda rootdelay=1 rootfstype=vfat,ext2 rw", "vda"),
    "partition": (mbr, "root=/dev/vda2 rw", "vda2"),
    "PARTUUID of an MBR": (mbr, "root=PARTUUID=12345678-02", "vda2"),
    "label on a partition": (mbr, "root=LABEL=lintel", "vda2"),
    "PARTUUID of a GPT": (gpt, f"root=PARTUUID={GPT_ROOT} rootwait", "vda3"),
    "PARTLABEL": (gpt, 'root="PARTLABEL=the root" rw', "vda3"),
    "journal": (journal, f"root=UUID={str(ROOT_UUID).upper()} rw", "vda"),
    "writers at the end": (whole, "root=/dev/vda", "vda"),
    "journal, writers at the end": (journal, "root=/dev/vda", "vda"),
    "journal, type ext3": (journal, "root=/dev/vda rootfstype=ext3 ro", "vda"),
}


def drive(path):
    return ["-drive", f"file={path},format=raw,if=none,id=root,discard=unmap", "-device", "virtio-blk-pci,drive=root"]


def clean(path, offset):
    """No error, nothing left in a journal, and marked as unmounted."""
    name = f"{path}?offset={offset}"
    disks.fsck(name)
    head = subprocess.run(["dumpe2fs", "-h", name], capture_output=True, text=True).stdout
    if "needs_recovery" in head or not re.search(r"^Filesystem state: +clean$", head, re.M):
        raise Failed(f"not unmounted well: {head[:900]!r}")


def use(g, dev, name):
    g.check("mount", rf"^/dev/{dev} on / type ext[23] \(rw")
    g.check("df / | tail -n 1", rf"^/dev/{dev} ")
    if "writer" in name:
        g.check("(while :; do echo more; sleep 0.1; done) >/root/log & tail -f /etc/passwd >/root/tail & sleep 1")
    g.check("echo kept >/root/kept && cp -r /etc /root/copy && rm -r /root/copy")


def end_by(g, command):
    g.line(command)
    g.expect(power.GOING_DOWN, 30)
    g.wait_end(60)


def good(command, stem, report, login_limit, name):
    """Boot, write, end; the image is in order then, and holds what was written."""
    make, words, dev = GOOD[name]
    path = f"{stem}.img"
    offset = make(path)
    end = "reboot" if "journal" in name else "poweroff"
    with Guest([*command(words), *drive(path)], f"{stem}.log") as g:
        if not report.run(f"{name}: reaches the shell", g.login, login_limit):
            return
        report.run(f"{name}: is the root", use, g, dev, name)
        if "flags" in name:
            report.run(f"{name}: flags", g.check, "mount", r" on / type ext2 \(rw.*errors=remount-ro")
        report.run(f"{name}: {end}", end_by, g, end)
        if found := qemu.faults(g.text):
            report("log without faults", "; ".join(found[:5]), 0)
    report.run(f"{name}: the disk is in order", clean, path, offset)
    os.unlink(path)


def dirty_journal(command, stem, report, login_limit):
    """Power off by force in the midst of writing, and up again with a read-only root: the journal is played back all the same."""
    path = f"{stem}.img"
    journal(path)
    with Guest([*command("root=/dev/vda rw"), *drive(path)], f"{stem}.log") as g:
        if not report.run("dirty journal: reaches the shell", g.login, login_limit):
            return
        report.run("dirty journal: writes", g.check, "cp -r /etc /root/kept && sync; (while :; do cp -r /etc /root/more; rm -r /root/more; done) & sleep 2")
    with Guest([*command("root=/dev/vda ro"), *drive(path)], f"{stem}.log") as g:
        if not report.run("dirty journal: reaches the shell again", g.login, login_limit):
            return
        report.run("dirty journal: recovered", g.check, "dmesg | grep -i recover; diff -r /etc /root/kept && mount | grep ' / '", r"recover.*\n(?s:.*) on / type ext3 \(rw")
        report.run("dirty journal: poweroff", power.poweroff, g)
        if found := qemu.faults(g.text):
            report("log without faults", "; ".join(found[:5]), 0)
    report.run("dirty journal: the disk is in order", clean, path, 0)
    os.unlink(path)


# ---- roots that are not: words, and what the kernel says, in order -------------------------------------------

NO_DEVICE = (r'VFS: Cannot open root device "{}" or unknown-block\(0,0\)', r'Please append a correct "root=" boot option; here are the available partitions:',
             r"\bfe00 +65536 vda\b", r"Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block\(0,0\)")
NO_FS = (r"List of all partitions:", r"\bfe00 +65536 vda\b", r"\bfe10 +1024 vdb\b", r"No filesystem could mount root, tried:",
         r"Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block\(254,{}\)")
BAD = {
    "no such device": ("root=/dev/vdz", [p.format("/?d?e?v?/?vdz") for p in NO_DEVICE]),
    "no such label": ("root=LABEL=none rootfstype=ext2", [p.format("LABEL=none") for p in NO_DEVICE]),
    "an empty disk": ("root=/dev/vdb", [p.format(16) for p in NO_FS]),
    "another type": ("root=/dev/vda rootfstype=vfat", [p.format(0) for p in NO_FS]),
    "no such init": ("root=/dev/vda init=/nothing", [r"Requested init /nothing failed \(error -2\)"]),
}


def told(g, patterns):
    for p in patterns:
        g.expect(p, 60)
    g.wait_end(30)


def waits(g):
    g.expect(r"Waiting for root device /dev/vdz\.\.\.", 60)
    time.sleep(5)
    if g.process.poll() is not None or "panic" in g.text.split("Waiting for root")[1]:
        raise Failed("does not wait")


def run(case, command, stem, report, login_limit):
    """case["device"]: good or bad."""
    if case["device"] == "good":
        for name in GOOD:
            good(command, f"{stem}-{re.sub('[^a-zA-Z]+', '-', name)}", report, login_limit, name)
        dirty_journal(command, f"{stem}-dirty", report, login_limit)
        return
    path, empty = f"{stem}.img", f"{stem}-empty.img"
    whole(path)
    with open(empty, "wb") as f:
        f.truncate(MIB)
    words = [*drive(path), "-drive", f"file={empty},format=raw,if=none,id=empty", "-device", "virtio-blk-pci,drive=empty"]
    for name, (append, patterns) in BAD.items():
        with Guest([*command(append), *words], f"{stem}.log") as g:
            report.run(name, told, g, patterns)
    with Guest([*command("root=/dev/vdz rootwait"), *words], f"{stem}.log") as g:
        report.run("rootwait goes on waiting", waits, g)
    with Guest([*command("root=/dev/vda init=/bin/sh rw"), *words], f"{stem}.log") as g:
        report.run("init=/bin/sh", lambda: (g.expect("# ", 60), g.line("echo $$; mount -t proc proc /proc; cat /proc/1/comm"), g.expect(r"^1\r\nsh\r\n")))
    os.unlink(path)
    os.unlink(empty)
