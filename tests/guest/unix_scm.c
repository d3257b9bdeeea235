/* SPDX-License-Identifier: BSD-2-Clause */
/* Control messages of Unix sockets: descriptors (SCM_RIGHTS), credentials (SCM_CREDENTIALS), and sockets that only each other hold. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "guest.h"

static int s[2];

static void open_pair(void) { ck_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, s)); }
static void close_pair(void) { close(s[0]); close(s[1]); }

/* One message of a byte (or of the n bytes) with control data of a kind. */
static long
send_control(int fd, const char *data, size_t n, int type, const void *control, size_t len)
{
	union { struct cmsghdr h; char raw[CMSG_SPACE(2048)]; } c;
	struct iovec iov = { (char *)data, n };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = CMSG_SPACE(len) };

	memset(&c, 0, sizeof(c));
	c.h.cmsg_len = CMSG_LEN(len);
	c.h.cmsg_level = SOL_SOCKET;
	c.h.cmsg_type = type;
	memcpy(CMSG_DATA(&c.h), control, len);
	return syscall(SYS_sendmsg, fd, &h, MSG_DONTWAIT);	/* the C library's stops at 1 KiB of control data */
}

static long send_fds(int fd, const int *fds, int n) { return send_control(fd, "f", 1, SCM_RIGHTS, fds, (size_t)n * sizeof(int)); }

struct received { long n; int flags, count, fds[300]; struct ucred cred; int has_cred; char data[16]; size_t controllen; };

static struct received
receive(int fd, size_t want, size_t room, int flags)
{
	static char control[4096] __attribute__((aligned(8)));
	struct received r = { 0 };
	struct iovec iov = { r.data, want };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room ? control : NULL, .msg_controllen = room };

	memset(control, 0xff, sizeof(control));
	r.n = recvmsg(fd, &h, flags);
	r.flags = h.msg_flags;
	r.controllen = h.msg_controllen;
	if (r.n < 0)
		return r;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c != NULL; c = CMSG_NXTHDR(&h, c)) {
		ck_assert_int_eq(c->cmsg_level, SOL_SOCKET);
		if (c->cmsg_type == SCM_RIGHTS) {
			r.count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(r.fds, CMSG_DATA(c), (size_t)r.count * sizeof(int));
		} else if (c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&r.cred, CMSG_DATA(c), sizeof(r.cred));
			r.has_cred = 1;
		}
	}
	return r;
}

