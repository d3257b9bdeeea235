/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of what is counted per real user id. */
#include "proc/proc.h"

#include "sys/lib/hash.h"

#define USER_HASH_BITS	6

static struct hlist table[1 << USER_HASH_BITS];			/* [table_lock] */
static struct spinlock table_lock = SPINLOCK_INIT(LOCK_LEAF);	/* irqs off */

static struct user_counts *
lookup(kuid_t uid)
{
	struct user_counts *u;

	hlist_for_each(u, &table[hash_u64(uid.val, USER_HASH_BITS)], node)
		if (uid_eq(u->uid, uid))
			return u;
	return NULL;
}

struct user_counts *
user_counts_find(kuid_t uid)
{
	struct user_counts *u, *new = NULL;
	u64 irq;

	for (;;) {
		irq = spin_lock_irqsave(&table_lock);
		u = lookup(uid);
		if (u != NULL) {
			refcount_get(&u->refs);
		} else if (new != NULL) {
			u = new;
			new = NULL;
			hlist_add(&table[hash_u64(uid.val, USER_HASH_BITS)], &u->node);
		}
		spin_unlock_irqrestore(&table_lock, irq);
		if (u != NULL)
			break;
		new = kmem_alloc(sizeof(*new), KM_ZERO);
		if (new == NULL)
			return NULL;
		new->uid = uid;
		refcount_init(&new->refs, 1);
	}
	kmem_free(new);
	return u;
}

void
user_counts_get(struct user_counts *u)
{
	refcount_get(&u->refs);
}

void
user_counts_put(struct user_counts *u)
{
	u64 irq;
	bool last;

	if (u == NULL)
		return;
	/* The last put and a find exclude each other, or find could revive a dead one. */
	irq = spin_lock_irqsave(&table_lock);
	last = refcount_put(&u->refs);
	if (last)
		hlist_del(&u->node);
	spin_unlock_irqrestore(&table_lock, irq);
	if (last)
		kmem_free(u);
}
