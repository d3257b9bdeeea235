/* SPDX-License-Identifier: BSD-2-Clause */
/* Contexts of Linux AIO and their rings. */
#include "fs/aio.h"

#include "mm/aspace.h"
#include "mm/page.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/percpu.h"
#include "sys/thread.h"

int aio_max_nr = 65536;
u32 aio_nr;

static struct spinlock nr_lock = SPINLOCK_INIT(LOCK_LEAF);	/* aio_nr is changed under it */

static struct abi_aio_ring *
ring_of(struct aio_ctx *ctx)
{
	return page_address(ctx->pages[0]);
}

static struct abi_io_event *
slot_of(struct aio_ctx *ctx, u32 i)
{
	u64 off = sizeof(struct abi_aio_ring) + (u64)i * sizeof(struct abi_io_event);

	return (struct abi_io_event *)((char *)page_address(ctx->pages[off >> PAGE_SHIFT]) + (off & (PAGE_SIZE - 1)));
}

/* The user may write anything there. */
static u32
ring_head(struct aio_ctx *ctx)
{
	return READ_ONCE(ring_of(ctx)->head) % ctx->slots;
}

/* --- life --- */

static bool
count_requests(u32 n)
{
	bool ok;

	spin_lock(&nr_lock);
	ok = aio_nr + n <= (u32)READ_ONCE(aio_max_nr) && aio_nr + n >= n;
	if (ok)
		aio_nr += n;
	spin_unlock(&nr_lock);
	return ok;
}

static void
uncount_requests(u32 n)
{
	spin_lock(&nr_lock);
	aio_nr -= n;
	spin_unlock(&nr_lock);
}

void
aio_ctx_put(struct aio_ctx *ctx)
{
	if (!refcount_put(&ctx->refs))
		return;
	for (u32 i = 0; i < ctx->nr_pages; i++)
		if (ctx->pages[i] != NULL)
			page_put(ctx->pages[i]);
	kmem_free(ctx->pages);
	kmem_free(ctx);
}

static int
ring_fault(struct vma *v, u64 index, bool write, struct page **pg, pfn_t *pfn)
{
	struct aio_ctx *ctx = v->file->priv;

	(void)write, (void)pfn;
	if (index >= ctx->nr_pages)
		return -EFAULT;
	*pg = ctx->pages[index];
	page_get(*pg);
	return 0;
}

static const struct vma_ops ring_vma_ops = { .fault = ring_fault };

static int
ring_mmap(struct file *f, struct vma *v)
{
	(void)f;
	v->flags |= VM_DONTEXPAND | VM_DONTCOPY;	/* a child has no context */
	v->ops = &ring_vma_ops;
	return 0;
}

/* No more requests; those that wait for readiness end now. False: it was dead. */
static bool
kill(struct aio_ctx *ctx)
{
	struct aio_req *r;
	bool was;

	spin_lock_irq(&ctx->lock);
	was = ctx->dead;
	ctx->dead = true;
	list_for_each(r, &ctx->polls, node)
		aio_poll_cancel_locked(r);
	spin_unlock_irq(&ctx->lock);
	waitq_wake_all(&ctx->wq);
	return !was;
}

static void
ring_release(struct file *f)
{
	struct aio_ctx *ctx = f->priv;

	(void)kill(ctx);
	uncount_requests(ctx->max_reqs);
	aio_ctx_put(ctx);
}

static const struct file_ops ring_fops = { .mmap = ring_mmap, .release = ring_release };

static struct aio_ctx *
alloc_ctx(u32 nr)
{
	/* As Linux: room for twice as many, so that a processor may keep some to itself. */
	u64 events = MAX((u64)nr, 4UL * cpu_count) * 2 + 2;
	struct aio_ctx *ctx = kmem_alloc(sizeof(*ctx), KM_USER | KM_ZERO);

	if (ctx == NULL)
		return NULL;
	refcount_init(&ctx->refs, 1);
	mutex_init(&ctx->read_lock, LOCK_FILE_POS);
	spin_init(&ctx->lock, LOCK_EVENT);
	waitq_init(&ctx->wq);
	list_init(&ctx->polls);
	ctx->as = thread_current()->as;
	ctx->max_reqs = nr;
	ctx->nr_pages = (u32)DIV_ROUND_UP(sizeof(struct abi_aio_ring) + events * sizeof(struct abi_io_event), PAGE_SIZE);
	ctx->slots = (u32)((ctx->nr_pages * PAGE_SIZE - sizeof(struct abi_aio_ring)) / sizeof(struct abi_io_event));
	ctx->pages = kmem_alloc_array(ctx->nr_pages, sizeof(*ctx->pages), KM_USER | KM_ZERO);
	if (ctx->pages == NULL)
		goto out_free;
	for (u32 i = 0; i < ctx->nr_pages; i++) {
		ctx->pages[i] = page_alloc(0, KM_USER | KM_ZERO);
		if (ctx->pages[i] == NULL) {
			aio_ctx_put(ctx);
			return NULL;
		}
	}
	*ring_of(ctx) = (struct abi_aio_ring){ .id = 0, .nr = ctx->slots, .magic = AIO_RING_MAGIC, .compat_features = 1,
		.header_length = sizeof(struct abi_aio_ring) };
	return ctx;
out_free:
	kmem_free(ctx);
	return NULL;
}

