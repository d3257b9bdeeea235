/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended attributes in memory: a list per vnode; few files have any, and those few. */
#include "fs/xattr.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"

struct entry {
	struct list node;	/* [l of the vnode] */
	size_t size;		/* of the value */
	u32 name_len;		/* with its NUL */
	char data[];		/* the name, then the value */
};

void
xattr_mem_init(struct xattr_mem *x)
{
	list_init(&x->all);
	x->bytes = 0;
}

static void
drop(struct xattr_mem *x, struct entry *e)
{
	list_del(&e->node);
	x->bytes -= sizeof(*e) + e->name_len + e->size;
	kmem_free(e);
}

void
xattr_mem_free(struct xattr_mem *x)
{
	struct entry *e;

	while ((e = list_first(&x->all, struct entry, node)) != NULL)
		drop(x, e);
}

static struct entry *
find(struct xattr_mem *x, const char *name)
{
	struct entry *e;

	list_for_each(e, &x->all, node)
		if (strcmp(e->data, name) == 0)
			return e;
	return NULL;
}

ssize_t
xattr_mem_get(struct xattr_mem *x, const char *name, void *buf, size_t size)
{
	struct entry *e = find(x, name);

	if (e == NULL)
		return -ENODATA;
	if (size != 0) {
		if (e->size > size)
			return -ERANGE;
		memcpy(buf, e->data + e->name_len, e->size);
	}
	return (ssize_t)e->size;
}

ssize_t
xattr_mem_list(struct xattr_mem *x, char *buf, size_t size)
{
	struct entry *e;
	size_t used = 0;

	list_for_each(e, &x->all, node) {
		int err = xattr_list_one(buf, size, &used, "", e->data);

		if (err != 0)
			return err;
	}
	return (ssize_t)used;
}

int
xattr_mem_set(struct xattr_mem *x, const char *name, const void *value, size_t size, int flags)
{
	struct entry *old = find(x, name), *new;
	size_t len = strlen(name) + 1, freed = old != NULL ? sizeof(*old) + old->name_len + old->size : 0;

	if (old != NULL && (flags & XATTR_CREATE))
		return -EEXIST;
	if (old == NULL && ((flags & XATTR_REPLACE) || value == NULL))
		return -ENODATA;
	if (value == NULL) {
		drop(x, old);
		return 0;
	}
	if (x->bytes - freed + sizeof(*new) + len + size > XATTR_MEM_MAX)
		return -ENOSPC;
	new = kmem_alloc(sizeof(*new) + len + size, KM_USER);
	if (new == NULL)
		return -ENOMEM;
	new->size = size;
	new->name_len = (u32)len;
	memcpy(new->data, name, len);
	memcpy(new->data + len, value, size);
	list_add(&x->all, &new->node);
	x->bytes += sizeof(*new) + len + size;
	if (old != NULL)
		drop(x, old);
	return 0;
}
