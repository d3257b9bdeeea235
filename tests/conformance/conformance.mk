# SPDX-License-Identifier: BSD-2-Clause
# Other people's test suites.

RUNS ?= 3

.PHONY: busybox-test busybox-oracle
busybox-test: $(K)/lintel $(BUSYBOX) ## busybox's own test suite on Lintel, compared with Linux (RUNS=3)
	$(call need,run usr)
	$(Q)$(PYTHON) tests/conformance/busybox/run.py --runs $(RUNS) $(if $(DEBUG),--debug)

busybox-oracle: $(ORACLE_KERNEL) $(BUSYBOX) ## the same on Debian's Linux; writes tests/conformance/busybox/linux.tsv
	$(call need,run usr)
	$(Q)$(PYTHON) tests/conformance/busybox/run.py --kernel linux --runs $(RUNS)
