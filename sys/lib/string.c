/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strings (C11 7.24, and strsep, strlcpy of the BSDs). Plain loops: kernel strings are short. This file must be
 * compiled with -fno-tree-loop-distribute-patterns (the Makefile does), lest the compiler turn a loop into a call of
 * the function that it is in.
 */
#include "sys/lib/string.h"

#include "sys/abi/errno.h"

int
memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	while (n >= 8) {
		u64 x, y;

		__builtin_memcpy(&x, p, 8);
		__builtin_memcpy(&y, q, 8);
		if (x != y)
			break;
		p += 8;
		q += 8;
		n -= 8;
	}
	for (; n; n--, p++, q++) {
		if (*p != *q)
			return *p - *q;
	}
	return 0;
}

void *
memchr(const void *s, int c, size_t n)
{
	const u8 *p = s;

	for (; n; n--, p++) {
		if (*p == (u8)c)
			return (void *)p;
	}
	return NULL;
}

size_t
strlen(const char *s)
{
	const char *p = s;

	while (*p)
		p++;
	return p - s;
}

size_t
strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int
strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (u8)*a - (u8)*b;
}

int
strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++) {
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	}
	return 0;
}

int
strncasecmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++) {
		int d = (u8)to_lower(*a) - (u8)to_lower(*b);

		if (d || !*a)
			return d;
	}
	return 0;
}

int
strcasecmp(const char *a, const char *b)
{
	return strncasecmp(a, b, SIZE_MAX);
}

char *
strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *
strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)found;
	}
}

char *
strstr(const char *s, const char *sub)
{
	size_t n = strlen(sub);

	for (;; s++) {
		if (!strncmp(s, sub, n))
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

static bool
in_set(char c, const char *set)
{
	for (; *set; set++) {
		if (*set == c)
			return true;
	}
	return false;
}

size_t
strspn(const char *s, const char *set)
{
	size_t n = 0;

	while (s[n] && in_set(s[n], set))
		n++;
	return n;
}

size_t
strcspn(const char *s, const char *set)
{
	size_t n = 0;

	while (s[n] && !in_set(s[n], set))
		n++;
	return n;
}

char *
strsep(char **sp, const char *delims)
{
	char *start = *sp, *end;

	if (!start)
		return NULL;
	end = start + strcspn(start, delims);
	*sp = *end ? end + 1 : NULL;
	*end = '\0';
	return start;
}

size_t
strlcpy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src);

	if (size) {
		size_t n = MIN(len, size - 1);

		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}

/* Skips a prefix and returns the base that it tells. "0x" counts only before a hexadecimal digit. */
static int
parse_prefix(const char **sp, int base)
{
	const char *s = *sp;

	if (base != 0 && base != 16)
		return base;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		int v = digit_value(s[2]);

		if (v >= 0 && v < 16) {
			*sp = s + 2;
			return 16;
		}
	}
	if (base)
		return base;
	return s[0] == '0' ? 8 : 10;
}

/* Digits up to *endp; 0, -EINVAL or -ERANGE. */
static int
parse_digits(const char *s, const char **endp, int base, u64 *out)
{
	const char *first;
	u64 v = 0;
	bool overflow = false;

	base = parse_prefix(&s, base);
	for (first = s; ; s++) {
		int d = digit_value(*s);

		if (d < 0 || d >= base)
			break;
		overflow |= __builtin_mul_overflow(v, (u64)base, &v);
		overflow |= __builtin_add_overflow(v, (u64)d, &v);
	}
	*endp = s;
	if (s == first)
		return -EINVAL;
	if (overflow)
		return -ERANGE;
	*out = v;
	return 0;
}

/* What may follow a number when the caller did not ask where it ends. */
static bool
at_end(const char *s)
{
	return !s[0] || (s[0] == '\n' && !s[1]);
}

int
parse_u64(const char *s, const char **end, int base, u64 *out)
{
	const char *stop;
	u64 v;
	int err = parse_digits(s, &stop, base, &v);

	if (end)
		*end = stop;
	else if (!at_end(stop))
		return -EINVAL;
	if (!err)
		*out = v;
	return err;
}

int
parse_s64(const char *s, const char **end, int base, s64 *out)
{
	bool neg = *s == '-';
	const char *stop;
	u64 v = 0;
	int err = parse_digits(s + (neg || *s == '+'), &stop, base, &v);

	if (end)
		*end = err == -EINVAL ? s : stop;
	else if (!at_end(stop))
		return -EINVAL;
	if (err)
		return err;
	if (v > (u64)INT64_MAX + neg)
		return -ERANGE;
	*out = neg ? (s64)(0 - v) : (s64)v;
	return 0;
}
