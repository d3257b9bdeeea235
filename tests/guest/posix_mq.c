/* SPDX-License-Identifier: BSD-2-Clause */
/* POSIX message queues: mq_open(2), mq_timedsend(2), mq_timedreceive(2), mq_notify(2), mq_getsetattr(2), mq_unlink(2). */
#define _GNU_SOURCE
#include <dirent.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "ipc.h"

#define LIMITS	"/proc/sys/fs/mqueue/"
#define NAME	"/guest"

static mqd_t
make(const char *name, int flags, long maxmsg, long msgsize)
{
	struct mq_attr a = { .mq_maxmsg = maxmsg, .mq_msgsize = msgsize };
	mqd_t q = mq_open(name, O_CREAT | O_EXCL | flags, 0600, &a);

	ck_assert_msg(q != -1, "mq_open: %s", strerror(errno));
	return q;
}

static void
drop(mqd_t q)
{
	ck_ok(mq_close(q));
	ck_ok(mq_unlink(NAME));
}

static struct mq_attr
attr_of(mqd_t q)
{
	struct mq_attr a;

	ck_ok(mq_getattr(q, &a));
	return a;
}

static struct timespec
in_ms(long ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += ms % 1000 * 1000000;
	ts.tv_sec += ms / 1000 + ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

/* What a queue's file in /dev/mqueue says. A child reads it, for closing it ends the notification of who does so. */
static void
text_of(char text[128])
{
	char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ipc_wait(ipc_child(ipc_read("/dev/mqueue" NAME, shared, 128)));
	memcpy(text, shared, 128);
	munmap(shared, 4096);
}

START_TEST(opening)
{
	struct mq_attr a = { .mq_maxmsg = 3, .mq_msgsize = 20 }, bad;
	char name[300];
	mqd_t q, r;

	ck_fails(mq_open(NAME, O_RDWR), ENOENT);
	q = mq_open(NAME, O_CREAT | O_RDWR, 0640, NULL);
	ck_ok(q);
	a = attr_of(q);
	ck_assert(a.mq_maxmsg == 10 && a.mq_msgsize == 8192 && a.mq_curmsgs == 0 && a.mq_flags == 0);
	ck_assert_int_eq(fcntl(q, F_GETFD), FD_CLOEXEC);
	ck_fails(mq_open(NAME, O_CREAT | O_EXCL | O_RDWR, 0600, NULL), EEXIST);
	bad = (struct mq_attr){ .mq_maxmsg = -1 };
	r = (mqd_t)ck_ok(mq_open(NAME, O_CREAT | O_RDONLY | O_NONBLOCK, 0600, &bad));	/* it is there: nothing is looked at */
	ck_assert_int_eq(attr_of(r).mq_flags, O_NONBLOCK);
	ck_fails(mq_send(r, "x", 1, 0), EBADF);
	mq_close(r);
	r = (mqd_t)ck_ok(mq_open(NAME, O_WRONLY));
	ck_fails(mq_receive(r, name, sizeof(name), NULL), EBADF);
	mq_close(r);
	ck_fails(mq_open(NAME, O_WRONLY | O_RDWR), EINVAL);
	drop(q);
	ck_fails(mq_open(NAME, O_CREAT | O_RDWR, 0600, &bad), EINVAL);
	bad = (struct mq_attr){ .mq_maxmsg = 1, .mq_msgsize = 0 };
	ck_fails(mq_open(NAME, O_CREAT | O_RDWR, 0600, &bad), EINVAL);
	bad = (struct mq_attr){ .mq_maxmsg = 65537, .mq_msgsize = 1 };
	ck_fails(mq_open(NAME, O_CREAT | O_RDWR, 0600, &bad), EINVAL);
	bad = (struct mq_attr){ .mq_maxmsg = 1, .mq_msgsize = (16 << 20) + 1 };
	ck_fails(mq_open(NAME, O_CREAT | O_RDWR, 0600, &bad), EINVAL);
	ck_fails(syscall(SYS_mq_open, "guest", O_CREAT | O_RDWR, 0600, BAD_ADDRESS), EFAULT);
	ck_fails(syscall(SYS_mq_open, BAD_ADDRESS, O_CREAT | O_RDWR, 0600, NULL), EFAULT);
	ck_fails(syscall(SYS_mq_open, "", O_CREAT | O_RDWR, 0600, NULL), ENOENT);
	ck_fails(syscall(SYS_mq_open, "a/b", O_CREAT | O_RDWR, 0600, NULL), EACCES);
	ck_fails(syscall(SYS_mq_open, "..", O_CREAT | O_RDWR, 0600, NULL), EACCES);
	memset(name, 'n', sizeof(name));
	name[0] = '/';
	name[257] = 0;
	ck_fails(mq_open(name, O_CREAT | O_RDWR, 0600, NULL), ENAMETOOLONG);
	name[256] = 0;
	ck_ok(q = mq_open(name, O_CREAT | O_RDWR, 0600, NULL));
	mq_close(q);
	ck_ok(mq_unlink(name));
	ck_fails(mq_unlink(name), ENOENT);
	ck_fails(syscall(SYS_mq_unlink, BAD_ADDRESS), EFAULT);
	ck_fails(syscall(SYS_mq_unlink, "a/b"), EACCES);
}
END_TEST

START_TEST(access_is_checked)
{
	mqd_t q;

	umask(022);
	q = mq_open(NAME, O_CREAT | O_EXCL | O_RDONLY, 0666, NULL);
	ck_ok(q);
	ipc_wait(ipc_child({
		struct stat st;
		MUST(fstat(q, &st) == 0 && st.st_mode == (S_IFREG | 0644) && st.st_size == 80 && st.st_nlink == 1);
		MUST(setgid(1000) == 0 && setuid(1000) == 0);
		MUST(mq_open(NAME, O_WRONLY) == -1 && errno == EACCES);
		MUST(mq_open(NAME, O_RDWR | O_CREAT, 0600, NULL) == -1 && errno == EACCES);
		MUST(mq_open(NAME, O_RDONLY) != -1);
		MUST(syscall(SYS_mq_unlink, NAME + 1) == -1 && errno == EPERM);	/* the directory is sticky */
		mqd_t own = mq_open("/own", O_CREAT | O_RDWR, 0, NULL);	/* its maker may open it all the same */
		MUST(own != -1);
		MUST(mq_open("/own", O_RDWR) == -1 && errno == EACCES);
		MUST(mq_unlink("/own") == 0);
		struct mq_attr a = { .mq_maxmsg = 11, .mq_msgsize = 10 };
		MUST(mq_open("/own", O_CREAT | O_RDWR, 0600, &a) == -1 && errno == EINVAL);
		a = (struct mq_attr){ .mq_maxmsg = 10, .mq_msgsize = 8193 };
		MUST(mq_open("/own", O_CREAT | O_RDWR, 0600, &a) == -1 && errno == EINVAL);
	}));
	drop(q);
}
END_TEST

START_TEST(order_of_priorities)
{
	mqd_t q = make(NAME, O_RDWR, 10, 20);
	static const char *const want[] = { "top", "9a", "9b", "5", "0a", "0b" };
	char buf[20], text[128];
	unsigned int prio;

	ck_ok(mq_send(q, "0a", 3, 0));
	ck_ok(mq_send(q, "9a", 3, 9));
	ck_ok(mq_send(q, "0b", 3, 0));
	ck_ok(mq_send(q, "5", 2, 5));
	ck_ok(mq_send(q, "9b", 3, 9));
	ck_ok(mq_send(q, "top", 4, 32767));
	ck_fails(mq_send(q, "x", 1, 32768), EINVAL);
	ck_assert_int_eq(attr_of(q).mq_curmsgs, 6);
	text_of(text);
	ck_assert_str_eq(text, "QSIZE:18         NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n");
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(mq_receive(q, buf, sizeof(buf), &prio), strlen(want[i]) + 1);
		ck_assert_str_eq(buf, want[i]);
		ck_assert_uint_eq(prio, i == 0 ? 32767 : (unsigned int)(want[i][0] - '0'));
	}
	ck_ok(mq_send(q, "", 0, 1));
	ck_assert_int_eq(mq_receive(q, buf, sizeof(buf), NULL), 0);
	drop(q);
}
END_TEST

