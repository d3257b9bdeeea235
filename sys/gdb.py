# SPDX-License-Identifier: BSD-2-Clause
"""gdb commands that know the kernel: `make debug` loads them.

  lintel-threads          every thread: address, tid, state, CPU, name, and where it stands
  lintel-bt [THREAD]      a thread's call trace, by address, tid or name; without one, every thread's
  lintel-dmesg            the log ring
"""
import gdb

# What switch_stacks() leaves at a sleeping thread's stack pointer: r15 r14 r13 r12 rbx rbp, return address.
SAVED_RBP, SAVED_RIP = 40, 48
MAX_FRAMES = 40
SWITCHING = ("switch_threads", "thread_schedule")


def offset_of(type_name, field):
    return int(gdb.parse_and_eval(f"(unsigned long)&(({type_name} *)0)->{field}"))


def threads():
    head = gdb.parse_and_eval("&'thread.c'::all_threads")
    kind = gdb.lookup_type("struct thread").pointer()
    offset = offset_of("struct thread", "all_node")
    node = head["next"]
    while int(node) != int(head) and int(node):
        yield gdb.Value(int(node) - offset).cast(kind)
        node = node["next"]


def tid(t):
    try:
        return int(t["pt"]["tid"]["numbers"][0]["nr"]) if int(t["pt"]) else 0
    except gdb.error:
        return -1


def state(t):
    if t["on_cpu"]:
        return "on cpu"
    return str(t["state"].cast(gdb.lookup_type("enum thread_state"))).replace("THREAD_", "").lower()


def word(address):
    return int(gdb.Value(address).cast(gdb.lookup_type("unsigned long").pointer()).dereference())


def symbol(pc):
    """Of a return address: the place of the call before it."""
    text = gdb.execute(f"info symbol {pc - 1:#x}", to_string=True).split(" in section")[0].strip()
    where = gdb.find_pc_line(pc - 1)
    return f"{text}  {where.symtab.filename}:{where.line}" if where.symtab else text


def frames(t):
    """Return addresses of a thread that does not run, by frame pointers inside its own stack."""
    sp = int(t["arch"]["sp"])
    low, high = int(t["kstack"]), int(t["kstack"]) + 16 * 1024
    if not low <= sp < high:
        return
    yield word(sp + SAVED_RIP)
    rbp = word(sp + SAVED_RBP)
    for _ in range(MAX_FRAMES):
        if not low <= rbp < high - 8:
            return
        yield word(rbp + 8)
        rbp = word(rbp)


class Threads(gdb.Command):
    """Every thread: address, tid, state, CPU, name, and where it stands."""

    def __init__(self):
        super().__init__("lintel-threads", gdb.COMMAND_STATUS)

    def invoke(self, _argument, _from_tty):
        for t in threads():
            places = [] if t["on_cpu"] else [symbol(pc) for pc in frames(t)]
            place = next((p for p in places if not p.startswith(SWITCHING)), "")
            print(f"{int(t):#x} {tid(t):5} {state(t):15} cpu{int(t['cpu'])} {t['name'].string():16} {place}")


class Backtrace(gdb.Command):
    """A thread's call trace, by address, tid or name; without one, every thread's."""

    def __init__(self):
        super().__init__("lintel-bt", gdb.COMMAND_STACK)

    def invoke(self, argument, _from_tty):
        for t in threads():
            name = t["name"].string()
            if argument and argument not in (name, f"{int(t):#x}", str(tid(t))):
                continue
            print(f"{int(t):#x} {name} (tid {tid(t)}, {state(t)}, cpu{int(t['cpu'])})")
            if t["on_cpu"]:
                print("  it runs: see `info threads` and `thread N`, `bt`")
                continue
            for pc in frames(t):
                print(f"  {pc:#x} {symbol(pc)}")


class Dmesg(gdb.Command):
    """The log ring."""

    def __init__(self):
        super().__init__("lintel-dmesg", gdb.COMMAND_DATA)

    def invoke(self, _argument, _from_tty):
        slots = gdb.parse_and_eval("'log.c'::slots")
        text = gdb.parse_and_eval("'log.c'::text_ring")
        size = text.type.range()[1] + 1
        records = []
        for i in range(slots.type.range()[1] + 1):
            if int(slots[i]["tag"]) & 1:
                records.append((int(slots[i]["tag"]), slots[i]))
        memory = bytes(gdb.selected_inferior().read_memory(int(text.address), size))
        for _tag, s in sorted(records, key=lambda r: r[0]):
            at, length, time = int(s["pos"]) % size, int(s["len"]), int(s["time"])
            line = (memory[at:] + memory)[:length].decode(errors="replace")
            print(f"[{time // 10**9:5}.{time // 1000 % 10**6:06}] {line}")


Threads()
Backtrace()
Dmesg()
