/* SPDX-License-Identifier: BSD-2-Clause */
/* mremap(2), madvise(2), mincore(2), msync(2), mlock(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>

#include "mem.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

START_TEST(remap_grows_shrinks_and_moves)
{
	char *p = anon(4 * P), *q, *t;

	mem_catch();
	strcpy(p, "hello");
	p[3 * P] = 9;
	q = (char *)ck_ok(mremap(p, 4 * P, 400 * P, MREMAP_MAYMOVE));
	ck_assert_str_eq(q, "hello");
	ck_assert_int_eq(q[3 * P], 9);
	ck_assert_int_eq(q[399 * P], 0);
	q[399 * P] = 1;
	t = anon_prot(500 * P, PROT_NONE);
	ck_assert_ptr_eq(mremap(q, 400 * P, 400 * P, MREMAP_MAYMOVE | MREMAP_FIXED, t + 3 * P), t + 3 * P);
	ck_faults(mem_sink = q[0], SIGSEGV, SEGV_MAPERR, q);
	t += 3 * P;
	ck_assert_str_eq(t, "hello");
	ck_assert_int_eq(t[399 * P], 1);
	ck_assert_ptr_eq(mremap(t, 400 * P, 10 * P, 0), t);
	ck_faults(mem_sink = t[10 * P], SIGSEGV, SEGV_MAPERR, t + 10 * P);
	ck_assert_str_eq(t, "hello");
}
END_TEST

START_TEST(remap_can_leave_the_old_place_empty)
{
	char *p = anon(4 * P), *q;

	memset(p, 3, 4 * P);
	q = (char *)ck_ok(mremap(p, 4 * P, 4 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL));
	ck_assert_int_eq(q[3 * P], 3);
	ck_assert_int_eq(p[3 * P], 0);
	p[0] = 1;
	ck_assert_int_eq(q[0], 3);
}
END_TEST

START_TEST(remap_of_huge_memory)
{
	char *raw = anon(6 * HUGE_P), *p = (char *)(((unsigned long)raw + HUGE_P - 1) & ~(HUGE_P - 1)), *q;

	for (size_t i = 0; i < 4 * HUGE_P; i += P)
		p[i] = (char)(i / P % 100 + 1);
	q = (char *)ck_ok(mremap(p + P, 2 * HUGE_P, 5 * HUGE_P, MREMAP_MAYMOVE));
	for (size_t i = 0; i < 2 * HUGE_P; i += P)
		ck_assert_int_eq(q[i], (char)((i / P + 1) % 100 + 1));
	ck_assert_int_eq(q[2 * HUGE_P], 0);
	ck_assert_int_eq(p[0], 1);
	ck_assert_int_eq(p[3 * HUGE_P], (char)(3 * 512 % 100 + 1));
}
END_TEST

START_TEST(remap_of_shared_memory_can_double_it)
{
	char *p = (char *)ck_ok(mmap(NULL, 4 * P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)), *q;

	p[P] = 1;
	q = (char *)ck_ok(mremap(p, 0, 4 * P, MREMAP_MAYMOVE));
	ck_assert_int_eq(q[P], 1);
	q[P] = 2;
	ck_assert_int_eq(p[P], 2);
	ck_ok(munmap(p, 4 * P));
	ck_assert_int_eq(q[P], 2);
}
END_TEST

static char *volatile moving;	/* where the mapping is, between rounds */
static pthread_barrier_t gate;

