#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Link the kernel with a table of its own symbols and relocations inside (sys/ksyms_table.h).

The table's size moves what comes after it, so the image is linked with the table of the link before
until the table stays the same: three links as a rule. The links before the last carry relocations
(--emit-relocs) and no debug information; the last one is the other way round.
"""
import argparse
import shlex
import struct
import subprocess
import sys

BASE = 0xFFFFFFFF80000000
R_64, R_32S = 1, 11
SHT_SYMTAB, SHT_RELA = 2, 4
SHF_ALLOC, SHF_EXEC = 2, 4
SHN_LORESERVE = 0xFF00
MAX_LINKS = 8


class Elf:
    """The sections, symbols and relocations of one linked ELF64 file."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        shoff = struct.unpack_from("<Q", self.data, 0x28)[0]
        entsize, count = struct.unpack_from("<HH", self.data, 0x3A)
        names = ("name", "type", "flags", "addr", "offset", "size", "link", "info", "align", "entsize")
        self.sections = [
            dict(zip(names, struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + i * entsize))) for i in range(count)
        ]
        self.symbols = self._symbols()

    def _symbols(self):
        tab = next(s for s in self.sections if s["type"] == SHT_SYMTAB)
        strings = self.sections[tab["link"]]["offset"]
        out = []
        for off in range(tab["offset"], tab["offset"] + tab["size"], 24):
            name, info, _other, shndx, value, _size = struct.unpack_from("<IBBHQQ", self.data, off)
            start = strings + name
            text = self.data[start : self.data.index(b"\0", start)].decode()
            out.append((text, info & 15, shndx, value))
        return out

    def text_symbols(self):
        """(offset, name) of every named symbol of an executable section, one for each address."""
        best = {}
        for name, kind, shndx, value in self.symbols:
            if not name or name.startswith(".L") or kind > 2 or not 0 < shndx < SHN_LORESERVE:
                continue
            if not self.sections[shndx]["flags"] & SHF_EXEC or value < BASE:
                continue
            if value not in best or (kind == 2, name) > best[value]:
                best[value] = (kind == 2, name)
        return sorted((addr - BASE, name) for addr, (_f, name) in best.items())

    def relocations(self, wanted):
        """Sorted offsets of the places of relocation type `wanted` that hold an image address."""
        out = set()
        for sec in self.sections:
            if sec["type"] != SHT_RELA or not self.sections[sec["info"]]["flags"] & SHF_ALLOC:
                continue
            for off in range(sec["offset"], sec["offset"] + sec["size"], 24):
                place, info, addend = struct.unpack_from("<QQq", self.data, off)
                _name, _kind, shndx, value = self.symbols[info >> 32]
                in_image = 0 < shndx < SHN_LORESERVE and (value + addend) & (2**64 - 1) >= BASE
                if info & 0xFFFFFFFF == wanted and in_image and place >= BASE:
                    out.add(place - BASE)
        return sorted(out)


def uleb128_deltas(offsets):
    out, last = bytearray(), -1
    for off in offsets:
        delta, last = off - last, off
        while delta >= 0x80:
            out.append(delta & 0x7F | 0x80)
            delta >>= 7
        out.append(delta)
    out.append(0)
    return bytes(out)


def table_source(symbols, relocs64, relocs32s):
    """The assembler source of the table."""
    blob, name_offsets = bytearray(), []
    for _off, name in symbols:
        name_offsets.append(len(blob))
        blob += name.encode() + b"\0"
    lines = ['.section .rodata.ksyms,"a",@progbits', ".balign 8"]

    def label(name, align):
        lines.extend([f".balign {align}", f".globl {name}", f"{name}:"])

    def values(directive, seq):
        for i in range(0, len(seq), 16):
            lines.append(directive + " " + ",".join(str(v) for v in seq[i : i + 16]))

    label("ksyms_base", 8)
    lines.append(f".quad {BASE:#x}")
    label("ksyms_count", 4)
    lines.append(f".long {len(symbols)}")
    label("ksyms_offsets", 4)
    values(".long", [off for off, _ in symbols])
    label("ksyms_name_offsets", 4)
    values(".long", name_offsets)
    label("ksyms_names", 1)
    values(".byte", blob)
    label("krelocs_64", 1)
    values(".byte", uleb128_deltas(relocs64))
    label("krelocs_32s", 1)
    values(".byte", uleb128_deltas(relocs32s))
    lines.append('.section .note.GNU-stack,"",@progbits')
    return "\n".join(lines) + "\n"


def run(cmd):
    r = subprocess.run(cmd)
    if r.returncode:
        sys.exit(r.returncode)


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--cc", required=True)
    ap.add_argument("--ld", required=True)
    ap.add_argument("--work", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("objects", nargs="+")
    args = ap.parse_args()
    src, obj, trial = (f"{args.work}/ksyms.{e}" for e in ("S", "o", "elf"))

    def link(out, *flags):
        run([*shlex.split(args.ld), *flags, "-o", out, *args.objects, obj])

    def assemble(text):
        with open(src, "w") as f:
            f.write(text)
        run([*shlex.split(args.cc), "-c", "-o", obj, src])

    old, table = None, table_source([], [], [])
    for _ in range(MAX_LINKS):
        assemble(table)
        link(trial, "--emit-relocs", "--strip-debug")
        elf = Elf(trial)
        old, table = table, table_source(elf.text_symbols(), elf.relocations(R_64), elf.relocations(R_32S))
        if table == old:
            break
    else:
        sys.exit("gen_ksyms: the symbol table does not settle")
    link(args.out)
    if Elf(args.out).text_symbols() != elf.text_symbols():
        sys.exit("gen_ksyms: the last link moved symbols")


if __name__ == "__main__":
    main()