START_TEST(arguments_are_checked)
{
	mqd_t q = make(NAME, O_RDWR | O_NONBLOCK, 2, 10);
	struct timespec bad = { 0, 1000000000 }, negative = { -1, 0 };
	struct mq_attr a = { .mq_flags = O_APPEND }, old;
	char buf[20];
	int fd = (int)ck_ok(open("/dev/null", O_RDWR));

	ck_fails(mq_send(q, buf, 11, 0), EMSGSIZE);
	ck_fails(mq_receive(q, buf, 9, NULL), EMSGSIZE);
	ck_fails(mq_receive(q, buf, 10, NULL), EAGAIN);
	ck_fails(mq_send(-1, buf, 1, 0), EBADF);
	ck_fails(mq_send(fd, buf, 1, 0), EBADF);
	ck_fails(mq_receive(fd, buf, 10, NULL), EBADF);
	ck_fails(mq_receive(1000, buf, 10, NULL), EBADF);
	ck_fails(mq_timedsend(q, buf, 1, 0, &bad), EINVAL);
	ck_fails(mq_timedsend(q, buf, 1, 0, &negative), EINVAL);
	ck_fails(mq_timedreceive(q, buf, 10, NULL, &bad), EINVAL);
	ck_fails(mq_timedsend(q, buf, 1, 0, BAD_ADDRESS), EFAULT);
	ck_fails(mq_send(q, BAD_ADDRESS, 1, 0), EFAULT);
	ck_ok(mq_send(q, buf, 10, 0));
	ck_fails(mq_receive(q, BAD_ADDRESS, 10, NULL), EFAULT);
	ck_ok(mq_send(q, buf, 1, 0));
	ck_ok(mq_send(q, buf, 1, 0));
	ck_fails(mq_send(q, buf, 1, 0), EAGAIN);
	ck_fails(mq_setattr(q, &a, NULL), EINVAL);
	ck_fails(mq_getattr(fd, &a), EBADF);
	ck_fails(mq_getattr(-1, &a), EBADF);
	ck_fails(syscall(SYS_mq_getsetattr, q, NULL, BAD_ADDRESS), EFAULT);
	ck_fails(syscall(SYS_mq_getsetattr, q, BAD_ADDRESS, NULL), EFAULT);
	a = (struct mq_attr){ .mq_flags = 0, .mq_maxmsg = 77 };
	ck_ok(mq_setattr(q, &a, &old));
	ck_assert(old.mq_flags == O_NONBLOCK && old.mq_maxmsg == 2 && old.mq_curmsgs == 2);
	ck_assert_int_eq(attr_of(q).mq_flags, 0);
	ck_assert_int_eq(fcntl(q, F_GETFL) & O_NONBLOCK, 0);
	ck_fails(write(q, "x", 1), EINVAL);
	close(fd);
	drop(q);
}
END_TEST

