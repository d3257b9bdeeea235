/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bit arrays in unsigned longs: bit i is bit i % 64 of word i / 64. Sizes and positions are in bits. Nothing here is
 * atomic but where the name says so; the owner's lock is outside. Searches return `nbits` when there is no such bit.
 */
#ifndef SYS_LIB_BITMAP_H
#define SYS_LIB_BITMAP_H

#include "sys/lib/atomic.h"
#include "sys/lib/bits.h"
#include "sys/lib/types.h"

#define BITS_PER_LONG		64UL
#define BITMAP_LONGS(nbits)	DIV_ROUND_UP((size_t)(nbits), BITS_PER_LONG)
#define BITMAP_BYTES(nbits)	(BITMAP_LONGS(nbits) * sizeof(unsigned long))
#define BITMAP_DECLARE(name, nbits)	unsigned long name[BITMAP_LONGS(nbits)]

static inline void
bitmap_set(unsigned long *map, size_t bit)
{
	map[bit / BITS_PER_LONG] |= 1UL << (bit % BITS_PER_LONG);
}

static inline void
bitmap_clear(unsigned long *map, size_t bit)
{
	map[bit / BITS_PER_LONG] &= ~(1UL << (bit % BITS_PER_LONG));
}

static inline bool
bitmap_test(const unsigned long *map, size_t bit)
{
	return (READ_ONCE(map[bit / BITS_PER_LONG]) >> (bit % BITS_PER_LONG)) & 1;
}

/* Atomic forms; the result is the old value. Sequentially consistent. */
static inline bool
bitmap_test_and_set_atomic(unsigned long *map, size_t bit)
{
	unsigned long m = 1UL << (bit % BITS_PER_LONG);

	return atomic_fetch_or(&map[bit / BITS_PER_LONG], m) & m;
}

static inline bool
bitmap_test_and_clear_atomic(unsigned long *map, size_t bit)
{
	unsigned long m = 1UL << (bit % BITS_PER_LONG);

	return atomic_fetch_and(&map[bit / BITS_PER_LONG], ~m) & m;
}

/* All bits 0 (1); bits behind nbits in the last word are set to 0 by both. */
void bitmap_zero(unsigned long *map, size_t nbits);
void bitmap_fill(unsigned long *map, size_t nbits);

void bitmap_set_range(unsigned long *map, size_t start, size_t count);
void bitmap_clear_range(unsigned long *map, size_t start, size_t count);

/* The first set (zero) bit at or behind `from`. */
size_t bitmap_find_next_set(const unsigned long *map, size_t nbits, size_t from);
size_t bitmap_find_next_zero(const unsigned long *map, size_t nbits, size_t from);

/* The start of the first run of `count` zero bits at or behind `from`. */
size_t bitmap_find_zero_range(const unsigned long *map, size_t nbits, size_t from, size_t count);

/* How many bits are set. */
size_t bitmap_weight(const unsigned long *map, size_t nbits);

bool bitmap_empty(const unsigned long *map, size_t nbits);

#define bitmap_for_each_set(bit, map, nbits) \
	for ((bit) = bitmap_find_next_set(map, nbits, 0); (bit) < (nbits); \
	     (bit) = bitmap_find_next_set(map, nbits, (bit) + 1))

#endif
