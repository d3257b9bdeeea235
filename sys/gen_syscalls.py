#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make C from sys/syscall.tbl, and tell what is there and what is missing.

  --out DIR     write syscall_protos.h, syscall_table.c and syscall_trace.c (a file is touched only when it changes)
  --missing     print what is there and what is missing (`make syscalls`)
  --check       lint: every sys_x() stands in its home file, and every definition has a row
"""
import argparse
import os
import re
import sys

TBL = "sys/syscall.tbl"
COUNTS = "tests/lint/syscalls.tsv"
ALL_KERNELS = "5"
MAX_ARGS = 6

# type in the table -> (C type of the parameter, the decoder's letter: sys/syscall.h)
TYPES = {
    "fd": ("int", "i"), "dirfd": ("int", "d"), "int": ("int", "i"), "hex": ("int", "h"), "sig": ("int", "i"),
    "clock": ("clockid_t", "i"), "pid": ("pid_t", "i"),
    "uint": ("unsigned int", "u"), "uhex": ("unsigned int", "h"), "u32": ("u32", "u"), "uid": ("uid_t", "i"),
    "gid": ("gid_t", "i"), "mode": ("mode_t", "o"),
    "long": ("long", "l"), "off": ("off_t", "l"), "ulong": ("unsigned long", "x"), "size": ("size_t", "z"),
    "u64": ("u64", "x"), "addr": ("u64", "x"),
    "path": ("const char __user *", "s"), "str": ("const char __user *", "s"),
    "in": ("const void __user *", "x"), "out": ("void __user *", "x"), "inout": ("void __user *", "x"),
}
RESULTS = {"int": "l", "fd": "l", "ssize": "l", "off": "l", "long": "l", "pid": "l", "uid": "l", "gid": "l",
           "uint": "l", "mode": "o", "addr": "x"}
TAGS = {"restart", "noreturn"}
HEAD = "/* Made by sys/gen_syscalls.py from sys/syscall.tbl. */\n"


class Call:
    """One row of the table."""

    def __init__(self, where, line):
        m = re.match(r"(\d+)\s+(\w+)\s+(\S+)(?:\s+(\w+)\s+\(([^)]*)\)\s*(.*))?$", line)
        if not m:
            sys.exit(f"{where}: not a row: {line}")
        self.nr, self.name, self.home = int(m[1]), m[2], m[3]
        self.planned = self.home != "-"
        if self.planned == (m[4] is None):
            sys.exit(f"{where}: a row with a home needs a shape, one without has none")
        self.result = m[4]
        self.tags = (m[6] or "").split()
        self.args = [self._arg(where, a) for a in (m[5] or "").split(",") if a.strip()]
        if self.planned and (self.result not in RESULTS or len(self.args) > MAX_ARGS or set(self.tags) - TAGS):
            sys.exit(f"{where}: bad result type, tag or number of arguments")

    @staticmethod
    def _arg(where, text):
        m = re.match(r"\s*(\w+)(?:\[(\w+)\])?\s+(\w+)\s*$", text)
        if not m or m[1] not in TYPES:
            sys.exit(f"{where}: bad argument: {text}")
        return m[1], m[3]

    def params(self):
        def one(kind, name):
            ctype = TYPES[kind][0]
            return ctype + name if ctype.endswith("*") else f"{ctype} {name}"

        return ", ".join(one(*a) for a in self.args) or "void"


def read_table():
    calls = []
    with open(TBL) as f:
        for i, line in enumerate(f, 1):
            line = line.split("#")[0].rstrip()
            if line:
                calls.append(Call(f"{TBL}:{i}", line))
    numbers = [c.nr for c in calls]
    if numbers != sorted(set(numbers)) or len({c.name for c in calls}) != len(calls):
        sys.exit(f"{TBL}: numbers must rise and names be unique")
    return calls


def protos(calls):
    out = [HEAD, "#ifndef GEN_SYSCALL_PROTOS_H\n#define GEN_SYSCALL_PROTOS_H\n\n", '#include "sys/lib/types.h"\n']
    home = None
    for c in sorted((c for c in calls if c.planned), key=lambda c: c.home):
        if c.home != home:
            home = c.home
            out.append(f"\n/* {home} */\n")
        out.append(f"long sys_{c.name}({c.params()});\n")
    return "".join(out) + "\n#endif\n"


def table(calls):
    out = [HEAD, '#include "arch/syscall.h"\n#include "sys/syscall.h"\n#include "syscall_protos.h"\n\n',
           "/* Each call has a weak stand-in that answers ENOSYS: a row may exist before its function. The entry takes the\n"
           " * arguments out of the frame. */\n"]
    planned = [c for c in calls if c.planned]
    for c in planned:
        params = re.sub(r"(\w+)(,|$)", r"\1 __unused\2", c.params()) if c.args else "void"
        out.append(f"__weak long\nsys_{c.name}({params})\n{{\n\treturn syscall_absent();\n}}\n\n")
    for c in planned:
        casts = ", ".join(f"({TYPES[k][0]})arch_syscall_arg(tf, {i})" for i, (k, _n) in enumerate(c.args))
        unused = "" if c.args else " __unused"
        out.append(f"static long\nenter_{c.name}(const struct trapframe *tf{unused})\n{{\n\treturn sys_{c.name}({casts});\n}}\n\n")
    out.append("const syscall_entry syscall_table[SYSCALL_COUNT] = {\n")
    out += [f"\t[{c.nr}] = enter_{c.name},\n" for c in planned]
    return "".join(out) + "};\n"


def trace(calls):
    out = [HEAD, '#include "sys/syscall.h"\n\n', "const struct syscall_shape syscall_shapes[SYSCALL_COUNT] = {\n"]
    for c in calls:
        args = ",".join(TYPES[k][1] + n for k, n in c.args)
        shape = f', "{args}", \'{RESULTS[c.result]}\'' if c.planned else ""
        name = f'"{c.name}"' if c.planned else f'.name = "{c.name}"'
        out.append(f"\t[{c.nr}] = {{ {name}{shape} }},\n")
    return "".join(out) + "};\n"


def write_if_changed(path, text):
    try:
        with open(path) as f:
            if f.read() == text:
                return
    except FileNotFoundError:
        pass
    with open(path, "w") as f:
        f.write(text)


def definitions():
    """name -> files that define sys_name()."""
    found = {}
    for top in ("fs", "mm", "net", "proc", "sys", "dev"):
        for folder, _dirs, files in os.walk(top):
            for name in files:
                if name.endswith(".c"):
                    path = os.path.join(folder, name)
                    with open(path) as f:
                        for call in re.findall(r"^(?:long )?sys_(\w+)\(", f.read(), re.M):
                            found.setdefault(call, []).append(path)
    return found


def print_missing(calls):
    with open(COUNTS) as f:
        counts = dict(line.split()[1:3] for line in f if line.strip() and line[0] != "#")
    have = definitions()
    there = [c for c in calls if c.planned and c.name in have]
    missing = [c for c in calls if c.planned and c.name not in have]
    rest = [c for c in calls if not c.planned]
    wanted = {n for n, k in counts.items() if k == ALL_KERNELS}

    def show(title, some):
        print(f"{title}: {len(some)}")
        line = ""
        for c in some:
            word = c.name + ("*" if c.name in wanted else "")
            if len(line) + len(word) > 98:
                print(" " + line)
                line = ""
            line += " " + word
        if line:
            print(" " + line)

    show("there", there)
    show("missing, has a home in sys/syscall.tbl", missing)
    show("missing, no home yet", rest)
    print(f"of the {len(wanted)} calls that every kernel compared has (*): {len([c for c in there if c.name in wanted])} there")


def check(calls):
    homes = {c.name: c.home for c in calls}
    bad = 0
    for name, files in sorted(definitions().items()):
        if name not in homes or files != [homes[name]]:
            print(f"sys_{name}() stands in {' '.join(files)}, {TBL} says {homes.get(name, 'nothing')}")
            bad = 1
    return bad


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out")
    ap.add_argument("--missing", action="store_true")
    ap.add_argument("--check", action="store_true")
    opt = ap.parse_args()
    calls = read_table()
    if opt.out:
        os.makedirs(opt.out, exist_ok=True)
        write_if_changed(f"{opt.out}/syscall_protos.h", protos(calls))
        write_if_changed(f"{opt.out}/syscall_table.c", table(calls))
        write_if_changed(f"{opt.out}/syscall_trace.c", trace(calls))
    if opt.missing:
        print_missing(calls)
    return check(calls) if opt.check else 0


if __name__ == "__main__":
    sys.exit(main())