START_TEST(time_outs)
{
	mqd_t q = make(NAME, O_RDWR, 1, 10);
	struct timespec ts = in_ms(30), now, past = { 1, 0 };
	char buf[10];

	ck_fails(mq_timedreceive(q, buf, 10, NULL, &ts), ETIMEDOUT);
	clock_gettime(CLOCK_REALTIME, &now);
	ck_assert(now.tv_sec > ts.tv_sec || (now.tv_sec == ts.tv_sec && now.tv_nsec >= ts.tv_nsec));
	ck_fails(mq_timedreceive(q, buf, 10, NULL, &past), ETIMEDOUT);
	ck_ok(mq_timedsend(q, "a", 1, 0, &past));
	ts = in_ms(30);
	ck_fails(mq_timedsend(q, "b", 1, 0, &ts), ETIMEDOUT);
	ck_fails(mq_timedsend(q, "b", 1, 0, &past), ETIMEDOUT);
	ck_assert_int_eq(attr_of(q).mq_curmsgs, 1);
	ck_assert_int_eq(mq_timedreceive(q, buf, 10, NULL, &past), 1);
	drop(q);
}
END_TEST

START_TEST(waiting)
{
	mqd_t q = make(NAME, O_RDWR, 1, 10);
	pid_t pid[3];
	char buf[10];

	for (int i = 0; i < 3; i++) {
		pid[i] = ipc_child({
			char c[10];
			struct timespec ts = in_ms(1000000);
			MUST(mq_timedreceive(q, c, 10, NULL, i == 1 ? &ts : NULL) == 1 && c[0] == 'a' + i);
		});
		ipc_asleep(pid[i]);
	}
	for (int i = 0; i < 3; i++) {
		ck_ok(mq_send(q, (char[]){ (char)('a' + i) }, 1, 0));
		ipc_wait(pid[i]);
	}
	ck_ok(mq_send(q, "0", 1, 0));
	for (int i = 0; i < 3; i++) {
		pid[i] = ipc_child(MUST(mq_send(q, (char[]){ (char)('1' + i) }, 1, (unsigned int)i) == 0));
		ipc_asleep(pid[i]);
	}
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(mq_receive(q, buf, 10, NULL), 1);	/* one comes in for each that goes */
		ck_assert_int_eq(buf[0], '0' + i);
	}
	for (int i = 0; i < 3; i++)
		ipc_wait(pid[i]);
	ck_assert_int_eq(attr_of(q).mq_curmsgs, 0);
	drop(q);
}
END_TEST

