# SPDX-License-Identifier: BSD-2-Clause
# Benchmarks, beside Linux.

BENCH := $(B)/bench

$(BENCH)/bench: tests/bench/bench.c $(KINC)/.made
	@mkdir -p $(@D)
	$(call say,MUSL,$@)
	$(Q)$(MUSL_CC) -std=gnu11 -O2 -Wall -Wextra -Werror -static -s -o $@ $<

$(BENCH)/entry: tests/bench/entry.S
	@mkdir -p $(@D)
	$(Q)$(CC) -c -o $@.o $<
	$(Q)$(LD) -nostdlib -static --build-id=none -Ttext=0x1000000 -e entry -o $@ $@.o

.PHONY: bench bench-linux
bench: $(K)/lintel $(INITRAMFS) $(ORACLE_KERNEL) $(BENCH)/bench $(BENCH)/entry ## microbenchmarks beside Linux's; writes tests/bench/RESULTS.md
	$(call need,run)
	$(Q)$(PYTHON) tests/bench/run.py

bench-linux: $(INITRAMFS) $(ORACLE_KERNEL) $(BENCH)/bench $(BENCH)/entry
	$(call need,run)
	$(Q)$(PYTHON) tests/bench/run.py --kernel linux
