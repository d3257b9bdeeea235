# SPDX-License-Identifier: BSD-2-Clause
"""This machine's own strace and gdb (Debian's), dynamic, with their libraries, at work in the guest on a program with threads."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import power
import qemu
import transcripts
from guest import Failed, Guest

HERE = os.path.dirname(__file__)
THREAD_DB = "/lib/x86_64-linux-gnu/libthread_db.so.1"

STRACE = (
    ("strace -f -o /tmp/t sh -c 'echo one | cat'; echo; grep -c . /tmp/t", [r"^one$", r"^\d{2,}$"]),
    ("cat /tmp/t", [r"execve\(\"[^\"]*/sh\", \[\"sh\", \"-c\"", r"SIGCHLD", r"read\(0, \"one\\n\"", r"write\(1, \"one\\n\", 4\) *= 4",
                    r"\+\+\+ exited with 0 \+\+\+"]),
    ("strace -c true 2>&1 | tail -1", [r"total$"]),
    ("(sleep 1; kill -TERM $(pidof sleep)) & strace sleep 30 2>&1 | tail -2", [r"--- SIGTERM \{si_signo=SIGTERM, si_code=SI_USER", r"\+\+\+ killed by SIGTERM"]),
    ("sleep 100 & strace -p $! -o /tmp/p & sleep 2; kill %1; wait; cat /tmp/p", [r"nanosleep|restart_syscall", r"killed by SIGTERM"]),
)

GDB = (
    (("break twice", "run", "bt", "step", "step", "print result", "finish"),
     [r"Breakpoint 1, twice \(n=20\)", r"#0 +twice \(n=20\)", r"#1 +0x[0-9a-f]+ in outer \(n=20\)", r"#2 +0x[0-9a-f]+ in main", r"= 40",
      r"Value returned is .* = 40"]),
    (("break main", "run", "watch counter", "continue", "continue"),
     [r"Hardware watchpoint 2: counter", r"Old value = 0", r"New value = 40", r"New value = 100"]),
    (("break together", "run", "info threads", "thread apply all bt", "kill"),
     [r"\* 1 +Thread 0x[0-9a-f]+ \(LWP \d+\)", r"  2 +Thread 0x[0-9a-f]+ \(LWP \d+\)", r"worker \(arg="]),
    (("start", "hbreak outer", "continue", "info registers rip", "set var counter = 7", "print counter", "stepi", "x/i $pc", "continue"),
     [r"Hardware assisted breakpoint 2", r"rip +0x[0-9a-f]+", r"= 7", r"=> 0x", r"exited normally"]),
    (("run crash", "bt"), [r"received signal SIGSEGV", r"#0 .*main \(argc=2"]),
)


CORE = [r"Program terminated with signal SIGSEGV", r"#0 .*main \(argc=2", r"\* 1 +Thread", r"  2 +Thread", r"= 100"]


def libraries(path):
    out = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"(/\S+) \(0x", out))


def tools(directory):
    """mkroot's words for strace, gdb, what gdb's Python loads, and the program."""
    target = f"{directory}/traced"
    subprocess.run(["cc", "-g", "-O0", "-pthread", "-o", target, f"{HERE}/traced/traced.c"], check=True)
    add, files = [], {}
    for name in ("strace", "gdb"):
        path = shutil.which(name)
        if path is None:
            raise Failed(f"no {name} on this machine")
        files[f"/usr/bin/{name}"] = path
    for path in [*files.values(), target, THREAD_DB]:
        files.update({library: library for library in libraries(path)})
    files[THREAD_DB] = THREAD_DB
    files["/usr/lib/locale/C.utf8/LC_CTYPE"] = "/usr/lib/locale/C.utf8/LC_CTYPE"
    files["/root/traced"] = target
    files["/root/traced.c"] = f"{HERE}/traced/traced.c"
    script = "import sys; print('\\n'.join(m.__file__ for m in list(sys.modules.values()) if getattr(m, '__file__', None)))"
    out = subprocess.run(["gdb", "-nx", "-batch", "-ex", f"python {script}"], capture_output=True, text=True, check=True).stdout
    for path in out.split():
        if path.endswith((".py", ".so")):
            files[path] = path
    # character sets: Python's, and those of the C library
    for path in glob.glob(os.path.dirname(next(p for p in files if p.endswith("/encodings/__init__.py"))) + "/*.py"):
        files[path] = path
    for path in glob.glob("/usr/lib/x86_64-linux-gnu/gconv/gconv-modules*") + glob.glob("/usr/lib/x86_64-linux-gnu/gconv/UTF-*.so"):
        files[path] = path
    for path in [p for p in files.values() if p.endswith(".so") and "python" in p]:
        files.update({library: library for library in libraries(path)})
    for to, path in sorted(files.items()):
        add += ["--add", f"{os.path.realpath(path)}:{to}"]
    return add


def expect_all(g, command, patterns, timeout=180):
    output, _ = g.run(command, timeout)
    missing = [p for p in patterns if not re.search(p, output, re.M)]
    if missing:
        raise Failed(f"{command}: no {missing}; got: {output[-1500:]!r}")


def gdb(g, commands, patterns, more="/root/traced"):
    words = " ".join(f"-ex '{c}'" for c in commands)
    expect_all(g, f"LC_ALL=C.UTF-8 gdb -q -nx -batch -ex 'set confirm off' {words} {more} 2>&1", patterns)


def run(case, args, command, stem, report, login_limit):
    with tempfile.TemporaryDirectory() as directory:
        initrd = transcripts.pack(args.kernel, directory, tools(directory))
        with Guest(command(initrd=initrd), f"{stem}.log") as g:
            if not report.run("reaches the shell", g.login, login_limit):
                return
            for line, patterns in STRACE:
                report.run(line.split(";")[0], expect_all, g, line, patterns)
            for commands, patterns in GDB:
                report.run("gdb: " + ", ".join(commands), gdb, g, commands, patterns)
            g.run("cd /tmp; ulimit -c unlimited; /root/traced crash", 30)
            report.run("gdb reads a core", gdb, g, ("bt", "info threads", "print counter"), CORE, "/root/traced /tmp/core")
            report.run("powers off", power.poweroff, g)
            if args.kernel == "lintel" and (found := qemu.faults(g.text)):
                report("log without faults", "; ".join(found[:5]), 0)
