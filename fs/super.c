/* SPDX-License-Identifier: BSD-2-Clause */
/* File-system types and super blocks. A super block lives from its mount to the last mount's end. */
#include "fs/internal.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/idalloc.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

static struct mutex list_mutex = MUTEX_INIT(list_mutex, LOCK_SB);
static struct list types = LIST_INIT(types);		/* [list_mutex] */
static struct list supers = LIST_INIT(supers);		/* [list_mutex] */

static void *
id_alloc(size_t n)
{
	return kmem_alloc(n, KM_NORMAL);
}

static const struct idalloc_ops id_ops = { .alloc = id_alloc, .free = kmem_free };
static struct idalloc anon_devs;			/* [list_mutex] minors of major 0 */

/* --- types --- */

static struct fs_type *
find_locked(const char *name)
{
	struct fs_type *t;

	list_for_each(t, &types, node)
		if (strcmp(t->name, name) == 0)
			return t;
	return NULL;
}

int
fs_register(struct fs_type *type)
{
	int err = 0;

	mutex_lock(&list_mutex);
	if (find_locked(type->name) != NULL)
		err = -EBUSY;
	else
		list_add_tail(&types, &type->node);
	mutex_unlock(&list_mutex);
	return err;
}

const struct fs_type *
fs_find(const char *name)
{
	struct fs_type *t;

	mutex_lock(&list_mutex);
	t = find_locked(name);
	mutex_unlock(&list_mutex);
	return t;
}

/* Types are never unregistered, so the list may be walked beside additions; fn may sleep. */
void
fs_for_each(void (*fn)(const struct fs_type *t, void *arg), void *arg)
{
	struct fs_type *t;

	mutex_lock(&list_mutex);
	t = list_first(&types, struct fs_type, node);
	mutex_unlock(&list_mutex);
	while (t != NULL) {
		fn(t, arg);
		mutex_lock(&list_mutex);
		t = list_next(t, &types, node);
		mutex_unlock(&list_mutex);
	}
}

/* --- super blocks --- */

int
super_create(const struct fs_type *type, const struct super_ops *ops, u32 flags, struct super_block **out)
{
	struct super_block *sb = kmem_alloc(sizeof(*sb), KM_ZERO);
	int minor;

	if (sb == NULL)
		return -ENOMEM;
	sb->type = type;
	sb->ops = ops;
	sb->flags = flags;
	refcount_init(&sb->refs, 1);
	sb->blksize = PAGE_SIZE;
	sb->max_size = INT64_MAX;
	sb->time_gran = 1;
	mutex_init(&sb->rename_mutex, LOCK_FS_RENAME);
	spin_init(&sb->lock, LOCK_LEAF);
	list_init(&sb->vnodes);
	strlcpy(sb->id, type->name, sizeof(sb->id));
	mutex_lock(&list_mutex);
	if (anon_devs.ops == NULL)
		idalloc_init(&anon_devs, 1, 0xfffff, &id_ops);
	minor = idalloc_get(&anon_devs);
	if (minor >= 0) {
		sb->anon_minor = (u32)minor;
		sb->dev = makedev_k(0, (u32)minor);
		list_add_tail(&supers, &sb->node);
	}
	mutex_unlock(&list_mutex);
	if (minor < 0) {
		kmem_free(sb);
		return minor == -ENOMEM ? -ENOMEM : -EMFILE;
	}
	*out = sb;
	return 0;
}

void
super_get(struct super_block *sb)
{
	refcount_get(&sb->refs);
}

static void
destroy(struct super_block *sb)
{
	mutex_lock(&list_mutex);
	list_del(&sb->node);
	mutex_unlock(&list_mutex);
	(void)!super_sync(sb, true);
	if (sb->root != NULL)
		dentry_kill_tree(sb->root);
	super_evict_vnodes(sb);
	WARN_ON(!list_empty(&sb->vnodes));
	if (sb->ops != NULL && sb->ops->put != NULL)
		sb->ops->put(sb);
	rcu_barrier();			/* vnodes that wait for a grace period look at sb->ops */
	mutex_lock(&list_mutex);
	idalloc_put(&anon_devs, sb->anon_minor);
	mutex_unlock(&list_mutex);
	kmem_free(sb);
}

void
super_put(struct super_block *sb)
{
	if (sb != NULL && refcount_put(&sb->refs))
		destroy(sb);
}

void
super_for_each(void (*fn)(struct super_block *sb, void *arg), void *arg)
{
	struct super_block *sb, *prev = NULL;

	mutex_lock(&list_mutex);
	sb = list_first(&supers, struct super_block, node);
	while (sb != NULL) {
		if (refcount_try_get(&sb->refs)) {
			mutex_unlock(&list_mutex);
			super_put(prev);
			fn(sb, arg);
			prev = sb;
			mutex_lock(&list_mutex);
		}
		sb = list_next(sb, &supers, node);
	}
	mutex_unlock(&list_mutex);
	super_put(prev);
}

/* The vnode after prev (NULL: the first) that is dirty, referenced; prev is put. */
static struct vnode *
next_dirty(struct super_block *sb, struct vnode *prev)
{
	struct list *pos;
	struct vnode *found = NULL;

	spin_lock(&sb->lock);
	for (pos = prev != NULL ? prev->sb_node.next : sb->vnodes.next; pos != &sb->vnodes; pos = pos->next) {
		struct vnode *vn = list_entry(pos, struct vnode, sb_node);

		if ((atomic_load_relaxed(&vn->state) & (VN_DIRTY | VN_NEW | VN_FREEING)) == VN_DIRTY &&
		    refcount_try_get(&vn->refs)) {
			found = vn;
			break;
		}
	}
	spin_unlock(&sb->lock);
	vnode_put(prev);
	return found;
}

int
super_sync(struct super_block *sb, bool wait)
{
	struct vnode *vn = NULL;
	int err = 0;

	if (sb->ops == NULL || (sb->flags & MS_RDONLY))
		return 0;
	if (sb->ops->write_vnode != NULL) {
		while ((vn = next_dirty(sb, vn)) != NULL) {
			int e = sb->ops->write_vnode(vn, wait);

			err = err != 0 ? err : e;
		}
	}
	if (sb->ops->sync != NULL) {
		int e = sb->ops->sync(sb, wait);

		err = err != 0 ? err : e;
	}
	return err;
}
