/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dentry cache: names of directory entries, positive and negative.
 *
 * Rules. A dentry is hashed exactly while it is in its parent's list of children; both change under the parent's and its own
 * lock (parent first). A child holds a reference of its parent. d->vn is set once, from NULL; unlinking unhashes the dentry, so
 * whoever holds a reference may rely on d->vn. Names and parents change in dentry_move() and dentry_exchange() only, under
 * dentry_tree_lock, which bumps dentry_tree_seq and both dentries' own counts. Unused dentries (refs 0) stay hashed on the LRU;
 * a dead one has refs -1, so that lookups without a lock fail to get it. Memory is freed behind a grace period.
 */
#include "fs/internal.h"
#include "fs/notify.h"

#include "mm/mapping.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/bits.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

/* A name too long for the dentry itself; shared by dentry_move(). */
struct long_name {
	struct refcount refs;
	struct rcu_head rcu;
	char text[];
};

struct bucket {
	struct spinlock lock;		/* LOCK_DENTRY_HASH */
	struct hlist head;		/* [lock, r] */
};

static struct bucket *table;		/* [I] */
static u32 table_mask;			/* [I] */
static struct kmem_cache *cache;	/* [I] */
static struct spinlock dentry_tree_lock;
struct seqcount dentry_tree_seq;	/* [dentry_tree_lock] */

static struct spinlock lru_lock;	/* LOCK_LEAF */
static struct list lru;			/* [lru_lock] front: used last */
static u64 lru_count;			/* [lru_lock] */

/* --- names and hash --- */

u32
dentry_hash_name(const struct dentry *parent, const char *name, u32 len)
{
	if (unlikely(READ_ONCE(parent->flags) & DENTRY_OWN_NAMES))
		return parent->ops->hash(parent, name, len);
	return (u32)hash_bytes(name, len, (u64)(uintptr_t)parent);
}

static bool
same_name(const struct dentry *parent, const char *a, u32 alen, const char *b, u32 blen)
{
	if (unlikely(READ_ONCE(parent->flags) & DENTRY_OWN_NAMES))
		return parent->ops->equal(parent, a, alen, b, blen);
	return alen == blen && memcmp(a, b, alen) == 0;
}

static struct bucket *
bucket_of(u32 hash)
{
	return &table[hash & table_mask];
}

static bool
is_inline(const struct dentry *d)
{
	return d->name.name == d->inline_name;
}

static struct long_name *
long_name_of(const struct dentry *d)
{
	return container_of(d->name.name, struct long_name, text[0]);
}

static void
long_name_put(struct long_name *ln)
{
	if (refcount_put(&ln->refs))
		kmem_free_rcu(ln, &ln->rcu);
}

static int
set_name(struct dentry *d, const char *name, u32 len)
{
	char *store = d->inline_name;

	if (len >= DENTRY_INLINE) {
		struct long_name *ln = kmem_alloc(sizeof(*ln) + len + 1, KM_USER);

		if (ln == NULL)
			return -ENOMEM;
		refcount_init(&ln->refs, 1);
		store = ln->text;
	}
	memcpy(store, name, len);
	store[len] = '\0';
	d->name.name = store;
	d->name.len = len;
	return 0;
}

/* d takes target's name; d's old long name is returned to be put. Both locked, inside their sequence counts. */
static struct long_name *
copy_name(struct dentry *d, const struct dentry *target)
{
	struct long_name *old = is_inline(d) ? NULL : long_name_of(d);

	if (is_inline(target)) {
		memcpy(d->inline_name, target->inline_name, DENTRY_INLINE);
		d->name.name = d->inline_name;
	} else {
		refcount_get(&long_name_of(target)->refs);
		d->name.name = target->name.name;
	}
	d->name.len = target->name.len;
	d->name.hash = target->name.hash;
	return old;
}

static void
swap_names(struct dentry *a, struct dentry *b)
{
	struct qstr qa = a->name, qb = b->name;
	bool ai = is_inline(a), bi = is_inline(b);
	char text[DENTRY_INLINE];

	memcpy(text, a->inline_name, DENTRY_INLINE);
	memcpy(a->inline_name, b->inline_name, DENTRY_INLINE);
	memcpy(b->inline_name, text, DENTRY_INLINE);
	a->name = qb;
	b->name = qa;
	if (bi)
		a->name.name = a->inline_name;
	if (ai)
		b->name.name = b->inline_name;
}

