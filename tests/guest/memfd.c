/* SPDX-License-Identifier: BSD-2-Clause */
/* memfd_create(2) and its seals. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <sched.h>

#include "mem.h"

static int
sealable(off_t size)
{
	int fd = (int)ck_ok(memfd_create("sealed", MFD_ALLOW_SEALING));

	ck_ok(ftruncate(fd, size));
	return fd;
}

static long add(int fd, int seals) { return fcntl(fd, F_ADD_SEALS, seals); }

START_TEST(seals_are_asked_for)
{
	int fd = (int)ck_ok(memfd_create("plain", 0)), tmp = (int)ck_ok(open("/tmp/memfd", O_CREAT | O_RDWR, 0600)), ro;

	ck_assert_int_eq(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
	ck_fails(add(fd, F_SEAL_WRITE), EPERM);
	ck_assert_int_eq(fcntl(tmp, F_GET_SEALS), F_SEAL_SEAL);
	close(fd);
	close(tmp);
	fd = sealable(0);
	ck_assert_int_eq(fcntl(fd, F_GET_SEALS), 0);
	ck_fails(add(fd, 0x1000), EINVAL);
	ro = (int)ck_ok(open("/proc/self/fd/3", O_RDONLY));
	ck_fails(add(ro, F_SEAL_WRITE), EPERM);
	close(ro);
	ck_ok(add(fd, F_SEAL_GROW));
	ck_ok(add(fd, F_SEAL_SEAL));
	ck_assert_int_eq(fcntl(fd, F_GET_SEALS), F_SEAL_GROW | F_SEAL_SEAL);
	ck_fails(add(fd, F_SEAL_SHRINK), EPERM);
	close(fd);
}
END_TEST

START_TEST(sizes_are_sealed)
{
	static char data[3 * P];
	int fd = sealable(P + 100);

	ck_ok(add(fd, F_SEAL_GROW));
	ck_fails(ftruncate(fd, 2 * P), EPERM);
	ck_fails(fallocate(fd, 0, 0, 2 * P), EPERM);
	ck_fails(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 2 * P), EPERM);
	ck_ok(fallocate(fd, 0, 0, P + 100));
	ck_fails(pwrite(fd, data, 1, P + 100), EPERM);
	ck_assert_int_eq(pwrite(fd, data, P, 200), P - 200);	/* a page is written whole or not */
	ck_assert_int_eq(pwrite(fd, data, sizeof(data), 0), P);
	ck_assert_int_eq(pwrite(fd, data, 100, P), 100);
	ck_fails(pwrite(fd, data, 101, P), EPERM);
	ck_ok(ftruncate(fd, P));
	ck_ok(add(fd, F_SEAL_SHRINK));
	ck_fails(ftruncate(fd, 0), EPERM);
	ck_ok(ftruncate(fd, P));
	close(fd);
}
END_TEST

START_TEST(contents_are_sealed)
{
	int fd = sealable(P);
	char *p = mmap(NULL, P, PROT_READ, MAP_SHARED, fd, 0), *q, path[40];
	int ro;

	ck_fails(add(fd, F_SEAL_WRITE), EBUSY);		/* mprotect might make it writable */
	ck_ok(munmap(p, P));
	p = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_fails(add(fd, F_SEAL_WRITE), EBUSY);
	ck_ok(munmap(p, P));
	p = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ck_ok(add(fd, F_SEAL_WRITE));
	p[0] = 'x';					/* a private copy */
	ck_fails(write(fd, "y", 1), EPERM);
	ck_fails(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, P), EPERM);
	q = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(q == MAP_FAILED && errno == EPERM);
	q = mmap(NULL, P, PROT_READ, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(q, MAP_FAILED);		/* never writable; older Linux refuses it */
	ck_fails(mprotect(q, P, PROT_READ | PROT_WRITE), EACCES);
	ck_ok(munmap(q, P));
	sprintf(path, "/proc/self/fd/%d", fd);
	ro = (int)ck_ok(open(path, O_RDONLY));
	q = mmap(NULL, P, PROT_READ, MAP_SHARED, ro, 0);
	ck_assert_ptr_ne(q, MAP_FAILED);
	ck_fails(mprotect(q, P, PROT_READ | PROT_WRITE), EACCES);
	ck_ok(munmap(q, P));
	close(ro);
	q = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ck_assert_ptr_ne(q, MAP_FAILED);
	ck_assert_int_eq(q[0], 0);
	ck_ok(munmap(p, P));
	ck_ok(munmap(q, P));
	close(fd);
}
END_TEST

