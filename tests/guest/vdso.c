/* SPDX-License-Identifier: BSD-2-Clause */
/* The vDSO, called directly: what it exports, and that its clocks and the system calls' are the same clocks. vdso(7). */
#include <elf.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

static const char *base;
static int (*v_gettime)(clockid_t, struct timespec *);
static int (*v_getres)(clockid_t, struct timespec *);
static int (*v_timeofday)(struct timeval *, void *);
static time_t (*v_time)(time_t *);
static long (*v_getcpu)(unsigned *, unsigned *, void *);

static const void *
dyn(Elf64_Sxword tag)
{
	const Elf64_Ehdr *e = (const void *)base;
	const Elf64_Phdr *ph = (const void *)(base + e->e_phoff);

	for (int i = 0; i < e->e_phnum; i++) {
		if (ph[i].p_type != PT_DYNAMIC)
			continue;
		for (const Elf64_Dyn *d = (const void *)(base + ph[i].p_offset); d->d_tag != DT_NULL; d++)
			if (d->d_tag == tag)
				return base + d->d_un.d_ptr;
	}
	return NULL;
}

static void *
lookup(const char *name)
{
	const Elf64_Sym *syms = dyn(DT_SYMTAB);
	const char *strings = dyn(DT_STRTAB);
	const Elf32_Word *hash = dyn(DT_HASH);

	ck_assert_ptr_nonnull(hash);
	for (Elf32_Word i = 1; i < hash[1]; i++)
		if (strcmp(strings + syms[i].st_name, name) == 0 && ELF64_ST_TYPE(syms[i].st_info) == STT_FUNC)
			return (void *)(base + syms[i].st_value);
	return NULL;
}

static void
find(void)
{
	base = (const char *)getauxval(AT_SYSINFO_EHDR);
	ck_assert_ptr_nonnull(base);
	ck_assert_mem_eq(base, ELFMAG, SELFMAG);
	v_gettime = lookup("__vdso_clock_gettime");
	v_getres = lookup("__vdso_clock_getres");
	v_timeofday = lookup("__vdso_gettimeofday");
	v_time = lookup("__vdso_time");
	v_getcpu = lookup("__vdso_getcpu");
	ck_assert(v_gettime && v_getres && v_timeofday && v_time && v_getcpu);
}

static int64_t
ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000LL + ts->tv_nsec;
}

static int64_t
by_vdso(clockid_t c)
{
	struct timespec ts;

	ck_assert_int_eq(v_gettime(c, &ts), 0);
	ck_assert(ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000);
	return ns(&ts);
}

static int64_t
by_syscall(clockid_t c)
{
	struct timespec ts;

	ck_ok(syscall(SYS_clock_gettime, c, &ts));
	return ns(&ts);
}

START_TEST(the_version_is_linux_2_6)
{
	const Elf64_Verdef *def = dyn(DT_VERDEF);
	const char *strings = dyn(DT_STRTAB);
	int found = 0;

	ck_assert_ptr_nonnull(def);
	for (;;) {
		const Elf64_Verdaux *aux = (const void *)((const char *)def + def->vd_aux);

		found |= !(def->vd_flags & VER_FLG_BASE) && strcmp(strings + aux->vda_name, "LINUX_2.6") == 0;
		if (def->vd_next == 0)
			break;
		def = (const void *)((const char *)def + def->vd_next);
	}
	ck_assert(found);
}
END_TEST

START_TEST(vdso_and_kernel_never_overtake_each_other)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI };

	for (unsigned c = 0; c < sizeof(clocks) / sizeof(clocks[0]); c++) {
		int64_t last = by_syscall(clocks[c]);

		for (int i = 0; i < 5000; i++) {
			int64_t now = i % 2 ? by_syscall(clocks[c]) : by_vdso(clocks[c]);

			ck_assert_msg(now >= last, "clock %d ran back by %ld ns", clocks[c], (long)(last - now));
			last = now;
		}
	}
}
END_TEST

