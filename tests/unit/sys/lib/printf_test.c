/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * printf against libc's: every flag, width, precision and length in random combination.
 * sources: sys/lib/printf.c
 */
#include "tests/unit/test.h"

static int
libc_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

static void
libc_text(char *buf, const char *prefix, u64 v)
{
	sprintf(buf, "%s%llx", prefix, (unsigned long long)v);
}

#include "tests/unit/shim/rename.h"

#include "sys/lib/printf.h"
#include "sys/lib/string.h"

static int
our_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

void symbol_format(char *buf, size_t size, u64 addr);

void
symbol_format(char *buf, size_t size, u64 addr)
{
	if (addr == 0x1234 && size > 20)
		libc_text(buf, "main+0x", 4);
}

static u64
random_value(void)
{
	switch (unit_rand_below(4)) {
	case 0: return unit_rand_below(3);
	case 1: return 0 - unit_rand_below(3);
	case 2: return 1UL << unit_rand_below(64);
	default: return unit_rand() >> unit_rand_below(64);
	}
}

/* Appends a random conversion: flags, width (w when '*'), precision, length, letter. */
static void
random_spec(char *fmt, bool *star_w, bool *star_p, bool *string)
{
	static const char *const lengths[] = { "", "hh", "h", "l", "ll", "z", "j", "t" };
	char *p = fmt;
	char conv = "diuxXocs"[unit_rand_below(8)];

	*string = conv == 's';
	*p++ = '[';
	*p++ = '%';
	for (int n = unit_rand_below(4); n > 0; n--) {
		char f = "-+ #0"[unit_rand_below(5)];

		/* undefined in C: '0' and '#' with s and c, '#' with d and u, '+' with unsigned */
		if ((f == '0' || f == '#') && (conv == 's' || conv == 'c'))
			continue;
		if (f == '#' && conv != 'x' && conv != 'X' && conv != 'o')
			continue;
		*p++ = f;
	}
	*star_w = unit_rand_below(5) == 0;
	if (*star_w)
		*p++ = '*';
	else if (unit_rand_below(2))
		p += sprintf(p, "%d", 1 + (int)unit_rand_below(30));
	*star_p = false;
	if (conv != 'c' && unit_rand_below(2)) {
		*p++ = '.';
		*star_p = unit_rand_below(5) == 0;
		if (*star_p)
			*p++ = '*';
		else if (unit_rand_below(4))
			p += sprintf(p, "%d", (int)unit_rand_below(28));
	}
	if (conv != 's' && conv != 'c') {
		const char *l = lengths[unit_rand_below(8)];

		while (*l)
			*p++ = *l++;
	}
	*p++ = conv;
	*p++ = ']';
	*p = 0;
}

TEST(like_libc)
{
	static const char *const strings[] = { "", "x", "hello", "a longer string of text" };

	for (int r = 0; r < 100000; r++) {
		char fmt[32], ours[128], theirs[128];
		bool star_w, star_p, string;
		u64 v = random_value();
		int w = (int)unit_rand_below(40) - 20, p = (int)unit_rand_below(30) - 3, n, m;
		size_t size = unit_rand_below(3) ? sizeof(ours) : unit_rand_below(20);

		random_spec(fmt, &star_w, &star_p, &string);
		if (string)
			v = (u64)(uintptr_t)strings[unit_rand_below(4)];
		for (unsigned i = 0; i < sizeof(ours); i++)
			ours[i] = theirs[i] = '#';
		if (star_w && star_p) {
			n = our_format(ours, size, fmt, w, p, v);
			m = libc_format(theirs, size, fmt, w, p, v);
		} else if (star_w || star_p) {
			n = our_format(ours, size, fmt, star_w ? w : p, v);
			m = libc_format(theirs, size, fmt, star_w ? w : p, v);
		} else {
			n = our_format(ours, size, fmt, v);
			m = libc_format(theirs, size, fmt, v);
		}
		ck_assert_msg(n == m && !memcmp(ours, theirs, sizeof(ours)),
			      "%s %lx: %d '%.60s', libc %d '%.60s'", fmt, v, n, ours, m, theirs);
	}
}

TEST(sequences_and_the_rest)
{
	char buf[80];

	ck_assert_int_eq(snprintf(buf, sizeof(buf), "%d/%s/%c%%%lu", -5, "ab", 'z', 7UL), 9);
	ck_assert_str_eq(buf, "-5/ab/z%7");
	our_format(buf, sizeof(buf), "%s|%.2s", NULL, NULL);
	ck_assert_str_eq(buf, "(null)|(n");
	our_format(buf, sizeof(buf), "%q %");
	ck_assert_str_eq(buf, "%q %");
	our_format(buf, sizeof(buf), "%p %p", NULL, (void *)0xffff800000000000);
	ck_assert_str_eq(buf, "0x0 0xffff800000000000");
	our_format(buf, sizeof(buf), "%pS %pSx %20pS.", (void *)0x1234, (void *)0x99, (void *)0x1234);
	ck_assert_str_eq(buf, "main+0x4 0x99x             main+0x4.");
}

TEST(unterminated_string_with_precision)
{
	char *s = malloc(3), buf[8];

	memcpy(s, "abc", 3);
	our_format(buf, sizeof(buf), "%.3s", s);
	ck_assert_str_eq(buf, "abc");
	free(s);
}

TEST(scnprintf_returns_what_is_there)
{
	char buf[4];

	ck_assert_int_eq(scnprintf(buf, sizeof(buf), "%d", 12), 2);
	ck_assert_int_eq(scnprintf(buf, sizeof(buf), "%d", 12345), 3);
	ck_assert_str_eq(buf, "123");
	ck_assert_int_eq(scnprintf(buf, 0, "%d", 12345), 0);
	ck_assert_int_eq(snprintf(NULL, 0, "%d", 12345), 5);
}

TEST(strbuf_builds_and_cuts)
{
	struct strbuf sb;
	char buf[12];

	strbuf_init(&sb, buf, sizeof(buf));
	ck_assert_str_eq(buf, "");
	strbuf_puts(&sb, "ab");
	strbuf_putc(&sb, '-');
	strbuf_printf(&sb, "%04x", 0x2a);
	ck_assert_str_eq(buf, "ab-002a");
	ck_assert(!sb.overflow);
	strbuf_write(&sb, "wxyz", 4);
	ck_assert_str_eq(buf, "ab-002awxyz");
	ck_assert_uint_eq(sb.len, 11);
	ck_assert(!sb.overflow);
	strbuf_puts(&sb, "");
	ck_assert(!sb.overflow);
	strbuf_putc(&sb, '!');
	ck_assert(sb.overflow);
	strbuf_printf(&sb, "%d", 1);
	ck_assert_str_eq(buf, "ab-002awxyz");

	strbuf_init(&sb, buf, 5);
	strbuf_printf(&sb, "%s", "0123456");
	ck_assert_str_eq(buf, "0123");
	ck_assert(sb.overflow && sb.len == 4);
	strbuf_init(&sb, NULL, 0);
	strbuf_printf(&sb, "%d", 5);
	strbuf_putc(&sb, 'x');
	ck_assert(sb.overflow && sb.len == 0);
}
