/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mount tree.
 *
 * A mount is found by (parent mount, mount point) in a hash that walks read under RCU; mount_seq tells them that the tree
 * changed. All changes are made under mount_mutex; the parts that readers see under mount_lock too, which bumps mount_seq.
 * The tree holds one reference of each mount in it, a child one of its parent; open files, working directories and walks hold
 * the others, so a mount with more than the tree's own is busy. A lazily detached mount lives on until they are gone.
 */
#include "fs/internal.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/hash.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

#define MOUNT_HASH_BITS	8
#define MOUNTS_MAX	100000		/* as Linux' fs.mount-max */

struct mutex mount_mutex = MUTEX_INIT(mount_mutex, LOCK_MOUNT);
struct seqcount mount_seq;			/* [mount_lock] */
static struct spinlock mount_lock = SPINLOCK_INIT(LOCK_LEAF);
static struct hlist table[1 << MOUNT_HASH_BITS];	/* [mount_mutex and mount_lock, r] */
struct list mount_list = LIST_INIT(mount_list);	/* [mount_mutex] all attached ones, in mount order */
static u32 mount_count;				/* [mount_mutex] */
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
static int
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
	if (likely(!(atomic_load(&m->flags) & MNT_READONLY) && !(atomic_load(&m->sb->flags) & MS_RDONLY)))
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

/* Put m at (parent, mountpoint), whose references are taken over. */
static void
attach_locked(struct mount *m, struct mount *parent, struct dentry *mountpoint)
{
	mutex_assert_held(&mount_mutex);
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
	if (!list_is_linked(&m->ns_node)) {
		list_add_tail(&mount_list, &m->ns_node);
		mount_count++;
	}
}

/* Take m from its place (returned, to be put behind the mutex), unless more than max_refs references are out. It keeps its
 * children. Readers get their reference before they look at mount_seq, so either we see theirs or they see our change. */
static bool
try_detach_locked(struct mount *m, s32 max_refs, bool for_good, struct path *old)
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
		mount_count--;
	}
	if (!is_mounted_somewhere(old->dentry))
		dentry_set_mounted(old->dentry, false);
	return true;
}

/* Onto the list of what drop_detached() puts, with its old place. */
static void
chain_detached(struct mount *m, const struct path *old, struct list *gone)
{
	m->tmp_mnt = old->mnt;
	m->tmp_dentry = old->dentry;
	list_add_tail(gone, &m->ns_node);
}

/* Take m and all below it from the tree, children first. */
static void
detach_tree_locked(struct mount *m, struct list *gone)
{
	struct mount *cur = m;

	for (;;) {
		struct mount *child = list_first(&cur->children, struct mount, sibling), *up = cur->parent;
		struct path old;

		if (child != NULL) {
			cur = child;
			continue;
		}
		(void)try_detach_locked(cur, INT32_MAX, true, &old);
		chain_detached(cur, &old, gone);
		if (cur == m)
			return;
		cur = up;
	}
}

/* mount_mutex is not held. */
static void
drop_detached(struct list *gone)
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

/* Lock the tree for a mount at *at, which moves to the top of what is mounted there by now. -ENOENT: it was unlinked. */
static int
lock_target(struct path *at)
{
	mutex_lock(&mount_mutex);
	mount_cross(at);
	if ((at->dentry->flags & DENTRY_UNHASHED) && at->dentry->parent != at->dentry) {
		mutex_unlock(&mount_mutex);
		return -ENOENT;
	}
	if (at->mnt->detached && at->mnt->parent == at->mnt && !list_is_linked(&at->mnt->ns_node)) {
		mutex_unlock(&mount_mutex);
		return -EINVAL;		/* the mount itself was taken from the tree */
	}
	return 0;
}

/* Attach m at *at (mount_mutex held; references stay the caller's). */
static int
graft_locked(struct mount *m, const struct path *at)
{
	if (mount_count >= MOUNTS_MAX)
		return -ENOSPC;
	if (S_ISDIR(m->root->vn->mode) != S_ISDIR(at->dentry->vn->mode))
		return -ENOTDIR;
	path_get(at);
	attach_locked(m, at->mnt, at->dentry);
	return 0;
}

/* --- flags --- */

