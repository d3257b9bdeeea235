/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted text into buffers. C99's subset without floating point: d i u x X o c s p %, flags "-+ #0", width,
 * precision, '*', lengths hh h l ll z j t. %p is 0x and hex digits; %pS is symbol+offset through symbol_format
 * (sys/panic.h), or as %p where that is not linked or knows no symbol.
 * An unknown conversion is copied as it stands. No call locks, allocates or sleeps.
 */
#ifndef SYS_LIB_PRINTF_H
#define SYS_LIB_PRINTF_H

#include "sys/lib/types.h"

/* Writes at most size bytes with the terminating NUL (none if size is 0). Returns the length that the whole has. */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap) __printf(3, 0);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
/* The same, but returns what was written, without the NUL: at most size - 1. */
int vscnprintf(char *buf, size_t size, const char *fmt, va_list ap) __printf(3, 0);
int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

/* A text that is built piece by piece. Always terminated if size > 0; once cut, `overflow` stays. */
struct strbuf {
	char *buf;
	size_t size;		/* of buf, with the NUL */
	size_t len;		/* without the NUL */
	bool overflow;
};

void strbuf_init(struct strbuf *sb, char *buf, size_t size);
void strbuf_putc(struct strbuf *sb, char c);
void strbuf_puts(struct strbuf *sb, const char *s);
void strbuf_write(struct strbuf *sb, const char *s, size_t n);
void strbuf_printf(struct strbuf *sb, const char *fmt, ...) __printf(2, 3);
void strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list ap) __printf(2, 0);

#endif
