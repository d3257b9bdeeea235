# SPDX-License-Identifier: BSD-2-Clause
# Other people's test suites.

RUNS ?= 3
SLOW ?=
BUSYBOX_RUN = $(PYTHON) tests/conformance/busybox/run.py --runs $(RUNS) $(if $(SLOW),--slow)

.PHONY: busybox-test busybox-oracle
busybox-test: $(K)/lintel $(BUSYBOX) ## busybox's own test suite on Lintel, compared with Linux (RUNS=3 SLOW=1 DEBUG=1)
	$(call need,run usr)
	$(Q)$(BUSYBOX_RUN) $(if $(DEBUG),--debug)

busybox-oracle: $(ORACLE_KERNEL) $(BUSYBOX) ## the same on Debian's Linux; writes tests/conformance/busybox/linux.tsv
	$(call need,run usr)
	$(Q)$(BUSYBOX_RUN) --kernel linux

# ---- the Open POSIX test suite, on a disk of its own -----------------------------------------------

POSIX := $(B)/posix
POSIX_DIR := $(SRC)/posixtestsuite
POSIX_HERE := tests/conformance/posix
POSIX_IMAGE := $(POSIX)/suite.img
JOBS ?= 1
POSIX_RUN = $(PYTHON) $(POSIX_HERE)/posix.py --runs $(RUNS) --jobs $(JOBS) $(if $(ONLY),--only '$(ONLY)') $(if $(RECORD),--record) $(if $(DEBUG),--debug)

$(POSIX)/tests.tsv: $(POSIX_DIR)/.unpacked $(KINC)/.made $(POSIX_HERE)/build.py $(wildcard $(POSIX_HERE)/compat/*)
	$(call need,usr)
	$(call say,BUILD,posixtestsuite)
	$(Q)$(PYTHON) $(POSIX_HERE)/build.py --cc $(MUSL_CC) --source $(POSIX_DIR) --kinc $(KINC) --out $(POSIX)

$(POSIX_IMAGE): $(POSIX)/tests.tsv
	$(call say,EXT2,$@)
	$(Q)rm -f $@
	$(Q)mke2fs -q -t ext2 -b 1024 -I 256 -E root_owner=0:0 -d $(POSIX)/tree $@ 80M

$(POSIX)/runner: $(POSIX_HERE)/runner.c tests/machine.h $(KINC)/.made
	@mkdir -p $(@D)
	$(call say,MUSL,$@)
	$(Q)$(MUSL_CC) -iquote . $(GUEST_CFLAGS) -static -s -o $@ $<

.PHONY: posix posix-quick posix-oracle
posix: $(K)/lintel $(BUSYBOX) $(POSIX_IMAGE) $(POSIX)/runner ## the Open POSIX test suite on Lintel beside Linux's results (RUNS=3 JOBS=1 ONLY=pattern RECORD=1 DEBUG=1)
	$(call need,run usr)
	$(Q)$(POSIX_RUN)

posix-oracle: $(ORACLE_KERNEL) $(BUSYBOX) $(POSIX_IMAGE) $(POSIX)/runner ## the same on Debian's Linux; writes tests/conformance/posix/results.tsv
	$(call need,run usr)
	$(Q)$(POSIX_RUN) --kernel linux

posix-quick: $(K)/lintel $(BUSYBOX) $(POSIX_IMAGE) $(POSIX)/runner ## what passes on Linux in under 0.3 s, once, on Lintel (DEBUG=1)
	$(call need,run usr)
	$(Q)$(POSIX_RUN) --quick
