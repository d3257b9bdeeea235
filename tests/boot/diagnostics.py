# SPDX-License-Identifier: BSD-2-Clause
"""What a person looks into a running kernel with: SysRq, the trace of system calls, gdb by `make debug`."""
import os
import pty
import re
import select
import signal
import socket
import time

from guest import ESCAPES, PROMPT, Failed

# What only this key prints; sysrq() presses each by BREAK and by /proc/sysrq-trigger. Both machines have two CPUs.
FRAME = r"^\[[ .\d]+\]  \w+\+0x[0-9a-f]+/0x[0-9a-f]+"
KEYS = {
    "h": [r"sysrq: HELP : loglevel\(0-9\) reboot\(b\) crash\(c\) .*show-task-states\(t\)"],
    "l": [r"sysrq: Show backtrace of all active CPUs", r"backtrace for CPU 0", r"backtrace for CPU 1", r"Call Trace:", FRAME],
    "m": [r"sysrq: Show Memory", r"Mem-Info: total \d{4,}, free \d{3,}", r"Mem-Info: slab \d+\+\d+"],
    "p": [r"sysrq: Show Regs", r"RIP: \w+:", r"RAX: [0-9a-f]{16} RBX: ", r"Call Trace:", FRAME, r"cpu1: user \d+ ms"],
    "q": [r"sysrq: Show timers", r"cpu: 0, now at \d+ ns", r"cpu: 1, now at \d+ ns", r"#0: monotonic, \w+\+0/0x"],
    "r": [r"sysrq: Keyboard mode set to system default"],
    "s": [r"sysrq: Emergency Sync", r"Emergency Sync complete"],
    "t": [r"sysrq: Show State", r"task:init +state:S \(sleeping\) cpu:\d pid:1 ", r"task:swapper/1 +state:R", r"task:blocked ", FRAME],
    "w": [r"sysrq: Show Blocked State", r"task:blocked +state:D .* pid:[1-9]", r"sys_vfork\+0x", FRAME],
    "7": [r"sysrq: Loglevel set to 7"],
    "z": [r"sysrq: HELP : "],
}
OTHERS = {"w": r"task:(init|swapper|kworker|irq)"}	# what a key must not print


def shell(g):
    g.line("")
    g.expect(PROMPT)


def sysrq_key(g, key):
    """The key, both ways: what is its own, and nothing more."""
    for way in ("break", "trigger"):
        shell(g)
        g.collect([])
        if way == "break":
            g.send_break()
            g.send(key)
        else:
            g.line(f"echo {key} >/proc/sysrq-trigger")
        try:
            text = g.collect(KEYS[key])
        except Failed as e:
            raise Failed(f"by {way}: {e}") from None
        if key in OTHERS and re.search(OTHERS[key], text):
            raise Failed(f"by {way}: shows {OTHERS[key]!r} too: {text[-400:]!r}")
    shell(g)


def sysrq_mask(g):
    """sysctl kernel.sysrq: nothing by BREAK at 0, some groups by their bits; the file in /proc is not asked."""
    g.check("echo 0 >/proc/sys/kernel/sysrq")
    g.collect([])
    g.send_break()
    g.send("h")
    time.sleep(1)
    if "sysrq" in g.collect([]):
        raise Failed("a key with sysrq=0")
    g.line("echo m >/proc/sysrq-trigger")
    g.collect([r"Mem-Info"])
    shell(g)
    g.check("echo 8 >/proc/sys/kernel/sysrq")
    g.send_break()
    g.send("s")
    g.collect([r"sysrq: This sysrq operation is disabled"])
    g.send_break()
    g.send("m")
    g.collect([r"Mem-Info"])
    g.check("echo 1 >/proc/sys/kernel/sysrq; cat /proc/sys/kernel/sysrq", "^1$")


