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
