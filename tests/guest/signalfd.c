/* SPDX-License-Identifier: BSD-2-Clause */
/* signalfd(2): what is read, who reads it, readiness, errors. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

static sigset_t set;

static int
open_fd(int flags)
{
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGRTMIN + 3);
	ck_ok(sigprocmask(SIG_BLOCK, &set, NULL));
	return (int)ck_ok(signalfd(-1, &set, flags));
}

START_TEST(several_are_read_at_once)
{
	struct signalfd_siginfo si[4];
	int fd = open_fd(0);

	ck_ok(kill(getpid(), SIGUSR2));
	ck_ok(kill(getpid(), SIGUSR1));
	ck_ok(kill(getpid(), SIGUSR1));
	ck_assert_int_eq(read(fd, si, sizeof(si) - 1), 2 * sizeof(si[0]));
	ck_assert_uint_eq(si[0].ssi_signo, SIGUSR1);
	ck_assert_uint_eq(si[1].ssi_signo, SIGUSR2);
	ck_assert_int_eq(si[0].ssi_code, SI_USER);
	ck_assert_uint_eq(si[0].ssi_pid, (unsigned)getpid());
	ck_assert_uint_eq(si[0].ssi_uid, getuid());
	ck_assert_int_eq(si[0].ssi_errno, 0);
}
END_TEST

START_TEST(queued_values_in_order)
{
	struct signalfd_siginfo si[3];
	int fd = open_fd(SFD_NONBLOCK);

	for (int i = 1; i <= 3; i++)
		ck_ok(sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = i * 100 }));
	ck_assert_int_eq(read(fd, si, 2 * sizeof(si[0])), 2 * sizeof(si[0]));
	ck_assert_int_eq(si[0].ssi_int, 100);
	ck_assert_int_eq(si[1].ssi_int, 200);
	ck_assert_uint_eq(si[1].ssi_ptr & 0xffffffff, 200);
	ck_assert_int_eq(si[0].ssi_code, SI_QUEUE);
	ck_assert_int_eq(read(fd, si, sizeof(si)), sizeof(si[0]));
	ck_assert_int_eq(si[0].ssi_int, 300);
	ck_fails(read(fd, si, sizeof(si)), EAGAIN);
}
END_TEST

START_TEST(a_dead_child)
{
	struct signalfd_siginfo si;
	int fd = open_fd(0);
	pid_t pid = ck_ok(fork());

	if (pid == 0)
		_exit(7);
	ck_assert_int_eq(read(fd, &si, sizeof(si)), sizeof(si));
	ck_assert_uint_eq(si.ssi_signo, SIGCHLD);
	ck_assert_int_eq(si.ssi_code, CLD_EXITED);
	ck_assert_uint_eq(si.ssi_pid, (unsigned)pid);
	ck_assert_int_eq(si.ssi_status, 7);
	ck_ok(waitpid(pid, NULL, 0));
}
END_TEST

START_TEST(a_timer)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77 };
	struct signalfd_siginfo si;
	int fd = open_fd(0);
	timer_t t;

	ck_ok(timer_create(CLOCK_MONOTONIC, &ev, &t));
	ck_ok(timer_settime(t, 0, &(struct itimerspec){ .it_value = { 0, 1000000 } }, NULL));
	ck_assert_int_eq(read(fd, &si, sizeof(si)), sizeof(si));
	ck_assert_int_eq(si.ssi_code, SI_TIMER);
	ck_assert_int_eq(si.ssi_int, 77);
	ck_assert_uint_eq(si.ssi_overrun, 0);
	ck_assert_uint_eq(si.ssi_pid, 0);
}
END_TEST

static void *
kill_later(void *arg)
{
	usleep(30000);
	kill(getpid(), SIGUSR1);
	return NULL;
}

START_TEST(readers_wait)
{
	struct signalfd_siginfo si;
	int fd = open_fd(0);
	pthread_t th;

	pthread_create(&th, NULL, kill_later, NULL);
	ck_assert_int_eq(read(fd, &si, sizeof(si)), sizeof(si));
	ck_assert_uint_eq(si.ssi_signo, SIGUSR1);
	pthread_join(th, NULL);
}
END_TEST

START_TEST(poll_and_epoll_become_ready)
{
	int fd = open_fd(SFD_NONBLOCK), ep = (int)ck_ok(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.fd = fd };
	struct pollfd p = { fd, POLLIN | POLLOUT, 0 };
	struct signalfd_siginfo si;
	pthread_t th;

	ck_ok(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, 0), 0);
	pthread_create(&th, NULL, kill_later, NULL);
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	ck_assert_int_eq(p.revents, POLLIN);
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, -1), 1);
	ck_assert_int_eq(ev.events, EPOLLIN);
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, 0), 0);	/* an edge */
	ck_assert_int_eq(read(fd, &si, sizeof(si)), sizeof(si));
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	pthread_join(th, NULL);
	ck_ok(pthread_kill(pthread_self(), SIGUSR2));	/* of the thread alone */
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, 0), 1);
	ck_assert_int_eq(read(fd, &si, sizeof(si)), sizeof(si));
	ck_assert_int_eq(si.ssi_code, SI_TKILL);
}
END_TEST

