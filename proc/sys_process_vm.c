/* SPDX-License-Identifier: BSD-2-Clause */
/* process_vm_readv(2), process_vm_writev(2), process_madvise(2): another process's memory. */
#include "proc/pidfd.h"

#include "arch/trap.h"
#include "mm/iobuf.h"
#include "mm/madvise.h"
#include "mm/page.h"
#include "proc/proc.h"
#include "syscall_protos.h"

/* The space of the thread's process that the caller may look into, with a user reference. -EPERM, -ESRCH. */
static int
space_of(struct thread *t, struct aspace **out)
{
	/* First the space, then the question, as in procfs/pid_mem.c: an exec that raises privilege closes the process before. */
	struct aspace *as = process_aspace_get(t->proc);
	int err = process_may_inspect(t);

	if (err == 0 && as == NULL)
		err = -ESRCH;
	if (err != 0 && as != NULL)
		aspace_put_user(as);
	*out = as;
	return err;
}

/* Between one range there and the buffer here, by the pages that it lies in. Bytes. */
static size_t
transfer(struct aspace *as, const struct abi_iovec *range, struct iobuf *b)
{
	u64 done = 0;

	while (done < range->len && iobuf_left(b) > 0) {
		u64 va = range->base + done, off = va % PAGE_SIZE, n = MIN(MIN(PAGE_SIZE - off, range->len - done), iobuf_left(b));
		struct page *pg = aspace_hold_page(as, va - off, b->to_user ? 0 : FAULT_WRITE);
		char *p;
		size_t moved;

		if (pg == NULL)
			break;
		p = (char *)page_address(pg) + off;
		moved = b->to_user ? iobuf_copy_out(b, p, n) : iobuf_copy_in(b, p, n);
		page_put(pg);
		done += moved;
		if (moved < n || (thread_signal_pending(thread_current()) && thread_fatal_pending(thread_current())))
			break;
	}
	return done;
}

static ssize_t
transfer_all(struct aspace *as, const struct abi_iovec *ranges, u64 count, struct iobuf *b)
{
	bool wanted = false;
	size_t total = 0, n;

	for (u64 i = 0; i < count && iobuf_left(b) > 0; i++) {
		size_t want = MIN((size_t)ranges[i].len, iobuf_left(b));

		if (want == 0)
			continue;
		wanted = true;
		n = transfer(as, &ranges[i], b);
		total += n;
		if (n < want)
			break;
	}
	return total == 0 && wanted ? -EFAULT : (ssize_t)total;
}

static ssize_t
with_ranges(pid_t pid, struct iobuf *b, const void __user *uranges, u64 count)
{
	struct abi_iovec *ranges;
	struct aspace *as;
	struct thread *t;
	struct iobuf remote;
	ssize_t n = iobuf_init_iovec(&remote, uranges, count, b->to_user, &ranges);

	if (n != 0)
		return n;
	n = -ESRCH;
	t = thread_find_get(pid);
	if (t == NULL)
		goto out_free;
	n = space_of(t, &as);
	if (n == 0) {
		n = transfer_all(as, ranges, count, b);
		aspace_put_user(as);
	}
	thread_put(t);
out_free:
	kmem_free(ranges);
	return n;
}

static long
process_vm(pid_t pid, const void __user *lvec, u64 lcount, const void __user *rvec, u64 rcount, unsigned long flags, bool read)
{
	struct abi_iovec *local;
	struct iobuf b;
	ssize_t n;

	if (flags != 0)
		return -EINVAL;
	n = iobuf_init_iovec(&b, lvec, lcount, read, &local);
	if (n != 0)
		return n;
	n = iobuf_left(&b) == 0 ? 0 : with_ranges(pid, &b, rvec, rcount);
	kmem_free(local);
	return n;
}

long
sys_process_vm_readv(pid_t pid, const void __user *lvec, unsigned long liovcnt, const void __user *rvec, unsigned long riovcnt,
	unsigned long flags)
{
	return process_vm(pid, lvec, liovcnt, rvec, riovcnt, flags, true);
}

long
sys_process_vm_writev(pid_t pid, const void __user *lvec, unsigned long liovcnt, const void __user *rvec, unsigned long riovcnt,
	unsigned long flags)
{
	return process_vm(pid, lvec, liovcnt, rvec, riovcnt, flags, false);
}

/* --- process_madvise --- */

static ssize_t
advise_ranges(struct aspace *as, const struct abi_iovec *iov, u64 count, int advice)
{
	size_t done = 0;
	int err = 0;

	for (u64 i = 0; i < count; i++) {
		if (!IS_ALIGNED(iov[i].base, PAGE_SIZE))
			err = -EINVAL;
		else if (iov[i].len != 0)
			err = aspace_madvise(as, iov[i].base, ALIGN_UP(iov[i].len, PAGE_SIZE), advice);
		if (err != 0)
			break;
		done += iov[i].len;
	}
	return done > 0 ? (ssize_t)done : err;
}

static ssize_t
advise_process(int pidfd, const struct abi_iovec *iov, u64 count, int advice)
{
	struct aspace *as;
	struct thread *t;
	struct pid *pid;
	ssize_t n = pidfd_get_pid(pidfd, false, &pid, NULL);

	if (n != 0)
		return n;
	t = thread_find_get(pid_nr(pid));
	if (t != NULL && t->pt->tid != pid) {	/* the number's next bearer */
		thread_put(t);
		t = NULL;
	}
	pid_put(pid);
	if (t == NULL)
		return -ESRCH;
	n = advice == MADV_COLD || advice == MADV_PAGEOUT || advice == MADV_WILLNEED ? 0 : -EINVAL;
	if (n == 0)
		n = space_of(t, &as);
	thread_put(t);
	if (n != 0)
		return n;
	n = capable(CAP_SYS_NICE) ? advise_ranges(as, iov, count, advice) : -EPERM;
	aspace_put_user(as);
	return n;
}

long
sys_process_madvise(int pidfd, const void __user *vec, unsigned long count, int advice, unsigned int flags)
{
	struct abi_iovec *iov;
	struct iobuf b;
	ssize_t n;

	if (flags != 0)
		return -EINVAL;
	n = iobuf_init_iovec(&b, vec, count, true, &iov);
	if (n != 0)
		return n;
	n = advise_process(pidfd, iov, count, advice);
	kmem_free(iov);
	return n;
}
