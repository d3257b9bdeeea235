# SPDX-License-Identifier: BSD-2-Clause
# Power cuts. CRASH="--points 500 --kills 50" is the whole; the default is a quick one.

CRASH ?= --points 40 --kills 2

$(B)/crash/load: tests/crash/load.c tests/machine.h $(KINC)/.made
	@mkdir -p $(@D)
	$(call say,MUSL,$@)
	$(Q)$(MUSL_CC) -iquote . -std=gnu11 -O2 -Wall -Wextra -Werror -idirafter $(KINC) -static -s -o $@ $<

.PHONY: crash-test crash-oracle error-test dirty-test
crash-test: $(K)/lintel $(B)/crash/load ## cut the power during a write load, at recorded writes and at random (CRASH="--points 500 --kills 50")
	$(call need,run usr)
	$(Q)$(PYTHON) tests/crash/run.py $(if $(DEBUG),--debug) $(CRASH)

crash-oracle: $(ORACLE_KERNEL) $(B)/crash/load ## the same on Debian's Linux
	$(call need,run usr)
	$(Q)$(PYTHON) tests/crash/run.py --kernel linux $(CRASH)

error-test: $(K)/lintel $(B)/crash/load ## a disk whose n-th request fails (ERRORS="--device all --fs ext2,ext3 --sticky --n 1,2,3")
	$(call need,run usr)
	$(Q)$(PYTHON) tests/crash/errors.py $(if $(DEBUG),--debug) $(ERRORS)

dirty-test: $(K)/lintel $(ORACLE_KERNEL) $(B)/crash/load ## journals that Linux left dirty are recovered by Lintel, and the reverse (DIRTY="--kills 20 --writers linux")
	$(call need,run usr)
	$(Q)$(PYTHON) tests/crash/dirty.py $(if $(DEBUG),--debug) $(DIRTY)
