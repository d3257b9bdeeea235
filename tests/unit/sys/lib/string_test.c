/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our mem* and str* against libc's, at all small sizes and alignments; numbers.
 * sources: sys/lib/string.c arch/x86_64/lib/memcpy.S
 */
#include "tests/unit/test.h"

#include <limits.h>
#include <sys/mman.h>

static size_t libc_strlen(const char *s) { return strlen(s); }
static int libc_strcmp(const char *a, const char *b) { return strcmp(a, b); }
static int libc_strncmp(const char *a, const char *b, size_t n) { return strncmp(a, b, n); }
static int libc_strncasecmp(const char *a, const char *b, size_t n) { return strncasecmp(a, b, n); }
static int libc_memcmp(const void *a, const void *b, size_t n) { return memcmp(a, b, n); }
static void *libc_memchr(const void *a, int c, size_t n) { return memchr(a, c, n); }
static char *libc_strchr(const char *s, int c) { return strchr(s, c); }
static char *libc_strrchr(const char *s, int c) { return strrchr(s, c); }
static char *libc_strstr(const char *s, const char *t) { return strstr(s, t); }
static size_t libc_strspn(const char *s, const char *t) { return strspn(s, t); }
static size_t libc_strcspn(const char *s, const char *t) { return strcspn(s, t); }

#include "tests/unit/shim/rename.h"

#include "sys/abi/errno.h"
#include "sys/lib/string.h"

void arch_copy_page(void *dst, const void *src);
void arch_clear_page(void *page);

#define PAGE	4096
#define AREA	1200

static u8 src[AREA], dst[AREA], want[AREA];
static u8 *page;	/* between two that fault */

void
unit_setup(void)
{
	u8 *p = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	page = p + PAGE;
	ck_assert_int_eq(mprotect(page, PAGE, PROT_READ | PROT_WRITE), 0);
}

static void
fill(void)
{
	for (unsigned i = 0; i < AREA; i++) {
		src[i] = unit_rand();
		dst[i] = want[i] = unit_rand();
	}
}

TEST(memcpy_and_memset_all_sizes)
{
	fill();
	for (size_t n = 0; n < 600; n++) {
		size_t a = unit_rand_below(64), b = unit_rand_below(64);

		for (size_t i = 0; i < n; i++)
			want[b + i] = src[a + i];
		ck_assert_ptr_eq(memcpy(dst + b, src + a, n), dst + b);
		ck_assert_int_eq(libc_memcmp(dst, want, AREA), 0);
		for (size_t i = 0; i < n; i++)
			want[a + i] = n;
		ck_assert_ptr_eq(memset(dst + a, n | 0x100, n), dst + a);
		ck_assert_int_eq(libc_memcmp(dst, want, AREA), 0);
	}
}

TEST(memmove_all_distances)
{
	u8 copy[AREA];

	fill();
	for (size_t n = 0; n < 300; n++) {
		for (int k = 0; k < 40; k++) {
			size_t a = 300 + unit_rand_below(30), b = k < 30 ? a - 15 + k : unit_rand_below(AREA - n);

			for (unsigned i = 0; i < AREA; i++)
				copy[i] = want[i] = dst[i];
			for (size_t i = 0; i < n; i++)
				want[b + i] = copy[a + i];
			ck_assert_ptr_eq(memmove(dst + b, dst + a, n), dst + b);
			ck_assert_int_eq(libc_memcmp(dst, want, AREA), 0);
		}
	}
}

TEST(no_access_beyond_the_ends)
{
	u8 buf[512] = { 1 };

	for (size_t n = 0; n <= 512; n++) {
		memcpy(page + PAGE - n, buf, n);
		memcpy(page, buf, n);
		memcpy(buf, page + PAGE - n, n);
		memcpy(buf, page, n);
		memmove(page + PAGE - n, buf, n);
		memmove(page, page + PAGE - n, n);
		memmove(page + PAGE - n, page, n);
		memset(page, 0, n);
		memset(page + PAGE - n, 0, n);
		ck_assert_int_eq(memcmp(page, page + PAGE - n, n), 0);
		memset(page + PAGE - n, 'x', n);
		ck_assert_uint_eq(strnlen((char *)page + PAGE - n, n), n);
		ck_assert_ptr_null(memchr(page + PAGE - n, 'y', n));
	}
}

TEST(pages)
{
	static u8 a[PAGE] __attribute__((aligned(16))), b[PAGE] __attribute__((aligned(16)));

	for (unsigned i = 0; i < PAGE; i++)
		a[i] = unit_rand();
	arch_copy_page(b, a);
	ck_assert_int_eq(libc_memcmp(a, b, PAGE), 0);
	arch_copy_page(page, a);
	ck_assert_int_eq(libc_memcmp(a, page, PAGE), 0);
	arch_clear_page(page);
	for (unsigned i = 0; i < PAGE; i++)
		ck_assert_uint_eq(page[i], 0);
}

static int
sign(int v)
{
	return v < 0 ? -1 : v > 0;
}

/* Strings over a small alphabet, so that likes happen; with bytes above 127. */
static void
random_string(char *s, size_t max)
{
	size_t n = unit_rand_below(max);

	for (size_t i = 0; i < n; i++)
		s[i] = "abAB/\xe9"[unit_rand_below(6)];
	s[n] = 0;
}

