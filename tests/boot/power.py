# SPDX-License-Identifier: BSD-2-Clause
"""The end of the system, as typed at the shell: poweroff, reboot, halt, each by init and at once (-f)."""
from guest import Failed

GOING_DOWN = r"The system is going down NOW"


def ends_well(g, timeout=60):
    """The machine switched itself off, as a power-off does; a triple fault would be a reset."""
    g.wait_end(timeout)
    if "reboot: Power down" not in g.text or g.process.returncode != 0:
        raise Failed(f"not a power-off: QEMU's status {g.process.returncode}, last: {g.text[-300:]!r}")


def poweroff(g):
    g.line("poweroff")
    g.expect(GOING_DOWN, 30)
    ends_well(g)


def poweroff_at_once(g):
    g.line("poweroff -f")
    ends_well(g)
    if GOING_DOWN in g.buffer:
        raise Failed("poweroff -f went through init")


def reboot(g, command, limit):
    """Down, a reset of the machine, and up to the shell again."""
    g.command("query-status")	# from here on events are seen
    g.events.clear()
    g.line(command)
    if "-f" not in command:
        g.expect(GOING_DOWN, 30)
    g.expect(r"reboot: Restarting system\r?\n", 30)
    g.login(limit)
    g.command("query-status")
    if not any(e["event"] == "RESET" and e["data"]["guest"] for e in g.events):
        raise Failed(f"no reset by the guest: {g.events}")
    g.check("awk '{ exit !($1 < 60) }' /proc/uptime")


def halt(g, command, cpus):
    """Linux's words, and then every CPU stands still for good."""
    g.line(command)
    if "-f" not in command:
        g.expect(GOING_DOWN, 30)
    g.expect(r"reboot: System halted\r?\n", 30)
    for _ in range(2):
        while g.read(1):
            pass
        registers = g.monitor("info registers -a")
        if registers.count("HLT=1") != cpus:
            raise Failed(f"{registers.count('HLT=1')} of {cpus} CPUs are halted")
    if g.buffer:
        raise Failed(f"after the halt: {g.buffer!r}")
