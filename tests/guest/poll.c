/* SPDX-License-Identifier: BSD-2-Clause */
/* poll, select, ppoll, pselect, epoll, eventfd, timerfd. Their man pages. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

static int p[2];

static void open_pipe(void) { ck_ok(pipe(p)); }
static void close_pipe(void) { close(p[0]); close(p[1]); }

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static volatile sig_atomic_t got;
static void on_signal(int s) { got = s; }

static void
handle(int sig)
{
	struct sigaction sa = { .sa_handler = on_signal };

	got = 0;
	ck_ok(sigaction(sig, &sa, NULL));
}

static void *
write_later(void *arg)
{
	usleep(50000);
	if (write(*(int *)arg, "x", 1) != 1)
		abort();
	return NULL;
}

/* --- poll --- */

START_TEST(poll_states_of_a_pipe)
{
	struct pollfd f[2] = { { p[0], POLLIN, 0 }, { p[1], POLLOUT, 0 } };

	ck_assert_int_eq(poll(f, 2, 0), 1);
	ck_assert_int_eq(f[0].revents, 0);
	ck_assert_int_eq(f[1].revents, POLLOUT);
	ck_ok(write(p[1], "x", 1));
	ck_assert_int_eq(poll(f, 2, 0), 2);
	ck_assert_int_eq(f[0].revents, POLLIN);
	close(p[1]);
	f[1].fd = -1;
	ck_assert_int_eq(poll(f, 2, 0), 1);
	ck_assert_int_eq(f[0].revents, POLLIN | POLLHUP);
	ck_assert_int_eq(f[1].revents, 0);
	p[1] = (int)ck_ok(open("/dev/null", O_RDONLY));
}
END_TEST

START_TEST(poll_err_without_readers)
{
	struct pollfd f = { p[1], POLLOUT, 0 };

	close(p[0]);
	ck_assert_int_eq(poll(&f, 1, 0), 1);
	ck_assert(f.revents & POLLERR);
	p[0] = (int)ck_ok(open("/dev/null", O_RDONLY));
}
END_TEST

START_TEST(poll_bad_descriptors)
{
	struct pollfd f = { 999, POLLIN, 0 };

	ck_assert_int_eq(poll(&f, 1, -1), 1);
	ck_assert_int_eq(f.revents, POLLNVAL);
	ck_fails(poll((struct pollfd *)8, 1, 0), EFAULT);
	ck_fails(poll(&f, 1u << 30, 0), EINVAL);
	ck_assert_int_eq(poll(NULL, 0, 0), 0);
}
END_TEST

START_TEST(poll_waits_and_times_out)
{
	struct pollfd f = { p[0], POLLIN, 0 };
	double t = now();
	pthread_t th;

	ck_assert_int_eq(poll(&f, 1, 60), 0);
	ck_assert(now() - t >= 0.059);
	pthread_create(&th, NULL, write_later, &p[1]);
	ck_assert_int_eq(poll(&f, 1, -1), 1);
	pthread_join(th, NULL);
}
END_TEST

START_TEST(poll_is_interrupted)
{
	struct pollfd f = { p[0], POLLIN, 0 };
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	got = 0;
	ck_ok(sigaction(SIGALRM, &sa, NULL));
	ck_ok(ualarm(30000, 0));
	ck_fails(poll(&f, 1, 5000), EINTR);	/* SA_RESTART or not: signal(7) */
	ck_assert_int_eq(got, SIGALRM);
}
END_TEST

START_TEST(ppoll_swaps_the_mask)
{
	struct timespec ts = { 5, 0 };
	sigset_t block, none, after;

	handle(SIGUSR1);
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	ck_ok(sigprocmask(SIG_BLOCK, &block, NULL));
	raise(SIGUSR1);
	ck_assert_int_eq(got, 0);
	ck_fails(ppoll(NULL, 0, &ts, &none), EINTR);
	ck_assert_int_eq(got, SIGUSR1);
	ck_ok(sigprocmask(SIG_BLOCK, NULL, &after));
	ck_assert(sigismember(&after, SIGUSR1));
	ck_ok(ppoll(NULL, 0, &(struct timespec){ 0, 0 }, &none));
}
END_TEST

