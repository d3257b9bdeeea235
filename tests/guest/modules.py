# SPDX-License-Identifier: BSD-2-Clause
"""Drivers that Debian's kernel has as modules: which of them the guest tests want, with what they depend on, in order of loading."""
import os
import re

WANTED = (
    "virtio_pci", "virtio_blk", "virtio-rng", "virtio_console",
    "ahci", "ata_piix", "sd_mod", "sr_mod", "loop",
    "vfat", "nls_cp437", "nls_ascii", "nls_iso8859-1", "nls_utf8", "isofs", "ext4",
)


def find_all(top):
    """Name, with '_' for '-', to path."""
    paths = {}
    for base, _dirs, files in os.walk(top):
        for name in files:
            if name.endswith(".ko"):
                paths[name[:-3].replace("-", "_")] = os.path.join(base, name)
    return paths


def depends(path):
    with open(path, "rb") as f:
        m = re.search(rb"\0depends=([^\0]*)\0", f.read())
    return [n for n in m[1].decode().replace("-", "_").split(",") if n] if m else []


def in_order(top, wanted=WANTED):
    """Paths of the modules below `top` that are wanted, each behind those that it needs. What is built in has none."""
    paths, done = find_all(top), []

    def take(name):
        path = paths.get(name)
        if path and path not in done:
            for other in depends(path):
                take(other)
            done.append(path)

    for name in wanted:
        take(name.replace("-", "_"))
    return done
