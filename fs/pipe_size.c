/* SPDX-License-Identifier: BSD-2-Clause */
/* How much a pipe may hold: F_SETPIPE_SZ, and what all pipes of a user may hold together. pipe(7), "/proc files". */
#include "fs/pipe.h"

#include "mm/page.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/lib/bits.h"
#include "sys/user.h"

int pipe_max_size = 1048576;
int pipe_user_pages_soft = 16384;
int pipe_user_pages_hard;

static bool
unprivileged(void)
{
	return !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN);
}

static bool
over(u32 pages, const int *limit)
{
	u32 max = (u32)READ_ONCE(*limit);

	return max != 0 && pages > max;
}

u32
pipe_charge_new(struct user_counts **out)
{
	struct user_counts *user = user_counts_find(cred_current()->uid);
	u32 slots = PIPE_SLOTS, pages;

	if (user == NULL)
		return 0;
	if (slots * PAGE_SIZE > (u32)READ_ONCE(pipe_max_size) && !capable(CAP_SYS_RESOURCE))
		slots = (u32)READ_ONCE(pipe_max_size) / PAGE_SIZE;
	pages = atomic_add(&user->pipe_pages, slots);
	if (over(pages, &pipe_user_pages_soft) && slots > PIPE_SLOTS_MIN && unprivileged()) {
		pages = atomic_sub(&user->pipe_pages, slots - PIPE_SLOTS_MIN);
		slots = PIPE_SLOTS_MIN;
	}
	if (over(pages, &pipe_user_pages_hard) && unprivileged()) {
		pipe_uncharge(user, slots);
		return 0;
	}
	*out = user;
	return slots;
}

void
pipe_uncharge(struct user_counts *user, u32 slots)
{
	atomic_sub(&user->pipe_pages, slots);
	user_counts_put(user);
}

long
pipe_get_size(struct file *f)
{
	if (f->ops != &pipe_fops)
		return -EBADF;
	return (long)(READ_ONCE(file_pipe(f)->slots) * PAGE_SIZE);
}

/* [l] The pipe is to have so many slots: checked, and paid for. */
static int
recharge(struct pipe *p, u64 size, u32 slots)
{
	bool grows = slots > p->slots;
	u32 pages;

	if (grows && size > (u64)READ_ONCE(pipe_max_size) && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (ring_used(p) > slots)
		return -EBUSY;
	pages = atomic_add(&p->user->pipe_pages, slots - p->slots);
	if (grows && (over(pages, &pipe_user_pages_soft) || over(pages, &pipe_user_pages_hard)) && unprivileged()) {
		atomic_sub(&p->user->pipe_pages, slots - p->slots);
		return -EPERM;
	}
	return 0;
}

long
pipe_set_size(struct file *f, u64 size)
{
	struct pipe *p = file_pipe(f);
	struct pipe_buf *bufs;
	u32 slots, used;
	int err;

	if (f->ops != &pipe_fops)
		return -EBADF;
	if (size > 1UL << 31)
		return -EINVAL;
	slots = (u32)roundup_pow2(DIV_ROUND_UP(MAX(size, PAGE_SIZE), PAGE_SIZE));
	bufs = kmem_alloc_array(slots, sizeof(*bufs), KM_USER | KM_ZERO);
	if (bufs == NULL)
		return -ENOMEM;
	mutex_lock(&p->lock);
	err = recharge(p, size, slots);
	if (err != 0)
		goto out_unlock;
	used = ring_used(p);
	for (u32 i = 0; i < used; i++)
		bufs[i] = *ring_slot(p, p->tail + i);
	kmem_free(p->bufs);
	p->bufs = bufs;
	WRITE_ONCE(p->tail, 0);
	WRITE_ONCE(p->head, used);
	WRITE_ONCE(p->slots, slots);
	pipe_unlock_and_wake(p, false, !ring_full(p));
	return (long)(slots * PAGE_SIZE);
out_unlock:
	mutex_unlock(&p->lock);
	kmem_free(bufs);
	return err;
}
