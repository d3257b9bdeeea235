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
