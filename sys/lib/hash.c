/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash, from the paper "SipHash: a fast short-input PRF" (J.-P. Aumasson, D. J. Bernstein, 2012), section 2. */
#include "sys/lib/hash.h"

#include "sys/lib/string.h"

static u64 secret[2];	/* [I] after boot */

static u64
rotl(u64 v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static void
sip_rounds(u64 v[4], unsigned n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

static __always_inline u64
sip(const void *data, size_t len, u64 k0, u64 k1, unsigned c_rounds, unsigned d_rounds)
{
	u64 v[4] = {
		k0 ^ 0x736f6d6570736575UL, k1 ^ 0x646f72616e646f6dUL,
		k0 ^ 0x6c7967656e657261UL, k1 ^ 0x7465646279746573UL,
	};
	u64 last = (u64)len << 56;
	const u8 *p = data;
	unsigned shift = 0;

	for (; len >= 8; p += 8, len -= 8) {
		u64 m;

		__builtin_memcpy(&m, p, 8);
		v[3] ^= m;
		sip_rounds(v, c_rounds);
		v[0] ^= m;
	}
	for (; len; p++, len--, shift += 8)
		last |= (u64)*p << shift;
	v[3] ^= last;
	sip_rounds(v, c_rounds);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_rounds(v, d_rounds);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

u64
hash_sip(const void *p, size_t len, u64 k0, u64 k1, unsigned c_rounds, unsigned d_rounds)
{
	return sip(p, len, k0, k1, c_rounds, d_rounds);
}

u64
hash_bytes(const void *p, size_t len, u64 seed)
{
	return sip(p, len, secret[0] ^ seed, secret[1], 1, 3);
}

u64
hash_str(const char *s, u64 seed)
{
	return hash_bytes(s, strlen(s), seed);
}

void
hash_set_key(u64 k0, u64 k1)
{
	secret[0] = k0;
	secret[1] = k1;
}
