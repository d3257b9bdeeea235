/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux AIO: io_setup(2), io_submit(2), io_getevents(2), io_cancel(2), io_destroy(2), and the ring in user memory. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

static aio_context_t ctx;
static int fd;

static long io_setup(unsigned nr, aio_context_t *c) { return syscall(SYS_io_setup, nr, c); }
static long io_destroy(aio_context_t c) { return syscall(SYS_io_destroy, c); }
static long io_submit(aio_context_t c, long n, struct iocb **list) { return syscall(SYS_io_submit, c, n, list); }
static long io_cancel(aio_context_t c, struct iocb *i, struct io_event *e) { return syscall(SYS_io_cancel, c, i, e); }
static long
io_getevents(aio_context_t c, long min, long nr, struct io_event *e, struct timespec *t)
{
	return syscall(SYS_io_getevents, c, min, nr, e, t);
}

static void
setup(void)
{
	fd = (int)ck_ok(open("/tmp/aio-file", O_RDWR | O_CREAT | O_TRUNC, 0600));
	ctx = 0;
	ck_ok(io_setup(8, &ctx));
}

static struct iocb
request(int op, int f, void *buf, size_t n, long off)
{
	return (struct iocb){ .aio_data = 0x1234, .aio_lio_opcode = (uint16_t)op, .aio_fildes = (uint32_t)f, .aio_buf = (uint64_t)buf,
		.aio_nbytes = n, .aio_offset = off };
}

static long
submit(struct iocb *i)
{
	return io_submit(ctx, 1, &i);
}

static long
result_of(struct iocb *i)
{
	struct io_event ev;

	ck_assert_int_eq(ck_ok(submit(i)), 1);
	ck_assert_int_eq(ck_ok(io_getevents(ctx, 1, 1, &ev, NULL)), 1);
	ck_assert_uint_eq(ev.obj, (uint64_t)i);
	ck_assert_uint_eq(ev.data, i->aio_data);
	ck_assert_int_eq(ev.res2, 0);
	return ev.res;
}

START_TEST(read_and_write)
{
	char a[] = "hello", b[16] = "";
	struct iovec iov[2] = { { "ab", 2 }, { "cd", 2 } };
	struct iocb i = request(IOCB_CMD_PWRITE, fd, a, 5, 10);

	ck_assert_int_eq(result_of(&i), 5);
	i = request(IOCB_CMD_PREAD, fd, b, sizeof(b), 8);
	ck_assert_int_eq(result_of(&i), 7);
	ck_assert_int_eq(memcmp(b, "\0\0hello", 7), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0);
	i = request(IOCB_CMD_PWRITEV, fd, iov, 2, 0);
	ck_assert_int_eq(result_of(&i), 4);
	iov[0] = (struct iovec){ b, 1 };
	iov[1] = (struct iovec){ b + 8, 3 };
	i = request(IOCB_CMD_PREADV, fd, iov, 2, 0);
	ck_assert_int_eq(result_of(&i), 4);
	ck_assert_int_eq(b[0], 'a');
	ck_assert_int_eq(memcmp(b + 8, "bcd", 3), 0);
}
END_TEST

START_TEST(many_at_once)
{
	char bufs[8][512];
	struct iocb reqs[8], *list[8];
	struct io_event ev[8];
	unsigned seen = 0;

	for (int i = 0; i < 8; i++) {
		memset(bufs[i], 'a' + i, 512);
		reqs[i] = request(IOCB_CMD_PWRITE, fd, bufs[i], 512, i * 512);
		reqs[i].aio_data = (uint64_t)i;
		list[i] = &reqs[i];
	}
	ck_assert_int_eq(io_submit(ctx, 8, list), 8);
	ck_assert_int_eq(io_getevents(ctx, 3, 3, ev, NULL), 3);
	ck_assert_int_eq(io_getevents(ctx, 5, 8, ev + 3, NULL), 5);
	for (int i = 0; i < 8; i++) {
		ck_assert_int_eq(ev[i].res, 512);
		seen |= 1u << ev[i].data;
	}
	ck_assert_uint_eq(seen, 255);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 4096);
	ck_assert_int_eq(pread(fd, bufs[0], 512, 7 * 512), 512);
	ck_assert_int_eq(bufs[0][0], 'h');
}
END_TEST

START_TEST(sync_requests)
{
	struct iocb i = request(IOCB_CMD_FSYNC, fd, NULL, 0, 0);
	int p[2];

	ck_assert_int_eq(result_of(&i), 0);
	i = request(IOCB_CMD_FDSYNC, fd, NULL, 0, 0);
	ck_assert_int_eq(result_of(&i), 0);
	i.aio_nbytes = 1;
	ck_fails(submit(&i), EINVAL);
	ck_ok(pipe(p));
	i = request(IOCB_CMD_FSYNC, p[0], NULL, 0, 0);
	ck_fails(submit(&i), EINVAL);
}
END_TEST

