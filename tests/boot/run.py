#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Boot the system in every way it must boot, to the shell and back to power-off; and sit at its shell.

  boots      each way of booting, machine, number of CPUs, memory and CPU model: the shell answers, all CPUs are there,
             poweroff ends the machine
  sessions   tests/boot/session.py on the ways that --quick or the full run name
"""
import argparse
import fnmatch
import os
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import qemu  # noqa: E402
import session  # noqa: E402
from guest import Failed, Guest  # noqa: E402

DEFAULT = {"how": "kernel", "machine": "q35", "cpu": "max", "smp": 2, "mem": 512}
START_LIMIT = {"kernel": 120, "bios": 120, "uefi": 180}


def boot(name, quick=False, **changes):
    return {**DEFAULT, **changes, "name": name, "quick": quick, "session": False}


def sit(name, quick=False, **changes):
    return {**DEFAULT, **changes, "name": name, "quick": quick, "session": True}


CASES = [
    sit("session-kernel-smp2", quick=True),
    sit("session-bios-smp4", how="bios", smp=4),
    sit("session-uefi-smp2", how="uefi"),
    sit("session-kernel-smp1", smp=1),
    sit("session-kernel-smp4", smp=4),
    sit("session-kernel-smp8", smp=8),
    sit("session-kernel-pc-smp4", machine="pc", smp=4),
    sit("session-kernel-24m", smp=1, mem=24),
    sit("session-bios-32m", how="bios", smp=1, mem=32),
    sit("session-uefi-128m", how="uefi", smp=1, mem=128),
    boot("bios-q35", quick=True, how="bios"),
    boot("bios-pc", how="bios", machine="pc"),
    boot("uefi-q35", quick=True, how="uefi", mem=256),
    boot("uefi-pc", how="uefi", machine="pc"),
    boot("kernel-pc", quick=True, machine="pc", smp=1),
    boot("kernel-smp4", quick=True, smp=4),
    boot("kernel-smp8", smp=8),
    boot("kernel-24m", quick=True, smp=1, mem=24),
    boot("bios-32m", quick=True, how="bios", smp=1, mem=32),
    boot("uefi-128m", how="uefi", smp=1, mem=128),
    boot("kernel-8g", quick=True, mem=8192),
    boot("bios-8g", how="bios", mem=8192),
    boot("cpu-qemu64", quick=True, cpu="qemu64"),
    boot("cpu-max-4level", cpu="max,la57=off"),
    boot("cpu-nehalem", cpu="Nehalem"),
    boot("cpu-skylake", cpu="Skylake-Server"),
    boot("cpu-rome", cpu="EPYC-Rome"),
]

# Debian's kernel is neither on our ISO nor at home in 24 MiB.
LINUX_CANNOT = ("bios", "uefi")
LINUX_MEMORY = 128


def check_boot(g, case):
    g.check("grep -c ^processor /proc/cpuinfo", f"^{case['smp']}$")
    g.check("cat /proc/uptime /proc/loadavg", r"^\d")
    g.check("awk '/MemTotal/ { exit !($2 > 8000) }' /proc/meminfo")


def power_off(g):
    g.line("poweroff")
    g.wait_end(60)


def run_case(case, args):
    """One machine from start to end; returns (passed, failed)."""
    log = f"{qemu.B}/boot/{args.kernel}{'-debug' if args.debug else ''}-{case['name']}.log"
    cmd = qemu.base_command(case["machine"], case["cpu"], case["smp"], case["mem"], args.accel)
    append = "console=ttyS0" + (" loglevel=4" if args.kernel == "linux" else "")
    cmd += [*qemu.boot_words(case["how"], args.kernel, args.debug, append=append), "-no-reboot"]
    counts = {True: 0, False: 0}

    def report(name, error, seconds):
        counts[error is None] += 1
        print(f"  {'PASS' if error is None else 'FAIL'}     {case['name']}: {name} ({seconds:.1f} s){': ' + error if error else ''}", flush=True)

    start = time.monotonic()
    with Guest(cmd, log) as g:
        try:
            g.login(START_LIMIT[case["how"]])
            report("reaches the shell", None, time.monotonic() - start)
            check_boot(g, case)
            if case["session"]:
                session.run_session(g, report)
            middle = time.monotonic()
            power_off(g)
            report("powers off", None, time.monotonic() - middle)
        except Failed as e:
            report("runs to its end", str(e), time.monotonic() - start)
        found = qemu.faults(g.text)
        if found:
            report("log without faults", "; ".join(found[:5]), 0)
    return counts[True], counts[False]


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--kernel", choices=("lintel", "linux"), default="lintel")
    ap.add_argument("--debug", action="store_true", help="the DEBUG=1 build of Lintel")
    ap.add_argument("--quick", action="store_true", help="the subset that make test runs")
    ap.add_argument("--only", help="cases, as shell patterns with commas between")
    ap.add_argument("--accel", default="tcg")
    ap.add_argument("--list", action="store_true")
    args = ap.parse_args()

    cases = [c for c in CASES if not args.quick or c["quick"]]
    if args.only:
        cases = [c for c in CASES if any(fnmatch.fnmatch(c["name"], p) for p in args.only.split(","))]
    if args.kernel == "linux":
        cases = [c for c in cases if c["how"] not in LINUX_CANNOT and c["mem"] >= LINUX_MEMORY]
    if args.list:
        print("\n".join(c["name"] for c in cases))
        return 0
    os.makedirs(f"{qemu.B}/boot", exist_ok=True)
    passed = failed = 0
    for case in cases:
        p, f = run_case(case, args)
        passed, failed = passed + p, failed + f
    if not cases:
        print(f"run.py: no case matches {args.only}")
        failed = 1
    print(f"boot-{args.kernel}{'-debug' if args.debug else ''}: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
