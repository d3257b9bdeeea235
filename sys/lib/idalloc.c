/* SPDX-License-Identifier: BSD-2-Clause */
/* Integer allocator. Bits behind `nbits` are free by definition; the map doubles when one of them is taken. */
#include "sys/lib/idalloc.h"

#include "sys/abi/errno.h"
#include "sys/lib/bitmap.h"
#include "sys/lib/string.h"

static u32
limit(const struct idalloc *ia)
{
	return ia->max - ia->min + 1;
}

void
idalloc_init(struct idalloc *ia, u32 min, u32 max, const struct idalloc_ops *ops)
{
	memset(ia, 0, sizeof(*ia));
	ia->ops = ops;
	ia->min = min;
	ia->max = MIN(max, (u32)INT32_MAX);
}

void
idalloc_destroy(struct idalloc *ia)
{
	if (ia->bits)
		ia->ops->free(ia->bits);
	idalloc_init(ia, ia->min, ia->max, ia->ops);
}

/* Makes room for bit `bit` < limit. */
static int
grow(struct idalloc *ia, u32 bit)
{
	u64 want = MAX((u64)bit + 1, MAX(2 * (u64)ia->nbits, 256UL));
	u32 nbits = MIN(ALIGN_UP(want, BITS_PER_LONG), (u64)limit(ia));
	unsigned long *bits;

	bits = ia->ops->alloc(BITMAP_BYTES(nbits));
	if (!bits)
		return -ENOMEM;
	bitmap_zero(bits, nbits);
	if (ia->bits) {
		memcpy(bits, ia->bits, BITMAP_BYTES(ia->nbits));
		ia->ops->free(ia->bits);
	}
	ia->bits = bits;
	ia->nbits = nbits;
	return 0;
}

/* Takes a bit that is free. */
static int
take(struct idalloc *ia, u32 bit)
{
	if (bit >= ia->nbits) {
		int err = grow(ia, bit);

		if (err)
			return err;
	}
	bitmap_set(ia->bits, bit);
	ia->used++;
	return ia->min + bit;
}

/* The first free bit in [from, limit), or limit. */
static u32
find_free(const struct idalloc *ia, u32 from)
{
	if (from >= ia->nbits)
		return MIN(from, limit(ia));
	return bitmap_find_next_zero(ia->bits, ia->nbits, from);
}

int
idalloc_get(struct idalloc *ia)
{
	u32 bit = find_free(ia, ia->hint);
	int id;

	if (bit >= limit(ia))
		return -ENOSPC;
	id = take(ia, bit);
	if (id >= 0)
		ia->hint = bit + 1;
	return id;
}

int
idalloc_get_from(struct idalloc *ia, u32 from)
{
	u32 bit;

	if (from <= ia->min)
		return idalloc_get(ia);
	if (from > ia->max)
		return -ENOSPC;
	bit = find_free(ia, MAX(from - ia->min, ia->hint));
	return bit < limit(ia) ? take(ia, bit) : -ENOSPC;
}

int
idalloc_get_cyclic(struct idalloc *ia)
{
	u32 bit;
	int id;

	if (ia->used >= limit(ia))
		return -ENOSPC;
	bit = find_free(ia, ia->next);
	if (bit >= limit(ia))
		bit = find_free(ia, ia->hint);
	id = take(ia, bit);
	if (id >= 0)
		ia->next = bit + 1;
	return id;
}

int
idalloc_claim(struct idalloc *ia, u32 id)
{
	int err;

	if (id < ia->min || id > ia->max)
		return -EINVAL;
	if (idalloc_is_taken(ia, id))
		return -EBUSY;
	err = take(ia, id - ia->min);
	return MIN(err, 0);
}

void
idalloc_put(struct idalloc *ia, u32 id)
{
	u32 bit = id - ia->min;

	bitmap_clear(ia->bits, bit);
	ia->used--;
	ia->hint = MIN(ia->hint, bit);
}

bool
idalloc_is_taken(const struct idalloc *ia, u32 id)
{
	u32 bit = id - ia->min;

	return id >= ia->min && bit < ia->nbits && bitmap_test(ia->bits, bit);
}
