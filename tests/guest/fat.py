# SPDX-License-Identifier: BSD-2-Clause
"""The FAT disks of the guest tests: vdd is FAT12, vde FAT16, vdf FAT32; vdl is a FAT32 with a file of nearly 4 GiB and a tree that mtools
wrote. After the run fsck.fat finds them clean, and mtools reads what fs_fat_disk.c has written, and the labels as they were."""
import os
import subprocess

from iso import pattern

os.environ["PATH"] += ":/sbin:/usr/sbin"
DISKS = {"vdd": ("12", 4 << 20, "4"), "vde": ("16", 16 << 20, "2"), "vdf": ("32", 36 << 20, "1"), "vdl": ("32", 4400 << 20, "128")}
MTOOLS = {**os.environ, "MTOOLS_SKIP_CHECK": "1", "LC_ALL": "C.UTF-8"}
SECTOR = 512
BIG = b"BIG     BIN", 0xFFFFFFFF - 100000, 3000  # name, size, first cluster

# Names and sizes as in fs_fat_disk.c; the number of a line is the seed of what the file holds, 100 more where the guest wrote it.
TREE = [
    ("a long name with spaces, of more than thirteen characters.text", 5000), ("Ünïcødé 中文.txt", 70000), ("UPPER.TXT", 1), ("lower.txt", 0),
    ("MiXeD.Case", 512), ("x.y.z", 4096), ("+,;=[] file", 65536), ("n" * 200, 65537), ("smile ☺", 100), ("dir/.hidden", 33),
    ("dir/a directory with a long name/deep ÄÖÜ", 200001), ("dir/a directory with a long name/noext", 12345),
]


def run(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=MTOOLS, text=True).stdout


def put_tree(path):
    top = f"{path}.tree/from mtools"
    for i, (name, size) in enumerate(TREE):
        os.makedirs(os.path.dirname(f"{top}/{name}"), exist_ok=True)
        with open(f"{top}/{name}", "wb") as f:
            f.write(pattern(size, i))
    run("mcopy", "-s", "-i", path, top, "::/")


def put_big(path):
    """By hand, for its 4 GiB are a hole of the image: the chain in both tables, the entry, the count of free clusters."""
    name, size, first = BIG
    with open(path, "r+b") as f:
        boot = f.read(SECTOR)
        number = lambda at, n: int.from_bytes(boot[at : at + n], "little")  # noqa: E731
        cluster, table, tables, length = number(13, 1) * SECTOR, number(14, 2) * SECTOR, number(16, 1), number(36, 4) * SECTOR
        count = -(-size // cluster)
        chain = b"".join((first + i + 1).to_bytes(4, "little") for i in range(count - 1)) + b"\xff\xff\xff\x0f"
        for i in range(tables):
            f.seek(table + i * length + first * 4)
            f.write(chain)
        at = table + tables * length
        f.seek(at)
        root = f.read(cluster)
        at += next(i for i in range(0, cluster, 32) if root[i] == 0)
        f.seek(at)
        f.write(name + b"\x20" + bytes(8) + (first >> 16).to_bytes(2, "little") +
                b"\x00\x00\x21\x00" + (first & 0xFFFF).to_bytes(2, "little") + size.to_bytes(4, "little"))
        info = number(48, 2) * SECTOR + 488
        f.seek(info)
        free = int.from_bytes(f.read(4), "little")
        f.seek(info)
        f.write((free - count).to_bytes(4, "little"))


def make(directory, names=("vdd", "vde", "vdf")):
    """Makes them; QEMU's words."""
    words = []
    for name in names:
        bits, size, cluster = DISKS[name]
        path = f"{directory}/{name}.img"
        with open(path, "wb") as f:
            f.truncate(size)
        run("mkfs.fat", "-F", bits, "-s", cluster, "-n", f"LABEL {name.upper()}", path)
        if name == "vdl":
            put_tree(path)
            put_big(path)
        words += ["-drive", f"file={path},if=none,id={name},format=raw,discard=unmap", "-device", f"virtio-blk-pci,drive={name}"]
    return words


def check_tree(path):
    """What the guest wrote, as mtools reads it: every name and byte, and no other name."""
    out = f"{path}.out"
    os.mkdir(out)
    run("mcopy", "-s", "-n", "-i", path, "::/from guest", out)
    seen = {os.path.relpath(os.path.join(base, name), f"{out}/from guest") for base, _dirs, names in os.walk(out) for name in names}
    faults = [f"mtools finds {name!r}, which nobody made" for name in sorted(seen - {name for name, _size in TREE})]
    for i, (name, size) in enumerate(TREE):
        if name not in seen:
            faults.append(f"mtools does not find {name!r}")
            continue
        with open(f"{out}/from guest/{name}", "rb") as f:
            if f.read() != pattern(size, i + 100):
                faults.append(f"mtools reads something else in {name!r}")
    return faults


def check(directory, programs=()):
    """What is wrong with them, in lines. programs: those that ran."""
    faults = []
    for name in DISKS:
        path = f"{directory}/{name}.img"
        done = subprocess.run(["fsck.fat", "-n", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            faults.append(f"fsck.fat of {name}: " + " | ".join(done.stdout.splitlines()[:8]))
        try:
            label = run("mlabel", "-s", "-i", path, "::").strip()
            if label != f"Volume label is LABEL {name.upper()}":
                faults.append(f"mlabel of {name}: {label}")
            if name == "vdl" and "fs_fat_disk" in programs:
                faults += check_tree(path)
        except subprocess.CalledProcessError as e:
            faults.append(f"mtools on {name}: {' | '.join(e.stdout.splitlines()[:4])}")
    return faults
