#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Run make targets one after the other, whatever the ones before gave, and sum up what they counted. Each target prints
# lines "NAME: N passed, N failed[, N skipped]"; one that fails without having counted a failure counts as one.
# The last line is "N passed, N failed"; the exit status says whether all is well.
#
# Usage: tests/suites.sh TARGET...
set -uo pipefail
out=build/test
mkdir -p "$out"
passed=0 failed=0 summary=

for target in "$@"; do
	echo "== make $target"
	log=$out/${target// /_}.log
	start=$SECONDS
	# shellcheck disable=SC2086
	${MAKE:-make} $target 2>&1 | tee "$log"
	status=$?
	read -r p f < <(awk '{ if (match($0, /^[A-Za-z0-9_.-]+: [0-9]+ passed, [0-9]+ failed/)) {
			split(substr($0, RSTART, RLENGTH), w, /[ :,]+/); p += w[2]; f += w[4] } }
		END { print p + 0, f + 0 }' "$log")
	[ "$status" = 0 ] || [ "$f" != 0 ] || f=1
	passed=$((passed + p)) failed=$((failed + f))
	summary+=$(printf '  %-28s %6d passed %4d failed %5d s' "$target" "$p" "$f" $((SECONDS - start)))$'\n'
done

echo "== summary"
printf '%s' "$summary"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
