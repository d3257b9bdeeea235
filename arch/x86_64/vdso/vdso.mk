# SPDX-License-Identifier: BSD-2-Clause
#
# The vDSO: code for user mode, so it is not one of the kernel's objects. Its image becomes one, by
# arch/x86_64/vdso_image.S.

NOT_KERNEL += arch/x86_64/vdso/%

VDSO := $(KOBJ)/arch/x86_64/vdso/vdso.so
VDSO_CFLAGS := -std=gnu11 -O2 -ffreestanding -fPIC -fvisibility=default -fno-stack-protector -fno-common \
	-fcf-protection=none -mgeneral-regs-only -fno-strict-aliasing -fasynchronous-unwind-tables -fno-jump-tables
VDSO_LDFLAGS := -shared -Bsymbolic -soname linux-vdso.so.1 --hash-style=both --build-id=none --eh-frame-hdr \
	-z max-page-size=4096 -z noexecstack -z norelro -T arch/x86_64/vdso/vdso.lds

$(VDSO): arch/x86_64/vdso/vdso.c arch/x86_64/vdso/vdso.lds arch/x86_64/vdso/vdso.mk
	@mkdir -p $(@D)
	$(call say,VDSO,$@)
	$(Q)$(CC) $(KCPPFLAGS) $(VDSO_CFLAGS) $(KWARN) -MMD -MP -MT $@ -MF $(@:.so=.d) -c -o $(@:.so=.o) $<
	$(Q)$(LD) $(VDSO_LDFLAGS) -o $(@:.so=.full) $(@:.so=.o)
	$(Q)$(OBJCOPY) --strip-all $(@:.so=.full) $@

$(KOBJ)/arch/x86_64/vdso_image.o: $(VDSO)
$(KOBJ)/arch/x86_64/vdso_image.o: KASFLAGS += -DVDSO_IMAGE='"$(VDSO)"'
-include $(VDSO:.so=.d)
