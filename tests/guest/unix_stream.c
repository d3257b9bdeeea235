/* SPDX-License-Identifier: BSD-2-Clause */
/* Unix stream and sequenced-packet sockets: unix(7), socketpair(2), connect(2), accept(2), shutdown(2), recv(2), send(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "guest.h"

#define PATH	"/tmp/unix_stream.sock"

static int s[2];

static void open_pair(void) { ck_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, s)); }
static void close_pair(void) { close(s[0]); close(s[1]); }

static struct sockaddr_un
address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strcpy(a.sun_path, path);
	return a;
}

static int
listener(int type, const char *path, int backlog)
{
	struct sockaddr_un a = address(path);
	int fd = ck_ok(socket(AF_UNIX, type, 0));

	unlink(path);
	ck_ok(bind(fd, (void *)&a, sizeof(a)));
	ck_ok(listen(fd, backlog));
	return fd;
}

static int
client(int type, const char *path, int flags)
{
	struct sockaddr_un a = address(path);
	int fd = ck_ok(socket(AF_UNIX, type | flags, 0));

	if (connect(fd, (void *)&a, sizeof(a)) != 0) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

static short
ready(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP | POLLPRI, 0 };

	ck_ok(poll(&p, 1, 0));
	return p.revents;
}

static int
option(int fd, int name)
{
	int v = -1;
	socklen_t n = sizeof(v);

	ck_ok(getsockopt(fd, SOL_SOCKET, name, &v, &n));
	return v;
}

/* --- bytes --- */

START_TEST(bytes_go_both_ways)
{
	char buf[16];

	ck_assert_int_eq(write(s[0], "hello", 5), 5);
	ck_assert_int_eq(write(s[0], "world", 5), 5);
	ck_assert_int_eq(read(s[1], buf, 7), 7);
	ck_assert_mem_eq(buf, "hellowo", 7);
	ck_assert_int_eq(send(s[1], "back", 4, 0), 4);
	ck_assert_int_eq(recv(s[0], buf, 16, 0), 4);
	ck_assert_int_eq(read(s[1], buf, 16), 3);
	ck_fails(recv(s[1], buf, 1, MSG_DONTWAIT), EAGAIN);
	ck_assert_int_eq(write(s[0], "", 0), 0);
	ck_fails(recv(s[1], buf, 1, MSG_DONTWAIT), EAGAIN);
	ck_assert_int_eq(read(s[1], buf, 0), 0);
}
END_TEST

START_TEST(vectors_and_counts)
{
	char a[3], b[4];
	struct iovec out[2] = { { "abc", 3 }, { "defg", 4 } }, in[2] = { { a, 3 }, { b, 4 } };
	int n;

	ck_assert_int_eq(writev(s[0], out, 2), 7);
	ck_ok(ioctl(s[1], FIONREAD, &n));
	ck_assert_int_eq(n, 7);
	ck_assert_int_eq(readv(s[1], in, 2), 7);
	ck_assert_mem_eq(b, "defg", 4);
	ck_ok(ioctl(s[1], FIONREAD, &n));
	ck_assert_int_eq(n, 0);
}
END_TEST

START_TEST(peek_leaves_the_data)
{
	char buf[16];

	ck_assert_int_eq(write(s[0], "abc", 3), 3);
	ck_assert_int_eq(write(s[0], "def", 3), 3);
	ck_assert_int_eq(recv(s[1], buf, 5, MSG_PEEK), 5);
	ck_assert_mem_eq(buf, "abcde", 5);
	ck_assert_int_eq(recv(s[1], buf, 16, 0), 6);
	ck_assert_mem_eq(buf, "abcdef", 6);
}
END_TEST

