# SPDX-License-Identifier: BSD-2-Clause
"""The ISO of the guest tests, vdg: Rock Ridge and Joliet by xorriso, with a file of two sections made by hand."""
import os
import shutil
import subprocess

SECTOR = 2048
LONG = "a long name with spaces, of more than sixty-four characters, that Joliet has to cut down.text"


def pattern(n, seed):
    return bytes(((i * 2654435761 & 0xFFFFFFFF) >> 7) + seed * 37 & 0xFF for i in range(n))


def fill(top):
    deep = f"{top}/" + "/".join(f"level{i}" for i in range(1, 11))
    for d in deep, f"{top}/many", f"{top}/sections":
        os.makedirs(d)
    files = {"big.bin": pattern(100001, 1), "empty": b"", LONG: b"long", "Ünïcødé 中文": b"unicode", "UPPER.TXT": b"upper", "x.y.z": b"dots",
             "sections/a": b"first", "sections/multi": pattern(2 * SECTOR, 2), "sections/z": b"last"}
    for name, data in files.items():
        with open(f"{top}/{name}", "wb") as f:
            f.write(data)
    with open(f"{deep}/bottom", "wb") as f:
        f.write(b"deep down")
    for i in range(200):
        with open(f"{top}/many/file number {i}", "wb") as f:
            f.write(b"%d" % i)
    os.link(f"{top}/big.bin", f"{top}/second name")
    os.symlink("big.bin", f"{top}/link")
    os.symlink("/absolute/../with//parts/" + "very-long-component-" * 12 + "/end", f"{top}/long link")
    os.chmod(f"{top}/big.bin", 0o640)
    os.chmod(f"{top}/UPPER.TXT", 0o4755)


def split(image, root_at, wanted):
    """In the directory `sections` below the root record at root_at: the record of `wanted` becomes two, each with half of the file."""
    def records(at):
        size = int.from_bytes(image[at + 10 : at + 14], "little")
        pos = start = int.from_bytes(image[at + 2 : at + 6], "little") * SECTOR
        while pos < start + size:
            if image[pos] == 0:
                pos = (pos // SECTOR + 1) * SECTOR
                continue
            yield pos, bytes(image[pos + 33 : pos + 33 + image[pos + 32]])
            pos += image[pos]

    both = lambda v: v.to_bytes(4, "little") + v.to_bytes(4, "big")  # noqa: E731
    directory = next(at for at, name in records(root_at) if name.lower().replace(b"\0", b"") == b"sections")
    out, start = b"", int.from_bytes(image[directory + 2 : directory + 6], "little") * SECTOR
    for at, name in list(records(directory)):
        rec = bytes(image[at : at + image[at]])
        if name.lower().replace(b"\0", b"").startswith(wanted):
            extent = int.from_bytes(rec[2:6], "little")
            out += rec[:2] + both(extent) + both(SECTOR) + rec[18:25] + bytes([rec[25] | 0x80]) + rec[26:]
            rec = rec[:2] + both(extent + 1) + both(SECTOR) + rec[18:]
        out += rec
    image[start : start + SECTOR] = out.ljust(SECTOR, b"\0")


def make(directory):
    """Makes it; QEMU's words."""
    tree, path = f"{directory}/iso", f"{directory}/vdg.img"
    fill(tree)
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-input-charset", "utf-8", "-R", "-J", "-joliet-long", "-V", "GUEST", "-o", path, tree], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shutil.rmtree(tree)
    with open(path, "rb") as f:
        image = bytearray(f.read())
    for sector in range(16, 20):
        if image[sector * SECTOR] in (1, 2):
            split(image, sector * SECTOR + 156, b"multi")
    with open(path, "wb") as f:
        f.write(image)
    return ["-drive", f"file={path},if=none,id=vdg,format=raw", "-device", "virtio-blk-pci,drive=vdg"]
