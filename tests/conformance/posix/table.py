# SPDX-License-Identifier: BSD-2-Clause
"""The Open POSIX test suite's results: results.tsv, the reasons for what does not pass, and RESULTS.md made of both."""
import collections
import fnmatch
import os

HERE = os.path.relpath(os.path.dirname(os.path.abspath(__file__)))
RESULTS_TSV = f"{HERE}/results.tsv"
REASONS_TSV = f"{HERE}/reasons.tsv"
RESULTS_MD = f"{HERE}/RESULTS.md"
BUILT_TSV = "build/posix/built.tsv"
KERNELS = ("linux", "lintel")


class Row:
    """A test's outcomes on both kernels, as results.tsv has them, and its milliseconds on Linux. Empty: it did not run there."""

    def __init__(self, linux="", lintel="", ms=0):
        self.linux, self.lintel, self.ms = linux, lintel, int(ms)


def passes(outcomes):
    """Did it pass in every run?"""
    words = outcomes.split()
    return len(words) == 2 and words[0] == "PASS"


def read_rows():
    rows = {}
    if os.path.exists(RESULTS_TSV):
        with open(RESULTS_TSV) as f:
            for line in f:
                if not line.startswith("#"):
                    name, linux, lintel, ms = line.rstrip("\n").split("\t")
                    rows[name] = Row(linux, lintel, ms)
    return rows


def write_rows(rows):
    with open(RESULTS_TSV, "w") as f:
        f.write("# The Open POSIX test suite: test, outcomes on Linux, outcomes on Lintel, milliseconds on Linux. Written by make posix.\n")
        for name, row in sorted(rows.items()):
            f.write(f"{name}\t{row.linux}\t{row.lintel}\t{row.ms}\n")


def worse(rows):
    return sorted(name for name, row in rows.items() if passes(row.linux) and row.lintel and not passes(row.lintel))


def interface(name):
    """aio_read/1-1 is of aio_read; what lies deeper than that is named by its two first parts."""
    parts = name.split("/")
    return "/".join(parts[:2]) if parts[0] in ("definitions", "functional", "stress", "behavior") else parts[0]


def read_reasons():
    """Lines: pattern of tests, linux, lintel or both, why."""
    reasons = []
    if os.path.exists(REASONS_TSV):
        with open(REASONS_TSV) as f:
            for line in f:
                if line.strip() and not line.startswith("#"):
                    reasons.append(line.rstrip("\n").split("\t"))
    return reasons


def reasons_of(name):
    return [why for pattern, _where, why in read_reasons() if fnmatch.fnmatch(name, pattern)]


def explain(rows):
    """((reason) -> kernel -> tests), and complaints: a non-pass without a reason, a reason without a non-pass."""
    reasons, explained, complaints = read_reasons(), collections.defaultdict(lambda: collections.defaultdict(list)), []
    used = [False] * len(reasons)
    for name, row in sorted(rows.items()):
        for kernel in KERNELS:
            outcomes = getattr(row, kernel)
            if not outcomes or passes(outcomes):
                continue
            found = [i for i, (pattern, where, _why) in enumerate(reasons) if where in (kernel, "both") and fnmatch.fnmatch(name, pattern)]
            for i in found:
                used[i] = True
            if found:
                explained[reasons[found[0]][2]][kernel].append(name)
            else:
                complaints.append(f"{name}: {outcomes} on {kernel}, and {REASONS_TSV} does not say why")
    complaints += [f"{REASONS_TSV}: {pattern} ({where}): nothing like it fails" for seen, (pattern, where, _why) in zip(used, reasons) if not seen]
    return explained, complaints


def kind(outcomes):
    """The outcome that counts in the totals: PASS only if every run passed, else the worst of the runs."""
    if passes(outcomes):
        return "PASS"
    kinds = [w for w in outcomes.split()[::2] if w != "PASS"]
    return "flaky" if outcomes.startswith("PASS ") else "SIGNAL" if kinds[0].startswith("SIGNAL") else kinds[0]


def totals(rows):
    counts = {k: collections.Counter(kind(getattr(row, k)) for row in rows.values() if getattr(row, k)) for k in KERNELS}
    lines = ["| | Linux | Lintel |", "|---|---:|---:|"]
    order = ["PASS", "flaky", "FAIL", "UNRESOLVED", "UNSUPPORTED", "UNTESTED", "HUNG", "SIGNAL"]
    names = order + sorted({o for c in counts.values() for o in c} - set(order))
    lines += [f"| {o} | {counts['linux'][o]} | {counts['lintel'][o]} |" for o in names if any(c[o] for c in counts.values())]
    return lines + [f"| all | {sum(counts['linux'].values())} | {sum(counts['lintel'].values())} |"]


def by_interface(rows):
    groups = collections.defaultdict(lambda: [0, 0, 0])
    for name, row in rows.items():
        group = groups[interface(name)]
        group[0] += 1
        group[1] += passes(row.linux)
        group[2] += passes(row.lintel)
    lines = ["| interface | tests | Linux | Lintel | |", "|---|---:|---:|---:|---|"]
    for name, (all_, linux, lintel) in sorted(groups.items()):
        lines.append(f"| {name} | {all_} | {linux} | {lintel} | {'better' if lintel > linux else 'worse' if lintel < linux else ''} |")
    return lines


def not_built():
    with open(BUILT_TSV) as f:
        built = [line.rstrip("\n").split("\t") for line in f]
    counts = collections.Counter(what for _name, what, _error in built)
    lines = [f"Of {len(built)} sources, {counts['run']} give a program, {counts['compile-only']} are there to be compiled only, and are,",
             f"and {counts['none']} don't build:", "", "| source | the compiler's error |", "|---|---|"]
    return lines + [f"| {name} | {error} |" for name, what, error in built if what == "none"]


def better(rows):
    return sorted(name for name, row in rows.items() if row.linux and not passes(row.linux) and passes(row.lintel))


def write(rows):
    """RESULTS.md; returns the complaints about reasons.tsv."""
    explained, complaints = explain(rows)
    lines = ["# The Open POSIX test suite", "", "Written by `make posix` and `make posix-oracle`: posixtestsuite 1.5.2, unpatched, static with musl, on Debian's Linux and",
             "on Lintel in the same QEMU. A test passes if it passes in every run; flaky ones passed in some. Each is in results.tsv.", "",
             *totals(rows), "", f"Passes on Linux, not here: {len(worse(rows))}. Passes here, not on Linux: {len(better(rows))}.", "",
             *[f"- worse: {n}: {rows[n].lintel}" for n in worse(rows)], *[f"- better: {n}: {rows[n].linux} on Linux" for n in better(rows)], "",
             "## By interface", "", *by_interface(rows), "", "## Why some don't pass", "", "| reason | Linux | Lintel | tests |", "|---|---:|---:|---|"]
    for why, kernels in sorted(explained.items()):
        names = sorted({n for tests in kernels.values() for n in tests})
        lines.append(f"| {why} | {len(kernels['linux'])} | {len(kernels['lintel'])} | {' '.join(names)} |")
    lines += ["", "## What doesn't build", "", *not_built()]
    with open(RESULTS_MD, "w") as f:
        f.write("\n".join(lines) + "\n")
    for complaint in complaints:
        print(f"  REASON   {complaint}")
    return complaints
