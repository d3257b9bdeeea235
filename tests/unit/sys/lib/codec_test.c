/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hashes, CRCs, UTF-8, sort, 128-bit products, byte ring.
 * sources: sys/lib/hash.c sys/lib/crc32.c sys/lib/utf8.c sys/lib/sort.c sys/lib/mulddiv.c
 */
#include "tests/unit/test.h"

#include "sys/abi/errno.h"
#include "sys/lib/crc32.h"
#include "sys/lib/hash.h"
#include "sys/lib/mulddiv.h"
#include "sys/lib/ringbuf.h"
#include "sys/lib/sort.h"
#include "sys/lib/utf8.h"

/* SipHash-2-4: the paper's appendix A. */
TEST(siphash_vectors)
{
	u64 k0 = 0x0706050403020100, k1 = 0x0f0e0d0c0b0a0908;
	u8 in[15];

	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = i;
	ck_assert_uint_eq(hash_sip(in, 15, k0, k1, 2, 4), 0xa129ca6149be45e5);
	ck_assert_uint_eq(hash_sip(in, 0, k0, k1, 2, 4), 0x726fdb47dd0e0e31);
	/* SipHash-1-3 with a zero key, as CPython's hash() shows it */
	ck_assert_uint_eq(hash_sip("abc", 3, 0, 0, 1, 3), 0xc03bc3a0042630f2);
	ck_assert_uint_eq(hash_sip("the lintel above", 16, 0, 0, 1, 3), 0xc4e1dbca57c0a39f);
}

TEST(keyed_hashes)
{
	u64 a = hash_str("name", 1);

	ck_assert_uint_eq(a, hash_bytes("name", 4, 1));
	ck_assert_uint_ne(a, hash_str("name", 2));
	ck_assert_uint_ne(a, hash_str("nam", 1));
	hash_set_key(1, 2);
	ck_assert_uint_ne(a, hash_str("name", 1));
	ck_assert_uint_eq(hash_bytes("x", 1, 0), hash_sip("x", 1, 1, 2, 1, 3));
}

TEST(integer_hash_spreads)
{
	unsigned n[64] = { 0 };

	for (u64 v = 0; v < 6400; v++)
		n[hash_u64(v * 4096, 6)]++;
	for (int i = 0; i < 64; i++)
		ck_assert(n[i] > 50 && n[i] < 200);
	ck_assert_uint_lt(hash_ptr(n, 3), 8);
}

/* "Check" values of the catalogue of parametrised CRC algorithms: CRC-32/ISO-HDLC, /ISCSI, /MPEG-2. */
TEST(crc_check_values)
{
	const char *s = "123456789";

	ck_assert_uint_eq(~crc32_le(~0u, s, 9), 0xcbf43926);
	ck_assert_uint_eq(~crc32c(~0u, s, 9), 0xe3069283);
	ck_assert_uint_eq(crc32_be(~0u, s, 9), 0x0376e6e7);
	ck_assert_uint_eq(~crc32_le(crc32_le(~0u, s, 4), s + 4, 5), 0xcbf43926);
	ck_assert_uint_eq(crc32_le(5, s, 0), 5);
}

TEST(utf8_round_trip_of_all_code_points)
{
	for (u32 cp = 0; cp < 0x110100; cp++) {
		char s[UTF8_MAX];
		int n = utf8_encode(cp, s);
		u32 back = 0;

		if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff)) {
			ck_assert_int_eq(n, -EILSEQ);
			continue;
		}
		if (utf8_decode(s, n, &back) != n || back != cp)
			ck_abort_msg("U+%x", cp);
		for (int k = 0; k < n; k++) {
			if (utf8_decode(s, k, &back) != 0)
				ck_abort_msg("U+%x cut", cp);
		}
	}
}

/* Every sequence of three bytes: valid exactly if some code point encodes so. */
TEST(utf8_rejects_all_else)
{
	for (u32 v = 0; v < 1u << 24; v += v & 0xc000 ? 1 : 37) {
		u8 s[4] = { v, v >> 8, v >> 16, 0x80 };
		char enc[UTF8_MAX];
		u32 cp;
		int n = utf8_decode(s, 4, &cp);

		if (n > 0) {
			if (utf8_encode(cp, enc) != n || memcmp(enc, s, n))
				ck_abort_msg("%x", v);
		} else if (n != -EILSEQ) {
			ck_abort_msg("%x: %d", v, n);
		}
	}
}

