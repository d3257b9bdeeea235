/* SPDX-License-Identifier: BSD-2-Clause */
/* mmap(2), munmap(2), mprotect(2), brk(2): anonymous memory and files. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "mem.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

START_TEST(fresh_memory_is_zero_and_stays_what_is_written)
{
	char *p = anon(50 * P);

	for (size_t i = 0; i < 50 * P; i += 97)
		ck_assert_int_eq(p[i], 0);
	for (size_t i = 0; i < 50; i++)
		p[i * P] = (char)i;
	for (size_t i = 0; i < 50; i++)
		ck_assert_int_eq(p[i * P], (char)i);
	ck_ok(munmap(p, 50 * P));
}
END_TEST

START_TEST(part_of_a_mapping_can_go)
{
	char *p = anon(10 * P);

	mem_catch();
	memset(p, 1, 10 * P);
	ck_ok(munmap(p + 3 * P, 2 * P));
	ck_faults(mem_sink = p[3 * P], SIGSEGV, SEGV_MAPERR, p + 3 * P);
	ck_faults(p[5 * P - 1] = 2, SIGSEGV, SEGV_MAPERR, p + 5 * P - 1);
	ck_assert_int_eq(p[2 * P], 1);
	ck_assert_int_eq(p[5 * P], 1);
	ck_ok(munmap(p, 10 * P));
	ck_ok(munmap(p, 10 * P));
	ck_faults(mem_sink = p[0], SIGSEGV, SEGV_MAPERR, p);
}
END_TEST

START_TEST(protection_changes_in_the_middle)
{
	char *p = anon(10 * P);

	mem_catch();
	memset(p, 7, 10 * P);
	ck_ok(mprotect(p + 4 * P, 2 * P, PROT_READ));
	ck_faults(p[4 * P] = 1, SIGSEGV, SEGV_ACCERR, p + 4 * P);
	ck_ok(mprotect(p + 4 * P, P, PROT_NONE));
	ck_faults(mem_sink = p[4 * P + 8], SIGSEGV, SEGV_ACCERR, p + 4 * P + 8);
	ck_ok(mprotect(p, 10 * P, PROT_READ | PROT_WRITE));
	ck_assert_int_eq(p[4 * P], 7);
	p[4 * P] = 8;
	ck_ok(munmap(p + 9 * P, P));
	ck_fails(mprotect(p, 10 * P, PROT_READ), ENOMEM);
	ck_faults(p[0] = 1, SIGSEGV, SEGV_ACCERR, p);	/* what is before the hole has changed */
	ck_fails(syscall(SYS_mprotect, p + 1, P, PROT_READ), EINVAL);	/* musl aligns */
	ck_fails(mprotect(p, P, 0x100), EINVAL);
	ck_ok(mprotect(p, 0, PROT_READ));
}
END_TEST

START_TEST(code_runs_only_where_it_may)
{
	char *p = anon(P);
	void (*code)(void) = (void (*)(void))p;

	mem_catch();
	p[0] = (char)0xc3;	/* ret */
	ck_faults(code(), SIGSEGV, SEGV_ACCERR, p);
	ck_ok(mprotect(p, P, PROT_READ | PROT_EXEC));
	code();
}
END_TEST

