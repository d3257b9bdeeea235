/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File descriptor tables.
 *
 * The array is read under RCU. While only its own thread uses the table (refs 1), that thread reads it plainly and takes no
 * reference of the file: nobody else can close it. Changes are made under files->lock; growing replaces the array, the old one
 * is freed behind a grace period. A descriptor is reserved (bit in `open`) before its file is there.
 */
#include "fs/internal.h"

#include "mm/aspace.h"		/* rlimit_current() */
#include "sys/abi/errno.h"
#include "sys/abi/resource.h"
#include "sys/kmem.h"
#include "sys/lib/bitmap.h"
#include "sys/lib/bits.h"
#include "sys/lib/string.h"
#include "sys/panic.h"
#include "sys/thread.h"

#define FD_INLINE	64U
#define FD_TABLE_MAX	(1U << 20)	/* fs.nr_open */

struct fd_array {
	u32 max;			/* [I] a multiple of 64 */
	struct file **file;		/* [files->lock, r] */
	unsigned long *open, *cloexec;	/* [files->lock] */
	struct rcu_head rcu;
};

struct files {
	struct refcount refs;		/* [a] threads that share it, and readers in /proc */
	struct spinlock lock;		/* LOCK_FD */
	struct fd_array *array;		/* [lock, r] */
	u32 next;			/* [lock] no free descriptor is below */
	struct fd_array first;
	struct file *first_file[FD_INLINE];
	unsigned long first_bits[2];
	struct rcu_head rcu;
};

static struct kmem_cache *cache;	/* [I] */

/* --- the array --- */

static void
array_free_rcu(struct rcu_head *head)
{
	struct fd_array *a = container_of(head, struct fd_array, rcu);

	kmem_vfree(a->file);
	kmem_free(a);
}

/* Zeroed, for at least n descriptors. */
static struct fd_array *
array_alloc(u32 n)
{
	u32 max = (u32)roundup_pow2(MAX(n, FD_INLINE * 2));
	struct fd_array *a = kmem_alloc(sizeof(*a), KM_USER);
	u8 *mem;

	if (a == NULL)
		return NULL;
	mem = kmem_valloc(max * sizeof(struct file *) + 2 * BITMAP_BYTES(max), KM_USER | KM_ZERO);
	if (mem == NULL) {
		kmem_free(a);
		return NULL;
	}
	a->max = max;
	a->file = (struct file **)mem;
	a->open = (unsigned long *)(mem + max * sizeof(struct file *));
	a->cloexec = a->open + BITMAP_LONGS(max);
	return a;
}

static void
array_copy(struct fd_array *to, const struct fd_array *from)
{
	u32 n = MIN(to->max, from->max);

	memcpy(to->file, from->file, n * sizeof(struct file *));
	memcpy(to->open, from->open, BITMAP_BYTES(n));
	memcpy(to->cloexec, from->cloexec, BITMAP_BYTES(n));
}

static struct files *
files_alloc(void)
{
	struct files *fs = kmem_cache_alloc(cache, KM_NORMAL);

	if (fs == NULL)
		return NULL;
	memset(fs, 0, sizeof(*fs));
	refcount_init(&fs->refs, 1);
	spin_init(&fs->lock, LOCK_FD);
	fs->first.max = FD_INLINE;
	fs->first.file = fs->first_file;
	fs->first.open = &fs->first_bits[0];
	fs->first.cloexec = &fs->first_bits[1];
	fs->array = &fs->first;
	return fs;
}

/* Make room for descriptor fd. The lock is held; it is let go meanwhile. */
static int
grow_locked(struct files *fs, u32 fd)
{
	while (fd >= fs->array->max) {
		struct fd_array *new, *old;

		if (fd >= FD_TABLE_MAX)
			return -EMFILE;
		spin_unlock(&fs->lock);
		new = array_alloc(fd + 1);
		spin_lock(&fs->lock);
		if (new == NULL)
			return -ENOMEM;
		old = fs->array;
		if (fd < old->max) {		/* somebody was faster */
			spin_unlock(&fs->lock);
			array_free_rcu(&new->rcu);
			spin_lock(&fs->lock);
			continue;
		}
		array_copy(new, old);
		rcu_assign(fs->array, new);
		if (old != &fs->first)
			rcu_call(&old->rcu, array_free_rcu);
	}
	return 0;
}

