/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vnodes: life, the cache by (super block, number), times.
 *
 * A vnode in the cache may have no reference: then it waits on the LRU for somebody to want it again, or for the shrinker. The
 * step from one reference to none and back is made under the cache's lock. A vnode that is not in the cache goes with its
 * last reference. VN_NEW and VN_FREEING ones are waited for. Memory is freed behind a grace period, for walks under RCU.
 * Reclaim only chooses: the evictions are done by a thread (fs/vnode_threads.c) that holds no locks of its own.
 */
#include "fs/internal.h"

#include "dev/block.h"
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
struct waitq vnode_state_wq;		/* VN_NEW, VN_FREEING or VN_WRITING ended */
struct waitq vnode_evict_wq;
static struct list evict_list;		/* [hash_lock] VN_FREEING ones that reclaim leaves to a thread */
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

	if (sb->ops->write_vnode != NULL) {
		if ((vn->state & VN_DIRTY) && vn->nlink > 0)
			(void)!vnode_write(vn, true);
		vnode_forget_dirty(vn);
	}
	if (sb->ops->evict != NULL)
		sb->ops->evict(vn);
	/* A cache that never had a page needs no locks: the shrinker may come here from anywhere that memory is asked for. */
	if (vn->mapping.nr_pages != 0 || !xa_empty(&vn->mapping.pages) || list_is_linked(&vn->mapping.dirty_node))
		mapping_destroy(&vn->mapping);
	if (vn->flocks != NULL)
		flock_free_list(vn);
	if (vn->state & VN_ORPHAN)
		atomic_sub(&sb->orphans, 1u);
	spin_lock(&sb->lock);
	list_del(&vn->sb_node);
	spin_unlock(&sb->lock);
	if (hlist_is_linked(&vn->hash)) {
		spin_lock(&hash_lock);
		hlist_del(&vn->hash);
		spin_unlock(&hash_lock);
		waitq_wake_all(&vnode_state_wq);
	}
	rcu_call(&vn->rcu, free_rcu);
}

/* Off the LRU, or the list of those that wait for eviction. */
static void
lru_remove_locked(struct vnode *vn)
{
	if (list_is_linked(&vn->lru)) {
		list_del_init(&vn->lru);
		lru_count--;
	}
}

/* The last reference of a cached vnode: true if it leaves. hash_lock is held. */
static bool
last_put_locked(struct vnode *vn)
{
	spin_assert_held(&hash_lock);
	if (!refcount_put(&vn->refs))
		return false;
	if (vn->nlink > 0 && !(vn->state & VN_FREEING)) {
		if (!vnode_keep_dirty_locked(vn)) {
			list_add(&lru, &vn->lru);
			lru_count++;
		}
		return false;
	}
	atomic_fetch_or(&vn->state, (u32)VN_FREEING);
	return true;
}

/* Reclaim's threads may hold what evict takes. */
static void
evict_later(struct vnode *vn)
{
	atomic_add(&vn->sb->evicting, 1u);
	spin_lock(&hash_lock);
	list_add_tail(&evict_list, &vn->lru);
	spin_unlock(&hash_lock);
	waitq_wake_all(&vnode_evict_wq);
}

/* Without links, and besides us only write-back has it: wait, so that the space is free when close or unlink returns. hash_lock is held. */
static void
wait_for_write_back_locked(struct vnode *vn)
{
	while (vn->nlink == 0 && vn->writeback_refs != 0 && refcount_read(&vn->refs) == (s32)vn->writeback_refs + 1) {
		atomic_fetch_or(&vn->state, (u32)VN_LAST_USER);
		spin_unlock(&hash_lock);
		wait_event(&vnode_state_wq, READ_ONCE(vn->writeback_refs) == 0);
		spin_lock(&hash_lock);
	}
}

static void
put_hashed(struct vnode *vn, bool written)
{
	bool last, wake = false;

	spin_lock(&hash_lock);
	if (written) {
		vn->writeback_refs--;
		wake = vn->state & VN_LAST_USER;
	} else if (!thread_current()->in_reclaim) {
		wait_for_write_back_locked(vn);
	}
	last = last_put_locked(vn);
	spin_unlock(&hash_lock);
	if (wake)
		waitq_wake_all(&vnode_state_wq);
	if (last && thread_current()->in_reclaim && vn->sb->ops->write_vnode != NULL)
		evict_later(vn);
	else if (last)
		evict(vn);
}