/* Does d, at a moment when its sequence count was *seq, have this parent and name? */
static bool
match_rcu(const struct dentry *d, const struct dentry *parent, const char *name, u32 len, u32 *seq)
{
	const char *text;
	u32 n;

	do {
		*seq = seq_read_begin(&d->seq);
		if (READ_ONCE(d->parent) != parent || (READ_ONCE(d->flags) & DENTRY_UNHASHED))
			return false;
		n = READ_ONCE(d->name.len);
		text = READ_ONCE(d->name.name);
		if (seq_read_retry(&d->seq, *seq))
			continue;	/* n and text may not belong together */
		if (!same_name(parent, text, n, name, len)) {
			if (seq_read_retry(&d->seq, *seq))
				continue;
			return false;
		}
	} while (seq_read_retry(&d->seq, *seq));
	return true;
}

struct dentry *
dentry_find_rcu(const struct dentry *parent, const char *name, u32 len, u32 hash, u32 *seq)
{
	struct dentry *d;

	hlist_for_each_rcu(d, &bucket_of(hash)->head, hash) {
		if (READ_ONCE(d->name.hash) == hash && match_rcu(d, parent, name, len, seq))
			return d;
	}
	return NULL;
}

bool
dentry_try_get(struct dentry *d)
{
	s32 n = atomic_load_relaxed(&d->refs);

	while (n >= 0)
		if (atomic_try_cas(&d->refs, &n, n + 1))
			return true;
	return false;
}

/* Exact: the bucket's lock is held, so nothing moves away below us. */
static struct dentry *
find_locked(struct bucket *b, const struct dentry *parent, const char *name, u32 len, u32 hash)
{
	struct dentry *d;

	spin_assert_held(&b->lock);
	hlist_for_each(d, &b->head, hash) {
		if (d->name.hash == hash && d->parent == parent && same_name(parent, d->name.name, d->name.len, name, len) &&
		    dentry_try_get(d))
			return d;
	}
	return NULL;
}

struct dentry *
dentry_find(struct dentry *parent, const char *name, u32 len)
{
	u32 hash = dentry_hash_name(parent, name, len);
	struct bucket *b = bucket_of(hash);
	struct dentry *d;

	spin_lock(&b->lock);
	d = find_locked(b, parent, name, len, hash);
	spin_unlock(&b->lock);
	return d;
}

/* --- life --- */

void
dentry_set_ops(struct dentry *d, const struct dentry_ops *ops)
{
	KASSERT(d->flags & DENTRY_UNHASHED);
	d->ops = ops;
	if (ops != NULL && ops->revalidate != NULL)
		d->flags |= DENTRY_NEEDS_REVALIDATE;
	if (ops != NULL && ops->hash != NULL)
		d->flags |= DENTRY_OWN_NAMES;
}

static struct dentry *
new_dentry(struct super_block *sb, const char *name, u32 len)
{
	struct dentry *d = kmem_cache_alloc(cache, KM_USER);

	if (d == NULL)
		return NULL;
	memset(d, 0, sizeof(*d));
	if (set_name(d, name, len) != 0) {
		kmem_cache_free(cache, d);
		return NULL;
	}
	spin_init(&d->lock, LOCK_DENTRY);
	d->refs = 1;
	d->flags = DENTRY_UNHASHED;
	d->sb = sb;
	dentry_set_ops(d, sb->dops);
	list_init(&d->children);
	d->next_cookie = 2;		/* 0 and 1 are "." and ".." */
	return d;
}

struct dentry *
dentry_alloc(struct dentry *parent, const char *name, u32 len)
{
	struct dentry *d = new_dentry(parent->sb, name, len);

	if (d == NULL)
		return NULL;
	d->name.hash = dentry_hash_name(parent, name, len);
	dentry_get(parent);
	d->parent = parent;
	return d;
}