/* --- lookups --- */

/* Under RCU, with a reference; NULL. */
static struct file *
get_rcu(struct files *fs, u32 fd)
{
	for (;;) {
		struct fd_array *a = rcu_dereference(fs->array);
		struct file *f;

		if (fd >= a->max)
			return NULL;
		f = rcu_dereference(a->file[fd]);
		if (f == NULL)
			return NULL;
		if (!file_try_get(f))
			continue;
		/* The memory may have become another file before we got it. */
		if (likely(rcu_dereference(a->file[fd]) == f && rcu_dereference(fs->array) == a))
			return f;
		rcu_read_unlock();
		file_put(f);
		rcu_read_lock();
	}
}

struct file *
files_get_file(struct files *fs, int fd)
{
	struct file *f;

	rcu_read_lock();
	f = get_rcu(fs, (u32)fd);
	rcu_read_unlock();
	return f;
}

struct file *
fd_get_file(int fd)
{
	return files_get_file(thread_current()->files, fd);
}

static inline int
get(int fd, struct fdref *r, u32 not_mode)
{
	struct files *fs = thread_current()->files;

	if (likely(refcount_read(&fs->refs) == 1)) {
		struct fd_array *a = fs->array;

		r->file = (u32)fd < a->max ? a->file[fd] : NULL;
		r->put = false;
	} else {
		r->file = files_get_file(fs, fd);
		r->put = true;
	}
	if (likely(r->file != NULL && !(r->file->mode & not_mode)))
		return 0;
	if (r->file != NULL)
		fd_put(r);
	return -EBADF;
}

int
fd_get(int fd, struct fdref *r)
{
	return get(fd, r, FMODE_PATH);
}

int
fd_get_path(int fd, struct fdref *r)
{
	return get(fd, r, 0);
}

/* --- changes --- */

u32
fd_limit(void)
{
	u64 lim = rlimit_current(RLIMIT_NOFILE);

	return lim < FD_TABLE_MAX ? (u32)lim : FD_TABLE_MAX;
}

static void
set_cloexec_locked(struct fd_array *a, u32 fd, bool on)
{
	if (on)
		bitmap_set(a->cloexec, fd);
	else if (bitmap_test(a->cloexec, fd))
		bitmap_clear(a->cloexec, fd);
}

int
fd_reserve(int min, bool cloexec)
{
	struct files *fs = thread_current()->files;
	u32 fd, max = fd_limit();
	int err;

	spin_lock(&fs->lock);
	for (;;) {
		fd = MAX((u32)min, fs->next);
		if (fd < fs->array->max)
			fd = (u32)bitmap_find_next_zero(fs->array->open, fs->array->max, fd);
		err = -EMFILE;
		if (fd >= max)
			goto out_unlock;
		if (fd < fs->array->max)
			break;
		err = grow_locked(fs, fd);
		if (err != 0)
			goto out_unlock;
	}
	if ((u32)min <= fs->next)
		fs->next = fd + 1;
	bitmap_set(fs->array->open, fd);
	set_cloexec_locked(fs->array, fd, cloexec);
	err = (int)fd;
out_unlock:
	spin_unlock(&fs->lock);
	return err;
}

void
fd_install(int fd, struct file *f)
{
	struct files *fs = thread_current()->files;

	spin_lock(&fs->lock);
	KASSERT(fs->array->file[fd] == NULL);
	rcu_assign(fs->array->file[fd], f);
	spin_unlock(&fs->lock);
}

static void
free_bit_locked(struct files *fs, u32 fd)
{
	bitmap_clear(fs->array->open, fd);
	set_cloexec_locked(fs->array, fd, false);
	if (fd < fs->next)
		fs->next = fd;
}

void
fd_unreserve(int fd)
{
	struct files *fs = thread_current()->files;

	spin_lock(&fs->lock);
	free_bit_locked(fs, (u32)fd);
	spin_unlock(&fs->lock);
}