START_TEST(peek_at_an_offset)
{
	char buf[16];
	int off = 2;

	ck_assert_int_eq(write(s[0], "abcdefgh", 8), 8);
	ck_assert_int_eq(option(s[1], SO_PEEK_OFF), -1);
	ck_ok(setsockopt(s[1], SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off)));
	ck_assert_int_eq(recv(s[1], buf, 2, MSG_PEEK), 2);
	ck_assert_mem_eq(buf, "cd", 2);
	ck_assert_int_eq(recv(s[1], buf, 2, MSG_PEEK), 2);
	ck_assert_mem_eq(buf, "ef", 2);
	ck_assert_int_eq(option(s[1], SO_PEEK_OFF), 6);
	ck_assert_int_eq(read(s[1], buf, 3), 3);
	ck_assert_mem_eq(buf, "abc", 3);
	ck_assert_int_eq(option(s[1], SO_PEEK_OFF), 3);
	ck_assert_int_eq(recv(s[1], buf, 8, MSG_PEEK), 2);
	ck_assert_mem_eq(buf, "gh", 2);
}
END_TEST

static void *
write_two_parts(void *arg)
{
	int fd = *(int *)arg;

	usleep(30000);
	if (write(fd, "abc", 3) != 3)
		abort();
	usleep(30000);
	if (write(fd, "def", 3) != 3)
		abort();
	return NULL;
}

START_TEST(waitall_waits_for_all)
{
	char buf[6];
	pthread_t t;

	ck_assert_int_eq(pthread_create(&t, NULL, write_two_parts, &s[0]), 0);
	ck_assert_int_eq(recv(s[1], buf, 6, MSG_WAITALL), 6);
	ck_assert_mem_eq(buf, "abcdef", 6);
	pthread_join(t, NULL);
}
END_TEST

START_TEST(low_water_mark)
{
	int n = 5;
	char buf[6];
	pthread_t t;

	ck_ok(setsockopt(s[1], SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n)));
	ck_assert_int_eq(pthread_create(&t, NULL, write_two_parts, &s[0]), 0);
	ck_assert_int_eq(recv(s[1], buf, 6, 0), 6);
	pthread_join(t, NULL);
}
END_TEST

START_TEST(a_full_buffer_stops_the_writer)
{
	static char block[4096];
	long total = 0, n;
	pid_t pid;

	ck_ok(fcntl(s[0], F_SETFL, O_NONBLOCK));
	while ((n = write(s[0], block, sizeof(block))) > 0)
		total += n;
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_ge(total, 65536);
	ck_assert_int_eq(ready(s[0]) & POLLOUT, 0);
	ck_ok(fcntl(s[0], F_SETFL, 0));
	pid = ck_ok(fork());
	if (pid == 0)
		_exit(write(s[0], block, sizeof(block)) == sizeof(block) ? 0 : 1);
	usleep(30000);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	while (total > 0 && (n = read(s[1], block, sizeof(block))) > 0)
		total -= n;
	ck_assert_int_eq(waitpid(pid, &(int){ 0 }, 0), pid);
	while (recv(s[1], block, sizeof(block), MSG_DONTWAIT) > 0)
		;
	ck_assert_int_eq(ready(s[0]), POLLOUT);
}
END_TEST

START_TEST(large_transfer_is_right)
{
	enum { SIZE = 3 << 20 };
	unsigned char *buf = malloc(65536);
	unsigned int at = 0, x = 1, wrong = 0;
	long n;
	pid_t pid = ck_ok(fork());

	if (pid == 0) {
		unsigned char *out = malloc(SIZE);

		for (int i = 0; i < SIZE; i++)
			out[i] = (unsigned char)((x = x * 1103515245 + 12345) >> 16);
		for (at = 0; at < SIZE && (n = write(s[0], out + at, SIZE - at < 100000 ? SIZE - at : 100000)) > 0; at += (unsigned int)n)
			;
		_exit(at != SIZE);
	}
	close(s[0]);
	while ((n = read(s[1], buf, 65536)) > 0) {
		for (int i = 0; i < n; i++)
			wrong += buf[i] != (unsigned char)((x = x * 1103515245 + 12345) >> 16);
		at += (unsigned int)n;
	}
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(at, SIZE);
	ck_assert_int_eq(wrong, 0);
	ck_assert_int_eq(waitpid(pid, &(int){ 0 }, 0), pid);
	s[0] = dup(s[1]);
}
END_TEST

