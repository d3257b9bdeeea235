/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hashes for tables. hash_u64 and hash_ptr are for keys that users cannot choose; hash_bytes and hash_str, keyed by a
 * per-boot secret, for those they can (names, paths).
 */
#ifndef SYS_LIB_HASH_H
#define SYS_LIB_HASH_H

#include "sys/lib/types.h"

/* Multiplicative hashing: the top `bits` (1..64) bits of v times 2^64/phi. */
static inline u64
hash_u64(u64 v, unsigned bits)
{
	return (v * 0x9e3779b97f4a7c15UL) >> (64 - bits);
}

static inline u64
hash_ptr(const void *p, unsigned bits)
{
	return hash_u64((u64)(uintptr_t)p >> 4, bits);
}

/* SipHash-c-d (Aumasson and Bernstein, 2012) with a 128-bit key. */
u64 hash_sip(const void *p, size_t len, u64 k0, u64 k1, unsigned c_rounds, unsigned d_rounds);

/* SipHash-1-3 under the boot's secret. `seed` tells tables (or parent directories) apart. All 64 bits are good. */
u64 hash_bytes(const void *p, size_t len, u64 seed);
u64 hash_str(const char *s, u64 seed);

/* Sets the secret. Once, at boot, before the first keyed hash: values change with it. */
void hash_set_key(u64 k0, u64 k1);

#endif