START_TEST(future_writes_are_sealed)
{
	int fd = sealable(P);
	char *old = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *p;

	ck_ok(add(fd, F_SEAL_FUTURE_WRITE));
	old[0] = 'x';
	ck_fails(write(fd, "y", 1), EPERM);
	p = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(p == MAP_FAILED && errno == EPERM);
	p = mmap(NULL, P, PROT_READ, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	ck_assert_int_eq(p[0], 'x');
	ck_fails(mprotect(p, P, PROT_READ | PROT_WRITE), EACCES);
	ck_ok(munmap(p, P));
	ck_ok(munmap(old, P));
	close(fd);
}
END_TEST

START_TEST(a_hole_leaves_private_copies)
{
	int fd = sealable(2 * P);
	char *p = mmap(NULL, 2 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	ck_assert_int_eq(pwrite(fd, "ff", 2, 0), 2);
	ck_assert_int_eq(pwrite(fd, "ff", 2, P), 2);
	p[0] = 'p';
	ck_assert_int_eq(p[P], 'f');
	ck_ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2 * P));
	ck_assert_int_eq(p[0], 'p');
	ck_assert_int_eq(p[1], 'f');
	ck_assert_int_eq(p[P], 0);
	ck_ok(ftruncate(fd, 0));
	ck_ok(ftruncate(fd, 2 * P));
	ck_assert_int_eq(p[0], 0);
	ck_ok(munmap(p, 2 * P));
	close(fd);
}
END_TEST

/* --- seals against writers that are under way --- */

#define ROUNDS	40

static int shared_fd;
static pthread_barrier_t gate;

static void *
writer(void *how)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&gate);
		for (long n = 1;; n++) {
			long *p;

			if (how == NULL) {
				if (pwrite(shared_fd, &n, sizeof(n), 0) != sizeof(n))
					break;
				continue;
			}
			p = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_SHARED, shared_fd, 0);
			if (p == MAP_FAILED)
				break;
			*p = n;
			munmap(p, P);
			sched_yield();		/* the other must meet a moment without a mapping */
		}
		pthread_barrier_wait(&gate);
	}
	return NULL;
}

static void
seal_under_writes(void *how)
{
	pthread_t t;

	ck_assert_int_eq(pthread_barrier_init(&gate, NULL, 2), 0);
	ck_assert_int_eq(pthread_create(&t, NULL, writer, how), 0);
	for (int i = 0; i < ROUNDS; i++) {
		long before, after;

		shared_fd = sealable(P);
		pthread_barrier_wait(&gate);
		for (volatile int spin = 0; spin < i * 250; spin++)
			;
		while (add(shared_fd, F_SEAL_WRITE) != 0)
			ck_assert_int_eq(errno, EBUSY);
		ck_assert_int_eq(pread(shared_fd, &before, sizeof(before), 0), sizeof(before));
		pthread_barrier_wait(&gate);
		ck_assert_int_eq(pread(shared_fd, &after, sizeof(after), 0), sizeof(after));
		ck_assert_int_eq(before, after);
		close(shared_fd);
	}
	ck_assert_int_eq(pthread_join(t, NULL), 0);
	pthread_barrier_destroy(&gate);
}

START_TEST(a_seal_stops_write) { seal_under_writes(NULL); } END_TEST
START_TEST(a_seal_stops_mmap) { seal_under_writes(&shared_fd); } END_TEST

int
main(void)
{
	Suite *s = suite_create("memfd");
	TCase *t = tcase_create("seals");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, seals_are_asked_for);
	tcase_add_test(t, sizes_are_sealed);
	tcase_add_test(t, contents_are_sealed);
	tcase_add_test(t, future_writes_are_sealed);
	tcase_add_test(t, a_hole_leaves_private_copies);
	tcase_add_test(t, a_seal_stops_write);
	tcase_add_test(t, a_seal_stops_mmap);
	suite_add_tcase(s, t);
	return guest_run(s);
}
