# SPDX-License-Identifier: BSD-2-Clause
"""Machines with disks and virtio devices: each way a device can be there, data compared with the host's, a device that does not
answer, one that grows, one that is taken away; a console on virtio; the root on a disk."""
import hashlib
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import nbd
import power
import qemu
from guest import PROMPT, Failed, Guest, MakeRun

SIZE = 16 << 20
WRITE_AT, WRITE_SIZE = 3 << 16, 5 << 20		# what the guest writes, in bytes
SLOW_READERS = 50
LATE = 10	# seconds: a request that is held back, when time-outs are of 2

# Devices of a scratch disk, whose -drive is called d0.
VIRTIO = {
    "modern": "virtio-blk-pci,drive=d0,disable-legacy=on",
    "transitional": "virtio-blk-pci,drive=d0",
    "legacy": "virtio-blk-pci,drive=d0,disable-modern=on",
    "queues": "virtio-blk-pci,drive=d0,num-queues=4",
    "one-queue": "virtio-blk-pci,drive=d0,num-queues=1,queue-size=8,indirect_desc=off,event_idx=off",
    "intx": "virtio-blk-pci,drive=d0,vectors=0",
    "legacy-intx": "virtio-blk-pci,drive=d0,vectors=0,disable-modern=on",
    "one-vector": "virtio-blk-pci,drive=d0,vectors=1",
    "no-cache": "virtio-blk-pci,drive=d0,write-cache=off",
    "blocks": "virtio-blk-pci,drive=d0,logical_block_size=4096,physical_block_size=4096",
}
# A disk whose server holds requests back: machine, device, name.
STALL = {
    "virtio": ("q35", "virtio-blk-pci,drive=d0", "vda"),
    "virtio-legacy": ("pc", "virtio-blk-pci,drive=d0,disable-modern=on,vectors=0", "vda"),
    "ide": ("pc", "ide-hd,drive=d0,bus=ide.0", "sda"),
    "ahci": ("q35", "ide-hd,drive=d0,bus=ide.0", "sda"),
}
# A root disk for each kind of controller: machine, and what -drive id=root hangs from.
ROOT = {"virtio": ["if=none", "-device", "virtio-blk-pci,drive=root"], "ata": ["if=ide"], "ahci": ["if=ide"]}


class Scratch:
    """A disk image of random bytes."""

    def __init__(self, stem, more=""):
        self.path = f"{stem}.img"
        self.data = random.Random(stem).randbytes(SIZE)
        with open(self.path, "wb") as f:
            f.write(self.data)
        self.drive = ["-drive", f"file={self.path},if=none,id=d0,format=raw,discard=unmap{more}"]

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        os.unlink(self.path)

    def part(self, at, size):
        with open(self.path, "rb") as f:
            f.seek(at)
            return f.read(size)


def md5(data):
    return hashlib.md5(data).hexdigest()


def check_data(g, disk, device):
    g.check("md5sum </dev/vda", md5(disk.data))
    g.check(f"dd if=/dev/urandom of=/tmp/r bs=64k count={WRITE_SIZE >> 16} && "
            f"dd if=/tmp/r of=/dev/vda bs=64k seek={WRITE_AT >> 16} conv=fsync,notrunc")
    theirs, _status = g.run("md5sum </tmp/r")
    if md5(disk.part(WRITE_AT, WRITE_SIZE)) not in theirs:
        raise Failed("what the guest wrote is not what the image holds")
    if disk.part(0, WRITE_AT) != disk.data[:WRITE_AT] or disk.part(WRITE_AT + WRITE_SIZE, SIZE) != disk.data[WRITE_AT + WRITE_SIZE :]:
        raise Failed("the guest's writing has touched its neighbours")
    g.check("cat /sys/block/vda/cache_type", "write through" if "write-cache=off" in device else "write back")
    g.check("cat /sys/block/vda/queue/logical_block_size", "^4096" if "logical" in device else "^512")


