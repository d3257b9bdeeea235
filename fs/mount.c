/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mount tree.
 *
 * A mount is found by (parent mount, mount point) in a hash that walks read under RCU; mount_seq tells them that the tree
 * changed. All changes are made under mount_mutex; the parts that readers see under mount_lock too, which bumps mount_seq.
 * The tree holds one reference of each mount in it, a child one of its parent; open files, working directories and walks hold
 * the others, so a mount with more than the tree's own is busy. A lazily detached mount lives on until they are gone.
 */
#include "fs/mount_tree.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/hash.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

#define MOUNT_HASH_BITS	8

struct mutex mount_mutex = MUTEX_INIT(mount_mutex, LOCK_MOUNT);
struct seqcount mount_seq;			/* [mount_lock] */
static struct spinlock mount_lock = SPINLOCK_INIT(LOCK_LEAF);
static struct hlist table[1 << MOUNT_HASH_BITS];	/* [mount_mutex and mount_lock, r] */
struct list mount_list = LIST_INIT(mount_list);	/* [mount_mutex] all attached ones, in mount order */
static u32 mount_count;			/* [mount_mutex] charged ones */
int mount_max = 100000;			/* [a] sysctl fs.mount-max */
static u32 last_id;				/* [a] */

static struct hlist *
bucket_of(const struct mount *parent, const struct dentry *mountpoint)
{
	return &table[hash_u64(((u64)(uintptr_t)parent >> 5) ^ ((u64)(uintptr_t)mountpoint << 7), MOUNT_HASH_BITS)];
}

/* --- life --- */

void
mount_get(struct mount *m)
{
	refcount_get(&m->refs);
}

static void
free_rcu(struct rcu_head *head)
{
	struct mount *m = container_of(head, struct mount, rcu);

	kmem_free(m->devname);
	kmem_free(m);
}

void
mount_put(struct mount *m)
{
	if (m == NULL || !refcount_put(&m->refs))
		return;
	WARN_ON(atomic_load_relaxed(&m->writers) != 0);
	dentry_put(m->root);
	super_put(m->sb);
	rcu_call(&m->rcu, free_rcu);
}

/* Takes the reference of sb, also on failure. */
int
mount_alloc(struct super_block *sb, struct dentry *root, u32 flags, const char *dev, struct mount **out)
{
	struct mount *m = kmem_alloc(sizeof(*m), KM_ZERO);

	if (m == NULL)
		goto out_put;
	m->devname = kmem_strdup(dev != NULL && *dev != '\0' ? dev : "none", KM_NORMAL);
	if (m->devname == NULL)
		goto out_put;
	m->sb = sb;
	m->root = root;
	dentry_get(root);
	m->parent = m;
	m->mountpoint = root;
	m->flags = flags;
	m->id = atomic_add(&last_id, 1u);
	m->detached = true;
	refcount_init(&m->refs, 1);
	list_init(&m->children);
	list_init(&m->sibling);
	list_init(&m->ns_node);
	*out = m;
	return 0;
out_put:
	kmem_free(m);
	super_put(sb);
	return -ENOMEM;
}

void
path_get(const struct path *p)
{
	mount_get(p->mnt);
	dentry_get(p->dentry);
}

void
path_put(struct path *p)
{
	struct path old = *p;

	p->mnt = NULL;
	p->dentry = NULL;
	dentry_put(old.dentry);
	mount_put(old.mnt);
}

/* --- writers --- */

int
mount_want_write(struct mount *m)
{
	atomic_add(&m->writers, 1u);	/* orders the count before the look at the flags: see make_readonly() */
	if (likely(!(atomic_load(&m->flags) & MNT_READONLY) && !(atomic_load(&m->sb->flags) & (MS_RDONLY | SB_RO_REMOUNT))))
		return 0;
	atomic_sub(&m->writers, 1u);
	return -EROFS;
}

void
mount_drop_write(struct mount *m)
{
	atomic_sub(&m->writers, 1u);
}

static int
make_readonly(struct mount *m)
{
	u32 old = atomic_fetch_or(&m->flags, (u32)MNT_READONLY);

	if (atomic_load(&m->writers) == 0)
		return 0;
	if (!(old & MNT_READONLY))
		atomic_fetch_and(&m->flags, ~(u32)MNT_READONLY);
	return -EBUSY;
}

/* --- lookup --- */

struct mount *
mount_lookup_rcu(const struct mount *parent, const struct dentry *mountpoint)
{
	struct mount *m;

	hlist_for_each_rcu(m, bucket_of(parent, mountpoint), hash)
		if (READ_ONCE(m->parent) == parent && READ_ONCE(m->mountpoint) == mountpoint)
			return m;
	return NULL;
}

/* Referenced, or NULL. */
static struct mount *
mount_find(struct mount *parent, struct dentry *mountpoint)
{
	struct mount *m;
	u32 seq;

	for (;;) {
		rcu_read_lock();
		seq = seq_read_begin(&mount_seq);
		m = mount_lookup_rcu(parent, mountpoint);
		if (m != NULL && !refcount_try_get(&m->refs)) {
			rcu_read_unlock();
			continue;
		}
		rcu_read_unlock();
		if (likely(!seq_read_retry(&mount_seq, seq)))
			return m;
		mount_put(m);
	}
}

