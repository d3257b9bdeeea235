#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Run unit-test programs, two at a time; show what failed; end with "N passed, N failed" (single checks).
set -u
export ASAN_OPTIONS=${ASAN_OPTIONS:-handle_segv=0:detect_stack_use_after_return=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
log=$(mktemp -d) || exit 1
trap 'rm -rf "$log"' EXIT

one() {
	out=$1/$(tr / _ <<<"$2").log
	timeout 300 "$2" >"$out" 2>&1 || echo "exit status $?" >>"$out.bad"
}
export -f one
printf '%s\0' "$@" | xargs -0 -n 1 -P 2 bash -c 'one "$0" "$1"' "$log"

passed=0 failed=0
for prog in "$@"; do
	out=$log/$(tr / _ <<<"$prog").log
	counts=$(sed -n 's/^@@ \([0-9]*\) \([0-9]*\)$/\1 \2/p' "$out" | tail -1)
	read -r p f <<<"${counts:-0 1}"		# no counts: the program itself died
	[ ! -e "$out.bad" ] || [ "$f" != 0 ] || f=1
	passed=$((passed + p)) failed=$((failed + f))
	printf '  %-8s %-32s %d\n' "$([ "$f" = 0 ] && echo ok || echo FAIL)" "${prog#build/unit/}" "$p"
	if [ "$f" != 0 ]; then
		grep -v '^@@ ' "$out"
		cat "$out.bad" 2>/dev/null
	fi
done
echo "unit: $passed passed, $failed failed"
[ "$failed" = 0 ]
