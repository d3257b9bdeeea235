/* SPDX-License-Identifier: BSD-2-Clause */
/* sys/panic.h, sys/refcount.h: the test dies. */
#include <stdio.h>
#include <stdlib.h>

#include "sys/panic.h"
#include "sys/refcount.h"
#include "tests/unit/shim/shim.h"

void __sanitizer_print_stack_trace(void);

bool unit_warn_allowed;
unsigned unit_warn_count;
int panic_timeout;

void
panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("panic: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	if (getenv("UNIT_TRACE"))
		__sanitizer_print_stack_trace();
	abort();
}

void
kassert_failed(const char *expr, const char *file, int line)
{
	panic("%s:%d: assertion failed: %s", file, line, expr);
}

void
warn_report(const char *expr, const char *file, int line)
{
	unit_warn_count++;
	if (!unit_warn_allowed)
		panic("%s:%d: WARN: %s", file, line, expr);
}

void
trace_print(int level)
{
	(void)level;
}

void
refcount_report(struct refcount *r)
{
	panic("refcount %p is %d: overflow, underflow or use after free", (void *)r, r->n);
}
