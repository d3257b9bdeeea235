#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The judge is judged: logs that run.py must find good, and logs that it must not."""
import contextlib
import io
import os
import sys
import types

sys.path.insert(0, os.path.dirname(__file__))
import run  # noqa: E402

GOOD = """[    0.100000] boot
# begin pipe
ok 1 - x.c:core:first: Passed
ok 2 - x.c:core:panic_words: Passed
1..2
# end pipe exit 0
GUEST TESTS: 1 passed, 0 failed"""

ALL_TESTS = "ok 1 - x.c:core:first: Passed\nok 2 - x.c:core:panic_words: Passed\n"
REPORTS = ("WARNING: x at y.c:1", "BUG: unable to handle", "Oops: 0002 [#1] PREEMPT SMP", "lock report: order: taking a at b",
           "Kernel panic - not syncing: x", "kernel BUG at x.c:1! (KASSERT)", "slab: freed twice: object 00 of x, last handled by y",
           "page: frame 0x12 was written while free: 0x1 at offset 0x0")


def cases():
    """name, log, programs in the image, whether it is good"""
    yield "good", GOOD, ["pipe"], True
    yield "a program did not run", GOOD, ["pipe", "poll"], False
    for old, new in (("1..2", "1..3"), ("1..2", "1..1"), ("1..2\n", ""), (ALL_TESTS + "1..2", "1..0"), ("exit 0", "signal 11"),
                     ("exit 0", "exit 127"), ("ok 2", "not ok 2"), ("# end pipe exit 0\n", ""), ("GUEST TESTS", "")):
        yield f"{old!r} is {new!r}", GOOD.replace(old, new), ["pipe"], False
    yield "the kernel speaks within a line", GOOD.replace("ok 1 - x", "ok 1[    1.123456] I/O error\n[    1.123460] again\n - x"), ["pipe"], True
    for words in REPORTS:
        yield words, GOOD.replace("# end", f"[    1.123456] {words}\n# end"), ["pipe"], False
        yield f"cutting a TAP line: {words}", GOOD.replace("first: Pa", f"first: Pa[    1.123456] {words}\n"), ["pipe"], False
        yield f"within a TAP line: {words}", GOOD.replace("first: Passed", f"first: Passed[    1.123456] {words}\n"), ["pipe"], False


def main():
    args = types.SimpleNamespace(kernel="lintel", debug=False, only="pipe", smp=1)
    passed = failed = 0
    for name, log, programs, want in cases():
        with contextlib.redirect_stdout(io.StringIO()):
            good = run.report(args, run.parse(log.split("\n")), programs, os.devnull)
        passed, failed = passed + (good == want), failed + (good != want)
        if good != want:
            print(f"  FAIL     judged {'good' if good else 'bad'}: {name}")
    print(f"judge: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
