# SPDX-License-Identifier: BSD-2-Clause
"""Command lines whose output is the same on both kernels: tests/boot/transcripts/*.t, as Debian's Linux printed them.

A transcript has lines `$ COMMAND`, each followed by what it prints and, if it fails, `[STATUS]`; `#` begins a comment. On Linux, --record
writes the outputs anew; every other run compares. What differs from run to run is made alike first: ALIKE. All transcripts that share
machine and disks run in one session, one after the other.
"""
import contextlib
import difflib
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import power
import qemu
from guest import Failed, Guest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../guest"))
import modules  # noqa: E402

HERE = os.path.dirname(__file__)
ALIKE = (
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"\b[0-9A-F]{4}-[0-9A-F]{4}\b"), "SERIAL"),
    (re.compile(r"^login\[\d+\]: .*\n", re.M), ""),	# on other terminals
    (re.compile(r"^(e2fsck|tune2fs) \d+\.\d.*\n", re.M), ""),
    (re.compile(r"[ \t]+$", re.M), ""),
)
# Disks of the machine: name, bytes, and the words behind -drive's id.
DISKS = (
    ("vda", 160 << 20, "if=none,discard=unmap", ["-device", "virtio-blk-pci,drive=vda,serial=first-disk"]),
    ("vdb", 64 << 20, "if=none,discard=unmap", ["-device", "virtio-blk-pci,drive=vdb"]),
    ("sda", 96 << 20, "if=ide,index=0", []),
)


# This machine's own programs and their libraries, for transcripts/tools: in /opt/tools, as Debian built them, against its C library. The
# outputs are those of Debian 12's.
TOOLS = ("mke2fs", "e2fsck", "tune2fs", "resize2fs", "debugfs", "dumpe2fs", "filefrag", "badblocks", "lsattr", "mkfs.fat", "fsck.fat", "fatlabel",
         "dd", "cp", "shred", "lsblk", "findmnt", "wipefs", "blkid", "fstrim", "fallocate", "mount", "umount", "losetup", "flock", "blockdev")


def tools():
    """mkroot's words for the programs of TOOLS that are here."""
    add, libraries = [], set()
    for name in TOOLS:
        path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if path is None:
            raise Failed(f"no {name} on this machine")
        add += ["--add", f"{os.path.realpath(path)}:/opt/tools/{name}"]
        out = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        libraries |= set(re.findall(r"(/\S+) \(0x", out))
    for path in sorted(libraries):
        add += ["--add", f"{os.path.realpath(path)}:{path}"]
    return add


def alike(text):
    for pattern, word in ALIKE:
        text = pattern.sub(word, text)
    return text


class Transcript:
    """One file: lines of comment, and (command, output as recorded)."""

    def __init__(self, path):
        self.path, self.name = path, os.path.basename(path).removesuffix(".t")
        self.parts = []		# [line] of a comment, or [command, output]
        with open(path) as f:
            for line in f:
                if line.startswith("$ "):
                    self.parts.append([line[2:].rstrip("\n"), ""])
                elif line.startswith("#") or not self.parts or (line == "\n" and len(self.parts[-1]) == 1):
                    self.parts.append([line])
                else:
                    self.parts[-1][1] += line

    def write(self):
        with open(self.path, "w") as f:
            for first, *output in self.parts:
                f.write(f"$ {first}\n{output[0]}" if output else first)

    def play(self, g, record):
        """Every command; raises Failed with the first differences, unless they are recorded."""
        wrong = []
        for part in self.parts:
            if len(part) == 1:
                continue
            command, want = part
            output, status = g.run(command, 120)
            output = alike(output)
            output += "\n" if output and not output.endswith("\n") else ""
            got = output + (f"[{status}]\n" if status else "")
            if record:
                part[1] = got
            elif got != want:
                lines = difflib.unified_diff(want.splitlines(), got.splitlines(), "Linux", "here", lineterm="", n=1)
                wrong.append(f"$ {command}\n" + "\n".join([*lines][2:]))
        if wrong:
            raise Failed(f"{len(wrong)} differ:\n" + "\n".join(wrong))


def pack(kernel, directory, more):
    """An initramfs with `more` files, and for Linux its drivers; rcS loads what there is."""
    initrd = f"{directory}/initramfs"
    script = f"{directory}/modules"
    with open(script, "w") as f:
        f.write("#!/bin/sh\n[ \"$1\" = start ] && for m in $(ls /modules/*); do insmod $m; done 2>/dev/null\n")
    os.chmod(script, 0o755)
    add = ["--add", f"{script}:/etc/init.d/S00modules"]
    if kernel == "linux":
        for i, path in enumerate(modules.in_order(f"{qemu.B}/oracle/linux/lib/modules")):
            add += ["--add", f"{path}:/modules/{i:02}-{os.path.basename(path)}"]
    cmd = [sys.executable, "usr/mkroot.py", "--base", "usr/base", "--busybox", f"{qemu.B}/src/busybox/busybox"]
    subprocess.run([*cmd, *add, *more, "--cpio", initrd], check=True)
    return initrd


@contextlib.contextmanager
def disks(directory):
    """The words for the machine's empty disks."""
    words = []
    for name, size, how, device in DISKS:
        path = f"{directory}/{name}.img"
        with open(path, "wb") as f:
            f.truncate(size)
        words += ["-drive", f"file={path},format=raw,id={name},{how}", *device]
    yield words


def run(case, args, command, stem, report, login_limit):
    """case["device"]: a shell pattern of transcripts."""
    with tempfile.TemporaryDirectory() as directory, disks(directory) as words:
        initrd = pack(args.kernel, directory, tools() if case["device"].startswith("tools/") else [])
        with Guest([*command(initrd=initrd), *words], f"{stem}.log") as g:
            if not report.run("reaches the shell", g.login, login_limit):
                return
            for path in sorted(glob.glob(f"{HERE}/transcripts/{case['device']}.t")):
                t = Transcript(path)
                if not report.run(t.name, t.play, g, args.record) and g.asked:
                    return
                if args.record:
                    t.write()
            report.run("powers off", power.poweroff, g)
            if args.kernel == "lintel" and (found := qemu.faults(g.text)):
                report("log without faults", "; ".join(found[:5]), 0)
