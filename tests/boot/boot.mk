# SPDX-License-Identifier: BSD-2-Clause
# Boot tests: the whole system in QEMU, driven over its serial line.

BOOT_RUN = $(PYTHON) tests/boot/run.py
BOOT_ONLY ?=

# The overlay: tests/boot/overlay, and tests/boot/aid/*.c as programs in /usr/bin. Its images are made as a user makes them.
BOOT_OVERLAY := $(B)/boot/overlay
BOOT_AIDS := $(wildcard tests/boot/aid/*.c)
BOOT_FILES := $(shell find tests/boot/overlay -type f)

$(BOOT_OVERLAY).made: $(BOOT_AIDS) $(BOOT_FILES) $(KINC)/.made
	$(call say,OVERLAY,$(BOOT_OVERLAY))
	@rm -rf $(BOOT_OVERLAY)
	@mkdir -p $(BOOT_OVERLAY)
	$(Q)cp -r tests/boot/overlay/. $(BOOT_OVERLAY)
	$(Q)for aid in $(BOOT_AIDS); do $(MUSL_CC) -std=gnu11 -O1 -Wall -Wextra -Werror -static -s -idirafter $(KINC) \
		-o $(BOOT_OVERLAY)/usr/bin/$$(basename $$aid .c) $$aid || exit 1; done
	@touch $@

.PHONY: boot-images boot-test boot-quick boot-oracle
boot-images: $(K)/lintel $(INITRAMFS) $(ISO) $(ROOT_ISO) $(ROOT_IMG) $(BOOT_OVERLAY).made
	+$(Q)$(MAKE) OVERLAY=$(BOOT_OVERLAY) INITRAMFS=$(B)/overlay.cpio.gz ISO=$(K)/overlay.iso $(K)/overlay.iso

boot-test: boot-images ## boot every way and drive the shell (BOOT_ONLY=pattern DEBUG=1)
	$(call need,run boot gdb fat)
	$(Q)$(BOOT_RUN) $(if $(DEBUG),--debug) $(if $(BOOT_ONLY),--only '$(BOOT_ONLY)')

boot-quick: boot-images
	$(call need,run boot)
	$(Q)$(BOOT_RUN) --quick $(if $(DEBUG),--debug)

boot-oracle: $(ORACLE_KERNEL) $(INITRAMFS) ## the same session and ends on Debian's Linux
	$(call need,run)
	$(Q)$(BOOT_RUN) --kernel linux --only 'session-kernel-smp[12],applets*,errors-*,halt,poweroff-at-once,reboot-kernel'
