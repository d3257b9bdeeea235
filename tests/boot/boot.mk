# SPDX-License-Identifier: BSD-2-Clause
# Boot tests: the whole system in QEMU, driven over its serial line.

BOOT_RUN = $(PYTHON) tests/boot/run.py
BOOT_ONLY ?=

.PHONY: boot-test boot-quick boot-oracle
boot-test: $(K)/lintel $(INITRAMFS) $(ISO) ## boot every way and drive the shell (BOOT_ONLY=pattern DEBUG=1)
	$(call need,run boot)
	$(Q)$(BOOT_RUN) $(if $(DEBUG),--debug) $(if $(BOOT_ONLY),--only '$(BOOT_ONLY)')

boot-quick: $(K)/lintel $(INITRAMFS) $(ISO)
	$(call need,run boot)
	$(Q)$(BOOT_RUN) --quick $(if $(DEBUG),--debug)

boot-oracle: $(ORACLE_KERNEL) $(INITRAMFS) ## the same session on Debian's Linux
	$(call need,run)
	$(Q)$(BOOT_RUN) --kernel linux --only 'session-kernel-smp[12]'
