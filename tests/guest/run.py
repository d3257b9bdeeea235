#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run the guest tests in QEMU, on Lintel or on Debian's Linux, and judge the result.

An initramfs is packed with tests/guest/init.c as /init, busybox and the chosen programs; the machine prints TAP on
its serial line and powers itself off. A run fails when a test fails that passes on Linux in three of three runs
(tests/guest/oracle.tsv), when tests are missing, when a program of the image has no result or another number of them
than it planned, when the machine stops before the end, or when the log holds a warning, an oops or a lock report. Results: build/guest/KERNEL[-debug].tsv, the whole log beside it.
"""
import argparse
import fnmatch
import os
import re
import select
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import fat  # noqa: E402
import iso  # noqa: E402
import modules  # noqa: E402
import qemu  # noqa: E402

B = qemu.B
ORACLE_TSV = "tests/guest/oracle.tsv"
ORACLE_RUNS = 3
DISK_SIZE = 16 << 20
CD_SIZE = 1 << 20
TAP = re.compile(r"\b(not ok|ok) (\d+) - ([^:\s]*):([^:\s]*):([^:\s]*): (.*)")
PLAN = re.compile(r"^1\.\.(\d+)")
BEGIN = re.compile(r"# begin (\S+)")
END = re.compile(r"# end (\S+) (.*)")
KERNEL = re.compile(r"\[ *\d+\.\d{6}\] .*")
FINAL = re.compile(r"GUEST TESTS: (\d+) passed, (\d+) failed")


class Result:
    """What one run showed: the state of every test, in order, and what is wrong with the run as a whole."""

    def __init__(self):
        self.tests = {}
        self.details = {}
        self.faults = []
        self.ended = set()	# programs that came to their end, with as many results as planned or without

    def add(self, program, name, state, detail=""):
        key, n = (program, name), 1
        while key in self.tests:
            n += 1
            key = (program, f"{name}#{n}")
        self.tests[key] = state
        self.details[key] = detail


def rejoined(lines):
    """The lines with what the kernel said in the middle of one taken out: (the line in one piece, what the kernel said within it)."""
    head, said = "", []
    for line in lines:
        m = KERNEL.search(line)
        if m and (m.start() or head):
            head += line[:m.start()]
            said.append(m[0])
            continue
        yield head + line, said
        head, said = "", []
    if head:
        yield head, said


def own_words(line):
    """A test's own name and words are no report of the kernel."""
    return bool(TAP.search(line) or BEGIN.search(line) or END.search(line))


def parse(lines):
    result, program, seen, plan, final = Result(), None, 0, None, False
    for line, said in rejoined(lines):
        if m := BEGIN.search(line):
            program, seen, plan = m[1], 0, None
        elif m := TAP.search(line):
            result.add(program or "?", m[5], "PASS" if m[1] == "ok" else "FAIL", f"{os.path.basename(m[3])}: {m[6]}".strip())
            seen += 1
        elif m := PLAN.match(line):
            plan = int(m[1])
        elif m := END.search(line):
            if m[2] not in ("exit 0", "exit 1") or not seen or plan != seen:
                result.add(m[1], "(program)", "FAIL", f"{m[2]}, {seen} of {plan} tests reported")
            result.ended.add(m[1])
            program = None
        elif FINAL.search(line):
            final = True
        result.faults += qemu.faults("\n".join(said if own_words(line) else [*said, line]))
    if not final:
        result.faults.append(f"the run stopped before its end{f', in {program}' if program else ''}")
        if program:
            result.add(program, "(program)", "FAIL", "the machine stopped here")
    return result


def pack(args, out):
    programs = [(d, n) for d in ("tests", "lintel") for n in sorted(listdir(f"{B}/guest/{d}")) if d == "tests" or args.kernel == "lintel"]
    chosen = [(d, n) for d, n in programs if any(fnmatch.fnmatch(n, p) for p in (args.only or "*").split(","))]
    if not chosen:
        sys.exit(f"run.py: no test program matches {args.only}")
    with tempfile.TemporaryDirectory() as tmp:
        add = []
        for d, n in [*chosen, *(("aid", n) for n in listdir(f"{B}/guest/aid"))]:
            stripped = f"{tmp}/{d}-{n}"
            subprocess.run(["strip", "-o", stripped, f"{B}/guest/{d}/{n}"], check=True)
            add += ["--add", f"{stripped}:/{'aid' if d == 'aid' else 'tests'}/{n}"]
        if args.kernel == "linux":
            for i, path in enumerate(modules.in_order(f"{B}/oracle/linux/lib/modules")):
                add += ["--add", f"{path}:/modules/{i:02}-{os.path.basename(path)}"]
        loader = "/usr/lib/x86_64-linux-musl/libc.so"
        if os.path.exists(loader):
            add += ["--add", f"{loader}:/lib/ld-musl-x86_64.so.1"]
        cmd = [sys.executable, "usr/mkroot.py", "--base", "usr/base", "--busybox", f"{B}/src/busybox/busybox"]
        subprocess.run([*cmd, *add, "--add", f"{B}/guest/init:/init", "--cpio", out], check=True)
    return [n for _d, n in chosen]