bool
mount_cross(struct path *p)
{
	bool crossed = false;

	while (unlikely(atomic_load_acquire(&p->dentry->flags) & DENTRY_MOUNTED)) {
		struct mount *m = mount_find(p->mnt, p->dentry);

		if (m == NULL)
			break;		/* mounted elsewhere, in another bind of the directory */
		path_put(p);
		p->mnt = m;
		p->dentry = m->root;
		dentry_get(m->root);
		crossed = true;
	}
	return crossed;
}

bool
mount_up(struct path *p)
{
	for (;;) {
		struct path up;
		bool ok;
		u32 seq;

		rcu_read_lock();
		seq = seq_read_begin(&mount_seq);
		up.mnt = READ_ONCE(p->mnt->parent);
		up.dentry = READ_ONCE(p->mnt->mountpoint);
		if (up.mnt == p->mnt) {
			rcu_read_unlock();
			if (seq_read_retry(&mount_seq, seq))
				continue;
			return false;
		}
		ok = refcount_try_get(&up.mnt->refs);
		if (ok && !dentry_try_get(up.dentry)) {
			rcu_read_unlock();
			mount_put(up.mnt);
			continue;
		}
		rcu_read_unlock();
		if (ok && !seq_read_retry(&mount_seq, seq)) {
			path_put(p);
			*p = up;
			return true;
		}
		if (ok)
			path_put(&up);
	}
}

bool
mount_is_busy_point(const struct dentry *d)
{
	return atomic_load_acquire(&d->flags) & DENTRY_MOUNTED;
}

/* --- changes of the tree; mount_mutex held --- */

/* Is anything mounted on d, in any mount? */
static bool
is_mounted_somewhere(const struct dentry *d)
{
	struct mount *m;

	list_for_each(m, &mount_list, ns_node)
		if (m->mountpoint == d && m->parent != m)
			return true;
	return false;
}

int
mount_charge_locked(struct mount *m)
{
	mutex_assert_held(&mount_mutex);
	if (mount_count >= (u32)READ_ONCE(mount_max))
		return -ENOSPC;
	mount_count++;
	m->charged = true;
	return 0;
}

void
mount_uncharge_locked(struct mount *m)
{
	mutex_assert_held(&mount_mutex);
	if (m->charged)
		mount_count--;
	m->charged = false;
}

struct mount *
mount_next_in_tree(struct mount *cur, struct mount *top)
{
	struct mount *next = list_first(&cur->children, struct mount, sibling);

	for (; next == NULL && cur != top; cur = cur->parent)
		next = list_next(cur, &cur->parent->children, sibling);
	return next;
}

/* Put m at (parent, mountpoint), whose references are taken over. */
void
mount_attach_locked(struct mount *m, struct mount *parent, struct dentry *mountpoint)
{
	mutex_assert_held(&mount_mutex);
	KASSERT(m->charged);
	dentry_set_mounted(mountpoint, true);
	spin_lock(&mount_lock);
	seq_write_begin(&mount_seq);
	m->parent = parent;
	m->mountpoint = mountpoint;
	m->detached = false;
	hlist_add_rcu(bucket_of(parent, mountpoint), &m->hash);
	seq_write_end(&mount_seq);
	spin_unlock(&mount_lock);
	list_add_tail(&parent->children, &m->sibling);
	if (!list_is_linked(&m->ns_node))
		list_add_tail(&mount_list, &m->ns_node);
}

/* Take m from its place (returned, to be put behind the mutex), unless more than max_refs references are out. It keeps its
 * children. Readers get their reference before they look at mount_seq, so either we see theirs or they see our change. */
bool
mount_try_detach_locked(struct mount *m, s32 max_refs, bool for_good, struct path *old)
{
	bool ok;

	mutex_assert_held(&mount_mutex);
	old->mnt = m->parent;
	old->dentry = m->mountpoint;
	spin_lock(&mount_lock);
	seq_write_begin(&mount_seq);
	smp_mb();
	ok = refcount_read(&m->refs) <= max_refs;
	if (ok) {
		hlist_del_rcu(&m->hash);
		m->parent = m;
		m->mountpoint = m->root;
		m->detached = true;
	}
	seq_write_end(&mount_seq);
	spin_unlock(&mount_lock);
	if (!ok)
		return false;
	list_del_init(&m->sibling);
	if (for_good) {
		list_del_init(&m->ns_node);
		mount_uncharge_locked(m);
		mount_leave_group_locked(m);
	}
	if (!is_mounted_somewhere(old->dentry))
		dentry_set_mounted(old->dentry, false);
	return true;
}

