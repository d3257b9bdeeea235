# SPDX-License-Identifier: BSD-2-Clause
"""What a person does at the shell: each step is one check of the serial session, on either kernel.

A step gets a Guest at the prompt and leaves it at the prompt.
"""
import re
import time

from guest import PROMPT, Failed

STEPS = []


def step(function):
    STEPS.append(function)
    return function


@step
def who_and_where(g):
    g.check("id -u; tty; pwd; hostname", r"^0\n/dev/ttyS0\n/root\nlintel$")
    g.check("uname -s -m", "^Linux x86_64$")
    g.check("cat /proc/1/comm", "^init$")
    g.check("mount", r"^proc on /proc type proc")
    g.check("stty -a", r"icanon")


@step
def pipes_of_five(g):
    g.check("seq 1000 | grep 7 | sort -rn | head -n 3 | tr '\\n' ,", "^997,987,979,")
    g.check("seq 1 5 | while read i; do echo $((i * i)); done | tail -n 1", "^25$")


@step
def here_documents(g):
    g.send("cat <<END >/tmp/here\n")
    for text in ("one $((1 + 1))", "two words", "END"):
        g.expect("> $")
        g.line(text)
    g.expect(PROMPT)
    g.check("cat /tmp/here", r"^one 2\ntwo words$")


@step
def scripts_and_loops(g):
    g.check("printf '#!/bin/sh\\nfor i in 1 2 3; do echo $i $1; done\\nexit 3\\n' >/tmp/s.sh && chmod +x /tmp/s.sh")
    output, status = g.run("/tmp/s.sh x")
    if output != "1 x\n2 x\n3 x\n" or status != 3:
        raise Failed(f"script: {output!r}, {status}")
    g.check("i=0; while [ $i -lt 500 ]; do i=$((i+1)); done; echo $i", "^500$")
    g.check("f() { [ $1 -le 1 ] && echo 1 && return; echo $(($1 * $(f $(($1 - 1))))); }; f 6", "^720$")
    g.check("trap 'echo caught' USR1; kill -USR1 $$; trap - USR1", "^caught$")


@step
def control_c_and_control_z(g):
    g.line("sleep 1000")
    time.sleep(1)
    g.send("\x03")
    g.expect(PROMPT)
    g.check("echo after $?", "^after")
    g.line("sleep 1000")
    time.sleep(1)
    g.send("\x1a")
    g.expect(r"Stopped")
    g.expect(PROMPT)
    g.check("jobs", r"Stopped.*sleep 1000")
    g.check("bg", "sleep 1000")
    g.check("jobs", r"Running.*sleep 1000")
    g.line("fg")
    time.sleep(1)
    g.send("\x03")
    g.expect(PROMPT)
    g.check("jobs; echo none", r"^none$")


@step
def background_jobs(g):
    g.check("sleep 1 & sleep 1 & wait; echo waited", "^waited$")
    g.check("(sleep 0.2; echo late >/tmp/late) & wait $!; cat /tmp/late", "^late$")
    g.check("sleep 100 & sleep 0.3; kill $!; wait $!; echo $?", "143")
    g.check("cat & sleep 1; jobs; kill -9 %1; wait; true", r"Stopped")


@step
def processes_are_seen(g):
    g.check("ps", r"^ +1 root +\S+ init$")
    g.check("sleep 77 & sleep 0.3; ps -o pid,ppid,stat,args | grep 'sleep 7[7]'; kill $!", r"S +sleep 77")
    g.check("pidof init", "^1$")
    g.check("kill -l", "HUP")
    g.check("time sleep 0.1 2>&1", r"real\s+0m ?0\.[1-9]")
    g.check("uptime", "load average")
    g.check("free", r"Mem: +\d+")
    g.check("nice -n 5 nice", "^5$")


@step
def top_runs(g):
    g.line("top -d 1")
    g.expect(r"Mem: *\d+K used", 30)
    g.expect(r"PID +PPID +USER", 30)
    g.expect(r"Mem: *\d+K used", 30)
    g.send("q")
    g.expect(PROMPT)


@step
def vi_edits_and_saves(g):
    g.line("rm -f /tmp/v; vi /tmp/v")
    g.expect(r"/tmp/v", 20)
    time.sleep(0.5)
    g.send("ihello\rbrave world\x1b")
    time.sleep(0.5)
    g.send("kdw:wq\r")
    g.expect(PROMPT)
    g.check("cat /tmp/v", r"^brave world$")
    g.line("vi /tmp/v")
    time.sleep(1)
    g.send("Gocruel\x1b")
    time.sleep(0.5)
    g.send(":wq\r")
    g.expect(PROMPT)
    g.check("tail -n 1 /tmp/v", "^cruel$")
    g.check("stty -a | tr ' ' '\\n' | grep -x icanon", "icanon")


@step
def less_pages(g):
    g.line("seq 1 200 | less")
    g.expect(r"[^0-9]23\r\n", 20)
    g.send(" ")
    g.expect(r"[^0-9]45\r\n", 20)
    g.send("q")
    g.expect(PROMPT)


@step
def terminal_size(g):
    g.check("stty rows 30 cols 100; stty size", "^30 100$")
    g.check("resize >/dev/null; stty size", "^24 80$")
    g.check("stty rows 24 cols 80")


