/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table of IPC objects. An id is an index and a sequence number: indexes are given in a circle, which is wider than what is in
 * use, and each time round has another number; so an id that was removed does not soon name something else.
 */
#include "proc/ipc/ipc.h"

#include "sys/abi/errno.h"

#define MIN_CIRCLE	64u

void
ipc_table_init(struct ipc_table *t, const struct xa_ops *ops)
{
	xa_init(&t->objects, ops);
	rb_init(&t->keys);
	t->used = 0;
	t->top = -1;
	t->next = 0;
	t->seq = 0;
}

/* The next free index in the circle; there is one, as fewer are in use than the circle has. */
static u32
next_index(struct ipc_table *t)
{
	u32 circle = MIN(MAX(t->used * 2, MIN_CIRCLE), IPC_INDEXES);

	for (;; t->next++) {
		if (t->next >= circle) {
			t->next = 0;
			t->seq = (t->seq + 1) % IPC_SEQS;
		}
		if (xa_load(&t->objects, t->next) == NULL)
			return t->next;
	}
}

static void
add_key(struct ipc_table *t, struct ipc_object *o)
{
	struct rbnode **link = &t->keys.root, *parent = NULL;

	while (*link != NULL) {
		parent = *link;
		link = o->key < rb_entry(parent, struct ipc_object, key_node)->key ? &parent->left : &parent->right;
	}
	rb_insert(&t->keys, &o->key_node, parent, link);
}

int
ipc_table_add(struct ipc_table *t, struct ipc_object *o, u32 max)
{
	u32 index;
	int err;

	if (t->used >= MIN(max, IPC_INDEXES))
		return -ENOSPC;
	index = next_index(t);
	o->id = (s32)(t->seq << IPC_INDEX_BITS | index);
	err = xa_store(&t->objects, index, o);
	if (err != 0)
		return err;
	t->next = index + 1;
	t->used++;
	t->top = MAX(t->top, (s32)index);
	if (o->key != IPC_PRIVATE)
		add_key(t, o);
	return 0;
}

void
ipc_table_forget_key(struct ipc_table *t, struct ipc_object *o)
{
	if (o->key == IPC_PRIVATE)
		return;
	rb_erase(&t->keys, &o->key_node);
	o->key = IPC_PRIVATE;
}

void
ipc_table_remove(struct ipc_table *t, struct ipc_object *o)
{
	ipc_table_forget_key(t, o);
	(void)xa_erase(&t->objects, ipc_index(o->id));
	t->used--;
	while (t->top >= 0 && xa_load(&t->objects, (u32)t->top) == NULL)
		t->top--;
}

struct ipc_object *
ipc_table_find_key(const struct ipc_table *t, s32 key)
{
	struct rbnode *n = t->keys.root;

	while (n != NULL) {
		struct ipc_object *o = rb_entry(n, struct ipc_object, key_node);

		if (key == o->key)
			return o;
		n = key < o->key ? n->left : n->right;
	}
	return NULL;
}

struct ipc_object *
ipc_table_at(const struct ipc_table *t, u32 index)
{
	return xa_load(&t->objects, index);
}