int
aio_ctx_create(u32 nr, u64 *id)
{
	struct aio_ctx *ctx;
	struct file *f;
	long addr;
	int err = -ENOMEM;

	if (nr > 0x10000000 / sizeof(struct abi_io_event))
		return -EINVAL;
	if (!count_requests(nr))
		return -EAGAIN;
	ctx = alloc_ctx(nr);
	if (ctx == NULL)
		goto out_uncount;
	err = file_create_anon("aio", &ring_fops, ctx, O_RDWR, &f);
	if (err != 0) {
		aio_ctx_put(ctx);
		goto out_uncount;
	}
	addr = aspace_mmap(ctx->as, 0, ctx->nr_pages * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
	if (addr > 0)
		*id = (u64)addr;
	file_put(f);		/* the mapping keeps it, or it all goes */
	return addr > 0 ? 0 : (int)addr;
out_uncount:
	uncount_requests(nr);
	return err;
}

struct aio_ctx *
aio_ctx_get(u64 id)
{
	struct aspace *as = thread_current()->as;
	struct aio_ctx *ctx = NULL;
	struct vma *v;

	rwlock_read_lock(&as->lock);
	v = vma_find(as, id);
	if (v != NULL && v->start == id && v->pgoff == 0 && v->file != NULL && v->file->ops == &ring_fops) {
		ctx = v->file->priv;
		if (ctx->as == as && !ctx->dead)
			refcount_get(&ctx->refs);
		else
			ctx = NULL;
	}
	rwlock_read_unlock(&as->lock);
	return ctx;
}

static bool
idle(struct aio_ctx *ctx)
{
	bool yes;

	spin_lock_irq(&ctx->lock);
	yes = ctx->active == 0;
	spin_unlock_irq(&ctx->lock);
	return yes;
}

int
aio_ctx_destroy(struct aio_ctx *ctx, u64 id)
{
	if (!kill(ctx))
		return -EINVAL;
	wait_event(&ctx->wq, idle(ctx));
	return aspace_munmap(ctx->as, id, ctx->nr_pages * PAGE_SIZE);
}

/* --- events --- */

int
aio_begin(struct aio_ctx *ctx)
{
	int err = 0;

	spin_lock_irq(&ctx->lock);
	if (ctx->dead)
		err = -EINVAL;
	else if (ctx->active + (ctx->tail + ctx->slots - ring_head(ctx)) % ctx->slots >= ctx->slots - 1)
		err = -EAGAIN;
	else
		ctx->active++;
	spin_unlock_irq(&ctx->lock);
	return err;
}

void
aio_end(struct aio_ctx *ctx, const struct abi_io_event *ev)
{
	spin_lock_irq(&ctx->lock);
	if (ev != NULL) {
		*slot_of(ctx, ctx->tail) = *ev;
		ctx->tail = (ctx->tail + 1) % ctx->slots;
		atomic_store_release(&ring_of(ctx)->tail, ctx->tail);	/* readers in user space go by it */
	}
	ctx->active--;
	spin_unlock_irq(&ctx->lock);
	waitq_wake_all(&ctx->wq);
}

static bool
ready(struct aio_ctx *ctx)
{
	bool yes;

	spin_lock_irq(&ctx->lock);
	yes = ctx->dead || ring_head(ctx) != ctx->tail;
	spin_unlock_irq(&ctx->lock);
	return yes;
}

/* What is there, up to nr. Events, or -EFAULT. */
static ssize_t
take(struct aio_ctx *ctx, u64 nr, struct abi_io_event __user *out)
{
	ssize_t done = 0;

	mutex_lock(&ctx->read_lock);
	while ((u64)done < nr) {
		u32 head = ring_head(ctx), tail;
		struct abi_io_event ev;

		spin_lock_irq(&ctx->lock);
		tail = ctx->tail;
		ev = *slot_of(ctx, head);
		spin_unlock_irq(&ctx->lock);
		if (head == tail)
			break;
		if (copy_to_user(&out[done], &ev, sizeof(ev)) != 0) {
			done = done > 0 ? done : -EFAULT;
			break;
		}
		atomic_store_release(&ring_of(ctx)->head, (head + 1) % ctx->slots);
		done++;
	}
	mutex_unlock(&ctx->read_lock);
	return done;
}

ssize_t
aio_read_events(struct aio_ctx *ctx, u64 min, u64 nr, struct abi_io_event __user *out, nsec_t deadline)
{
	u64 done = 0;
	int err = 0;

	for (;;) {
		ssize_t n = take(ctx, nr - done, out + done);

		if (n < 0)
			return done > 0 ? (ssize_t)done : n;
		done += (u64)n;
		if (done >= min || done >= nr || err == -ETIMEDOUT || deadline == 0)
			return (ssize_t)done;
		if (err != 0)
			return done > 0 ? (ssize_t)done : -EINTR;
		if (READ_ONCE(ctx->dead))
			return done > 0 ? (ssize_t)done : -EINVAL;
		err = wait_event_interruptible_until(&ctx->wq, ready(ctx), deadline);
	}
}