START_TEST(regular_files_are_always_ready)
{
	int fd = (int)ck_ok(open("/tmp/poll-file", O_RDWR | O_CREAT, 0600));
	struct pollfd f = { fd, POLLIN | POLLOUT, 0 };

	ck_assert_int_eq(poll(&f, 1, 0), 1);
	ck_assert_int_eq(f.revents, POLLIN | POLLOUT);
	close(fd);
}
END_TEST

/* --- select --- */

START_TEST(select_sets)
{
	fd_set r, w, e;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&e);
	FD_SET(p[0], &r);
	FD_SET(p[1], &w);
	FD_SET(p[0], &e);
	ck_assert_int_eq(select(p[1] + 1, &r, &w, &e, NULL), 1);
	ck_assert(!FD_ISSET(p[0], &r));
	ck_assert(FD_ISSET(p[1], &w));
	ck_assert(!FD_ISSET(p[0], &e));
	ck_ok(write(p[1], "x", 1));
	FD_SET(p[0], &r);
	ck_assert_int_eq(select(p[1] + 1, &r, NULL, NULL, NULL), 1);
	ck_assert(FD_ISSET(p[0], &r));
}
END_TEST

START_TEST(select_errors_and_time_left)
{
	struct timeval tv = { 0, 30000 };
	fd_set r;

	FD_ZERO(&r);
	FD_SET(60, &r);
	ck_fails(select(61, &r, NULL, NULL, &tv), EBADF);
	ck_fails(select(-1, NULL, NULL, NULL, &tv), EINVAL);
	tv = (struct timeval){ 0, 30000 };
	ck_assert_int_eq(syscall(SYS_select, 0, NULL, NULL, NULL, &tv), 0);
	ck_assert_int_eq(tv.tv_sec, 0);
	ck_assert_int_eq(tv.tv_usec, 0);
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	tv = (struct timeval){ 5, 0 };
	ck_ok(write(p[1], "x", 1));
	ck_assert_int_eq(syscall(SYS_select, p[0] + 1, &r, NULL, NULL, &tv), 1);
	ck_assert(tv.tv_sec == 4 || (tv.tv_sec == 5 && tv.tv_usec == 0));
}
END_TEST

START_TEST(a_hang_up_is_not_writability)
{
	struct timeval tv = { 0, 20000 };
	fd_set w;

	close(p[1]);
	p[1] = (int)ck_ok(open("/dev/null", O_RDONLY));
	FD_ZERO(&w);
	FD_SET(p[0], &w);
	ck_assert_int_eq(select(p[0] + 1, NULL, &w, NULL, &tv), 0);
}
END_TEST

/* --- epoll --- */

static int
watch(int ep, int fd, unsigned events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

START_TEST(epoll_level)
{
	int ep = (int)ck_ok(epoll_create1(EPOLL_CLOEXEC));
	struct epoll_event ev[4];

	ck_ok(watch(ep, p[0], EPOLLIN));
	ck_assert_int_eq(epoll_wait(ep, ev, 4, 0), 0);
	ck_ok(write(p[1], "x", 1));
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(epoll_wait(ep, ev, 4, 1000), 1);
		ck_assert_uint_eq(ev[0].events, EPOLLIN);
		ck_assert_int_eq(ev[0].data.fd, p[0]);
	}
	ck_assert_int_eq(read(p[0], ev, 1), 1);
	ck_assert_int_eq(epoll_wait(ep, ev, 4, 0), 0);
	close(ep);
}
END_TEST

START_TEST(epoll_edge)
{
	int ep = (int)ck_ok(epoll_create1(0));
	struct epoll_event ev[4];

	ck_ok(watch(ep, p[0], EPOLLIN | EPOLLET));
	ck_ok(write(p[1], "x", 1));
	ck_assert_int_eq(epoll_wait(ep, ev, 4, 1000), 1);
	ck_assert_int_eq(epoll_wait(ep, ev, 4, 0), 0);
	ck_assert_int_eq(read(p[0], ev, 1), 1);
	ck_ok(write(p[1], "y", 1));
	ck_assert_int_eq(epoll_wait(ep, ev, 4, 1000), 1);
	close(ep);
}
END_TEST

