#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Run fuzz targets, each for so many seconds: tests/fuzz/fuzz.sh SECONDS TARGET... Fails if one found a fault, and says where its input is.
set -u
seconds=$1
shift
bad=0
for t in "$@"; do
	new=build/fuzz/corpus/$t faults=build/fuzz/faults/$t log=build/fuzz/$t.log
	mkdir -p "$new" "$faults"
	FUZZ_TARGET=$t UNIT_TRACE=1 ASAN_OPTIONS=detect_leaks=0 build/fuzz/fuzzer -max_total_time="$seconds" -max_len=100000 -timeout=60 \
		-rss_limit_mb=2500 -detect_leaks=0 -reload=0 -print_final_stats=1 -artifact_prefix="$faults/" "$new" "tests/fuzz/corpus/$t" \
		>"$log" 2>&1
	status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	if [ $status = 0 ]; then
		echo "  ok       fuzz $t: ${runs:-?} runs in $seconds s"
	else
		bad=1
		echo "  FAIL     fuzz $t: see $log"
		grep -a -m 3 -e '^panic' -e 'ERROR: ' -e 'runtime error' "$log"
		grep -a 'Test unit written' "$log"
	fi
done
[ $bad = 0 ]
