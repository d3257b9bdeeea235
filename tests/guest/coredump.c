/* SPDX-License-Identifier: BSD-2-Clause */
/* core(5): when there is a core file, its name, what it holds. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "guest.h"

static volatile long marker = 0x1badb002cafe;

static void
set(const char *name, const char *value)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	fd = (int)ck_ok(open(path, O_WRONLY));
	ck_assert_int_eq(write(fd, value, strlen(value)), (ssize_t)strlen(value));
	close(fd);
}

static void *
waits(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* A child of `threads` threads that dies by sig under this limit; its status. */
static int
death(int sig, rlim_t limit, int threads, pid_t *out)
{
	struct rlimit r = { limit, limit };
	pid_t pid = (pid_t)ck_ok(fork());
	int status;

	if (pid == 0) {
		pthread_t t;

		setrlimit(RLIMIT_CORE, &r);
		signal(sig, SIG_DFL);
		for (int i = 1; i < threads; i++)
			pthread_create(&t, NULL, waits, NULL);
		usleep(threads > 1 ? 100000 : 0);
		if (sig == SIGSEGV)
			*(volatile int *)8 = 1;
		raise(sig);
		_exit(1);
	}
	ck_assert_int_eq(ck_ok(waitpid(pid, &status, 0)), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == sig);
	if (out != NULL)
		*out = pid;
	return status;
}

static void
setup(void)
{
	set("core_pattern", "core.test");
	set("core_uses_pid", "0");
	unlink("core.test");
}

START_TEST(no_limit_no_core)
{
	ck_assert(!WCOREDUMP(death(SIGSEGV, 0, 1, NULL)));
	ck_fails(access("core.test", F_OK), ENOENT);
}
END_TEST

START_TEST(only_some_signals)
{
	ck_assert(!WCOREDUMP(death(SIGUSR1, RLIM_INFINITY, 1, NULL)));
	ck_fails(access("core.test", F_OK), ENOENT);
	ck_assert(WCOREDUMP(death(SIGQUIT, RLIM_INFINITY, 1, NULL)));
	ck_ok(access("core.test", F_OK));
}
END_TEST

START_TEST(not_dumpable)
{
	pid_t pid = (pid_t)ck_ok(fork());
	int status;

	if (pid == 0) {
		struct rlimit r = { RLIM_INFINITY, RLIM_INFINITY };

		setrlimit(RLIMIT_CORE, &r);
		prctl(PR_SET_DUMPABLE, 0);
		signal(SIGQUIT, SIG_DFL);
		raise(SIGQUIT);
		_exit(0);
	}
	ck_ok(waitpid(pid, &status, 0));
	ck_assert(WIFSIGNALED(status) && !WCOREDUMP(status));
	ck_fails(access("core.test", F_OK), ENOENT);
}
END_TEST

START_TEST(names)
{
	char want[64];
	pid_t pid;

	set("core_pattern", "c.%p.%s.%u.%%");
	ck_assert(WCOREDUMP(death(SIGQUIT, RLIM_INFINITY, 1, &pid)));
	snprintf(want, sizeof(want), "c.%d.%d.0.%%", pid, SIGQUIT);
	ck_ok(unlink(want));
	set("core_pattern", "c");
	set("core_uses_pid", "1");
	ck_assert(WCOREDUMP(death(SIGQUIT, RLIM_INFINITY, 1, &pid)));
	snprintf(want, sizeof(want), "c.%d", pid);
	ck_ok(unlink(want));
	set("core_uses_pid", "0");
	set("core_pattern", "core");
}
END_TEST

/* The file, mapped. */
static char *
load(size_t *size)
{
	int fd = (int)ck_ok(open("core.test", O_RDONLY));
	struct stat st;
	char *p;

	ck_ok(fstat(fd, &st));
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	*size = (size_t)st.st_size;
	p = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	ck_assert(p != MAP_FAILED);
	close(fd);
	return p;
}

START_TEST(contents)
{
	int n[16] = { 0 };
	size_t size;
	pid_t pid;
	char *core;
	Elf64_Ehdr *eh;
	Elf64_Phdr *ph;
	bool found = false;

	ck_assert(WCOREDUMP(death(SIGSEGV, RLIM_INFINITY, 3, &pid)));
	core = load(&size);
	eh = (Elf64_Ehdr *)core;
	ck_assert_int_eq(memcmp(eh->e_ident, ELFMAG, SELFMAG), 0);
	ck_assert_int_eq(eh->e_type, ET_CORE);
	ph = (Elf64_Phdr *)(core + eh->e_phoff);
	ck_assert_int_eq(ph[0].p_type, PT_NOTE);
	for (char *p = core + ph[0].p_offset, *end = p + ph[0].p_filesz; p < end;) {
		Elf64_Nhdr *nh = (Elf64_Nhdr *)p;
		char *desc = p + sizeof(*nh) + ((nh->n_namesz + 3) & ~3u);

		switch (nh->n_type) {
		case NT_PRSTATUS:
			if (n[0]++ == 0)
				ck_assert_int_eq(*(int *)(desc + 32), pid);	/* the one that died comes first */
			ck_assert_int_eq(*(short *)(desc + 12), SIGSEGV);
			break;
		case NT_PRPSINFO:
			n[1]++;
			ck_assert_int_eq(*(int *)(desc + 24), pid);
			break;
		case NT_SIGINFO:
			n[2]++;
			ck_assert_int_eq(((siginfo_t *)desc)->si_signo, SIGSEGV);
			ck_assert_ptr_eq(((siginfo_t *)desc)->si_addr, (void *)8);
			break;
		case NT_AUXV:
			n[3]++;
			break;
		case NT_FILE:
			n[4]++;
			break;
		case NT_PRFPREG:
			n[5]++;
			break;
		case NT_X86_XSTATE:
			n[6]++;
			break;
		}
		p = desc + ((nh->n_descsz + 3) & ~3u);
	}
	ck_assert_int_eq(n[0], 3);
	ck_assert_int_eq(n[1], 1);
	ck_assert_int_eq(n[2], 1);
	ck_assert_int_eq(n[3], 1);
	ck_assert_int_eq(n[4], 1);
	ck_assert_int_eq(n[5], 3);
	ck_assert_int_eq(n[6], 3);
	for (int i = 1; i < eh->e_phnum; i++) {
		uintptr_t at = (uintptr_t)&marker;

		ck_assert_int_eq(ph[i].p_type, PT_LOAD);
		if (at >= ph[i].p_vaddr && at < ph[i].p_vaddr + ph[i].p_filesz)
			found = *(long *)(core + ph[i].p_offset + (at - ph[i].p_vaddr)) == 0x1badb002cafe;
	}
	ck_assert(found);
}
END_TEST

