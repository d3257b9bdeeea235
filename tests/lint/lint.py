#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What can be checked of the tree's rules without running it.

  includes   a file includes its own floor or a lower one; private headers stay in their folder
  headers    every header of the kernel compiles alone
  syscalls   every sys_x() stands in the home file that sys/syscall.tbl names
  layout     length of files and functions, the return type on its own line
  text       SPDX line, no trailing blanks, no markers of unfinished work, no nameless file names

Exceptions stand in tests/lint/exceptions.tsv: check, file, what, reason. A line there that is not needed is a fault too.
"""
import argparse
import concurrent.futures
import fnmatch
import os
import re
import shlex
import subprocess
import sys

EXCEPTIONS = "tests/lint/exceptions.tsv"
FLOORS = {"sys/lib": 0, "sys/abi": 0, "sys": 1, "arch": 1, "mm": 2, "dev": 3, "fs": 4, "net": 5, "proc": 6}
KERNEL_DIRS = ("sys", "arch", "mm", "dev", "fs", "net", "proc")
MAX_FILE, MAX_FUNCTION, LONG_FILE, LONG_FUNCTION = 1200, 150, 700, 60
FORBIDDEN_NAMES = re.compile(r"^(utils?|misc|helpers?|common|stuff)\.[ch]$")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
NEEDS_SPDX = re.compile(r"\.(c|h|S|py|sh|mk|awk|ld)$|(^|/)Makefile$|^\.ci/run$|\.tbl$")
ONE_LINE_DEFINITION = re.compile(r"^(?!struct \w+ \{|union|enum|typedef|extern|#)\w[\w\s]*[\s*]\*?(\w+)\([^;{]*\)$")


class Lint:
    def __init__(self):
        self.errors, self.notes, self.used = [], [], set()
        self.exceptions = []
        if os.path.exists(EXCEPTIONS):
            with open(EXCEPTIONS) as f:
                self.exceptions = [tuple(line.rstrip("\n").split("\t")) for line in f if line.strip() and not line.startswith("#")]
        for row in self.exceptions:
            if len(row) != 4 or not row[3]:
                self.errors.append((EXCEPTIONS, 0, "text", f"not four columns with a reason: {row}"))

    def error(self, path, line, check, what, text):
        for row in self.exceptions:
            if len(row) == 4 and row[0] == check and fnmatch.fnmatch(path, row[1]) and fnmatch.fnmatch(what, row[2]):
                self.used.add(row)
                return
        self.errors.append((path, line, check, text))


def floor_of(path):
    parts = path.split("/")
    return FLOORS.get("/".join(parts[:2]) if len(parts) > 2 or parts[0] == "sys" else parts[0], FLOORS.get(parts[0]))


def is_private(path):
    """fs/ext2/ext2.h: a header with its folder's name, below a top folder."""
    parts = path.split("/")
    return len(parts) > 2 and parts[-1] == parts[-2] + ".h"


def check_include(lint, path, number, target):
    own, other = floor_of(path), floor_of(target)
    if other is None:
        return
    if own is not None and other > own:
        lint.error(path, number, "include", target, f'includes "{target}", which is a higher floor')
    elif fnmatch.fnmatch(path, "arch/*.h") and path.count("/") == 1 and other > 0 and not (target.startswith("arch/") and target.count("/") == 1):
        lint.error(path, number, "include", target, f'a header of the port contract includes "{target}"')
    elif target.startswith("arch/x86_64/") and not path.startswith("arch/x86_64/"):
        lint.error(path, number, "include", target, f'includes "{target}", which is one architecture\'s own')
    if is_private(target) and os.path.dirname(path) != os.path.dirname(target) and not path.startswith(os.path.dirname(target) + "/"):
        lint.error(path, number, "include", target, f'includes "{target}", which is private to its folder')