/* [d] held, or nobody else knows d. */
static void
set_vnode(struct dentry *d, struct vnode *vn)
{
	spin_lock(&vn->lock);
	hlist_add(&vn->aliases, &d->alias);
	spin_unlock(&vn->lock);
	atomic_store_release(&d->vn, vn);
}

struct dentry *
dentry_alloc_root(struct vnode *vn)
{
	struct dentry *d = new_dentry(vn->sb, "/", 1);

	if (d == NULL) {
		vnode_put(vn);
		return NULL;
	}
	d->parent = d;
	set_vnode(d, vn);
	return d;
}

void
dentry_get(struct dentry *d)
{
	s32 old = atomic_fetch_add(&d->refs, 1);

	KASSERT_DEBUG(old > 0);
	(void)old;
}

static void
free_rcu(struct rcu_head *head)
{
	struct dentry *d = container_of(head, struct dentry, rcu);

	if (!is_inline(d))
		long_name_put(long_name_of(d));
	kmem_cache_free(cache, d);
}

/* Locks d's parent (unless d is a root) and d; returns the parent or NULL. */
static struct dentry *
lock_with_parent(struct dentry *d)
{
	struct dentry *p;

	rcu_read_lock();
	for (;;) {
		p = atomic_load_acquire(&d->parent);
		if (p == d) {
			spin_lock(&d->lock);
			p = NULL;
			break;
		}
		spin_lock(&p->lock);
		if (likely(atomic_load_relaxed(&d->parent) == p)) {
			spin_lock_nested(&d->lock);
			break;
		}
		spin_unlock(&p->lock);
	}
	rcu_read_unlock();
	return p;
}

static void
unlock_with_parent(struct dentry *d, struct dentry *parent)
{
	spin_unlock(&d->lock);
	if (parent != NULL)
		spin_unlock(&parent->lock);
}

/* Out of the hash and the parent's children. Both locked. */
static void
unhash_locked(struct dentry *d)
{
	struct bucket *b = bucket_of(d->name.hash);

	if (d->flags & DENTRY_UNHASHED)
		return;
	seq_write_begin(&d->seq);
	atomic_store_relaxed(&d->flags, d->flags | DENTRY_UNHASHED);
	spin_lock(&b->lock);
	hlist_del_rcu(&d->hash);
	spin_unlock(&b->lock);
	seq_write_end(&d->seq);
	list_del(&d->sibling);
}

static void
hash_locked(struct dentry *d, struct dentry *parent)
{
	struct bucket *b = bucket_of(d->name.hash);

	d->cookie = parent->next_cookie++;
	list_add_tail(&parent->children, &d->sibling);
	atomic_store_relaxed(&d->flags, d->flags & ~(u32)DENTRY_UNHASHED);
	spin_lock(&b->lock);
	hlist_add_rcu(&b->head, &d->hash);
	spin_unlock(&b->lock);
}

static void
lru_add(struct dentry *d)
{
	spin_lock(&lru_lock);
	if (!d->on_lru && atomic_load_relaxed(&d->refs) >= 0) {
		d->on_lru = true;
		list_add(&lru, &d->lru);
		lru_count++;
	}
	spin_unlock(&lru_lock);
}

static void
lru_remove(struct dentry *d)
{
	spin_lock(&lru_lock);
	if (d->on_lru) {
		d->on_lru = false;
		list_del(&d->lru);
		lru_count--;
	}
	spin_unlock(&lru_lock);
}

/* The caller's reference is the last one: take the dentry apart. False: somebody else got one meanwhile, nothing happened.
 * *parent: a reference for the caller to put, or NULL. */
static bool
kill(struct dentry *d, struct dentry **parent)
{
	struct dentry *p = lock_with_parent(d);
	struct vnode *vn = d->vn;

	if (!atomic_cas(&d->refs, 1, -1)) {
		unlock_with_parent(d, p);
		return false;
	}
	d->flags |= DENTRY_DEAD;
	unhash_locked(d);
	if (vn != NULL) {
		spin_lock(&vn->lock);
		hlist_del(&d->alias);
		spin_unlock(&vn->lock);
	}
	unlock_with_parent(d, p);
	lru_remove(d);
	if (vn != NULL && atomic_load_relaxed(&vn->nlink) == 0)
		notify_removed(vn);
	if (d->ops != NULL && d->ops->release != NULL)
		d->ops->release(d);
	if (vn != NULL)
		vnode_put(vn);
	rcu_call(&d->rcu, free_rcu);
	*parent = p;
	return true;
}

