/* SPDX-License-Identifier: BSD-2-Clause */
/* clone3(2) and unshare(2): the argument's versions, what only clone3 can do, taking apart what is shared. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guest.h"

struct args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup, more;
};

#define CLEAR_SIGHAND	0x100000000ull
#define INTO_CGROUP	0x200000000ull
#define SIZE0		64
#define SIZE1		80
#define SIZE2		88

static long clone3(struct args *a, size_t size) { return syscall(SYS_clone3, a, size); }

static int
exit_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
	ck_assert_msg(WIFEXITED(status), "status %x", status);
	return WEXITSTATUS(status);
}

START_TEST(all_versions)
{
	static const size_t sizes[] = { SIZE0, SIZE1, SIZE2, sizeof(struct args) };

	for (int i = 0; i < 4; i++) {
		struct args a = { .exit_signal = SIGCHLD };
		pid_t pid = ck_ok(clone3(&a, sizes[i]));

		if (pid == 0)
			_exit(i);
		ck_assert_int_eq(exit_of(pid), i);
	}
}
END_TEST

START_TEST(sizes_are_checked)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct args a = { .exit_signal = SIGCHLD, .more = 1 };

	ck_fails(clone3(&a, sizeof(a)), E2BIG);
	ck_fails(clone3(&a, SIZE0 - 1), EINVAL);
	ck_fails(clone3(&a, 0), EINVAL);
	ck_fails(clone3((struct args *)page, 4097), E2BIG);
	ck_fails(clone3((struct args *)8, SIZE0), EFAULT);
	munmap(page + 4096, 4096);
	ck_fails(clone3((struct args *)(page + 4096 - 8), SIZE0), EFAULT);
}
END_TEST

START_TEST(bad_arguments)
{
	int tid = 1;
	struct args bad[] = {
		{ .flags = 1ull << 40 },
		{ .flags = CLONE_DETACHED },
		{ .flags = 1 },					/* an exit signal among the flags */
		{ .flags = CLONE_SIGHAND | CLONE_VM | CLEAR_SIGHAND },
		{ .flags = CLONE_SIGHAND },
		{ .flags = CLONE_PARENT, .exit_signal = SIGCHLD },
		{ .flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, .exit_signal = SIGCHLD },
		{ .exit_signal = 65 },
		{ .exit_signal = 256 },
		{ .stack = 4096 },
		{ .stack_size = 4096 },
		{ .stack = UINT64_MAX - 4095, .stack_size = 4096 },
		{ .set_tid = (uint64_t)&tid },
		{ .set_tid_size = 1 },
		{ .set_tid = (uint64_t)&tid, .set_tid_size = 33 },
		{ .set_tid = (uint64_t)&tid, .set_tid_size = 2 },
		{ .flags = INTO_CGROUP, .cgroup = 1ull << 32 },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		long r = clone3(&bad[i], SIZE2);

		if (r == 0)
			_exit(0);
		ck_assert_msg(r == -1 && errno == EINVAL, "case %u: %ld, %s", i, r, strerror(errno));
	}
	ck_fails(clone3(&(struct args){ .flags = INTO_CGROUP, .cgroup = 999 }, SIZE2), EBADF);
	ck_fails(clone3(&(struct args){ .flags = INTO_CGROUP, .cgroup = 999 }, SIZE1), EINVAL);
	ck_fails(clone3(&(struct args){ .set_tid = 8, .set_tid_size = 1 }, SIZE1), EFAULT);
	ck_fails(clone3(&(struct args){ .flags = CLONE_PIDFD, .pidfd = 8, .exit_signal = SIGCHLD }, SIZE0), EFAULT);
	ck_fails(waitpid(-1, NULL, __WALL), ECHILD);
}
END_TEST

