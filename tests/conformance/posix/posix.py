#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run the Open POSIX test suite in QEMU on Lintel or on Linux, and compare.

A guest runs the list of tests one after the other (runner.c); if one kills or hangs it, another guest goes on behind that test. The outcomes
of every run are kept in results.tsv: test, outcomes on Linux and on Lintel ("PASS 3", or "PASS 2 FAIL 1"), milliseconds on Linux. What does
not pass is explained in reasons.tsv. --quick runs, once, what passes on Linux every time, and fast.
"""
import argparse
import collections
import fnmatch
import os
import re
import select
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path[:0] = [TOP, os.path.join(TOP, "guest")]
import modules  # noqa: E402
import qemu  # noqa: E402
import table  # noqa: E402

OUT = f"{qemu.B}/posix"
LIMIT = 60			# seconds of guest time for one test
LIMITS = (("stress/*", 120), ("functional/*", 120))
LIMIT_FACTOR = 4		# times what it took on Linux, if that is more
STOP = 10			# the stress programs run until SIGUSR1
STOPPED = "stress/threads/*/stress*"
QUICK_MS = 300
SLACK = 120			# host seconds beyond a test's limit before the guest counts as hung
MARK = re.compile(r"@@ (begin|end|out|stuck|done)(?: (.*))?$")
KERNEL = re.compile(r"(<\d+>)?\[ *\d+\.\d{6}\] .*")


class Test:
    def __init__(self, name, path, arguments):
        self.name, self.path, self.arguments = name, path, arguments
        self.limit = next((n for pattern, n in LIMITS if fnmatch.fnmatch(name, pattern)), LIMIT)
        self.stop = STOP if fnmatch.fnmatch(name, STOPPED) else 0

    def line(self):
        return f"{self.name}\t{self.path}\t{self.limit}\t{self.stop}\t{self.arguments}\n"


def all_tests():
    with open(f"{OUT}/tests.tsv") as f:
        return [Test(*line.rstrip("\n").split("\t")) for line in f]


class Run:
    """One run of a list of tests: outcome, milliseconds and output of each, and what the kernel complained of."""

    def __init__(self):
        self.outcome, self.took, self.output, self.faults = {}, {}, {}, []


def pack(args, tests, out):
    with tempfile.NamedTemporaryFile("w") as lst:
        lst.writelines(t.line() for t in tests)
        lst.flush()
        cmd = [sys.executable, "usr/mkroot.py", "--base", "usr/base", "--busybox", f"{qemu.B}/src/busybox/busybox"]
        cmd += ["--add", f"{OUT}/runner:/init", "--add", f"{lst.name}:/list", "--cpio", out]
        if args.kernel == "linux":
            for i, path in enumerate(modules.in_order(f"{qemu.B}/oracle/linux/lib/modules", ("virtio_pci", "virtio_blk"))):
                cmd += ["--add", f"{path}:/modules/{i:02}-{os.path.basename(path)}"]
        subprocess.run(cmd, check=True)


def serial_lines(machine, log, silence):
    """The serial line's lines, until the machine ends; None if it says nothing for silence() seconds."""
    data = b""
    while True:
        if not select.select([machine.stdout], [], [], silence())[0]:
            yield None
            return
        chunk = os.read(machine.stdout.fileno(), 65536)
        if not chunk:
            return
        log.write(chunk)
        log.flush()
        *lines, data = (data + chunk).split(b"\n")
        yield from (line.decode(errors="replace").rstrip("\r") for line in lines)


def boot(args, tests, log, run):
    """One guest: runs the tests from the first. Returns how many have an outcome."""
    by_name, current, done, wrong = {t.name: t for t in tests}, None, 0, "GUEST-DIED"
    with tempfile.NamedTemporaryFile(suffix=".cpio.gz") as initrd:
        pack(args, tests, initrd.name)
        cmd = qemu.base_command(smp=args.smp, mem=args.mem, accel=args.accel, cpu=args.cpu)
        cmd += qemu.boot_words("kernel", args.kernel, args.debug, initrd.name, append="console=ttyS0 panic=-1 loglevel=5")
        cmd += ["-no-reboot", "-monitor", "none", "-serial", "stdio"]
        cmd += ["-drive", f"file={OUT}/suite.img,if=none,id=suite,format=raw,readonly=on", "-device", "virtio-blk-pci,drive=suite"]
        machine = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            for line in serial_lines(machine, log, lambda: SLACK + 2 * (current.limit if current else 0)):
                if line is None:
                    wrong = "GUEST-HUNG"
                    break
                if (mark := MARK.search(KERNEL.sub("", line) if "@@" not in line else line)) is None:
                    if args.kernel == "lintel" and (said := KERNEL.search(line)):
                        run.faults += [f"{current.name if current else '-'}: {w}" for w in qemu.faults(said[0])]
                    continue
                kind, rest = mark[1], mark[2] or ""
                if kind == "begin":
                    current = by_name[rest]
                elif kind == "out" and current:
                    run.output.setdefault(current.name, []).append(rest)
                elif kind == "stuck":
                    run.faults.append(f"{rest}: its processes can't be killed")
                elif kind == "end":
                    name, outcome, took = rest.split()
                    run.outcome[name], run.took[name] = outcome, int(took)
                    current, done = None, done + 1
                    if args.verbose:
                        print(f"  {outcome:12} {int(took):6} {name}", flush=True)
                elif kind == "done":
                    return len(tests)
        finally:
            machine.kill()
            machine.wait()
    if current:
        run.outcome[current.name], run.took[current.name] = wrong, 0
        done += 1
    run.faults.append(f"{current.name if current else 'between tests'}: {wrong}")
    return done