START_TEST(eventfd_is_told)
{
	int e = (int)ck_ok(eventfd(0, EFD_NONBLOCK));
	char c = 'x';
	struct iocb i = request(IOCB_CMD_PWRITE, fd, &c, 1, 0);
	struct pollfd p = { e, POLLIN, 0 };
	struct io_event ev[2];
	uint64_t n;

	i.aio_flags = IOCB_FLAG_RESFD;
	i.aio_resfd = (uint32_t)e;
	ck_ok(submit(&i));
	ck_ok(submit(&i));
	ck_assert_int_eq(io_getevents(ctx, 2, 2, ev, NULL), 2);
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	ck_assert_int_eq(read(e, &n, 8), 8);
	ck_assert_uint_eq(n, 2);
	i.aio_resfd = (uint32_t)fd;
	ck_fails(submit(&i), EINVAL);
	i.aio_resfd = 999;
	ck_fails(submit(&i), EBADF);
}
END_TEST

/* --- polls --- */

START_TEST(poll_waits)
{
	struct timespec no = { 0, 0 };
	struct io_event ev;
	struct iocb i;
	int p[2];

	ck_ok(pipe(p));
	i = request(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 0);
	ck_assert_int_eq(submit(&i), 1);
	ck_assert_int_eq(io_getevents(ctx, 1, 1, &ev, &no), 0);
	ck_assert_int_eq(write(p[1], "x", 1), 1);
	ck_assert_int_eq(io_getevents(ctx, 1, 1, &ev, NULL), 1);
	ck_assert_int_eq(ev.res & ~POLLRDNORM, POLLIN);
	ck_assert_uint_eq(ev.obj, (uint64_t)&i);
	ck_assert_int_eq(result_of(&i), POLLIN);	/* ready already */
	i = request(IOCB_CMD_POLL, p[0], (void *)0x10001, 0, 0);
	ck_fails(submit(&i), EINVAL);
	i = request(IOCB_CMD_POLL, p[0], (void *)POLLIN, 1, 0);
	ck_fails(submit(&i), EINVAL);
}
END_TEST

START_TEST(poll_is_cancelled)
{
	struct timespec no = { 0, 0 };
	struct iocb i, other;
	struct io_event ev;
	int p[2];

	ck_ok(pipe(p));
	i = request(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 0);
	other = i;
	ck_assert_int_eq(submit(&i), 1);
	ck_fails(io_cancel(ctx, &other, &ev), EINVAL);
	ck_fails(io_cancel(ctx, &i, &ev), EINPROGRESS);
	ck_assert_int_eq(io_getevents(ctx, 1, 1, &ev, NULL), 1);
	ck_assert_uint_eq(ev.obj, (uint64_t)&i);
	ck_assert_int_eq(ev.res, 0);
	ck_fails(io_cancel(ctx, &i, &ev), EINVAL);
	ck_assert_int_eq(io_getevents(ctx, 0, 1, &ev, &no), 0);
	i.aio_key = 5;
	ck_fails(io_cancel(ctx, &i, &ev), EINVAL);
	ck_fails(io_cancel(ctx, (struct iocb *)8, &ev), EFAULT);
}
END_TEST