int
fd_install_new(struct file *f, int min, bool cloexec)
{
	int fd = fd_reserve(min, cloexec);

	if (fd >= 0)
		fd_install(fd, f);
	return fd;
}

/* Take the file out of the table: its reference is the caller's; NULL. */
static struct file *
take_locked(struct files *fs, u32 fd)
{
	struct file *f;

	if (fd >= fs->array->max)
		return NULL;
	f = fs->array->file[fd];
	if (f == NULL)
		return NULL;
	rcu_assign(fs->array->file[fd], NULL);
	free_bit_locked(fs, fd);
	return f;
}

/* What closing one descriptor of f means beside the reference. */
static void
close_file(struct files *fs, struct file *f)
{
	if (f->ops != NULL && f->ops->flush != NULL && !(f->mode & FMODE_PATH))
		f->ops->flush(f);
	if (f->vn->flocks != NULL)
		flock_posix_closed(fs, f);
	file_put(f);
}

int
fd_close(int fd)
{
	struct files *fs = thread_current()->files;
	struct file *f;

	spin_lock(&fs->lock);
	f = take_locked(fs, (u32)fd);
	spin_unlock(&fs->lock);
	if (f == NULL)
		return -EBADF;
	close_file(fs, f);
	return 0;
}

int
fd_close_range(u32 first, u32 last, bool cloexec_only)
{
	struct files *fs = thread_current()->files;

	spin_lock(&fs->lock);
	for (u64 fd = first; fd <= last; fd++) {
		struct file *f;

		fd = bitmap_find_next_set(fs->array->open, fs->array->max, fd);
		if (fd > last || fd >= fs->array->max)
			break;
		if (cloexec_only) {
			bitmap_set(fs->array->cloexec, fd);
			continue;
		}
		f = take_locked(fs, (u32)fd);
		if (f == NULL)
			continue;		/* reserved by another thread */
		spin_unlock(&fs->lock);
		close_file(fs, f);
		spin_lock(&fs->lock);
	}
	spin_unlock(&fs->lock);
	return 0;
}

int
fd_dup_to(int oldfd, int newfd, bool cloexec)
{
	struct files *fs = thread_current()->files;
	struct file *f, *old = NULL;
	int err;

	if ((u32)newfd >= fd_limit())
		return -EBADF;
	spin_lock(&fs->lock);
	err = grow_locked(fs, (u32)newfd);
	if (err != 0)
		goto out_unlock;
	f = (u32)oldfd < fs->array->max ? fs->array->file[oldfd] : NULL;
	err = -EBADF;
	if (f == NULL)
		goto out_unlock;
	old = fs->array->file[newfd];
	err = -EBUSY;
	if (old == NULL && bitmap_test(fs->array->open, (u32)newfd))
		goto out_unlock;		/* another thread is about to install there */
	file_get(f);
	rcu_assign(fs->array->file[newfd], f);
	bitmap_set(fs->array->open, (u32)newfd);
	set_cloexec_locked(fs->array, (u32)newfd, cloexec);
	err = newfd;
out_unlock:
	spin_unlock(&fs->lock);
	if (err >= 0 && old != NULL)
		close_file(fs, old);
	return err;
}

int
fd_get_cloexec(int fd)
{
	struct files *fs = thread_current()->files;
	int r = -EBADF;

	spin_lock(&fs->lock);
	if ((u32)fd < fs->array->max && fs->array->file[fd] != NULL)
		r = bitmap_test(fs->array->cloexec, (u32)fd);
	spin_unlock(&fs->lock);
	return r;
}

int
fd_set_cloexec(int fd, bool on)
{
	struct files *fs = thread_current()->files;
	int r = -EBADF;

	spin_lock(&fs->lock);
	if ((u32)fd < fs->array->max && fs->array->file[fd] != NULL) {
		set_cloexec_locked(fs->array, (u32)fd, on);
		r = 0;
	}
	spin_unlock(&fs->lock);
	return r;
}

/* --- tables as a whole --- */

struct files *
files_create(void)
{
	return files_alloc();
}

