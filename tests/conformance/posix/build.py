#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Build the Open POSIX test suite: each source by itself, static, with musl, and unpatched.

The programs are put into a tree as the suite has them (NAME.test beside NAME.sh), for an ext2 image. tests.tsv beside
the tree lists what can be run: name, path, arguments; built.tsv every source: name, run, compile-only, or none and the
first line of the compiler's error.
"""
import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
FLAGS = ["-std=gnu99", "-O0", "-w", "-pipe", "-D_GNU_SOURCE", "-D_POSIX_C_SOURCE=200112L"]
LIBS = ["-lpthread", "-lrt", "-lm"]
MAIN = re.compile(rb" T main$", re.M)
# Parts of other programs, which they include; and the suite's own drivers.
PARTS = re.compile(r"(testfrmw|threads_scenarii|coverage|helper|t0)\.c$")
# What programs open.
DATA = ("conformance/interfaces/mlockall/3-7.c",)
# What the suite's run.sh files give their programs.
ARGUMENTS = {
    "stress/mqueues/multi_send_rev_1": "10",
    "stress/mqueues/multi_send_rev_2": "100",
    "stress/semaphores/multi_con_pro": "100",
}


def short(path):
    """The name of a test: its path without the suffix, and without what most begin with."""
    name = os.path.splitext(path)[0]
    for prefix in ("conformance/interfaces/", "conformance/"):
        if name.startswith(prefix):
            return name[len(prefix):]
    return name


def find(source):
    """(C sources, scripts), both relative to the suite."""
    sources, scripts = [], []
    for base, _dirs, files in os.walk(source):
        for f in files:
            path = os.path.relpath(os.path.join(base, f), source)
            if os.sep not in path:
                continue
            if f.endswith(".c") and not PARTS.search(f):
                sources.append(path)
            elif re.fullmatch(r"[0-9]+-[0-9]+\.sh", f):
                scripts.append(path)
    return sorted(sources), sorted(scripts)


def first_error(text, path):
    lines = [line for line in text.splitlines() if "error:" in line or "undefined reference" in line] or text.splitlines() or ["?"]
    return re.sub(r"^.*?(?=(fatal )?error:|undefined reference)", "", lines[0]).replace("\t", " ").strip() or os.path.basename(path)


def build(args, path):
    """One source: (what it gave, the compiler's error)."""
    obj = os.path.join(args.work, path[:-2] + ".o")
    exe = os.path.join(args.tree, path[:-2] + ".test")
    os.makedirs(os.path.dirname(obj), exist_ok=True)
    include = ["-I", f"{HERE}/compat", "-I", f"{args.source}/include", "-I", f"{args.source}/functional/threads/include", "-idirafter", args.kinc]
    done = subprocess.run([args.cc, *FLAGS, *include, "-c", "-o", obj, f"{args.source}/{path}"], capture_output=True, text=True)
    if done.returncode:
        return "none", first_error(done.stderr, path)
    if not MAIN.search(subprocess.run(["nm", "-g", obj], capture_output=True).stdout):
        return "compile-only", ""
    os.makedirs(os.path.dirname(exe), exist_ok=True)
    done = subprocess.run([args.cc, "-static", "-s", "-o", exe, obj, f"{args.work}/sched.o", *LIBS], capture_output=True, text=True)
    if done.returncode:
        return "none", first_error(done.stderr, path)
    return "run", ""


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--source", required=True)
    ap.add_argument("--out", required=True, help="gets tree/, obj/, tests.tsv and built.tsv")
    ap.add_argument("--kinc", required=True)
    ap.add_argument("--cc", default="musl-gcc")
    args = ap.parse_args()
    args.tree, args.work = f"{args.out}/tree", f"{args.out}/obj"
    for directory in (args.tree, args.work):
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
    subprocess.run([args.cc, "-O1", "-Wall", "-Werror", "-c", "-o", f"{args.work}/sched.o", f"{HERE}/compat/sched.c"], check=True)
    sources, scripts = find(args.source)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda path: build(args, path), sources))
    with open(f"{args.out}/built.tsv", "w") as f:
        for path, (what, error) in zip(sources, results):
            f.write(f"{short(path)}\t{what}\t{error}\n")
    tests = [path for path, (what, _e) in zip(sources, results) if what == "run" and "-buildonly" not in path]
    with open(f"{args.out}/tests.tsv", "w") as f:
        for path in sorted(tests + scripts):
            f.write(f"{short(path)}\t{path[:-2] + '.test' if path.endswith('.c') else path}\t{ARGUMENTS.get(short(path), '')}\n")
    for path in (*scripts, *DATA):
        os.makedirs(os.path.dirname(f"{args.tree}/{path}"), exist_ok=True)
        shutil.copyfile(f"{args.source}/{path}", f"{args.tree}/{path}")
    shutil.rmtree(args.work)
    counts = {what: sum(w == what for w, _e in results) for what in ("run", "compile-only", "none")}
    print(f"  POSIX    {counts['run']} programs, {counts['compile-only']} compile-only, {counts['none']} don't build, {len(scripts)} scripts")


if __name__ == "__main__":
    main()