def check_c(lint, path, lines):
    kernel = path.split("/")[0] in KERNEL_DIRS
    lengths, start = [], None
    for number, line in enumerate(lines, 1):
        if kernel and (m := re.match(r'\s*#\s*include\s+"([^"]+)"', line)):
            check_include(lint, path, number, m[1])
        if line == "{":
            start = number
            if number > 1 and (m := ONE_LINE_DEFINITION.match(lines[number - 2])):
                lint.error(path, number - 1, "layout", m[1], f"{m[1]}: the return type does not stand on its own line")
        elif line == "}" and start:
            name = next((m[1] for i in range(start - 2, max(start - 8, -1), -1) if (m := re.match(r"(\w+)\(", lines[i]))), "?")
            lengths.append(number - start - 1)
            if lengths[-1] > MAX_FUNCTION:
                lint.error(path, start, "layout", name, f"{name} has {lengths[-1]} lines")
            elif lengths[-1] > LONG_FUNCTION and kernel:
                lint.notes.append(f"{path}:{start}: {name} has {lengths[-1]} lines")
            start = None
    if len(lines) > MAX_FILE:
        lint.error(path, 1, "layout", "length", f"{len(lines)} lines")
    elif len(lines) > LONG_FILE:
        lint.notes.append(f"{path}: {len(lines)} lines")
    return lengths if kernel else []


def check_text(lint, path, lines):
    if FORBIDDEN_NAMES.match(os.path.basename(path)):
        lint.error(path, 1, "text", "name", "the name says nothing about what is inside")
    if NEEDS_SPDX.search(path) and not any("SPDX-License-Identifier: BSD-2-Clause" in line for line in lines[:3]):
        lint.error(path, 1, "text", "SPDX", "no SPDX line")
    for number, line in enumerate(lines, 1):
        if line.endswith((" ", "\t")):
            lint.error(path, number, "text", "blank", "trailing blank")
        if UNFINISHED.search(line):
            lint.error(path, number, "text", "unfinished", "a marker of unfinished work")


def check_headers(lint, headers, compile_command):
    def compiles(path):
        cmd = [*shlex.split(compile_command), "-fsyntax-only", "-x", "c", path]
        r = subprocess.run(cmd, capture_output=True, text=True)
        return path, r.returncode, r.stderr

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, status, messages in pool.map(compiles, headers):
            if status:
                first = next((line for line in messages.splitlines() if "error" in line), "does not compile")
                lint.error(path, 1, "header", path, f"does not compile alone: {first}")


def tracked_files():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
    if out.returncode == 0:
        return [p for p in out.stdout.splitlines() if os.path.isfile(p)]
    return [os.path.relpath(os.path.join(d, n), ".") for d, _s, names in os.walk(".") if not d.startswith(("./build", "./.git")) for n in names]


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--compile", help="the kernel's compiler and flags, for headers")
    ap.add_argument("--long", action="store_true", help="also list files and functions that are long but allowed")
    args = ap.parse_args()
    lint, lengths, count, headers = Lint(), [], 0, []
    for path in sorted(tracked_files()):
        try:
            with open(path, encoding="utf-8") as f:
                lines = f.read().split("\n")
        except UnicodeDecodeError:
            continue
        if lines[-1] == "":
            lines.pop()
        count += 1
        check_text(lint, path, lines)
        if path.endswith((".c", ".h", ".S")):
            lengths += check_c(lint, path, lines)
        if path.endswith(".h") and path.split("/")[0] in KERNEL_DIRS and not path.startswith("sys/lib/libc/"):
            headers.append(path)
    if args.compile:
        check_headers(lint, headers, args.compile)
    if os.path.exists("sys/gen_syscalls.py"):
        r = subprocess.run([sys.executable, "sys/gen_syscalls.py", "--check"], capture_output=True, text=True)
        if r.returncode:
            for line in (r.stdout + r.stderr).strip().splitlines():
                lint.error("sys/syscall.tbl", 0, "syscall", line, line)
    for row in lint.exceptions:
        if len(row) == 4 and row not in lint.used and fnmatch.filter(tracked_files(), row[1]):
            lint.errors.append((EXCEPTIONS, 0, "text", f"not needed: {row[0]} {row[1]} {row[2]}"))

    if args.long:
        print("\n".join(f"  NOTE     {n}" for n in lint.notes))
    for path, line, check, text in lint.errors:
        print(f"  LINT     {path}:{line}: [{check}] {text}")
    if lengths:
        lengths.sort()
        p95 = lengths[int(len(lengths) * 0.95) - 1] if len(lengths) > 20 else lengths[-1]
        print(f"lint: {len(lengths)} functions, median {lengths[len(lengths) // 2]} lines, 95th percentile {p95}, longest {lengths[-1]}")
    bad = {e[0] for e in lint.errors}
    print(f"lint: {count - len(bad)} passed, {len(bad)} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
