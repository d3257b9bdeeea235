# SPDX-License-Identifier: BSD-2-Clause
# Guest tests: static musl programs with Check. Every tests/guest/*.c but init.c is a test program, every
# tests/guest/lintel/*.c one that only Lintel runs; tests/guest/aid/*.c are programs that tests start, as /aid/NAME.
# Flags for one program: GUEST_FLAGS_name, AID_FLAGS_name (instead of -static).

G := $(B)/guest
CHECK_PREFIX := $(G)/check
CHECK_LIB := $(CHECK_PREFIX)/lib/libcheck.a
GUEST_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -Wno-unused-parameter -fno-omit-frame-pointer \
	-isystem $(CHECK_PREFIX)/include -idirafter $(KINC) -Itests/guest

GUEST_COMMON := $(filter-out $(G)/tests/init,$(patsubst tests/guest/%.c,$(G)/tests/%,$(wildcard tests/guest/*.c)))
GUEST_LINTEL := $(patsubst tests/guest/lintel/%.c,$(G)/lintel/%,$(wildcard tests/guest/lintel/*.c))
GUEST_AIDS := $(patsubst tests/guest/aid/%.c,$(G)/aid/%,$(wildcard tests/guest/aid/*.c))
GUEST_ALL := $(GUEST_COMMON) $(GUEST_LINTEL) $(GUEST_AIDS) $(G)/init

AID_FLAGS_dynamic := -pie
AID_FLAGS_pie := -static-pie

$(CHECK_LIB): $(SRC)/check/.unpacked $(KINC)/.made
	$(call need,usr)
	$(call say,BUILD,check)
	@mkdir -p $(G)
	$(Q)cd $(SRC)/check && { ./configure -q --host=x86_64-linux-musl --prefix=$(CURDIR)/$(CHECK_PREFIX) --enable-static \
		--disable-shared --disable-subunit CC=$(MUSL_CC) CFLAGS=-O1 && \
		$(MAKE) -s -C lib && $(MAKE) -s -C src install; } >$(CURDIR)/$(G)/check.log 2>&1 || { tail -20 $(CURDIR)/$(G)/check.log; exit 1; }
	$(Q)cp $(SRC)/check/check_stdint.h $(CHECK_PREFIX)/include/

$(G)/init: tests/guest/init.c tests/machine.h $(KINC)/.made
	@mkdir -p $(@D)
	$(call say,MUSL,$@)
	$(Q)$(MUSL_CC) -iquote . $(GUEST_CFLAGS) -static -s -o $@ $<

$(G)/tests/%: tests/guest/%.c $(CHECK_LIB)
	@mkdir -p $(@D)
	$(call say,MUSL,$@)
	$(Q)$(MUSL_CC) $(GUEST_CFLAGS) -static -MMD -MP -MF $@.d -o $@ $< $(GUEST_FLAGS_$*) -L$(CHECK_PREFIX)/lib -lcheck -lpthread -lrt -lm

$(G)/lintel/%: tests/guest/lintel/%.c $(CHECK_LIB)
	@mkdir -p $(@D)
	$(call say,MUSL,$@)
	$(Q)$(MUSL_CC) $(GUEST_CFLAGS) -static -MMD -MP -MF $@.d -o $@ $< $(GUEST_FLAGS_$*) -L$(CHECK_PREFIX)/lib -lcheck -lpthread -lrt -lm

$(G)/aid/%: tests/guest/aid/%.c $(KINC)/.made
	@mkdir -p $(@D)
	$(call say,MUSL,$@)
	$(Q)$(MUSL_CC) $(GUEST_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(or $(AID_FLAGS_$*),-static) -lpthread

-include $(addsuffix .d,$(GUEST_ALL))

# ---- the oracle: Debian's kernel in the same QEMU ---------------------------------------------------

ORACLE := $(B)/oracle
ORACLE_KERNEL := $(ORACLE)/vmlinuz

$(ORACLE_KERNEL): $(SRC)/linux.row
	$(call need,usr)
	$(Q)usr/fetch.sh --unpack linux $(ORACLE)/linux
	$(Q)cp $(ORACLE)/linux/boot/vmlinuz-* $@

GUEST_RUN = $(PYTHON) tests/guest/run.py
GUEST_SMP ?= 2
GUEST_CPU ?= max
ONLY ?=
GUEST_ARGS = --smp $(GUEST_SMP) --cpu $(GUEST_CPU) $(if $(ONLY),--only '$(ONLY)')

.PHONY: guest-programs guest-test oracle oracle-test
guest-programs: $(GUEST_ALL) $(BUSYBOX)

guest-test: $(K)/lintel guest-programs ## guest tests on Lintel in QEMU (ONLY=pattern GUEST_SMP= GUEST_CPU= DEBUG=1)
	$(call need,run fat iso)
	$(Q)$(PYTHON) tests/guest/run_test.py
	$(Q)$(GUEST_RUN) --kernel lintel $(if $(DEBUG),--debug) $(GUEST_ARGS)

oracle-test: $(ORACLE_KERNEL) guest-programs ## guest tests on Debian's Linux, once (ONLY=pattern)
	$(call need,run fat iso)
	$(Q)$(GUEST_RUN) --kernel linux $(GUEST_ARGS)

oracle: $(ORACLE_KERNEL) guest-programs ## guest tests on Debian's Linux three times; writes tests/guest/oracle.tsv
	$(call need,run fat iso)
	$(Q)$(GUEST_RUN) --kernel linux --record $(GUEST_ARGS)