START_TEST(epoll_oneshot_and_mod)
{
	int ep = (int)ck_ok(epoll_create1(0));
	struct epoll_event ev;

	ck_ok(write(p[1], "x", 1));
	ck_ok(watch(ep, p[0], EPOLLIN | EPOLLONESHOT));
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, 1000), 1);
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, 0), 0);
	ev.events = EPOLLIN;
	ck_ok(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev));
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, 1000), 1);
	ck_ok(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, 0), 0);
	close(ep);
}
END_TEST

START_TEST(epoll_errors)
{
	int ep = (int)ck_ok(epoll_create1(0)), fd = (int)ck_ok(open("/tmp/epoll-file", O_RDWR | O_CREAT, 0600));
	struct epoll_event ev = { .events = EPOLLIN };

	ck_fails(epoll_create1(1), EINVAL);
	ck_fails(syscall(SYS_epoll_create, 0), EINVAL);
	ck_fails(watch(ep, fd, EPOLLIN), EPERM);
	ck_fails(watch(ep, ep, EPOLLIN), EINVAL);
	ck_fails(watch(ep, 999, EPOLLIN), EBADF);
	ck_fails(watch(p[0], p[1], EPOLLIN), EINVAL);
	ck_ok(watch(ep, p[0], EPOLLIN));
	ck_fails(watch(ep, p[0], EPOLLIN), EEXIST);
	ck_fails(epoll_ctl(ep, EPOLL_CTL_MOD, p[1], &ev), ENOENT);
	ck_fails(epoll_ctl(ep, EPOLL_CTL_DEL, p[1], NULL), ENOENT);
	ck_fails(epoll_ctl(ep, 7, p[0], &ev), EINVAL);
	ck_fails(epoll_wait(ep, &ev, 0, 0), EINVAL);
	ck_fails(epoll_wait(p[0], &ev, 1, 0), EINVAL);
	close(fd);
	close(ep);
}
END_TEST

START_TEST(epoll_nesting)
{
	int e[7], n;
	struct epoll_event ev;

	for (n = 0; n < 7; n++)
		e[n] = (int)ck_ok(epoll_create1(0));
	ck_ok(watch(e[0], p[0], EPOLLIN));
	ck_ok(watch(e[1], e[0], EPOLLIN));
	ck_fails(watch(e[0], e[1], EPOLLIN), ELOOP);
	ck_ok(watch(e[2], e[1], EPOLLIN));
	ck_ok(write(p[1], "x", 1));
	ck_assert_int_eq(epoll_wait(e[2], &ev, 1, 1000), 1);
	ck_assert_int_eq(ev.data.fd, e[1]);
	for (n = 0; n < 7; n++)
		close(e[n]);
}
END_TEST

START_TEST(epoll_forgets_closed_files)
{
	int ep = (int)ck_ok(epoll_create1(0)), q[2], d;
	struct epoll_event ev;

	ck_ok(pipe(q));
	ck_ok(write(q[1], "x", 1));
	ck_ok(watch(ep, q[0], EPOLLIN));
	d = (int)ck_ok(dup(q[0]));
	close(q[0]);
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, 0), 1);		/* the description lives on */
	close(d);
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, 0), 0);
	close(q[1]);
	close(ep);
}
END_TEST

static void *
epoll_waiter(void *arg)
{
	struct epoll_event ev;

	return (void *)(long)epoll_wait(*(int *)arg, &ev, 1, 5000);
}

START_TEST(epoll_wakes_sleepers)
{
	int ep = (int)ck_ok(epoll_create1(0));
	pthread_t th[2];
	void *r[2];

	ck_ok(watch(ep, p[0], EPOLLIN));
	pthread_create(&th[0], NULL, epoll_waiter, &ep);
	pthread_create(&th[1], NULL, epoll_waiter, &ep);
	usleep(50000);
	ck_ok(write(p[1], "x", 1));
	pthread_join(th[0], &r[0]);
	pthread_join(th[1], &r[1]);
	ck_assert_int_eq((long)r[0], 1);	/* level-triggered: both see it */
	ck_assert_int_eq((long)r[1], 1);
	close(ep);
}
END_TEST

