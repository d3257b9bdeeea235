# SPDX-License-Identifier: BSD-2-Clause
# What runs in ring 3: busybox, the base system's files, and the images made of them.

include usr/thirdparty.mk

# A recipe that needs a group of tools begins with $(call need,GROUP...).
need = @usr/deps.sh $(1)

# ---- busybox: unmodified, static, all applets ------------------------------------------------------

MUSL_CC := musl-gcc
KINC := $(B)/usr/kinc
BUSYBOX_DIR := $(SRC)/busybox
BUSYBOX := $(BUSYBOX_DIR)/busybox
BUSYBOX_MAKE = +$(MAKE) -C $(BUSYBOX_DIR) --no-print-directory CC="$(MUSL_CC) -idirafter $(CURDIR)/$(KINC)" HOSTCC=gcc \
	KCONFIG_NOTIMESTAMP=1 MAKEFLAGS="$(filter -j% --jobserver%,$(MAKEFLAGS))"

# The kernel's user headers, beside musl's own: linux-libc-dev's directories and no others.
$(KINC)/.made:
	$(call need,usr)
	@mkdir -p $(KINC)
	@for d in linux asm-generic mtd; do ln -sfn /usr/include/$$d $(KINC)/$$d; done
	@ln -sfn /usr/include/x86_64-linux-gnu/asm $(KINC)/asm
	@touch $@

$(BUSYBOX): $(BUSYBOX_DIR)/.unpacked $(KINC)/.made
	$(call say,BUILD,busybox)
	$(Q)$(BUSYBOX_MAKE) defconfig >$(SRC)/busybox.log 2>&1
	$(Q)sed -i 's/^# CONFIG_STATIC is not set/CONFIG_STATIC=y/' $(BUSYBOX_DIR)/.config
	$(Q)$(BUSYBOX_MAKE) SOURCE_DATE_EPOCH=$(EPOCH) busybox >>$(SRC)/busybox.log 2>&1 || { tail -20 $(SRC)/busybox.log; exit 1; }

# ---- images ---------------------------------------------------------------------------------------

EPOCH := 1735689600
OVERLAY ?=
BASE_FILES := $(shell find usr/base -type f)
MKROOT = $(PYTHON) usr/mkroot.py --epoch $(EPOCH) --busybox $(BUSYBOX) --base usr/base $(if $(OVERLAY),--overlay $(OVERLAY))

INITRAMFS := $(B)/initramfs.cpio.gz
ROOT_IMG := $(B)/root.img
ISO := $(K)/lintel.iso
ROOT_ISO := $(K)/root.iso
ROOT_SIZE ?= 64M

# Made anew when OVERLAY's value or contents change. INITRAMFS and ISO can be set too: images beside the usual ones.
OVERLAY_STAMP := $(INITRAMFS:.cpio.gz=).overlay
$(OVERLAY_STAMP): FORCE
	@mkdir -p $(@D)
	@new="$$(if [ -n '$(OVERLAY)' ]; then echo '$(OVERLAY)'; cd '$(OVERLAY)' && find . -printf '%p %s %T@ %m\n' | sort; fi)"; \
	 [ -f $@ ] && [ "$$new" = "$$(cat $@)" ] || echo "$$new" >$@

$(INITRAMFS): $(BUSYBOX) $(BASE_FILES) usr/mkroot.py $(OVERLAY_STAMP)
	$(call say,CPIO,$@)
	$(Q)$(MKROOT) --cpio $@

$(ROOT_IMG): $(BUSYBOX) $(BASE_FILES) usr/mkroot.py $(OVERLAY_STAMP)
	$(call need,usr)
	$(call say,EXT2,$@)
	$(Q)rm -rf $@ $(B)/usr/root
	$(Q)fakeroot sh -e -c '$(MKROOT) --tree $(B)/usr/root; \
		E2FSPROGS_FAKE_TIME=$(EPOCH) mke2fs -q -t ext2 -b 4096 -I 256 -L lintel -U 6c696e74-656c-4000-8000-000000000001 \
		-E root_owner=0:0,hash_seed=6c696e74-656c-4000-8000-000000000002 -d $(B)/usr/root $@ $(ROOT_SIZE)'
	$(Q)rm -rf $(B)/usr/root

$(ISO): $(K)/lintel $(INITRAMFS) mkiso.sh
	$(call need,iso)
	$(call say,ISO,$@)
	$(Q)./mkiso.sh --kernel $(K)/lintel --initrd $(INITRAMFS) --out $@

