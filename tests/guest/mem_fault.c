/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults: the stack, bad pointers in system calls, /proc/self/maps, and many threads changing one address space. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>

#include "mem.h"

static __attribute__((noinline)) int
recurse(int depth)
{
	volatile char frame[2000];

	frame[0] = (char)depth;
	return depth == 0 ? 0 : recurse(depth - 1) + frame[0] - (char)depth;
}

START_TEST(the_stack_grows)
{
	ck_assert_int_eq(recurse(2000), 0);
}
END_TEST

START_TEST(endless_recursion_is_a_segfault)
{
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0) {
		struct rlimit no_core = { 0, 0 };

		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGSEGV, SIG_DFL);
		_exit(recurse(1000000000));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
}
END_TEST

START_TEST(bad_pointers_in_calls_are_efault)
{
	char *ro = anon_prot(P, PROT_READ), *none = anon_prot(P, PROT_NONE), *gone = anon(2 * P), name[4096];
	int fd[2], file = ck_ok(open("efault", O_RDWR | O_CREAT | O_TRUNC, 0600));
	struct iovec iov[2];

	ck_ok(pipe(fd));
	ck_ok(munmap(gone + P, P));
	ck_assert_int_eq(write(file, "0123456789", 10), 10);
	ck_fails(pread(file, ro, 5, 0), EFAULT);
	ck_fails(pread(file, none, 5, 0), EFAULT);
	ck_fails(pread(file, (void *)16, 5, 0), EFAULT);
	ck_fails(pread(file, (void *)0xffffffff81000000, 5, 0), EFAULT);
	ck_fails(write(fd[1], (void *)0xffff888000000000, 5), EFAULT);
	ck_fails(write(fd[1], (void *)0x7fffffffffff, 5), EFAULT);
	ck_fails(write(fd[1], (void *)0x8000000000000000, 5), EFAULT);
	ck_fails(write(fd[1], gone + P, 5), EFAULT);
	ck_assert_int_eq(pread(file, gone + P - 4, 10, 0), 4);	/* as far as it goes */
	ck_assert_int_eq(memcmp(gone + P - 4, "0123", 4), 0);
	iov[0] = (struct iovec){ name, 5 };
	iov[1] = (struct iovec){ (void *)-4096L, 5 };
	ck_fails(preadv(file, iov, 2, 0), EFAULT);
	ck_fails(open((void *)8, O_RDONLY), EFAULT);
	ck_fails(open(none, O_RDONLY), EFAULT);
	ck_fails(pipe((void *)0xffff800000000000), EFAULT);
	ck_fails(pipe((void *)ro), EFAULT);
}
END_TEST

START_TEST(calls_write_into_fresh_and_shared_memory)
{
	char *p = anon(4 * P);
	int fd = ck_ok(open("fresh", O_RDWR | O_CREAT | O_TRUNC, 0600));

	p[3 * P] = 5;
	ck_assert_int_eq(write(fd, p, 4 * P), 4 * P);		/* untouched pages are zeros */
	ck_assert_int_eq(pread(fd, p, 2 * P, 3 * P), P);
	ck_assert_int_eq(p[0], 5);
	in_child(if (pread(fd, p, P, 0) != P || p[0] != 0) _exit(1));	/* a copy is made for the child */
	ck_assert_int_eq(p[0], 5);
}
END_TEST

START_TEST(maps_tell_what_is_mapped)
{
	char *p = anon(3 * P), line[256], want[64];
	bool found = false, stack = false;
	FILE *f = fopen("/proc/self/maps", "r");

	ck_assert_ptr_nonnull(f);
	ck_ok(mprotect(p + P, P, PROT_READ));
	rewind(f);
	snprintf(want, sizeof(want), "%lx-%lx r--p 00000000 00:00 0 \n", (unsigned long)p + P, (unsigned long)p + 2 * P);
	while (fgets(line, sizeof(line), f) != NULL) {
		found |= strcmp(line, want) == 0;
		stack |= strlen(line) == 73 + 8 && strcmp(line + 73, "[stack]\n") == 0;
	}
	ck_assert(found);
	ck_assert(stack);
	fclose(f);
}
END_TEST

/* --- threads --- */

#define THREADS	4

static char *arena;		/* slots that threads map over and touch */
static volatile bool stop;
static volatile int wrong;

static unsigned
next(unsigned *s)
{
	*s = *s * 1103515245 + 12345;
	return *s >> 8;
}

static void
map_and_check(unsigned *s, char mark)
{
	size_t n = (next(s) % 32 + 1) * P;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		wrong = 1;
		return;
	}
	for (size_t i = 0; i < n; i += P)
		p[i] = mark;
	for (size_t i = 0; i < n; i += P)
		if (p[i] != mark)
			wrong = 2;
	munmap(p, n);
}

static void
fork_and_check(char *mine, char mark)
{
	pid_t pid;
	int status;

	mine[0] = mark;
	pid = fork();
	if (pid == 0) {
		mine[0] = (char)(mark + 1);
		_exit(mine[0] == (char)(mark + 1) && mine[P] == mark ? 0 : 1);
	}
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || status != 0 || mine[0] != mark))
		wrong = 3;
}

static void *
worker(void *arg)
{
	unsigned s = (unsigned)(long)arg * 7919 + 1;
	char mark = (char)((long)arg + 1), *mine = mmap(NULL, 64 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *p, *q;

	mine[P] = mark;
	while (!stop) {
		switch (next(&s) % 7) {
		case 0: case 1:
			map_and_check(&s, mark);
			break;
		case 2:
			p = arena + next(&s) % 64 * 16 * P + (unsigned long)arg * 16;
			p[0] = mark;
			if (p[0] != mark && p[0] != 0)	/* or it was mapped anew in between */
				wrong = 4;
			break;
		case 3:
			p = arena + next(&s) % 64 * 16 * P;
			if (mmap(p, 8 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != p)
				wrong = 5;
			break;
		case 4:
			p = mine + (2 + next(&s) % 50) * P;
			mprotect(p, 8 * P, PROT_READ);
			mem_sink = p[0];
			mprotect(p, 8 * P, PROT_READ | PROT_WRITE);
			p[0] = mark;
			madvise(p, 4 * P, MADV_DONTNEED);
			if (p[0] != 0)
				wrong = 6;
			break;
		case 5:
			p = mmap(NULL, 4 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			p[0] = mark;
			q = mremap(p, 4 * P, 40 * P, MREMAP_MAYMOVE);
			if (q == MAP_FAILED || q[0] != mark)
				wrong = 7;
			else
				munmap(q, 40 * P);
			break;
		case 6:
			if (next(&s) % 4 == 0)
				fork_and_check(mine, mark);
		}
	}
	return NULL;
}

START_TEST(threads_change_one_space)
{
	struct timespec three_seconds = { 3, 0 };
	pthread_t t[THREADS];

	arena = anon(64 * 16 * P);
	for (long i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, worker, (void *)i), 0);
	nanosleep(&three_seconds, NULL);
	stop = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	ck_assert_int_eq(wrong, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("mem_fault");
	TCase *t = tcase_create("core");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, the_stack_grows);
	tcase_add_test(t, endless_recursion_is_a_segfault);
	tcase_add_test(t, bad_pointers_in_calls_are_efault);
	tcase_add_test(t, calls_write_into_fresh_and_shared_memory);
	tcase_add_test(t, maps_tell_what_is_mapped);
	tcase_add_test(t, threads_change_one_space);
	suite_add_tcase(s, t);
	return guest_run(s);
}