START_TEST(epoll_many)
{
	enum { N = 200 };
	int ep = (int)ck_ok(epoll_create1(0)), fds[N];
	struct epoll_event ev[16];
	int seen = 0;

	for (int i = 0; i < N; i++) {
		fds[i] = (int)ck_ok(eventfd(1, 0));
		ck_ok(watch(ep, fds[i], EPOLLIN | EPOLLET));
	}
	for (int n; (n = epoll_wait(ep, ev, 16, 0)) > 0; )
		seen += n;
	ck_assert_int_eq(seen, N);
	for (int i = 0; i < N; i++)
		close(fds[i]);
	close(ep);
}
END_TEST

/* --- eventfd --- */

START_TEST(eventfd_counts)
{
	int e = (int)ck_ok(eventfd(3, EFD_NONBLOCK)), s = (int)ck_ok(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
	uint64_t v = 4;

	ck_ok(write(e, &v, 8));
	ck_ok(read(e, &v, 8));
	ck_assert_uint_eq(v, 7);
	ck_fails(read(e, &v, 8), EAGAIN);
	ck_fails(read(e, &v, 7), EINVAL);
	v = UINT64_MAX;
	ck_fails(write(e, &v, 8), EINVAL);
	v = UINT64_MAX - 1;
	ck_ok(write(e, &v, 8));
	v = 1;
	ck_fails(write(e, &v, 8), EAGAIN);
	ck_ok(read(s, &v, 8));
	ck_assert_uint_eq(v, 1);
	ck_ok(read(s, &v, 8));
	ck_fails(read(s, &v, 8), EAGAIN);
	ck_fails(eventfd(0, 0x80), EINVAL);
	close(e);
	close(s);
}
END_TEST

/* --- timerfd --- */

START_TEST(timerfd_once_and_repeated)
{
	int t = (int)ck_ok(timerfd_create(CLOCK_MONOTONIC, 0));
	struct itimerspec its = { { 0, 10000000 }, { 0, 30000000 } }, old;
	double start = now();
	uint64_t n;

	ck_ok(timerfd_settime(t, 0, &its, NULL));
	ck_ok(read(t, &n, 8));
	ck_assert_uint_ge(n, 1);
	ck_assert(now() - start >= 0.0299);
	usleep(35000);
	ck_ok(read(t, &n, 8));
	ck_assert_uint_ge(n, 2);
	ck_ok(timerfd_gettime(t, &old));
	ck_assert_int_eq(old.it_interval.tv_nsec, 10000000);
	its = (struct itimerspec){ 0 };
	ck_ok(timerfd_settime(t, 0, &its, &old));
	ck_ok(timerfd_gettime(t, &old));
	ck_assert_int_eq(old.it_value.tv_nsec, 0);
	close(t);
}
END_TEST

START_TEST(timerfd_absolute_in_the_past)
{
	int t = (int)ck_ok(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
	struct itimerspec its = { { 0, 0 }, { 1, 0 } };
	struct pollfd f = { t, POLLIN, 0 };
	uint64_t n;

	ck_fails(read(t, &n, 8), EAGAIN);
	ck_ok(timerfd_settime(t, TFD_TIMER_ABSTIME, &its, NULL));
	ck_assert_int_eq(poll(&f, 1, 1000), 1);
	ck_ok(read(t, &n, 8));
	ck_assert_uint_eq(n, 1);
	close(t);
}
END_TEST

START_TEST(timerfd_errors)
{
	struct itimerspec its = { { 0, 0 }, { 0, 2000000000 } };
	int t = (int)ck_ok(timerfd_create(CLOCK_MONOTONIC, 0));

	ck_fails(timerfd_create(99, 0), EINVAL);
	ck_fails(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
	ck_fails(timerfd_settime(t, 0, &its, NULL), EINVAL);
	ck_fails(timerfd_settime(t, 8, &its, NULL), EINVAL);
	ck_fails(timerfd_settime(p[0], 0, &(struct itimerspec){ 0 }, NULL), EINVAL);
	close(t);
}
END_TEST

/* --- FIFOs --- */

static void *
open_for_reading(void *arg)
{
	return (void *)(long)open(arg, O_RDONLY);
}

START_TEST(fifo_opens_meet)
{
	pthread_t th;
	void *r;
	int w;
	char c;

	unlink("/tmp/fifo");
	ck_ok(mkfifo("/tmp/fifo", 0600));
	ck_fails(open("/tmp/fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	pthread_create(&th, NULL, open_for_reading, "/tmp/fifo");
	w = (int)ck_ok(open("/tmp/fifo", O_WRONLY));
	pthread_join(th, &r);
	ck_assert_int_ge((long)r, 0);
	ck_ok(write(w, "x", 1));
	ck_assert_int_eq(read((int)(long)r, &c, 1), 1);
	close(w);
	ck_assert_int_eq(read((int)(long)r, &c, 1), 0);
	close((int)(long)r);
}
END_TEST

START_TEST(fifo_nonblocking_reader_and_hang_up)
{
	struct pollfd f = { 0, POLLIN, 0 };
	int w;

	unlink("/tmp/fifo2");
	ck_ok(mkfifo("/tmp/fifo2", 0600));
	f.fd = (int)ck_ok(open("/tmp/fifo2", O_RDONLY | O_NONBLOCK));
	ck_assert_int_eq(poll(&f, 1, 0), 0);		/* no writer yet is no hang-up */
	w = (int)ck_ok(open("/tmp/fifo2", O_WRONLY));
	close(w);
	ck_assert_int_eq(poll(&f, 1, 0), 1);
	ck_assert_int_eq(f.revents, POLLHUP);
	close(f.fd);
}
END_TEST

START_TEST(pipe_sizes)
{
	ck_assert_int_eq(fcntl(p[0], F_GETPIPE_SZ), 65536);
	ck_assert_int_eq(fcntl(p[0], F_SETPIPE_SZ, 5000), 8192);
	ck_assert_int_eq(fcntl(p[1], F_GETPIPE_SZ), 8192);
	ck_fails(fcntl(0, F_GETPIPE_SZ), EBADF);
}
END_TEST

START_TEST(packet_pipes)
{
	char buf[16];
	int q[2];

	ck_ok(pipe2(q, O_DIRECT));
	ck_ok(write(q[1], "abc", 3));
	ck_ok(write(q[1], "de", 2));
	ck_assert_int_eq(read(q[0], buf, 2), 2);	/* the rest of the packet is lost */
	ck_assert_int_eq(read(q[0], buf, 16), 2);
	ck_assert_mem_eq(buf, "de", 2);
	close(q[0]);
	close(q[1]);
	ck_fails(pipe2(q, O_APPEND), EINVAL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("poll");
	TCase *t = tcase_create("core");

	tcase_add_checked_fixture(t, open_pipe, close_pipe);
	tcase_add_test(t, poll_states_of_a_pipe);
	tcase_add_test(t, poll_err_without_readers);
	tcase_add_test(t, poll_bad_descriptors);
	tcase_add_test(t, poll_waits_and_times_out);
	tcase_add_test(t, poll_is_interrupted);
	tcase_add_test(t, ppoll_swaps_the_mask);
	tcase_add_test(t, regular_files_are_always_ready);
	tcase_add_test(t, select_sets);
	tcase_add_test(t, select_errors_and_time_left);
	tcase_add_test(t, a_hang_up_is_not_writability);
	tcase_add_test(t, epoll_level);
	tcase_add_test(t, epoll_edge);
	tcase_add_test(t, epoll_oneshot_and_mod);
	tcase_add_test(t, epoll_errors);
	tcase_add_test(t, epoll_nesting);
	tcase_add_test(t, epoll_forgets_closed_files);
	tcase_add_test(t, epoll_wakes_sleepers);
	tcase_add_test(t, epoll_many);
	tcase_add_test(t, eventfd_counts);
	tcase_add_test(t, timerfd_once_and_repeated);
	tcase_add_test(t, timerfd_absolute_in_the_past);
	tcase_add_test(t, timerfd_errors);
	tcase_add_test(t, fifo_opens_meet);
	tcase_add_test(t, fifo_nonblocking_reader_and_hang_up);
	tcase_add_test(t, pipe_sizes);
	tcase_add_test(t, packet_pipes);
	suite_add_tcase(s, t);
	return guest_run(s);
}
