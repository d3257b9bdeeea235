/* SPDX-License-Identifier: BSD-2-Clause */
/* Heapsort (Knuth, vol. 3, 5.2.3). */
#include "sys/lib/sort.h"

static void
swap(u8 *a, u8 *b, size_t size)
{
	for (; size >= 8; size -= 8, a += 8, b += 8) {
		u64 x, y;

		__builtin_memcpy(&x, a, 8);
		__builtin_memcpy(&y, b, 8);
		__builtin_memcpy(a, &y, 8);
		__builtin_memcpy(b, &x, 8);
	}
	for (; size; size--, a++, b++) {
		u8 x = *a;

		*a = *b;
		*b = x;
	}
}

/* Lets element i sink to its place in the heap of the first n. */
static void
sink(u8 *base, size_t i, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= n)
			return;
		if (child + 1 < n && cmp(base + child * size, base + (child + 1) * size) < 0)
			child++;
		if (cmp(base + i * size, base + child * size) >= 0)
			return;
		swap(base + i * size, base + child * size, size);
		i = child;
	}
}

void
sort(void *base, size_t n, size_t size, int (*cmp)(const void *a, const void *b))
{
	for (size_t i = n / 2; i; i--)
		sink(base, i - 1, n, size, cmp);
	for (; n > 1; n--) {
		swap(base, (u8 *)base + (n - 1) * size, size);
		sink(base, 0, n - 1, size, cmp);
	}
}