@step
def line_editing(g):
    g.send("echo wrogn\x7f\x7fng\x01\x05 end\n")
    g.expect(r"^wrong end\r?\n")
    g.expect(PROMPT)
    g.line("cat >/tmp/canon")
    time.sleep(0.5)
    g.send("abc\x7fd xyz\x17uvw\x15last\n")
    time.sleep(0.3)
    g.send("\x04")
    g.expect(PROMPT)
    g.check("cat /tmp/canon", "^last$")


@step
def find_and_wc(g):
    output = g.check("find / -xdev | wc -l", r"^\d+$", 120)
    if int(output) < 400:
        raise Failed(f"find / sees {output} files")
    g.check("find /etc -name 'pass*' -type f", "^/etc/passwd$")


@step
def tar_and_gzip(g):
    g.check("rm -rf /tmp/t && mkdir /tmp/t && cp -a /etc /tmp/t && cd /tmp/t && tar czf e.tgz etc && mv etc etc.old && tar xzf e.tgz && diff -r etc etc.old && echo same; cd", "^same$", 120)
    g.check("seq 1 50000 | gzip | gunzip | md5sum", "^[0-9a-f]{32}", 120)
    g.check("seq 1 50000 | md5sum >/tmp/a; seq 1 50000 | bzip2 | bunzip2 | md5sum | cmp - /tmp/a && echo ok", "^ok$", 120)


@step
def files_of_every_kind(g):
    g.check("cd /tmp && rm -rf k && mkdir k && cd k && echo x >f && ln f g && ln -s f s && mkfifo p && mknod n c 1 3 && ls -l; cd", r"^prw.*p$")
    g.check("(cat /tmp/k/p & echo through >/tmp/k/p; wait)", "^through$")
    g.check("stat -c '%h %s' /tmp/k/f; readlink /tmp/k/s; cat /tmp/k/s", r"^2 2\nf\nx$")
    g.check("chmod 4711 /tmp/k/f && chown 1000:100 /tmp/k/g && ls -ln /tmp/k/g", r"1000 +100")
    g.check("mkdir /tmp/m && mount -t tmpfs none /tmp/m && echo in >/tmp/m/f && umount /tmp/m && ls /tmp/m | wc -l", "^0$")
    g.check("df /tmp", "tmp")
    g.check("touch -d '2020-02-02 02:02:02' /tmp/k/f && stat -c %y /tmp/k/f", "^2020-02-02 02:02:02")
    g.check("dmesg | wc -l", r"^[1-9]")


@step
def another_user(g):
    g.check("su user -c 'id -un; cat /etc/shadow 2>&1; kill -9 1 2>&1; true'", r"^user\n.*[Pp]ermission denied\n.*not permitted")


@step
def a_thousand_programs(g):
    g.check("i=0; while [ $i -lt 1000 ]; do /bin/busybox true || echo bad; i=$((i+1)); done; echo $i", "^1000$", 180)


@step
def a_hundred_mebibytes_through_a_pipe(g):
    g.check("dd if=/dev/zero bs=64k count=1600 2>/dev/null | wc -c", "^104857600$", 180)
    available = int(re.search(r"MemAvailable: +(\d+)", g.check("cat /proc/meminfo"))[1]) >> 10
    mib = min(20, available // 4)
    g.check(f"dd if=/dev/zero of=/tmp/big bs=1M count={mib} 2>/dev/null; wc -c </tmp/big; rm /tmp/big", f"^{mib << 20}$", 60)


@step
def shell_survives_its_children(g):
    g.check("sh -c 'kill -SEGV $$'; echo $?", "139")
    g.check("sh -c 'ulimit -v 20000; dd if=/dev/zero of=/dev/null bs=100M count=1' 2>&1; echo $?", "[1-9]")
    g.check("/bin/busybox nosuchapplet 2>&1; echo $?", "127")
    g.check("head -c 2000 /bin/busybox >/tmp/cut && chmod +x /tmp/cut && (/tmp/cut; echo $?) 2>&1", r"\d+")
    g.check("yes | head -n 1", "^y$")


@step
def logs_out_and_in(g):
    """The end of a session hangs the terminal up, but not for who has it as /dev/console: init goes on talking (power.py)."""
    g.line("exit")
    g.login()
    g.check("tty; echo $$", r"^/dev/ttyS0\n\d+$")


def run_session(g, report):
    """Every step, each reported by name; returns the number of those that failed."""
    failed = 0
    for function in STEPS:
        start = time.monotonic()
        try:
            function(g)
            error = None
        except Failed as e:
            error = str(e)
            failed += 1
        report(function.__name__, error, time.monotonic() - start)
        if error:
            if g.process.poll() is not None:
                break
            g.send("\x03\x04q\x1b:q!\r\x03\n")
            try:
                g.read(1)
                g.buffer = ""
                g.line("cd; jobs -p | xargs -r kill -9; stty sane")
                time.sleep(2)
                g.read(1)
                g.buffer = ""
                g.line("echo again")
                g.expect(r"^again\r?\n", 30)
                g.expect(PROMPT, 10)
            except (Failed, EOFError):
                report("(the rest)", "the shell does not answer any more", 0)
                return failed + 1
    return failed
