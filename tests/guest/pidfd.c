/* SPDX-License-Identifier: BSD-2-Clause */
/* pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2), CLONE_PIDFD, waitid(P_PIDFD), readiness. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guest.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#define PIDFD_NONBLOCK O_NONBLOCK

static long pidfd_open(pid_t pid, unsigned flags) { return syscall(SYS_pidfd_open, pid, flags); }
static long send_signal(long fd, int sig, void *info, unsigned flags) { return syscall(SYS_pidfd_send_signal, fd, sig, info, flags); }
static long getfd(long fd, int target, unsigned flags) { return syscall(SYS_pidfd_getfd, fd, target, flags); }

static pid_t
sleeper(void)
{
	pid_t pid = ck_ok(fork());

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void
reap(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(readable_at_exit)
{
	int go[2], status;
	struct pollfd p;
	pid_t pid;
	char c;

	ck_ok(pipe(go));
	pid = ck_ok(fork());
	if (pid == 0)
		_exit(read(go[0], &c, 1) == 1 ? 5 : 6);
	p = (struct pollfd){ (int)ck_ok(pidfd_open(pid, 0)), POLLIN | POLLOUT, 0 };
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	ck_ok(write(go[1], "x", 1));
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	ck_assert_int_eq(p.revents, POLLIN);	/* a zombie */
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 5);
	ck_assert_int_eq(poll(&p, 1, 0), 1);	/* and gone */
	ck_fails(send_signal(p.fd, 0, NULL, 0), ESRCH);
	ck_fails(getfd(p.fd, 0, 0), ESRCH);
}
END_TEST

START_TEST(epoll_is_told)
{
	pid_t pid = sleeper();
	int fd = (int)ck_ok(pidfd_open(pid, 0)), ep = (int)ck_ok(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

	ck_ok(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, 0), 0);
	ck_ok(send_signal(fd, SIGKILL, NULL, 0));
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, -1), 1);
	reap(pid);
}
END_TEST

static void *
thread_ends(void *arg)
{
	usleep(30000);
	return NULL;
}

/* The leader's end is not the process's. */
START_TEST(whole_process)
{
	int ready[2];
	pid_t pid;
	struct pollfd p;
	char c;

	ck_ok(pipe(ready));
	pid = ck_ok(fork());
	if (pid == 0) {
		pthread_t th;

		pthread_create(&th, NULL, thread_ends, NULL);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		syscall(SYS_exit, 0);
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	p = (struct pollfd){ (int)ck_ok(pidfd_open(pid, 0)), POLLIN, 0 };
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), pid);
}
END_TEST

START_TEST(open_errors)
{
	struct rlimit rl;
	int fd;

	ck_fails(pidfd_open(0, 0), EINVAL);
	ck_fails(pidfd_open(-1, 0), EINVAL);
	ck_fails(pidfd_open(getpid(), 1), EINVAL);
	ck_fails(pidfd_open(4000000, 0), ESRCH);
	fd = (int)ck_ok(pidfd_open(getpid(), 0));
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_fails(read(fd, &rl, 8), EINVAL);
	ck_fails(ioctl(fd, FIONREAD, &rl), ENOTTY);
	fd = (int)ck_ok(pidfd_open(getpid(), PIDFD_NONBLOCK));
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	ck_ok(getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = (rlim_t)dup(0);
	ck_ok(setrlimit(RLIMIT_NOFILE, &rl));
	ck_fails(pidfd_open(getpid(), 0), EMFILE);
	ck_fails(getfd(fd, 0, 0), EMFILE);
}
END_TEST

static void *
open_thread(void *arg)
{
	*(long *)arg = pidfd_open((pid_t)syscall(SYS_gettid), 0) == -1 ? errno : 0;
	return NULL;
}

START_TEST(no_threads)
{
	pthread_t th;
	long err;

	pthread_create(&th, NULL, open_thread, &err);
	pthread_join(th, NULL);
	ck_assert_int_eq(err, EINVAL);
}
END_TEST

START_TEST(zombies_can_be_opened)
{
	pid_t pid = ck_ok(fork());
	siginfo_t si;

	if (pid == 0)
		_exit(0);
	ck_ok(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT));
	ck_ok(pidfd_open(pid, 0));
	reap(pid);
	ck_fails(pidfd_open(pid, 0), ESRCH);
}
END_TEST

