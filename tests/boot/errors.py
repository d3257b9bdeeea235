# SPDX-License-Identifier: BSD-2-Clause
"""errors=: what ext2 and ext3 do when a block of a directory can't be read: QEMU's blkdebug answers with EIO for its sectors. They go on,
become read-only, or end the system, as the option or the super block says, and e2fsck hears of it."""
import re
import subprocess
import tempfile

import power
import qemu
import transcripts
from guest import Failed, Guest

BLOCK = 4096
# What each disk of a boot is: type, the option; "super" is said by the super block.
BOOTS = {
    "go-on": [("ext2", "continue"), ("ext3", "continue"), ("ext2", "remount-ro"), ("ext3", "remount-ro"), ("ext3", "super remount-ro")],
    "panic": [("ext2", "panic")],
    "panic-super": [("ext3", "super panic")],
}


def sh(command):
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def make(directory, i, fstype, how):
    """An image with /dir, whose block can't be read: the words of its drive."""
    image, config = f"{directory}/{i}.img", f"{directory}/{i}.conf"
    code, out = sh(f"set -e; mke2fs -q -F -t {fstype} -b {BLOCK} {image} 16M; mkdir -p {directory}/empty; echo x >{directory}/x; "
                   f"debugfs -w -R 'mkdir dir' {image}; debugfs -w -R 'write {directory}/x dir/file' {image}; debugfs -w -R 'mkdir other' {image}")
    if code == 0 and how.startswith("super"):
        code, out = sh(f"tune2fs -e {how.split()[1]} {image}")
    block = sh(f"debugfs -R 'bmap /dir 0' {image} 2>/dev/null")[1].strip()
    if code or not block.isdigit():
        raise Failed(f"no image: {out} {block}")
    with open(config, "w") as f:
        for k in range(BLOCK // 512):
            f.write(f'[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "{int(block) * BLOCK // 512 + k}"\nonce = "off"\n\n')
    return ["-drive", f"file=blkdebug:{config}:{image},if=none,id=e{i},format=raw,rerror=report", "-device", f"virtio-blk-pci,drive=e{i}"]


def mount(g, i, fstype, how):
    option = "" if how.startswith("super") else f"-o errors={how}"
    g.check(f"mkdir -p /tmp/{i} && mount -t {fstype} {option} /dev/vd{chr(ord('a') + i)} /tmp/{i} && cd /tmp/{i} && ls -d other", "^other$")


def go_on(g, i, fstype, how, kernel):
    """The error is told to who asked, and in the log; writing is possible or isn't; the file system can be unmounted. (Debian's 6.1 has the
    change that the super block's flag isn't touched any more: there only the journal refuses writes, so ext2 stays writable.)"""
    mount(g, i, fstype, how)
    g.check("echo before >before; sync; ls dir/file 2>&1 | grep -c 'I/O error'", "^1$")
    g.check(f"dmesg | grep -c 'EXT[24]-fs error (device vd{chr(ord('a') + i)})'", "^[1-9]")
    if "remount-ro" in how:
        if kernel == "lintel":
            g.check(f"grep -c ' /tmp/{i} {fstype} ro,' /proc/mounts", "^1$")
        if kernel == "lintel" or fstype == "ext3":
            g.check("mkdir new 2>&1 | grep -c 'Read-only file system'", "^1$")
        g.check("echo x 2>&1 >>before | true; cat before", "^before$")
    else:
        g.check("mkdir new && echo after >new/file && sync && cat new/file && rmdir other", "^after$")
        g.check(f"grep -c ' /tmp/{i} {fstype} rw,' /proc/mounts", "^1$")
    g.check(f"cd / && umount /tmp/{i}")


def panics(g, fstype, how, kernel):
    mount(g, 0, fstype, how)
    g.check("echo before >before; sync")
    g.line("ls dir/file")
    g.expect(rf"Kernel panic - not syncing: EXT{4 if kernel == 'linux' else 2}-fs \(device vda\): panic forced after error", 60)
    g.wait_end(60)


def check_disk(directory, i, how):
    """It knows that there was an error, keeps what was synced, and has no other fault; that one is repaired."""
    image = f"{directory}/{i}.img"
    sh(f"cp {image} {directory}/copy; e2fsck -p -E journal_only {directory}/copy")
    state = sh(f"dumpe2fs -h {directory}/copy")[1]
    if "with errors" not in state and "panic" not in how:
        raise Failed("the super block doesn't say that there were errors: " + " ".join(re.findall("state: .*", state)))
    code, out = sh(f"e2fsck -fy {image}")
    if code & ~3:
        raise Failed(f"e2fsck -fy: {code}\n{out}")
    found = re.sub(r"Free (blocks|inodes) count wrong \(.*\n(Fix|FIXED).*", "", out)	# totals in the super block are written at the end alone
    if "panic" not in how and re.search("(FIXED|Fix|Clear|Salvage)", found):
        raise Failed(f"e2fsck has found more than that: {out}")
    if "before" not in sh(f"debugfs -R 'cat /before' {image} 2>/dev/null")[1]:
        raise Failed("what was synced is not there")


def run(case, args, command, stem, report, login_limit):
    rows = BOOTS[case["device"]]
    with tempfile.TemporaryDirectory() as directory:
        words = [w for i, row in enumerate(rows) for w in make(directory, i, *row)]
        initrd = transcripts.pack(args.kernel, directory, [])
        with Guest([*command(initrd=initrd), *words], f"{stem}.log") as g:
            if not report.run("reaches the shell", g.login, login_limit):
                return
            if "panic" in case["device"]:
                report.run(f"{rows[0][0]}, {rows[0][1]}", panics, g, *rows[0], args.kernel)
            else:
                for i, row in enumerate(rows):
                    report.run(f"{row[0]}, {row[1]}", go_on, g, i, *row, args.kernel)
                report.run("powers off", power.poweroff, g)
                if args.kernel == "lintel" and (found := qemu.faults(g.text)):
                    report("log without faults", "; ".join(found[:5]), 0)
        for i, row in enumerate(rows):
            report.run(f"the disk of {row[0]}, {row[1]}", check_disk, directory, i, row[1])
