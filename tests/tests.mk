# SPDX-License-Identifier: BSD-2-Clause
# The tests: tests/README.md tells what each kind is.

-include tests/unit/unit.mk
include tests/guest/guest.mk
include tests/boot/boot.mk
include tests/conformance/conformance.mk
include tests/bench/bench.mk
include tests/crash/crash.mk
include tests/exchange/exchange.mk
include tests/fuzz/fuzz.mk
include tests/lint/lint.mk

# The quick whole. Each part runs even if one before it failed; the debug kernel runs the guest tests too.
SUITES := lint check guest-test 'guest-test DEBUG=1' boot-quick crash-test exchange-quick mutate-test posix-quick

.PHONY: test
test: ## all that must pass: lint, unit tests, guest tests on both builds, quick boot tests
	@usr/deps.sh build usr iso run check boot fat
	+$(Q)tests/suites.sh $(SUITES)
