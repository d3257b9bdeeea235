# SPDX-License-Identifier: BSD-2-Clause
#
# Lintel's build. `make help` lists the targets. This file builds the kernel; usr/usr.mk builds what
# runs in ring 3 and fetches third-party sources; tests/tests.mk runs the tests.
#
#   DEBUG=1   lock order, held-lock asserts, slab poison: objects and kernel below build/debug/
#   V=1       show the commands
#   OBJ       one object can be made alone: make build/obj/mm/slab.o

ifneq ($(words $(CURDIR)),1)
$(error the directory "$(CURDIR)" has a blank in its name, which make and busybox's build can't deal with: please move the tree)
endif

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
SHELL := /bin/bash
.DEFAULT_GOAL := all
export PATH := $(PATH):/usr/sbin:/sbin

V ?=
Q := $(if $(V),,@)
say = @printf '  %-8s %s\n' '$(1)' '$(2)'

B := build
K := $(if $(DEBUG),$(B)/debug,$(B))
KOBJ := $(K)/obj
GEN := $(B)/gen

# ---- tools; whatever is missing is installed (usr/deps.sh) or named --------------------------------

IDLE_GOALS := help clean distclean
ifneq ($(filter-out $(IDLE_GOALS),$(or $(MAKECMDGOALS),all)),)
BUILDING := 1
DEPS_OUT := $(shell usr/deps.sh build 1>&2)
ifneq ($(.SHELLSTATUS),0)
$(error the tools named above are missing)
endif
endif

CC := gcc
LD := ld
OBJCOPY := objcopy
PYTHON := python3

# ---- generated sources ----------------------------------------------------------------------------
# Made while make reads its files: make restarts itself when this makefile was remade, and so the
# wildcard below sees the generated .c files.

GEN_SYSCALLS := $(wildcard sys/gen_syscalls.py)
ifdef BUILDING
-include $(GEN)/stamp.mk
endif

$(GEN)/stamp.mk: $(GEN_SYSCALLS) $(wildcard sys/syscall.tbl)
	@mkdir -p $(GEN)
	$(if $(GEN_SYSCALLS),$(call say,GEN,$(GEN)))
	$(if $(GEN_SYSCALLS),$(Q)$(PYTHON) sys/gen_syscalls.py --out $(GEN))
	@echo '# made by the Makefile: generated sources are up to date' >$@

# ---- the kernel -----------------------------------------------------------------------------------

KDIRS := sys arch/x86_64 mm dev fs net proc
KSRC := $(sort $(foreach d,$(KDIRS),$(wildcard $(d)/*.[cS] $(d)/*/*.[cS] $(d)/*/*/*.[cS] $(d)/*/*/*/*.[cS])))
# What only the debug build has.
DEBUG_SRC := sys/lockdep.c sys/selftest.c dev/ata/fault.c
KSRC := $(if $(DEBUG),$(KSRC),$(filter-out $(DEBUG_SRC),$(KSRC)))
include arch/x86_64/vdso/vdso.mk
KSRC := $(filter-out $(NOT_KERNEL),$(KSRC))
GENSRC := $(filter-out $(GEN)/font.c,$(sort $(wildcard $(GEN)/*.c)))
KOBJS := $(patsubst %,$(KOBJ)/%.o,$(basename $(KSRC))) \
	 $(patsubst $(B)/%.c,$(KOBJ)/%.o,$(GENSRC))

GCC_INCLUDE := $(if $(BUILDING),$(shell $(CC) -print-file-name=include))
KCPPFLAGS = -nostdinc -isystem $(GCC_INCLUDE) -I. -I$(GEN) -DLINTEL_KERNEL=1 $(if $(DEBUG),-DCONFIG_DEBUG=1)
KFLAGS := -std=gnu11 -ffreestanding -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
	-O2 -ggdb -fno-strict-aliasing -fno-common -fno-omit-frame-pointer -fno-asynchronous-unwind-tables \
	-fno-delete-null-pointer-checks -fcf-protection=none \
	-fstack-protector-strong -mstack-protector-guard=global
KWARN := -Wall -Wextra -Werror -Wno-unused-parameter -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef
KCFLAGS = $(KCPPFLAGS) $(KFLAGS) $(KWARN)
KASFLAGS = $(KCPPFLAGS) -ggdb -fno-pic -fno-pie -Wa,--noexecstack
KLDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack --build-id=none --no-warn-rwx-segments \
	-T arch/x86_64/link.ld

# The mem* functions must not be turned into calls of themselves.
$(KOBJ)/sys/lib/string.o: KFLAGS += -fno-tree-loop-distribute-patterns
# BearSSL's headers want <string.h>.
$(KOBJ)/sys/random.o: KFLAGS += -isystem sys/lib/libc

$(KOBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(KCFLAGS) -MMD -MP -c -o $@ $<

$(KOBJ)/%.o: %.S
	@mkdir -p $(@D)
	$(call say,AS,$<)
	$(Q)$(CC) $(KASFLAGS) -MMD -MP -c -o $@ $<

$(KOBJ)/gen/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(KCFLAGS) -MMD -MP -c -o $@ $<

include usr/usr.mk
-include tests/tests.mk

-include $(KOBJS:.o=.d)

# Every object waits for the version header; it changes only when its contents do.
$(KOBJS): | $(GEN)/version.h

.PHONY: FORCE
$(GEN)/version.h: FORCE
	@mkdir -p $(@D)
	@sys/gen_version.sh $@

# The last link carries a table of the kernel's own symbols and relocations, so it is made from the
# result of the links before it: sys/gen_ksyms.py.
$(K)/lintel.debug: $(KOBJS) arch/x86_64/link.ld sys/gen_ksyms.py
	$(call say,LD,$@)
	$(Q)$(PYTHON) sys/gen_ksyms.py --cc '$(CC)' --ld '$(LD) $(KLDFLAGS)' --work $(KOBJ) --out $@ $(KOBJS)

$(K)/lintel: $(K)/lintel.debug
	$(Q)$(OBJCOPY) --strip-all $< $@
	@printf '  %-8s %s (%d KiB without symbols)\n' KERNEL $@ $$(( ($$(stat -c %s $@) + 1023) / 1024 ))

.PHONY: kernel
kernel: $(K)/lintel ## build/lintel only (with DEBUG=1: build/debug/lintel)

.PHONY: all clean distclean help
all: $(K)/lintel ## the kernel, the initramfs, the ISO and the disk image

clean: ## remove everything that was built
	rm -rf $(B)

distclean: clean ## the same, and what was fetched for every tree (~/.cache/lintel)
	rm -rf "$${LINTEL_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/lintel}"

help: ## this text
	@echo 'Lintel: make [target] [VAR=value]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
