/* SPDX-License-Identifier: BSD-2-Clause */
/* Unix datagram sockets, and what every socket has: socket(7) options, errors of the calls, sendmmsg(2), recvmmsg(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "guest.h"

#define NAME_AT	offsetof(struct sockaddr_un, sun_path)

static int a, b;		/* bound to "\0a", "\0b" */

static struct sockaddr_un
name(char c)
{
	struct sockaddr_un n = { .sun_family = AF_UNIX };

	n.sun_path[1] = c;
	return n;
}

static int
bound(char c)
{
	struct sockaddr_un n = name(c);
	int fd = ck_ok(socket(AF_UNIX, SOCK_DGRAM, 0));

	ck_ok(bind(fd, (void *)&n, NAME_AT + 2));
	return fd;
}

static long
send_to(int fd, char c, const void *p, size_t n, int flags)
{
	struct sockaddr_un to = name(c);

	return sendto(fd, p, n, flags, (void *)&to, NAME_AT + 2);
}

static int
connect_to(int fd, char c)
{
	struct sockaddr_un to = name(c);

	return connect(fd, (void *)&to, NAME_AT + 2);
}

static void open_two(void) { a = bound('a'); b = bound('b'); }
static void close_two(void) { close(a); close(b); }

static short
ready(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };

	ck_ok(poll(&p, 1, 0));
	return p.revents;
}

/* --- datagrams --- */

START_TEST(datagrams_have_a_sender)
{
	struct sockaddr_un from;
	socklen_t n = sizeof(from);
	char buf[8];

	ck_assert_int_eq(ready(a), POLLOUT);
	ck_assert_int_eq(send_to(a, 'b', "abc", 3, 0), 3);
	ck_assert_int_eq(send_to(a, 'b', "", 0, 0), 0);
	ck_assert_int_eq(ready(b), POLLIN | POLLOUT);
	ck_assert_int_eq(recvfrom(b, buf, 2, 0, (void *)&from, &n), 2);	/* the rest is lost */
	ck_assert_int_eq(n, NAME_AT + 2);
	ck_assert_int_eq(from.sun_path[1], 'a');
	ck_assert_int_eq(recv(b, buf, 8, 0), 0);
	ck_fails(recv(b, buf, 8, MSG_DONTWAIT), EAGAIN);
	n = 4;
	ck_assert_int_eq(send_to(a, 'b', "xyz", 3, 0), 3);
	ck_assert_int_eq(recvfrom(b, buf, 1, MSG_TRUNC, (void *)&from, &n), 3);
	ck_assert_int_eq(n, NAME_AT + 2);
	ck_fails(send(a, "x", 1, 0), ENOTCONN);
	ck_fails(send_to(a, 'z', "x", 1, 0), ECONNREFUSED);
	ck_fails(listen(a, 1), EOPNOTSUPP);
	ck_fails(accept(a, NULL, NULL), EOPNOTSUPP);
}
END_TEST

START_TEST(connected_datagrams)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int c = bound('c');
	char buf[8];

	ck_ok(connect_to(a, 'b'));
	ck_assert_int_eq(send(a, "x", 1, 0), 1);
	ck_assert_int_eq(recv(b, buf, 8, 0), 1);
	ck_ok(connect_to(b, 'a'));
	ck_fails(send_to(c, 'b', "x", 1, 0), EPERM);		/* b takes from a only */
	ck_fails(connect_to(c, 'b'), EPERM);
	ck_ok(connect(b, &none, sizeof(none)));
	ck_assert_int_eq(send_to(c, 'b', "x", 1, 0), 1);
	ck_fails(send(b, "x", 1, 0), ENOTCONN);
	close(b);
	ck_fails(send(a, "x", 1, 0), ECONNREFUSED);
	ck_fails(send(a, "x", 1, 0), ENOTCONN);
	b = bound('b');
	close(c);
}
END_TEST