def run_list(args, tests, log_path, run):
    fruitless = 0
    with open(log_path, "wb") as log:
        while tests and fruitless < 3:
            done = boot(args, tests, log, run)
            fruitless = 0 if done else fruitless + 1
            tests = tests[done:]


def run_all(args, tests, label):
    """One run of the tests, in args.jobs guests at a time."""
    run, start = Run(), time.monotonic()
    parts = [tests[i::args.jobs] for i in range(args.jobs)]
    threads = [threading.Thread(target=run_list, args=(args, part, f"{OUT}/{label}-{i}.log", run)) for i, part in enumerate(parts) if part]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    with open(f"{OUT}/{label}.tsv", "w") as f:
        for t in tests:
            words = " | ".join(run.output.get(t.name, []))
            f.write(f"{t.name}\t{run.outcome.get(t.name, 'MISSING')}\t{run.took.get(t.name, 0)}\t{words}\n")
    passed = sum(o == "PASS" for o in run.outcome.values())
    print(f"  RUN      {label}: {passed} of {len(tests)} pass ({time.monotonic() - start:.0f} s)", flush=True)
    return run


def summary(outcomes):
    return " ".join(f"{o} {n}" for o, n in sorted(collections.Counter(outcomes).items(), key=lambda i: (i[0] != "PASS", i[0])))


def record(args, tests, runs, rows):
    """Put the outcomes of these runs into the rows. A whole run forgets tests that are no more."""
    names = {t.name for t in all_tests()}
    rows = {name: row for name, row in rows.items() if name in names}
    for t in tests:
        row = rows.setdefault(t.name, table.Row())
        outcomes = summary(run.outcome.get(t.name, "MISSING") for run in runs)
        if args.kernel == "linux":
            row.linux, row.ms = outcomes, sorted(run.took.get(t.name, 0) for run in runs)[len(runs) // 2]
        else:
            row.lintel = outcomes
    return rows


def quick(args, tests, rows):
    """What passes on Linux each time and quickly must pass here; what is known not to, or not always, with its reason in the tree, is left out."""
    tests = [t for t in tests if t.name in rows and table.passes(rows[t.name].linux) and rows[t.name].ms <= QUICK_MS]
    known = [t for t in tests if not table.passes(rows[t.name].lintel) or table.reasons_of(t.name)]
    tests = [t for t in tests if t not in known]
    label = f"quick{'-debug' if args.debug else ''}"
    run = run_all(args, tests, label)
    failed = [t for t in tests if run.outcome.get(t.name) != "PASS"]
    for t in failed:
        print(f"  FAIL     {t.name}: {run.outcome.get(t.name, 'MISSING')}: {' | '.join(run.output.get(t.name, []))}")
    faults = run.faults
    for t in known:
        print(f"  LEFT OUT {t.name}: {'; '.join(table.reasons_of(t.name)) or 'fails, without a reason'}")
    for line in faults:
        print(f"  FAULT    {line}")
    print(f"posix-{label}: {len(tests) - len(failed)} passed, {len(failed) + len(faults)} failed")
    return 1 if failed or faults else 0


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--kernel", choices=("lintel", "linux"), default="lintel")
    ap.add_argument("--debug", action="store_true")
    ap.add_argument("--runs", type=int, default=3)
    ap.add_argument("--jobs", type=int, default=1, help="guests at a time")
    ap.add_argument("--only", help="tests, as shell patterns with commas between; they are recorded with --record only")
    ap.add_argument("--record", action="store_true")
    ap.add_argument("--quick", action="store_true")
    ap.add_argument("--smp", type=int, default=2)
    ap.add_argument("--mem", type=int, default=512)
    ap.add_argument("--cpu", default="max")
    ap.add_argument("--accel", default="tcg")
    ap.add_argument("--verbose", action="store_true")
    ap.add_argument("--table", action="store_true", help="only write and check the table")
    args = ap.parse_args()
    tests, rows, faults = all_tests(), table.read_rows(), []
    if args.quick:
        return quick(args, tests, rows)
    for t in tests:
        if t.name in rows and table.passes(rows[t.name].linux):
            t.limit = max(t.limit, LIMIT_FACTOR * rows[t.name].ms // 1000)
    if args.only:
        tests = [t for t in tests if any(fnmatch.fnmatch(t.name, p) for p in args.only.split(","))]
    if not args.table:
        runs = [run_all(args, tests, f"{args.kernel}{'-debug' if args.debug else ''}-{i + 1}") for i in range(args.runs)]
        faults = [line for run in runs for line in run.faults] if args.kernel == "lintel" else []
        new = record(args, tests, runs, table.read_rows())
        if args.record or not args.only:
            table.write_rows(new)
            rows = new
        else:
            rows = {t.name: new[t.name] for t in tests}
    for line in faults:
        print(f"  FAULT    {line}")
    if not args.only or args.record:
        faults += table.write(rows)
    worse = table.worse(rows)
    for name in worse:
        print(f"  WORSE    {name}: Linux {rows[name].linux}, Lintel {rows[name].lintel}")
    if args.kernel == "linux" and not args.table:
        return 0
    good = sum(table.passes(row.lintel) for row in rows.values())
    print(f"posix: {good} passed, {len(worse) + len(faults)} failed")
    return 1 if worse or faults else 0


if __name__ == "__main__":
    sys.exit(main())