START_TEST(poll_ends_with_its_context)
{
	struct io_event ev;
	struct iocb i;
	int p[2], status;
	pid_t pid;

	ck_ok(pipe(p));
	i = request(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 0);
	ck_assert_int_eq(submit(&i), 1);
	ck_ok(io_destroy(ctx));
	ck_fails(io_getevents(ctx, 0, 1, &ev, NULL), EINVAL);
	pid = (pid_t)ck_ok(fork());
	if (pid == 0) {		/* and with its process */
		struct iocb *list = &i;

		ctx = 0;
		if (io_setup(4, &ctx) != 0 || io_submit(ctx, 1, &list) != 1)
			_exit(1);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(write(p[1], "x", 1), 1);
}
END_TEST

/* --- the ring --- */

struct ring { unsigned id, nr, head, tail, magic, compat, incompat, header; struct io_event ev[]; };

START_TEST(user_space_reads_the_ring)
{
	volatile struct ring *r = (struct ring *)ctx;
	struct timespec no = { 0, 0 };
	struct io_event ev;
	char c = 'x';
	struct iocb i = request(IOCB_CMD_PWRITE, fd, &c, 1, 0);

	ck_assert_uint_eq(r->magic, 0xa10a10a1);
	ck_assert_uint_eq(r->compat, 1);
	ck_assert_uint_eq(r->incompat, 0);
	ck_assert_uint_eq(r->header, 32);
	ck_assert_uint_ge(r->nr, 8);
	ck_assert_uint_eq(r->head, r->tail);
	ck_ok(submit(&i));
	ck_assert_uint_eq(r->tail, (r->head + 1) % r->nr);
	ck_assert_int_eq(r->ev[r->head].res, 1);
	ck_assert_uint_eq(r->ev[r->head].obj, (uint64_t)&i);
	r->head = r->tail;		/* taken, without a system call */
	ck_assert_int_eq(io_getevents(ctx, 0, 1, &ev, &no), 0);
	for (int n = 0; n < 1000; n++) {	/* round and round */
		ck_ok(submit(&i));
		r->head = r->tail;
	}
}
END_TEST

START_TEST(a_full_ring)
{
	volatile struct ring *r = (struct ring *)ctx;
	char c = 'x';
	struct iocb i = request(IOCB_CMD_PWRITE, fd, &c, 1, 0);
	struct io_event ev;
	unsigned n = 0;

	while (submit(&i) == 1)
		ck_assert_uint_lt(++n, r->nr);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_ge(n, 8);
	for (; n > 0; n--)
		ck_assert_int_eq(io_getevents(ctx, 1, 1, &ev, NULL), 1);
	ck_assert_int_eq(submit(&i), 1);
}
END_TEST

START_TEST(nonsense_in_the_ring)
{
	volatile struct ring *r = (struct ring *)ctx;
	struct timespec no = { 0, 0 };
	struct io_event ev[4];
	char c = 'x';
	struct iocb i = request(IOCB_CMD_PWRITE, fd, &c, 1, 0);

	r->head = 0xffffffff;
	r->tail = 0x80000000;
	r->nr = 0;
	for (int n = 0; n < 100; n++) {
		submit(&i);
		io_getevents(ctx, 0, 4, ev, &no);
		r->head = (unsigned)n * 0x1234567;
	}
	ck_ok(io_destroy(ctx));
}
END_TEST

START_TEST(the_ring_moves)
{
	long size = 4096;
	char c = 'x';
	struct iocb i = request(IOCB_CMD_PWRITE, fd, &c, 1, 0);
	void *to = mmap(NULL, (size_t)size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *moved;

	moved = mremap((void *)ctx, (size_t)size, (size_t)size, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	ck_assert_ptr_eq(moved, to);
	ck_fails(submit(&i), EINVAL);
	ctx = (aio_context_t)moved;
	ck_assert_int_eq(result_of(&i), 1);
	ck_ok(io_destroy(ctx));
}
END_TEST

START_TEST(the_ring_goes)
{
	char c = 'x';
	struct iocb i = request(IOCB_CMD_PWRITE, fd, &c, 1, 0);
	struct io_event ev;

	ck_ok(munmap((void *)ctx, 4096));
	ck_fails(submit(&i), EINVAL);
	ck_fails(io_getevents(ctx, 1, 1, &ev, NULL), EINVAL);
	ck_fails(io_destroy(ctx), EINVAL);
}
END_TEST

/* --- waiting --- */

static void on_signal(int s) { }

static int
number(const char *path)
{
	int n = -1;
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%d", &n), 1);
	fclose(f);
	return n;
}

START_TEST(waiting)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct timespec ts = { 0, 20000000 };
	struct io_event ev;

	ck_assert_int_eq(io_getevents(ctx, 1, 1, &ev, &ts), 0);
	ck_ok(sigaction(SIGALRM, &sa, NULL));
	ck_ok(ualarm(20000, 0));
	ck_fails(io_getevents(ctx, 1, 1, &ev, NULL), EINTR);
}
END_TEST

START_TEST(waiting_with_a_mask)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct { const sigset_t *mask; size_t size; } arg;
	struct timespec ts = { 10, 0 };
	struct io_event ev;
	sigset_t set, none;

	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	ck_ok(sigprocmask(SIG_BLOCK, &set, NULL));
	ck_ok(sigaction(SIGUSR1, &sa, NULL));
	raise(SIGUSR1);
	arg.mask = &none;
	arg.size = 8;
	ck_fails(syscall(SYS_io_pgetevents, ctx, 1, 1, &ev, &ts, &arg), EINTR);
	ck_ok(sigprocmask(SIG_BLOCK, NULL, &none));
	ck_assert(sigismember(&none, SIGUSR1));
	arg.size = 4;
	ck_fails(syscall(SYS_io_pgetevents, ctx, 1, 1, &ev, &ts, &arg), EINVAL);
	ck_fails(syscall(SYS_io_pgetevents, ctx, 1, 1, &ev, &ts, 8), EFAULT);
	ts.tv_sec = 0;
	ck_assert_int_eq(syscall(SYS_io_pgetevents, ctx, 1, 1, &ev, &ts, NULL), 0);
}
END_TEST

/* --- errors --- */

START_TEST(context_errors)
{
	aio_context_t c = 1;
	int before = number("/proc/sys/fs/aio-nr"), max = number("/proc/sys/fs/aio-max-nr");

	ck_assert_int_eq(max, 65536);
	ck_fails(io_setup(1, &c), EINVAL);
	c = 0;
	ck_fails(io_setup(0, &c), EINVAL);
	ck_fails(io_setup((unsigned)max + 1, &c), EAGAIN);
	ck_fails(io_setup(1, (aio_context_t *)8), EFAULT);
	ck_ok(io_setup(100, &c));
	ck_assert_int_eq(number("/proc/sys/fs/aio-nr"), before + 100);
	ck_ok(io_destroy(c));
	ck_assert_int_eq(number("/proc/sys/fs/aio-nr"), before);
	ck_fails(io_destroy(c), EINVAL);
	ck_fails(io_destroy(8), EINVAL);
}
END_TEST

START_TEST(submit_errors)
{
	char c = 'x';
	struct iocb i = request(IOCB_CMD_PWRITE, fd, &c, 1, 0), *list[2] = { &i, (struct iocb *)8 };
	struct io_event ev;
	int rd = (int)ck_ok(open("/tmp/aio-file", O_RDONLY));

	ck_assert_int_eq(io_submit(ctx, 0, list), 0);
	ck_fails(io_submit(ctx, -1, list), EINVAL);
	ck_fails(io_submit(8, 1, list), EINVAL);
	ck_fails(io_submit(ctx, 1, (struct iocb **)8), EFAULT);
	ck_assert_int_eq(io_submit(ctx, 2, list), 1);	/* the first counts */
	ck_assert_int_eq(io_getevents(ctx, 1, 1, &ev, NULL), 1);
	ck_fails(io_submit(ctx, 1, list + 1), EFAULT);
	i.aio_fildes = 999;
	ck_fails(submit(&i), EBADF);
	i.aio_fildes = (uint32_t)rd;
	ck_fails(submit(&i), EBADF);
	i = request(IOCB_CMD_NOOP, fd, &c, 1, 0);
	ck_fails(submit(&i), EINVAL);
	i = request(99, fd, &c, 1, 0);
	ck_fails(submit(&i), EINVAL);
	i = request(IOCB_CMD_PWRITE, fd, &c, 1, -1);
	ck_fails(submit(&i), EINVAL);
	i = request(IOCB_CMD_PWRITE, fd, &c, 1, 0);
	i.aio_reserved2 = 1;
	ck_fails(submit(&i), EINVAL);
	i = request(IOCB_CMD_PWRITE, fd, &c, 1, 0);
	i.aio_rw_flags = 1 << 20;
	ck_fails(submit(&i), EOPNOTSUPP);
	i = request(IOCB_CMD_PREAD, fd, (void *)8, 1, 0);
	ck_assert_int_eq(pwrite(fd, &c, 1, 0), 1);
	ck_assert_int_eq(result_of(&i), -EFAULT);	/* the transfer's own error is its event */
	ck_fails(io_getevents(ctx, 2, 1, &ev, NULL), EINVAL);
	ck_fails(io_getevents(ctx, -1, 1, &ev, NULL), EINVAL);
	ck_fails(io_getevents(ctx, 1, 1, &ev, (struct timespec *)8), EFAULT);
	i = request(IOCB_CMD_PREAD, fd, &c, 1, 0);
	ck_ok(submit(&i));
	ck_fails(io_getevents(ctx, 1, 1, (struct io_event *)8, NULL), EFAULT);
	ck_assert_int_eq(io_getevents(ctx, 1, 1, &ev, NULL), 1);	/* it is still there */
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("aio");
	TCase *t = tcase_create("core");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, read_and_write);
	tcase_add_test(t, many_at_once);
	tcase_add_test(t, sync_requests);
	tcase_add_test(t, eventfd_is_told);
	tcase_add_test(t, poll_waits);
	tcase_add_test(t, poll_is_cancelled);
	tcase_add_test(t, poll_ends_with_its_context);
	tcase_add_test(t, user_space_reads_the_ring);
	tcase_add_test(t, a_full_ring);
	tcase_add_test(t, nonsense_in_the_ring);
	tcase_add_test(t, the_ring_moves);
	tcase_add_test(t, the_ring_goes);
	tcase_add_test(t, waiting);
	tcase_add_test(t, waiting_with_a_mask);
	tcase_add_test(t, context_errors);
	tcase_add_test(t, submit_errors);
	suite_add_tcase(s, t);
	return guest_run(s);
}