static volatile siginfo_t got;
static void on_signal(int s, siginfo_t *si, void *c) { got = *si; }

START_TEST(signals)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	int fd = (int)ck_ok(pidfd_open(getpid(), 0)), dir;
	siginfo_t si = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };

	si.si_value.sival_int = 42;
	ck_ok(sigaction(SIGUSR1, &sa, NULL));
	ck_ok(send_signal(fd, SIGUSR1, NULL, 0));
	ck_assert_int_eq(got.si_code, SI_USER);
	ck_assert_int_eq(got.si_pid, getpid());
	ck_ok(send_signal(fd, SIGUSR1, &si, 0));
	ck_assert_int_eq(got.si_code, SI_QUEUE);
	ck_assert_int_eq(got.si_value.sival_int, 42);
	ck_ok(send_signal(fd, 0, NULL, 0));
	dir = (int)ck_ok(open("/proc/self", O_RDONLY | O_DIRECTORY));
	got.si_code = 99;
	ck_ok(send_signal(dir, SIGUSR1, NULL, 0));
	ck_assert_int_eq(got.si_code, SI_USER);
}
END_TEST

START_TEST(signal_errors)
{
	pid_t pid = sleeper();
	int fd = (int)ck_ok(pidfd_open(pid, 0)), dir = (int)ck_ok(open("/proc", O_RDONLY));
	siginfo_t si = { .si_signo = SIGUSR1, .si_code = SI_USER };

	ck_fails(send_signal(fd, SIGUSR1, NULL, 1), EINVAL);
	ck_fails(send_signal(999, SIGUSR1, NULL, 0), EBADF);
	ck_fails(send_signal(1, SIGUSR1, NULL, 0), EBADF);
	ck_fails(send_signal(dir, SIGUSR1, NULL, 0), EBADF);
	ck_fails(send_signal(fd, 65, NULL, 0), EINVAL);
	ck_fails(send_signal(fd, SIGUSR2, &si, 0), EINVAL);
	ck_fails(send_signal(fd, SIGUSR1, &si, 0), EPERM);
	ck_fails(send_signal(fd, SIGUSR1, (void *)8, 0), EFAULT);
	fd = (int)ck_ok(pidfd_open(1, 0));
	if (fork() == 0) {
		if (setuid(1000) != 0)
			_exit(1);
		_exit(send_signal(fd, SIGUSR1, NULL, 0) == -1 && errno == EPERM && getfd(fd, 0, 0) == -1 && errno == EPERM ? 0 : 2);
	}
	int status;
	ck_ok(waitpid(-1, &status, 0));
	ck_assert_int_eq(status, 0);
	reap(pid);
}
END_TEST

