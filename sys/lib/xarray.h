/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sparse array: u64 index -> pointer, with three tag bits per entry. A radix tree with 64-way nodes, as high as
 * the greatest index needs; an array with an entry at index 0 only has no node at all.
 *
 * Entries: not NULL; the two lowest bits are not binary 10 (so pointers aligned to 4, or odd values, may be stored).
 * Writers (store, insert, erase, set_tag, clear_tag, destroy) are excluded by the owner's lock. xa_load, xa_find*,
 * xa_get_tag and xa_tagged may run beside one writer inside an RCU read section, if ops->free defers the memory by a
 * grace period; what such a reader finds may be gone already, so it takes a try-get and looks again.
 * Nothing sleeps but what ops->alloc does. Node memory is given back as soon as a node is empty.
 */
#ifndef SYS_LIB_XARRAY_H
#define SYS_LIB_XARRAY_H

#include "sys/lib/types.h"

#define XA_SHIFT	6
#define XA_SLOTS	(1U << XA_SHIFT)

enum xa_tag { XTAG_0, XTAG_1, XTAG_2, XA_TAGS };

struct xa_node {
	void *reclaim[2];		/* for ops->free: room for a struct rcu_head */
	struct xa_node *parent;		/* writers only */
	u8 shift;			/* [I] index bits below this level */
	u8 offset;			/* writers only: our slot in parent */
	u8 count;			/* writers only: slots in use */
	u64 tags[XA_TAGS];		/* [a] bit i: slot i, or something below it, has the tag */
	void *slots[XA_SLOTS];		/* [r] entries where shift is 0, else nodes */
};

struct xa_ops {
	void *(*alloc)(void);		/* sizeof(struct xa_node) bytes, or NULL; need not be zeroed */
	void (*free)(void *node);	/* called with the owner's lock held */
};

struct xarray {
	void *root;			/* [r] NULL, the entry of index 0, or a node's address + 2 */
	const struct xa_ops *ops;	/* [I] */
	u8 root_tags;			/* [a] tags of an entry in `root` */
};

void xa_init(struct xarray *xa, const struct xa_ops *ops);
/* Frees all nodes and forgets the entries; the array is empty afterwards. */
void xa_destroy(struct xarray *xa);

/* The entry at index, or NULL. */
void *xa_load(const struct xarray *xa, u64 index);

/*
 * Stores an entry; one that is there is replaced and leaves its tags. entry NULL erases. -ENOMEM: nothing changed.
 * -EINVAL: no valid entry.
 */
__must_check int xa_store(struct xarray *xa, u64 index, void *entry);
/* The same, but -EEXIST if an entry is there. */
__must_check int xa_insert(struct xarray *xa, u64 index, void *entry);
/* Removes and returns the entry, or NULL. Cannot fail. */
void *xa_erase(struct xarray *xa, u64 index);

/* No effect where there is no entry. */
void xa_set_tag(struct xarray *xa, u64 index, enum xa_tag tag);
void xa_clear_tag(struct xarray *xa, u64 index, enum xa_tag tag);
bool xa_get_tag(const struct xarray *xa, u64 index, enum xa_tag tag);
/* Is there any entry with the tag? */
bool xa_tagged(const struct xarray *xa, enum xa_tag tag);

/* The first entry in [*index, max], whose index is stored in *index; else NULL, and *index is unchanged. */
void *xa_find(const struct xarray *xa, u64 *index, u64 max);
void *xa_find_tag(const struct xarray *xa, u64 *index, u64 max, enum xa_tag tag);
/* The same in (*index, max]: to go on. */
void *xa_find_after(const struct xarray *xa, u64 *index, u64 max);
void *xa_find_tag_after(const struct xarray *xa, u64 *index, u64 max, enum xa_tag tag);

static inline bool
xa_empty(const struct xarray *xa)
{
	return !*(void *const volatile *)&xa->root;
}

/* `entry` a pointer, `index` a u64. The body may erase entries. */
#define xa_for_each(entry, xa, index) \
	for ((index) = 0, (entry) = xa_find(xa, &(index), UINT64_MAX); (entry); \
	     (entry) = xa_find_after(xa, &(index), UINT64_MAX))
#define xa_for_each_tagged(entry, xa, index, tag) \
	for ((index) = 0, (entry) = xa_find_tag(xa, &(index), UINT64_MAX, tag); (entry); \
	     (entry) = xa_find_tag_after(xa, &(index), UINT64_MAX, tag))

#endif
