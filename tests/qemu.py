# SPDX-License-Identifier: BSD-2-Clause
"""How tests start a machine: QEMU's command line for either kernel, and what a log must not hold.

A Machine is described by how it is booted (kernel, bios, uefi), its type, CPU model, number of CPUs and memory; both
kernels get the same words. Everything runs under TCG unless told otherwise, since that is what every machine has.
"""
import os
import re
import subprocess

B = "build"
OVMF = "/usr/share/ovmf/OVMF.fd"
BAD = re.compile(
    r"\bWARN|\bBUG\b|\bOops\b|[Pp]anic\b|[Ll]ock report|KASSERT|page: frame .* (freed in use|written while free)|slab: \S+ ?.*: object "
    r"|nobody cared|waits for CPUs|does not answer|do not run|: stall"
)
NOT_BAD = re.compile(r"[Cc]ommand line|panic=|WARN_ON_ONCE is off|^  (CC|HOSTCC|MUSL) ")


def kernel_path(kernel, debug=False):
    if kernel == "linux":
        return f"{B}/oracle/vmlinuz"
    return f"{B}/debug/lintel" if debug else f"{B}/lintel"


def faults(text):
    """The lines of a log that fail a run."""
    return [line.strip() for line in text.splitlines() if BAD.search(line) and not NOT_BAD.search(line)]


def base_command(machine="q35", cpu="max", smp=2, mem=512, accel="tcg"):
    cmd = ["qemu-system-x86_64", "-accel", accel, "-machine", machine, "-cpu", cpu, "-smp", str(smp), "-m", str(mem)]
    return [*cmd, "-display", "none"]


def boot_words(how, kernel="lintel", debug=False, initrd=f"{B}/initramfs.cpio.gz", iso=None, append="console=ttyS0"):
    if how == "kernel":
        return ["-kernel", kernel_path(kernel, debug), "-initrd", initrd, "-append", append]
    iso = iso or f"{B}/{'debug/' if debug else ''}lintel.iso"
    return ["-cdrom", iso, *(["-bios", OVMF] if how == "uefi" else [])]


def start(cmd, stderr_path, session=False):
    """QEMU with its serial line on pipes. session: in a process group of its own."""
    with open(stderr_path, "ab") as err:
        return subprocess.Popen(cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, env={**os.environ, "QEMU_AUDIO_DRV": "none"},
                                start_new_session=session)