static bool
worth_keeping(const struct dentry *d)
{
	return (atomic_load(&d->flags) & (DENTRY_UNHASHED | DENTRY_NEVER_CACHE)) == 0;
}

/* Give the last reference up but leave the dentry in the cache. False: it must be killed. */
static bool
try_cache(struct dentry *d)
{
	bool done = false;

	rcu_read_lock();		/* d may be freed by others once our reference is gone */
	if (!worth_keeping(d) || !atomic_cas(&d->refs, 1, 0))
		goto out_unlock;
	done = true;
	if (likely(worth_keeping(d))) {
		atomic_store_relaxed(&d->referenced, true);
		if (!READ_ONCE(d->on_lru))
			lru_add(d);
	} else if (atomic_cas(&d->refs, 0, 1)) {
		done = false;		/* unhashed meanwhile, and nobody else will clear it away */
	}
out_unlock:
	rcu_read_unlock();
	return done;
}

void
dentry_release(struct dentry *d, bool force)
{
	while (d != NULL) {
		s32 n = atomic_load_relaxed(&d->refs);
		struct dentry *parent;

		while (n > 1)
			if (atomic_try_cas(&d->refs, &n, n - 1))
				return;
		KASSERT(n == 1);
		if (!force && try_cache(d))
			return;
		if (force || !worth_keeping(d)) {
			if (!kill(d, &parent))
				continue;
			d = parent;
			force = false;
		}
	}
}

void
dentry_put(struct dentry *d)
{
	if (d != NULL)
		dentry_release(d, false);
}

/* --- changes --- */

void
dentry_instantiate(struct dentry *d, struct vnode *vn)
{
	spin_lock(&d->lock);
	KASSERT(d->vn == NULL);
	seq_write_begin(&d->seq);
	set_vnode(d, vn);
	seq_write_end(&d->seq);
	spin_unlock(&d->lock);
}

void
dentry_add(struct dentry *d, struct vnode *vn)
{
	struct dentry *p = lock_with_parent(d);

	KASSERT(p != NULL && (d->flags & DENTRY_UNHASHED) && d->vn == NULL);
	if (vn != NULL)
		set_vnode(d, vn);
	hash_locked(d, p);
	unlock_with_parent(d, p);
}

/* Without hard links, one object has one entry: what is found again by another name (FAT's short ones) is the dentry that is there. p is
 * locked. */
static struct dentry *
find_alias(const struct dentry *p, struct vnode *vn)
{
	struct dentry *d, *found = NULL;

	if (vn == NULL || !(p->flags & DENTRY_OWN_NAMES))
		return NULL;
	spin_lock(&vn->lock);
	hlist_for_each(d, &vn->aliases, alias) {
		if (READ_ONCE(d->parent) == p && !(READ_ONCE(d->flags) & DENTRY_UNHASHED) && dentry_try_get(d)) {
			found = d;
			break;
		}
	}
	spin_unlock(&vn->lock);
	return found;
}

bool
dentry_dir_is_elsewhere(const struct dentry *d, struct vnode *vn)
{
	const struct dentry *root = d->sb->root, *a;
	bool found = root != NULL && root->vn == vn;

	spin_lock(&vn->lock);
	hlist_for_each(a, &vn->aliases, alias) {
		if ((READ_ONCE(a->flags) & DENTRY_UNHASHED) || atomic_load_relaxed(&a->refs) < 0)
			continue;
		if (READ_ONCE(a->parent) == d->parent && a->name.len == d->name.len && memcmp(a->name.name, d->name.name, d->name.len) == 0)
			continue;		/* a lookup beside this one was faster */
		found = true;
	}
	spin_unlock(&vn->lock);
	return found;
}