def check_resize(g, disk):
    os.truncate(disk.path, 2 * SIZE)
    g.command("block_resize", device="d0", size=2 * SIZE)
    g.check(f"for i in 1 2 3 4 5 6 7 8 9 10; do [ $(cat /sys/block/vda/size) = {2 * SIZE // 512} ] && break; sleep 1; done; "
            f"blockdev --getsize64 /dev/vda", f"^{2 * SIZE}")


def check_slow(g, disk):
    """The host serves two requests in a second, we give up after two and two more: a reset, after which all get their data."""
    g.check("echo 2000 >/sys/block/vda/queue/io_timeout")
    g.check(f"mkdir -p /tmp/m; i=0; while [ $i -lt {SLOW_READERS} ]; do dd if=/dev/vda of=/tmp/m/$((i + 1000)) bs=4k skip=$((i * 64)) "
            "count=1 2>/tmp/m/e$i & i=$((i + 1)); done; wait; ! grep -i error /tmp/m/e*", timeout=120)
    g.check("dmesg", "vda: reset, and its requests go in again")
    want = md5(b"".join(disk.data[i << 18 : (i << 18) + 4096] for i in range(SLOW_READERS)))
    g.check("cat /tmp/m/1* | md5sum", want)


def check_removed(g, _disk):
    """Away with all virtio devices while they work."""
    g.run("(while dd if=/dev/vda of=/dev/null bs=64k; do :; done) 2>/dev/null & (while dd if=/dev/zero of=/dev/vda bs=64k count=99 "
          "conv=notrunc,fsync && [ -b /dev/vda ]; do :; done) 2>/dev/null & (while dd if=/dev/hwrng of=/dev/null bs=64 count=99; do :; done) "
          "2>/dev/null & cat /dev/hvc0 & sleep 2")
    g.check("for d in /sys/bus/virtio/devices/*; do echo 1 >$(readlink -f $d/..)/remove || exit 1; done", timeout=60)
    g.check("wait; sync; ! ls /dev/vda /dev/hvc0 2>/dev/null && ! ls /sys/bus/virtio/devices/virtio0 2>/dev/null", timeout=60)
    g.check("! dd if=/dev/hwrng bs=1 count=1")


UNPLUGS = 12