void
vnode_put(struct vnode *vn)
{
	s32 n;

	if (vn == NULL)
		return;
	n = atomic_load_relaxed(&vn->refs.n);
	while (n > 1 && (READ_ONCE(vn->nlink) != 0 || READ_ONCE(vn->writeback_refs) == 0))
		if (atomic_try_cas(&vn->refs.n, &n, n - 1))
			return;
	if (hlist_is_linked(&vn->hash))
		put_hashed(vn, false);
	else if (refcount_put(&vn->refs))
		evict(vn);
}

/* --- for write-back: references of vnodes that perhaps nobody uses --- */

void
vnode_put_written(struct vnode *vn)
{
	if (vn != NULL && hlist_is_linked(&vn->hash))
		put_hashed(vn, true);
	else
		vnode_put(vn);
}

/* hash_lock is held: a reference, unless vn comes or goes. */
static bool
grab_locked(struct vnode *vn)
{
	spin_assert_held(&hash_lock);
	if (atomic_load_relaxed(&vn->state) & (VN_NEW | VN_FREEING))
		return false;
	if (!hlist_is_linked(&vn->hash))
		return refcount_try_get(&vn->refs);
	if (refcount_read(&vn->refs) == 0) {
		lru_remove_locked(vn);
		refcount_init(&vn->refs, 1);
	} else {
		refcount_get(&vn->refs);
	}
	return true;
}

/* The same for write-back: end with vnode_put_written(). Its count comes first: see vnode_put(). */
static bool
grab_to_write_locked(struct vnode *vn)
{
	bool hashed = hlist_is_linked(&vn->hash);

	if (atomic_load_relaxed(&vn->state) & VN_LAST_USER)
		return false;
	vn->writeback_refs += hashed;
	if (grab_locked(vn))
		return true;
	vn->writeback_refs -= hashed;
	return false;
}

bool
vnode_mapping_hold(struct mapping *m)
{
	bool ok;

	spin_lock(&hash_lock);
	ok = grab_to_write_locked(m->owner);
	spin_unlock(&hash_lock);
	return ok;
}

void
vnode_mapping_drop(struct mapping *m)
{
	vnode_put_written(m->owner);
}

struct vnode *
vnode_next_with_pages(struct super_block *sb, struct vnode *prev)
{
	struct list *pos;
	struct vnode *found = NULL;

	spin_lock(&hash_lock);
	spin_lock(&sb->lock);
	for (pos = prev != NULL ? prev->sb_node.next : sb->vnodes.next; pos != &sb->vnodes; pos = pos->next) {
		struct vnode *vn = list_entry(pos, struct vnode, sb_node);

		if (vn->mapping.nr_pages != 0 && !(vn->mapping.flags & MAPPING_MEMORY) && grab_to_write_locked(vn)) {
			found = vn;
			break;
		}
	}
	spin_unlock(&sb->lock);
	spin_unlock(&hash_lock);
	vnode_put_written(prev);
	return found;
}

struct vnode *
vnode_take_dirty(struct super_block *sb, nsec_t before)
{
	struct vnode *vn, *found = NULL;

	spin_lock(&hash_lock);
	spin_lock(&sb->lock);
	list_for_each(vn, &sb->dirty, dirty_node) {
		if (vn->dirtied_at > before)
			break;
		if (grab_to_write_locked(vn)) {
			found = vn;
			break;
		}
	}
	spin_unlock(&sb->lock);
	spin_unlock(&hash_lock);
	return found;
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
		(void)grab_locked(vn);
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
			wait_event(&vnode_state_wq, is_settled(sb, ino));
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
	if (vn->sb->bdev != NULL)
		vn->mapping.backing = &vn->sb->bdev->disk->whole->backing;
	spin_lock(&hash_lock);
	atomic_fetch_and(&vn->state, ~(u32)VN_NEW);
	spin_unlock(&hash_lock);
	waitq_wake_all(&vnode_state_wq);
}

void
vnode_fail_new(struct vnode *vn)
{
	spin_lock(&hash_lock);
	hlist_del(&vn->hash);
	atomic_fetch_and(&vn->state, ~(u32)VN_NEW);
	spin_unlock(&hash_lock);
	waitq_wake_all(&vnode_state_wq);
	vnode_put(vn);
}