START_TEST(tids_are_stored)
{
	int pidfd = -1;
	pid_t child_tid = -1, parent_tid = -1;
	struct args a = { .flags = CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID, .exit_signal = SIGCHLD, .pidfd = (uint64_t)&pidfd,
		.child_tid = (uint64_t)&child_tid, .parent_tid = (uint64_t)&parent_tid };
	pid_t pid = ck_ok(clone3(&a, SIZE0));

	if (pid == 0)
		_exit(child_tid == (pid_t)syscall(SYS_gettid) ? 0 : 1);
	ck_assert_int_eq(parent_tid, pid);
	ck_assert_int_eq(child_tid, -1);
	ck_assert_int_eq(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(exit_of(pid), 0);
}
END_TEST

static void on_signal(int s) { }

START_TEST(handlers_are_cleared)
{
	struct args a = { .flags = CLEAR_SIGHAND, .exit_signal = SIGCHLD };
	struct sigaction sa;
	pid_t pid;

	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, SIG_IGN);
	pid = ck_ok(clone3(&a, SIZE0));
	if (pid == 0) {
		if (sigaction(SIGUSR1, NULL, &sa) != 0 || sa.sa_handler != SIG_DFL)
			_exit(1);
		if (sigaction(SIGUSR2, NULL, &sa) != 0 || sa.sa_handler != SIG_IGN)
			_exit(2);
		_exit(0);
	}
	ck_assert_int_eq(exit_of(pid), 0);
	ck_ok(sigaction(SIGUSR1, NULL, &sa));
	ck_assert(sa.sa_handler == on_signal);
}
END_TEST

START_TEST(a_chosen_number)
{
	pid_t want = 31234;
	struct args a = { .exit_signal = SIGCHLD, .set_tid = (uint64_t)&want, .set_tid_size = 1 };
	pid_t pid = ck_ok(clone3(&a, SIZE1));

	if (pid == 0) {
		pause();
		_exit(0);
	}
	ck_assert_int_eq(pid, want);
	ck_fails(clone3(&a, SIZE1), EEXIST);
	kill(pid, SIGKILL);
	ck_ok(waitpid(pid, NULL, 0));
	pid = ck_ok(clone3(&a, SIZE1));		/* free again */
	if (pid == 0)
		_exit(0);
	ck_assert_int_eq(pid, want);
	exit_of(pid);
	want = 0;
	ck_fails(clone3(&a, SIZE1), EINVAL);
	want = -5;
	ck_fails(clone3(&a, SIZE1), EINVAL);
	want = INT_MAX;
	ck_fails(clone3(&a, SIZE1), EINVAL);
	want = 31235;
	pid = ck_ok(fork());
	if (pid == 0) {
		if (setuid(1000) != 0)
			_exit(1);
		_exit(clone3(&a, SIZE1) == -1 && errno == EPERM ? 0 : 2);
	}
	ck_assert_int_eq(exit_of(pid), 0);
}
END_TEST

START_TEST(no_exit_signal)
{
	struct args a = { 0 };
	pid_t pid = ck_ok(clone3(&a, SIZE0));

	if (pid == 0)
		_exit(3);
	ck_fails(waitpid(pid, NULL, 0), ECHILD);	/* a "clone" child */
	ck_assert_int_eq(exit_of(pid), 3);
}
END_TEST

static char stack[65536] __attribute__((aligned(16)));
static volatile uintptr_t child_sp;

START_TEST(the_stack)
{
	struct args a = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD, .stack = (uint64_t)stack, .stack_size = sizeof(stack) };
	long r = SYS_clone3;

	/* The child must not return: it stands on an empty stack. */
	asm volatile("syscall\n\t"
		     "test %%rax, %%rax\n\t"
		     "jnz 1f\n\t"
		     "mov %%rsp, %[sp]\n\t"
		     "mov $60, %%eax\n\t"
		     "mov $9, %%edi\n\t"
		     "syscall\n"
		     "1:"
		     : "+a"(r), [sp] "+m"(child_sp) : "D"(&a), "S"((long)SIZE0) : "rcx", "r11", "memory");
	ck_assert_int_gt(r, 0);
	ck_assert_int_eq(exit_of((pid_t)r), 9);
	ck_assert_uint_eq(child_sp, (uintptr_t)stack + sizeof(stack));
}
END_TEST