/* As dentry_add, unless the name is there already (a lookup under the same shared lock was faster): then that one, referenced,
 * and both d and vn are put. */
static struct dentry *
add_unique(struct dentry *d, struct vnode *vn)
{
	struct bucket *b = bucket_of(d->name.hash);
	struct dentry *p = lock_with_parent(d);
	struct dentry *other;

	spin_lock(&b->lock);
	other = find_locked(b, p, d->name.name, d->name.len, d->name.hash);
	spin_unlock(&b->lock);
	if (other == NULL)
		other = find_alias(p, vn);
	if (other == NULL) {
		if (vn != NULL)
			set_vnode(d, vn);
		hash_locked(d, p);
		unlock_with_parent(d, p);
		return d;
	}
	unlock_with_parent(d, p);
	dentry_put(d);
	if (vn != NULL)
		vnode_put(vn);
	return other;
}

void
dentry_drop(struct dentry *d)
{
	struct dentry *p = lock_with_parent(d);

	if (p != NULL)
		unhash_locked(d);
	unlock_with_parent(d, p);
}

void
dentry_delete(struct dentry *d)
{
	dentry_drop(d);
}

void
dentry_set_mounted(struct dentry *d, bool on)
{
	spin_lock(&d->lock);
	atomic_store_release(&d->flags, on ? d->flags | DENTRY_MOUNTED : d->flags & ~(u32)DENTRY_MOUNTED);
	spin_unlock(&d->lock);
}

/* Two parents: the ancestor first. dentry_tree_lock is held. */
static void
lock_parents(struct dentry *a, struct dentry *b)
{
	if (a == b) {
		spin_lock(&a->lock);
		return;
	}
	for (struct dentry *d = a; d->parent != d; d = d->parent) {
		if (d->parent == b) {		/* b is above a */
			spin_lock(&b->lock);
			spin_lock_nested(&a->lock);
			return;
		}
	}
	spin_lock(&a->lock);
	spin_lock_nested(&b->lock);
}

