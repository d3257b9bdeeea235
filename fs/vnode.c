/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vnodes: life, the cache by (super block, number), times.
 *
 * A vnode in the cache may have no reference: then it waits on the LRU for somebody to want it again, or for the shrinker. The
 * step from one reference to none and back is made under the cache's lock. A vnode that is not in the cache goes with its
 * last reference. VN_NEW and VN_FREEING ones are waited for. Memory is freed behind a grace period, for walks under RCU.
 */
#include "fs/internal.h"

#include "mm/page.h"
#include "mm/slab.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/lib/bits.h"
#include "sys/lib/hash.h"
#include "sys/lib/string.h"
#include "sys/panic.h"
#include "sys/wait.h"

static struct kmem_cache *cache;	/* [I] plain vnodes */
static struct spinlock hash_lock;	/* LOCK_VNODE_HASH */
static struct hlist *table;		/* [hash_lock] */
static u32 table_bits;			/* [I] */
static struct list lru;			/* [hash_lock] unused cached vnodes, the last used in front */
static u64 lru_count;			/* [hash_lock] */
static struct waitq state_wq;		/* VN_NEW or VN_FREEING ended */
static u64 last_ino;			/* [a] */

static struct hlist *
bucket_of(const struct super_block *sb, u64 ino)
{
	return &table[hash_u64((u64)(uintptr_t)sb ^ (ino * 0x9e3779b97f4a7c15UL), table_bits)];
}

/* --- life --- */

struct vnode *
vnode_alloc(struct super_block *sb)
{
	struct vnode *vn;

	if (sb->ops->alloc_vnode != NULL)
		vn = sb->ops->alloc_vnode(sb);
	else
		vn = kmem_cache_alloc(cache, KM_USER);
	if (vn == NULL)
		return NULL;
	memset(vn, 0, sizeof(*vn));
	vn->sb = sb;
	refcount_init(&vn->refs, 1);
	vn->nlink = 1;
	vn->blkbits = PAGE_SHIFT;
	rwlock_init(&vn->rwlock, LOCK_VNODE);
	spin_init(&vn->lock, LOCK_VNODE_SPIN);
	mapping_init(&vn->mapping, NULL, vn, 0);
	vn->i_mapping = &vn->mapping;
	vn->btime = vn->atime = vn->mtime = vn->ctime = clock_realtime_coarse();
	spin_lock(&sb->lock);
	list_add_tail(&sb->vnodes, &vn->sb_node);
	spin_unlock(&sb->lock);
	return vn;
}

u64
vnode_next_ino(void)
{
	return atomic_add_relaxed(&last_ino, 1UL);
}

void
vnode_get(struct vnode *vn)
{
	refcount_get(&vn->refs);
}

static void
free_rcu(struct rcu_head *head)
{
	struct vnode *vn = container_of(head, struct vnode, rcu);

	if (vn->sb->ops->free_vnode != NULL)
		vn->sb->ops->free_vnode(vn);
	else
		kmem_cache_free(cache, vn);
}

/* Nobody refers to it, nobody finds it any more (VN_FREEING, if it is hashed). */
static void
evict(struct vnode *vn)
{
	struct super_block *sb = vn->sb;

	if ((vn->state & VN_DIRTY) && vn->nlink > 0 && sb->ops->write_vnode != NULL)
		(void)!sb->ops->write_vnode(vn, true);
	if (sb->ops->evict != NULL)
		sb->ops->evict(vn);
	/* A cache that never had a page needs no locks: the shrinker may come here from anywhere that memory is asked for. */
	if (vn->mapping.nr_pages != 0 || !xa_empty(&vn->mapping.pages) || list_is_linked(&vn->mapping.dirty_node))
		mapping_destroy(&vn->mapping);
	if (vn->flocks != NULL)
		flock_free_list(vn);
	spin_lock(&sb->lock);
	list_del(&vn->sb_node);
	spin_unlock(&sb->lock);
	if (hlist_is_linked(&vn->hash)) {
		spin_lock(&hash_lock);
		hlist_del(&vn->hash);
		spin_unlock(&hash_lock);
		waitq_wake_all(&state_wq);
	}
	rcu_call(&vn->rcu, free_rcu);
}

