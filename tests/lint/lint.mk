# SPDX-License-Identifier: BSD-2-Clause
.PHONY: lint syscalls
lint: $(GEN)/stamp.mk $(GEN)/version.h $(ZLIB_DIR)/.unpacked $(BEARSSL_DIR)/.unpacked ## the tree's rules: includes, headers, layout, syscall homes
	$(Q)$(PYTHON) tests/lint/lint.py --compile '$(CC) $(filter-out -Wmissing-prototypes,$(KCFLAGS))' $(if $(LONG),--long)

syscalls: ## which system calls are there and which are missing
	$(Q)$(PYTHON) sys/gen_syscalls.py --missing
