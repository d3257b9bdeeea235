/* SPDX-License-Identifier: BSD-2-Clause */
/* sys/log.h: keeps the last line. */
#include <stdio.h>
#include <stdlib.h>

#include "sys/log.h"
#include "tests/unit/shim/shim.h"

char unit_log_last[256];
int log_console_level = LOG_DEBUG;

void
log_vprintf(enum log_level level, const char *fmt, va_list ap)
{
	vsnprintf(unit_log_last, sizeof(unit_log_last), fmt, ap);
	if (getenv("UNIT_LOG"))
		fprintf(stderr, "<%d>%s\n", level, unit_log_last);
}

void
log_printf(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vprintf(level, fmt, ap);
	va_end(ap);
}