def pour(path, stop):
    """Bytes into the host's end of a port, as fast as they go."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.settimeout(0.1)
        while not stop.is_set():
            try:
                s.sendall(b"0123456789abcdef" * 64)
            except TimeoutError:
                pass
            except OSError:
                return


def plug(g, **what):
    """QEMU lets go of what was unplugged some time later."""
    end = time.monotonic() + 10
    while True:
        try:
            return g.command("device_add", **what)
        except Failed:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def check_unplugged(g, _disk):
    """Ports come and go while bytes run both ways; the device stays."""
    path, stop = f"{g.dir.name}/port", threading.Event()
    address = {"type": "unix", "data": {"path": path}}
    g.command("chardev-add", id="c9", backend={"type": "socket", "data": {"addr": address, "server": True, "wait": False}})
    thread = threading.Thread(target=pour, args=(path, stop), daemon=True)
    thread.start()
    for i in range(UNPLUGS):
        kind, node = (("virtserialport", "/dev/vport*p9"), ("virtconsole", "/dev/hvc1"))[i % 2]
        plug(g, driver=kind, id="p9", chardev="c9", nr=9)
        g.check(f"for i in $(seq 50); do ls {node} 2>/dev/null && break; sleep .1; done", node.replace("*", ".*"))
        g.run(f"(cat <&3 >/dev/null & while cat /bin/busybox >&3; do :; done) 3<>$(echo {node}) 2>/dev/null & usleep 200000")
        g.command("device_del", id="p9")
        g.check(f"for i in $(seq 100); do ls {node} 2>/dev/null || break; sleep .1; done; ! ls {node} 2>/dev/null; kill $(jobs -p); wait", timeout=60)
    stop.set()
    thread.join()


MORE = ["-device", "virtio-rng-pci", "-device", "virtio-serial-pci", "-chardev", "null,id=hvc", "-device", "virtconsole,chardev=hvc"]
SPECIAL = {
    "resize": (VIRTIO["modern"], "", check_resize),
    "slow": (VIRTIO["modern"], ",throttling.iops-total=2,throttling.iops-total-max=30", check_slow),
    "slow-legacy": (VIRTIO["legacy-intx"], ",throttling.iops-total=2,throttling.iops-total-max=30", check_slow),
    "remove": (VIRTIO["modern"], "", check_removed),
    "unplug": (VIRTIO["modern"], "", check_unplugged),
}


def run_virtio(case, command, stem, report, login_limit):
    """case["device"]: a key of VIRTIO or SPECIAL."""
    device, more, special = SPECIAL.get(case["device"], (VIRTIO.get(case["device"]), "", None))
    with Scratch(stem, more) as disk, Guest([*command, *disk.drive, "-device", device, *MORE], f"{stem}.log") as g:
        if not report.run("reaches the shell", g.login, login_limit):
            return
        if special:
            report.run(case["device"], special, g, disk)
        else:
            report.run("data as the host has it", check_data, g, disk, device)
        report.run("powers off", power.poweroff, g)
        found = [line for line in qemu.faults(g.text) if "I/O error" not in line]
        if found:
            report("log without faults", "; ".join(found[:5]), 0)


def check_held_read(g, server, name):
    late = server.serve_late(nbd.READ, LATE)
    g.check(f"dd if=/dev/{name} bs=4k skip=100 count=1 iflag=direct | md5sum", md5(server.data[100 << 12 : 101 << 12]), timeout=90)
    late.join()
    g.check("dmesg", rf"{name}: request of sector 800 timed out")
    g.check("dmesg", r"(\w+): reset")


def check_held_write(g, server, name):
    """What comes late must not undo what was written after it."""
    before, at, size = bytes(server.data), 200 << 12, 4 << 12
    late = server.serve_late(nbd.WRITE, LATE)
    for letter in "ab":
        g.check(f"yes {letter} | dd of=/dev/{name} bs=16k seek=50 count=1 iflag=fullblock oflag=direct", timeout=90)
    late.join()
    want = b"b\n" * (size // 2)
    g.check(f"dd if=/dev/{name} bs=16k skip=50 count=1 iflag=direct | md5sum", md5(want))
    if bytes(server.data) != before[:at] + want + before[at + size :]:
        raise Failed("the disk does not hold what was written")


def check_held_flush(g, server, name):
    late = server.serve_late(nbd.FLUSH, LATE + 4)	# flushes have twice the time
    g.check(f"yes c | dd of=/dev/{name} bs=4k seek=300 count=1 iflag=fullblock conv=fsync", timeout=90)
    late.join()
    if bytes(server.data[300 << 12 : 301 << 12]) != b"c\n" * 2048:
        raise Failed("the disk does not hold what was written")


def check_held_and_failed(g, server, name):
    late = server.serve_late(nbd.READ, LATE, count=12, error=nbd.EIO)
    g.check(f"! dd if=/dev/{name} of=/tmp/e bs=4k skip=400 count=1 iflag=direct 2>/tmp/err && ! [ -s /tmp/e ] && cat /tmp/err",
            r"I/O error|timed out", timeout=120)
    server.stop_late(late)
    g.check(f"dd if=/dev/{name} bs=64k iflag=direct | md5sum", md5(server.data))


def check_controller_removed(g, server, name):
    """Away with the controller of a disk that is read, written and mounted; who has it open gets errors."""
    g.check(f"mkfs.ext2 /dev/{name} >/dev/null && mkdir -p /tmp/m && mount -t ext2 /dev/{name} /tmp/m && cp -r /etc /tmp/m && sync")
    g.run(f"(while dd if=/dev/{name} of=/dev/null bs=64k iflag=direct; do :; done) 2>/dev/null & "
          f"(while [ -b /dev/{name} ] && cp -r /etc /tmp/m/x && sync && rm -r /tmp/m/x; do :; done) 2>/dev/null & sleep 1")
    late = server.serve_late(nbd.READ, 3)
    server.wait_caught(1, 30)
    g.check(f"d=$(readlink -f /sys/block/{name}/device); until [ -e $d/remove ]; do d=${{d%/*}}; done; echo 1 >$d/remove", timeout=60)
    late.join()
    g.check(f"wait; ! ls /dev/{name} 2>/dev/null; ! ls /sys/block/{name} 2>/dev/null", timeout=60)
    g.check("umount /tmp/m; ! mount | grep /tmp/m", timeout=60)


def run_pulled(case, command, stem, report, login_limit):
    _machine, device, name = STALL[case["device"]]
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/nbd"
        server = nbd.Server(path, bytes(SIZE))
        words = ["-nodefaults", "-drive", f"file=nbd:unix:{path},if=none,id=d0,format=raw", "-device", device]
        with Guest([*command, *words], f"{stem}.log") as g:
            if not report.run("reaches the shell", g.login, login_limit):
                return
            report.run("its controller is removed", check_controller_removed, g, server, name)
            report.run("powers off", power.poweroff, g)
            found = [line for line in qemu.faults(g.text) if "I/O error" not in line]
            if found:
                report("log without faults", "; ".join(found[:5]), 0)
        server.close()


def run_stall(case, command, stem, report, login_limit):
    """Requests that the host answers long after our time-out: the device is reset, they come to a good end, the device works on."""
    _machine, device, name = STALL[case["device"]]
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/nbd"
        server = nbd.Server(path, random.Random(case["device"]).randbytes(SIZE))
        words = ["-nodefaults", "-drive", f"file=nbd:unix:{path},if=none,id=d0,format=raw", "-device", device]
        with Guest([*command, *words], f"{stem}.log") as g:
            if not report.run("reaches the shell", g.login, login_limit):
                return
            report.run("short time-out", g.check, f"echo 2000 >/sys/block/{name}/queue/io_timeout")
            report.run("a read is held", check_held_read, g, server, name)
            report.run("a write is held", check_held_write, g, server, name)
            report.run("a flush is held", check_held_flush, g, server, name)
            report.run("all reads are held, and fail", check_held_and_failed, g, server, name)
            report.run("powers off", power.poweroff, g)
            found = [line for line in qemu.faults(g.text) if "I/O error" not in line]
            if found:
                report("log without faults", "; ".join(found[:5]), 0)
        server.close()


def talk_hvc(path):
    """The log and a shell on the virtio console."""
    text, end, asked = "", time.monotonic() + 90, False
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.settimeout(5)
        while time.monotonic() < end:
            try:
                text += s.recv(4096).decode(errors="replace")
            except TimeoutError:
                s.sendall(b"\n")
            if not asked and re.search(PROMPT, text):
                s.sendall(b"tty; echo ans$((40 + 2))er\n")
                asked = True
            if "/dev/hvc0" in text and "ans42er" in text:
                break
        else:
            raise Failed(f"no shell on hvc0: {text[-300:]!r}")
    if "Lintel 6.1" not in text or "init process" not in text:
        raise Failed(f"no log on hvc0: {text[:300]!r}")


def run_hvc(case, command, stem, report, login_limit):
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/hvc"
        words = ["-device", f"virtio-serial-pci{case['device']}", "-chardev", f"socket,id=hvc,path={path},server=on,wait=on"]
        connected = {}

        def listen():
            connected["done"] = talk_hvc(path)

        with Guest([*command, *words, "-device", "virtconsole,chardev=hvc"], f"{stem}.log") as g:
            for _ in range(100):
                if os.path.exists(path):
                    break
                time.sleep(0.1)
            report.run("log and shell on hvc0", listen)
            report.run("reaches the shell on ttyS0, too", g.login, login_limit)
            report.run("powers off", power.poweroff, g)


def run_root(case, command, stem, report, login_limit):
    """The root is an ext2 disk, which keeps what is written."""
    image = f"{stem}.img"
    shutil.copyfile(f"{qemu.B}/root.img", image)
    how, *more = ROOT[case["device"]]
    words = [*command, "-drive", f"file={image},format=raw,id=root,{how}", *more]
    for i in (1, 2):
        with Guest(words, f"{stem}-{i}.log") as g:
            if not report.run(f"reaches the shell, boot {i}", g.login, login_limit):
                return
            if i == 1:
                report.run("writes", g.check, "mount | head -1; cp -r /etc /root/copy && mv /root/copy /root/kept", "^/dev/.* on / type ext2")
            else:
                report.run("has kept it", g.check, "diff -r /etc /root/kept && rm -r /root/kept")
            report.run("powers off", power.poweroff, g)
            found = qemu.faults(g.text)
            if found:
                report("log without faults", "; ".join(found[:5]), 0)
        report.run("e2fsck is content", fsck, image)
    os.unlink(image)


def check_root_iso(g):
    """Booted from a CD that is its own root: names, owners and modes by Rock Ridge, data as the host has it."""
    with open(f"{qemu.B}/src/busybox/busybox", "rb") as f:
        busybox = md5(f.read())
    g.check("grep ' / iso9660' /proc/mounts", "^/dev/(root|sr0) / iso9660 ro")
    g.check("md5sum </bin/busybox", busybox)
    g.check("stat -c '%a %u %g %F %n' /etc/shadow /dev/pts /tmp /bin/sh", "^600 0 0 regular file /etc/shadow\n.*\n1777 0 0 directory /tmp\n777 .*symbolic link")
    g.check("readlink /etc/mtab", "^/proc/self/mounts$")
    g.check("! touch /new && echo x >/tmp/new && find / -xdev | wc -l", r"^\d{3}")


CUTS = 3


def check_kept(g, i):
    """What was synced before cut i, and the cuts before it."""
    for j in range(1, i + 1):
        g.check(f"cd /root/kept{j} && cat $(seq 200) | md5sum && cd", md5(b"".join(b"%d\n" % k for k in range(1, 201))))
        g.check(f"diff -r /etc /root/kept{j}/etc")


def write_and_go_on(g, i):
    g.check(f"mkdir /root/kept{i} && cd /root/kept{i} && for k in $(seq 200); do echo $k >$k; done; cp -r /etc . && cd && sync", timeout=90)
    g.check("(while :; do cp -r /etc /root/more; rm -r /root/more; done) & sleep 2", timeout=90)


def run_cut(case, _command, stem, report, login_limit):
    """`make run ROOT=disk`: what is synced outlives power cuts in the midst of writing."""
    image = f"{stem}.img"
    if os.path.exists(image):
        os.unlink(image)
    words = ["env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "make", "-s", "run", "ROOT=disk", f"DISK={case['device']}", f"DISK_IMG={image}", "ACCEL=tcg"]
    words += ["DEBUG=1"] if case["debug"] else []
    for i in range(CUTS + 1):
        with MakeRun(words, f"{stem}-{i}.log") as g:
            if not report.run(f"reaches the shell, boot {i + 1}", g.login, login_limit):
                return
            report.run("has kept what was synced", check_kept, g, i)
            if i < CUTS:
                report.run("writes, and is cut off", write_and_go_on, g, i + 1)
            else:
                report.run("powers off", power.poweroff, g)
            found = qemu.faults(g.text)
            if found:
                report("log without faults", "; ".join(found[:5]), 0)
    report.run("e2fsck is content", fsck, image)
    os.unlink(image)


def fsck(image):
    r = subprocess.run(["e2fsck", "-fn", image], capture_output=True, text=True)
    if r.returncode != 0:
        raise Failed(r.stdout[-400:])