def listdir(path):
    return sorted(n for n in os.listdir(path) if not n.endswith(".d")) if os.path.isdir(path) else []


def make_pattern(directory, name, size):
    """A disk whose every 8 bytes hold their own offset."""
    path = os.path.join(directory, name)
    with open(path, "wb") as f:
        f.write(b"".join(i.to_bytes(8, "little") for i in range(0, size, 8)))
    return path


def make_devices(directory):
    """The disks that tests may write to, a CD, and the other virtio devices. The IDE controller is there because Debian's cloud kernel
    has no driver for AHCI."""
    vd, pd, ad = (make_pattern(directory, f"{n}.img", DISK_SIZE) for n in ("vd", "pd", "ad"))
    cd = make_pattern(directory, "cd.img", CD_SIZE)
    return ["-drive", f"file={vd},if=none,id=vd0,format=raw,discard=unmap", "-device", "virtio-blk-pci,drive=vd0,serial=scratch-disk",
            "-drive", f"file={ad},if=none,id=ad0,format=raw,discard=unmap", "-device", "ide-hd,drive=ad0,bus=ide.0,serial=ahci-scratch",
            "-device", "piix3-ide,id=piix",
            "-drive", f"file={pd},if=none,id=pd0,format=raw,discard=unmap", "-device", "ide-hd,drive=pd0,bus=piix.0,serial=piix-scratch",
            "-drive", f"file={cd},if=none,id=cd0,format=raw,media=cdrom,read-only=on", "-device", "ide-cd,drive=cd0,bus=piix.1",
            "-device", "virtio-rng-pci", "-device", "virtio-serial-pci", "-chardev", "null,id=hvc", "-device", "virtconsole,chardev=hvc",
            "-chardev", "file,path=/dev/null,id=port", "-device", "virtserialport,chardev=port,name=org.lintel.test"]


# What tests/guest/ext2*.c and fs_disk.c mount: an ext2 and an ext3; revision 0; old inodes and no indexes; two to be filled.
FILE_SYSTEMS = {
    "vdb": "-b 1024 -I 256 {} 64M", "vdc": "-b 4096 -I 256 -j {} 64M",
    "vdh": "-r 0 -b 1024 {} 32M", "vdi": "-b 2048 -I 128 -O ^dir_index {} 64M",
    "vdj": "-b 1024 -I 128 -N 1024 -m 5 {} 8M", "vdk": "-b 1024 -I 256 -N 1024 -j -J size=1 {} 16M",
}


def make_file_systems(directory):
    words = []
    for name, how in FILE_SYSTEMS.items():
        if name == "vdh":
            words += fat.make(directory) + iso.make(directory)
        path = f"{directory}/{name}.img"
        with open(path, "wb"):
            pass
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext2", *how.format(path).split()], check=True, stderr=subprocess.PIPE)
        words += ["-drive", f"file={path},if=none,id={name},format=raw,discard=unmap", "-device",
                  f"virtio-blk-pci,drive={name}{',discard=off' if name == 'vdi' else ''}"]
    return words + fat.make(directory, ["vdl"])