# An ISO that is its own root file system, by Rock Ridge.
$(ROOT_ISO): $(K)/lintel $(BUSYBOX) $(BASE_FILES) usr/mkroot.py mkiso.sh $(OVERLAY_STAMP)
	$(call need,usr iso)
	$(call say,ISO,$@)
	$(Q)rm -rf $(K)/iso-root
	$(Q)fakeroot sh -e -c '$(MKROOT) --tree $(K)/iso-root; ./mkiso.sh --kernel $(K)/lintel --root $(K)/iso-root --out $@'
	$(Q)rm -rf $(K)/iso-root

all: $(INITRAMFS) $(ISO) $(ROOT_IMG)

# ---- running --------------------------------------------------------------------------------------

QEMU := qemu-system-x86_64
ACCEL ?= $(if $(shell grep -sqwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ] && echo y),kvm,tcg)
SMP ?= 2
MEM ?= 512
CPU ?= $(if $(filter kvm,$(ACCEL)),host,max)
APPEND ?= console=tty1 console=ttyS0
RUN_KERNEL ?=
GDB_PORT ?= 1234
QEMU_OPTS ?=

# ROOT=disk: the root is a disk of its own, which keeps what is written; make it anew by removing it. It has a journal, since its power
# is cut whenever QEMU is ended.
ROOT ?=
DISK ?= virtio
DISK_IMG ?= $(B)/disk.img
DISK_DRIVE = -drive file=$(DISK_IMG),format=raw,id=root
DISK_virtio = -machine q35 $(DISK_DRIVE),if=none,discard=unmap -device virtio-blk-pci,drive=root
DISK_ata = -machine pc $(DISK_DRIVE),if=ide
DISK_ahci = -machine q35 $(DISK_DRIVE),if=ide
RUN_HOW := $(if $(filter disk,$(ROOT)),disk,$(if $(RUN_KERNEL),kernel,iso))
RUN_iso = -cdrom $(ISO)
RUN_kernel = -kernel $(K)/lintel -initrd $(INITRAMFS) -append "$(APPEND)"
RUN_disk = -kernel $(K)/lintel -append "$(APPEND) root=LABEL=lintel rw" $(or $(DISK_$(DISK)),$(error DISK is virtio, ata or ahci))
RUN_NEEDS_iso := $(ISO)
RUN_NEEDS_kernel := $(K)/lintel $(INITRAMFS)
RUN_NEEDS_disk := $(K)/lintel $(DISK_IMG)

$(DISK_IMG): | $(ROOT_IMG)
	$(call say,DISK,$@)
	$(Q)cp --sparse=always $(ROOT_IMG) $@.new
	$(Q)PATH=$$PATH:/sbin:/usr/sbin tune2fs -J size=4 $@.new >/dev/null
	$(Q)mv $@.new $@

.PHONY: run debug
run: $(RUN_NEEDS_$(RUN_HOW)) ## boot to a shell in QEMU, in this terminal (ROOT=disk DISK=virtio|ata|ahci SMP= MEM= CPU= ACCEL= RUN_KERNEL=1 OVERLAY= QEMU_OPTS=)
	$(call need,run)
	@echo '  QEMU     Ctrl-A X ends it, or poweroff inside'
	$(Q)$(QEMU) -accel $(ACCEL) -cpu $(CPU) -smp $(SMP) -m $(MEM) $(RUN_$(RUN_HOW)) -nographic -serial mon:stdio $(QEMU_OPTS)

# QEMU waits for gdb, which knows the kernel's threads by sys/gdb.py. The machine's serial line goes to build/debug.serial.
debug: $(K)/lintel $(INITRAMFS) ## boot in QEMU under gdb, with the helpers of sys/gdb.py (DEBUG=1 SMP=1 GDB_PORT= ...)
	$(call need,run gdb)
	$(Q)setsid $(QEMU) -accel tcg -cpu max -smp $(SMP) -m $(MEM) -kernel $(K)/lintel -initrd $(INITRAMFS) -append "console=ttyS0" \
		-display none -monitor none -serial file:$(B)/debug.serial -gdb tcp::$(GDB_PORT) -S $(QEMU_OPTS) & qemu=$$!; trap 'kill $$qemu' EXIT; \
	 gdb -q -iex 'set auto-load safe-path /' -ex 'target remote :$(GDB_PORT)' -x sys/gdb.py -ex 'hbreak kernel_main' -ex continue $(K)/lintel.debug