START_TEST(descriptors_of_others)
{
	int fds[2], ready[2], fd, copy;
	char c = 0;
	pid_t pid;

	ck_ok(pipe(ready));
	pid = ck_ok(fork());
	if (pid == 0) {
		if (pipe(fds) != 0 || write(fds[1], "h", 1) != 1 || write(ready[1], fds, sizeof(fds)) != sizeof(fds))
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(ready[0], fds, sizeof(fds)), sizeof(fds));
	fd = (int)ck_ok(pidfd_open(pid, 0));
	copy = (int)ck_ok(getfd(fd, fds[0], 0));
	ck_assert_int_eq(fcntl(copy, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(read(copy, &c, 1), 1);
	ck_assert_int_eq(c, 'h');
	ck_fails(getfd(fd, 500, 0), EBADF);
	ck_fails(getfd(fd, fds[0], 1), EINVAL);
	ck_fails(getfd(999, 0, 0), EBADF);
	ck_fails(getfd(copy, 0, 0), EBADF);
	reap(pid);
}
END_TEST

START_TEST(wait_by_pidfd)
{
	pid_t pid = sleeper();
	int fd = (int)ck_ok(pidfd_open(pid, 0));
	siginfo_t si = { 0 };

	ck_ok(waitid(P_PIDFD, (id_t)fd, &si, WEXITED | WNOHANG));
	ck_assert_int_eq(si.si_pid, 0);
	ck_ok(send_signal(fd, SIGHUP, NULL, 0));
	ck_ok(waitid(P_PIDFD, (id_t)fd, &si, WEXITED));
	ck_assert_int_eq(si.si_pid, pid);
	ck_assert_int_eq(si.si_status, SIGHUP);
	ck_fails(waitid(P_PIDFD, (id_t)fd, &si, WEXITED), ECHILD);
	ck_fails(waitid(P_PIDFD, 999, &si, WEXITED), EBADF);
	ck_fails(waitid(P_PIDFD, 1, &si, WEXITED), EBADF);
	ck_fails(waitid(P_PIDFD, (id_t)-1, &si, WEXITED), EINVAL);
	fd = (int)ck_ok(pidfd_open(getppid(), 0));
	ck_fails(waitid(P_PIDFD, (id_t)fd, &si, WEXITED), ECHILD);
}
END_TEST

START_TEST(wait_nonblocking)
{
	pid_t pid = sleeper();
	int fd = (int)ck_ok(pidfd_open(pid, PIDFD_NONBLOCK));
	siginfo_t si = { 0 };

	ck_fails(waitid(P_PIDFD, (id_t)fd, &si, WEXITED), EAGAIN);
	ck_ok(waitid(P_PIDFD, (id_t)fd, &si, WEXITED | WNOHANG));
	reap(pid);
}
END_TEST

START_TEST(clone_gives_one)
{
	int fd = -1;
	pid_t pid = ck_ok(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0));
	siginfo_t si = { 0 };

	if (pid == 0)
		_exit(fcntl(fd == -1 ? 3 : fd, F_GETFD) == -1 ? 3 : 4);	/* the child hasn't got it */
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_ok(waitid(P_PIDFD, (id_t)fd, &si, WEXITED));
	ck_assert_int_eq(si.si_pid, pid);
	ck_fails(syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0), EINVAL);
	ck_fails(syscall(SYS_clone, CLONE_PIDFD | CLONE_DETACHED | SIGCHLD, 0, &fd, 0, 0), EINVAL);
	ck_fails(syscall(SYS_clone, CLONE_PIDFD | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, 0, &fd, 0, 0), EINVAL);
	ck_fails(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, 8, 0, 0), EFAULT);
	ck_fails(waitpid(-1, NULL, 0), ECHILD);		/* none of these made a child */
}
END_TEST

START_TEST(fdinfo)
{
	pid_t pid = sleeper();
	int fd = (int)ck_ok(pidfd_open(pid, 0));
	char name[64], buf[512] = "", want[64];
	FILE *f;

	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
		snprintf(want, sizeof(want), "Pid:\t%d\nNSpid:\t%d\n", i == 0 ? pid : -1, i == 0 ? pid : -1);
		f = fopen(name, "r");
		ck_assert_ptr_nonnull(f);
		memset(buf, 0, sizeof(buf));
		fread(buf, 1, sizeof(buf) - 1, f);
		ck_assert_msg(strstr(buf, want) != NULL, "%s", buf);
		fclose(f);
		if (i == 0)
			reap(pid);
	}
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	ck_ok(readlink(name, buf, sizeof(buf)));
	ck_assert_int_eq(strncmp(buf, "anon_inode:[pidfd]", 18), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pidfd");
	TCase *t = tcase_create("core");

	tcase_add_test(t, readable_at_exit);
	tcase_add_test(t, epoll_is_told);
	tcase_add_test(t, whole_process);
	tcase_add_test(t, open_errors);
	tcase_add_test(t, no_threads);
	tcase_add_test(t, zombies_can_be_opened);
	tcase_add_test(t, signals);
	tcase_add_test(t, signal_errors);
	tcase_add_test(t, descriptors_of_others);
	tcase_add_test(t, wait_by_pidfd);
	tcase_add_test(t, wait_nonblocking);
	tcase_add_test(t, clone_gives_one);
	tcase_add_test(t, fdinfo);
	suite_add_tcase(s, t);
	return guest_run(s);
}