/* The last reference of a cached vnode: true if it leaves. hash_lock is held. */
static bool
last_put_locked(struct vnode *vn)
{
	spin_assert_held(&hash_lock);
	if (!refcount_put(&vn->refs))
		return false;
	if (vn->nlink > 0 && !(vn->state & VN_FREEING)) {
		list_add(&lru, &vn->lru);
		lru_count++;
		return false;
	}
	atomic_fetch_or(&vn->state, (u32)VN_FREEING);
	return true;
}

void
vnode_put(struct vnode *vn)
{
	s32 n;
	bool last;

	if (vn == NULL)
		return;
	n = atomic_load_relaxed(&vn->refs.n);
	while (n > 1)
		if (atomic_try_cas(&vn->refs.n, &n, n - 1))
			return;
	if ((vn->state & VN_DIRTY) && vn->nlink > 0 && vn->sb->ops->write_vnode != NULL)
		(void)!vn->sb->ops->write_vnode(vn, false);	/* sync does not look at unused ones */
	if (!hlist_is_linked(&vn->hash)) {
		last = refcount_put(&vn->refs);
	} else {
		spin_lock(&hash_lock);
		last = last_put_locked(vn);
		spin_unlock(&hash_lock);
	}
	if (last)
		evict(vn);
}

void
vnode_set_kind(struct vnode *vn)
{
	if (S_ISDIR(vn->mode))
		rwlock_init(&vn->rwlock, LOCK_DIR);
}

/* --- the cache --- */

/* The cached one, referenced; hash_lock is held. *wait: it is there but comes or goes. */
static struct vnode *
find_locked(struct super_block *sb, u64 ino, bool *wait)
{
	struct vnode *vn;

	*wait = false;
	hlist_for_each(vn, bucket_of(sb, ino), hash) {
		if (vn->sb != sb || vn->ino != ino)
			continue;
		if (vn->state & (VN_NEW | VN_FREEING)) {
			*wait = true;
			return NULL;
		}
		if (refcount_read(&vn->refs) == 0) {
			list_del(&vn->lru);
			lru_count--;
			refcount_init(&vn->refs, 1);
		} else {
			refcount_get(&vn->refs);
		}
		return vn;
	}
	return NULL;
}

/* Is nothing with this number coming or going any more? */
static bool
is_settled(struct super_block *sb, u64 ino)
{
	struct vnode *vn;
	bool settled = true;

	spin_lock(&hash_lock);
	hlist_for_each(vn, bucket_of(sb, ino), hash)
		if (vn->sb == sb && vn->ino == ino && (vn->state & (VN_NEW | VN_FREEING)))
			settled = false;
	spin_unlock(&hash_lock);
	return settled;
}

int
vnode_get_cached(struct super_block *sb, u64 ino, struct vnode **out)
{
	struct vnode *vn, *new = NULL;
	bool wait;

	for (;;) {
		spin_lock(&hash_lock);
		vn = find_locked(sb, ino, &wait);
		if (vn == NULL && !wait && new != NULL) {
			hlist_add(bucket_of(sb, ino), &new->hash);
			vn = new;
			new = NULL;
		}
		spin_unlock(&hash_lock);
		if (vn != NULL)
			break;
		if (wait) {
			wait_event(&state_wq, is_settled(sb, ino));
			continue;
		}
		new = vnode_alloc(sb);
		if (new == NULL)
			return -ENOMEM;
		new->ino = ino;
		new->state = VN_NEW;
	}
	if (new != NULL) {		/* somebody else made it meanwhile */
		new->nlink = 0;
		new->state = 0;
		vnode_put(new);
	}
	*out = vn;
	return 0;
}

void
vnode_unlock_new(struct vnode *vn)
{
	vnode_set_kind(vn);
	spin_lock(&hash_lock);
	atomic_fetch_and(&vn->state, ~(u32)VN_NEW);
	spin_unlock(&hash_lock);
	waitq_wake_all(&state_wq);
}

void
vnode_fail_new(struct vnode *vn)
{
	spin_lock(&hash_lock);
	hlist_del(&vn->hash);
	atomic_fetch_and(&vn->state, ~(u32)VN_NEW);
	spin_unlock(&hash_lock);
	waitq_wake_all(&state_wq);
	vnode_put(vn);
}

