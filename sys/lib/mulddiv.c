/* SPDX-License-Identifier: BSD-2-Clause */
/* 128 by 64 bits division, without the compiler's run-time library. */
#include "sys/lib/mulddiv.h"

#include "sys/lib/bits.h"

/*
 * One 32-bit digit of the quotient (Knuth, vol. 2, 4.3.1, algorithm D): *rem * 2^32 + next by d, where d has its top
 * bit set and *rem < d. Leaves the remainder in *rem.
 */
static u64
div_digit(u64 *rem, u32 next, u64 d)
{
	u64 dhi = d >> 32, dlo = (u32)d;
	u64 q = *rem / dhi, r = *rem % dhi;

	/* The estimate is at most two too great. */
	while (q >> 32 || q * dlo > (r << 32 | next)) {
		q--;
		r += dhi;
		if (r >> 32)
			break;
	}
	*rem = (*rem << 32 | next) - q * d;	/* modulo 2^64: the true value fits */
	return q;
}

u64
muldiv_u64(u64 a, u64 b, u64 d)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	u64 hi = product >> 64, lo = product, q;
	unsigned norm;

	if (!hi)
		return lo / d;
	if (hi >= d)
		return UINT64_MAX;
	norm = 63 - msb64(d);
	d <<= norm;
	product <<= norm;
	hi = product >> 64;
	lo = product;
	q = div_digit(&hi, lo >> 32, d) << 32;
	return q | div_digit(&hi, (u32)lo, d);
}
