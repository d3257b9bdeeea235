/* SPDX-License-Identifier: BSD-2-Clause */
/* kcmp(2): do two threads share something in the kernel? */
#include "proc/proc.h"

#include "fs/fdtable.h"
#include "fs/path.h"
#include "sys/random.h"
#include "syscall_protos.h"

enum { KCMP_FILE, KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND, KCMP_IO, KCMP_SYSVSEM, KCMP_EPOLL_TFD, KCMP_TYPES };

/* 0: equal, 1: less, 2: greater, in an order that tells nothing about addresses. */
static int
compare(const void *a, const void *b)
{
	static struct mutex lock = MUTEX_INIT(lock, LOCK_LEAF_SLEEP);
	static u64 add, mul;	/* [lock] set once */
	u64 x, y;

	mutex_lock(&lock);
	while (mul == 0) {
		add = random_u64();
		mul = random_u64() | 1;
	}
	mutex_unlock(&lock);
	x = ((u64)a ^ add) * mul;
	y = ((u64)b ^ add) * mul;
	return x == y ? 0 : x < y ? 1 : 2;
}

static struct file *
file_of(struct thread *t, unsigned long fd)
{
	struct files *files = thread_files_get(t);
	struct file *f = files != NULL && fd <= INT32_MAX ? files_get_file(files, (int)fd) : NULL;

	files_put(files);
	return f;
}

static int
compare_files(struct thread *a, unsigned long i, struct thread *b, unsigned long j)
{
	struct file *f = file_of(a, i), *g = file_of(b, j);
	int result = f != NULL && g != NULL ? compare(f, g) : -EBADF;

	file_put(f);
	file_put(g);
	return result;
}

static int
compare_threads(struct thread *a, struct thread *b, int type, unsigned long i, unsigned long j)
{
	switch (type) {
	case KCMP_FILE:
		return compare_files(a, i, b, j);
	case KCMP_VM:
		return compare(READ_ONCE(a->as), READ_ONCE(b->as));
	case KCMP_FILES:
		return compare(READ_ONCE(a->files), READ_ONCE(b->files));
	case KCMP_FS:
		return compare(READ_ONCE(a->fsctx), READ_ONCE(b->fsctx));
	case KCMP_SIGHAND:
		return compare(READ_ONCE(a->proc->sighand), READ_ONCE(b->proc->sighand));
	case KCMP_IO:
		return 0;	/* there are no I/O contexts: nobody has one */
	case KCMP_SYSVSEM:
	case KCMP_EPOLL_TFD:
		return -EOPNOTSUPP;
	}
	return -EINVAL;
}

long
sys_kcmp(pid_t pid1, pid_t pid2, int type, unsigned long idx1, unsigned long idx2)
{
	struct thread *a = thread_find_get(pid1), *b = thread_find_get(pid2);
	int err = -ESRCH;

	if (a == NULL || b == NULL)
		goto out;
	err = process_may_inspect(a);
	if (err == 0)
		err = process_may_inspect(b);
	if (err == 0)
		err = compare_threads(a, b, type, idx1, idx2);
out:
	if (a != NULL)
		thread_put(a);
	if (b != NULL)
		thread_put(b);
	return err;
}