/* --- unshare --- */

static int
shares_files(void *arg)
{
	int fd = *(int *)arg;

	if (unshare(CLONE_FILES) != 0)
		return 1;
	return close(fd) == 0 ? 0 : 2;
}

START_TEST(descriptors_become_own)
{
	int fd = (int)ck_ok(dup(1));
	pid_t pid = ck_ok(clone(shares_files, stack + sizeof(stack), CLONE_FILES | SIGCHLD, &fd));

	ck_assert_int_eq(exit_of(pid), 0);
	ck_ok(fcntl(fd, F_GETFD));
}
END_TEST

static int
shares_fs(void *arg)
{
	if (unshare(CLONE_FS) != 0)
		return 1;
	umask(0777);
	return chdir("/proc") == 0 ? 0 : 2;
}

START_TEST(directory_becomes_own)
{
	char dir[PATH_MAX];
	pid_t pid;

	ck_ok(chdir("/tmp"));
	umask(022);
	pid = ck_ok(clone(shares_fs, stack + sizeof(stack), CLONE_FS | SIGCHLD, NULL));
	ck_assert_int_eq(exit_of(pid), 0);
	ck_assert_str_eq(getcwd(dir, sizeof(dir)), "/tmp");
	ck_assert_int_eq(umask(022), 022);
}
END_TEST

START_TEST(nothing_shared)
{
	ck_ok(unshare(0));
	ck_ok(unshare(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM));
	ck_ok(unshare(CLONE_THREAD));
	ck_ok(unshare(CLONE_SIGHAND));
	ck_ok(unshare(CLONE_VM));
}
END_TEST

static void *
unshare_thread(void *arg)
{
	int *errs = arg;

	errs[0] = unshare(CLONE_THREAD) == -1 ? errno : 0;
	errs[1] = unshare(CLONE_SIGHAND) == -1 ? errno : 0;
	errs[2] = unshare(CLONE_VM) == -1 ? errno : 0;
	errs[3] = unshare(CLONE_FS | CLONE_FILES) == -1 ? errno : 0;
	return NULL;
}

static int
unshare_vm(void *arg)
{
	return unshare(CLONE_VM) == -1 && errno == EINVAL ? 0 : 1;
}

START_TEST(unshare_errors)
{
	pthread_t th;
	int errs[4];
	pid_t pid;

	ck_fails(unshare(CLONE_VFORK), EINVAL);
	ck_fails(unshare(CLONE_PIDFD), EINVAL);
	ck_fails(unshare(1), EINVAL);
	pthread_create(&th, NULL, unshare_thread, errs);
	pthread_join(th, NULL);
	ck_assert_int_eq(errs[0], EINVAL);
	ck_assert_int_eq(errs[1], EINVAL);
	ck_assert_int_eq(errs[2], EINVAL);
	ck_assert_int_eq(errs[3], 0);
	pid = ck_ok(clone(unshare_vm, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL));
	ck_assert_int_eq(exit_of(pid), 0);
	pid = ck_ok(fork());
	if (pid == 0) {
		if (setuid(1000) != 0)
			_exit(1);
		_exit(unshare(CLONE_NEWUTS) == -1 && errno == EPERM ? 0 : 2);
	}
	ck_assert_int_eq(exit_of(pid), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proc_clone3");
	TCase *t = tcase_create("core");

	tcase_add_test(t, all_versions);
	tcase_add_test(t, sizes_are_checked);
	tcase_add_test(t, bad_arguments);
	tcase_add_test(t, tids_are_stored);
	tcase_add_test(t, handlers_are_cleared);
	tcase_add_test(t, a_chosen_number);
	tcase_add_test(t, no_exit_signal);
	tcase_add_test(t, the_stack);
	tcase_add_test(t, descriptors_become_own);
	tcase_add_test(t, directory_becomes_own);
	tcase_add_test(t, nothing_shared);
	tcase_add_test(t, unshare_errors);
	suite_add_tcase(s, t);
	return guest_run(s);
}
