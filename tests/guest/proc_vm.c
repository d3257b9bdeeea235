/* SPDX-License-Identifier: BSD-2-Clause */
/* process_vm_readv(2), process_vm_writev(2), process_madvise(2), kcmp(2), ioprio_set(2), membarrier(2), vhangup(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kcmp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "guest.h"

static pid_t child;
static char *theirs;		/* the child's, at the same address */

static void
start_child(void)
{
	int ready[2];
	char c;

	theirs = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	strcpy(theirs, "parent");
	ck_ok(pipe(ready));
	child = (pid_t)ck_ok(fork());
	if (child == 0) {
		strcpy(theirs, "child");
		memcpy(theirs + 4090, "over the border", 16);
		mprotect(theirs + 8192, 4096, PROT_READ);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
}

static void
end_child(void)
{
	kill(child, SIGKILL);
	ck_ok(waitpid(child, NULL, 0));
}

START_TEST(read_and_write)
{
	char a[3], b[20] = "", s[32] = "";
	struct iovec local[2] = { { a, 3 }, { b, 19 } }, remote[2] = { { theirs, 6 }, { theirs + 4090, 16 } };

	ck_assert_int_eq(process_vm_readv(child, local, 2, remote, 2, 0), 22);
	ck_assert_int_eq(memcmp(a, "chi", 3), 0);
	ck_assert_int_eq(memcmp(b, "ld\0over the border", 19), 0);
	strcpy(b, "new");
	local[0] = (struct iovec){ b, 4 };
	remote[0] = (struct iovec){ theirs + 5000, 4 };
	ck_assert_int_eq(process_vm_writev(child, local, 1, remote, 1, 0), 4);
	local[0] = (struct iovec){ s, sizeof(s) };
	ck_assert_int_eq(process_vm_readv(child, local, 1, remote, 1, 0), 4);
	ck_assert_str_eq(s, "new");
	ck_assert_str_eq(theirs, "parent");
	ck_assert_int_eq(theirs[5000], 0);
}
END_TEST

START_TEST(partial)
{
	char buf[8192] = "";
	struct iovec local = { buf, sizeof(buf) }, remote[2] = { { theirs, 100 }, { (void *)8, 100 } };

	ck_assert_int_eq(process_vm_readv(child, &local, 1, remote, 2, 0), 100);
	remote[0] = (struct iovec){ theirs + 8192 - 50, 100 };	/* into read-only memory */
	ck_assert_int_eq(process_vm_writev(child, &local, 1, remote, 1, 0), 50);
}
END_TEST

START_TEST(vm_errors)
{
	char buf[10];
	struct iovec local = { buf, 10 }, remote = { theirs, 10 }, bad = { (void *)8, 10 };
	int status;
	pid_t pid;

	ck_fails(process_vm_readv(child, &local, 1, &remote, 1, 1), EINVAL);
	ck_fails(process_vm_readv(child, &local, 1025, &remote, 1, 0), EINVAL);
	ck_fails(process_vm_readv(child, &local, 1, &remote, 1025, 0), EINVAL);
	ck_fails(process_vm_readv(child, &local, 1, &bad, 1, 0), EFAULT);
	ck_fails(process_vm_readv(child, &bad, 1, &remote, 1, 0), EFAULT);
	ck_fails(process_vm_readv(child, (void *)8, 1, &remote, 1, 0), EFAULT);
	ck_fails(process_vm_readv(child, &local, 1, (void *)8, 1, 0), EFAULT);
	ck_fails(process_vm_readv(4000000, &local, 1, &remote, 1, 0), ESRCH);
	remote.iov_base = theirs + 8192;
	ck_fails(process_vm_writev(child, &local, 1, &remote, 1, 0), EFAULT);
	ck_assert_int_eq(process_vm_readv(child, &local, 0, &remote, 1, 0), 0);
	ck_assert_int_eq(process_vm_readv(child, &local, 1, &remote, 0, 0), 0);
	pid = (pid_t)ck_ok(fork());
	if (pid == 0) {
		if (setuid(1000) != 0)
			_exit(1);
		_exit(process_vm_readv(child, &local, 1, &remote, 1, 0) == -1 && errno == EPERM ? 0 : 2);
	}
	ck_ok(waitpid(pid, &status, 0));
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(advice)
{
	int fd = (int)ck_ok(syscall(SYS_pidfd_open, child, 0));
	struct iovec iov[2] = { { theirs, 4096 }, { theirs + 4096, 4096 } }, odd = { theirs + 1, 4096 };

	ck_assert_int_eq(syscall(SYS_process_madvise, fd, iov, 2, MADV_COLD, 0), 8192);
	ck_fails(syscall(SYS_process_madvise, fd, iov, 2, MADV_COLD, 1), EINVAL);
	ck_fails(syscall(SYS_process_madvise, fd, iov, 2, MADV_DONTNEED, 0), EINVAL);
	ck_fails(syscall(SYS_process_madvise, fd, &odd, 1, MADV_COLD, 0), EINVAL);
	ck_fails(syscall(SYS_process_madvise, 1, iov, 2, MADV_COLD, 0), EBADF);
	ck_fails(syscall(SYS_process_madvise, 999, iov, 2, MADV_COLD, 0), EBADF);
	ck_fails(syscall(SYS_process_madvise, fd, (void *)8, 2, MADV_COLD, 0), EFAULT);
	end_child();
	ck_fails(syscall(SYS_process_madvise, fd, iov, 2, MADV_COLD, 0), ESRCH);
	start_child();
}
END_TEST

/* --- kcmp --- */

static long kcmp(pid_t a, pid_t b, int type, unsigned long i, unsigned long j) { return syscall(SYS_kcmp, a, b, type, i, j); }

START_TEST(kcmp_files)
{
	pid_t me = getpid();
	int a = (int)ck_ok(dup(1)), b = (int)ck_ok(open("/dev/null", O_RDONLY));
	long one, two;

	ck_assert_int_eq(kcmp(me, me, KCMP_FILE, 1, (unsigned)a), 0);
	one = kcmp(me, me, KCMP_FILE, 1, (unsigned)b);
	two = kcmp(me, me, KCMP_FILE, (unsigned)b, 1);
	ck_assert_msg((one == 1 && two == 2) || (one == 2 && two == 1), "%ld %ld", one, two);
	ck_assert_int_eq(kcmp(me, child, KCMP_FILE, 1, 1), 0);	/* inherited */
	ck_fails(kcmp(me, me, KCMP_FILE, 1, 999), EBADF);
}
END_TEST

static void *
compare_all(void *arg)
{
	long *r = arg;

	for (int type = KCMP_VM; type <= KCMP_SIGHAND; type++)
		r[type] = kcmp(getpid(), (pid_t)syscall(SYS_gettid), type, 0, 0);
	return NULL;
}

START_TEST(kcmp_shared)
{
	long r[8] = { 0 };
	pthread_t th;

	pthread_create(&th, NULL, compare_all, r);
	pthread_join(th, NULL);
	for (int type = KCMP_VM; type <= KCMP_SIGHAND; type++) {
		ck_assert_int_eq(r[type], 0);
		ck_assert_int_gt(kcmp(getpid(), child, type, 0, 0), 0);
	}
}
END_TEST

START_TEST(kcmp_errors)
{
	ck_fails(kcmp(getpid(), getpid(), 99, 0, 0), EINVAL);
	ck_fails(kcmp(getpid(), 4000000, KCMP_VM, 0, 0), ESRCH);
	ck_fails(kcmp(4000000, getpid(), KCMP_VM, 0, 0), ESRCH);
	if (fork() == 0) {
		if (setuid(1000) != 0)
			_exit(1);
		_exit(kcmp(getpid(), child, KCMP_VM, 0, 0) == -1 && errno == EPERM ? 0 : 2);
	}
	int status;
	pid_t pid = wait(&status);
	ck_assert_int_ne(pid, child);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* --- ioprio --- */

#define PRIO(class, data)	((class) << 13 | (data))

static long ioprio_set(int which, int who, int prio) { return syscall(SYS_ioprio_set, which, who, prio); }
static long ioprio_get(int which, int who) { return syscall(SYS_ioprio_get, which, who); }

START_TEST(ioprio)
{
	int status;
	pid_t pid;

	ck_assert_int_eq(ioprio_get(1, 0), PRIO(0, 0));
	ck_assert_int_eq(ioprio_get(2, 0), PRIO(2, 4));	/* from the nice value */
	ck_ok(ioprio_set(1, 0, PRIO(2, 6)));
	ck_assert_int_eq(ioprio_get(1, 0), PRIO(2, 6));
	ck_ok(ioprio_set(1, child, PRIO(3, 0)));
	ck_assert_int_eq(ioprio_get(1, child), PRIO(3, 0));
	ck_assert_int_eq(ioprio_get(2, 0), PRIO(2, 6));	/* the best of the group */
	pid = (pid_t)ck_ok(fork());
	if (pid == 0) {
		if (ioprio_get(1, 0) != PRIO(2, 6) || setuid(1000) != 0)
			_exit(1);
		if (ioprio_set(1, 0, PRIO(1, 4)) != -1 || errno != EPERM)
			_exit(2);
		if (ioprio_set(1, 1, PRIO(2, 4)) != -1 || errno != EPERM)
			_exit(3);
		_exit(ioprio_set(1, 0, PRIO(2, 7)));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_fails(ioprio_set(1, 0, PRIO(0, 1)), EINVAL);
	ck_fails(ioprio_set(1, 0, PRIO(4, 0)), EINVAL);
	ck_fails(ioprio_set(4, 0, PRIO(2, 4)), EINVAL);
	ck_fails(ioprio_get(4, 0), EINVAL);
	ck_fails(ioprio_get(1, 4000000), ESRCH);
	ck_fails(ioprio_set(1, 4000000, PRIO(2, 4)), ESRCH);
}
END_TEST

/* --- membarrier --- */

static long membarrier(int cmd, unsigned flags) { return syscall(SYS_membarrier, cmd, flags, 0); }
static volatile int x, y, stop, bad;

/* Two threads, store and load: with the barrier in one of them, a compiler barrier is enough in the other. */
static volatile int go, seen_y, rounds;

static void *
fast_side(void *arg)
{
	for (int i = 1; i <= rounds; i++) {
		while (go != i)
			sched_yield();
		x = i;
		__asm__ volatile("" ::: "memory");
		seen_y = y;
		__atomic_store_n(&stop, i, __ATOMIC_RELEASE);
	}
	return NULL;
}

START_TEST(barriers)
{
	pthread_t th;

	ck_assert_int_eq(membarrier(0, 0) & 0x7f, 0x7f);
	ck_fails(membarrier(8, 0), EPERM);
	ck_fails(membarrier(32, 0), EPERM);
	ck_ok(membarrier(16, 0));
	ck_ok(membarrier(64, 0));
	ck_ok(membarrier(4, 0));
	ck_ok(membarrier(1, 0));
	ck_ok(membarrier(2, 0));
	ck_ok(membarrier(32, 0));
	rounds = 300;
	pthread_create(&th, NULL, fast_side, NULL);
	for (int i = 1; i <= rounds; i++) {
		int seen_x;

		go = i;
		y = i;
		ck_ok(membarrier(8, 0));
		seen_x = x;
		while (__atomic_load_n(&stop, __ATOMIC_ACQUIRE) != i)
			sched_yield();
		ck_assert(seen_x == i || seen_y == i);
	}
	pthread_join(th, NULL);
	if (fork() == 0)
		_exit(membarrier(8, 0) == 0 ? 0 : 1);	/* inherited */
	int status;
	ck_ok(wait(&status));
	ck_assert_int_eq(status, 0);
	ck_fails(membarrier(3, 0), EINVAL);
	ck_fails(membarrier(1, 1), EINVAL);
	ck_fails(membarrier(1 << 20, 0), EINVAL);
}
END_TEST

START_TEST(vhangup_permission)
{
	int status;

	if (fork() == 0) {
		if (setsid() == -1 || vhangup() != 0 || setuid(1000) != 0)
			_exit(1);
		_exit(vhangup() == -1 && errno == EPERM ? 0 : 2);
	}
	ck_ok(wait(&status));
	ck_assert_int_eq(status, 0);
}
END_TEST

static volatile int hups;
static void on_hup(int s) { hups++; }

START_TEST(vhangup_ends_the_session)
{
	int master = (int)ck_ok(posix_openpt(O_RDWR | O_NOCTTY)), status;
	pid_t pid;

	ck_ok(grantpt(master));
	ck_ok(unlockpt(master));
	pid = (pid_t)ck_ok(fork());
	if (pid == 0) {
		char name[64], c;
		int fd;

		setsid();
		if (ptsname_r(master, name, sizeof(name)) != 0 || (fd = open(name, O_RDWR)) == -1)
			_exit(1);
		signal(SIGHUP, on_hup);
		if (vhangup() != 0)
			_exit(2);
		if (read(fd, &c, 1) != 0)
			_exit(3);
		if (write(fd, "x", 1) != -1 || errno != EIO)
			_exit(4);
		_exit(hups > 0 ? 0 : 5);
	}
	ck_ok(waitpid(pid, &status, 0));
	ck_assert_int_eq(status, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proc_vm");
	TCase *t = tcase_create("two"), *u = tcase_create("one");

	tcase_add_checked_fixture(t, start_child, end_child);
	tcase_add_test(t, read_and_write);
	tcase_add_test(t, partial);
	tcase_add_test(t, vm_errors);
	tcase_add_test(t, advice);
	tcase_add_test(t, kcmp_files);
	tcase_add_test(t, kcmp_shared);
	tcase_add_test(t, kcmp_errors);
	tcase_add_test(t, ioprio);
	tcase_add_test(u, barriers);
	tcase_add_test(u, vhangup_permission);
	tcase_add_test(u, vhangup_ends_the_session);
	suite_add_tcase(s, t);
	suite_add_tcase(s, u);
	return guest_run(s);
}
