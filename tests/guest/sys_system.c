/* SPDX-License-Identifier: BSD-2-Clause */
/* uname, host name, sysinfo, syslog, getrandom, reboot's checks, the wall clock, the hardware clock. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/rtc.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>

#include "guest.h"

START_TEST(uname_fields)
{
	struct utsname u;

	ck_ok(uname(&u));
	ck_assert_str_eq(u.sysname, "Linux");
	ck_assert_str_eq(u.machine, "x86_64");
	ck_assert_int_ge(atoi(u.release), 4);
	ck_assert_int_eq(u.version[0], '#');
	ck_fails(syscall(SYS_uname, 8L), EFAULT);
}
END_TEST

START_TEST(host_name)
{
	struct utsname u;
	char long_name[80];

	memset(long_name, 'x', sizeof(long_name));
	ck_ok(sethostname("beam", 4));
	ck_ok(uname(&u));
	ck_assert_str_eq(u.nodename, "beam");
	ck_ok(sethostname(long_name, 64));
	ck_ok(uname(&u));
	ck_assert_uint_eq(strlen(u.nodename), 64);
	ck_fails(sethostname(long_name, 65), EINVAL);
	ck_fails(syscall(SYS_sethostname, long_name, -1), EINVAL);
	ck_fails(syscall(SYS_sethostname, 8L, 4), EFAULT);
	ck_ok(setdomainname("lan", 3));
	ck_ok(uname(&u));
	ck_assert_str_eq(u.domainname, "lan");
	ck_ok(setuid(1000));
	ck_fails(sethostname("beam", 4), EPERM);
}
END_TEST

START_TEST(sysinfo_is_sane)
{
	struct sysinfo si;

	ck_ok(sysinfo(&si));
	ck_assert_int_ge(si.uptime, 1);
	ck_assert(si.totalram * si.mem_unit > 16UL << 20);
	ck_assert(si.freeram <= si.totalram);
	ck_assert_uint_ge(si.procs, 2);
	ck_fails(syscall(SYS_sysinfo, 8L), EFAULT);
}
END_TEST

START_TEST(random_bytes_differ)
{
	unsigned char a[300], b[300];

	ck_assert_int_eq(getrandom(a, sizeof(a), 0), sizeof(a));
	ck_assert_int_eq(getrandom(b, sizeof(b), GRND_NONBLOCK), sizeof(b));
	ck_assert_int_ne(memcmp(a, b, sizeof(a)), 0);
	ck_assert_int_eq(getrandom(a, 0, 0), 0);
	ck_fails(getrandom(a, 1, 0x80), EINVAL);
	ck_fails(getrandom(a, 1, 2 | 4), EINVAL);
	ck_fails(syscall(SYS_getrandom, 8L, 16, 0), EFAULT);
}
END_TEST

START_TEST(reboot_checks_first)
{
	ck_fails(syscall(SYS_reboot, 1, 2, 0, 0), EINVAL);
	ck_fails(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x42, 0), EINVAL);
	ck_ok(syscall(SYS_reboot, 0xfee1dead, 672274793, 0, 0));	/* Ctrl-Alt-Del off */
	ck_ok(setuid(1000));
	ck_fails(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x01234567, 0), EPERM);
}
END_TEST

static void
log_line(const char *text)
{
	int fd = (int)ck_ok(open("/dev/kmsg", O_WRONLY));

	ck_ok(write(fd, text, strlen(text)));
	close(fd);
}

START_TEST(syslog_reads_all)
{
	static char buf[1 << 18];
	long n;

	log_line("<7>guest test marker\n");
	n = ck_ok(klogctl(3, buf, sizeof(buf) - 1));
	buf[n] = '\0';
	ck_assert_ptr_nonnull(strstr(buf, "guest test marker\n"));
	ck_assert_int_eq(buf[0], '<');
	ck_assert_int_gt(klogctl(10, NULL, 0), 1000);
	ck_fails(klogctl(3, NULL, 10), EINVAL);
	ck_fails(klogctl(3, buf, -1), EINVAL);
	ck_assert_int_eq(klogctl(3, buf, 0), 0);
	ck_fails(klogctl(99, NULL, 0), EINVAL);
	ck_fails(klogctl(8, NULL, 0), EINVAL);
	ck_fails(klogctl(8, NULL, 9), EINVAL);
}
END_TEST