def sysrq_signals(g):
    """e ends what does not ignore SIGTERM, i everything but init, which brings the shell back."""
    g.run("sleep 777 & true")
    g.check("ps | grep 'sleep 7[7]'", r"sleep 77")
    g.send_break()
    g.send("e")
    g.collect([r"sysrq: Terminate All Tasks"])
    g.check("sleep 1; ps | grep 'sleep 7[7]7' || echo gone", "^gone$")
    g.run("(trap '' TERM; exec sleep 778) & true")
    g.check("ps | grep 'sleep 7[7]'", r"sleep 77")
    g.send_break()
    g.send("i")
    g.expect(r"sysrq: Kill All Tasks", 20)
    g.login()
    g.check("ps | grep 'sleep 7[7]8' || echo gone", "^gone$")


def sysrq(g, report):
    """Every key that leaves the machine running, its switch, and what idle threads look like."""
    report.run("no idle thread is blocked", g.check, "ps -o stat,comm | awk '$1 ~ /^D/' | wc -l", "^0$")
    g.run("blocked & true")
    for key in KEYS:
        report.run(f"SysRq {key}", sysrq_key, g, key)
    report.run("SysRq's switch", sysrq_mask, g)
    report.run("SysRq e and i", sysrq_signals, g)


def sysrq_end(g, key, words):
    """b, c and o: the machine ends with these words."""
    g.send_break()
    g.send(key)
    g.wait_end(30)
    for w in words:
        if w not in g.text:
            raise Failed(f"{key} does not say {w!r}; last: {g.text[-300:]!r}")


SYSRQ_ENDS = {
    "b": ("sysrq: Resetting",),
    "c": ("sysrq: Trigger a crash", "Kernel panic - not syncing: sysrq triggered crash", "Call Trace:"),
    "o": ("sysrq: Power Off", "reboot: Power down"),
}


def trace(g):
    """Booted with trace_syscalls=uname: its calls are in the log, decoded, and nobody else's; then by sysctl."""
    g.check("cat /proc/sys/kernel/trace_syscalls", "^uname$")
    g.check("sysctl -n kernel.trace_syscalls", "^uname$")
    g.check("uname -s", "^Linux$")
    log = g.check("dmesg")
    for pattern in (r"uname\[\d+\] uname\(\w+=0x[0-9a-f]+\) = 0", r"uname\[\d+\] writev\(fd=1, iov=0x[0-9a-f]+, iovcnt=\w+\) = 6",
                    r"uname\[\d+\] exit_group\(\w+=0\) \.\.\."):
        if not re.search(pattern, log):
            raise Failed(f"no {pattern!r} in the log: {log[-600:]!r}")
    if m := re.search(r"^\[[ .\d]+\] (?!uname)\w+\[\d+\] \w+\(.*\) (=|\.\.\.)", log, re.M):
        raise Failed(f"traced too: {m[0]!r}")
    g.check("dmesg -c >/dev/null; echo 0 >/proc/sys/kernel/trace_syscalls; uname; dmesg | wc -l", "^0$")
    g.check("dmesg -n 4; sysctl -w kernel.trace_syscalls=1; cat /etc/hostname; sysctl -w kernel.trace_syscalls=0; dmesg -n 7")
    g.check("dmesg | grep '^.* cat.[0-9]*. open.*\"/etc/hostname\".* = 3'", "hostname")


# -- make debug

