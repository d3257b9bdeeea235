#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run busybox's own test suite in QEMU on Lintel or on Linux, several times, and compare.

Results are kept in tests/conformance/busybox/linux.tsv and build/conformance/busybox-lintel.tsv: applet, test, runs
that passed, runs. A test of Linux's list that passes there in every run must pass here in every run.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../.."))
import qemu  # noqa: E402

HERE = "tests/conformance/busybox"
OUT = f"{qemu.B}/conformance"
LINUX_TSV = f"{HERE}/linux.tsv"
RESULTS = f"{HERE}/RESULTS.md"
KERNEL_LINE = re.compile(r"^(<\d+>)?\[ *\d+\.\d+\]")
SLOW = ("bc", "ash-z_slow")  # run by themselves, with --slow
ROW = re.compile(r"\| (\S+) \| (\d+) \| (\d+) \| (\d*)")
NOTE = re.compile(r"- (?:worse|better): ([^:]+):")
RESULT = re.compile(r"^(PASS|FAIL|SKIPPED|UNTESTED): ?(.*)")


def pack(out):
    with tempfile.TemporaryDirectory() as tmp:
        busybox = f"{qemu.B}/src/busybox"
        os.makedirs(f"{tmp}/bb/shell")
        subprocess.run(["cp", "-a", f"{busybox}/testsuite", f"{busybox}/.config", f"{tmp}/bb/"], check=True)
        subprocess.run(["cp", "-a", f"{busybox}/shell/ash_test", f"{tmp}/bb/shell/"], check=True)
        for name in ("printenv", "recho", "zecho"):
            source = f"{busybox}/shell/ash_test/{name}.c"
            subprocess.run(["musl-gcc", "-static", "-s", "-O1", "-w", "-o", f"{tmp}/bb/shell/ash_test/{name}", source], check=True)
        os.symlink("/bin/busybox", f"{tmp}/bb/busybox")
        cmd = [sys.executable, "usr/mkroot.py", "--base", "usr/base", "--busybox", f"{busybox}/busybox"]
        cmd += ["--overlay", tmp, "--add", f"{HERE}/init.sh:/init", "--cpio", out]
        subprocess.run(cmd, check=True)


def run_once(args, initrd, log_path):
    cmd = qemu.base_command(smp=args.smp, mem=512, accel=args.accel, cpu=args.cpu)
    append = "console=ttyS0 panic=-1" + (" loglevel=4" if args.kernel == "linux" else "")
    append += f" limit={args.timeout} only={','.join(SLOW)}" if args.slow else ""
    cmd += qemu.boot_words("kernel", args.kernel, args.debug, initrd, append=append)
    cmd += ["-no-reboot", "-monitor", "none", "-serial", "stdio"]
    with open(log_path, "wb") as log:
        machine = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            machine.wait(args.timeout)
        except subprocess.TimeoutExpired:
            print(f"  FAULT    time-out after {args.timeout} s")
        finally:
            machine.kill()
            machine.wait()
    with open(log_path, "rb") as f:
        return f.read().decode(errors="replace").replace("\r", "").split("\n")


def parse(lines):
    """(applet, test) -> state, and whether the run came to its end; repeated names get a number."""
    results, applet, ended, faults = {}, "?", False, []
    for line in lines:
        if line.startswith("@@ applet "):
            applet = line.split()[2]
        elif line == "@@ end":
            ended = True
        elif m := RESULT.match(line):
            name, n = m[2].replace("\t", " "), 1
            while (applet, name) in results:
                n += 1
                name = f"{m[2]} #{n}".replace("\t", " ")
            results[applet, name] = m[1]
        elif KERNEL_LINE.match(line):
            faults += qemu.faults(line)
    if not ended:
        faults.append("the run stopped before its end, in " + applet)
    return results, faults


def read_tsv(path):
    rows = {}
    if os.path.exists(path):
        with open(path) as f:
            for line in f:
                if not line.startswith("#"):
                    applet, test, passed, runs = line.rstrip("\n").split("\t")
                    rows[applet, test] = (int(passed), int(runs))
    return rows


def write_tsv(path, head, all_results, slow):
    """The rows of these runs; those of the other part, the slow or the quick one, stay."""
    keys, kept = {}, {k: v for k, v in read_tsv(path).items() if (k[0] in SLOW) != slow}
    for results in all_results:
        keys.update({k: None for k, state in results.items() if state in ("PASS", "FAIL")})
    with open(path, "w") as f:
        f.write(f"# {head}: applet, test, runs that passed, runs\n")
        for key, (passed, runs) in kept.items():
            f.write(f"{key[0]}\t{key[1]}\t{passed}\t{runs}\n")
        for key in keys:
            passed = sum(r.get(key) == "PASS" for r in all_results)
            f.write(f"{key[0]}\t{key[1]}\t{passed}\t{len(all_results)}\n")