/* One more than the highest descriptor in use. */
static u32
used_locked(const struct fd_array *a)
{
	for (size_t i = BITMAP_LONGS(a->max); i-- > 0;)
		if (a->open[i] != 0)
			return (u32)(i * BITS_PER_LONG + msb64(a->open[i]) + 1);
	return 0;
}

int
files_copy(struct files *src, struct files **out)
{
	struct files *fs = files_alloc();
	struct fd_array *big = NULL;
	u32 need;

	if (fs == NULL)
		return -ENOMEM;
	spin_lock(&src->lock);
	while ((need = used_locked(src->array)) > fs->array->max) {
		spin_unlock(&src->lock);
		if (big != NULL)
			array_free_rcu(&big->rcu);
		fs->array = &fs->first;
		big = array_alloc(need);
		if (big == NULL) {
			kmem_cache_free(cache, fs);
			return -ENOMEM;
		}
		fs->array = big;
		spin_lock(&src->lock);
	}
	array_copy(fs->array, src->array);
	fs->next = src->next;
	for (u32 fd = 0; fd < MIN(need, fs->array->max); fd++) {
		struct file *f = fs->array->file[fd];

		if (f != NULL)
			file_get(f);
		else if (bitmap_test(fs->array->open, fd))
			free_bit_locked(fs, fd);	/* reserved only */
	}
	spin_unlock(&src->lock);
	*out = fs;
	return 0;
}

void
files_get(struct files *fs)
{
	refcount_get(&fs->refs);
}

bool
files_try_get(struct files *fs)
{
	return refcount_try_get(&fs->refs);
}

static void
files_free_rcu(struct rcu_head *h)
{
	kmem_cache_free(cache, container_of(h, struct files, rcu));
}

void
files_put(struct files *fs)
{
	if (fs == NULL || !refcount_put(&fs->refs))
		return;
	for (u32 fd = 0; fd < fs->array->max; fd++)
		if (fs->array->file[fd] != NULL)
			close_file(fs, fs->array->file[fd]);
	if (fs->array != &fs->first)
		array_free_rcu(&fs->array->rcu);
	rcu_call(&fs->rcu, files_free_rcu);
}

void
files_close_on_exec(void)
{
	struct files *fs = thread_current()->files;

	spin_lock(&fs->lock);
	for (u32 fd = 0;; fd++) {
		struct file *f;

		fd = (u32)bitmap_find_next_set(fs->array->cloexec, fs->array->max, fd);
		if (fd >= fs->array->max)
			break;
		f = take_locked(fs, fd);
		if (f == NULL)
			continue;
		spin_unlock(&fs->lock);
		close_file(fs, f);
		spin_lock(&fs->lock);
	}
	spin_unlock(&fs->lock);
}

int
files_unshare(void)
{
	struct thread *t = thread_current();
	struct files *own, *old = t->files;
	int err;

	if (refcount_read(&old->refs) == 1)
		return 0;
	err = files_copy(old, &own);
	if (err != 0)
		return err;
	atomic_store_release(&t->files, own);
	files_put(old);
	return 0;
}

u32
files_size(struct files *fs)
{
	u32 n;

	rcu_read_lock();
	n = rcu_dereference(fs->array)->max;
	rcu_read_unlock();
	return n;
}

int
files_next(struct files *fs, int from, struct file **out, bool *cloexec)
{
	int found = -1;

	spin_lock(&fs->lock);
	for (u32 fd = (u32)from; found < 0; fd++) {
		fd = (u32)bitmap_find_next_set(fs->array->open, fs->array->max, fd);
		if (fd >= fs->array->max)
			break;
		if (fs->array->file[fd] == NULL)
			continue;
		*out = fs->array->file[fd];
		file_get(*out);
		if (cloexec != NULL)
			*cloexec = bitmap_test(fs->array->cloexec, fd);
		found = (int)fd;
	}
	spin_unlock(&fs->lock);
	return found;
}

void
fdtable_init(void)
{
	cache = kmem_cache_create("files", sizeof(struct files), 64, 0, NULL);
	if (cache == NULL)
		panic("vfs: no memory for descriptor tables");
}