START_TEST(reconnecting_loses_and_tells)
{
	int c = bound('c');
	char buf[8];

	ck_ok(connect_to(a, 'b'));
	ck_ok(connect_to(b, 'a'));
	ck_assert_int_eq(send(b, "x", 1, 0), 1);
	ck_ok(connect_to(a, 'c'));
	ck_fails(recv(a, buf, 1, MSG_DONTWAIT), EAGAIN);
	ck_fails(recv(b, buf, 1, MSG_DONTWAIT), ECONNRESET);
	ck_fails(recv(b, buf, 1, MSG_DONTWAIT), EAGAIN);
	close(c);
}
END_TEST

START_TEST(a_full_receiver)
{
	struct timeval tv = { 0, 30000 };
	char buf[8];
	int n = 0;
	pid_t pid;

	while (send_to(a, 'b', "x", 1, MSG_DONTWAIT) == 1)
		n++;
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(n, 11);
	ck_assert_int_eq(ready(a), POLLOUT);		/* not connected: who knows whom it will send to */
	ck_ok(connect_to(a, 'b'));
	ck_assert_int_eq(ready(a), 0);
	ck_ok(setsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	ck_fails(send(a, "x", 1, 0), EAGAIN);
	tv.tv_usec = 0;
	ck_ok(setsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	pid = ck_ok(fork());
	if (pid == 0)
		_exit(poll(&(struct pollfd){ a, POLLOUT, 0 }, 1, 5000) != 1 || send(a, "y", 1, 0) != 1);
	usleep(30000);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	ck_assert_int_eq(recv(b, buf, 8, 0), 1);
	ck_assert_int_eq(waitpid(pid, &n, 0), pid);
	ck_assert_int_eq(n, 0);
}
END_TEST

START_TEST(sizes_and_shutdown)
{
	int size = 8192;
	char *big = calloc(1, 300000);
	long max;

	ck_fails(send_to(a, 'b', big, 300000, 0), EMSGSIZE);
	ck_assert_int_eq(send_to(a, 'b', big, 200000, 0), 200000);
	ck_assert_int_eq(recv(b, big, 300000, 0), 200000);
	ck_ok(setsockopt(a, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	for (max = 20000; max > 0 && send_to(a, 'b', big, (size_t)max, MSG_DONTWAIT) < 0; max--)
		ck_assert_int_eq(errno, EMSGSIZE);
	ck_assert_int_eq(max, 16384 - 32);
	ck_assert_int_eq(recv(b, big, 300000, 0), max);
	ck_ok(shutdown(b, SHUT_RD));
	ck_fails(send_to(a, 'b', "x", 1, 0), EPIPE);
	ck_assert_int_eq(recv(b, big, 1, 0), 0);
	ck_fails(recv(b, big, 1, MSG_DONTWAIT), EAGAIN);
	ck_ok(shutdown(a, SHUT_WR));
	ck_fails(send_to(a, 'a', "x", 1, MSG_NOSIGNAL), EPIPE);
	free(big);
}
END_TEST

START_TEST(to_oneself)
{
	char buf[8];

	ck_ok(connect_to(a, 'a'));
	ck_assert_int_eq(send(a, "me", 2, 0), 2);
	ck_assert_int_eq(recv(a, buf, 8, 0), 2);
}
END_TEST

START_TEST(many_at_once)
{
	struct mmsghdr m[4] = { 0 };
	struct iovec iov[4];
	char buf[4][8];
	struct timespec ts = { 0, 20000000 };

	ck_ok(connect_to(a, 'b'));
	for (int i = 0; i < 4; i++) {
		iov[i] = (struct iovec){ "abcd", (size_t)i + 1 };
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	ck_assert_int_eq(sendmmsg(a, m, 4, 0), 4);
	ck_assert_int_eq(m[2].msg_len, 3);
	for (int i = 0; i < 4; i++)
		iov[i] = (struct iovec){ buf[i], 8 };
	ck_assert_int_eq(recvmmsg(b, m, 2, 0, NULL), 2);
	ck_assert_int_eq(m[1].msg_len, 2);
	ck_assert_int_eq(recvmmsg(b, m, 4, MSG_WAITFORONE, NULL), 2);
	ck_assert_int_eq(m[1].msg_len, 4);
	ck_assert_mem_eq(buf[1], "abcd", 4);
	ck_fails(recvmmsg(b, m, 4, MSG_DONTWAIT, &ts), EAGAIN);
	ts.tv_nsec = 1000000000;
	ck_fails(recvmmsg(b, m, 4, MSG_DONTWAIT, &ts), EINVAL);
}
END_TEST

START_TEST(pairs)
{
	struct sockaddr_un n;
	socklen_t len = sizeof(n);
	char buf[4];
	int p[2];

	ck_ok(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, p));
	ck_assert_int_eq(fcntl(p[0], F_GETFL), O_RDWR | O_NONBLOCK);
	ck_assert_int_eq(fcntl(p[1], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(write(p[0], "ab", 2), 2);
	ck_assert_int_eq(read(p[1], buf, 4), 2);
	ck_fails(read(p[1], buf, 4), EAGAIN);
	ck_ok(getpeername(p[0], (void *)&n, &len));
	ck_assert_int_eq(len, 2);
	close(p[1]);
	ck_fails(write(p[0], "ab", 2), ECONNREFUSED);
	close(p[0]);
}
END_TEST

/* --- calls and options --- */

START_TEST(kinds_that_are_not_there)
{
	int p[2];

	ck_fails(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT);
	ck_fails(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
	ck_fails(socket(AF_UNIX, 12, 0), EINVAL);
	ck_fails(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
	ck_fails(socket(AF_UNIX, SOCK_STREAM, 7), EPROTONOSUPPORT);
	ck_fails(syscall(SYS_socket, AF_UNIX, SOCK_STREAM | 0x100, 0), EINVAL);
	close(ck_ok(socket(AF_UNIX, SOCK_STREAM, 1)));
	close(ck_ok(socket(AF_UNIX, SOCK_RAW, 0)));
	ck_fails(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 8L), EFAULT);
	ck_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	ck_assert_int_eq(p[0], b + 1);		/* the failure left no descriptor behind */
	close(p[0]);
	close(p[1]);
}
END_TEST

START_TEST(what_is_no_socket)
{
	int fd = ck_ok(open("/dev/null", O_RDWR));
	char c;

	ck_fails(bind(fd, (void *)&c, 1), ENOTSOCK);
	ck_fails(send(fd, "x", 1, 0), ENOTSOCK);
	ck_fails(recv(fd, &c, 1, 0), ENOTSOCK);
	ck_fails(listen(fd, 1), ENOTSOCK);
	ck_fails(getsockopt(fd, SOL_SOCKET, SO_TYPE, &c, &(socklen_t){ 1 }), ENOTSOCK);
	ck_fails(shutdown(-1, 0), EBADF);
	close(fd);
	ck_fails(recv(fd, &c, 1, 0), EBADF);
}
END_TEST

START_TEST(addresses_that_are_none)
{
	struct sockaddr_un n = name('b');
	struct msghdr h = { .msg_name = &n, .msg_namelen = (socklen_t)-1 };
	socklen_t len;
	char buf[4];

	ck_fails(sendto(a, "x", 1, 0, (void *)&n, 1), EINVAL);
	ck_fails(sendto(a, "x", 1, 0, (void *)&n, 2), EINVAL);
	ck_fails(sendto(a, "x", 1, 0, (void *)&n, 1000), EINVAL);
	ck_fails(sendto(a, "x", 1, 0, (void *)8, NAME_AT + 2), EFAULT);
	ck_fails(sendto(a, (void *)8, 1, 0, (void *)&n, NAME_AT + 2), EFAULT);
	ck_fails(sendmsg(a, &h, 0), EINVAL);
	ck_fails(syscall(SYS_sendmsg, a, 8L, 0), EFAULT);
	h = (struct msghdr){ .msg_iov = (void *)&n, .msg_iovlen = 1025 };
	ck_fails(sendmsg(a, &h, 0), EMSGSIZE);
	ck_fails(getsockname(a, (void *)&n, (void *)8), EFAULT);
	len = (socklen_t)-1;
	ck_fails(getsockname(a, (void *)&n, &len), EINVAL);
	len = 1;
	ck_ok(getsockname(a, (void *)&n, &len));
	ck_assert_int_eq(len, NAME_AT + 2);
	ck_fails(send(a, "x", 1, MSG_OOB), EOPNOTSUPP);
	ck_fails(recv(a, buf, 1, MSG_OOB), EOPNOTSUPP);
	ck_fails(lseek(a, 0, SEEK_SET), ESPIPE);
	ck_fails(pread(a, buf, 1, 0), ESPIPE);
}
END_TEST

static int
get(int fd, int option)
{
	int v = -99;
	socklen_t n = sizeof(v);

	ck_ok(getsockopt(fd, SOL_SOCKET, option, &v, &n));
	ck_assert_int_eq(n, sizeof(v));
	return v;
}

static void
set(int fd, int option, int v)
{
	ck_ok(setsockopt(fd, SOL_SOCKET, option, &v, sizeof(v)));
}

START_TEST(options)
{
	struct timeval tv = { 3, 500000 };
	struct linger l = { 1, 5 };
	socklen_t n;
	char c;

	ck_assert_int_eq(get(a, SO_TYPE), SOCK_DGRAM);
	ck_assert_int_eq(get(a, SO_DOMAIN), AF_UNIX);
	ck_assert_int_eq(get(a, SO_PROTOCOL), 0);
	ck_assert_int_eq(get(a, SO_ERROR), 0);
	ck_assert_int_eq(get(a, SO_ACCEPTCONN), 0);
	ck_assert_int_eq(get(a, SO_SNDBUF), 212992);
	ck_assert_int_eq(get(a, SO_RCVBUF), 212992);
	set(a, SO_SNDBUF, 1);
	ck_assert_int_eq(get(a, SO_SNDBUF), 4608);
	set(a, SO_RCVBUF, 5000);
	ck_assert_int_eq(get(a, SO_RCVBUF), 10000);
	set(a, SO_SNDBUF, 1 << 30);
	ck_assert_int_eq(get(a, SO_SNDBUF), 425984);
	set(a, SO_SNDBUFFORCE, 1 << 20);
	ck_assert_int_eq(get(a, SO_SNDBUF), 2 << 20);
	for (int i = 0; i < 5; i++) {
		int o = (int[]){ SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST, SO_OOBINLINE, SO_PASSCRED }[i];

		ck_assert_int_eq(get(a, o), 0);
		set(a, o, 7);
		ck_assert_int_eq(get(a, o), 1);
	}
	ck_ok(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	n = sizeof(tv);
	tv.tv_sec = 0;
	ck_ok(getsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &tv, &n));
	ck_assert_int_eq(tv.tv_sec, 3);
	ck_assert_int_eq(tv.tv_usec, 500000);
	ck_ok(setsockopt(a, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	n = sizeof(l);
	l.l_linger = 0;
	ck_ok(getsockopt(a, SOL_SOCKET, SO_LINGER, &l, &n));
	ck_assert_int_eq(l.l_linger, 5);
	n = 1;
	ck_ok(getsockopt(a, SOL_SOCKET, SO_TYPE, &c, &n));
	ck_assert_int_eq(c, SOCK_DGRAM);
}
END_TEST

START_TEST(options_that_are_wrong)
{
	struct timeval tv = { 0, 1000000 };
	int v = 1;
	socklen_t n = sizeof(v);

	ck_fails(setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &v, 3), EINVAL);
	ck_fails(setsockopt(a, SOL_SOCKET, SO_REUSEADDR, (void *)8, 4), EFAULT);
	ck_fails(setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &v, (socklen_t)-1), EINVAL);
	ck_fails(setsockopt(a, SOL_SOCKET, 999, &v, 4), ENOPROTOOPT);
	ck_fails(setsockopt(a, SOL_SOCKET, SO_TYPE, &v, 4), ENOPROTOOPT);
	ck_fails(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), EDOM);
	ck_fails(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &tv, 4), EINVAL);
	ck_fails(setsockopt(a, 6, 1, &v, 4), EOPNOTSUPP);
	ck_fails(getsockopt(a, 6, 1, &v, &n), EOPNOTSUPP);
	ck_fails(getsockopt(a, SOL_SOCKET, 999, &v, &n), ENOPROTOOPT);
	ck_fails(getsockopt(a, SOL_SOCKET, SO_TYPE, (void *)8, &n), EFAULT);
	ck_fails(getsockopt(a, SOL_SOCKET, SO_TYPE, &v, (void *)8), EFAULT);
	n = (socklen_t)-1;
	ck_fails(getsockopt(a, SOL_SOCKET, SO_TYPE, &v, &n), EINVAL);
}
END_TEST

START_TEST(a_socket_is_a_file)
{
	char link[64], path[32];
	struct statfs sf;
	struct stat st;
	long n;

	ck_ok(fstat(a, &st));
	ck_assert_int_eq(st.st_mode, S_IFSOCK | 0777);
	ck_assert_int_eq(st.st_nlink, 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", a);
	n = ck_ok(readlink(path, link, sizeof(link) - 1));
	link[n] = 0;
	snprintf(path, sizeof(path), "socket:[%lu]", (unsigned long)st.st_ino);
	ck_assert_str_eq(link, path);
	ck_ok(fstatfs(a, &sf));
	ck_assert_int_eq(sf.f_type, 0x534f434b);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", a);
	ck_fails(open(path, O_RDWR), ENXIO);
	ck_fails(ftruncate(a, 0), EINVAL);
	ck_fails(fsync(a), EINVAL);
}
END_TEST

static volatile sig_atomic_t sigio;
static void on_sigio(int s) { sigio = s; }

START_TEST(signal_driven)
{
	struct sigaction sa = { .sa_handler = on_sigio };

	ck_ok(sigaction(SIGIO, &sa, NULL));
	ck_ok(fcntl(b, F_SETOWN, getpid()));
	ck_ok(fcntl(b, F_SETFL, O_ASYNC));
	ck_assert_int_eq(sigio, 0);
	ck_assert_int_eq(send_to(a, 'b', "x", 1, 0), 1);
	for (int i = 0; i < 100 && sigio == 0; i++)
		usleep(1000);
	ck_assert_int_eq(sigio, SIGIO);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("unix_dgram");
	TCase *d = tcase_create("datagrams"), *o = tcase_create("sockets");

	tcase_add_checked_fixture(d, open_two, close_two);
	tcase_add_test(d, datagrams_have_a_sender);
	tcase_add_test(d, connected_datagrams);
	tcase_add_test(d, reconnecting_loses_and_tells);
	tcase_add_test(d, a_full_receiver);
	tcase_add_test(d, sizes_and_shutdown);
	tcase_add_test(d, to_oneself);
	tcase_add_test(d, many_at_once);
	tcase_add_test(d, pairs);
	tcase_set_timeout(d, 20);
	tcase_add_checked_fixture(o, open_two, close_two);
	tcase_add_test(o, kinds_that_are_not_there);
	tcase_add_test(o, what_is_no_socket);
	tcase_add_test(o, addresses_that_are_none);
	tcase_add_test(o, options);
	tcase_add_test(o, options_that_are_wrong);
	tcase_add_test(o, a_socket_is_a_file);
	tcase_add_test(o, signal_driven);
	suite_add_tcase(suite, d);
	suite_add_tcase(suite, o);
	return guest_run(suite);
}