def compare(lintel, linux, slow):
    """Compare the part that ran, the slow or the quick one: rows by applet, and lines about what is worse and better than on Linux."""
    applets, worse, better = {}, [], []
    for key in {**linux, **lintel}:
        if (key[0] in SLOW) != slow:
            continue
        lp, lr = linux.get(key, (0, 0))
        kp, kr = lintel.get(key, (0, 0))
        row = applets.setdefault(key[0], [0, 0, 0])
        row[0] += lr > 0 and lp == lr
        row[1] += kr > 0 and kp == kr
        if lr and lp == lr and kp < max(kr, 1):
            row[2] += 1
            worse.append(f"{key[0]}: {key[1]}: {kp}/{kr}" if kr else f"{key[0]}: {key[1]}: did not run")
        if kr and kp == kr and lp < lr:
            better.append(f"{key[0]}: {key[1]}: Linux {lp}/{lr}")
    return applets, worse, better


def write_table(applets, worse, better, slow):
    """RESULTS.md, by applet; the other part's rows and lines stay as they are there."""
    rows, notes = dict(applets), [*(f"- worse: {line}" for line in worse), *(f"- better: {line}" for line in better)]
    with open(RESULTS) as f:
        for line in f:
            if (m := ROW.match(line)) and (m[1] in SLOW) != slow and m[1] != "all":
                rows[m[1]] = [int(m[2]), int(m[3]), int(m[4] or 0)]
            elif (m := NOTE.match(line)) and (m[1] in SLOW) != slow:
                notes.append(line.rstrip())
    missing = [a for a in SLOW if a not in rows]
    left_out = f" Left out: {' and '.join(missing)}, minutes of arithmetic (SLOW=1)." if missing else ""
    totals = [sum(r[i] for r in rows.values()) for i in range(3)]
    lines = ["# busybox's own test suite", "", "Written by `make busybox-test`: tests that pass in every run, on Debian's Linux",
             f"and on Lintel, in the same QEMU.{left_out}", "",
             "| applet | Linux | Lintel | worse |", "|---|---:|---:|---:|"]
    lines += [f"| {applet} | {row[0]} | {row[1]} | {row[2] or ''} |" for applet, row in sorted(rows.items())]
    lines += [f"| all | {totals[0]} | {totals[1]} | {totals[2]} |", "", *notes]
    with open(RESULTS, "w") as f:
        f.write("\n".join(lines).rstrip() + "\n")
    print(f"  {RESULTS}: Linux {totals[0]}, Lintel {totals[1]}")


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--kernel", choices=("lintel", "linux"), default="lintel")
    ap.add_argument("--debug", action="store_true")
    ap.add_argument("--runs", type=int, default=3)
    ap.add_argument("--smp", type=int, default=2)
    ap.add_argument("--cpu", default="max")
    ap.add_argument("--accel", default="tcg")
    ap.add_argument("--timeout", type=int, help="seconds for one run (900; 3600 with --slow)")
    ap.add_argument("--slow", action="store_true", help="only bc and ash-z_slow: minutes of arithmetic")
    ap.add_argument("--table", action="store_true", help="only compare what is there")
    args = ap.parse_args()
    args.timeout = args.timeout or (3600 if args.slow else 900)
    os.makedirs(OUT, exist_ok=True)
    lintel_tsv, faults, runs = f"{OUT}/busybox-lintel.tsv", [], []
    if not args.table:
        with tempfile.NamedTemporaryFile(suffix=".cpio.gz") as initrd:
            pack(initrd.name)
            for i in range(args.runs):
                start = time.monotonic()
                results, wrong = parse(run_once(args, initrd.name, f"{OUT}/busybox-{args.kernel}-{i + 1}.log"))
                faults += wrong
                runs.append(results)
                passed = sum(s == "PASS" for s in results.values())
                print(f"  RUN {i + 1}    {passed} of {len(results)} pass ({time.monotonic() - start:.0f} s)", flush=True)
        write_tsv(LINUX_TSV if args.kernel == "linux" else lintel_tsv, f"busybox's test suite on {args.kernel}", runs,
                  args.slow)
    if args.slow and args.kernel == "lintel" and not any(key[0] in SLOW for key in read_tsv(LINUX_TSV)):
        faults.append("no rows of Linux for the slow part: run it there first")
    for line in faults:
        print(f"  FAULT    {line}")
    if args.kernel == "linux":
        return 1 if faults else 0
    lintel = read_tsv(lintel_tsv)
    applets, worse, better = compare(lintel, read_tsv(LINUX_TSV), args.slow)
    write_table(applets, worse, better, args.slow)
    for line in worse:
        print(f"  WORSE    {line}")
    good = sum(row[1] for row in applets.values())
    print(f"busybox-suite{'-slow' if args.slow else ''}: {good} passed, {len(worse) + len(faults)} failed")
    return 1 if worse or faults else 0


if __name__ == "__main__":
    sys.exit(main())