START_TEST(the_mask_changes)
{
	struct signalfd_siginfo si;
	int fd = open_fd(SFD_NONBLOCK);
	sigset_t two;

	sigemptyset(&two);
	sigaddset(&two, SIGUSR2);
	sigaddset(&two, SIGKILL);	/* ignored */
	ck_assert_int_eq(ck_ok(signalfd(fd, &two, 0)), fd);
	raise(SIGUSR1);
	ck_fails(read(fd, &si, sizeof(si)), EAGAIN);
	ck_ok(signalfd(fd, &set, 0));
	ck_assert_int_eq(read(fd, &si, sizeof(si)), sizeof(si));
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);	/* the flags of the second call don't count */
}
END_TEST

START_TEST(children_read_their_own)
{
	struct signalfd_siginfo si;
	int fd = open_fd(SFD_NONBLOCK), status;
	pid_t pid;

	raise(SIGUSR1);
	pid = ck_ok(fork());
	if (pid == 0) {
		if (read(fd, &si, sizeof(si)) != -1 || errno != EAGAIN)
			_exit(1);
		raise(SIGUSR2);
		if (read(fd, &si, sizeof(si)) != sizeof(si) || si.ssi_signo != SIGUSR2 || si.ssi_pid != (unsigned)getpid())
			_exit(2);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(read(fd, &si, sizeof(si)), sizeof(si));
	ck_assert_uint_eq(si.ssi_signo, SIGUSR1);
}
END_TEST

/* An epoll instance of the parent watches a descriptor in the name of a child that has died. */
START_TEST(epoll_outlives_who_added)
{
	int fd = open_fd(SFD_NONBLOCK), ep = (int)ck_ok(epoll_create1(0)), status;
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };
	pid_t pid;

	for (int i = 0; i < 20; i++) {
		pid = ck_ok(fork());
		if (pid == 0)
			_exit(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
		usleep(2000);
		epoll_wait(ep, &ev, 1, 0);
		ck_ok(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
	}
}
END_TEST

START_TEST(fdinfo_shows_the_mask)
{
	int fd = open_fd(0);
	char name[64], buf[512] = "";
	FILE *f;

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	f = fopen(name, "r");
	ck_assert_ptr_nonnull(f);
	fread(buf, 1, sizeof(buf) - 1, f);
	snprintf(name, sizeof(name), "sigmask:\t%016lx\n",
		1ul << (SIGUSR1 - 1) | 1ul << (SIGUSR2 - 1) | 1ul << (SIGCHLD - 1) | 1ul << (SIGRTMIN + 2));
	ck_assert_msg(strstr(buf, name) != NULL, "%s", buf);
	fclose(f);
}
END_TEST

START_TEST(flags)
{
	int fd = open_fd(SFD_CLOEXEC);

	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	fd = (int)ck_ok(syscall(SYS_signalfd, -1, &set, 8));
	ck_assert_int_eq(fcntl(fd, F_GETFD), 0);
}
END_TEST

static void on_signal(int s) { }

START_TEST(a_handler_interrupts)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct signalfd_siginfo si;
	int fd = open_fd(0);

	ck_ok(sigaction(SIGALRM, &sa, NULL));
	ck_ok(ualarm(20000, 0));
	ck_fails(read(fd, &si, sizeof(si)), EINTR);
}
END_TEST

START_TEST(errors)
{
	struct signalfd_siginfo si;
	int fd = open_fd(SFD_NONBLOCK);
	struct rlimit rl;

	ck_fails(signalfd(999, &set, 0), EBADF);
	ck_fails(signalfd(1, &set, 0), EINVAL);
	ck_fails(signalfd(-1, &set, 1), EINVAL);
	ck_fails(syscall(SYS_signalfd4, -1, &set, 4, 0), EINVAL);
	ck_fails(syscall(SYS_signalfd4, -1, 8, 8, 0), EFAULT);
	ck_fails(syscall(SYS_signalfd4, -2, &set, 8, 0), EBADF);
	ck_fails(read(fd, &si, sizeof(si) - 1), EINVAL);
	ck_fails(write(fd, &si, sizeof(si)), EINVAL);
	ck_fails(pread(fd, &si, sizeof(si), 0), ESPIPE);
	raise(SIGUSR1);
	ck_fails(syscall(SYS_read, fd, 8, sizeof(si)), EFAULT);
	ck_ok(getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = (rlim_t)dup(0);
	ck_ok(setrlimit(RLIMIT_NOFILE, &rl));
	ck_fails(signalfd(-1, &set, 0), EMFILE);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("signalfd");
	TCase *t = tcase_create("core");

	tcase_add_test(t, several_are_read_at_once);
	tcase_add_test(t, queued_values_in_order);
	tcase_add_test(t, a_dead_child);
	tcase_add_test(t, a_timer);
	tcase_add_test(t, readers_wait);
	tcase_add_test(t, poll_and_epoll_become_ready);
	tcase_add_test(t, the_mask_changes);
	tcase_add_test(t, children_read_their_own);
	tcase_add_test(t, epoll_outlives_who_added);
	tcase_add_test(t, fdinfo_shows_the_mask);
	tcase_add_test(t, flags);
	tcase_add_test(t, a_handler_interrupts);
	tcase_add_test(t, errors);
	suite_add_tcase(s, t);
	return guest_run(s);
}
