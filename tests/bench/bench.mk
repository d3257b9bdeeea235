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

$(BENCH)/disk: tests/bench/disk.c tests/machine.h $(KINC)/.made
	@mkdir -p $(@D)
	$(call say,MUSL,$@)
	$(Q)$(MUSL_CC) -iquote . -std=gnu11 -O2 -Wall -Wextra -Werror -idirafter $(KINC) -static -s -o $@ $<

.PHONY: bench-disk
bench-disk: $(K)/lintel $(BUSYBOX) $(ORACLE_KERNEL) $(BENCH)/disk ## file systems on a disk beside Linux, in turn (DISK_RUNS=5); writes tests/bench/DISK.md
	$(call need,run usr)
	$(Q)$(PYTHON) tests/bench/disk.py --runs $(or $(DISK_RUNS),5)
