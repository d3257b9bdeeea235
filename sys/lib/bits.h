/* SPDX-License-Identifier: BSD-2-Clause */
/* Bit scans and powers of two on 64-bit values. */
#ifndef SYS_LIB_BITS_H
#define SYS_LIB_BITS_H

#include "sys/lib/types.h"

/* Index 0..63 of the lowest (highest) set bit; v must not be 0. */
#define ctz64(v)	((unsigned)__builtin_ctzll(v))
#define msb64(v)	(63U - (unsigned)__builtin_clzll(v))

/* As ffs(3): 1 + index of the lowest (highest) set bit, 0 if none is set. */
static inline unsigned
ffs64(u64 v)
{
	return v ? ctz64(v) + 1 : 0;
}

static inline unsigned
fls64(u64 v)
{
	return v ? msb64(v) + 1 : 0;
}

/* floor(log2(v)); v must not be 0. A constant expression for a constant. */
#define ilog2(v)	msb64((u64)(v))

static inline bool
is_pow2(u64 v)
{
	return v && !(v & (v - 1));
}

/* The least power of two >= v; 1 for 0; 0 if it does not fit. */
static inline u64
roundup_pow2(u64 v)
{
	if (v <= 1)
		return 1;
	if (v > 1UL << 63)
		return 0;
	return 1UL << (msb64(v - 1) + 1);
}

/* The greatest power of two <= v; 0 for 0. */
static inline u64
rounddown_pow2(u64 v)
{
	return v ? 1UL << msb64(v) : 0;
}

/* How many bits are set. In sums of 2, 4, 8 bits: the popcnt instruction is not in every x86-64 CPU. */
static inline unsigned
popcount64(u64 v)
{
	v -= (v >> 1) & 0x5555555555555555UL;
	v = (v & 0x3333333333333333UL) + ((v >> 2) & 0x3333333333333333UL);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fUL;
	return (v * 0x0101010101010101UL) >> 56;
}

#endif