START_TEST(fixed_takes_the_place)
{
	char *p = anon(4 * P);

	memset(p, 1, 4 * P);
	ck_assert_ptr_eq(mmap(p + P, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), p + P);
	ck_assert_int_eq(p[0], 1);
	ck_assert_int_eq(p[P], 0);
	ck_assert_int_eq(p[2 * P], 1);
	ck_fails(mmap(p + P, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	ck_ok(munmap(p + P, P));
	ck_assert_ptr_eq(mmap(p + P, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), p + P);
	ck_ok(munmap(p, 4 * P));
	ck_assert_ptr_eq(mmap(p, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), p);	/* a free hint is taken */
}
END_TEST

START_TEST(errors_are_linux_errors)
{
	int fd = ck_ok(open("errors", O_RDWR | O_CREAT, 0600)), ro = ck_ok(open("errors", O_RDONLY)), wo = ck_ok(open("errors", O_WRONLY));
	char *p;

	ck_fails(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
	ck_fails(mmap(NULL, P, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
	ck_fails(mmap(NULL, P, PROT_READ, MAP_PRIVATE, 99, 0), EBADF);
	ck_fails(mmap(NULL, P, PROT_READ, MAP_PRIVATE, fd, 1), EINVAL);
	ck_fails(mmap((void *)1, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EINVAL);
	ck_fails(mmap(NULL, 1UL << 48, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	ck_fails(mmap((void *)(1UL << 62), P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), ENOMEM);
	ck_fails(syscall(SYS_mmap, 0UL, 1UL << 46, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	ck_fails(mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0), EACCES);
	ck_fails(mmap(NULL, P, PROT_READ, MAP_SHARED, wo, 0), EACCES);
	ck_fails(mmap(NULL, P, PROT_READ, MAP_PRIVATE, wo, 0), EACCES);
	p = (char *)ck_ok(mmap(NULL, P, PROT_READ, MAP_SHARED, ro, 0));
	ck_fails(mprotect(p, P, PROT_READ | PROT_WRITE), EACCES);
	ck_ok(mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_PRIVATE, ro, 0));
	ck_fails(munmap(p + 1, P), EINVAL);
	ck_fails(munmap(p, 0), EINVAL);
	ck_fails(munmap((void *)(1UL << 62), P), EINVAL);
}
END_TEST

START_TEST(the_break_moves)
{
	char *b = (char *)syscall(SYS_brk, 0), *top = (char *)(((unsigned long)b + P - 1) & ~(P - 1));

	mem_catch();
	ck_assert_ptr_eq((void *)syscall(SYS_brk, top + 100 * P), top + 100 * P);
	memset(top, 5, 100 * P);
	ck_assert_ptr_eq((void *)syscall(SYS_brk, top), top);
	ck_faults(top[50 * P] = 1, SIGSEGV, SEGV_MAPERR, top + 50 * P);
	ck_assert_ptr_eq((void *)syscall(SYS_brk, top + 10), top + 10);
	ck_assert_int_eq(top[0], 0);
	ck_assert_ptr_eq((void *)syscall(SYS_brk, 1000), top + 10);
	ck_assert_ptr_eq((void *)syscall(SYS_brk, b), b);
}
END_TEST

START_TEST(limits_are_kept)
{
	struct rlimit small = { 64 << 20, 64 << 20 };

	ck_ok(setrlimit(RLIMIT_AS, &small));
	ck_fails(mmap(NULL, 64 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	ck_ok(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}
END_TEST

/* --- files --- */

static int
make_file(const char *name, size_t pages)
{
	int fd = (int)ck_ok(open(name, O_RDWR | O_CREAT | O_TRUNC, 0600));
	char block[P];

	for (size_t i = 0; i < pages; i++) {
		memset(block, 'a' + (int)i, P);
		ck_assert_int_eq(write(fd, block, P), P);
	}
	return fd;
}

START_TEST(shared_file_memory_is_the_file)
{
	int fd = make_file("shared", 5);
	char *p = (char *)ck_ok(mmap(NULL, 5 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)), c[2];

	ck_assert_int_eq(p[4 * P], 'e');
	p[1] = 'Q';
	ck_assert_int_eq(pread(fd, c, 2, 0), 2);
	ck_assert_int_eq(c[1], 'Q');
	ck_assert_int_eq(pwrite(fd, "W", 1, 2 * P), 1);
	ck_assert_int_eq(p[2 * P], 'W');
	in_child(p[3 * P] = 'C');
	ck_assert_int_eq(p[3 * P], 'C');
	ck_ok(msync(p, 5 * P, MS_SYNC));
	ck_ok(close(fd));
	ck_assert_int_eq(p[1], 'Q');
}
END_TEST

START_TEST(writing_to_shared_memory_changes_the_times)
{
	struct timespec past[2] = { { 1000, 0 }, { 1000, 0 } };
	int fd = make_file("times", 2);
	char *p = (char *)ck_ok(mmap(NULL, 2 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	struct stat st, before;

	ck_ok(futimens(fd, past));
	ck_ok(fstat(fd, &before));
	usleep(50000);
	p[0] = 'x';
	ck_ok(fstat(fd, &st));
	ck_assert_int_gt(st.st_mtime, 1000);
	ck_assert(st.st_ctim.tv_sec > before.st_ctim.tv_sec || st.st_ctim.tv_nsec > before.st_ctim.tv_nsec);
	ck_ok(close(fd));
}
END_TEST

START_TEST(private_file_memory_is_copied_on_write)
{
	int fd = make_file("private", 3);
	char *p = (char *)ck_ok(mmap(NULL, 3 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0)), c;

	p[0] = 'Z';
	ck_assert_int_eq(pread(fd, &c, 1, 0), 1);
	ck_assert_int_eq(c, 'a');
	ck_assert_int_eq(pwrite(fd, "NN", 2, P), 2);
	ck_assert_int_eq(p[P], 'N');
	p[P] = 'O';
	ck_assert_int_eq(p[P + 1], 'N');
	ck_assert_int_eq(pwrite(fd, "M", 1, P), 1);
	ck_assert_int_eq(p[P], 'O');
	in_child(p[0] = 'X'; if (p[0] != 'X' || p[P] != 'O') _exit(1));
	ck_assert_int_eq(p[0], 'Z');
}
END_TEST

START_TEST(beyond_the_end_is_a_bus_error)
{
	int fd = make_file("end", 2);
	char *p, *q;

	mem_catch();
	ck_ok(ftruncate(fd, P + 100));
	p = (char *)ck_ok(mmap(NULL, 4 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	q = (char *)ck_ok(mmap(NULL, 4 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	ck_assert_int_eq(p[P + 99], 'b');
	ck_assert_int_eq(p[P + 100], 0);
	ck_faults(mem_sink = p[2 * P], SIGBUS, BUS_ADRERR, p + 2 * P);
	ck_faults(q[3 * P] = 1, SIGBUS, BUS_ADRERR, q + 3 * P);
	q[P] = 'q';
	ck_ok(ftruncate(fd, P));
	ck_faults(mem_sink = p[P], SIGBUS, BUS_ADRERR, p + P);
	ck_faults(mem_sink = q[P], SIGBUS, BUS_ADRERR, q + P);
	ck_ok(ftruncate(fd, 3 * P));
	ck_assert_int_eq(p[P], 0);
	ck_assert_int_eq(q[P], 0);
	p[2 * P] = 1;
}
END_TEST

START_TEST(offsets_count_in_the_file)
{
	int fd = make_file("offset", 6);
	char *p = (char *)ck_ok(mmap(NULL, 2 * P, PROT_READ, MAP_PRIVATE, fd, 3 * P));

	ck_assert_int_eq(p[0], 'd');
	ck_assert_int_eq(p[P], 'e');
	ck_ok(munmap(p, P));
	ck_assert_int_eq(p[P], 'e');
}
END_TEST

START_TEST(shared_anonymous_memory_is_shared_by_forks)
{
	char *p = (char *)ck_ok(mmap(NULL, 8 * P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));

	p[0] = 1;
	in_child(if (p[0] != 1) _exit(1); p[7 * P] = 2; munmap(p, P));
	ck_assert_int_eq(p[7 * P], 2);
	ck_ok(munmap(p, 4 * P));
	in_child(p[6 * P] = 3);
	ck_assert_int_eq(p[6 * P], 3);
}
END_TEST

START_TEST(huge_memory_in_pieces)
{
	char *raw = anon(8 * HUGE_P), *p = (char *)(((unsigned long)raw + HUGE_P - 1) & ~(HUGE_P - 1));

	mem_catch();
	memset(p, 1, 6 * HUGE_P);
	ck_ok(munmap(p + HUGE_P + P, P));
	ck_faults(mem_sink = p[HUGE_P + P], SIGSEGV, SEGV_MAPERR, p + HUGE_P + P);
	ck_ok(mprotect(p + 2 * HUGE_P + 5 * P, P, PROT_READ));
	ck_faults(p[2 * HUGE_P + 5 * P] = 1, SIGSEGV, SEGV_ACCERR, p + 2 * HUGE_P + 5 * P);
	in_child(for (size_t i = 3 * HUGE_P; i < 4 * HUGE_P; i += P) p[i] = 9; if (p[3 * HUGE_P + 1] != 1) _exit(1));
	for (size_t i = 0; i < 6 * HUGE_P; i += P)
		if (i != HUGE_P + P)
			ck_assert_int_eq(p[i], 1);
	p[3 * HUGE_P] = 5;
	ck_assert_int_eq(p[3 * HUGE_P + P], 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("mem_map");
	TCase *t = tcase_create("core");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, fresh_memory_is_zero_and_stays_what_is_written);
	tcase_add_test(t, part_of_a_mapping_can_go);
	tcase_add_test(t, protection_changes_in_the_middle);
	tcase_add_test(t, code_runs_only_where_it_may);
	tcase_add_test(t, fixed_takes_the_place);
	tcase_add_test(t, errors_are_linux_errors);
	tcase_add_test(t, the_break_moves);
	tcase_add_test(t, limits_are_kept);
	tcase_add_test(t, shared_file_memory_is_the_file);
	tcase_add_test(t, writing_to_shared_memory_changes_the_times);
	tcase_add_test(t, private_file_memory_is_copied_on_write);
	tcase_add_test(t, beyond_the_end_is_a_bus_error);
	tcase_add_test(t, offsets_count_in_the_file);
	tcase_add_test(t, shared_anonymous_memory_is_shared_by_forks);
	tcase_add_test(t, huge_memory_in_pieces);
	suite_add_tcase(s, t);
	return guest_run(s);
}