/* The next vnode of sb that nobody uses, for eviction. */
static struct vnode *
take_unused(struct super_block *sb)
{
	struct vnode *vn, *found = NULL;

	spin_lock(&hash_lock);
	spin_lock(&sb->lock);
	list_for_each(vn, &sb->vnodes, sb_node) {
		if (hlist_is_linked(&vn->hash) && refcount_read(&vn->refs) == 0 && !(vn->state & VN_FREEING)) {
			found = vn;
			break;
		}
	}
	spin_unlock(&sb->lock);
	if (found != NULL) {
		lru_remove_locked(found);
		atomic_fetch_or(&found->state, (u32)VN_FREEING);
	}
	spin_unlock(&hash_lock);
	return found;
}

bool
vnode_evict_pending(void)
{
	return !list_empty(&evict_list);
}

void
vnode_evict_deferred(void)
{
	struct super_block *sb;
	struct vnode *vn;

	for (;;) {
		spin_lock(&hash_lock);
		vn = list_first(&evict_list, struct vnode, lru);
		if (vn != NULL)
			list_del_init(&vn->lru);
		spin_unlock(&hash_lock);
		if (vn == NULL)
			return;
		sb = vn->sb;
		evict(vn);
		/* The last umount waits for the count; sb is not touched behind it. */
		spin_lock(&hash_lock);
		atomic_sub(&sb->evicting, 1u);
		spin_unlock(&hash_lock);
		waitq_wake_all(&vnode_state_wq);
	}
}

void
super_evict_vnodes(struct super_block *sb)
{
	struct vnode *vn;

	while ((vn = take_unused(sb)) != NULL)
		evict(vn);
	if (atomic_load(&sb->evicting) != 0)
		vnode_evict_deferred();
	wait_event(&vnode_state_wq, atomic_load(&sb->evicting) == 0);
}

static u64
shrink_count(void)
{
	return READ_ONCE(lru_count);
}

/* The one unused for longest leaves; without pages, if there is one among the last few: pages have an LRU of their own. */
static bool
shrink_one_locked(void)
{
	struct vnode *vn, *victim = NULL;
	u32 looked = 0;

	list_for_each_reverse(vn, &lru, lru) {
		if (victim == NULL)
			victim = vn;
		if (vn->mapping.nr_pages == 0) {
			victim = vn;
			break;
		}
		if (++looked == 32)
			break;
	}
	if (victim == NULL)
		return false;
	lru_remove_locked(victim);
	atomic_fetch_or(&victim->state, (u32)VN_FREEING);
	atomic_add(&victim->sb->evicting, 1u);
	list_add_tail(&evict_list, &victim->lru);
	return true;
}

static u64
shrink_scan(u64 n)
{
	u64 done = 0;

	spin_lock(&hash_lock);
	while (done < n && shrink_one_locked()) {
		done++;
		if (done % 64 == 0) {
			spin_unlock(&hash_lock);
			spin_lock(&hash_lock);
		}
	}
	spin_unlock(&hash_lock);
	if (done > 0)
		waitq_wake_all(&vnode_evict_wq);
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
	vnode_dirty_times(vn);
}

static void
orphan_locked(struct vnode *vn)
{
	if (!(atomic_fetch_or(&vn->state, (u32)VN_ORPHAN) & VN_ORPHAN))
		atomic_add(&vn->sb->orphans, 1u);
}

void
vnode_inc_nlink(struct vnode *vn)
{
	spin_lock(&vn->lock);
	if (vn->nlink++ == 0 && (vn->state & VN_ORPHAN)) {	/* O_TMPFILE gets a name */
		atomic_fetch_and(&vn->state, ~(u32)VN_ORPHAN);
		atomic_sub(&vn->sb->orphans, 1u);
	}
	spin_unlock(&vn->lock);
	vnode_dirty(vn);
}

void
vnode_drop_nlink(struct vnode *vn)
{
	spin_lock(&vn->lock);
	if (!WARN_ON(vn->nlink == 0) && --vn->nlink == 0)
		orphan_locked(vn);
	spin_unlock(&vn->lock);
	vnode_dirty(vn);
}

void
vnode_clear_nlink(struct vnode *vn)
{
	spin_lock(&vn->lock);
	vn->nlink = 0;
	orphan_locked(vn);
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
	list_init(&evict_list);
	waitq_init(&vnode_state_wq);
	waitq_init(&vnode_evict_wq);
	shrinker_register(&shrinker);
}
