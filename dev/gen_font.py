#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the C source of the console's font (dev/font.h) from a PSF1 or PSF2 file, gzipped or not."""
import gzip
import struct
import sys

PSF2_MAGIC = 0x864AB572


def parse_psf1(data):
    mode, height = data[2], data[3]
    count = 512 if mode & 1 else 256
    table = data[4 + count * height :]
    units = struct.unpack(f"<{len(table) // 2}H", table[: len(table) // 2 * 2])
    maps, glyph, in_sequence = {}, 0, False
    for unit in units:
        if unit == 0xFFFF:
            glyph, in_sequence = glyph + 1, False
        elif unit == 0xFFFE:
            in_sequence = True
        elif not in_sequence:
            maps.setdefault(unit, glyph)
    return 8, height, count, data[4 : 4 + count * height], maps


def parse_psf2(data):
    _magic, _version, header, flags, count, size, height, width = struct.unpack_from("<8I", data)
    maps = {}
    if flags & 1:
        for glyph, entry in enumerate(data[header + count * size :].split(b"\xff")[:count]):
            for char in entry.split(b"\xfe")[0].decode():
                maps.setdefault(ord(char), glyph)
    return width, height, count, data[header : header + count * size], maps


def rows(values, per_line=16):
    return ",\n\t".join(",".join(values[i : i + per_line]) for i in range(0, len(values), per_line))


def main():
    with open(sys.argv[1], "rb") as f:
        data = f.read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    psf2 = struct.unpack_from("<I", data)[0] == PSF2_MAGIC
    width, height, count, glyphs, maps = (parse_psf2 if psf2 else parse_psf1)(data)
    if width != 8:
        sys.exit(f"gen_font: {sys.argv[1]} is {width} pixels wide, not 8")
    pairs = sorted((code, glyph) for code, glyph in maps.items() if code < 0xFFFE)
    print("/* Made by dev/gen_font.py. */")
    print('#include "dev/font.h"\n')
    for name, value in (("width", width), ("height", height), ("glyph_count", count), ("unicode_count", len(pairs))):
        print(f"const u32 font_{name} = {value};")
    print(f"const u8 font_glyphs[] = {{\n\t{rows([str(b) for b in glyphs])}\n}};")
    print(f"const struct font_mapping font_unicode[] = {{\n\t{rows([f'{{{c},{g}}}' for c, g in pairs], 8)}\n}};")


if __name__ == "__main__":
    main()
