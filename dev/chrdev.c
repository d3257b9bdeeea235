/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry of character devices: number ranges in a tree, by (major, first minor). */
#include "dev/chrdev.h"

#include "sys/abi/errno.h"

static struct mutex registry_lock = MUTEX_INIT(registry_lock, LOCK_CHRDEV);
static struct rbtree registry = RBTREE_INIT;	/* [registry_lock] ranges do not overlap */

/* Where a range stands relative to minor: <0 before it, 0 around it, >0 behind it. */
static int
compare(const struct chrdev *c, u32 major, u32 minor)
{
	if (c->major != major)
		return c->major < major ? -1 : 1;
	if (minor < c->first)
		return 1;
	return minor - c->first < c->count ? 0 : -1;
}

static struct chrdev *
find_locked(u32 major, u32 minor)
{
	struct rbnode *n = registry.root;

	mutex_assert_held(&registry_lock);
	while (n != NULL) {
		struct chrdev *c = rb_entry(n, struct chrdev, node);
		int where = compare(c, major, minor);

		if (where == 0)
			return c;
		n = where < 0 ? n->right : n->left;
	}
	return NULL;
}

int
chrdev_register(struct chrdev *c)
{
	struct rbnode **link = &registry.root, *parent = NULL;
	int err = 0;

	mutex_lock(&registry_lock);
	while (*link != NULL) {
		struct chrdev *o = rb_entry(*link, struct chrdev, node);

		parent = *link;
		if (c->major < o->major || (c->major == o->major && c->first + c->count <= o->first)) {
			link = &parent->left;
		} else if (c->major > o->major || o->first + o->count <= c->first) {
			link = &parent->right;
		} else {
			err = -EBUSY;
			goto out_unlock;
		}
	}
	rb_insert(&registry, &c->node, parent, link);
out_unlock:
	mutex_unlock(&registry_lock);
	return err;
}

void
chrdev_unregister(struct chrdev *c)
{
	mutex_lock(&registry_lock);
	rb_erase(&registry, &c->node);
	mutex_unlock(&registry_lock);
}

int
chrdev_find(dev_t devt, struct chrdev *out, u32 *minor_index)
{
	u32 major = (u32)((devt >> 32) & 0xfffff000u) | (u32)((devt >> 8) & 0xfffu);
	u32 minor = (u32)((devt >> 12) & 0xffffff00u) | (u32)(devt & 0xffu);
	struct chrdev *c;

	mutex_lock(&registry_lock);
	c = find_locked(major, minor);
	if (c != NULL) {
		*out = *c;
		if (c->hold != NULL)
			c->hold(c->priv);
		*minor_index = minor - c->first;
	}
	mutex_unlock(&registry_lock);
	return c != NULL ? 0 : -ENXIO;
}

void
chrdev_for_each(void (*fn)(const struct chrdev *c, void *arg), void *arg)
{
	mutex_lock(&registry_lock);
	for (struct rbnode *n = rb_first(&registry); n != NULL; n = rb_next(n))
		fn(rb_entry(n, struct chrdev, node), arg);
	mutex_unlock(&registry_lock);
}