START_TEST(real_time_threads_come_first)
{
	mqd_t q = make(NAME, O_RDWR, 1, 10);
	pid_t pid[3];

	for (int i = 0; i < 3; i++) {
		pid[i] = ipc_child({
			char c[10];
			struct sched_param sp = { .sched_priority = i };
			MUST(i == 0 || syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &sp) == 0);
			MUST(mq_receive(q, c, 10, NULL) == 1 && c[0] == 'a' + 2 - i);
		});
		ipc_asleep(pid[i]);
	}
	for (int i = 0; i < 3; i++) {
		ck_ok(mq_send(q, (char[]){ (char)('a' + i) }, 1, 0));
		ipc_wait(pid[2 - i]);
	}
	drop(q);
}
END_TEST

static void
interrupt(pid_t pid)
{
	ipc_asleep(pid);
	kill(pid, SIGUSR1);
}

START_TEST(signals_end_waits)
{
	mqd_t q = make(NAME, O_RDWR, 1, 10);
	struct sigaction plain = { .sa_handler = ipc_no_handler };
	pid_t pid;

	pid = ipc_child({
		char c[10];
		MUST(sigaction(SIGUSR1, &plain, NULL) == 0);
		MUST(mq_receive(q, c, 10, NULL) == -1 && errno == EINTR);
	});
	interrupt(pid);
	ipc_wait(pid);
	pid = ipc_child({
		char c[10];
		ipc_catch(SIGUSR1);
		MUST(mq_receive(q, c, 10, NULL) == 1);			/* restarted */
	});
	interrupt(pid);
	ipc_asleep(pid);
	ck_ok(mq_send(q, "x", 1, 0));
	ipc_wait(pid);
	ck_ok(mq_send(q, "x", 1, 0));
	pid = ipc_child({
		MUST(sigaction(SIGUSR1, &plain, NULL) == 0);
		MUST(mq_send(q, "y", 1, 0) == -1 && errno == EINTR);
	});
	interrupt(pid);
	ipc_wait(pid);
	ck_assert_int_eq(attr_of(q).mq_curmsgs, 1);
	drop(q);
}
END_TEST

