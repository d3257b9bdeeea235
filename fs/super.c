/* SPDX-License-Identifier: BSD-2-Clause */
/* File-system types and super blocks. A super block lives from its mount to the last mount's end. */
#include "fs/internal.h"
#include "fs/notify.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/idalloc.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/panic.h"
#include "sys/wait.h"

static struct mutex list_mutex = MUTEX_INIT(list_mutex, LOCK_SB);
static struct list types = LIST_INIT(types);		/* [list_mutex] */
static struct list supers = LIST_INIT(supers);		/* [list_mutex] */
static struct waitq changed = WAITQ_INIT(changed);	/* super blocks were born, or gave their devices back */
static u32 changes;					/* [a] so many times */

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
	refcount_init(&sb->holds, 1);
	rwlock_init(&sb->umount_lock, LOCK_UMOUNT);
	sb->blksize = PAGE_SIZE;
	sb->max_size = INT64_MAX;
	sb->time_gran = 1;
	mutex_init(&sb->rename_mutex, LOCK_FS_RENAME);
	spin_init(&sb->lock, LOCK_LEAF);
	list_init(&sb->vnodes);
	list_init(&sb->dirty);
	list_init(&sb->dirty_times);
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
super_release(struct super_block *sb)
{
	bool last;

	mutex_lock(&list_mutex);
	last = refcount_put(&sb->holds);
	if (last)
		list_del(&sb->node);		/* so that who goes over the list does not lose its place */
	mutex_unlock(&list_mutex);
	if (last)
		kmem_free(sb);
}

static void
destroy(struct super_block *sb)
{
	(void)!super_sync(sb, true);
	rwlock_write_lock(&sb->umount_lock);	/* waits for those who sync or shrink it */
	sb->dying = true;
	rwlock_write_unlock(&sb->umount_lock);
	notify_unmount(sb);
	if (sb->root != NULL)
		dentry_kill_tree(sb->root);
	(void)!super_sync(sb, true);		/* of what the last users left */
	super_evict_vnodes(sb);
	WARN_ON(!list_empty(&sb->vnodes));
	if (sb->ops != NULL && sb->ops->put != NULL)
		sb->ops->put(sb);
	rcu_barrier();			/* vnodes that wait for a grace period look at sb->ops */
	mutex_lock(&list_mutex);
	idalloc_put(&anon_devs, sb->anon_minor);
	mutex_unlock(&list_mutex);
	super_release(sb);
}

void
super_put(struct super_block *sb)
{
	if (sb != NULL && refcount_put(&sb->refs))
		destroy(sb);
}

static int
try_claim(struct super_block *sb, struct block_device *bdev, struct super_block **out)
{
	struct super_block *other;
	int r = 0;

	mutex_lock(&list_mutex);
	list_for_each(other, &supers, node)
		if (other->bdev == bdev) {
			r = other->born && refcount_try_get(&other->refs) ? 1 : -EAGAIN;
			break;
		}
	if (r == 0)
		WRITE_ONCE(sb->bdev, bdev);
	else if (r == 1)
		*out = other;
	mutex_unlock(&list_mutex);
	return r;
}

static void
tell_change(void)
{
	atomic_add(&changes, 1U);
	waitq_wake_all(&changed);
}

int
super_claim_bdev(struct super_block *sb, struct block_device *bdev, struct super_block **out)
{
	u32 seen = atomic_load_acquire(&changes);
	int r;

	while ((r = try_claim(sb, bdev, out)) == -EAGAIN) {
		if (wait_event_killable(&changed, atomic_load_acquire(&changes) != seen) != 0)
			return -EINTR;
		seen = atomic_load_acquire(&changes);
	}
	return r;
}

void
super_unclaim_bdev(struct super_block *sb)
{
	mutex_lock(&list_mutex);
	WRITE_ONCE(sb->bdev, NULL);
	mutex_unlock(&list_mutex);
	tell_change();
}

void
super_set_born(struct super_block *sb)
{
	mutex_lock(&list_mutex);
	sb->born = true;
	mutex_unlock(&list_mutex);
	if (sb->bdev != NULL)
		tell_change();
}

bool
super_try_use(struct super_block *sb)
{
	if (!rwlock_try_read_lock(&sb->umount_lock))
		return false;
	if (!sb->dying)
		return true;
	rwlock_read_unlock(&sb->umount_lock);
	return false;
}

void
super_end_use(struct super_block *sb)
{
	rwlock_read_unlock(&sb->umount_lock);
}

static struct super_block *
hold_locked(struct super_block *sb)
{
	if (sb != NULL)
		refcount_get(&sb->holds);
	return sb;
}

void
super_for_each(void (*fn)(struct super_block *sb, void *arg), void *arg)
{
	struct super_block *sb, *next;

	mutex_lock(&list_mutex);
	sb = hold_locked(list_first(&supers, struct super_block, node));
	mutex_unlock(&list_mutex);
	for (; sb != NULL; sb = next) {
		rwlock_read_lock(&sb->umount_lock);
		if (!sb->dying)
			fn(sb, arg);
		rwlock_read_unlock(&sb->umount_lock);
		mutex_lock(&list_mutex);
		next = hold_locked(list_next(sb, &supers, node));
		mutex_unlock(&list_mutex);
		super_release(sb);
	}
}