static u32
flags_from_ms(u32 ms)
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
#define SB_FLAGS	(MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_DIRSYNC | MS_SILENT | MS_POSIXACL | MS_LAZYTIME | MS_I_VERSION)

#define SB_REMOUNT_FLAGS	(MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_LAZYTIME | MS_I_VERSION)

static int
remount_super(struct super_block *sb, u32 ms_flags, const char *data)
{
	u32 flags = ms_flags & SB_REMOUNT_FLAGS, old;
	struct mount *m;
	int err = 0;

	old = atomic_load(&sb->flags);
	if ((flags & MS_RDONLY) && !(old & MS_RDONLY)) {
		atomic_fetch_or(&sb->flags, MS_RDONLY);	/* no new writers */
		list_for_each(m, &mount_list, ns_node)
			if (m->sb == sb && atomic_load(&m->writers) != 0)
				err = -EBUSY;
		if (err == 0)
			err = super_sync(sb, true);
	}
	if (err == 0 && sb->ops->remount != NULL)
		err = sb->ops->remount(sb, &flags, data);
	atomic_store(&sb->flags, err != 0 ? old : (old & ~SB_REMOUNT_FLAGS) | flags);
	return err;
}

int
mount_change_flags(const struct path *p, u32 ms_flags, const char *data)
{
	u32 flags = flags_from_ms(ms_flags), keep;
	struct mount *m = p->mnt;
	int err = 0;

	if (p->dentry != m->root)
		return -EINVAL;
	mutex_lock(&mount_mutex);
	if (!(ms_flags & MS_ATIME_FLAGS))
		flags = (flags & ~(u32)MNT_ATIME_FLAGS) | (m->flags & MNT_ATIME_FLAGS);
	if (!(ms_flags & MS_BIND)) {
		err = remount_super(m->sb, ms_flags, data);
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

int
mount_set_propagation(const struct path *p, u32 ms_flags)
{
	struct mount *m;

	if (p->dentry != p->mnt->root)
		return -EINVAL;
	if (ms_flags & MS_SHARED)
		return -EINVAL;		/* no propagation between mounts */
	mutex_lock(&mount_mutex);
	list_for_each(m, &mount_list, ns_node) {
		struct mount *up = m;

		while ((ms_flags & MS_REC) && up != p->mnt && up->parent != up)
			up = up->parent;
		if (up != p->mnt)
			continue;
		if (ms_flags & MS_UNBINDABLE)
			atomic_fetch_or(&m->flags, (u32)MNT_UNBINDABLE);
		else if (ms_flags & MS_PRIVATE)
			atomic_fetch_and(&m->flags, ~(u32)MNT_UNBINDABLE);
	}
	mutex_unlock(&mount_mutex);
	return 0;
}

/* --- new mounts --- */

static int
mount_type(const struct fs_type *t, u32 ms_flags, const char *dev, const char *data, struct mount **out)
{
	struct super_block *sb;
	int err = t->mount(t, ms_flags & SB_FLAGS, dev, data, &sb);

	if (err != 0)
		return err;
	return mount_alloc(sb, sb->root, flags_from_ms(ms_flags), dev, out);
}

int
mount_new(const struct path *target, const char *fstype, u32 ms_flags, const char *dev, const char *data)
{
	const struct fs_type *t = fs_find(fstype);
	struct path at = *target;
	struct mount *m;
	int err;

	if (t == NULL)
		return -ENODEV;
	err = mount_type(t, ms_flags, dev, data, &m);
	if (err != 0)
		return err;
	path_get(&at);
	err = lock_target(&at);
	if (err != 0)
		goto out_put;
	if (at.mnt->sb == m->sb && at.mnt->root == at.dentry && m->root == at.dentry)
		err = -EBUSY;		/* the same thing twice in the same place */
	else if (S_ISLNK(m->root->vn->mode))
		err = -EINVAL;
	else
		err = graft_locked(m, &at);
	mutex_unlock(&mount_mutex);
out_put:
	path_put(&at);
	if (err != 0)
		mount_put(m);
	return err;
}

static int
clone(struct mount *src, struct dentry *root, struct mount **out)
{
	int err;

	super_get(src->sb);
	err = mount_alloc(src->sb, root, atomic_load(&src->flags) & ~(u32)MNT_EXPIRE_MARK, src->devname, out);
	if (err == 0)
		(*out)->tmp_mnt = src;
	return err;
}

/* Copies of src (seen from root) and, if rec, of all below, chained on `copies` by ns_node, the top first; each but the top has
 * parent and mountpoint set, with references. mount_mutex held. */
static int
copy_tree_locked(struct mount *src, struct dentry *root, bool rec, struct list *copies)
{
	struct mount *m, *child, *c;
	int err = clone(src, root, &m);

	if (err != 0)
		return err;
	list_add_tail(copies, &m->ns_node);
	if (!rec)
		return 0;
	list_for_each(m, copies, ns_node) {
		bool top = m->tmp_mnt == src && m->root == root;

		list_for_each(child, &m->tmp_mnt->children, sibling) {
			if ((child->flags & MNT_UNBINDABLE) || (top && !dentry_is_ancestor(root, child->mountpoint)))
				continue;
			err = clone(child, child->root, &c);
			if (err != 0)
				return err;
			mount_get(m);
			dentry_get(child->mountpoint);
			c->parent = m;
			c->mountpoint = child->mountpoint;
			list_add_tail(copies, &c->ns_node);
		}
	}
	return 0;
}

int
mount_bind(const struct path *source, const struct path *target, bool rec)
{
	struct list copies = LIST_INIT(copies);
	struct path at = *target;
	struct mount *m, *top = NULL;
	int err;

	path_get(&at);
	err = lock_target(&at);
	if (err != 0)
		goto out_put;
	err = -EINVAL;
	if (!(source->mnt->flags & MNT_UNBINDABLE) && !(source->mnt->detached && source->mnt->parent == source->mnt &&
	    !list_is_linked(&source->mnt->ns_node)))
		err = copy_tree_locked(source->mnt, source->dentry, rec, &copies);
	if (err == 0 && mount_count >= MOUNTS_MAX)
		err = -ENOSPC;
	if (err == 0 && S_ISDIR(source->dentry->vn->mode) != S_ISDIR(at.dentry->vn->mode))
		err = -ENOTDIR;
	while ((m = list_first(&copies, struct mount, ns_node)) != NULL) {
		struct path place = { m->parent, m->mountpoint };

		list_del_init(&m->ns_node);
		m->tmp_mnt = NULL;
		if (err == 0 && top == NULL) {
			top = m;
			path_get(&at);
			attach_locked(m, at.mnt, at.dentry);
		} else if (err == 0) {
			attach_locked(m, place.mnt, place.dentry);
		} else {
			m->parent = m;
			m->mountpoint = m->root;
			if (place.mnt != m)
				path_put(&place);
			mount_put(m);
		}
	}
	mutex_unlock(&mount_mutex);
out_put:
	path_put(&at);
	return err;
}

int
mount_move(const struct path *source, const struct path *target)
{
	struct path at = *target, old = { NULL, NULL };
	struct mount *m = source->mnt, *up;
	int err;

	if (source->dentry != m->root)
		return -EINVAL;
	path_get(&at);
	err = lock_target(&at);
	if (err != 0)
		goto out_put;
	err = -EINVAL;
	if (m->parent == m || S_ISDIR(m->root->vn->mode) != S_ISDIR(at.dentry->vn->mode))
		goto out_unlock;
	err = -ELOOP;
	for (up = at.mnt; up != m && up->parent != up; up = up->parent)
		;
	if (up == m)
		goto out_unlock;
	(void)try_detach_locked(m, INT32_MAX, false, &old);
	path_get(&at);
	attach_locked(m, at.mnt, at.dentry);
	err = 0;
out_unlock:
	mutex_unlock(&mount_mutex);
	path_put(&old);
out_put:
	path_put(&at);
	return err;
}

/* --- the end of mounts --- */

/* "umount /": the root stays, read-only. */
static int
umount_root(const struct path *p)
{
	int err;

	mutex_lock(&mount_mutex);
	err = remount_super(p->mnt->sb, MS_RDONLY, "");
	mutex_unlock(&mount_mutex);
	return err;
}

/* The caller's path and the tree hold a reference each. */
static int
umount_locked(struct mount *m, int flags, struct list *gone)
{
	struct path old;

	if (m->parent == m)
		return -EINVAL;
	if (flags & MNT_DETACH) {
		detach_tree_locked(m, gone);
		return 0;
	}
	if (!list_empty(&m->children) || refcount_read(&m->refs) > 2)
		return -EBUSY;
	if ((flags & MNT_EXPIRE) && !(atomic_fetch_or(&m->flags, (u32)MNT_EXPIRE_MARK) & MNT_EXPIRE_MARK))
		return -EAGAIN;
	if (!try_detach_locked(m, 2, true, &old))
		return -EBUSY;
	chain_detached(m, &old, gone);
	return 0;
}

int
mount_umount(struct path *p, int flags)
{
	struct list gone = LIST_INIT(gone);
	struct path root;
	bool is_root;
	int err;

	if (p->dentry != p->mnt->root)
		return -EINVAL;
	path_current_root(&root);
	is_root = root.mnt == p->mnt;
	path_put(&root);
	if (is_root && !(flags & MNT_DETACH))
		return flags & MNT_EXPIRE ? -EINVAL : umount_root(p);
	mutex_lock(&mount_mutex);
	err = umount_locked(p->mnt, flags, &gone);
	mutex_unlock(&mount_mutex);
	drop_detached(&gone);
	return err;
}

/* --- pivot_root(2) --- */

static bool
is_below(struct mount *m, struct mount *top)
{
	while (m != top && m->parent != m)
		m = m->parent;
	return m == top;
}

static int
pivot_locked(const struct path *new, const struct path *put_old, const struct path *root, struct path *drop)
{
	struct mount *nm = new->mnt, *om = root->mnt;
	struct path place;

	if (nm == om || put_old->mnt == om)
		return -EBUSY;
	if (new->dentry != nm->root || root->dentry != om->root || om->parent == om || nm->parent == nm)
		return -EINVAL;
	if ((new->dentry->flags & DENTRY_UNHASHED) && new->dentry->parent != new->dentry)
		return -ENOENT;
	/* put_old must be new or below it; new below the root. */
	if (!is_below(put_old->mnt, nm) || (put_old->mnt == nm && !dentry_is_ancestor(new->dentry, put_old->dentry)))
		return -EINVAL;
	if (!is_below(nm, om))
		return -EINVAL;
	(void)try_detach_locked(nm, INT32_MAX, false, drop);
	(void)try_detach_locked(om, INT32_MAX, false, &place);
	path_get(put_old);
	attach_locked(om, put_old->mnt, put_old->dentry);
	attach_locked(nm, place.mnt, place.dentry);
	return 0;
}

int
mount_pivot(const struct path *new, const struct path *put_old)
{
	struct path root, at = *put_old, drop = { NULL, NULL };
	int err;

	path_get(&at);
	path_current_root(&root);
	err = lock_target(&at);
	if (err == 0) {
		err = pivot_locked(new, &at, &root, &drop);
		mutex_unlock(&mount_mutex);
	}
	if (err == 0)
		fsctx_replace_root(&root, new);
	path_put(&drop);
	path_put(&at);
	path_put(&root);
	return err;
}

/* --- inside the kernel --- */

int
mount_kern(const char *fstype, const char *dev, const char *dir, u32 ms_flags, const char *data)
{
	struct path p;
	int err = kern_path(dir, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err != 0)
		return err;
	err = mount_new(&p, fstype, ms_flags, dev, data);
	path_put(&p);
	return err;
}

int
mount_internal(const struct fs_type *t, struct mount **out)
{
	int err = mount_type(t, MS_KERNMOUNT, t->name, NULL, out);

	if (err == 0)
		(*out)->flags = MNT_INTERNAL | MNT_NOATIME | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC;
	return err;
}

int
mount_root(const char *fstype, u32 ms_flags, const char *data)
{
	const struct fs_type *t = fs_find(fstype);
	struct mount *m;
	struct path p;
	int err;

	if (t == NULL)
		return -ENODEV;
	err = mount_type(t, ms_flags, fstype, data, &m);
	if (err != 0)
		return err;
	mutex_lock(&mount_mutex);
	m->detached = false;
	list_add_tail(&mount_list, &m->ns_node);
	mount_count++;
	mutex_unlock(&mount_mutex);
	p.mnt = m;
	p.dentry = m->root;
	fsctx_init(&p);
	return 0;
}

void
mount_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		hlist_init(&table[i]);
}
