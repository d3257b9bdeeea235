# SPDX-License-Identifier: BSD-2-Clause
# Damaged file systems in a guest.

MUTATE ?= --count 20

$(B)/fuzz/mutate: tests/fuzz/mutate.c $(KINC)/.made
	@mkdir -p $(@D)
	$(call say,MUSL,$@)
	$(Q)$(MUSL_CC) -std=gnu11 -O2 -Wall -Wextra -Werror -idirafter $(KINC) -static -s -o $@ $<

.PHONY: mutate-test
mutate-test: $(K)/lintel $(B)/fuzz/mutate ## mount and use randomly damaged file systems in a guest (MUTATE="--count 1000")
	$(call need,run usr iso fat)
	$(Q)$(PYTHON) tests/fuzz/mutate.py $(if $(DEBUG),--debug) $(MUTATE)

# Fuzzers on the host: the kernel between its system calls and its disks (tests/unit/disk), built by clang with libFuzzer. New inputs go
# below build/fuzz/corpus; what fails, to build/fuzz/faults.
#
#   make fuzz FUZZ=ext2 SECONDS=60		one target; default: each of them in turn
#   make fuzz-replay INPUT=file FUZZ=ext2	one input, with the call trace

FUZZ_TARGETS := ext2 ext3 fat iso9660 partition cpio
FUZZ ?= $(FUZZ_TARGETS)
SECONDS ?= 60
FUZZ_CC := clang
FUZZ_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -fno-strict-aliasing -fno-common -w \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -DLINTEL_HOST_TEST=1 -DCONFIG_DEBUG=1 -I. -I$(GEN)
FUZZ_KERNEL := $(DISK_KERNEL) $(wildcard sys/lib/*.c tests/unit/shim/*.c) arch/x86_64/lib/memcpy.S
FUZZ_DRIVER := $(DISK_HARNESS) tests/fuzz/fuzzer.c tests/fuzz/target.c tests/fuzz/image.c
FUZZ_OBJS := $(patsubst %,$(B)/fuzz/obj/%.o,$(basename $(FUZZ_DRIVER)))
FUZZ_KOBJS := $(patsubst %,$(B)/fuzz/obj/%.o,$(basename $(FUZZ_KERNEL)))

$(B)/fuzz/obj/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(call say,CLANG,$<)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(if $(filter tests/unit/shim/%,$<),-include tests/unit/shim/rename.h) -MMD -MP -c -o $@ $<

$(B)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CLANG,$<)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -include tests/unit/shim/rename.h -MMD -MP -c -o $@ $<

$(B)/fuzz/obj/%.o: %.S
	@mkdir -p $(@D)
	$(call say,CLANG,$<)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -include tests/unit/shim/rename.h -MMD -MP -c -o $@ $<

$(B)/fuzz/libkernel.a: $(FUZZ_KOBJS)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/fuzz/fuzzer: $(FUZZ_OBJS) $(B)/fuzz/libkernel.a
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^

$(FUZZ_OBJS) $(FUZZ_KOBJS): | fuzz-deps
-include $(FUZZ_OBJS:.o=.d) $(FUZZ_KOBJS:.o=.d)

.PHONY: fuzz fuzz-deps fuzz-replay
fuzz-deps:
	@usr/deps.sh fuzz check

fuzz: $(B)/fuzz/fuzzer ## libFuzzer on file systems and parsers, on the host (FUZZ=ext2|ext3|fat|iso9660|partition|cpio SECONDS=60)
	$(Q)tests/fuzz/fuzz.sh $(SECONDS) $(FUZZ)

fuzz-replay: $(B)/fuzz/fuzzer
	$(Q)FUZZ_TARGET=$(FUZZ) UNIT_TRACE=1 UNIT_LOG=1 ASAN_OPTIONS=detect_leaks=0 $(B)/fuzz/fuzzer $(INPUT)
