# SPDX-License-Identifier: BSD-2-Clause
# The tests: tests/README.md tells what each kind is.

-include tests/unit/unit.mk
include tests/guest/guest.mk
include tests/boot/boot.mk
include tests/conformance/conformance.mk
include tests/bench/bench.mk
include tests/lint/lint.mk