START_TEST(notification_by_signal)
{
	mqd_t q = make(NAME, O_RDWR, 5, 10);
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1, .sigev_value.sival_int = 4711 };
	struct timespec soon = { 0, 20000000 };
	char buf[10], text[128], want[128];
	siginfo_t info;
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ck_ok(mq_notify(q, &ev));
	ck_fails(mq_notify(q, &ev), EBUSY);
	ipc_wait(ipc_child({
		MUST(mq_notify(q, &ev) == -1 && errno == EBUSY);
		MUST(mq_notify(q, NULL) == 0);			/* not its own: no effect */
		MUST(mq_close(q) == 0);
	}));
	text_of(text);
	snprintf(want, sizeof(want), "QSIZE:0          NOTIFY:0     SIGNO:%-5d NOTIFY_PID:%-6d\n", SIGRTMIN + 1, (int)getpid());
	ck_assert_str_eq(text, want);
	pid = ipc_child(MUST(mq_send(q, "a", 1, 0) == 0));
	ipc_wait(pid);
	ck_assert_int_eq(sigwaitinfo(&set, &info), SIGRTMIN + 1);
	ck_assert_int_eq(info.si_code, SI_MESGQ);
	ck_assert_int_eq(info.si_pid, pid);
	ck_assert_int_eq(info.si_uid, 0);
	ck_assert_int_eq(info.si_value.sival_int, 4711);
	ck_ok(mq_send(q, "b", 1, 0));				/* once only */
	ck_fails(sigtimedwait(&set, NULL, &soon), EAGAIN);
	ck_ok(mq_notify(q, &ev));
	ck_ok(mq_send(q, "c", 1, 0));				/* it was not empty */
	ck_fails(sigtimedwait(&set, NULL, &soon), EAGAIN);
	while (attr_of(q).mq_curmsgs != 0)
		ck_assert_int_eq(mq_receive(q, buf, 10, NULL), 1);
	pid = ipc_child({
		char c[10];
		MUST(mq_receive(q, c, 10, NULL) == 1);
	});
	ipc_asleep(pid);
	ck_ok(mq_send(q, "d", 1, 0));				/* a receiver gets it: nobody is told */
	ipc_wait(pid);
	ck_fails(sigtimedwait(&set, NULL, &soon), EAGAIN);
	ck_ok(mq_notify(q, NULL));
	ck_ok(mq_notify(q, NULL));
	ck_ok(mq_send(q, "e", 1, 0));
	ck_fails(sigtimedwait(&set, NULL, &soon), EAGAIN);
	drop(q);
}
END_TEST

START_TEST(notification_otherwise)
{
	mqd_t q = make(NAME, O_RDWR, 5, 10), r;
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	char text[128], want[128];
	int fd;

	ck_ok(mq_notify(q, &ev));
	text_of(text);
	snprintf(want, sizeof(want), "QSIZE:0          NOTIFY:1     SIGNO:0     NOTIFY_PID:%-6d\n", (int)getpid());
	ck_assert_str_eq(text, want);
	r = mq_open(NAME, O_RDONLY);
	mq_close(r);						/* any descriptor of the queue */
	text_of(text);
	ck_assert_str_eq(text, "QSIZE:0          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n");
	ipc_wait(ipc_child(MUST(mq_notify(q, &ev) == 0)));	/* its end ends that */
	ck_ok(mq_notify(q, &ev));
	ck_ok(mq_send(q, "a", 1, 0));
	text_of(text);
	ck_assert_str_eq(text, "QSIZE:1          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n");
	ev.sigev_notify = 17;
	ck_fails(mq_notify(q, &ev), EINVAL);
	ev = (struct sigevent){ .sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65 };
	ck_fails(mq_notify(q, &ev), EINVAL);
	ev.sigev_signo = SIGUSR1;
	ck_fails(mq_notify(-1, &ev), EBADF);
	fd = (int)ck_ok(open("/dev/null", O_RDONLY));
	ck_fails(mq_notify(fd, &ev), EBADF);
	ck_fails(syscall(SYS_mq_notify, q, BAD_ADDRESS), EFAULT);
	/* SIGEV_THREAD as the kernel has it: by a netlink socket. */
	ev = (struct sigevent){ .sigev_notify = SIGEV_THREAD, .sigev_signo = -1, .sigev_value.sival_ptr = text };
	ck_fails(syscall(SYS_mq_notify, q, &ev), EBADF);
	ev.sigev_signo = fd;
	ck_fails(syscall(SYS_mq_notify, q, &ev), ENOTSOCK);
	ev.sigev_signo = (int)ck_ok(socket(AF_UNIX, SOCK_DGRAM, 0));
	ck_fails(syscall(SYS_mq_notify, q, &ev), EINVAL);
	ev.sigev_value.sival_ptr = BAD_ADDRESS;
	ck_fails(syscall(SYS_mq_notify, q, &ev), EFAULT);
	close(fd);
	drop(q);
}
END_TEST