static int
open_fds(void)
{
	int n = 0;

	for (int i = 0; i < 1024; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

/* --- descriptors --- */

START_TEST(a_descriptor_travels)
{
	struct received r;
	int p[2], had;
	char c;

	ck_ok(pipe(p));
	ck_assert_int_eq(send_fds(s[0], &p[0], 1), 1);
	close(p[0]);
	had = open_fds();
	ck_assert_int_eq(write(p[1], "z", 1), 1);	/* still open, on its way */
	r = receive(s[1], 1, 64, MSG_CMSG_CLOEXEC);
	ck_assert_int_eq(r.n, 1);
	ck_assert_int_eq(r.count, 1);
	ck_assert_int_eq(r.flags & MSG_CTRUNC, 0);
	ck_assert_int_eq(fcntl(r.fds[0], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(open_fds(), had + 1);
	ck_assert_int_eq(read(r.fds[0], &c, 1), 1);
	ck_assert_int_eq(c, 'z');
	close(r.fds[0]);
	close(p[1]);
}
END_TEST

START_TEST(the_offset_is_shared)
{
	int fd = ck_ok(open("/tmp/unix_scm.file", O_RDWR | O_CREAT | O_TRUNC, 0600));
	struct received r;

	ck_assert_int_eq(write(fd, "abcdef", 6), 6);
	ck_assert_int_eq(send_fds(s[0], &fd, 1), 1);
	r = receive(s[1], 1, 64, 0);
	ck_assert_int_eq(r.count, 1);
	ck_ok(lseek(fd, 2, SEEK_SET));
	ck_assert_int_eq(lseek(r.fds[0], 0, SEEK_CUR), 2);
	close(fd);
	close(r.fds[0]);
	unlink("/tmp/unix_scm.file");
}
END_TEST

START_TEST(many_and_too_many)
{
	int fds[254], had;
	struct received r;

	for (int i = 0; i < 254; i++)
		fds[i] = s[1];
	ck_fails(send_fds(s[0], fds, 254), EINVAL);
	ck_assert_int_eq(send_fds(s[0], fds, 253), 1);
	had = open_fds();
	r = receive(s[1], 1, 4096, 0);
	ck_assert_int_eq(r.count, 253);
	ck_assert_int_eq(open_fds(), had + 253);
	for (int i = 0; i < 253; i++)
		close(r.fds[i]);
	fds[1] = 999;
	ck_fails(send_fds(s[0], fds, 2), EBADF);
	ck_fails(receive(s[1], 1, 64, MSG_DONTWAIT).n, EAGAIN);
}
END_TEST

START_TEST(no_room_for_them)
{
	int fds[3] = { s[0], s[0], s[0] }, had = open_fds();
	struct received r;

	ck_assert_int_eq(send_fds(s[0], fds, 3), 1);
	r = receive(s[1], 1, CMSG_LEN(2 * sizeof(int)), 0);
	ck_assert_int_eq(r.count, 2);
	ck_assert_int_eq(r.flags & MSG_CTRUNC, MSG_CTRUNC);
	close(r.fds[0]);
	close(r.fds[1]);
	ck_assert_int_eq(send_fds(s[0], fds, 3), 1);
	r = receive(s[1], 1, 0, 0);
	ck_assert_int_eq(r.n, 1);
	ck_assert_int_eq(r.flags & MSG_CTRUNC, MSG_CTRUNC);
	ck_assert_int_eq(open_fds(), had);
	ck_assert_int_eq(send_fds(s[0], fds, 3), 1);
	ck_assert_int_eq(read(s[1], r.data, 1), 1);
	ck_assert_int_eq(open_fds(), had);
}
END_TEST

START_TEST(the_descriptor_limit)
{
	int fds[4] = { s[0], s[0], s[0], s[0] };
	struct rlimit old, l;
	struct received r;

	ck_ok(getrlimit(RLIMIT_NOFILE, &old));
	ck_assert_int_eq(send_fds(s[0], fds, 4), 1);
	l = (struct rlimit){ (rlim_t)s[1] + 3, old.rlim_max };
	ck_ok(setrlimit(RLIMIT_NOFILE, &l));
	r = receive(s[1], 1, 256, 0);
	ck_ok(setrlimit(RLIMIT_NOFILE, &old));
	ck_assert_int_eq(r.count, 2);
	ck_assert_int_eq(r.flags & MSG_CTRUNC, MSG_CTRUNC);
	close(r.fds[0]);
	close(r.fds[1]);
}
END_TEST

START_TEST(a_read_stops_at_descriptors)
{
	struct received r;

	ck_assert_int_eq(write(s[0], "abc", 3), 3);
	ck_assert_int_eq(send_fds(s[0], &s[0], 1), 1);
	ck_assert_int_eq(write(s[0], "def", 3), 3);
	r = receive(s[1], 16, 64, 0);
	ck_assert_int_eq(r.n, 4);
	ck_assert_int_eq(r.count, 1);
	close(r.fds[0]);
	r = receive(s[1], 16, 64, 0);
	ck_assert_int_eq(r.n, 3);
	ck_assert_int_eq(r.controllen, 0);
}
END_TEST

START_TEST(peek_gives_descriptors_of_its_own)
{
	struct received r, again;

	ck_assert_int_eq(send_fds(s[0], &s[0], 1), 1);
	r = receive(s[1], 1, 64, MSG_PEEK);
	ck_assert_int_eq(r.count, 1);
	again = receive(s[1], 1, 64, 0);
	ck_assert_int_eq(again.count, 1);
	ck_assert_int_ne(r.fds[0], again.fds[0]);
	close(r.fds[0]);
	close(again.fds[0]);
}
END_TEST

START_TEST(bad_control_messages)
{
	struct iovec iov = { "x", 1 };
	struct cmsghdr c[4] = { { .cmsg_len = 8, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof(c[0]) };

	ck_fails(sendmsg(s[0], &h, 0), EINVAL);
	c[0].cmsg_len = 1000;
	ck_fails(sendmsg(s[0], &h, 0), EINVAL);
	c[0].cmsg_len = sizeof(c[0]);
	c[0].cmsg_type = 77;
	ck_fails(sendmsg(s[0], &h, 0), EINVAL);
	c[0].cmsg_level = 12345;
	ck_assert_int_eq(sendmsg(s[0], &h, 0), 1);		/* other levels are not ours */
	h.msg_control = malloc(1 << 20);
	memset(h.msg_control, 0, 1 << 20);
	h.msg_controllen = 1 << 20;
	ck_fails(syscall(SYS_sendmsg, s[0], &h, 0), ENOBUFS);
	free(h.msg_control);
}
END_TEST

/* --- credentials --- */

START_TEST(credentials_are_told)
{
	struct received r;
	int one = 1;
	pid_t pid;

	ck_ok(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	ck_assert_int_eq(write(s[0], "a", 1), 1);
	r = receive(s[1], 4, 64, 0);
	ck_assert_int_eq(r.has_cred, 1);
	ck_assert_int_eq(r.cred.pid, getpid());
	ck_assert_int_eq(r.cred.uid, 0);
	pid = ck_ok(fork());
	if (pid == 0) {
		if (setresgid(2000, 2001, 2002) != 0 || setresuid(1000, 1001, 1002) != 0)
			_exit(2);
		_exit(write(s[0], "b", 1) != 1);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(write(s[0], "c", 1), 1);
	r = receive(s[1], 4, 64, 0);		/* not over the border of senders */
	ck_assert_int_eq(r.n, 1);
	ck_assert_int_eq(r.cred.uid, 1000);
	ck_assert_int_eq(r.cred.gid, 2000);
	r = receive(s[1], 4, 64, 0);
	ck_assert_int_eq(r.cred.pid, getpid());
	ck_assert_int_eq(write(s[0], "d", 1), 1);
	r = receive(s[1], 4, 0, 0);
	ck_assert_int_eq(r.flags & MSG_CTRUNC, MSG_CTRUNC);
}
END_TEST

START_TEST(nobody_asked_in_time)
{
	struct received r;
	int one = 1;

	ck_assert_int_eq(write(s[0], "a", 1), 1);
	ck_ok(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	r = receive(s[1], 4, 64, 0);
	ck_assert_int_eq(r.has_cred, 1);
	ck_assert_int_eq(r.cred.pid, 0);
	ck_assert_int_eq(r.cred.uid, 65534);
}
END_TEST

START_TEST(credentials_must_be_true)
{
	struct ucred u = { getpid(), 0, 0 };
	struct received r;
	int one = 1, status;
	pid_t pid;

	ck_ok(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	u.uid = 1234;
	ck_assert_int_eq(send_control(s[0], "x", 1, SCM_CREDENTIALS, &u, sizeof(u)), 1);	/* root may say anything */
	r = receive(s[1], 4, 64, 0);
	ck_assert_int_eq(r.cred.uid, 1234);
	u.pid = 999999;
	ck_fails(send_control(s[0], "x", 1, SCM_CREDENTIALS, &u, sizeof(u)), ESRCH);
	ck_fails(send_control(s[0], "x", 1, SCM_CREDENTIALS, &u, 4), EINVAL);
	pid = ck_ok(fork());
	if (pid == 0) {
		if (setresuid(1000, 1000, 1000) != 0)
			_exit(2);
		u = (struct ucred){ getpid(), 1000, 0 };
		if (send_control(s[0], "x", 1, SCM_CREDENTIALS, &u, sizeof(u)) != 1)
			_exit(3);
		u.uid = 0;
		if (send_control(s[0], "x", 1, SCM_CREDENTIALS, &u, sizeof(u)) != -1 || errno != EPERM)
			_exit(4);
		u = (struct ucred){ 1, 1000, 0 };
		_exit(send_control(s[0], "x", 1, SCM_CREDENTIALS, &u, sizeof(u)) != -1 || errno != EPERM);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* --- what holds itself --- */

/* The write end of a pipe is packed away; the read end tells when it is gone. */
static int
canary(int *end)
{
	int p[2];

	ck_ok(pipe2(p, O_NONBLOCK));
	*end = p[1];
	return p[0];
}

static void
gone(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	ck_assert_int_eq(poll(&p, 1, 5000), 1);
	ck_assert_int_eq(p.revents & POLLHUP, POLLHUP);
	close(fd);
}

static void
still_there(int fd)
{
	ck_assert_int_eq(poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 20), 0);
}

START_TEST(closed_with_descriptors_inside)
{
	int end, fd = canary(&end);

	ck_assert_int_eq(send_fds(s[0], &end, 1), 1);
	close(end);
	still_there(fd);
	close(s[1]);
	gone(fd);
	s[1] = dup(s[0]);
}
END_TEST

START_TEST(a_cycle_is_collected)
{
	int end, fd = canary(&end), t[2];

	ck_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, t));
	ck_assert_int_eq(send_fds(t[0], &end, 1), 1);
	ck_assert_int_eq(send_fds(t[0], &t[1], 1), 1);		/* t[1] in its own queue */
	ck_assert_int_eq(send_fds(t[1], &t[0], 1), 1);
	close(end);
	close(t[0]);
	close(t[1]);
	close(ck_ok(socket(AF_UNIX, SOCK_DGRAM, 0)));		/* closing a socket looks for them */
	gone(fd);
}
END_TEST

START_TEST(a_cycle_that_can_be_read_stays)
{
	int end, fd = canary(&end), t[2];
	struct received r;

	ck_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, t));
	ck_assert_int_eq(send_fds(t[0], &end, 1), 1);
	ck_assert_int_eq(send_fds(t[0], &t[1], 1), 1);
	ck_assert_int_eq(send_fds(s[0], &t[1], 1), 1);		/* and one way out of it */
	close(end);
	close(t[0]);
	close(t[1]);
	close(ck_ok(socket(AF_UNIX, SOCK_DGRAM, 0)));
	still_there(fd);
	r = receive(s[1], 1, 64, 0);
	ck_assert_int_eq(r.count, 1);
	close(ck_ok(socket(AF_UNIX, SOCK_DGRAM, 0)));
	still_there(fd);
	close(r.fds[0]);
	close(ck_ok(socket(AF_UNIX, SOCK_DGRAM, 0)));
	gone(fd);
}
END_TEST

START_TEST(a_listener_in_a_cycle)
{
	struct sockaddr_un n = { .sun_family = AF_UNIX, .sun_path = "\0cycle" };
	int end, fd = canary(&end), l = ck_ok(socket(AF_UNIX, SOCK_STREAM, 0)), c = ck_ok(socket(AF_UNIX, SOCK_STREAM, 0));

	ck_ok(bind(l, (void *)&n, 8));
	ck_ok(listen(l, 4));
	ck_ok(connect(c, (void *)&n, 8));
	ck_assert_int_eq(send_fds(c, &end, 1), 1);		/* waits at a connection that nobody accepted */
	ck_assert_int_eq(send_fds(c, &l, 1), 1);
	close(end);
	close(c);
	still_there(fd);
	close(l);
	close(ck_ok(socket(AF_UNIX, SOCK_DGRAM, 0)));
	gone(fd);
}
END_TEST

START_TEST(packed_very_deep)
{
	int end, fd = canary(&end), inner = end, t[2];

	for (int i = 0; i < 2000; i++) {
		ck_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, t));
		ck_assert_int_eq(send_fds(t[0], &inner, 1), 1);
		close(inner);
		close(t[0]);
		inner = t[1];
	}
	still_there(fd);
	close(inner);
	gone(fd);
}
END_TEST

START_TEST(too_many_on_their_way)
{
	int fds[100], status;
	struct rlimit l = { 200, 200 };
	pid_t pid = ck_ok(fork());

	if (pid == 0) {
		int t[2], n = 0;

		if (setrlimit(RLIMIT_NOFILE, &l) != 0 || setresuid(1000, 1000, 1000) != 0)
			_exit(2);
		for (int i = 0; i < 100; i++)
			fds[i] = s[0];
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, t) != 0)
			_exit(3);
		while (n < 100 && send_fds(t[0], fds, 100) == 1)
			n++;
		_exit(errno == ETOOMANYREFS && n == 3 ? 0 : n + 10);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("unix_scm");
	TCase *f = tcase_create("descriptors"), *c = tcase_create("credentials"), *g = tcase_create("cycles");

	tcase_add_checked_fixture(f, open_pair, close_pair);
	tcase_add_test(f, a_descriptor_travels);
	tcase_add_test(f, the_offset_is_shared);
	tcase_add_test(f, many_and_too_many);
	tcase_add_test(f, no_room_for_them);
	tcase_add_test(f, the_descriptor_limit);
	tcase_add_test(f, a_read_stops_at_descriptors);
	tcase_add_test(f, peek_gives_descriptors_of_its_own);
	tcase_add_test(f, bad_control_messages);
	tcase_add_checked_fixture(c, open_pair, close_pair);
	tcase_add_test(c, credentials_are_told);
	tcase_add_test(c, nobody_asked_in_time);
	tcase_add_test(c, credentials_must_be_true);
	tcase_add_checked_fixture(g, open_pair, close_pair);
	tcase_add_test(g, closed_with_descriptors_inside);
	tcase_add_test(g, a_cycle_is_collected);
	tcase_add_test(g, a_cycle_that_can_be_read_stays);
	tcase_add_test(g, a_listener_in_a_cycle);
	tcase_add_test(g, packed_very_deep);
	tcase_add_test(g, too_many_on_their_way);
	tcase_set_timeout(g, 30);
	suite_add_tcase(suite, f);
	suite_add_tcase(suite, c);
	suite_add_tcase(suite, g);
	return guest_run(suite);
}
