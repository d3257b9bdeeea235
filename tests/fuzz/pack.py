#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Images to fuzzers' inputs (image.h says how they look) and back: pack.py IMAGE INPUT [HOW]; pack.py -u INPUT IMAGE."""
import struct
import sys

UNIT = 64


def pack(image, how):
    if len(image) % 1024:
        image += bytes(1024 - len(image) % 1024)
    out = [struct.pack("<BBH", how, 0, len(image) >> 10)]
    for i in range(0, len(image), UNIT):
        unit = image[i : i + UNIT]
        if any(unit):
            out.append((i // UNIT).to_bytes(3, "little") + unit)
    return b"".join(out)


def unpack(data):
    image = bytearray(struct.unpack("<H", data[2:4])[0] << 10)
    for i in range(4, len(data) - UNIT - 2, UNIT + 3):
        at = int.from_bytes(data[i : i + 3], "little") * UNIT
        if at + UNIT <= len(image):
            image[at : at + UNIT] = data[i + 3 : i + 3 + UNIT]
    return image


def main():
    words = sys.argv[1:]
    back = words[0] == "-u"
    source, target, *how = words[1:] if back else words
    with open(source, "rb") as f:
        data = f.read()
    with open(target, "wb") as f:
        f.write(unpack(data) if back else pack(data, int(how[0]) if how else 0))


if __name__ == "__main__":
    main()