static void
unlock_parents(struct dentry *a, struct dentry *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

void
dentry_move(struct dentry *d, struct dentry *target)
{
	struct dentry *from = d->parent, *to = target->parent;
	struct long_name *old;

	dentry_get(to);
	spin_lock(&dentry_tree_lock);
	seq_write_begin(&dentry_tree_seq);
	lock_parents(from, to);
	spin_lock_nested(&d->lock);
	spin_lock_nested(&target->lock);
	unhash_locked(target);
	unhash_locked(d);
	seq_write_begin(&d->seq);
	old = copy_name(d, target);
	atomic_store_release(&d->parent, to);
	hash_locked(d, to);
	seq_write_end(&d->seq);
	spin_unlock(&target->lock);
	spin_unlock(&d->lock);
	unlock_parents(from, to);
	seq_write_end(&dentry_tree_seq);
	spin_unlock(&dentry_tree_lock);
	if (old != NULL)
		long_name_put(old);
	dentry_put(from);
}

void
dentry_exchange(struct dentry *a, struct dentry *b)
{
	struct dentry *pa = a->parent, *pb = b->parent;

	spin_lock(&dentry_tree_lock);
	seq_write_begin(&dentry_tree_seq);
	lock_parents(pa, pb);
	spin_lock_nested(&a->lock);
	spin_lock_nested(&b->lock);
	unhash_locked(a);
	unhash_locked(b);
	seq_write_begin(&a->seq);
	seq_write_begin(&b->seq);
	swap_names(a, b);
	atomic_store_release(&a->parent, pb);
	atomic_store_release(&b->parent, pa);
	hash_locked(a, pb);
	hash_locked(b, pa);
	seq_write_end(&b->seq);
	seq_write_end(&a->seq);
	spin_unlock(&b->lock);
	spin_unlock(&a->lock);
	unlock_parents(pa, pb);
	seq_write_end(&dentry_tree_seq);
	spin_unlock(&dentry_tree_lock);
}

/* --- lookups --- */

struct dentry *
dentry_lookup(struct dentry *parent, const char *name, u32 len)
{
	struct vnode *dir = parent->vn, *vn = NULL;
	struct dentry *d = dentry_find(parent, name, len);
	int err;

	if (d != NULL && (d->flags & DENTRY_NEEDS_REVALIDATE) && d->ops->revalidate(d, false) == 0) {
		if (!(d->flags & DENTRY_MOUNTED)) {
			dentry_drop(d);
			dentry_put(d);
			d = NULL;
		}
	}
	if (d != NULL && d->vn == NULL && (d->flags & DENTRY_OWN_NAMES) && (d->name.len != len || memcmp(d->name.name, name, len) != 0)) {
		dentry_drop(d);		/* what may be made here gets the name as it is given now */
		dentry_put(d);
		d = NULL;
	}
	if (d != NULL)
		return d;
	if (atomic_load_relaxed(&dir->state) & VN_DEAD_DIR)
		return ERR_PTR(-ENOENT);
	if (dir->ops->lookup == NULL)
		return ERR_PTR(-ENOTDIR);
	d = dentry_alloc(parent, name, len);
	if (d == NULL)
		return ERR_PTR(-ENOMEM);
	err = dir->ops->lookup(dir, d, &vn);
	if (err != 0) {
		dentry_put(d);
		return ERR_PTR(err);
	}
	return add_unique(d, vn);
}

struct dentry *
dentry_get_parent(struct dentry *d)
{
	struct dentry *p;

	rcu_read_lock();
	for (;;) {
		p = atomic_load_acquire(&d->parent);
		if (dentry_try_get(p)) {
			if (likely(p == atomic_load_acquire(&d->parent)))
				break;
			rcu_read_unlock();
			dentry_put(p);
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
	return p;
}

/* --- shrinking --- */

static u64
shrink_count(void)
{
	return READ_ONCE(lru_count);
}

static u64
shrink_scan(u64 n)
{
	u64 freed = 0, looked = 0;

	while (looked++ < n) {
		struct dentry *d;
		struct super_block *sb = NULL;
		bool victim = false;

		rcu_read_lock();
		spin_lock(&lru_lock);
		d = list_last(&lru, struct dentry, lru);
		if (d == NULL) {
			spin_unlock(&lru_lock);
			rcu_read_unlock();
			break;
		}
		if (atomic_load_relaxed(&d->refs) != 0) {
			d->on_lru = false;	/* in use: comes back with its last put */
			list_del(&d->lru);
			lru_count--;
		} else if (atomic_load_relaxed(&d->referenced)) {
			atomic_store_relaxed(&d->referenced, false);
			list_move(&lru, &d->lru);
		} else if (!super_try_use(d->sb)) {
			list_move(&lru, &d->lru);	/* being unmounted: it takes its dentries apart itself */
		} else {
			sb = d->sb;
			victim = atomic_cas(&d->refs, 0, 1);
		}
		spin_unlock(&lru_lock);
		rcu_read_unlock();
		if (victim) {
			dentry_release(d, true);
			freed++;
		}
		if (sb != NULL)
			super_end_use(sb);
	}
	return freed;
}

static struct shrinker shrinker = { .name = "dentry", .count = shrink_count, .scan = shrink_scan };

void
dentry_init(void)
{
	struct mem_stats st;
	u64 buckets;

	mem_stats_get(&st);
	buckets = rounddown_pow2(MAX(st.total / 64, 1024UL));	/* one for every 256 KiB of memory */
	buckets = MIN(buckets, 1UL << 20);
	table = kmem_valloc(buckets * sizeof(*table), KM_ZERO);
	cache = kmem_cache_create("dentry", sizeof(struct dentry), 64, 0, NULL);
	if (table == NULL || cache == NULL)
		panic("vfs: no memory for the dentry cache");
	kmem_cache_set_reclaimable(cache);
	table_mask = (u32)buckets - 1;
	for (u64 i = 0; i < buckets; i++)
		spin_init(&table[i].lock, LOCK_DENTRY_HASH);
	spin_init(&dentry_tree_lock, LOCK_DENTRY_TREE);
	spin_init(&lru_lock, LOCK_LEAF);
	list_init(&lru);
	shrinker_register(&shrinker);
}
