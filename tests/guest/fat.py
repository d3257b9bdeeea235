# SPDX-License-Identifier: BSD-2-Clause
"""The FAT disks of the guest tests: vdd is FAT12, vde FAT16, vdf FAT32. fsck.fat finds them clean after the run."""
import os
import subprocess

os.environ["PATH"] += ":/sbin:/usr/sbin"
DISKS = {"vdd": ("12", 4 << 20, "4"), "vde": ("16", 16 << 20, "2"), "vdf": ("32", 36 << 20, "1")}


def make(directory):
    """Makes them; QEMU's words."""
    words = []
    for name, (bits, size, cluster) in DISKS.items():
        path = f"{directory}/{name}.img"
        with open(path, "wb") as f:
            f.truncate(size)
        subprocess.run(["mkfs.fat", "-F", bits, "-s", cluster, "-n", f"LABEL {name.upper()}", path], check=True, stdout=subprocess.DEVNULL)
        words += ["-drive", f"file={path},if=none,id={name},format=raw", "-device", f"virtio-blk-pci,drive={name}"]
    return words


def check(directory):
    """What is wrong with them, in lines."""
    faults = []
    for name in DISKS:
        done = subprocess.run(["fsck.fat", "-n", f"{directory}/{name}.img"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            faults.append(f"fsck.fat of {name}: " + " | ".join(done.stdout.splitlines()[:8]))
    return faults
