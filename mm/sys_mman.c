/* SPDX-License-Identifier: BSD-2-Clause */
/* The system calls of memory mapping: arguments checked in Linux's order, then mm/aspace.h and mm/madvise.h. */
#include "mm/madvise.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/file.h"
#include "sys/kmem.h"
#include "sys/thread.h"
#include "syscall_protos.h"

static struct aspace *
current_space(void)
{
	return thread_current()->as;
}

long
sys_mmap(u64 addr, size_t len, int prot, int flags, int fd, off_t off)
{
	struct file *f = NULL;
	long r;

	if (!IS_ALIGNED((u64)off, PAGE_SIZE))
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		f = fd_get_file(fd);
		if (f == NULL)
			return -EBADF;
		if (flags & MAP_HUGETLB) {	/* there is no hugetlbfs */
			file_put(f);
			return -EINVAL;
		}
	} else if (flags & MAP_HUGETLB) {
		return -ENOMEM;			/* no huge pages were set aside */
	}
	r = aspace_mmap(current_space(), addr, len, (u32)prot, (u32)flags, f, f != NULL ? (u64)off : 0);
	if (f != NULL)
		file_put(f);
	return r;
}

long
sys_munmap(u64 addr, size_t len)
{
	return aspace_munmap(current_space(), addr, len);
}

long
sys_mprotect(u64 addr, size_t len, int prot)
{
	return aspace_mprotect(current_space(), addr, len, (u32)prot);
}

long
sys_mremap(u64 addr, size_t old_len, size_t new_len, int flags, u64 new_addr)
{
	return aspace_mremap(current_space(), addr, old_len, new_len, (u32)flags, new_addr);
}

long
sys_brk(u64 addr)
{
	return (long)aspace_brk(current_space(), addr);
}

/* Page-aligned start, length up to whole pages, no wrap: *len. */
static int
whole_pages(u64 addr, size_t *len, int wrap_error)
{
	u64 n = ALIGN_UP(*len, PAGE_SIZE);

	if (!IS_ALIGNED(addr, PAGE_SIZE) || (*len != 0 && n == 0))
		return -EINVAL;
	if (addr + n < addr)
		return wrap_error;
	*len = n;
	return 0;
}

long
sys_madvise(u64 addr, size_t len, int advice)
{
	int err = whole_pages(addr, &len, -EINVAL);

	if (err != 0)
		return err;
	return aspace_madvise(current_space(), addr, len, advice);
}

long
sys_msync(u64 addr, size_t len, int flags)
{
	int err;

	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || ((flags & MS_ASYNC) && (flags & MS_SYNC)))
		return -EINVAL;
	err = whole_pages(addr, &len, -ENOMEM);
	if (err != 0)
		return err;
	return aspace_msync(current_space(), addr, len, (u32)flags);
}

long
sys_mincore(u64 addr, size_t len, void __user *vec)
{
	u64 pages = DIV_ROUND_UP(len, PAGE_SIZE);
	u8 __user *out = vec;
	u8 *buf;
	int err = 0;

	if (!IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (addr > ARCH_USER_MAX || len > ARCH_USER_MAX - addr)
		return -ENOMEM;
	if (!user_range_ok(vec, pages))
		return -EFAULT;
	buf = kmem_alloc(PAGE_SIZE, KM_USER);
	if (buf == NULL)
		return -EAGAIN;
	while (pages > 0 && err == 0) {
		u64 n = MIN(pages, PAGE_SIZE);

		err = aspace_mincore(current_space(), addr, n, buf);
		if (err == 0)
			err = copy_to_user(out, buf, n);
		pages -= n;
		addr += n << PAGE_SHIFT;
		out += n;
	}
	kmem_free(buf);
	return err;
}

/* mlock and munlock round the start down. */
static int
lock_range(u64 *addr, size_t *len)
{
	u64 n = ALIGN_UP(*len + *addr % PAGE_SIZE, PAGE_SIZE);

	*addr = ALIGN_DOWN(*addr, PAGE_SIZE);
	if (n < *len || *addr + n < *addr)
		return -EINVAL;
	*len = n;
	return 0;
}

static long
lock_pages(u64 addr, size_t len, bool on_fault)
{
	int err = lock_range(&addr, &len);

	if (err != 0 || len == 0)
		return err;
	return aspace_mlock(current_space(), addr, len, on_fault);
}

long
sys_mlock(u64 addr, size_t len)
{
	return lock_pages(addr, len, false);
}

long
sys_mlock2(u64 addr, size_t len, int flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return lock_pages(addr, len, flags & MLOCK_ONFAULT);
}

long
sys_munlock(u64 addr, size_t len)
{
	int err = lock_range(&addr, &len);

	if (err != 0 || len == 0)
		return err;
	return aspace_munlock(current_space(), addr, len);
}

long
sys_mlockall(int flags)
{
	if (flags == 0 || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	return aspace_mlockall(current_space(), (u32)flags);
}

long
sys_munlockall(void)
{
	return aspace_munlockall(current_space());
}