def check_file_systems(directory, programs):
    """What e2fsck, fsck.fat and mtools say about them after the run, nothing if they are good."""
    faults = []
    for name in FILE_SYSTEMS:
        done = subprocess.run(["e2fsck", "-fn", f"{directory}/{name}.img"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            faults.append(f"e2fsck of {name}: " + " | ".join(done.stdout.splitlines()[:6]))
    return faults + fat.check(directory, programs)


def boot(args, initrd, log_path, programs):
    with tempfile.TemporaryDirectory(dir=f"{B}/guest") as tmp:
        lines = boot_with(args, initrd, log_path, make_devices(tmp) + make_file_systems(tmp))
        args.disk_faults = check_file_systems(tmp, programs)
        return lines


def boot_with(args, initrd, log_path, devices):
    words = "console=ttyS0 panic=-1 loglevel=5 " + ("selftest " if args.debug else "") + args.append  # sys/selftest.c first
    cmd = qemu.base_command(args.machine, args.cpu, args.smp, args.mem, args.accel)
    cmd += qemu.boot_words("kernel", args.kernel, args.debug, initrd, append=words.strip())
    cmd += ["-no-reboot", "-monitor", "none", "-serial", "stdio", *devices, *args.qemu.split()]
    deadline = time.monotonic() + args.timeout
    data = bytearray()
    with open(log_path, "wb") as log:
        machine = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            while True:
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([machine.stdout], [], [], left)[0]:
                    data += f"\nrun.py: time-out after {args.timeout} s\n".encode()
                    break
                chunk = os.read(machine.stdout.fileno(), 65536)
                if not chunk:
                    break
                data += chunk
                log.write(chunk)
                log.flush()
                if args.verbose:
                    sys.stdout.buffer.write(chunk)
                    sys.stdout.flush()
        finally:
            machine.kill()
            machine.wait()
    return data.decode(errors="replace").replace("\r", "").split("\n")


def read_oracle():
    """(program, test) -> passes on Linux, of ORACLE_RUNS."""
    rates = {}
    if os.path.exists(ORACLE_TSV):
        with open(ORACLE_TSV) as f:
            for line in f:
                if not line.startswith("#"):
                    program, test, passes = line.rstrip("\n").split("\t")
                    rates[program, test] = int(passes.split("/")[0])
    return rates


def report(args, result, programs, path):
    """Print the run's failures and count; returns True if it is good. programs: what the image holds; each has a result."""
    for program in programs:
        if program not in result.ended and (program, "(program)") not in result.tests:
            result.add(program, "(program)", "FAIL", "it is in the image, and did not run")
    rates = read_oracle() if args.kernel == "lintel" else {}
    failed = excused = 0
    with open(path, "w") as f:
        for (program, test), state in result.tests.items():
            f.write(f"{program}\t{test}\t{state}\t{result.details[program, test] if state != 'PASS' else ''}\n")
            if state == "PASS":
                continue
            flaky = rates.get((program, test), ORACLE_RUNS) < ORACLE_RUNS
            failed, excused = failed + (not flaky), excused + flaky
            note = f" (on Linux {rates[program, test]}/{ORACLE_RUNS})" if flaky else ""
            print(f"  FAIL     {program}: {test}: {result.details[program, test]}{note}")
    if not args.only:
        for program, test in rates:
            if rates[program, test] == ORACLE_RUNS and (program, test) not in result.tests:
                failed += 1
                print(f"  MISSING  {program}: {test}: passes on Linux, did not run here")
    for line in result.faults[:20]:
        print(f"  FAULT    {line}")
    passed = sum(state == "PASS" for state in result.tests.values())
    name = f"guest-{args.kernel}{'-debug' if args.debug else ''}-smp{args.smp}"
    print(f"{name}: {passed} passed, {failed + len(result.faults)} failed{f', {excused} skipped' if excused else ''}")
    return not failed and not result.faults


def record(args, results):
    keys = {}
    for r in results:
        keys.update(dict.fromkeys(r.tests))
    if args.only:
        chosen = {program for program, _test in keys}
        old = {k: v for k, v in read_oracle().items() if k[0] not in chosen}
    else:
        old = {}
    rows = {**old, **{k: sum(r.tests.get(k) == "PASS" for r in results) for k in keys}}
    release = subprocess.run(["sh", "-c", f"ls {B}/oracle/linux/boot | sed -n s/vmlinuz-//p"], capture_output=True, text=True).stdout.strip()
    with open(ORACLE_TSV, "w") as f:
        f.write(f"# Guest tests on Linux {release}: program, test, passes of {ORACLE_RUNS} runs. Written by make oracle.\n")
        for (program, test), passes in sorted(rows.items()):
            f.write(f"{program}\t{test}\t{passes}/{ORACLE_RUNS}\n")
    print(f"{ORACLE_TSV}: {len(rows)} tests, {sum(p == ORACLE_RUNS for p in rows.values())} pass in all runs")


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--kernel", choices=("lintel", "linux"), default="lintel")
    ap.add_argument("--debug", action="store_true", help="the DEBUG=1 build of Lintel")
    ap.add_argument("--smp", type=int, default=2)
    ap.add_argument("--cpu", default="max")
    ap.add_argument("--mem", type=int, default=512)
    ap.add_argument("--machine", default="q35")
    ap.add_argument("--accel", default="tcg")
    ap.add_argument("--append", default="", help="more words for the kernel's command line")
    ap.add_argument("--qemu", default="", help="more words for QEMU")
    ap.add_argument("--only", help="programs, as shell patterns with commas between")
    ap.add_argument("--timeout", type=int, default=600, help="seconds for the whole run")
    ap.add_argument("--record", action="store_true", help="three runs on Linux, kept as the oracle")
    ap.add_argument("--verbose", action="store_true", help="show the console")
    args = ap.parse_args()

    os.makedirs(f"{B}/guest", exist_ok=True)
    stem = f"{B}/guest/{args.kernel}{'-debug' if args.debug else ''}-smp{args.smp}"
    with tempfile.NamedTemporaryFile(suffix=".cpio.gz") as initrd:
        programs = pack(args, initrd.name)
        results, good = [], True
        for i in range(ORACLE_RUNS if args.record else 1):
            results.append(parse(boot(args, initrd.name, f"{stem}.log", programs)))
            results[-1].faults += args.disk_faults
            good &= report(args, results[-1], programs, f"{stem}.tsv")
    if args.record:
        record(args, results)
        return 0
    if not good:
        print(f"  LOG      {stem}.log")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
