/* SPDX-License-Identifier: BSD-2-Clause */
/* Bit arrays: the calls that loop. */
#include "sys/lib/bitmap.h"

#include "sys/lib/string.h"

/* Bits [lo, hi) of a word; lo < hi <= 64. */
static unsigned long
word_mask(size_t lo, size_t hi)
{
	return (~0UL << lo) & (~0UL >> (BITS_PER_LONG - hi));
}

void
bitmap_zero(unsigned long *map, size_t nbits)
{
	memset(map, 0, BITMAP_BYTES(nbits));
}

void
bitmap_fill(unsigned long *map, size_t nbits)
{
	if (!nbits)
		return;
	memset(map, 0xff, BITMAP_BYTES(nbits));
	map[BITMAP_LONGS(nbits) - 1] = word_mask(0, (nbits - 1) % BITS_PER_LONG + 1);
}

void
bitmap_set_range(unsigned long *map, size_t start, size_t count)
{
	size_t end = start + count;

	while (start < end) {
		size_t lo = start % BITS_PER_LONG;
		size_t n = MIN(BITS_PER_LONG - lo, end - start);

		map[start / BITS_PER_LONG] |= word_mask(lo, lo + n);
		start += n;
	}
}

void
bitmap_clear_range(unsigned long *map, size_t start, size_t count)
{
	size_t end = start + count;

	while (start < end) {
		size_t lo = start % BITS_PER_LONG;
		size_t n = MIN(BITS_PER_LONG - lo, end - start);

		map[start / BITS_PER_LONG] &= ~word_mask(lo, lo + n);
		start += n;
	}
}

/* The first bit at or behind `from` whose value differs from that in `flip` (all 0 or all 1). */
static size_t
find_next(const unsigned long *map, size_t nbits, size_t from, unsigned long flip)
{
	size_t w;
	unsigned long v;

	if (from >= nbits)
		return nbits;
	w = from / BITS_PER_LONG;
	v = (READ_ONCE(map[w]) ^ flip) & (~0UL << (from % BITS_PER_LONG));
	while (!v) {
		w++;
		if (w * BITS_PER_LONG >= nbits)
			return nbits;
		v = READ_ONCE(map[w]) ^ flip;
	}
	return MIN(w * BITS_PER_LONG + ctz64(v), nbits);
}

size_t
bitmap_find_next_set(const unsigned long *map, size_t nbits, size_t from)
{
	return find_next(map, nbits, from, 0);
}

size_t
bitmap_find_next_zero(const unsigned long *map, size_t nbits, size_t from)
{
	return find_next(map, nbits, from, ~0UL);
}

size_t
bitmap_find_zero_range(const unsigned long *map, size_t nbits, size_t from, size_t count)
{
	size_t start = bitmap_find_next_zero(map, nbits, from);

	while (start < nbits && count <= nbits - start) {
		size_t end = bitmap_find_next_set(map, start + count, start);

		if (end == start + count)
			return start;
		start = bitmap_find_next_zero(map, nbits, end);
	}
	return nbits;
}

size_t
bitmap_weight(const unsigned long *map, size_t nbits)
{
	size_t full = nbits / BITS_PER_LONG, rest = nbits % BITS_PER_LONG, sum = 0;

	for (size_t w = 0; w < full; w++)
		sum += popcount64(map[w]);
	if (rest)
		sum += popcount64(map[full] & word_mask(0, rest));
	return sum;
}

bool
bitmap_empty(const unsigned long *map, size_t nbits)
{
	return bitmap_find_next_set(map, nbits, 0) == nbits;
}
