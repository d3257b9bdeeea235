/* SPDX-License-Identifier: BSD-2-Clause */
/* Heapsort in place: O(n log n) always, no memory, not stable. */
#ifndef SYS_LIB_SORT_H
#define SYS_LIB_SORT_H

#include "sys/lib/types.h"

/* Sorts n elements of `size` bytes, ascending. cmp: < 0, 0, > 0 as a is before, like, behind b. */
void sort(void *base, size_t n, size_t size, int (*cmp)(const void *a, const void *b));

#endif
