# SPDX-License-Identifier: BSD-2-Clause
"""A machine that a test talks to over its serial line, as a person at a terminal would."""
import codecs
import json
import os
import re
import select
import signal
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import qemu  # noqa: E402

PROMPT = r"root@lintel:[^\r\n#]*# "	# log lines may come right behind it
CURSOR_QUERY = b"\x1b[6n"
ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z@]|[()][A-Z0-9]|[78=>])")


class Failed(Exception):
    pass


class Guest:
    """start to end of one machine. `with Guest(command, log) as g:` ends QEMU whatever happens.

    The 80x24 terminal answers one thing, the question for the cursor's position (resize and vi ask it).
    """

    def __init__(self, command, log_path, size=(24, 80)):
        self.size = size
        self.buffer = ""	# read, and not yet consumed by expect()
        self.text = ""		# all of it
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.unasked = b""	# the end of what was read, which may be half a question
        self.log = open(log_path, "wb")
        self.dir = tempfile.TemporaryDirectory()
        self.qmp_path = os.path.join(self.dir.name, "qmp")
        self.process = self.start(command, ["-qmp", f"unix:{self.qmp_path},server=on,wait=off"], log_path + ".qemu")
        self.asked = False	# run() waits for its command
        self.qmp = None
        self.events = []	# of QMP, seen so far

    def __enter__(self):
        return self

    def start(self, command, more, stderr_path):
        words = ["-chardev", "stdio,id=ser0", "-serial", "chardev:ser0", "-monitor", "none"]
        return qemu.start([*command, *words, *more], stderr_path)

    def kill(self):
        self.process.kill()

    def __exit__(self, *_exc):
        self.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()
        self.dir.cleanup()

    # -- the serial line

    def send(self, text):
        try:
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed("the machine is gone") from None

    def line(self, text):
        self.send(text + "\n")

    def read(self, timeout):
        """Take in what comes within the time; False if nothing does, Failed at the end of the machine."""
        if not select.select([self.process.stdout], [], [], max(timeout, 0))[0]:
            return False
        data = os.read(self.process.stdout.fileno(), 65536)
        if not data:
            raise EOFError
        self.log.write(data)
        self.log.flush()
        self.unasked += data
        for _ in range(self.unasked.count(CURSOR_QUERY)):
            self.send("\x1b[%d;%dR" % self.size)
        self.unasked = self.unasked.rpartition(CURSOR_QUERY)[2][-len(CURSOR_QUERY) + 1 :]
        text = self.decoder.decode(data)
        self.buffer += text
        self.text += text
        return True

    def expect(self, pattern, timeout=60):
        """Wait for the pattern; returns the match, and consumes the input up to its end."""
        deadline = time.monotonic() + timeout
        compiled = re.compile(pattern, re.M)
        while True:
            if m := compiled.search(self.buffer):
                self.buffer = self.buffer[m.end() :]
                return m
            left = deadline - time.monotonic()
            try:
                if left <= 0 or not self.read(left):
                    raise Failed(f"no {pattern!r} in {timeout} s; last: {self.buffer[-300:]!r}")
            except EOFError:
                raise Failed(f"the machine ended before {pattern!r}; last: {self.buffer[-300:]!r}") from None

    def login(self, timeout=120):
        self.expect(PROMPT, timeout)

    def collect(self, patterns, timeout=20):
        """Wait until every pattern was seen, in any order; returns all that came, up to a moment of silence."""
        deadline = time.monotonic() + timeout
        while missing := [p for p in patterns if not re.search(p, self.buffer, re.M)]:
            left = deadline - time.monotonic()
            try:
                if left <= 0 or not self.read(left):
                    break
            except EOFError:
                break
        if missing:
            raise Failed(f"no {missing[0]!r} in {self.buffer[-500:]!r}")
        while self.read(0.3):
            pass
        text, self.buffer = self.buffer, ""
        return text

    def run(self, command, timeout=60):
        """Run a command line in the shell; returns its output and exit status."""
        self.asked = True
        self.line(f'echo "[be""gin]"; {command}; echo "[st""atus $?]"')
        self.expect(r"\[begin\]\r?\n", timeout)
        before = len(self.text) - len(self.buffer)
        m = self.expect(r"\[status (\d+)\]\r?\n", timeout)
        output = self.text[before : len(self.text) - len(self.buffer) - len(m[0])]
        self.expect(PROMPT, 30)
        self.asked = False
        return ESCAPES.sub("", output.replace("\r", "")), int(m[1])

    def check(self, command, pattern="", timeout=60):
        """The command succeeds and its output holds the pattern."""
        output, status = self.run(command, timeout)
        if status or not re.search(pattern, output, re.M):
            raise Failed(f"{command}: status {status}, output {output[-400:]!r}, wanted {pattern!r}")
        return output

    def wait_end(self, timeout=60):
        """The machine powers itself off."""
        deadline = time.monotonic() + timeout
        try:
            while time.monotonic() < deadline:
                self.read(deadline - time.monotonic())
        except EOFError:
            self.process.wait()
            return
        raise Failed(f"the machine did not end within {timeout} s; last: {self.buffer[-300:]!r}")

    # -- the machine, by QMP

    def command(self, name, **arguments):
        if self.qmp is None:
            deadline = time.monotonic() + 10
            while not os.path.exists(self.qmp_path) and time.monotonic() < deadline:
                time.sleep(0.05)
            self.qmp = socket.socket(socket.AF_UNIX)
            self.qmp.connect(self.qmp_path)
            self.qmp_file = self.qmp.makefile("rw")
            self.qmp_file.readline()
            self.command("qmp_capabilities")
        self.qmp_file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.qmp_file.flush()
        while True:
            answer = json.loads(self.qmp_file.readline())
            if "event" in answer:
                self.events.append(answer)
            if "error" in answer:
                raise Failed(f"QMP {name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def monitor(self, line):
        """A command of QEMU's own monitor; returns what it prints."""
        return self.command("human-monitor-command", **{"command-line": line})

    def send_break(self):
        """A BREAK on the serial line: SysRq."""
        self.monitor("chardev-send-break ser0")

    def keys(self, *names):
        """Press keys of the PS/2 keyboard together, by QEMU's names."""
        self.command("send-key", keys=[{"type": "qcode", "data": n} for n in names])

    def screen(self, path):
        self.command("screendump", filename=os.path.abspath(path))


class MakeRun(Guest):
    """The machine as `make run` starts it; the command is that."""

    def start(self, command, more, stderr_path):
        return qemu.start([*command, f"QEMU_OPTS={' '.join(more)}"], stderr_path, session=True)

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
