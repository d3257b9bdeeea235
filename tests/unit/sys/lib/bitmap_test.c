/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bit scans and bit arrays, against plain loops.
 * sources: sys/lib/bitmap.c
 */
#include "tests/unit/test.h"

#include "sys/lib/bitmap.h"

#define N	300

static BITMAP_DECLARE(map, N);
static bool model[N];

static void
compare(size_t nbits)
{
	size_t weight = 0, next_set = nbits, next_zero = nbits;

	for (size_t i = nbits; i-- > 0;) {
		ck_assert_int_eq(bitmap_test(map, i), model[i]);
		if (model[i])
			next_set = i;
		else
			next_zero = i;
		weight += model[i];
		ck_assert_uint_eq(bitmap_find_next_set(map, nbits, i), next_set);
		ck_assert_uint_eq(bitmap_find_next_zero(map, nbits, i), next_zero);
	}
	ck_assert_uint_eq(bitmap_weight(map, nbits), weight);
	ck_assert_int_eq(bitmap_empty(map, nbits), weight == 0);
	ck_assert_uint_eq(bitmap_find_next_set(map, nbits, nbits), nbits);
	ck_assert_uint_eq(bitmap_find_next_zero(map, nbits, nbits + 5), nbits);
}

static size_t
slow_zero_range(size_t nbits, size_t from, size_t count)
{
	for (size_t i = from; i < nbits && i + count <= nbits; i++) {
		size_t n = 0;

		while (n < count && !model[i + n])
			n++;
		if (n == count)
			return i;
	}
	return nbits;
}

TEST(single_bits_and_ranges)
{
	for (int round = 0; round < 300; round++) {
		size_t a = unit_rand_below(N), n = unit_rand_below(N - a + 1);

		switch (unit_rand_below(4)) {
		case 0: bitmap_set(map, a); model[a] = true; break;
		case 1: bitmap_clear(map, a); model[a] = false; break;
		case 2:
			n = unit_rand_below(4) ? n % 20 : n;
			bitmap_set_range(map, a, n);
			memset(model + a, 1, n);
			break;
		default:
			bitmap_clear_range(map, a, n);
			memset(model + a, 0, n);
		}
		compare(N);
		compare(1 + unit_rand_below(N));
		n = 1 + unit_rand_below(40);
		ck_assert_uint_eq(bitmap_find_zero_range(map, N, a, n), slow_zero_range(N, a, n));
	}
}

TEST(fill_and_zero_keep_to_the_size)
{
	for (size_t n = 1; n <= N; n++) {
		bitmap_fill(map, n);
		ck_assert_uint_eq(bitmap_weight(map, BITMAP_LONGS(n) * 64), n);
		bitmap_zero(map, n);
		ck_assert(bitmap_empty(map, N));
	}
}

TEST(atomic_forms_return_the_old_bit)
{
	size_t bit, seen = 0;

	ck_assert(!bitmap_test_and_set_atomic(map, 77));
	ck_assert(bitmap_test_and_set_atomic(map, 77));
	bitmap_set(map, 64);
	bitmap_for_each_set(bit, map, N)
		seen += bit;
	ck_assert_uint_eq(seen, 141);
	ck_assert(bitmap_test_and_clear_atomic(map, 77));
	ck_assert(!bitmap_test_and_clear_atomic(map, 77));
}

TEST(bit_scans)
{
	ck_assert_uint_eq(ffs64(0), 0);
	ck_assert_uint_eq(fls64(0), 0);
	for (unsigned i = 0; i < 64; i++) {
		u64 v = 1UL << i;

		ck_assert_uint_eq(ffs64(v), i + 1);
		ck_assert_uint_eq(fls64(v), i + 1);
		ck_assert_uint_eq(fls64(v | (v - 1)), i + 1);
		ck_assert_uint_eq(ilog2(v | (v >> 1)), i);
		ck_assert_uint_eq(popcount64(v - 1), i);
		ck_assert_uint_eq(popcount64(~(v - 1)), 64 - i);
		ck_assert(is_pow2(v));
		ck_assert_uint_eq(roundup_pow2(v), v);
		ck_assert_uint_eq(rounddown_pow2(v | (v - 1)), v);
		if (i > 1) {
			ck_assert(!is_pow2(v + 1));
			ck_assert_uint_eq(roundup_pow2(v - 1), v);
			ck_assert_uint_eq(roundup_pow2(v + 1), i == 63 ? 0 : v << 1);
		}
	}
	ck_assert(!is_pow2(0));
	ck_assert_uint_eq(roundup_pow2(0), 1);
	ck_assert_uint_eq(rounddown_pow2(0), 0);
	for (int i = 0; i < 1000; i++) {
		u64 v = unit_rand();

		ck_assert_uint_eq(popcount64(v), (unsigned)__builtin_popcountll(v));
	}
}