/* --- the end of a connection --- */

START_TEST(end_of_file_and_broken_pipe)
{
	char c;

	ck_assert_int_eq(write(s[0], "x", 1), 1);
	close(s[0]);
	ck_assert_int_eq(ready(s[1]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
	ck_assert_int_eq(read(s[1], &c, 1), 1);
	ck_assert_int_eq(read(s[1], &c, 1), 0);
	ck_fails(send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	signal(SIGPIPE, SIG_IGN);
	ck_fails(write(s[1], "x", 1), EPIPE);
	s[0] = dup(s[1]);
}
END_TEST

START_TEST(sigpipe_kills)
{
	int status;
	pid_t pid = ck_ok(fork());

	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		close(s[0]);
		_exit(write(s[1], "x", 1) == 1);
	}
	close(s[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
	s[0] = dup(s[1]);
}
END_TEST

START_TEST(unread_data_resets)
{
	char c;

	ck_assert_int_eq(write(s[0], "x", 1), 1);
	close(s[1]);
	ck_fails(read(s[0], &c, 1), ECONNRESET);
	ck_assert_int_eq(read(s[0], &c, 1), 0);
	s[1] = dup(s[0]);
}
END_TEST

START_TEST(shutdown_of_each_direction)
{
	char c;

	ck_fails(shutdown(s[0], 3), EINVAL);
	ck_assert_int_eq(write(s[0], "x", 1), 1);
	ck_ok(shutdown(s[0], SHUT_WR));
	ck_fails(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	ck_assert_int_eq(ready(s[1]), POLLIN | POLLOUT | POLLRDHUP);
	ck_assert_int_eq(read(s[1], &c, 1), 1);
	ck_assert_int_eq(read(s[1], &c, 1), 0);
	ck_assert_int_eq(write(s[1], "y", 1), 1);
	ck_assert_int_eq(read(s[0], &c, 1), 1);
	ck_ok(shutdown(s[0], SHUT_RD));
	ck_assert_int_eq(read(s[0], &c, 1), 0);
	ck_fails(send(s[1], "y", 1, MSG_NOSIGNAL), EPIPE);
	ck_assert_int_eq(ready(s[0]) & (POLLHUP | POLLRDHUP), POLLHUP | POLLRDHUP);
}
END_TEST

static void *
close_later(void *arg)
{
	usleep(50000);
	close(*(int *)arg);
	return NULL;
}

START_TEST(a_sleeping_reader_sees_the_close)
{
	pthread_t t;
	char c;

	ck_assert_int_eq(pthread_create(&t, NULL, close_later, &s[0]), 0);
	ck_assert_int_eq(read(s[1], &c, 1), 0);
	pthread_join(t, NULL);
	s[0] = dup(s[1]);
}
END_TEST

/* --- connections --- */

START_TEST(connect_and_accept)
{
	int l = listener(SOCK_STREAM, PATH, 5), c, a;
	struct sockaddr_un name;
	socklen_t n = sizeof(name);
	struct stat st;
	char buf[4];

	ck_ok(stat(PATH, &st));
	ck_assert(S_ISSOCK(st.st_mode));
	ck_fails(open(PATH, O_RDWR), ENXIO);
	ck_assert_int_eq(option(l, SO_ACCEPTCONN), 1);
	ck_assert_int_eq(ready(l), 0);
	c = ck_ok(client(SOCK_STREAM, PATH, 0));
	ck_assert_int_eq(ready(l), POLLIN);
	ck_assert_int_eq(write(c, "hi", 2), 2);
	a = ck_ok(accept(l, (void *)&name, &n));
	ck_assert_int_eq(n, 2);			/* the client has no name */
	n = sizeof(name);
	ck_ok(getpeername(c, (void *)&name, &n));
	ck_assert_int_eq(n, offsetof(struct sockaddr_un, sun_path) + strlen(PATH) + 1);
	ck_assert_str_eq(name.sun_path, PATH);
	n = sizeof(name);
	ck_ok(getsockname(a, (void *)&name, &n));
	ck_assert_str_eq(name.sun_path, PATH);
	ck_assert_int_eq(read(a, buf, 4), 2);
	ck_assert_int_eq(write(a, "yo", 2), 2);
	ck_assert_int_eq(read(c, buf, 4), 2);
	ck_fails(connect(c, (void *)&name, n), EISCONN);
	ck_assert_int_eq(option(a, SO_ACCEPTCONN), 0);
	close(a);
	close(c);
	close(l);
	ck_fails(client(SOCK_STREAM, PATH, 0), ECONNREFUSED);
	unlink(PATH);
	ck_fails(client(SOCK_STREAM, PATH, 0), ENOENT);
}
END_TEST

START_TEST(errors_of_names)
{
	struct sockaddr_un a = address(PATH);
	int fd = ck_ok(socket(AF_UNIX, SOCK_STREAM, 0)), l, fd2 = ck_ok(socket(AF_UNIX, SOCK_STREAM, 0));

	ck_fails(listen(fd, 1), EINVAL);
	ck_fails(accept(fd, NULL, NULL), EINVAL);
	ck_fails(bind(fd, (void *)&a, 1), EINVAL);
	ck_fails(bind(fd, (void *)&a, 200), EINVAL);
	ck_fails(bind(fd, (void *)&a, sizeof(a) + 1), EINVAL);
	ck_fails(bind(fd, (void *)1, sizeof(a)), EFAULT);
	a.sun_family = AF_INET;
	ck_fails(bind(fd, (void *)&a, sizeof(a)), EINVAL);
	ck_fails(connect(fd, (void *)&a, sizeof(a)), EINVAL);
	unlink(PATH);
	l = listener(SOCK_STREAM, PATH, 1);
	a = address(PATH);
	ck_fails(bind(fd, (void *)&a, sizeof(a)), EADDRINUSE);
	ck_fails(client(SOCK_SEQPACKET, PATH, 0), EPROTOTYPE);
	ck_fails(client(SOCK_DGRAM, PATH, 0), EPROTOTYPE);
	ck_fails(connect(l, (void *)&a, sizeof(a)), EINVAL);
	a = address("/tmp/unix_stream.none/x");
	ck_fails(bind(fd, (void *)&a, sizeof(a)), ENOENT);
	a = address("/tmp");
	ck_fails(connect(fd, (void *)&a, sizeof(a)), ECONNREFUSED);
	ck_fails(send(fd, "x", 1, MSG_NOSIGNAL), ENOTCONN);
	ck_fails(recv(fd, &a, 1, 0), EINVAL);
	ck_fails(getpeername(fd, (void *)&a, &(socklen_t){ sizeof(a) }), ENOTCONN);
	ck_assert_int_eq(ready(fd), POLLOUT | POLLHUP);
	a = address("/tmp/unix_stream.two");
	unlink(a.sun_path);
	ck_ok(bind(fd2, (void *)&a, sizeof(a)));
	ck_fails(bind(fd2, (void *)&a, sizeof(a)), EADDRINUSE);
	unlink(a.sun_path);
	ck_fails(bind(fd2, (void *)&a, sizeof(a)), EINVAL);
	ck_fails(access(a.sun_path, F_OK), ENOENT);
	unlink(PATH);
	close(l);
	close(fd);
	close(fd2);
}
END_TEST

START_TEST(permission_to_connect)
{
	int l = listener(SOCK_STREAM, PATH, 1), status;
	pid_t pid;

	ck_ok(chmod(PATH, 0755));
	pid = ck_ok(fork());
	if (pid == 0) {
		if (setresuid(1000, 1000, 1000) != 0)
			_exit(2);
		_exit(client(SOCK_STREAM, PATH, 0) == -1 && errno == EACCES ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	close(l);
	unlink(PATH);
}
END_TEST

START_TEST(abstract_names)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "\0abc\0def" }, got;
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 8, n;
	int l = ck_ok(socket(AF_UNIX, SOCK_STREAM, 0)), c = ck_ok(socket(AF_UNIX, SOCK_STREAM, 0)), d = ck_ok(socket(AF_UNIX, SOCK_STREAM, 0));

	ck_ok(bind(l, (void *)&a, len));
	ck_fails(bind(d, (void *)&a, len), EADDRINUSE);
	ck_ok(listen(l, 1));
	ck_fails(connect(c, (void *)&a, len - 1), ECONNREFUSED);
	ck_ok(connect(c, (void *)&a, len));
	n = sizeof(got);
	ck_ok(getpeername(c, (void *)&got, &n));
	ck_assert_int_eq(n, len);
	ck_assert_mem_eq(&got, &a, len);
	close(l);
	ck_ok(bind(d, (void *)&a, len));	/* free again */
	close(c);
	close(d);
}
END_TEST

START_TEST(autobind_gives_a_name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t n = sizeof(a);
	int fd = ck_ok(socket(AF_UNIX, SOCK_STREAM, 0));

	ck_ok(bind(fd, (void *)&a, sizeof(sa_family_t)));
	ck_ok(getsockname(fd, (void *)&a, &n));
	ck_assert_int_eq(n, 8);
	ck_assert_int_eq(a.sun_path[0], 0);
	for (int i = 1; i < 6; i++)
		ck_assert_ptr_nonnull(strchr("0123456789abcdef", a.sun_path[i]));
	close(fd);
}
END_TEST

START_TEST(the_backlog_is_a_limit)
{
	int l = listener(SOCK_STREAM, PATH, 1), c[3], a;
	struct timeval tv = { 0, 30000 };
	struct sockaddr_un name = address(PATH);
	pid_t pid;

	for (int i = 0; i < 2; i++)
		c[i] = ck_ok(client(SOCK_STREAM, PATH, SOCK_NONBLOCK));
	ck_fails(client(SOCK_STREAM, PATH, SOCK_NONBLOCK), EAGAIN);
	c[2] = ck_ok(socket(AF_UNIX, SOCK_STREAM, 0));
	ck_ok(setsockopt(c[2], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	ck_fails(connect(c[2], (void *)&name, sizeof(name)), EAGAIN);
	pid = ck_ok(fork());
	if (pid == 0)
		_exit(client(SOCK_STREAM, PATH, 0) < 0);
	usleep(30000);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	a = ck_ok(accept4(l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
	ck_assert_int_eq(fcntl(a, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(a, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(waitpid(pid, &(int){ 0 }, 0), pid);
	for (int i = 0; i < 3; i++)
		close(c[i]);
	close(a);
	close(l);
	unlink(PATH);
}
END_TEST

START_TEST(closing_the_listener_resets_who_waits)
{
	int l = listener(SOCK_STREAM, PATH, 5), c = ck_ok(client(SOCK_STREAM, PATH, 0));
	char b;

	close(l);
	ck_fails(read(c, &b, 1), ECONNRESET);
	close(c);
	unlink(PATH);
}
END_TEST

START_TEST(accept_and_its_errors)
{
	int l = listener(SOCK_STREAM, PATH, 5);
	struct timeval tv = { 0, 30000 };

	ck_ok(fcntl(l, F_SETFL, O_NONBLOCK));
	ck_fails(accept(l, NULL, NULL), EAGAIN);
	ck_fails(syscall(SYS_accept4, l, NULL, NULL, 1), EINVAL);
	ck_ok(fcntl(l, F_SETFL, 0));
	ck_ok(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	ck_fails(accept(l, NULL, NULL), EAGAIN);
	ck_fails(accept(0x7fff, NULL, NULL), EBADF);
	ck_ok(shutdown(l, SHUT_RD));
	ck_fails(accept(l, NULL, NULL), EINVAL);
	ck_fails(client(SOCK_STREAM, PATH, 0), ECONNREFUSED);
	close(l);
	unlink(PATH);
}
END_TEST

START_TEST(peer_credentials)
{
	int l = listener(SOCK_STREAM, PATH, 5), status, c, a;
	struct ucred u;
	socklen_t n = sizeof(u);
	pid_t pid;

	ck_ok(chmod(PATH, 0777));
	ck_ok(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &u, &n));
	ck_assert_int_eq(u.pid, getpid());
	pid = ck_ok(fork());
	if (pid == 0) {
		if (setresgid(2000, 2001, 0) != 0 || setresuid(1000, 1001, 0) != 0)
			_exit(2);
		c = client(SOCK_STREAM, PATH, 0);
		n = sizeof(u);
		if (c < 0 || getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &n) != 0)
			_exit(3);
		_exit(u.pid == getppid() && u.uid == 0 && u.gid == 0 ? 0 : 4);
	}
	a = ck_ok(accept(l, NULL, NULL));
	n = sizeof(u);
	ck_ok(getsockopt(a, SOL_SOCKET, SO_PEERCRED, &u, &n));
	ck_assert_int_eq(u.pid, pid);
	ck_assert_int_eq(u.uid, 1001);
	ck_assert_int_eq(u.gid, 2001);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	c = ck_ok(socket(AF_UNIX, SOCK_STREAM, 0));
	n = sizeof(u);
	ck_ok(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &n));
	ck_assert_int_eq(u.pid, 0);
	ck_assert_int_eq(u.uid, (uid_t)-1);
	close(c);
	close(a);
	close(l);
	unlink(PATH);
}
END_TEST

START_TEST(proc_lists_them)
{
	int l = listener(SOCK_STREAM, PATH, 5), found = 0;
	FILE *f = fopen("/proc/net/unix", "r");
	char line[256], path[128];
	unsigned int flags, type, state;
	unsigned long ino;
	struct stat st;

	ck_ok(fstat(l, &st));
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
	ck_assert_str_eq(line, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%*x: %*x %*x %x %x %x %lu %127s", &flags, &type, &state, &ino, path) == 5 && strcmp(path, PATH) == 0) {
			found++;
			ck_assert_uint_eq(flags, 0x10000);
			ck_assert_uint_eq(type, SOCK_STREAM);
			ck_assert_uint_eq(state, 1);
			ck_assert_uint_eq(ino, st.st_ino);
		}
	}
	ck_assert_int_eq(found, 1);
	fclose(f);
	close(l);
	unlink(PATH);
}
END_TEST

START_TEST(epoll_sees_edges)
{
	int e = ck_ok(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET }, got;
	char c;

	ck_ok(epoll_ctl(e, EPOLL_CTL_ADD, s[1], &ev));
	ck_assert_int_eq(epoll_wait(e, &got, 1, 0), 0);
	ck_assert_int_eq(write(s[0], "ab", 2), 2);
	ck_assert_int_eq(epoll_wait(e, &got, 1, 1000), 1);
	ck_assert_int_eq(epoll_wait(e, &got, 1, 0), 0);
	ck_assert_int_eq(write(s[0], "c", 1), 1);
	ck_assert_int_eq(epoll_wait(e, &got, 1, 1000), 1);
	ck_assert_int_eq(read(s[1], &c, 1), 1);
	ck_ok(shutdown(s[0], SHUT_WR));
	ck_assert_int_eq(epoll_wait(e, &got, 1, 1000), 1);
	ck_assert_int_eq(got.events, EPOLLIN | EPOLLRDHUP);
	close(e);
}
END_TEST

/* --- sequenced packets --- */

START_TEST(packets_keep_their_borders)
{
	int q[2];
	char buf[8];
	struct iovec iov = { buf, 2 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	ck_ok(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, q));
	ck_assert_int_eq(write(q[0], "abc", 3), 3);
	ck_assert_int_eq(write(q[0], "de", 2), 2);
	ck_assert_int_eq(recvmsg(q[1], &h, 0), 2);
	ck_assert_int_eq(h.msg_flags & MSG_TRUNC, MSG_TRUNC);
	ck_assert_int_eq(recvmsg(q[1], &h, 0), 2);
	ck_assert_int_eq(h.msg_flags & MSG_TRUNC, 0);
	ck_assert_mem_eq(buf, "de", 2);
	ck_assert_int_eq(write(q[0], "", 0), 0);
	ck_assert_int_eq(read(q[1], buf, 8), 0);	/* an empty packet */
	close(q[0]);
	ck_assert_int_eq(read(q[1], buf, 8), 0);	/* the end */
	ck_fails(send(q[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	close(q[1]);
}
END_TEST

START_TEST(packets_over_connections)
{
	int l = listener(SOCK_SEQPACKET, PATH, 5), c, a;
	char buf[8];

	c = ck_ok(socket(AF_UNIX, SOCK_SEQPACKET, 0));
	ck_fails(send(c, "x", 1, MSG_NOSIGNAL), ENOTCONN);
	ck_fails(recv(c, buf, 1, 0), ENOTCONN);
	close(c);
	c = ck_ok(client(SOCK_SEQPACKET, PATH, 0));
	a = ck_ok(accept(l, NULL, NULL));
	ck_assert_int_eq(send(c, "one", 3, 0), 3);
	ck_assert_int_eq(send(c, "three", 5, 0), 5);
	ck_assert_int_eq(recv(a, buf, 8, 0), 3);
	ck_assert_int_eq(recv(a, buf, 1, MSG_TRUNC | MSG_PEEK), 5);
	ck_assert_int_eq(recv(a, buf, 8, 0), 5);
	close(a);
	close(c);
	close(l);
	unlink(PATH);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("unix_stream");
	TCase *b = tcase_create("bytes"), *e = tcase_create("end"), *c = tcase_create("connect"), *q = tcase_create("seqpacket");

	tcase_add_checked_fixture(b, open_pair, close_pair);
	tcase_add_test(b, bytes_go_both_ways);
	tcase_add_test(b, vectors_and_counts);
	tcase_add_test(b, peek_leaves_the_data);
	tcase_add_test(b, peek_at_an_offset);
	tcase_add_test(b, waitall_waits_for_all);
	tcase_add_test(b, low_water_mark);
	tcase_add_test(b, a_full_buffer_stops_the_writer);
	tcase_add_test(b, large_transfer_is_right);
	tcase_set_timeout(b, 20);
	tcase_add_checked_fixture(e, open_pair, close_pair);
	tcase_add_test(e, end_of_file_and_broken_pipe);
	tcase_add_test(e, sigpipe_kills);
	tcase_add_test(e, unread_data_resets);
	tcase_add_test(e, shutdown_of_each_direction);
	tcase_add_test(e, a_sleeping_reader_sees_the_close);
	tcase_add_checked_fixture(c, open_pair, close_pair);
	tcase_add_test(c, connect_and_accept);
	tcase_add_test(c, errors_of_names);
	tcase_add_test(c, permission_to_connect);
	tcase_add_test(c, abstract_names);
	tcase_add_test(c, autobind_gives_a_name);
	tcase_add_test(c, the_backlog_is_a_limit);
	tcase_add_test(c, closing_the_listener_resets_who_waits);
	tcase_add_test(c, accept_and_its_errors);
	tcase_add_test(c, peer_credentials);
	tcase_add_test(c, proc_lists_them);
	tcase_add_test(c, epoll_sees_edges);
	tcase_add_test(q, packets_keep_their_borders);
	tcase_add_test(q, packets_over_connections);
	suite_add_tcase(suite, b);
	suite_add_tcase(suite, e);
	suite_add_tcase(suite, c);
	suite_add_tcase(suite, q);
	return guest_run(suite);
}