START_TEST(readiness)
{
	mqd_t q = make(NAME, O_RDWR, 2, 10);
	struct pollfd p = { q, POLLIN | POLLOUT, 0 };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = (int)ck_ok(epoll_create1(0));
	char buf[10];
	pid_t pid;

	ck_ok(epoll_ctl(ep, EPOLL_CTL_ADD, q, &ev));
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	ck_assert_int_eq(p.revents, POLLOUT);
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, 0), 0);
	ck_ok(mq_send(q, "a", 1, 0));
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	ck_assert_int_eq(p.revents, POLLIN | POLLOUT);
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, 0), 1);
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, 0), 0);
	ck_ok(mq_send(q, "b", 1, 0));
	ck_assert_int_eq(epoll_wait(ep, &ev, 1, 0), 1);
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	ck_assert_int_eq(p.revents, POLLIN);
	pid = ipc_child({
		struct pollfd w = { q, POLLOUT, 0 };
		MUST(poll(&w, 1, -1) == 1 && w.revents == POLLOUT);
	});
	ipc_asleep(pid);
	ck_assert_int_eq(mq_receive(q, buf, 10, NULL), 1);
	ipc_wait(pid);
	ck_assert_int_eq(mq_receive(q, buf, 10, NULL), 1);
	pid = ipc_child({
		struct pollfd w = { q, POLLIN, 0 };
		MUST(poll(&w, 1, -1) == 1 && w.revents == POLLIN);
	});
	ipc_asleep(pid);
	ck_ok(mq_send(q, "c", 1, 0));
	ipc_wait(pid);
	close(ep);
	drop(q);
}
END_TEST

