# SPDX-License-Identifier: BSD-2-Clause
#
# Host unit tests: `make check`. Every tests/unit/**/NAME_test.c is a program build/unit/NAME; its head
# comment names the kernel sources that it tests, in lines " * sources: fs/path.c ...". Linked to it are
# those, and from an archive what else they need: sys/lib and the shims. See README.md here.
#
#   make check T='sys/lib/%'    only these

UNIT := $(B)/unit
UNIT_FILES := $(sort $(shell find tests/unit -name '*_test.c'))
UNIT_TESTS := $(patsubst tests/unit/%_test.c,%,$(UNIT_FILES))
UNIT_RUN := $(if $(T),$(filter $(T),$(UNIT_TESTS)),$(UNIT_TESTS))
unit_sources = $(shell sed -n 's,^ \* sources:,,p' tests/unit/$(1)_test.c)

UNIT_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -fno-strict-aliasing -fno-common \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-Wall -Wextra -Werror -Wno-unused-parameter -DLINTEL_HOST_TEST=1 -DCONFIG_DEBUG=1 -I. -I$(GEN) -isystem $(ZLIB_DIR)
# Kernel code calls our memcpy, snprintf ... and not the C library's.
UNIT_KFLAGS := $(UNIT_CFLAGS) -include tests/unit/shim/rename.h

UNIT_LIB_OBJS := $(patsubst %.c,$(UNIT)/obj/%.o,$(wildcard sys/lib/*.c tests/unit/shim/*.c)) \
	$(UNIT)/obj/arch/x86_64/lib/memcpy.o

include tests/unit/disk/disk.mk

$(UNIT)/obj/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(CC) $(UNIT_CFLAGS) $$(pkg-config --cflags check) -MMD -MP -c -o $@ $<

$(UNIT)/obj/%.o: %.c tests/unit/shim/rename.h
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(CC) $(UNIT_KFLAGS) -MMD -MP -c -o $@ $<

# The kernel's third-party sources, as the kernel compiles them: whatever they warn about is theirs.
$(UNIT)/obj/$(SRC)/%.o: $(SRC)/%.c | $(ZLIB_DIR)/.unpacked
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(CC) $(UNIT_CFLAGS) -DZ_SOLO -w -MMD -MP -c -o $@ $<

$(UNIT)/obj/fs/initramfs.o: | $(ZLIB_DIR)/.unpacked

$(UNIT)/obj/%.o: %.S tests/unit/shim/rename.h
	@mkdir -p $(@D)
	$(call say,HOSTAS,$<)
	$(Q)$(CC) $(UNIT_KFLAGS) -MMD -MP -c -o $@ $<

$(UNIT)/libunit.a: $(UNIT_LIB_OBJS)
	$(Q)rm -f $@ && ar rcs $@ $^

$(UNIT)/libdisk.a: $(patsubst %,$(UNIT)/obj/%.o,$(basename $(DISK_KERNEL) $(DISK_HARNESS)))
	$(Q)rm -f $@ && ar rcs $@ $^

define unit_program
UNIT_OBJS_$(1) := $$(UNIT)/obj/tests/unit/$(1)_test.o \
	$$(patsubst %,$$(UNIT)/obj/%.o,$$(basename $$(call unit_sources,$(1))))
$$(UNIT)/$(1): $$(UNIT_OBJS_$(1)) $$(UNIT)/obj/tests/unit/main.o $(if $(filter disk/%,$(1)),$$(UNIT)/libdisk.a) $$(UNIT)/libunit.a
	@mkdir -p $$(@D)
	$$(Q)$$(CC) -fsanitize=address,undefined -o $$@ $$^ $$$$(pkg-config --libs check)
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_program,$(t))))

-include $(shell find $(UNIT)/obj -name '*.d' 2>/dev/null)

.PHONY: check unit-deps
unit-deps:
	@usr/deps.sh check disk
$(UNIT_LIB_OBJS) $(UNIT)/obj/tests/unit/main.o $(foreach t,$(UNIT_TESTS),$(UNIT_OBJS_$(t))): | unit-deps

check: $(patsubst %,$(UNIT)/%,$(UNIT_RUN)) ## host unit tests under ASan and UBSan (T=pattern: only those)
	@tests/unit/run.sh $^