static void *
mover(void *places)
{
	char **place = places;

	for (int i = 0; i < 300; i++) {
		pthread_barrier_wait(&gate);
		for (int n = 0; n < 3; n++) {
			char *to = moving == place[0] ? place[1] : place[0];

			if (mremap(moving, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to)
				moving = to;
		}
		pthread_barrier_wait(&gate);
	}
	return NULL;
}

START_TEST(truncation_finds_copies_on_the_move)
{
	int fd = (int)ck_ok(memfd_create("moving", 0)), pipe_fd[2];
	char *room = anon_prot(4 * P, PROT_NONE), *place[2] = { room, room + 2 * P };
	pthread_t t;

	ck_ok(pipe2(pipe_fd, O_NONBLOCK));
	ck_ok(ftruncate(fd, P));
	moving = mmap(place[0], P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
	ck_assert_ptr_eq(moving, place[0]);
	ck_assert_int_eq(pthread_barrier_init(&gate, NULL, 2), 0);
	ck_assert_int_eq(pthread_create(&t, NULL, mover, place), 0);
	for (int i = 0; i < 300; i++) {
		ck_ok(ftruncate(fd, P));
		moving[0] = 'x';			/* a private copy */
		pthread_barrier_wait(&gate);
		for (volatile int spin = 0; spin < i * 20; spin++)
			;
		ck_ok(ftruncate(fd, 0));
		pthread_barrier_wait(&gate);
		ck_fails(write(pipe_fd[1], moving, 1), EFAULT);
	}
	ck_assert_int_eq(pthread_join(t, NULL), 0);
	ck_ok(munmap(room, 4 * P));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	close(fd);
}
END_TEST

START_TEST(remap_errors)
{
	char *p = anon(8 * P);

	ck_fails(mremap(p + 1, P, P, 0), EINVAL);
	ck_fails(mremap(p, P, 0, 0), EINVAL);
	ck_fails(mremap(p, P, P, 64), EINVAL);
	ck_fails(mremap(p, P, P, MREMAP_FIXED, p + 4 * P), EINVAL);
	ck_fails(mremap(p, 2 * P, 2 * P, MREMAP_FIXED | MREMAP_MAYMOVE, p + P), EINVAL);
	ck_fails(mremap(p, 0, P, MREMAP_MAYMOVE), EINVAL);
	ck_fails(mremap(p, P, 2 * P, 0), ENOMEM);		/* its own memory is in the way */
	ck_fails(mremap(p, 2 * P, 3 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL), EINVAL);
	ck_ok(munmap(p + 4 * P, 4 * P));
	ck_fails(mremap(p, 8 * P, 9 * P, MREMAP_MAYMOVE), EFAULT);
	ck_fails(mremap(p + 4 * P, P, 2 * P, MREMAP_MAYMOVE), EFAULT);
}
END_TEST

START_TEST(dontneed_gives_zeros_or_the_file_again)
{
	int fd = ck_ok(open("dontneed", O_RDWR | O_CREAT | O_TRUNC, 0600));
	char *p = anon(8 * P), *f;

	memset(p, 1, 8 * P);
	ck_ok(madvise(p + P, 2 * P, MADV_DONTNEED));
	ck_assert_int_eq(p[0], 1);
	ck_assert_int_eq(p[P], 0);
	ck_assert_int_eq(p[2 * P], 0);
	ck_assert_int_eq(p[3 * P], 1);
	ck_assert_int_eq(write(fd, "file", 4), 4);
	f = (char *)ck_ok(mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	f[0] = 'x';
	ck_ok(madvise(f, P, MADV_DONTNEED));
	ck_assert_int_eq(f[0], 'f');
}
END_TEST

/* madvise(2): what is read is the old contents or zero; what is written from then on stays. */
START_TEST(freed_pages_can_be_written_again)
{
	enum { N = 64 };
	char *p = anon(N * P);

	memset(p, 'o', N * P);
	ck_ok(madvise(p, N * P, MADV_FREE));
	for (int i = 0; i < N; i++) {
		ck_assert(p[i * P] == 'o' || p[i * P] == 0);
		p[i * P + 1] = 'n';
	}
	free(calloc(8, 1 << 20));
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(p[i * P + 1], 'n');
		ck_assert(p[i * P] == 'o' || p[i * P] == 0);
	}
	ck_fails(madvise(mmap(NULL, P, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0), P, MADV_FREE), EINVAL);
}
END_TEST

START_TEST(advice_about_forks)
{
	char *p = anon(4 * P);

	memset(p, 1, 4 * P);
	ck_ok(madvise(p, P, MADV_WIPEONFORK));
	ck_ok(madvise(p + P, P, MADV_DONTFORK));
	in_child(if (p[0] != 0 || p[2 * P] != 1) _exit(1));
	in_child(mem_catch(); if (sigsetjmp(mem_jump, 1) == 0) mem_sink = p[P]; if (mem_signal != SIGSEGV) _exit(1));
	ck_ok(madvise(p, P, MADV_KEEPONFORK));
	ck_ok(madvise(p + P, P, MADV_DOFORK));
	in_child(if (p[0] != 1 || p[P] != 1) _exit(1));
}
END_TEST

START_TEST(removed_pages_of_shared_memory_are_zero)
{
	char *p = (char *)ck_ok(mmap(NULL, 4 * P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));

	memset(p, 1, 4 * P);
	ck_ok(madvise(p + P, P, MADV_REMOVE));
	ck_assert_int_eq(p[P], 0);
	ck_assert_int_eq(p[2 * P], 1);
	ck_fails(madvise(anon(P), P, MADV_REMOVE), EINVAL);
}
END_TEST

START_TEST(hints_and_their_errors)
{
	char *p = anon(4 * P);

	ck_ok(madvise(p, 4 * P, MADV_NORMAL));
	ck_ok(madvise(p, 4 * P, MADV_SEQUENTIAL));
	ck_ok(madvise(p, 4 * P, MADV_RANDOM));
	ck_ok(madvise(p, 4 * P, MADV_WILLNEED));
	ck_ok(madvise(p, 4 * P, MADV_FREE));
	ck_ok(madvise(p, 4 * P, MADV_COLD));
	ck_ok(madvise(p, 4 * P, MADV_DONTDUMP));
	ck_ok(madvise(p, 4 * P, MADV_POPULATE_WRITE));
	ck_fails(madvise(p, 4 * P, 4711), EINVAL);
	ck_fails(madvise(p + 1, P, MADV_NORMAL), EINVAL);
	ck_ok(munmap(p + P, P));
	ck_fails(madvise(p, 4 * P, MADV_DONTNEED), ENOMEM);
	ck_fails(madvise(p, 4 * P, MADV_POPULATE_READ), ENOMEM);
	ck_ok(madvise(p, 0, MADV_DONTNEED));
}
END_TEST

START_TEST(mincore_tells_what_is_there)
{
	unsigned char vec[8];
	char *p = anon(8 * P);

	p[0] = p[5 * P] = 1;
	ck_ok(mincore(p, 8 * P, vec));
	ck_assert_int_eq(vec[0] & 1, 1);
	ck_assert_int_eq(vec[1] & 1, 0);
	ck_assert_int_eq(vec[5] & 1, 1);
	ck_fails(mincore(p + 1, P, vec), EINVAL);
	ck_fails(mincore(p, P, (void *)1), EFAULT);
	ck_ok(munmap(p + 4 * P, P));
	ck_fails(mincore(p, 8 * P, vec), ENOMEM);
}
END_TEST

START_TEST(populated_memory_is_there_at_once)
{
	unsigned char vec[4];
	char *p = (char *)ck_ok(mmap(NULL, 4 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));

	ck_ok(mincore(p, 4 * P, vec));
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(vec[i] & 1, 1);
}
END_TEST

START_TEST(locked_memory)
{
	struct rlimit none = { 0, 0 };
	unsigned char vec[4];
	char *p = anon(4 * P);

	ck_ok(mlock(p + 10, 2 * P));
	ck_ok(mincore(p, 4 * P, vec));
	ck_assert_int_eq(vec[0] & vec[1] & vec[2] & 1, 1);
	ck_assert_int_eq(vec[3] & 1, 0);
	ck_fails(madvise(p, P, MADV_DONTNEED), EINVAL);
	ck_ok(munlock(p, 4 * P));
	ck_ok(madvise(p, P, MADV_DONTNEED));
	ck_ok(munmap(p + P, P));
	ck_fails(mlock(p, 4 * P), ENOMEM);
	ck_fails(munlock(p, 4 * P), ENOMEM);
	ck_fails(mlockall(0), EINVAL);
	ck_ok(mlockall(MCL_CURRENT | MCL_FUTURE));
	ck_ok(munlockall());
	ck_ok(setrlimit(RLIMIT_MEMLOCK, &none));
	ck_ok(setuid(1000));
	ck_fails(mlock(p, P), EPERM);
}
END_TEST

START_TEST(msync_errors)
{
	char *p = anon(4 * P);

	ck_ok(msync(p, 4 * P, MS_ASYNC));
	ck_fails(msync(p, P, MS_ASYNC | MS_SYNC), EINVAL);
	ck_fails(msync(p, P, 64), EINVAL);
	ck_fails(msync(p + 1, P, MS_SYNC), EINVAL);
	ck_ok(munmap(p + P, P));
	ck_fails(msync(p, 4 * P, MS_SYNC), ENOMEM);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("mem_advice");
	TCase *t = tcase_create("core");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, remap_grows_shrinks_and_moves);
	tcase_add_test(t, remap_can_leave_the_old_place_empty);
	tcase_add_test(t, remap_of_huge_memory);
	tcase_add_test(t, remap_of_shared_memory_can_double_it);
	tcase_add_test(t, truncation_finds_copies_on_the_move);
	tcase_add_test(t, remap_errors);
	tcase_add_test(t, dontneed_gives_zeros_or_the_file_again);
	tcase_add_test(t, freed_pages_can_be_written_again);
	tcase_add_test(t, advice_about_forks);
	tcase_add_test(t, removed_pages_of_shared_memory_are_zero);
	tcase_add_test(t, hints_and_their_errors);
	tcase_add_test(t, mincore_tells_what_is_there);
	tcase_add_test(t, populated_memory_is_there_at_once);
	tcase_add_test(t, locked_memory);
	tcase_add_test(t, msync_errors);
	suite_add_tcase(s, t);
	return guest_run(s);
}