static int
count_queues(void)
{
	DIR *d = opendir("/dev/mqueue");
	struct dirent *e;
	int n = 0;

	ck_assert_ptr_ne(d, NULL);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

START_TEST(file_system)
{
	mqd_t q = make(NAME, O_RDWR, 2, 10), by_path;
	struct stat st;
	struct statfs fs;
	char buf[10];
	int fd;

	ck_ok(stat("/dev/mqueue", &st));
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 01777);
	ck_ok(statfs("/dev/mqueue", &fs));
	ck_assert_uint_eq((unsigned long)fs.f_type, 0x19800202);
	ck_ok(stat("/dev/mqueue" NAME, &st));
	ck_assert(S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0600 && st.st_size == 80);
	by_path = (mqd_t)ck_ok(open("/dev/mqueue" NAME, O_RDWR));	/* it is a queue like any other descriptor of it */
	ck_ok(mq_send(by_path, "hi", 2, 3));
	ck_assert_int_eq(mq_receive(q, buf, 10, NULL), 2);
	close(by_path);
	fd = (int)ck_ok(open("/dev/mqueue/made", O_CREAT | O_EXCL | O_RDWR, 0600));
	ck_assert(attr_of(fd).mq_maxmsg == 10 && attr_of(fd).mq_msgsize == 8192);
	close(fd);
	ck_ok(fd = mq_open("/made", O_RDONLY));
	close(fd);
	ck_ok(chmod("/dev/mqueue/made", 0644));
	ck_ok(chown("/dev/mqueue/made", 5, 6));
	ck_ok(stat("/dev/mqueue/made", &st));
	ck_assert(st.st_uid == 5 && st.st_gid == 6 && (st.st_mode & 0777) == 0644);
	ck_fails(mkdir("/dev/mqueue/dir", 0700), EPERM);
	ck_fails(link("/dev/mqueue/made", "/dev/mqueue/other"), EPERM);
	ck_fails(rename("/dev/mqueue/made", "/dev/mqueue/other"), EPERM);
	ck_fails(symlink("x", "/dev/mqueue/other"), EPERM);
	ck_assert_int_eq(count_queues(), 2);
	ck_ok(unlink("/dev/mqueue/made"));
	ck_fails(mq_open("/made", O_RDONLY), ENOENT);
	ck_ok(mkdir("/tmp/mq", 0700));
	ck_ok(mount("mqueue", "/tmp/mq", "mqueue", 0, NULL));		/* the same one */
	ck_ok(access("/tmp/mq" NAME, F_OK));
	ck_ok(umount("/tmp/mq"));
	ck_ok(rmdir("/tmp/mq"));
	ck_ok(mq_unlink(NAME));
	ck_ok(mq_send(q, "still", 5, 0));				/* goes with its last descriptor */
	ck_assert_int_eq(mq_receive(q, buf, 10, NULL), 5);
	by_path = make(NAME, O_RDWR, 1, 1);
	ck_assert_int_eq(attr_of(by_path).mq_curmsgs, 0);
	mq_close(q);
	drop(by_path);
	ck_assert_int_eq(count_queues(), 0);
}
END_TEST

START_TEST(limits_end_it)
{
	struct rlimit rl = { 10 * (100 + 96), 10 * (100 + 96) };
	char text[64];
	int n;

	ipc_read(LIMITS "queues_max", text, sizeof(text));
	ck_assert_str_eq(text, "256\n");
	ipc_read(LIMITS "msg_max", text, sizeof(text));
	ck_assert_str_eq(text, "10\n");
	ipc_read(LIMITS "msgsize_max", text, sizeof(text));
	ck_assert_str_eq(text, "8192\n");
	ipc_read(LIMITS "msg_default", text, sizeof(text));
	ck_assert_str_eq(text, "10\n");
	ipc_read(LIMITS "msgsize_default", text, sizeof(text));
	ck_assert_str_eq(text, "8192\n");
	ipc_write(LIMITS "queues_max", "2");
	n = (int)ck_ok(fork());
	if (n == 0) {
		MUST(setuid(1009) == 0);
		MUST(mq_open("/l0", O_CREAT | O_RDWR, 0600, NULL) != -1 && mq_open("/l1", O_CREAT | O_RDWR, 0600, NULL) != -1);
		MUST(mq_open("/l2", O_CREAT | O_RDWR, 0600, NULL) == -1 && errno == ENOSPC);
		MUST(mq_unlink("/l0") == 0 && mq_unlink("/l1") == 0);
		_exit(0);
	}
	ipc_wait(n);
	ipc_write(LIMITS "queues_max", "256");
	ipc_write(LIMITS "msg_default", "7");
	n = (int)ck_ok(mq_open(NAME, O_CREAT | O_RDWR, 0600, NULL));
	ipc_write(LIMITS "msg_default", "10");
	ck_assert_int_eq(attr_of(n).mq_maxmsg, 7);
	drop(n);
	for (int round = 0; round < 3; round++)				/* what was paid comes back */
		ipc_wait(ipc_child({
			struct mq_attr a = { .mq_maxmsg = 5, .mq_msgsize = 100 };
			MUST(setrlimit(RLIMIT_MSGQUEUE, &rl) == 0 && setuid(1010) == 0);
			mqd_t one = mq_open("/r1", O_CREAT | O_RDWR, 0600, &a);
			MUST(one != -1 && mq_open("/r2", O_CREAT | O_RDWR, 0600, &a) != -1);
			a.mq_maxmsg = 1;
			MUST(mq_open("/r3", O_CREAT | O_RDWR, 0600, &a) == -1 && errno == EMFILE);
			MUST(mq_unlink("/r1") == 0);
			MUST(mq_open("/r3", O_CREAT | O_RDWR, 0600, &a) == -1 && errno == EMFILE);	/* it is open yet */
			MUST(mq_close(one) == 0);
			a.mq_maxmsg = 5;
			MUST(mq_open("/r3", O_CREAT | O_RDWR, 0600, &a) != -1);
			MUST(mq_unlink("/r2") == 0 && mq_unlink("/r3") == 0);
		}));
	rl = (struct rlimit){ 3, 3 };
	ck_ok(setrlimit(RLIMIT_NOFILE, &rl));
	ck_fails(mq_open(NAME, O_CREAT | O_RDWR, 0600, NULL), EMFILE);
	(void)mq_unlink(NAME);
}
END_TEST