/* Take an unused vnode off the LRU for eviction: of sb, or (NULL) the one unused for longest. */
static struct vnode *
take_unused(struct super_block *sb)
{
	struct vnode *vn, *found = NULL;

	spin_lock(&hash_lock);
	list_for_each_reverse(vn, &lru, lru) {
		if (sb == NULL || vn->sb == sb) {
			found = vn;
			break;
		}
	}
	if (found != NULL) {
		list_del(&found->lru);
		lru_count--;
		atomic_fetch_or(&found->state, (u32)VN_FREEING);
	}
	spin_unlock(&hash_lock);
	return found;
}

void
super_evict_vnodes(struct super_block *sb)
{
	struct vnode *vn;

	while ((vn = take_unused(sb)) != NULL)
		evict(vn);
}

static u64
shrink_count(void)
{
	return READ_ONCE(lru_count);
}

static u64
shrink_scan(u64 n)
{
	struct vnode *vn;
	u64 done = 0;

	while (done < n && (vn = take_unused(NULL)) != NULL) {
		evict(vn);
		done++;
	}
	return done;
}

static struct shrinker shrinker = { .name = "vnode", .count = shrink_count, .scan = shrink_scan };

/* --- attributes --- */

void
vnode_init_owner(struct vnode *vn, const struct vnode *dir, u32 mode)
{
	const struct cred *c = cred_current();

	vn->uid = c->fsuid;
	vn->gid = c->fsgid;
	if (dir != NULL && (dir->mode & S_ISGID)) {
		vn->gid = dir->gid;
		if (S_ISDIR(mode))
			mode |= S_ISGID;
		else if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && !cred_in_group(c, vn->gid) &&
			 !capable(CAP_FSETID))
			mode &= ~S_ISGID;
	}
	vn->mode = mode;
	if (S_ISDIR(mode))
		vnode_set_kind(vn);
}

/* The size is one aligned word: a reader sees an old or a new one. */
off_t
vnode_size(const struct vnode *vn)
{
	return atomic_load_acquire(&vn->size);
}

void
vnode_set_size(struct vnode *vn, off_t size)
{
	atomic_store_release(&vn->size, size);
}

void
vnode_touch(struct vnode *vn, int which)
{
	nsec_t now = clock_realtime_coarse();
	u32 gran = vn->sb->time_gran;

	if (gran > 1)
		now -= now % gran;
	spin_lock(&vn->lock);
	if (which & VT_ATIME)
		vn->atime = now;
	if (which & VT_MTIME)
		vn->mtime = now;
	if (which & VT_CTIME)
		vn->ctime = now;
	if (which & VT_BTIME)
		vn->btime = now;
	spin_unlock(&vn->lock);
	if (vn->ops != NULL && vn->ops->update_time != NULL)
		(void)!vn->ops->update_time(vn, which);
	vnode_dirty(vn);
}

void
vnode_dirty(struct vnode *vn)
{
	if (!(atomic_load_relaxed(&vn->state) & VN_DIRTY))
		atomic_fetch_or(&vn->state, (u32)VN_DIRTY);
}

void
vnode_inc_nlink(struct vnode *vn)
{
	spin_lock(&vn->lock);
	vn->nlink++;
	spin_unlock(&vn->lock);
	vnode_dirty(vn);
}

void
vnode_drop_nlink(struct vnode *vn)
{
	spin_lock(&vn->lock);
	if (!WARN_ON(vn->nlink == 0))
		vn->nlink--;
	spin_unlock(&vn->lock);
	vnode_dirty(vn);
}

void
vnode_cache_init(void)
{
	struct mem_stats st;
	u64 buckets;

	mem_stats_get(&st);
	buckets = MIN(rounddown_pow2(MAX(st.total / 256, 256UL)), 1UL << 18);
	table_bits = ilog2(buckets);
	table = kmem_valloc(buckets * sizeof(*table), KM_ZERO);
	cache = kmem_cache_create("vnode", sizeof(struct vnode), 64, 0, NULL);
	if (table == NULL || cache == NULL)
		panic("vfs: no memory for the vnode cache");
	kmem_cache_set_reclaimable(cache);
	spin_init(&hash_lock, LOCK_VNODE_HASH);
	list_init(&lru);
	waitq_init(&state_wq);
	shrinker_register(&shrinker);
}