class Terminal:
    """A command on a pseudo-terminal, as a person runs it; Ctrl-C works."""

    def __init__(self, command, log_path, env):
        self.text, self.at = "", 0
        self.log = open(log_path, "wb")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, env)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        if self.pid is not None:
            os.kill(self.pid, signal.SIGTERM)
            self.wait()
        os.close(self.fd)
        self.log.close()

    def send(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern, timeout=60):
        """What came before the pattern, without escape sequences."""
        deadline = time.monotonic() + timeout
        while not (m := re.compile(pattern, re.M).search(self.text, self.at)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise Failed(f"gdb: no {pattern!r} in {timeout} s; last: {self.text[-400:]!r}")
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                raise Failed(f"gdb ended; last: {self.text[-400:]!r}") from None
            self.log.write(data)
            self.log.flush()
            self.text += ESCAPES.sub("", data.decode(errors="replace").replace("\r", ""))
        before, self.at = self.text[self.at : m.start()], m.end()
        return before

    def wait(self, timeout=10):
        """Whether it ends by itself."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.pid is None or os.waitpid(self.pid, os.WNOHANG)[0]:
                self.pid = None
                return True
            time.sleep(0.05)
        return False


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_shell(path, timeout=120):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if os.path.exists(path):
            with open(path, "rb") as f:
                if b"root@lintel:" in f.read():
                    return
        time.sleep(0.2)
    raise Failed(f"no shell in {path} in {timeout} s")


def want(text, *patterns):
    for p in patterns:
        if not re.search(p, text, re.M):
            raise Failed(f"gdb: no {p!r} in {text[-1500:]!r}")


def gdb_session(t, serial):
    """Stops at kernel_main; at the shell, Ctrl-C and the helpers show threads, traces and the log."""
    stopped = r"^\(gdb\) "
    want(t.expect(stopped), r"Breakpoint 1, kernel_main")
    t.send("info breakpoints\n")
    t.expect(stopped)
    t.send("continue\n")
    t.expect(r"Continuing\.")
    wait_for_shell(serial)
    time.sleep(1)
    t.send("\x03")
    want(t.expect(stopped), r"SIGINT")

    def ask(command):
        t.send(command + "\n")
        return t.expect(stopped)

    ask("set pagination off")
    want(ask("lintel-threads"), r"^0x[0-9a-f]{16} +1 interruptible +cpu\d init +sys_rt_sigtimedwait \+ \d+  proc/\S+\.c:\d+",
         r"^0x[0-9a-f]{16} +0 on cpu +cpu0 swapper/0", r"cpu\d kworker/0 +worker_main \+ \d+  sys/work\.c:\d+", r" sh +\w+ \+ ")
    want(ask("lintel-bt init"), r"^0x[0-9a-f]{16} init \(tid 1, interruptible, cpu\d\)",
         r"thread_schedule_until \+ \d+  sys/\w+\.c:\d+", r"sys_rt_sigtimedwait \+ \d+  proc/", r"syscall_dispatch \+ \d+  sys/syscall\.c:\d+")
    want(ask("lintel-bt 1"), r"init \(tid 1")
    everyone = ask("lintel-bt")
    want(everyone, r"swapper/1 \(tid 0, on cpu, cpu1\)", r"rcu_thread \+ ", r"worker_main \+ ")
    for block in re.split(r"^(?=0x[0-9a-f]{16} )", everyone, flags=re.M)[1:]:
        if "on cpu" not in block and len(re.findall(r"^  0x[0-9a-f]+ \w+ \+ \d+  [\w./]+\.[chS]:\d+", block, re.M)) < 3:
            raise Failed(f"gdb: no trace of {block!r}")
    want(ask("lintel-dmesg"), r"^\[ +\d+\.\d{6}\] .*Lintel", r"^\[ +\d+\.\d{6}\] smp: ")
    want(ask("info threads"), r"idle_loop|arch_")
    want(ask("bt"), r"^#0 .*\w+ \(.*\) at [\w./]+\.[ch]:\d+", r"kernel_main|cpu_start_secondary")
    t.send("kill\ny\nquit\n")


def make_debug(debug, log_path):
    """`make debug`, as typed; at its end QEMU is gone too."""
    port = free_port()
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "DEBUG")}
    env.update(TERM="dumb", LC_ALL="C")
    serial = "build/debug.serial"
    if os.path.exists(serial):
        os.remove(serial)
    with Terminal(["make", "debug", f"GDB_PORT={port}", "SMP=2", *(["DEBUG=1"] if debug else [])], log_path, env) as t:
        gdb_session(t, serial)
        if not t.wait(20):
            raise Failed("make debug does not end after gdb's quit")
    with socket.socket() as s:
        if s.connect_ex(("127.0.0.1", port)) == 0:
            raise Failed("QEMU runs on after make debug")
