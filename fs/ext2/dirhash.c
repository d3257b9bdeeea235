/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hashes of names in indexed directories: half of an MD4 (RFC 1320), TEA (Wheeler and Needham), and the first one. Whether
 * characters are signed depends on the machine that made the file system, which is noted in the super block.
 */
#include "fs/ext2/ext2.h"

#include "sys/lib/string.h"

static inline u32
rotl(u32 v, u32 n)
{
	return v << n | v >> (32 - n);
}

/* Three rounds over eight words, in these orders and with these shifts. */
static void
half_md4(u32 state[4], const u32 in[8])
{
	static const u8 order[3][8] = { { 0, 1, 2, 3, 4, 5, 6, 7 }, { 1, 3, 5, 7, 0, 2, 4, 6 }, { 3, 7, 2, 6, 1, 5, 0, 4 } };
	static const u8 shift[3][4] = { { 3, 7, 11, 19 }, { 3, 5, 9, 13 }, { 3, 9, 11, 15 } };
	static const u32 add[3] = { 0, 0x5a827999, 0x6ed9eba1 };
	u32 a = state[0], b = state[1], c = state[2], d = state[3];

	for (u32 round = 0; round < 3; round++) {
		for (u32 i = 0; i < 8; i++) {
			u32 f = round == 0 ? d ^ (b & (c ^ d)) : round == 1 ? (b & c) + ((b ^ c) & d) : b ^ c ^ d;
			u32 t = rotl(a + f + in[order[round][i]] + add[round], shift[round][i & 3]);

			a = d;
			d = c;
			c = b;
			b = t;
		}
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
}

static void
tea(u32 state[4], const u32 in[4])
{
	u32 b0 = state[0], b1 = state[1], sum = 0;

	for (u32 i = 0; i < 16; i++) {
		sum += 0x9e3779b9;
		b0 += ((b1 << 4) + in[0]) ^ (b1 + sum) ^ ((b1 >> 5) + in[1]);
		b1 += ((b0 << 4) + in[2]) ^ (b0 + sum) ^ ((b0 >> 5) + in[3]);
	}
	state[0] += b0;
	state[1] += b1;
}

static inline u32
char_value(char c, bool is_unsigned)
{
	return is_unsigned ? (u32)(u8)c : (u32)(s32)(signed char)c;
}

/* n words of the name, filled up with its length. */
static void
words_of(const char *s, u32 len, u32 *out, u32 n, bool is_unsigned)
{
	u32 pad = len | len << 8, val, i;

	pad |= pad << 16;
	val = pad;
	len = MIN(len, n * 4);
	for (i = 0; i < len; i++) {
		val = char_value(s[i], is_unsigned) + (val << 8);
		if (i % 4 == 3) {
			*out++ = val;
			val = pad;
			n--;
		}
	}
	if (n > 0) {
		*out++ = val;
		n--;
	}
	while (n-- > 0)
		*out++ = pad;
}

static u32
legacy(const char *s, u32 len, bool is_unsigned)
{
	u32 h0 = 0x12a3fe2d, h1 = 0x37abe8f9;

	while (len-- > 0) {
		u32 h = h1 + (h0 ^ (char_value(*s++, is_unsigned) * 7152373u));

		if (h & 0x80000000u)
			h -= 0x7fffffffu;
		h1 = h0;
		h0 = h;
	}
	return h0 << 1;
}

int
ext2_dirhash(const char *name, u32 len, struct ext2_hash *hash)
{
	u32 state[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 }, in[8], version = hash->version;
	bool is_unsigned = version >= DX_HASH_LEGACY_UNSIGNED;

	if (version > DX_HASH_TEA_UNSIGNED)
		return -EINVAL;
	if (is_unsigned)
		version -= DX_HASH_LEGACY_UNSIGNED;
	if ((hash->seed[0] | hash->seed[1] | hash->seed[2] | hash->seed[3]) != 0)
		memcpy(state, hash->seed, sizeof(state));
	hash->minor = 0;
	if (version == DX_HASH_LEGACY) {
		hash->major = legacy(name, len, is_unsigned);
	} else {
		u32 words = version == DX_HASH_TEA ? 4 : 8;

		for (s32 left = (s32)len; left > 0; left -= (s32)words * 4, name += words * 4) {
			words_of(name, (u32)left, in, words, is_unsigned);
			if (version == DX_HASH_TEA)
				tea(state, in);
			else
				half_md4(state, in);
		}
		hash->major = version == DX_HASH_TEA ? state[0] : state[1];
		hash->minor = version == DX_HASH_TEA ? state[1] : state[2];
	}
	hash->major &= ~1u;
	if (hash->major == 0xfffffffe)		/* that is the end of a directory */
		hash->major = 0xfffffffc;
	return 0;
}
