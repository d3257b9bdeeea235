/* SPDX-License-Identifier: BSD-2-Clause */
/* Products that pass through 128 bits: scaling of times and sizes without overflow in between. */
#ifndef SYS_LIB_MULDDIV_H
#define SYS_LIB_MULDDIV_H

#include "sys/lib/types.h"

/* (a * mul) >> shift, shift < 128; the low 64 bits of that. */
static inline u64
mul_u64_u32_shr(u64 a, u32 mul, unsigned shift)
{
	return (unsigned __int128)a * mul >> shift;
}

static inline u64
mul_u64_u64_shr(u64 a, u64 mul, unsigned shift)
{
	return (unsigned __int128)a * mul >> shift;
}

/* a * b / d, rounded down; UINT64_MAX where the result does not fit. d must not be 0. */
u64 muldiv_u64(u64 a, u64 b, u64 d);

#endif
