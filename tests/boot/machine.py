# SPDX-License-Identifier: BSD-2-Clause
"""Checks of one machine that are not a session at the shell: screen, framebuffer and keyboard, what a bad initramfs gives."""
import gzip
import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import qemu  # noqa: E402
from guest import PROMPT, Failed  # noqa: E402

KEYS = {" ": ["spc"], "/": ["slash"], ">": ["shift", "dot"], ".": ["dot"], "-": ["minus"], "\n": ["ret"], ";": ["semicolon"], "=": ["equal"]}


def type_keys(g, text):
    for c in text:
        g.keys(*KEYS.get(c, ["shift", c.lower()] if c.isupper() else [c]))
        time.sleep(0.05)


def read_ppm(path):
    """Width, height, and the pixels, three bytes each."""
    with open(path, "rb") as f:
        data = f.read()
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    return int(header[1]), int(header[2]), data[header.end() :]


def lit_pixels(path):
    """The share of pixels that are not black."""
    width, height, pixels = read_ppm(path)
    return sum(any(pixels[i : i + 3]) for i in range(0, len(pixels), 3)) / (width * height)


def check_screen(g, report_path):
    """A shell on tty1 by keyboard, another on tty2 by Alt-F2, and text on the screen."""
    type_keys(g, "tty >/dev/ttyS0\n")
    g.expect(r"^/dev/tty1\r?\n", 30)
    g.keys("alt", "f2")
    time.sleep(1)
    type_keys(g, "tty >/dev/ttyS0\n")
    g.expect(r"^/dev/tty2\r?\n", 30)
    type_keys(g, "ls -l /etc\n")
    time.sleep(2)
    g.screen(report_path)
    share = lit_pixels(report_path)
    if not 0.005 < share < 0.5:
        raise Failed(f"the screen is {share:.1%} lit ({report_path})")
    g.keys("alt", "f1")
    type_keys(g, "sleep 100\n")
    time.sleep(1)
    g.keys("ctrl", "c")
    type_keys(g, "echo again >/dev/ttyS0\n")
    g.expect(r"^again\r?\n", 30)
    g.line("")
    g.expect(PROMPT)
    g.keys("alt", "sysrq", "m")
    g.collect([r"sysrq: Show Memory", r"Mem-Info: total \d+"])


def squares_differ(path, width, height, left, top, both):
    """Where QEMU's screen is not what aid/framebuffer.c drew; None: nowhere."""
    seen_width, seen_height, pixels = read_ppm(path)
    if (seen_width, seen_height) != (width, height):
        return f"a screen of {seen_width}x{seen_height}"
    for y in range(both // 2):
        for x in range(both):
            want = (x % (both // 2) * 4, y * 4, 0x60)
            at = 3 * ((top + y) * width + left + x)
            got = tuple(pixels[at : at + 3])
            if any(abs(g - w) > 8 for g, w in zip(got, want)):		# 16 bits a pixel have 5 or 6 for a colour
                return f"at {left + x},{top + y}: {got}, not {want}"
    return None


def check_framebuffer(g, report_path):
    """/dev/fb0: what a program draws by mmap and by write is read back, and is on the screen; then the console is there again."""
    g.line("framebuffer")
    m = g.expect(r"^drawn (\d+)x(\d+) (\d+) (\d+) (\d+)\r?\n", 30)
    numbers = [int(n) for n in m.groups()]
    g.screen(report_path)
    if wrong := squares_differ(report_path, *numbers):
        raise Failed(f"{wrong} ({report_path})")
    g.line("")
    g.expect(r"^console is back\r?\n", 30)
    g.expect(PROMPT)
    time.sleep(1)
    g.screen(report_path)
    if not squares_differ(report_path, *numbers):
        raise Failed(f"the console does not come back ({report_path})")
    share = lit_pixels(report_path)
    if not 0.005 < share < 0.5:
        raise Failed(f"the screen is {share:.1%} lit ({report_path})")


def newc(name, data=b"", mode=0o100755, namesize=None, filesize=None):
    encoded = name.encode() + b"\0"
    fields = (1, mode, 0, 0, 1, 0, len(data) if filesize is None else filesize, 0, 0, 0, 0)
    fields = (*fields, len(encoded) if namesize is None else namesize, 0)
    record = b"070701" + b"".join(b"%08X" % (v & 0xFFFFFFFF) for v in fields) + encoded
    record += b"\0" * (-len(record) % 4) + data
    return record + b"\0" * (-len(record) % 4)


TRAILER = newc("TRAILER!!!", mode=0)


def bad_initramfs():
    """name -> archive that must not boot, but end in a panic that says so."""
    with open(f"{qemu.B}/initramfs.cpio.gz", "rb") as f:
        packed = f.read()
    plain = gzip.decompress(packed)
    elf = plain[plain.index(b"\x7fELF") :]
    return {
        "empty": b"",
        "zeros": bytes(8192),
        "noise": bytes((i * 7919 + (i >> 3)) & 0xFF for i in range(65536)),
        "gzip-cut": packed[: len(packed) // 3],
        "gzip-noise-inside": packed[:5000] + bytes(100) + packed[5100:],
        "cpio-cut": plain[: len(plain) // 3],
        "name-too-long": newc("init", namesize=0xFFFFFFF0) + TRAILER,
        "name-empty": newc("init", b"#!/bin/sh\n", namesize=0) + TRAILER,
        "file-too-long": newc("init", b"x", filesize=0xFFFFFFFF) + TRAILER,
        "name-climbs": newc("../../../init/../..", b"x") + TRAILER,
        "init-is-a-directory": newc("init", mode=0o040755) + TRAILER,
        "init-is-text": newc("init", b"hello\n") + TRAILER,
        "init-is-a-loop": newc("init", b"#!/init\n") + TRAILER,
        "init-has-no-interpreter": newc("init", b"#!/bin/none\n") + TRAILER,
        "elf-header-only": newc("init", elf[:64]) + TRAILER,
        "elf-cut": newc("init", elf[:4096]) + TRAILER,
        "elf-phnum-65535": newc("init", elf[:56] + b"\xff\xff" + elf[58:4096]) + TRAILER,
        "elf-entry-in-the-kernel": newc("init", elf[:24] + b"\0\0\0\x80\xff\xff\xff\xff" + elf[32:4096]) + TRAILER,
        "elf-segment-in-the-kernel": newc("init", elf[:80] + b"\0\0\0\x80\xff\xff\xff\xff" + elf[88:8192]) + TRAILER,
        "links-in-a-circle": newc("init", b"/a", mode=0o120777) + newc("a", b"/init", mode=0o120777) + TRAILER,
    }


def bad_initramfs_files(directory):
    for name, data in bad_initramfs().items():
        path = os.path.join(directory, name)
        with open(path, "wb") as f:
            f.write(data)
        yield name, path


def expect_panic(g):
    """A panic, told; and with panic=-1 the machine ends at once (QEMU runs with -no-reboot)."""
    g.expect(r"Kernel panic", 30)
    g.wait_end(20)


def temporary_directory():
    return tempfile.TemporaryDirectory(prefix="lintel-bad-")