TEST(strings_like_libc)
{
	char a[40], b[40], t[4];

	for (int r = 0; r < 20000; r++) {
		size_t n = unit_rand_below(40);

		random_string(a, 40);
		random_string(b, r % 2 ? 40 : 3);
		random_string(t, 4);
		if (r % 5 == 0)
			memcpy(b, a, unit_rand_below(libc_strlen(a) + 1));
		ck_assert_uint_eq(strlen(a), libc_strlen(a));
		ck_assert_uint_eq(strnlen(a, n), MIN(n, libc_strlen(a)));
		ck_assert_int_eq(sign(strcmp(a, b)), sign(libc_strcmp(a, b)));
		ck_assert_int_eq(sign(strncmp(a, b, n)), sign(libc_strncmp(a, b, n)));
		ck_assert_int_eq(sign(strncasecmp(a, b, n)), sign(libc_strncasecmp(a, b, n)));
		ck_assert_int_eq(sign(memcmp(a, b, n)), sign(libc_memcmp(a, b, n)));
		ck_assert_ptr_eq(memchr(a, 'B', n), libc_memchr(a, 'B', n));
		ck_assert_ptr_eq(strchr(a, t[0]), libc_strchr(a, t[0]));
		ck_assert_ptr_eq(strrchr(a, t[0]), libc_strrchr(a, t[0]));
		ck_assert_ptr_eq(strchr(a, '\xe9'), libc_strchr(a, '\xe9'));
		ck_assert_ptr_eq(strstr(a, t), libc_strstr(a, t));
		ck_assert_uint_eq(strspn(a, t), libc_strspn(a, t));
		ck_assert_uint_eq(strcspn(a, t), libc_strcspn(a, t));
	}
	ck_assert_int_eq(strcasecmp("LaBeL", "lAbEl"), 0);
	ck_assert_int_lt(strcasecmp("a", "B"), 0);
}

TEST(strlcpy_cuts_and_terminates)
{
	char buf[6] = "#####";

	ck_assert_uint_eq(strlcpy(buf, "abc", 0), 3);
	ck_assert_str_eq(buf, "#####");
	ck_assert_uint_eq(strlcpy(buf, "abcdefgh", 1), 8);
	ck_assert_str_eq(buf, "");
	ck_assert_uint_eq(strlcpy(buf, "abcdefgh", 6), 8);
	ck_assert_str_eq(buf, "abcde");
	ck_assert_uint_eq(strlcpy(buf, "abcde", 6), 5);
	ck_assert_str_eq(buf, "abcde");
}

TEST(strsep_keeps_empty_fields)
{
	char s[] = "a,,b;c", *p = s;

	ck_assert_str_eq(strsep(&p, ",;"), "a");
	ck_assert_str_eq(strsep(&p, ",;"), "");
	ck_assert_str_eq(strsep(&p, ",;"), "b");
	ck_assert_str_eq(strsep(&p, ",;"), "c");
	ck_assert_ptr_null(strsep(&p, ",;"));
	ck_assert_ptr_null(p);
}

static void
number(const char *s, int base, int err, u64 v, size_t used)
{
	const char *end = NULL;
	u64 out = 4711;

	ck_assert_msg(parse_u64(s, &end, base, &out) == err, "%s", s);
	ck_assert_uint_eq(out, err ? 4711 : v);
	ck_assert_uint_eq(end - s, used);
}

TEST(parse_unsigned)
{
	number("0", 0, 0, 0, 1);
	number("010", 0, 0, 8, 3);
	number("010", 10, 0, 10, 3);
	number("0x1Fg", 0, 0, 31, 4);
	number("1f", 16, 0, 31, 2);
	number("0x1f", 16, 0, 31, 4);
	number("0x1f", 10, 0, 0, 1);
	number("0x", 0, 0, 0, 1);
	number("0xg", 16, 0, 0, 1);
	number("08", 0, 0, 0, 1);
	number("777", 8, 0, 0777, 3);
	number("18446744073709551615", 10, 0, UINT64_MAX, 20);
	number("18446744073709551616", 10, -ERANGE, 0, 20);
	number("99999999999999999999999x", 10, -ERANGE, 0, 23);
	number("0xffffffffffffffff", 0, 0, UINT64_MAX, 18);
	number("0x10000000000000000", 0, -ERANGE, 0, 19);
	number("", 0, -EINVAL, 0, 0);
	number("-1", 0, -EINVAL, 0, 0);
	number(" 1", 0, -EINVAL, 0, 0);
	number("x", 10, -EINVAL, 0, 0);
}

TEST(parse_whole_string)
{
	u64 v = 0;
	s64 s = 0;

	ck_assert_int_eq(parse_u64("12\n", NULL, 10, &v), 0);
	ck_assert_uint_eq(v, 12);
	ck_assert_int_eq(parse_u64("12\n\n", NULL, 10, &v), -EINVAL);
	ck_assert_int_eq(parse_u64("12 ", NULL, 10, &v), -EINVAL);
	ck_assert_int_eq(parse_u64("", NULL, 10, &v), -EINVAL);
	ck_assert_int_eq(parse_s64("-12\n", NULL, 10, &s), 0);
	ck_assert_int_eq(s, -12);
	ck_assert_int_eq(parse_s64("+12", NULL, 10, &s), 0);
	ck_assert_int_eq(s, 12);
	ck_assert_int_eq(parse_s64("-9223372036854775808", NULL, 10, &s), 0);
	ck_assert_int_eq(s, INT64_MIN);
	ck_assert_int_eq(parse_s64("-9223372036854775809", NULL, 10, &s), -ERANGE);
	ck_assert_int_eq(parse_s64("9223372036854775807", NULL, 10, &s), 0);
	ck_assert_int_eq(s, INT64_MAX);
	ck_assert_int_eq(parse_s64("9223372036854775808", NULL, 10, &s), -ERANGE);
	ck_assert_int_eq(parse_s64("--1", NULL, 10, &s), -EINVAL);
	ck_assert_int_eq(parse_s64("-", NULL, 10, &s), -EINVAL);
	ck_assert_int_eq(parse_s64("-0x10", NULL, 0, &s), 0);
	ck_assert_int_eq(s, -16);
}
