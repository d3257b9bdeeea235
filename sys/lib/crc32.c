/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CRC-32 by tables of 256 words. CRC is linear: the table's entry for i is the sum (xor) of those for i's bits, so
 * the compiler builds each table from eight constants, themselves steps of the shift register.
 */
#include "sys/lib/crc32.h"

/* One step of the register, least, and most, significant bit first. */
#define LE(c, p)	(((c) >> 1) ^ ((c) & 1 ? (p) : 0U))
#define BE(c, p)	(((c) << 1) ^ ((c) & 0x80000000U ? (p) : 0U))

/* Basis: what the byte with only bit n set contributes. In reflected order bit 7 meets the polynomial first. */
enum crc_basis {
#define BASIS_LE(n, p) \
	n##7 = (int)(p), n##6 = (int)LE((u32)n##7, p), n##5 = (int)LE((u32)n##6, p), n##4 = (int)LE((u32)n##5, p), \
	n##3 = (int)LE((u32)n##4, p), n##2 = (int)LE((u32)n##3, p), n##1 = (int)LE((u32)n##2, p), \
	n##0 = (int)LE((u32)n##1, p)
#define BASIS_BE(n, p) \
	n##0 = (int)(p), n##1 = (int)BE((u32)n##0, p), n##2 = (int)BE((u32)n##1, p), n##3 = (int)BE((u32)n##2, p), \
	n##4 = (int)BE((u32)n##3, p), n##5 = (int)BE((u32)n##4, p), n##6 = (int)BE((u32)n##5, p), \
	n##7 = (int)BE((u32)n##6, p)
	BASIS_LE(ieee_le_, 0xedb88320U),
	BASIS_BE(ieee_be_, 0x04c11db7U),
	BASIS_LE(castagnoli_, 0x82f63b78U),
};

#define BITOF(n, i, b)	((i) & (1U << (b)) ? (u32)n##b : 0U)
#define T1(n, i) \
	(BITOF(n, i, 0) ^ BITOF(n, i, 1) ^ BITOF(n, i, 2) ^ BITOF(n, i, 3) ^ \
	 BITOF(n, i, 4) ^ BITOF(n, i, 5) ^ BITOF(n, i, 6) ^ BITOF(n, i, 7))
#define T4(n, i)	T1(n, i), T1(n, (i) + 1), T1(n, (i) + 2), T1(n, (i) + 3)
#define T16(n, i)	T4(n, i), T4(n, (i) + 4), T4(n, (i) + 8), T4(n, (i) + 12)
#define T64(n, i)	T16(n, i), T16(n, (i) + 16), T16(n, (i) + 32), T16(n, (i) + 48)
#define TABLE(n)	{ T64(n, 0U), T64(n, 64U), T64(n, 128U), T64(n, 192U) }

static const u32 table_le[256] = TABLE(ieee_le_);
static const u32 table_be[256] = TABLE(ieee_be_);
static const u32 table_c[256] = TABLE(castagnoli_);

static u32
crc_reflected(const u32 table[256], u32 crc, const void *data, size_t len)
{
	const u8 *p = data;

	while (len--)
		crc = (crc >> 8) ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

u32
crc32_le(u32 crc, const void *p, size_t len)
{
	return crc_reflected(table_le, crc, p, len);
}

u32
crc32c(u32 crc, const void *p, size_t len)
{
	return crc_reflected(table_c, crc, p, len);
}

u32
crc32_be(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;

	while (len--)
		crc = (crc << 8) ^ table_be[(crc >> 24) ^ *p++];
	return crc;
}
