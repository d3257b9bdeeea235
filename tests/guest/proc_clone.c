/* SPDX-License-Identifier: BSD-2-Clause */
/* clone(2) by hand: what each flag shares, thread ids, what combinations are refused. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guest.h"

static char stack[65536] __attribute__((aligned(16)));
static volatile int shared, ready;

static long
raw_clone(unsigned long flags)
{
	return syscall(SYS_clone, flags, 0, 0, 0, 0);
}

START_TEST(bad_combinations_are_refused)
{
	ck_fails(raw_clone(CLONE_SIGHAND | SIGCHLD), EINVAL);
	ck_fails(raw_clone(CLONE_THREAD | SIGCHLD), EINVAL);
	ck_fails(raw_clone(CLONE_THREAD | CLONE_SIGHAND | SIGCHLD), EINVAL);
	ck_fails(raw_clone(CLONE_NEWNS | CLONE_FS | SIGCHLD), EINVAL);
}
END_TEST

static int
child_sets(void *arg)
{
	shared = 1;
	return 9;
}

START_TEST(vm_is_shared)
{
	int status;
	pid_t pid = ck_ok(clone(child_sets, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL));

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 9);
	ck_assert_int_eq(shared, 1);
}
END_TEST

START_TEST(vm_is_not_shared)
{
	int status;
	pid_t pid = ck_ok(clone(child_sets, stack + sizeof(stack), SIGCHLD, NULL));

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(shared, 0);
}
END_TEST

static int
child_closes(void *arg)
{
	return close(*(int *)arg);
}

START_TEST(descriptors_are_shared)
{
	int fd = ck_ok(dup(1)), status;
	pid_t pid = ck_ok(clone(child_closes, stack + sizeof(stack), SIGCHLD, &fd));

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_ok(fcntl(fd, F_GETFD));
	pid = ck_ok(clone(child_closes, stack + sizeof(stack), CLONE_FILES | SIGCHLD, &fd));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_fails(fcntl(fd, F_GETFD), EBADF);
}
END_TEST

static int
child_moves(void *arg)
{
	umask(0123);
	return chdir("/proc");
}

START_TEST(directory_and_umask_are_shared)
{
	char dir[100];
	int status;
	pid_t pid;

	ck_ok(chdir("/"));
	umask(022);
	pid = ck_ok(clone(child_moves, stack + sizeof(stack), SIGCHLD, NULL));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_str_eq(getcwd(dir, sizeof(dir)), "/");
	pid = ck_ok(clone(child_moves, stack + sizeof(stack), CLONE_FS | SIGCHLD, NULL));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_str_eq(getcwd(dir, sizeof(dir)), "/proc");
	ck_assert_int_eq(umask(022), 0123);
}
END_TEST

static int
child_ignores(void *arg)
{
	signal(SIGUSR1, SIG_IGN);
	return 0;
}

START_TEST(handlers_are_shared)
{
	struct sigaction sa;
	int status;
	pid_t pid = ck_ok(clone(child_ignores, stack + sizeof(stack), CLONE_VM | CLONE_SIGHAND | SIGCHLD, NULL));

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_ok(sigaction(SIGUSR1, NULL, &sa));
	ck_assert_ptr_eq(sa.sa_handler, SIG_IGN);
}
END_TEST

static int
child_tells_ids(void *arg)
{
	int *ids = arg;

	ids[0] = (int)syscall(SYS_getpid);
	ids[1] = (int)syscall(SYS_gettid);
	ids[2] = (int)syscall(SYS_getppid);
	return 0;
}

START_TEST(threads_have_one_pid)
{
	static int ids[3];
	int ptid = 0, status;
	volatile int ctid = -1;
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID |
		CLONE_CHILD_CLEARTID;
	pid_t tid = ck_ok(clone(child_tells_ids, stack + sizeof(stack), flags, ids, &ptid, NULL, &ctid));

	ck_assert_int_eq(ptid, tid);
	while (ctid != 0)
		syscall(SYS_futex, &ctid, FUTEX_WAIT, -1, NULL, NULL, 0);
	ck_assert_int_eq(ids[0], getpid());
	ck_assert_int_eq(ids[1], tid);
	ck_assert_int_eq(ids[2], getppid());
	ck_fails(waitpid(tid, &status, 0), ECHILD);
	ck_fails(waitpid(-1, &status, __WALL), ECHILD);
	while (syscall(SYS_tkill, tid, 0) == 0)
		usleep(1000);
	ck_assert_int_eq(errno, ESRCH);
}
END_TEST

static int
child_looks_at_tid(void *arg)
{
	return *(volatile int *)arg == (int)syscall(SYS_gettid) ? 0 : 1;
}

START_TEST(tid_is_stored_in_the_child)
{
	static int ctid = -1;
	int status;
	pid_t pid = ck_ok(clone(child_looks_at_tid, stack + sizeof(stack), CLONE_CHILD_SETTID | SIGCHLD, &ctid, NULL, NULL, &ctid));

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(ctid, -1);
}
END_TEST

START_TEST(clone_children_need_their_options)
{
	int status;
	pid_t pid = ck_ok(clone(child_sets, stack + sizeof(stack), 0, NULL));

	ck_fails(waitpid(pid, &status, 0), ECHILD);
	ck_assert_int_eq(waitpid(pid, &status, __WCLONE), pid);
	signal(SIGUSR2, SIG_IGN);
	pid = ck_ok(clone(child_sets, stack + sizeof(stack), SIGUSR2, NULL));
	ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
}
END_TEST

static int
child_clones_sibling(void *arg)
{
	static char other[16384];

	return clone(child_tells_ids, other + sizeof(other), CLONE_VM | CLONE_PARENT | SIGCHLD, arg) == -1;
}

START_TEST(parent_flag_makes_siblings)
{
	static int ids[3];
	int status;
	pid_t pid = ck_ok(clone(child_clones_sibling, stack + sizeof(stack), CLONE_VM | SIGCHLD, ids));

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_gt(waitpid(-1, &status, 0), 0);
	ck_assert_int_eq(ids[2], getpid());
}
END_TEST

static int
child_exits_group(void *arg)
{
	ready = 1;
	for (;;)
		pause();
	return 0;
}

/* A thread that execs takes over the leader's number; all others end. */
static int
child_execs(void *arg)
{
	char *argv[] = { "sh", "-c", "test $$ = $0", (char *)arg, NULL };

	while (!ready)
		;
	execv("/bin/busybox", argv);
	return 1;
}

