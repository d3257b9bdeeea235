#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Boot the system in every way it must boot, to the shell and back to power-off; and sit at its shell.

  boots      each way of booting, machine, number of CPUs, memory and CPU model: the shell answers, all CPUs are there,
             poweroff ends the machine
  sessions   tests/boot/session.py: a person at the shell
  disks      tests/boot/disks.py: virtio devices of every kind, the root on a disk
  applets    tests/boot/transcripts.py: disks, partitions and file systems at the shell, as on Linux
  errors     tests/boot/errors.py: errors= of ext2 and ext3
  roots      tests/boot/roots.py: root= in all its ways, and none
  machine    tests/boot/machine.py: screen, framebuffer and keyboard, hostile initramfs
  tracing    tests/boot/tracing.py: Debian's strace and gdb in the guest
  power      tests/boot/power.py: reboot, halt, poweroff, by init and at once
  watching   tests/boot/diagnostics.py: SysRq, the trace of system calls, gdb
"""
import argparse
import fnmatch
import os
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import diagnostics  # noqa: E402
import disks  # noqa: E402
import errors  # noqa: E402
import machine  # noqa: E402
import power  # noqa: E402
import qemu  # noqa: E402
import roots  # noqa: E402
import session  # noqa: E402
import tracing  # noqa: E402
import transcripts  # noqa: E402
from guest import Failed, Guest  # noqa: E402

# device: see disks.py; overlay: the images with tests/boot/overlay and aid/ in them; append: more words for the kernel; no_reboot: a reset ends QEMU
DEFAULT = {"how": "kernel", "machine": "q35", "cpu": "max", "smp": 2, "mem": 512, "overlay": False, "append": "", "no_reboot": True,
           "device": ""}
START_LIMIT = {"kernel": 120, "bios": 120, "uefi": 180}


def boot(name, quick=False, kind="boot", **changes):
    return {**DEFAULT, **changes, "name": name, "quick": quick, "kind": kind}


def sit(name, quick=False, **changes):
    return boot(name, quick, "session", **changes)


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
    boot("screen-bios", quick=True, kind="screen", how="bios"),
    boot("screen-uefi", kind="screen", how="uefi", smp=1),
    boot("framebuffer-bios", quick=True, kind="framebuffer", how="bios", overlay=True),
    boot("framebuffer-uefi", kind="framebuffer", how="uefi", overlay=True),
    boot("overlay-kernel", quick=True, kind="overlay", overlay=True),
    boot("overlay-bios", kind="overlay", how="bios", overlay=True),
    boot("reboot-kernel", quick=True, kind="reboot", no_reboot=False),
    boot("reboot-bios", kind="reboot", how="bios", machine="pc", no_reboot=False),
    boot("reboot-uefi", kind="reboot", how="uefi", no_reboot=False),
    boot("halt", quick=True, kind="halt", smp=4),
    boot("halt-at-once", kind="halt-at-once", how="bios", machine="pc"),
    boot("poweroff-at-once", kind="poweroff-at-once"),
    boot("sysrq", quick=True, kind="sysrq", overlay=True),
    boot("sysrq-b", kind="sysrq-b"),
    boot("sysrq-c", quick=True, kind="sysrq-c"),
    boot("sysrq-o", kind="sysrq-o"),
    boot("trace", quick=True, kind="trace", append="trace_syscalls=uname"),
    *(boot(f"virtio-{d}", quick=d in ("legacy-intx", "one-queue"), kind="virtio", device=d, smp=4) for d in disks.VIRTIO),
    boot("virtio-pc", kind="virtio", device="transitional", machine="pc"),
    *(boot(f"virtio-{d}", quick=d == "remove", kind="virtio", device=d) for d in disks.SPECIAL),
    *(boot(f"stall-{d}", kind="stall", device=d, machine=disks.STALL[d][0]) for d in disks.STALL),
    boot("hvc", quick=True, kind="hvc", append="console=hvc0 console=ttyS0"),
    boot("hvc-one-port", kind="hvc", device=",max_ports=1,disable-modern=on", append="console=hvc0 console=ttyS0"),
    *(boot(f"root-{d}", quick=d == "virtio", kind="root", device=d, machine="pc" if d == "ata" else "q35", append="root=LABEL=lintel rw")
      for d in disks.ROOT),
    boot("roots", kind="roots", device="good"),
    boot("no-roots", quick=True, kind="roots", device="bad"),
    boot("root-iso", quick=True, kind="root-iso", how="bios"),
    boot("applets", quick=True, kind="transcripts", device="*", machine="pc", append="loglevel=1"),
    boot("tracing", kind="tracing", mem=1024, append="loglevel=1"),
    boot("applets-tools", kind="transcripts", device="tools/*", machine="pc", append="loglevel=1"),
    *(boot(f"errors-{d}", quick=d == "panic", kind="errors", device=d, append="loglevel=4") for d in errors.BOOTS),
    *(boot(f"pulled-{d}", kind="pulled", device=d, machine=disks.STALL[d][0]) for d in disks.STALL),
    *(boot(f"cut-{d}", kind="cut", device=d) for d in disks.ROOT),
    boot("make-debug", kind="debug"),
    boot("bad-initramfs", kind="bad", smp=1, mem=128),
]

# Debian's kernel is neither on our ISO nor at home in 24 MiB.
LINUX_CANNOT = ("bios", "uefi")
LINUX_MEMORY = 128


def check_boot(g, case):
    g.check("grep -c ^processor /proc/cpuinfo", f"^{case['smp']}$")
    g.check("cat /proc/uptime /proc/loadavg", r"^\d")
    g.check("awk '/MemTotal/ { exit !($2 > 8000) }' /proc/meminfo")


def check_overlay(g):
    """OVERLAY=dir: its files are there, with their modes, and its programs run."""
    g.check("cat /root/note", "^A file of the overlay.$")
    g.check("say one two", "^overlay runs with one two$")
    g.check("stat -c '%a %u %g %n' /root/note /usr/bin/say /usr/bin/blocked", r"^644 0 0 /root/note\n755 0 0 /usr/bin/say\n755 0 0 /usr/bin/blocked$")


def check_reboot(g, case):
    for command in ("reboot", "reboot -f"):
        power.reboot(g, command, START_LIMIT[case["how"]])


class Report:
    """Counts and prints the results of one case."""

    def __init__(self, case):
        self.case, self.passed, self.failed = case, 0, 0

    def __call__(self, name, error, seconds):
        self.passed += error is None
        self.failed += error is not None
        print(f"  {'PASS' if error is None else 'FAIL'}     {self.case}: {name} ({seconds:.1f} s){': ' + error if error else ''}", flush=True)

    def run(self, name, function, *args):
        """A check that raises Failed; returns whether it passed."""
        start, error = time.monotonic(), None
        try:
            function(*args)
        except Failed as e:
            error = str(e)
        self(name, error, time.monotonic() - start)
        return error is None


def command(case, args, **boot_words):
    cmd = qemu.base_command(case["machine"], case["cpu"], case["smp"], case["mem"], args.accel)
    append = f"console=ttyS0 panic=-1{' loglevel=4' if args.kernel == 'linux' and 'loglevel' not in case['append'] else ''} {case['append']}".strip()
    if case["overlay"]:
        iso = f"{qemu.B}/{'debug/' if args.debug else ''}overlay.iso"
        boot_words = {"initrd": f"{qemu.B}/overlay.cpio.gz", "iso": iso, **boot_words}
    if case["kind"] == "root-iso":
        boot_words = {"iso": f"{qemu.B}/{'debug/' if args.debug else ''}root.iso"}
    cmd += qemu.boot_words(case["how"], args.kernel, args.debug, append=append, **boot_words)
    return [*cmd, *(["-no-reboot"] if case["no_reboot"] else [])]


# What a kind of case does at the shell: (name, function, arguments) by Guest, case and the stem of its files.
WORK = {
    "screen": lambda g, case, stem: ("screen and keyboard", machine.check_screen, g, f"{stem}.ppm"),
    "framebuffer": lambda g, case, stem: ("framebuffer", machine.check_framebuffer, g, f"{stem}.ppm"),
    "overlay": lambda g, case, stem: ("the overlay is there", check_overlay, g),
    "reboot": lambda g, case, stem: ("reboots, twice", check_reboot, g, case),
    "root-iso": lambda g, case, stem: ("the ISO is the root", disks.check_root_iso, g),
    "trace": lambda g, case, stem: ("trace of system calls", diagnostics.trace, g),
}
# How a kind ends the machine, if not by power-off.
END = {
    "halt": lambda g, case: ("halts", power.halt, g, "halt", case["smp"]),
    "halt-at-once": lambda g, case: ("halts at once", power.halt, g, "halt -f", case["smp"]),
    "poweroff-at-once": lambda g, case: ("powers off at once", power.poweroff_at_once, g),
    **{f"sysrq-{key}": lambda g, case, key=key, words=words: (f"SysRq {key}", diagnostics.sysrq_end, g, key, words)
       for key, words in diagnostics.SYSRQ_ENDS.items()},
}


def run_system(case, args, stem, report):
    """The system comes up, does what the case is about, and goes down."""
    kind = case["kind"]
    with Guest(command(case, args), f"{stem}.log") as g:
        if not report.run("reaches the shell", g.login, START_LIMIT[case["how"]]):
            return
        report.run("sees its machine", check_boot, g, case)
        if kind == "session":
            session.run_session(g, report)
        elif kind == "sysrq":
            diagnostics.sysrq(g, report)
        elif kind in WORK:
            report.run(*WORK[kind](g, case, stem))
        before = g.text
        report.run(*(END[kind](g, case) if kind in END else ("powers off", power.poweroff, g)))
        found = qemu.faults(before if kind == "sysrq-c" else g.text)
        if found:
            report("log without faults", "; ".join(found[:5]), 0)


def run_debug(_case, args, stem, report):
    report.run("gdb session", diagnostics.make_debug, args.debug, f"{stem}.log")


def run_bad(case, args, stem, report):
    with machine.temporary_directory() as directory:
        for name, path in machine.bad_initramfs_files(directory):
            with Guest(command(case, args, initrd=path), f"{stem}-{name}.log") as g:
                report.run(name, machine.expect_panic, g)


def run_disks(case, args, stem, report):
    run = {"virtio": disks.run_virtio, "hvc": disks.run_hvc, "root": disks.run_root, "stall": disks.run_stall, "cut": disks.run_cut,
           "pulled": disks.run_pulled}[case["kind"]]
    words = command(case, args)
    case = {**case, "debug": args.debug}
    if case["kind"] == "root":
        at = words.index("-initrd")
        del words[at : at + 2]
    run(case, words, stem, report, START_LIMIT[case["how"]])


def run_roots(case, args, stem, report):
    def words(append):
        cmd = command({**case, "append": append}, args)
        at = cmd.index("-initrd")
        return cmd[:at] + cmd[at + 2 :]

    roots.run(case, words, stem, report, START_LIMIT[case["how"]])


def run_tracing(case, args, stem, report):
    tracing.run(case, args, lambda **words: command(case, args, **words), stem, report, START_LIMIT[case["how"]])


def run_transcripts(case, args, stem, report):
    transcripts.run(case, args, lambda **words: command(case, args, **words), stem, report, START_LIMIT[case["how"]])


def run_errors(case, args, stem, report):
    errors.run(case, args, lambda **words: command(case, args, **words), stem, report, START_LIMIT[case["how"]])


def run_case(case, args):
    """One case; returns (passed, failed)."""
    report = Report(case["name"])
    stem = f"{qemu.B}/boot/{args.kernel}{'-debug' if args.debug else ''}-{case['name']}"
    disk_kinds = dict.fromkeys(("virtio", "hvc", "root", "stall", "cut", "pulled"), run_disks)
    special = {"bad": run_bad, "debug": run_debug, "transcripts": run_transcripts, "tracing": run_tracing, "errors": run_errors, "roots": run_roots, **disk_kinds}
    special.get(case["kind"], run_system)(case, args, stem, report)
    return report.passed, report.failed


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--kernel", choices=("lintel", "linux"), default="lintel")
    ap.add_argument("--debug", action="store_true", help="the DEBUG=1 build of Lintel")
    ap.add_argument("--quick", action="store_true", help="the subset that make test runs")
    ap.add_argument("--only", help="cases, as shell patterns with commas between")
    ap.add_argument("--record", action="store_true", help="with --kernel linux: write the transcripts' outputs anew")
    ap.add_argument("--accel", default="tcg")
    ap.add_argument("--list", action="store_true")
    args = ap.parse_args()
    if args.record and args.kernel != "linux":
        ap.error("--record is for --kernel linux")

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
