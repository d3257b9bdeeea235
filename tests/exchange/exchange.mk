# SPDX-License-Identifier: BSD-2-Clause
# File systems passed between Lintel and Debian's Linux. exchange-quick is part of `make test`.

EXCHANGE ?=
EXCHANGE_SRC := $(addprefix tests/exchange/,init.c model.c names.c ops.c plan.c verify.c)

$(B)/exchange/init: $(EXCHANGE_SRC) tests/exchange/exchange.h tests/machine.h $(KINC)/.made
	@mkdir -p $(@D)
	$(call say,MUSL,$@)
	$(Q)$(MUSL_CC) -iquote . -std=gnu11 -O2 -Wall -Wextra -Werror -idirafter $(KINC) -Itests/exchange -static -s -o $@ $(EXCHANGE_SRC)

.PHONY: exchange-test exchange-quick
exchange-test: $(K)/lintel $(ORACLE_KERNEL) $(B)/exchange/init ## 10,000 files written by Lintel and read by Linux, and the reverse (EXCHANGE="--only ext3-2k --files 1000")
	$(call need,run usr fat)
	$(Q)$(PYTHON) tests/exchange/run.py $(if $(DEBUG),--debug) $(EXCHANGE)

exchange-quick: $(K)/lintel $(B)/exchange/init ## the same with 300 files; skipped where Debian's kernel can't be had
	$(call need,run usr fat)
	$(Q)$(MAKE) -s $(ORACLE_KERNEL) || true
	$(Q)$(PYTHON) tests/exchange/run.py --quick $(if $(DEBUG),--debug) $(EXCHANGE)