START_TEST(exec_by_a_thread_becomes_the_leader)
{
	static char other[16384] __attribute__((aligned(16)));
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, status;
	pid_t pid = ck_ok(fork());

	if (pid == 0) {
		static char me[12];

		snprintf(me, sizeof(me), "%d", getpid());
		clone(child_exits_group, stack + sizeof(stack), flags, NULL);
		clone(child_execs, other + sizeof(other), flags, me);
		for (;;)
			pause();
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(leader_may_go_first)
{
	int status;
	pid_t pid = ck_ok(fork());

	if (pid == 0) {
		clone(child_exits_group, stack + sizeof(stack), CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, NULL);
		while (!ready)
			;
		syscall(SYS_exit, 4);
	}
	usleep(50000);
	ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);	/* not before the last thread */
	ck_ok(kill(pid, SIGKILL));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
}
END_TEST

START_TEST(nproc_limit_is_eagain)
{
	int status;
	pid_t pid = ck_ok(fork());

	if (pid == 0) {
		struct rlimit rl = { 3, 3 };
		int n = 0;

		if (setrlimit(RLIMIT_NPROC, &rl) || setuid(1234))
			_exit(1);
		for (; n < 10; n++) {
			pid_t p = fork();

			if (p == 0) {
				pause();
				_exit(0);
			}
			if (p == -1)
				break;
		}
		status = errno;
		kill(-1, SIGKILL);	/* all of this user but us */
		_exit(n == 2 && status == EAGAIN ? 0 : 100 + n);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* Fork and reap at the limit, over and over: a place is free as soon as its child is reaped. */
START_TEST(a_reaped_child_frees_its_place)
{
	int status;
	pid_t pid = ck_ok(fork());

	if (pid == 0) {
		struct rlimit rl = { 2, 2 };

		if (setrlimit(RLIMIT_NPROC, &rl) || setuid(1235))
			_exit(1);
		for (int n = 0; n < 300; n++) {
			pid_t p = fork();

			if (p == 0)
				_exit(0);
			if (p == -1 || waitpid(p, NULL, 0) != p)
				_exit(2);
		}
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proc_clone");
	TCase *core = tcase_create("core");

	tcase_add_test(core, bad_combinations_are_refused);
	tcase_add_test(core, vm_is_shared);
	tcase_add_test(core, vm_is_not_shared);
	tcase_add_test(core, descriptors_are_shared);
	tcase_add_test(core, directory_and_umask_are_shared);
	tcase_add_test(core, handlers_are_shared);
	tcase_add_test(core, threads_have_one_pid);
	tcase_add_test(core, tid_is_stored_in_the_child);
	tcase_add_test(core, clone_children_need_their_options);
	tcase_add_test(core, parent_flag_makes_siblings);
	tcase_add_test(core, exec_by_a_thread_becomes_the_leader);
	tcase_add_test(core, leader_may_go_first);
	tcase_add_test(core, nproc_limit_is_eagain);
	tcase_add_test(core, a_reaped_child_frees_its_place);
	suite_add_tcase(suite, core);
	return guest_run(suite);
}
