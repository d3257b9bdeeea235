/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of revoked blocks, as trees by block number. */
#include "fs/jbd2/revoke.h"

#include "sys/kmem.h"

static struct kmem_cache *revoke_cache;

void
revoke_init(void)
{
	revoke_cache = kmem_cache_create("jbd2_revoke", sizeof(struct revoke), 8, 0, NULL);
}

struct revoke *
revoke_alloc(void)
{
	return kmem_cache_alloc(revoke_cache, KM_NORMAL);
}

void
revoke_free(struct revoke *r)
{
	if (r != NULL)
		kmem_cache_free(revoke_cache, r);
}

void
revoke_add(struct revoke_table *t, struct revoke *r)
{
	struct rbnode **link = &t->tree.root, *parent = NULL;

	while (*link != NULL) {
		struct revoke *other = rb_entry(*link, struct revoke, node);

		if (other->block == r->block) {
			if ((s32)(r->tid - other->tid) > 0)
				other->tid = r->tid;
			revoke_free(r);
			return;
		}
		parent = *link;
		link = r->block < other->block ? &parent->left : &parent->right;
	}
	rb_insert(&t->tree, &r->node, parent, link);
	t->n++;
}

struct revoke *
revoke_find(const struct revoke_table *t, u64 block)
{
	struct rbnode *n = t->tree.root;

	while (n != NULL) {
		struct revoke *r = rb_entry(n, struct revoke, node);

		if (r->block == block)
			return r;
		n = block < r->block ? n->left : n->right;
	}
	return NULL;
}

void
revoke_remove(struct revoke_table *t, u64 block)
{
	struct revoke *r = revoke_find(t, block);

	if (r == NULL)
		return;
	rb_erase(&t->tree, &r->node);
	t->n--;
	revoke_free(r);
}

void
revoke_clear(struct revoke_table *t)
{
	struct rbnode *n;

	while ((n = rb_first(&t->tree)) != NULL) {
		rb_erase(&t->tree, n);
		revoke_free(rb_entry(n, struct revoke, node));
	}
	t->n = 0;
}