void
mount_rehang_locked(struct mount *m, struct mount *parent, struct dentry *mountpoint, struct path *old)
{
	struct path from = { m->parent, m->mountpoint };

	mutex_assert_held(&mount_mutex);
	dentry_set_mounted(mountpoint, true);
	spin_lock(&mount_lock);
	seq_write_begin(&mount_seq);
	hlist_del_rcu(&m->hash);
	m->parent = parent;
	m->mountpoint = mountpoint;
	hlist_add_rcu(bucket_of(parent, mountpoint), &m->hash);
	seq_write_end(&mount_seq);
	spin_unlock(&mount_lock);
	list_del_init(&m->sibling);
	list_add_tail(&parent->children, &m->sibling);
	if (!is_mounted_somewhere(from.dentry))
		dentry_set_mounted(from.dentry, false);
	*old = from;
}

/* Onto the list of what mount_drop_detached() puts, with its old place. */
void
mount_chain_detached(struct mount *m, const struct path *old, struct list *gone)
{
	m->doomed = false;
	m->tmp_mnt = old->mnt;
	m->tmp_dentry = old->dentry;
	list_add_tail(gone, &m->ns_node);
}

/* mount_mutex is not held. */
void
mount_drop_detached(struct list *gone)
{
	struct mount *m;

	while ((m = list_first(gone, struct mount, ns_node)) != NULL) {
		struct path old = { m->tmp_mnt, m->tmp_dentry };

		list_del_init(&m->ns_node);
		m->tmp_mnt = NULL;
		m->tmp_dentry = NULL;
		path_put(&old);
		mount_put(m);
	}
}

/* --- flags --- */

u32
mount_flags_from_ms(u32 ms)
{
	u32 f = 0;

	f |= ms & MS_RDONLY ? MNT_READONLY : 0;
	f |= ms & MS_NOSUID ? MNT_NOSUID : 0;
	f |= ms & MS_NODEV ? MNT_NODEV : 0;
	f |= ms & MS_NOEXEC ? MNT_NOEXEC : 0;
	f |= ms & MS_NODIRATIME ? MNT_NODIRATIME : 0;
	f |= ms & MS_NOSYMFOLLOW ? MNT_NOSYMFOLLOW : 0;
	if (ms & MS_NOATIME)
		f |= MNT_NOATIME;
	else if (!(ms & MS_STRICTATIME))
		f |= MNT_RELATIME;
	return f;
}

#define MNT_USER_FLAGS	(MNT_READONLY | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC | MNT_NODIRATIME | MNT_NOSYMFOLLOW | MNT_NOATIME | \
			 MNT_RELATIME | MNT_STRICTATIME)
#define MNT_ATIME_FLAGS	(MNT_NOATIME | MNT_RELATIME | MNT_STRICTATIME | MNT_NODIRATIME)
#define MS_ATIME_FLAGS	(MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)

#define SB_REMOUNT_FLAGS	(MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_LAZYTIME | MS_I_VERSION)

int
mount_remount_super(struct super_block *sb, u32 ms_flags, const char *data)
{
	u32 flags = ms_flags & SB_REMOUNT_FLAGS, old;
	struct mount *m;
	int err = 0;

	old = atomic_load(&sb->flags);
	if ((flags & MS_RDONLY) && !(old & MS_RDONLY)) {
		atomic_fetch_or(&sb->flags, (u32)SB_RO_REMOUNT);	/* no new writers */
		list_for_each(m, &mount_list, ns_node)
			if (m->sb == sb && atomic_load(&m->writers) != 0)
				err = -EBUSY;
		if (err == 0 && atomic_load(&sb->orphans) != 0)
			err = -EBUSY;		/* their space could not be freed any more */
		if (err == 0)
			err = super_sync(sb, true);
	}
	if (err == 0 && sb->ops->remount != NULL)
		err = sb->ops->remount(sb, &flags, data);
	if (err != 0) {
		atomic_fetch_and(&sb->flags, ~(u32)SB_RO_REMOUNT);	/* an error may have made it read-only meanwhile */
	} else {
		atomic_fetch_or(&sb->flags, flags & SB_REMOUNT_FLAGS);
		atomic_fetch_and(&sb->flags, ~(u32)(SB_REMOUNT_FLAGS | SB_RO_REMOUNT) | flags);
	}
	return err;
}

int
mount_change_flags(const struct path *p, u32 ms_flags, const char *data)
{
	u32 flags = mount_flags_from_ms(ms_flags), keep;
	struct mount *m = p->mnt;
	int err = 0;

	if (p->dentry != m->root)
		return -EINVAL;
	mutex_lock(&mount_mutex);
	if (!(ms_flags & MS_ATIME_FLAGS))
		flags = (flags & ~(u32)MNT_ATIME_FLAGS) | (m->flags & MNT_ATIME_FLAGS);
	if (!(ms_flags & MS_BIND)) {
		err = mount_remount_super(m->sb, ms_flags, data);
	}
	if (err == 0 && (flags & MNT_READONLY) && !(m->flags & MNT_READONLY))
		err = make_readonly(m);
	if (err == 0) {
		keep = atomic_load(&m->flags) & ~(u32)MNT_USER_FLAGS;
		atomic_store(&m->flags, keep | flags);
	}
	mutex_unlock(&mount_mutex);
	return err;
}

void
mount_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		hlist_init(&table[i]);
}