START_TEST(coarse_clocks_lag_a_little)
{
	struct timespec res;

	ck_assert_int_eq(v_getres(CLOCK_MONOTONIC_COARSE, &res), 0);
	for (int i = 0; i < 1000; i++) {
		int64_t coarse = by_vdso(CLOCK_MONOTONIC_COARSE), fine = by_vdso(CLOCK_MONOTONIC);

		ck_assert_int_le(coarse, fine);
		ck_assert_int_lt(fine - coarse, 2000000000);
	}
	ck_assert_int_le(by_vdso(CLOCK_REALTIME_COARSE), by_vdso(CLOCK_REALTIME));
}
END_TEST

START_TEST(seconds_agree)
{
	struct timeval tv;
	time_t t, after;

	t = v_time(NULL);
	ck_assert_int_eq(v_timeofday(&tv, NULL), 0);
	after = by_syscall(CLOCK_REALTIME) / 1000000000;
	ck_assert_int_le(t, tv.tv_sec);
	ck_assert_int_le(tv.tv_sec, after);
	ck_assert(tv.tv_usec >= 0 && tv.tv_usec < 1000000);
	ck_assert_int_eq(v_time(&t), t);
	ck_assert_int_le(after - t, 2);
}
END_TEST

START_TEST(what_is_not_in_it_goes_to_the_kernel)
{
	struct timespec ts;

	ck_assert_int_eq(v_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts), 0);
	ck_assert_int_eq(v_gettime(12345, &ts), -EINVAL);
	ck_assert_int_eq(v_getres(12345, &ts), -EINVAL);
	ck_assert_int_eq(v_getres(CLOCK_MONOTONIC, &ts), 0);
	ck_assert_int_eq(ns(&ts), 1);
}
END_TEST

START_TEST(getcpu_tells_the_cpu)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (long i = 0; i < cpus; i++) {
		unsigned cpu = 9999, node = 9999, cpu2 = 9999;
		unsigned long mask = 1UL << i;

		ck_ok(syscall(SYS_sched_setaffinity, 0, sizeof(mask), &mask));
		ck_assert_int_eq(v_getcpu(&cpu, &node, NULL), 0);
		ck_assert_uint_eq(cpu, i);
		ck_assert_uint_eq(node, 0);
		ck_ok(syscall(SYS_getcpu, &cpu2, NULL, NULL));
		ck_assert_uint_eq(cpu2, i);
	}
	ck_assert_int_eq(v_getcpu(NULL, NULL, NULL), 0);
}
END_TEST

/* Two processes hand each other the last time seen: across CPUs, too, it only grows. */
START_TEST(cpus_agree_on_the_time)
{
	int64_t *last = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid = ck_ok(fork());

	for (int i = 0; i < 20000; i++) {
		int64_t seen = __atomic_load_n(last, __ATOMIC_SEQ_CST), now = by_vdso(CLOCK_MONOTONIC);

		if (now < seen) {
			if (pid == 0)
				_exit(1);
			ck_abort_msg("%ld ns back", (long)(seen - now));
		}
		__atomic_compare_exchange_n(last, &seen, now, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	}
	if (pid == 0)
		_exit(0);
	ck_ok(waitpid(pid, &status, 0));
	ck_assert_int_eq(status, 0);
}
END_TEST

static sigjmp_buf back;

static void
on_segv(int sig)
{
	siglongjmp(back, 1);
}

START_TEST(nobody_writes_to_it)
{
	volatile char *p = (volatile char *)base;

	signal(SIGSEGV, on_segv);
	if (sigsetjmp(back, 1) == 0) {
		*p = 0;
		ck_abort_msg("the image is writable");
	}
	ck_assert_mem_eq(base, ELFMAG, SELFMAG);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("vdso");
	TCase *tc = tcase_create("vdso");

	tcase_add_checked_fixture(tc, find, NULL);
	tcase_add_test(tc, the_version_is_linux_2_6);
	tcase_add_test(tc, vdso_and_kernel_never_overtake_each_other);
	tcase_add_test(tc, coarse_clocks_lag_a_little);
	tcase_add_test(tc, seconds_agree);
	tcase_add_test(tc, what_is_not_in_it_goes_to_the_kernel);
	tcase_add_test(tc, getcpu_tells_the_cpu);
	tcase_add_test(tc, cpus_agree_on_the_time);
	tcase_add_test(tc, nobody_writes_to_it);
	suite_add_tcase(s, tc);
	return guest_run(s);
}
