/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory and strings: the C library's names with the C library's meanings, as far as the kernel uses them.
 * memcpy, memmove, memset and memcmp are also what the compiler calls by itself. The first three are the port's
 * (arch/<port>/lib/memcpy.S), the rest is string.c.
 */
#ifndef SYS_LIB_STRING_H
#define SYS_LIB_STRING_H

#include "sys/lib/types.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *p, int c, size_t n);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
int strcasecmp(const char *a, const char *b);		/* ASCII letters only */
int strncasecmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *sub);
size_t strspn(const char *s, const char *set);
size_t strcspn(const char *s, const char *set);
char *strsep(char **sp, const char *delims);

/*
 * Copies src into dst[size], cut to fit and always terminated if size > 0. Returns strlen(src): the copy was cut if
 * that is >= size.
 */
size_t strlcpy(char *dst, const char *src, size_t size);

/*
 * Reads an unsigned number at s, without sign or leading space, and stores where it ended in *end (if end is not
 * NULL: else the whole string must be the number, though one newline may follow). base 0: 0x and 0 prefixes tell;
 * base 16 accepts 0x. -EINVAL: no digit (or rubbish behind, without end); -ERANGE: does not fit (*end is behind the
 * last digit). *out is set on success only.
 */
__must_check int parse_u64(const char *s, const char **end, int base, u64 *out);
/* The same with an optional sign. */
__must_check int parse_s64(const char *s, const char **end, int base, s64 *out);

/* ASCII classes. */
static inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static inline bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static inline bool is_alpha(char c) { return is_upper(c) || is_lower(c); }
static inline bool is_alnum(char c) { return is_alpha(c) || is_digit(c); }
static inline bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static inline bool is_print(char c) { return c >= ' ' && c <= '~'; }
static inline char to_upper(char c) { return is_lower(c) ? (char)(c - 32) : c; }
static inline char to_lower(char c) { return is_upper(c) ? (char)(c + 32) : c; }

/* The value 0..35 of a digit or letter, or -1. */
static inline int
digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (is_alpha(c))
		return to_lower(c) - 'a' + 10;
	return -1;
}

#endif