/* What each of several senders sends comes in order in its priority, once; the queue is full or empty most of the time. */
START_TEST(storm)
{
	enum { SENDERS = 3, RECEIVERS = 3, EACH = 1000 };
	mqd_t q = make(NAME, O_RDWR, 4, 16);
	long *sum = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[SENDERS + RECEIVERS];

	for (int i = 0; i < SENDERS; i++)
		pid[i] = ipc_child({
			for (int n = 1; n <= EACH; n++)
				MUST(mq_send(q, (char *)&n, sizeof(n), (unsigned int)i) == 0);
		});
	for (int i = 0; i < RECEIVERS; i++)
		pid[SENDERS + i] = ipc_child({
			int last[SENDERS] = { 0 };
			for (int k = 0; k < EACH; k++) {
				union { char raw[16]; int n; } m;
				unsigned int prio;
				struct timespec ts = in_ms(1000000);
				MUST(mq_timedreceive(q, m.raw, 16, &prio, k % 2 ? &ts : NULL) == sizeof(int));
				MUST(prio < SENDERS && m.n > last[prio]);
				last[prio] = m.n;
				__atomic_fetch_add(&sum[prio], m.n, __ATOMIC_RELAXED);
			}
		});
	for (int i = 0; i < SENDERS + RECEIVERS; i++)
		ipc_wait(pid[i]);
	for (int i = 0; i < SENDERS; i++)
		ck_assert_int_eq(sum[i], (long)EACH * (EACH + 1) / 2);
	ck_assert_int_eq(attr_of(q).mq_curmsgs, 0);
	drop(q);
	ck_assert_int_eq(count_queues(), 0);
}
END_TEST

/* What a test that failed has left. */
static void
clean(void)
{
	(void)mq_unlink(NAME);
}

int
main(void)
{
	Suite *s = suite_create("posix_mq");
	TCase *t = tcase_create("core");

	tcase_set_timeout(t, 100);
	tcase_add_checked_fixture(t, clean, NULL);
	tcase_add_test(t, opening);
	tcase_add_test(t, access_is_checked);
	tcase_add_test(t, order_of_priorities);
	tcase_add_test(t, arguments_are_checked);
	tcase_add_test(t, time_outs);
	tcase_add_test(t, waiting);
	tcase_add_test(t, real_time_threads_come_first);
	tcase_add_test(t, signals_end_waits);
	tcase_add_test(t, notification_by_signal);
	tcase_add_test(t, notification_otherwise);
	tcase_add_test(t, readiness);
	tcase_add_test(t, file_system);
	tcase_add_test(t, limits_end_it);
	tcase_add_test(t, storm);
	suite_add_tcase(s, t);
	return guest_run(s);
}