static int
by_key(const void *a, const void *b)
{
	u8 x = *(const u8 *)a, y = *(const u8 *)b;

	return x < y ? -1 : x > y;
}

TEST(sort_all_sizes)
{
	for (size_t size = 1; size < 28; size++) {
		for (size_t n = 0; n < 70; n += 1 + n / 8) {
			u8 *p = malloc(n * size + 1);
			unsigned sum = 0, after = 0;

			for (size_t i = 0; i < n * size; i++)
				p[i] = size > 1 && i % size ? p[i / size * size] : (u8)unit_rand();
			for (size_t i = 0; i < n; i++)
				sum += p[i * size];
			sort(p, n, size, by_key);
			for (size_t i = 0; i < n; i++) {
				after += p[i * size];
				ck_assert(!i || p[(i - 1) * size] <= p[i * size]);
				for (size_t k = 1; k < size; k++)
					ck_assert_uint_eq(p[i * size + k], p[i * size]);
			}
			ck_assert_uint_eq(sum, after);
			free(p);
		}
	}
}

TEST(muldiv_like_128_bits)
{
	for (int r = 0; r < 200000; r++) {
		u64 a = unit_rand() >> unit_rand_below(64), b = unit_rand() >> unit_rand_below(64);
		u64 d = (unit_rand() >> unit_rand_below(64)) | 1;
		unsigned __int128 q = (unsigned __int128)a * b / d;

		if (r % 8 == 0)
			d |= 0xffffffffUL << 32, q = (unsigned __int128)a * b / d;
		ck_assert_uint_eq(muldiv_u64(a, b, d), q > UINT64_MAX ? UINT64_MAX : (u64)q);
	}
	ck_assert_uint_eq(muldiv_u64(UINT64_MAX, UINT64_MAX, UINT64_MAX), UINT64_MAX);
	ck_assert_uint_eq(muldiv_u64(UINT64_MAX, UINT64_MAX - 1, UINT64_MAX), UINT64_MAX - 1);
	ck_assert_uint_eq(mul_u64_u32_shr(UINT64_MAX, UINT32_MAX, 32), 0xfffffffeffffffff);
	ck_assert_uint_eq(mul_u64_u64_shr(1UL << 63, 1UL << 63, 64), 1UL << 62);
}

TEST(ring_against_a_queue)
{
	u8 mem[16], model[16], tmp[32];
	struct ringbuf r;
	unsigned n = 0;

	ringbuf_init(&r, mem, 16);
	r.head = r.tail = UINT32_MAX - 100;	/* the indices wrap */
	for (int s = 0; s < 20000; s++) {
		unsigned want = unit_rand_below(20), got;

		if (unit_rand_below(2)) {
			for (unsigned i = 0; i < want; i++)
				tmp[i] = unit_rand();
			got = ringbuf_write(&r, tmp, want);
			ck_assert_uint_eq(got, MIN(want, 16 - n));
			memcpy(model + n, tmp, got);
			n += got;
		} else {
			got = ringbuf_read(&r, tmp, want);
			ck_assert_uint_eq(got, MIN(want, n));
			ck_assert(!memcmp(tmp, model, got));
			n -= got;
			memmove(model, model + got, n);
		}
		ck_assert_uint_eq(ringbuf_len(&r), n);
		ck_assert_uint_eq(ringbuf_space(&r), 16 - n);
		for (unsigned i = 0; i < n; i++)
			ck_assert_uint_eq(ringbuf_peek(&r, i), model[i]);
		if (n && s % 7 == 0)
			ck_assert_int_eq(ringbuf_unput(&r), model[--n]);
		ck_assert_int_eq(ringbuf_put(&r, 9), n < 16);
		if (n < 16)
			model[n++] = 9;
		ck_assert_int_eq(ringbuf_get(&r), model[0]);
		memmove(model, model + 1, --n);
	}
	ringbuf_reset(&r);
	ck_assert_int_eq(ringbuf_get(&r), -1);
	ck_assert_int_eq(ringbuf_unput(&r), -1);
	ck_assert(ringbuf_empty(&r) && !ringbuf_full(&r));
}
