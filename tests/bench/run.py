#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Measure Lintel beside Debian's Linux in the same QEMU, and write tests/bench/RESULTS.md.

With -icount shift=0,sleep=off guest time counts instructions: a row repeats to a few parts in a thousand on any machine.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../boot"))
import qemu  # noqa: E402
from guest import Guest  # noqa: E402

OUT = f"{qemu.B}/bench"
RESULTS = "tests/bench/RESULTS.md"
ICOUNT = ["-icount", "shift=0,sleep=off"]
ROWS = {
    "null-call": "null system call (getppid)",
    "open-close": "open + close of a file on tmpfs",
    "anonymous-page": "anonymous page, first touch",
    "fork-exit": "fork + exit + wait",
    "pipe-ping-pong": "pipe round trip between two processes",
    "fork-exec": "fork + exec (static) + wait",
}


def machine(words, log_path, timeout, stop=None):
    """Run QEMU with its serial line to a log, until it ends or the log holds `stop`; returns the log."""
    cmd = [*qemu.base_command(smp=1, mem=256), *words, "-no-reboot", "-monitor", "none", "-serial", f"file:{log_path}"]
    open(log_path, "w").close()
    process = subprocess.Popen(cmd, stdin=subprocess.DEVNULL)
    try:
        for _ in range(timeout * 10):
            if process.poll() is not None:
                break
            with open(log_path, errors="replace") as f:
                if stop and re.search(stop, f.read()):
                    break
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                pass
    finally:
        process.kill()
        process.wait()
    with open(log_path, errors="replace") as f:
        return f.read()


def firmware_time():
    log = machine([*ICOUNT, "-kernel", f"{OUT}/entry"], f"{OUT}/entry.log", 30, r"entry [0-9a-f]{16}")
    m = re.search(r"entry ([0-9a-f]{16})", log)
    return int(m[1], 16) if m else 0


def microbenchmarks(kernel, initrd, timeout):
    append = "console=ttyS0 quiet loglevel=1 panic=-1"
    words = [*ICOUNT, *qemu.boot_words("kernel", kernel, False, initrd, append=append)]
    log = machine(words, f"{OUT}/{kernel}.log", timeout, "bench-end")
    rows = {m[1]: int(m[2]) for m in re.finditer(r"^bench (\S+) (\d+)\r?$", log, re.M)}
    if "bench-end" not in log:
        print(f"  FAULT    {kernel}: the benchmarks did not come to their end ({OUT}/{kernel}.log)")
    start = re.search(r"^start (\d+)\r?$", log, re.M)
    return rows, int(start[1]) if start else None


def memory_at_shell(kernel):
    words = qemu.boot_words("kernel", kernel, append="console=ttyS0 quiet")
    with Guest([*qemu.base_command(smp=1, mem=128), *words, "-no-reboot"], f"{OUT}/{kernel}-shell.log") as g:
        g.login()
        return int(re.search(r"MemAvailable: +(\d+)", g.check("cat /proc/meminfo"))[1]) / 1024


def ratio(a, b):
    return f"{a / b:.2f}" if a is not None and b else "-"


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--kernel", choices=("both", "linux", "lintel"), default="both")
    ap.add_argument("--timeout", type=int, default=300)
    args = ap.parse_args()
    os.makedirs(OUT, exist_ok=True)
    kernels = ("lintel", "linux") if args.kernel == "both" else (args.kernel,)
    firmware = firmware_time()
    rows, start, memory = {}, {}, {}
    with tempfile.NamedTemporaryFile(suffix=".cpio.gz") as initrd:
        cmd = [sys.executable, "usr/mkroot.py", "--base", "usr/base", "--add", f"{OUT}/bench:/init", "--cpio", initrd.name]
        subprocess.run(cmd, check=True)
        for kernel in kernels:
            rows[kernel], start[kernel] = microbenchmarks(kernel, initrd.name, args.timeout)
            memory[kernel] = memory_at_shell(kernel)

    def cell(value, fmt="{:,}"):
        return "-" if value is None else fmt.format(value)

    lines = ["# Lintel beside Linux", ""]
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    lines += [f"Written by `make bench` at {commit or 'an unknown commit'}: QEMU TCG, `-icount shift=0,sleep=off`, `-smp 1`;",
              "instructions for one operation, medians of 7 rounds; below 1.00 Lintel needs fewer than Linux.", "",
              "| operation | Lintel | Linux | ratio |", "|---|---:|---:|---:|"]
    for key, text in ROWS.items():
        a, b = (rows.get(k, {}).get(key) for k in ("lintel", "linux"))
        lines.append(f"| {text} | {cell(a)} | {cell(b)} | {ratio(a, b)} |")
    boots = {k: (v - firmware) / 1e9 if v else None for k, v in start.items()}
    a, b = boots.get("lintel"), boots.get("linux")
    lines.append(f"| kernel entry to /init, s | {cell(a, '{:.3f}')} | {cell(b, '{:.3f}')} | {ratio(a, b)} |")
    a, b = memory.get("lintel"), memory.get("linux")
    lines.append(f"| MemAvailable at the shell, `-m 128`, MiB | {cell(a, '{:.1f}')} | {cell(b, '{:.1f}')} | {ratio(a, b)} |")
    if os.path.exists(f"{qemu.B}/lintel"):
        lines.append(f"| kernel ELF without symbols, KiB | {os.path.getsize(qemu.kernel_path('lintel')) // 1024:,} | - | - |")
    text = "\n".join(lines) + "\n"
    print(text)
    if args.kernel == "both":
        with open(RESULTS, "w") as f:
            f.write(text)
    missed = []
    if "lintel" in kernels:
        missed = [text for text, good in (("/init after more than 0.3 s", firmware and 0 < (boots.get("lintel") or 0) <= 0.3),
                                          ("less than 112 MiB available", (memory.get("lintel") or 0) >= 112),
                                          ("more than 2 MiB of kernel", os.path.getsize(qemu.kernel_path("lintel")) <= 2 << 20)) if not good]
    for text in missed:
        print(f"  MISSED   {text}")
    return 0 if all(len(rows[k]) == len(ROWS) for k in kernels) and not missed else 1


if __name__ == "__main__":
    sys.exit(main())