START_TEST(left_out_by_advice)
{
	static const size_t len = 8 << 20;
	size_t with, without;

	for (int i = 0; i < 2; i++) {
		pid_t pid = (pid_t)ck_ok(fork());
		int status;

		if (pid == 0) {
			struct rlimit r = { RLIM_INFINITY, RLIM_INFINITY };
			char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			setrlimit(RLIMIT_CORE, &r);
			p[5] = 1;
			if (i == 1)
				madvise(p, len, MADV_DONTDUMP);
			signal(SIGQUIT, SIG_DFL);
			raise(SIGQUIT);
		}
		ck_ok(waitpid(pid, &status, 0));
		ck_assert(WCOREDUMP(status));
		munmap(load(i == 0 ? &with : &without), 0);
	}
	ck_assert_uint_ge(with - without, len - 65536);
}
END_TEST

/* A dump that would take long ends by SIGKILL, and that is what the parent hears of. */
START_TEST(kill_ends_it)
{
	const size_t size = 16 << 20;
	pid_t pid;
	int status;

	pid = (pid_t)ck_ok(fork());
	if (pid == 0) {
		struct rlimit r = { RLIM_INFINITY, RLIM_INFINITY };
		int big = memfd_create("big", 0);
		char *p;

		setrlimit(RLIMIT_CORE, &r);
		signal(SIGQUIT, SIG_DFL);
		if (ftruncate(big, (off_t)size) != 0)
			_exit(1);
		for (int i = 0; i < 2000; i++) {	/* mappings of a file are looked at page by page once one was written */
			p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, big, 0);
			if (p == MAP_FAILED)
				_exit(2);
			*p = 1;
		}
		raise(SIGQUIT);
		_exit(3);
	}
	while (access("core.test", F_OK) != 0)
		usleep(1000);
	ck_ok(kill(pid, SIGKILL));
	ck_ok(waitpid(pid, &status, 0));
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !WCOREDUMP(status), "%x", status);
	unlink("core.test");
}
END_TEST

/* What was never touched costs neither time nor memory. */
START_TEST(sparse_memory)
{
	const size_t size = (size_t)64 << 30;
	struct rlimit r = { RLIM_INFINITY, RLIM_INFINITY };
	pid_t pid = (pid_t)ck_ok(fork());
	struct stat st;
	int status;

	if (pid == 0) {
		char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p == MAP_FAILED)
			_exit(1);
		p[size / 2] = 1;
		setrlimit(RLIMIT_CORE, &r);
		signal(SIGQUIT, SIG_DFL);
		raise(SIGQUIT);
		_exit(2);
	}
	ck_ok(waitpid(pid, &status, 0));
	ck_assert_msg(WIFSIGNALED(status) && WCOREDUMP(status), "%x", status);
	ck_ok(stat("core.test", &st));
	ck_assert(st.st_size > (off_t)size);
	ck_assert_int_lt(st.st_blocks, 16384);
	unlink("core.test");
}
END_TEST

START_TEST(not_through_a_link)
{
	int fd = (int)ck_ok(open("victim", O_WRONLY | O_CREAT | O_TRUNC, 0600));
	struct stat st;

	close(fd);
	ck_ok(symlink("victim", "core.test"));
	ck_assert(WCOREDUMP(death(SIGQUIT, RLIM_INFINITY, 1, NULL)));	/* another file takes the link's place */
	ck_ok(stat("victim", &st));
	ck_assert_int_eq(st.st_size, 0);
	unlink("core.test");
	unlink("victim");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("coredump");
	TCase *t = tcase_create("core");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, no_limit_no_core);
	tcase_add_test(t, only_some_signals);
	tcase_add_test(t, not_dumpable);
	tcase_add_test(t, names);
	tcase_add_test(t, contents);
	tcase_add_test(t, left_out_by_advice);
	tcase_add_test(t, not_through_a_link);
	tcase_add_test(t, kill_ends_it);
	tcase_add_test(t, sparse_memory);
	suite_add_tcase(s, t);
	return guest_run(s);
}
