#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The guest's /init: runs busybox's own test suite and powers off. It does what testsuite/runtest does, and beside that
# names each applet ("@@ applet NAME"), and gives each script a time limit, so that one that hangs costs only itself.
/etc/init.d/rcS
export HOME=/root USER=root PATH=/bin:/sbin:/usr/bin:/usr/sbin
export bindir=/bb tsdir=/bb/testsuite VERBOSE=${VERBOSE-1}
# From the command line: limit=SECONDS, and only=APPLET,APPLET (then nothing is left out).
limit=${limit:-120}
# Minutes of arithmetic, hardly a system call: they are run by themselves (SLOW=1).
skip=' bc ash-z_slow '
wanted() {
	if [ -n "$only" ]; then
		case ",$only," in *",$1,"*) return 0 ;; *) return 1 ;; esac
	fi
	[ "${skip#* $1 }" = "$skip" ]
}
[ -z "$(cat /proc/cmdline | grep -w terse)" ] || VERBOSE=

mkdir /bb/links
for applet in $(busybox --list); do
	ln -s /bb/busybox "/bb/links/$applet"
done
OPTIONFLAGS=:$(sed -nr 's/^CONFIG_//p' /bb/.config | sed 's/=.*//' | tr '\n' ':')
export OPTIONFLAGS

# Is the applet and every feature that an old-style test names configured?
configured() {
	upper=$(echo "$1" | tr a-z A-Z)
	! grep -q "^# CONFIG_$upper is not set$" /bb/.config || return 1
	for feature in $(sed -ne 's/^# FEATURE: //p' "$2"); do
		! grep -q "^# $feature is not set$" /bb/.config || return 1
	done
}

old_style() {
	for test in "/bb/testsuite/$1"/*; do
		name=${test##*/}
		configured "$1" "$test" || { echo "UNTESTED: $name"; continue; }
		rm -rf /bb/testsuite/tmpdir
		mkdir /bb/testsuite/tmpdir
		cd /bb/testsuite/tmpdir || return
		if PATH=/bb:$PATH d=$tsdir timeout -s KILL "$limit" sh -x -e "$test" >out.txt 2>&1; then
			echo "PASS: $name"
		else
			echo "FAIL: $name"
			[ -z "$VERBOSE" ] || cat out.txt
		fi
		cd /bb/testsuite || return
	done
}

cd /bb/testsuite || exit
for applet in busybox $(busybox --list); do
	[ -d "$applet" ] || [ -f "$applet.tests" ] || continue
	wanted "$applet" || continue
	echo "@@ applet $applet $(cut -d' ' -f1 /proc/uptime)"
	[ ! -d "$applet" ] || old_style "$applet"
	[ ! -f "$applet.tests" ] || PATH=/bb/links:$tsdir:/bb:$PATH timeout -s KILL "$limit" "./$applet.tests" 2>&1
	echo "@@ done $?"
done

cd /bb/shell/ash_test || exit
for module in ash-*; do
	wanted "$module" || continue
	echo "@@ applet $module $(cut -d' ' -f1 /proc/uptime)"
	PATH=/bb/links:$PATH timeout -s KILL "$limit" ./run-all "$module" 2>&1 |
		sed -nE 's/^([^:]+): ok$/PASS: \1/p; s/^([^:]+): fail$/FAIL: \1/p'
	echo "@@ done $?"
	[ -z "$VERBOSE" ] || for f in *.fail; do [ ! -f "$f" ] || { echo "$f"; head -n 40 "$f"; rm "$f"; }; done
done
echo "@@ end"
sync
poweroff -f