START_TEST(syslog_clear_hides_what_was)
{
	static char buf[1 << 18];
	long n;

	log_line("<7>before the clear\n");
	ck_ok(klogctl(5, NULL, 0));
	log_line("<7>after the clear\n");
	n = ck_ok(klogctl(3, buf, sizeof(buf) - 1));
	buf[n] = '\0';
	ck_assert_ptr_null(strstr(buf, "before the clear"));
	ck_assert_ptr_nonnull(strstr(buf, "after the clear"));
	n = ck_ok(klogctl(3, buf, 40));		/* the last lines that fit, whole */
	ck_assert_int_le(n, 40);
}
END_TEST

START_TEST(syslog_needs_a_capability)
{
	static char buf[4096];

	ck_ok(setuid(1000));
	ck_fails(klogctl(2, buf, sizeof(buf)), EPERM);
	ck_fails(klogctl(5, NULL, 0), EPERM);
}
END_TEST

START_TEST(wall_clock_can_be_set)
{
	struct timespec old, set = { 1900000000, 5 }, now, mono, mono2;
	struct timeval tv;

	ck_ok(clock_gettime(CLOCK_REALTIME, &old));
	ck_ok(clock_gettime(CLOCK_MONOTONIC, &mono));
	ck_ok(clock_settime(CLOCK_REALTIME, &set));
	ck_ok(clock_gettime(CLOCK_REALTIME, &now));
	ck_assert_int_ge(now.tv_sec, 1900000000);
	ck_assert_int_lt(now.tv_sec, 1900000010);
	ck_ok(gettimeofday(&tv, NULL));
	ck_assert_int_ge(tv.tv_sec, 1900000000);
	ck_assert_int_ge(time(NULL), 1900000000);
	ck_ok(clock_gettime(CLOCK_MONOTONIC, &mono2));
	ck_assert_int_lt(mono2.tv_sec - mono.tv_sec, 10);
	ck_ok(clock_settime(CLOCK_REALTIME, &old));
	set.tv_nsec = 1000000000;
	ck_fails(syscall(SYS_clock_settime, CLOCK_REALTIME, &set), EINVAL);
	set.tv_nsec = 0;
	ck_fails(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &set), EINVAL);
	ck_ok(setuid(1000));
	ck_fails(syscall(SYS_clock_settime, CLOCK_REALTIME, &old), EPERM);
}
END_TEST

START_TEST(coarse_clocks_follow)
{
	struct timespec fine, coarse;

	for (int i = 0; i < 50; i++) {
		usleep(i % 5 == 0 ? 30000 : 100);
		ck_ok(clock_gettime(CLOCK_REALTIME_COARSE, &coarse));
		ck_ok(clock_gettime(CLOCK_REALTIME, &fine));
		long d = (fine.tv_sec - coarse.tv_sec) * 1000000000L + fine.tv_nsec - coarse.tv_nsec;

		ck_assert_msg(d >= 0 && d < 200000000L, "%ld us behind", d / 1000);
	}
}
END_TEST

START_TEST(adjtimex_reads)
{
	struct timex tx = { .modes = 0 };

	ck_assert_int_ge(ck_ok(adjtimex(&tx)), 0);
	ck_assert_int_gt(tx.time.tv_sec, 1000);
	ck_assert_int_eq(tx.tick, 10000);
}
END_TEST

START_TEST(kmsg_records)
{
	char rec[1024];
	int fd = (int)ck_ok(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));
	long n;

	ck_ok(lseek(fd, 0, SEEK_END));
	ck_fails(read(fd, rec, sizeof(rec)), EAGAIN);
	log_line("<7>kmsg record test\n");
	n = ck_ok(read(fd, rec, sizeof(rec) - 1));
	rec[n] = '\0';
	ck_assert_ptr_nonnull(strstr(rec, ";kmsg record test\n"));
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sys_system");
	TCase *t = tcase_create("core");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, uname_fields);
	tcase_add_test(t, host_name);
	tcase_add_test(t, sysinfo_is_sane);
	tcase_add_test(t, random_bytes_differ);
	tcase_add_test(t, reboot_checks_first);
	tcase_add_test(t, syslog_reads_all);
	tcase_add_test(t, syslog_clear_hides_what_was);
	tcase_add_test(t, syslog_needs_a_capability);
	tcase_add_test(t, wall_clock_can_be_set);
	tcase_add_test(t, coarse_clocks_follow);
	tcase_add_test(t, adjtimex_reads);
	tcase_add_test(t, kmsg_records);
	suite_add_tcase(s, t);
	return guest_run(s);
}
