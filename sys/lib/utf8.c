/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8. The second byte's range is what excludes overlong forms, surrogates and what is above U+10FFFF. */
#include "sys/lib/utf8.h"

#include "sys/abi/errno.h"

/* The length that the first byte tells, and the range of the second. 0: no first byte. */
static unsigned
first_byte(u8 b, u8 *lo, u8 *hi)
{
	*lo = 0x80;
	*hi = 0xbf;
	if (b < 0x80)
		return 1;
	if (b < 0xc2 || b > 0xf4)
		return 0;
	if (b < 0xe0)
		return 2;
	switch (b) {
	case 0xe0: *lo = 0xa0; break;
	case 0xed: *hi = 0x9f; break;
	case 0xf0: *lo = 0x90; break;
	case 0xf4: *hi = 0x8f; break;
	}
	return b < 0xf0 ? 3 : 4;
}

int
utf8_decode(const void *s, size_t n, u32 *cp)
{
	const u8 *p = s;
	unsigned len;
	u8 lo, hi;
	u32 v;

	if (!n)
		return 0;
	len = first_byte(p[0], &lo, &hi);
	if (!len)
		return -EILSEQ;
	v = len == 1 ? p[0] : p[0] & (0x7fU >> len);
	for (unsigned i = 1; i < len; i++) {
		if (i == n)
			return 0;
		if (p[i] < lo || p[i] > hi)
			return -EILSEQ;
		v = v << 6 | (p[i] & 0x3f);
		lo = 0x80;
		hi = 0xbf;
	}
	*cp = v;
	return len;
}

int
utf8_encode(u32 cp, char out[UTF8_MAX])
{
	unsigned len = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;

	if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
		return -EILSEQ;
	if (len == 1) {
		out[0] = cp;
		return 1;
	}
	for (unsigned i = len - 1; i; i--) {
		out[i] = 0x80 | (cp & 0x3f);
		cp >>= 6;
	}
	out[0] = (0xf00U >> len) | cp;
	return len;
}
