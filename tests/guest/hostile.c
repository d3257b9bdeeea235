/* SPDX-License-Identifier: BSD-2-Clause */
/* Bad input: bad pointers in every system call that takes one, objects cut off at a page's end, hogs and bombs. */
#include <elf.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

/* --- the sweep --- */

/* Descriptors that a row may name: a file with text, a directory, both ends of a full-enough pipe, a ready epoll, a timer. */
enum { FILE_FD = 100, DIR_FD, PIPE_OUT, PIPE_IN, EPOLL, TIMER, PTY };

static long zeros[1024];
static char here[] = "/tmp", file[] = "/tmp/hostile", symbolic[] = "/tmp/hostile.link", fresh[] = "/tmp/hostile.new";
static uint32_t cap_header[2] = { 0x20080522, 0 };
static long set_with_ptr[2];
static char *page;			/* a mapped page with an unmapped one behind it */

#define A(p)	((long)(p))
#define Z	A(zeros)
#define AT	((long)AT_FDCWD)

/* bad: bit n is set when argument n is a pointer to try; cut: of these, what also fails when it has one byte only. */
static const struct row { const char *name; int nr; unsigned bad, cut; long arg[6]; } rows[] = {
	{ "read file", SYS_read, 2, 0, { FILE_FD, 0, 64 } },
	{ "read pipe", SYS_read, 2, 0, { PIPE_OUT, 0, 64 } },
	{ "read timerfd", SYS_read, 2, 2, { TIMER, 0, 8 } },
	{ "write file", SYS_write, 2, 0, { FILE_FD, 0, 64 } },
	{ "write pipe", SYS_write, 2, 0, { PIPE_IN, 0, 64 } },
	{ "write tty", SYS_write, 2, 0, { PTY, 0, 64 } },
	{ "open", SYS_open, 1, 1, { 0, O_RDONLY } },
	{ "stat", SYS_stat, 3, 3, { A(file), Z } },
	{ "fstat", SYS_fstat, 2, 2, { FILE_FD, Z } },
	{ "lstat", SYS_lstat, 3, 3, { A(file), Z } },
	{ "poll", SYS_poll, 1, 1, { Z, 1, 0 } },
	{ "rt_sigaction", SYS_rt_sigaction, 6, 6, { SIGUSR1, 0, 0, 8 } },
	{ "rt_sigprocmask", SYS_rt_sigprocmask, 6, 6, { SIG_BLOCK, 0, 0, 8 } },
	{ "ioctl TCGETS", SYS_ioctl, 4, 4, { PTY, 0x5401, 0 } },
	{ "ioctl TCSETS", SYS_ioctl, 4, 4, { PTY, 0x5402, 0 } },
	{ "ioctl TIOCGWINSZ", SYS_ioctl, 4, 4, { PTY, 0x5413, 0 } },
	{ "ioctl TIOCSWINSZ", SYS_ioctl, 4, 4, { PTY, 0x5414, 0 } },
	{ "ioctl FIONREAD", SYS_ioctl, 4, 4, { PIPE_OUT, 0x541b, 0 } },
	{ "ioctl FIONBIO", SYS_ioctl, 4, 4, { PIPE_OUT, 0x5421, 0 } },
	{ "fcntl F_GETLK", SYS_fcntl, 4, 4, { FILE_FD, F_GETLK, 0 } },
	{ "fcntl F_SETLK", SYS_fcntl, 4, 4, { FILE_FD, F_SETLK, 0 } },
	{ "pread64", SYS_pread64, 2, 0, { FILE_FD, 0, 64, 0 } },
	{ "pwrite64", SYS_pwrite64, 2, 0, { FILE_FD, 0, 64, 0 } },
	{ "readv", SYS_readv, 2, 2, { FILE_FD, 0, 1 } },
	{ "writev", SYS_writev, 2, 2, { FILE_FD, 0, 1 } },
	{ "preadv", SYS_preadv, 2, 2, { FILE_FD, 0, 1, 0, 0 } },
	{ "pwritev", SYS_pwritev, 2, 2, { FILE_FD, 0, 1, 0, 0 } },
	{ "preadv2", SYS_preadv2, 2, 2, { FILE_FD, 0, 1, 0, 0, 0 } },
	{ "pwritev2", SYS_pwritev2, 2, 2, { FILE_FD, 0, 1, 0, 0, 0 } },
	{ "access", SYS_access, 1, 1, { 0, F_OK } },
	{ "pipe", SYS_pipe, 1, 1, { 0 } },
	{ "pipe2", SYS_pipe2, 1, 1, { 0, O_CLOEXEC } },
	{ "select", SYS_select, 036, 036, { 8, Z, Z, Z, Z } },
	{ "pselect6", SYS_pselect6, 076, 076, { 8, Z, Z, Z, Z, A(set_with_ptr) } },
	{ "ppoll", SYS_ppoll, 015, 015, { Z, 1, Z, Z, 8 } },
	{ "mincore", SYS_mincore, 4, 4, { 0x400000, 8192, 0 } },
	{ "nanosleep", SYS_nanosleep, 1, 1, { 0, 0 } },
	{ "clock_nanosleep", SYS_clock_nanosleep, 4, 4, { CLOCK_MONOTONIC, 0, 0, 0 } },
	{ "getitimer", SYS_getitimer, 2, 2, { ITIMER_VIRTUAL, 0 } },
	{ "setitimer", SYS_setitimer, 6, 6, { ITIMER_VIRTUAL, Z, 0 } },
	{ "sendfile", SYS_sendfile, 4, 4, { PIPE_IN, FILE_FD, 0, 8 } },
	{ "execve", SYS_execve, 7, 7, { A(here), Z, Z } },
	{ "execveat", SYS_execveat, 016, 016, { AT, A(here), Z, Z, 0 } },
	{ "uname", SYS_uname, 1, 1, { 0 } },
	{ "truncate", SYS_truncate, 1, 1, { 0, 0 } },
	{ "getdents", SYS_getdents, 2, 2, { DIR_FD, 0, 4096 } },
	{ "getdents64", SYS_getdents64, 2, 2, { DIR_FD, 0, 4096 } },
	{ "getcwd", SYS_getcwd, 1, 1, { 0, 4096 } },
	{ "chdir", SYS_chdir, 1, 1, { 0 } },
	{ "chroot", SYS_chroot, 1, 1, { 0 } },
	{ "rename", SYS_rename, 3, 3, { A(file), A(fresh) } },
	{ "renameat", SYS_renameat, 012, 012, { AT, A(file), AT, A(fresh) } },
	{ "renameat2", SYS_renameat2, 012, 012, { AT, A(file), AT, A(fresh), 0 } },
	{ "mkdir", SYS_mkdir, 1, 1, { 0, 0700 } },
	{ "mkdirat", SYS_mkdirat, 2, 2, { AT, 0, 0700 } },
	{ "rmdir", SYS_rmdir, 1, 1, { 0 } },
	{ "creat", SYS_creat, 1, 1, { 0, 0600 } },
	{ "link", SYS_link, 3, 3, { A(file), A(fresh) } },
	{ "linkat", SYS_linkat, 012, 012, { AT, A(file), AT, A(fresh), 0 } },
	{ "unlink", SYS_unlink, 1, 1, { 0 } },
	{ "unlinkat", SYS_unlinkat, 2, 2, { AT, 0, 0 } },
	{ "symlink", SYS_symlink, 3, 3, { A(file), A(fresh) } },
	{ "symlinkat", SYS_symlinkat, 5, 5, { A(file), AT, A(fresh) } },
	{ "readlink", SYS_readlink, 3, 3, { A(symbolic), Z, 64 } },
	{ "readlinkat", SYS_readlinkat, 6, 6, { AT, A(symbolic), Z, 64 } },
	{ "chmod", SYS_chmod, 1, 1, { 0, 0600 } },
	{ "fchmodat", SYS_fchmodat, 2, 2, { AT, 0, 0600 } },
	{ "chown", SYS_chown, 1, 1, { 0, 0, 0 } },
	{ "lchown", SYS_lchown, 1, 1, { 0, 0, 0 } },
	{ "fchownat", SYS_fchownat, 2, 2, { AT, 0, 0, 0, 0 } },
	{ "mknod", SYS_mknod, 1, 1, { 0, S_IFREG | 0600, 0 } },
	{ "mknodat", SYS_mknodat, 2, 2, { AT, 0, S_IFREG | 0600, 0 } },
	{ "utime", SYS_utime, 3, 3, { A(file), Z } },
	{ "utimes", SYS_utimes, 3, 3, { A(file), Z } },
	{ "futimesat", SYS_futimesat, 6, 6, { AT, A(file), Z } },
	{ "utimensat", SYS_utimensat, 6, 6, { AT, A(file), Z, 0 } },
	{ "statfs", SYS_statfs, 3, 3, { A(file), Z } },
	{ "fstatfs", SYS_fstatfs, 2, 2, { FILE_FD, 0 } },
	{ "openat", SYS_openat, 2, 2, { AT, 0, O_RDONLY } },
	{ "openat2", SYS_openat2, 6, 6, { AT, A(file), Z, 24 } },
	{ "newfstatat", SYS_newfstatat, 6, 6, { AT, A(file), Z, 0 } },
	{ "statx", SYS_statx, 022, 022, { AT, A(file), 0, 0x7ff, Z } },
	{ "faccessat", SYS_faccessat, 2, 2, { AT, 0, F_OK } },
	{ "faccessat2", 439, 2, 2, { AT, 0, F_OK, 0 } },
	{ "mount", SYS_mount, 027, 007, { A("none"), A(here), A("tmpfs"), 0, Z } },
	{ "umount2", SYS_umount2, 1, 1, { 0, 0 } },
	{ "pivot_root", SYS_pivot_root, 3, 3, { A(here), A(here) } },
	{ "memfd_create", SYS_memfd_create, 1, 1, { 0, 0 } },
	{ "gettimeofday", SYS_gettimeofday, 3, 3, { 0, 0 } },
	{ "settimeofday", SYS_settimeofday, 3, 3, { 0, 0 } },
	{ "time", SYS_time, 1, 1, { 0 } },
	{ "clock_settime", SYS_clock_settime, 2, 2, { CLOCK_REALTIME, 0 } },
	{ "clock_gettime", SYS_clock_gettime, 2, 2, { CLOCK_REALTIME, 0 } },
	{ "clock_getres", SYS_clock_getres, 2, 2, { CLOCK_REALTIME, 0 } },
	{ "adjtimex", SYS_adjtimex, 1, 1, { 0 } },
	{ "clock_adjtime", SYS_clock_adjtime, 2, 2, { CLOCK_REALTIME, 0 } },
	{ "getrlimit", SYS_getrlimit, 2, 2, { RLIMIT_NOFILE, 0 } },
	{ "setrlimit", SYS_setrlimit, 2, 2, { RLIMIT_NOFILE, 0 } },
	{ "prlimit64", SYS_prlimit64, 014, 014, { 0, RLIMIT_NOFILE, 0, 0 } },
	{ "getrusage", SYS_getrusage, 2, 2, { 0, 0 } },
	{ "sysinfo", SYS_sysinfo, 1, 1, { 0 } },
	{ "times", SYS_times, 1, 1, { 0 } },
	{ "getgroups", SYS_getgroups, 2, 2, { 8, 0 } },
	{ "setgroups", SYS_setgroups, 2, 2, { 1, 0 } },
	{ "getresuid", SYS_getresuid, 7, 7, { Z, Z, Z } },
	{ "getresgid", SYS_getresgid, 7, 7, { Z, Z, Z } },
	{ "capget", SYS_capget, 3, 3, { A(cap_header), Z } },
	{ "capset", SYS_capset, 3, 3, { A(cap_header), Z } },
	{ "rt_sigpending", SYS_rt_sigpending, 1, 1, { 0, 8 } },
	{ "rt_sigtimedwait", SYS_rt_sigtimedwait, 5, 5, { Z, 0, Z, 8 } },
	{ "rt_sigsuspend", SYS_rt_sigsuspend, 1, 1, { 0, 8 } },
	{ "rt_sigqueueinfo", SYS_rt_sigqueueinfo, 4, 4, { 1 << 22, SIGUSR1, 0 } },
	{ "rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo, 010, 010, { 1 << 22, 1 << 22, SIGUSR1, 0 } },
	{ "sigaltstack", SYS_sigaltstack, 3, 3, { 0, 0 } },
	{ "sched_setparam", SYS_sched_setparam, 2, 2, { 0, 0 } },
	{ "sched_getparam", SYS_sched_getparam, 2, 2, { 0, 0 } },
	{ "sched_setscheduler", SYS_sched_setscheduler, 4, 4, { 0, SCHED_OTHER, 0 } },
	{ "sched_rr_get_interval", SYS_sched_rr_get_interval, 2, 2, { 0, 0 } },
	{ "sched_setaffinity", SYS_sched_setaffinity, 4, 4, { 0, 8, 0 } },
	{ "sched_getaffinity", SYS_sched_getaffinity, 4, 4, { 0, 128, 0 } },
	{ "sched_setattr", SYS_sched_setattr, 2, 2, { 0, 0, 0 } },
	{ "sched_getattr", SYS_sched_getattr, 2, 2, { 0, 0, 48, 0 } },
	{ "getcpu", SYS_getcpu, 3, 3, { 0, 0, 0 } },
	{ "prctl SET_NAME", SYS_prctl, 2, 2, { PR_SET_NAME, 0 } },
	{ "prctl GET_NAME", SYS_prctl, 2, 2, { PR_GET_NAME, 0 } },
	{ "prctl GET_PDEATHSIG", SYS_prctl, 2, 2, { PR_GET_PDEATHSIG, 0 } },
	{ "sethostname", SYS_sethostname, 1, 1, { 0, 5 } },
	{ "setdomainname", SYS_setdomainname, 1, 1, { 0, 5 } },
	{ "getrandom", SYS_getrandom, 1, 0, { 0, 16, 0 } },
	{ "futex wait", SYS_futex, 011, 010, { Z, 0, 0, 0 } },
	{ "futex wake", SYS_futex, 1, 0, { 0, 1, 1, 0 } },
	{ "futex requeue", SYS_futex, 021, 0, { Z, 4, 1, 1, Z + 8, 0 } },
	{ "get_robust_list", SYS_get_robust_list, 6, 6, { 0, Z, Z } },
	{ "timer_create", SYS_timer_create, 6, 6, { CLOCK_MONOTONIC, 0, Z } },
	{ "timer_settime", SYS_timer_settime, 014, 014, { 0, 0, Z, 0 } },
	{ "timer_gettime", SYS_timer_gettime, 2, 2, { 0, 0 } },
	{ "timerfd_settime", SYS_timerfd_settime, 4, 4, { TIMER, 0, 0, 0 } },
	{ "timerfd_gettime", SYS_timerfd_gettime, 2, 2, { TIMER, 0 } },
	{ "epoll_ctl", SYS_epoll_ctl, 010, 010, { EPOLL, EPOLL_CTL_ADD, PTY, 0 } },
	{ "epoll_wait", SYS_epoll_wait, 2, 2, { EPOLL, 0, 1, 0 } },
	{ "epoll_pwait", SYS_epoll_pwait, 022, 022, { EPOLL, Z, 1, 0, 0, 8 } },
	{ "epoll_pwait2", 441, 012, 012, { EPOLL, Z, 1, Z, 0, 8 } },
};

static void
move_fd(int fd, int to)
{
	ck_ok(dup2(fd, to));
	ck_ok(close(fd));
}

static void
setup(void)
{
	struct itimerspec soon = { .it_value.tv_nsec = 1 };
	struct epoll_event ev = { .events = EPOLLIN };
	gid_t groups[2] = { 1, 2 };
	int fd[2];
	long timer = -1;

	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(page, MAP_FAILED);
	ck_ok(munmap(page + 4096, 4096));
	memset(page, 'x', 4096);
	move_fd(ck_ok(open(file, O_RDWR | O_CREAT | O_TRUNC, 0600)), FILE_FD);
	ck_assert_int_eq(write(FILE_FD, page, 4096), 4096);
	ck_ok(lseek(FILE_FD, 0, SEEK_SET));
	unlink(symbolic);
	ck_ok(symlink(file, symbolic));
	move_fd(ck_ok(open(here, O_RDONLY | O_DIRECTORY)), DIR_FD);
	ck_ok(pipe(fd));
	ck_assert_int_eq(write(fd[1], page, 100), 100);
	move_fd(fd[0], PIPE_OUT);
	move_fd(fd[1], PIPE_IN);
	move_fd(ck_ok(epoll_create1(0)), EPOLL);
	ck_ok(epoll_ctl(EPOLL, EPOLL_CTL_ADD, PIPE_OUT, &ev));
	move_fd(ck_ok(timerfd_create(CLOCK_MONOTONIC, 0)), TIMER);
	ck_ok(timerfd_settime(TIMER, 0, &soon, NULL));
	move_fd(ck_ok(posix_openpt(O_RDWR | O_NOCTTY)), PTY);
	ck_ok(syscall(SYS_setgroups, 2, groups));
	ck_ok(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &timer));
	ck_assert_int_eq((int)timer, 0);
}

/* Call each row with the address in each of its pointers of which: nothing but EFAULT. All misses are told at once. */
static void
sweep(uintptr_t address, int cut)
{
	static char told[8000];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		for (int k = 0; k < 6; k++) {
			long a[6], ret;

			if (((cut ? r->cut : r->bad) >> k & 1) == 0)
				continue;
			memcpy(a, r->arg, sizeof(a));
			a[k] = (long)address;
			memset(zeros, 0, sizeof(zeros));
			page[4095] = 'x';
			errno = 0;
			ret = syscall(r->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
			if (ret != -1 || errno != EFAULT)
				n += (size_t)snprintf(told + n, n < 7800 ? sizeof(told) - n : 0, "%s argument %d: %ld %s; ",
						      r->name, k, ret, strerror(errno));
			if (n > 7800)
				n = 7800;
		}
	}
	ck_assert_msg(n == 0, "%#lx: %s", (long)address, told);
}

START_TEST(kernel_addresses) { sweep(0xffff888000001000, 0); sweep(0xffffffff80100000, 0); } END_TEST
START_TEST(non_canonical_addresses) { sweep(0x8000000000001000, 0); sweep(0x0000800000001000, 0); } END_TEST
START_TEST(the_null_page) { sweep(8, 0); } END_TEST
START_TEST(unmapped_addresses) { sweep((uintptr_t)page + 4096, 0); } END_TEST
START_TEST(the_end_of_user_space) { sweep(0x7ffffffffff8, 0); } END_TEST
START_TEST(objects_cut_off) { sweep((uintptr_t)page + 4095, 1); } END_TEST

/* After all that the process still works. */
START_TEST(read_only_memory_is_not_written)
{
	struct utsname *u = (void *)page;

	ck_ok(mprotect(page, 4096, PROT_READ));
	ck_fails(uname(u), EFAULT);
	ck_fails(syscall(SYS_stat, file, page), EFAULT);
	ck_fails(syscall(SYS_getdents64, DIR_FD, page, 4096), EFAULT);
	ck_fails(syscall(SYS_read, FILE_FD, page, 10), EFAULT);
	ck_fails(syscall(SYS_pipe, page), EFAULT);
	ck_fails(syscall(SYS_clock_gettime, CLOCK_REALTIME, page), EFAULT);
	ck_assert_int_eq(page[0], 'x');
	ck_ok(mprotect(page, 4096, PROT_READ | PROT_WRITE));
	ck_ok(uname(u));
}
END_TEST

/* --- buffers that end at an unmapped page --- */

START_TEST(short_reads_and_writes)
{
	char *end = page + 4096;
	struct iovec iov[2] = { { end - 10, 10 }, { end, 10 } };

	ck_assert_int_eq(pread(FILE_FD, end - 10, 10, 0), 10);
	ck_assert_int_eq(pread(FILE_FD, end - 10, 20, 0), 10);
	ck_assert_int_eq(pwrite(FILE_FD, end - 10, 20, 0), 10);
	ck_assert_int_eq(preadv(FILE_FD, iov, 2, 0), 10);
	ck_assert_int_eq(pwritev(FILE_FD, iov, 2, 0), 10);
	ck_assert_int_eq(lseek(FILE_FD, 0, SEEK_CUR), 0);
	ck_assert_int_eq(read(FILE_FD, end - 3, 20), 3);
	ck_assert_int_eq(lseek(FILE_FD, 0, SEEK_CUR), 3);
	ck_assert_int_eq(write(FILE_FD, end - 5, 20), 5);
	ck_assert_int_eq(lseek(FILE_FD, 0, SEEK_CUR), 8);
	ck_fails(read(FILE_FD, end, 20), EFAULT);
	ck_fails(write(FILE_FD, end, 20), EFAULT);
	ck_assert_int_eq(lseek(FILE_FD, 0, SEEK_CUR), 8);
	ck_assert_int_eq(read(FILE_FD, end, 0), 0);
}
END_TEST

START_TEST(results_that_just_fit)
{
	char *end = page + 4096;

	ck_ok(syscall(SYS_uname, end - 390));
	ck_fails(syscall(SYS_uname, end - 389), EFAULT);
	ck_ok(syscall(SYS_stat, file, end - 144));
	ck_fails(syscall(SYS_stat, file, end - 143), EFAULT);
	ck_ok(chdir(here));
	ck_assert_int_eq(syscall(SYS_getcwd, end - 5, 4096), 5);
	ck_fails(syscall(SYS_getcwd, end - 4, 4096), EFAULT);
	ck_fails(syscall(SYS_getcwd, end - 4, 4), ERANGE);
	ck_assert_int_eq(syscall(SYS_readlink, symbolic, end - strlen(file), 4096), strlen(file));
	ck_fails(syscall(SYS_readlink, symbolic, end - 4, 4096), EFAULT);
	memset(end - 8, 0, 8);
	ck_ok(syscall(SYS_select, 64, end - 8, NULL, NULL, zeros));
	ck_fails(syscall(SYS_select, 65, end - 8, NULL, NULL, zeros), EFAULT);
	ck_ok(syscall(SYS_pipe2, end - 8, 0));
	ck_fails(syscall(SYS_pipe2, end - 7, 0), EFAULT);
	strcpy(end - 5, here);
	ck_ok(access(end - 5, F_OK));
}
END_TEST

/* A failing pipe2 leaves no descriptors behind. */
START_TEST(nothing_leaks)
{
	int before = (int)ck_ok(dup(0));

	close(before);
	for (int i = 0; i < 2000; i++) {
		ck_fails(syscall(SYS_pipe2, 8, 0), EFAULT);
		ck_fails(syscall(SYS_memfd_create, 8, 0), EFAULT);
		ck_fails(syscall(SYS_openat2, AT_FDCWD, file, 8, 24), EFAULT);
	}
	ck_assert_int_eq(dup(0), before);
}
END_TEST

START_TEST(getdents_stops_before_the_edge)
{
	char *end = page + 4096, all[4096];
	long n;

	ck_ok(lseek(DIR_FD, 0, SEEK_SET));
	n = ck_ok(syscall(SYS_getdents64, DIR_FD, all, sizeof(all)));
	ck_assert_int_gt(n, 48);
	ck_ok(lseek(DIR_FD, 0, SEEK_SET));
	ck_assert_int_eq(syscall(SYS_getdents64, DIR_FD, end - 24, 4096), 24);	/* "." fits, ".." does not */
	ck_assert_int_eq(syscall(SYS_getdents64, DIR_FD, end - 24, 24), 24);	/* and is still to come */
	ck_assert_str_eq(end - 24 + 19, "..");
	ck_ok(lseek(DIR_FD, 0, SEEK_SET));
	ck_fails(syscall(SYS_getdents64, DIR_FD, end - 8, 8), EINVAL);
}
END_TEST

/* --- hogs and bombs --- */

static struct shared { volatile int forks, refused, other; } *shared;

static void
setup_shared(void)
{
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	ck_ok(prctl(PR_SET_CHILD_SUBREAPER, 1));
}

static unsigned long
free_memory(void)
{
	struct sysinfo si;

	ck_ok(sysinfo(&si));
	return si.freeram * si.mem_unit;
}

/* It takes all there is, and is killed or refused; the rest of the system goes on and gets the memory back. */
START_TEST(memory_hog)
{
	unsigned long before = free_memory();
	int status;
	pid_t pid = ck_ok(fork());

	if (pid == 0) {
		for (;;) {
			char *p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (p == MAP_FAILED)
				_exit(errno == ENOMEM ? 0 : 1);
			for (size_t i = 0; i < 4 << 20; i += 4096)
				p[i] = 1;
		}
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL), "%#x", status);
	for (int i = 0; i < 50 && free_memory() + (32 << 20) < before; i++)
		usleep(100000);
	ck_assert_msg(free_memory() + (32 << 20) >= before, "%lu of %lu", free_memory(), before);
}
END_TEST

/* Two at once, of which both must go before there is an end. */
START_TEST(two_memory_hogs)
{
	int status;

	for (int n = 0; n < 2; n++) {
		if (ck_ok(fork()) != 0)
			continue;
		for (size_t size = 1 << 20; size != 0;) {
			char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (p == MAP_FAILED)
				_exit(errno == ENOMEM ? 0 : 1);
			memset(p, 1, size);
		}
	}
	for (int n = 0; n < 2; n++) {
		ck_ok(wait(&status));
		ck_assert_msg(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL), "%#x", status);
	}
}
END_TEST

/* Every process forks, and so do its children, until refused or until there are max. */
static void
bomb(int max)
{
	for (;;) {
		pid_t pid;

		if (__atomic_add_fetch(&shared->forks, 1, __ATOMIC_SEQ_CST) > max)
			break;
		pid = fork();
		if (pid == -1) {
			__atomic_add_fetch(errno == EAGAIN || errno == ENOMEM ? &shared->refused : &shared->other, 1,
					   __ATOMIC_SEQ_CST);
			break;
		}
	}
	for (;;)
		pause();
}

/* Kill the group and reap all of it; how many there were. */
static int
kill_group(pid_t group)
{
	int n = 0;

	ck_ok(kill(-group, SIGKILL));
	while (waitpid(-1, NULL, 0) > 0)
		n++;
	ck_assert_int_eq(errno, ECHILD);
	ck_fails(kill(-group, 0), ESRCH);
	ck_assert_int_eq(shared->other, 0);
	return n;
}

START_TEST(fork_bomb_of_a_user)
{
	struct rlimit rl = { 30, 30 };
	pid_t pid = ck_ok(fork());
	int n;

	if (pid == 0) {
		if (setpgid(0, 0) || setrlimit(RLIMIT_NPROC, &rl) || setgroups(0, NULL) || setuid(4321))
			_exit(1);
		bomb(1 << 30);
	}
	for (int i = 0; i < 100 && shared->refused < 10; i++)
		usleep(50000);
	ck_assert_int_ge(shared->refused, 10);
	n = kill_group(pid);
	ck_assert_msg(n >= 10 && n <= 30, "%d", n);	/* a fork under way counts too */
}
END_TEST

START_TEST(fork_bomb_of_root)
{
	pid_t pid = ck_ok(fork());
	int n;

	if (pid == 0) {
		if (setpgid(0, 0))
			_exit(1);
		bomb(1500);
	}
	for (int i = 0; i < 1200 && shared->forks < 1500; i++)
		usleep(50000);
	n = kill_group(pid);
	ck_assert_msg(n > 100, "%d", n);
}
END_TEST

/* Killed while it is growing. */
START_TEST(fork_bomb_killed_early)
{
	for (int round = 0; round < 10; round++) {
		pid_t pid = ck_ok(fork());

		if (pid == 0) {
			setpgid(0, 0);
			bomb(1500);
		}
		setpgid(pid, pid);
		usleep(1000 << round % 7);
		kill_group(pid);
		shared->forks = 0;
	}
}
END_TEST

/* --- programs (what proc_exec does not try) --- */

struct image { Elf64_Ehdr eh; Elf64_Phdr ph[4]; unsigned char code[16]; char interp[32]; };

static struct image
good_image(void)
{
	/* mov $60, %eax; mov $7, %edi; syscall */
	static const unsigned char exit_7[] = { 0xb8, 60, 0, 0, 0, 0xbf, 7, 0, 0, 0, 0x0f, 0x05 };
	struct image im = { .eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_EXEC,
		.e_machine = EM_X86_64, .e_version = 1, .e_phoff = offsetof(struct image, ph), .e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1 } };

	im.ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x400000, .p_filesz = sizeof(im),
		.p_memsz = sizeof(im), .p_align = 4096 };
	memcpy(im.code, exit_7, sizeof(exit_7));
	im.eh.e_entry = 0x400000 + offsetof(struct image, code);
	return im;
}

/* Exec it in a child: the wait status, or -errno. */
static int
run_file(const void *data, size_t size)
{
	static char name[] = "/tmp/hostile.elf";
	char *const argv[] = { name, NULL }, *const envp[] = { NULL };
	int status, fd = (int)ck_ok(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755));
	pid_t pid;

	ck_assert_int_eq(write(fd, data, size), size);
	ck_ok(close(fd));
	shared->other = 0;
	pid = ck_ok(fork());
	if (pid == 0) {
		execve(name, argv, envp);
		shared->other = errno;
		_exit(126);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return shared->other != 0 ? -shared->other : status;
}

START_TEST(segments_of_all_sizes)
{
	struct image im = good_image();

	im.eh.e_phnum = 2;			/* the same pages twice */
	im.ph[1] = im.ph[0];
	ck_assert_int_eq(run_file(&im, sizeof(im)), 7 << 8);
	im.ph[1].p_vaddr += 4096;		/* beginning where the other has its last bytes */
	im.ph[0].p_memsz = 0x1800;
	im.ph[0].p_flags |= PF_W;
	ck_assert_int_eq(run_file(&im, sizeof(im)), 7 << 8);
	im = good_image();
	im.ph[0].p_memsz = -1UL;
	ck_assert_int_eq(WTERMSIG(run_file(&im, sizeof(im))), SIGSEGV);
	im.ph[0].p_memsz = im.ph[0].p_filesz = -1UL;
	ck_assert_int_eq(WTERMSIG(run_file(&im, sizeof(im))), SIGSEGV);
	im = good_image();
	im.ph[0].p_vaddr = -4096UL;		/* the sum wraps */
	im.ph[0].p_memsz = 8192;
	ck_assert_int_eq(WTERMSIG(run_file(&im, sizeof(im))), SIGSEGV);
	im = good_image();
	im.ph[0].p_vaddr = 0x7ffffffff000;	/* the last page of user space is not to be had */
	ck_assert_int_eq(WTERMSIG(run_file(&im, sizeof(im))), SIGSEGV);
	im = good_image();
	im.ph[0].p_offset = 1UL << 62;		/* behind the end of every file */
	ck_assert_int_ne(run_file(&im, sizeof(im)), 7 << 8);
	im = good_image();
	im.ph[0].p_offset = 0x100000;		/* behind the end of this one */
	ck_assert_int_eq(WTERMSIG(run_file(&im, sizeof(im))), SIGBUS);
}
END_TEST

START_TEST(odd_entries)
{
	static const unsigned long entry[] = { 0xffff888000001000, 0x8000000000000000, 0x00007ffffffff000, 8, -1UL };

	for (size_t i = 0; i < sizeof(entry) / sizeof(entry[0]); i++) {
		struct image im = good_image();
		int status;

		im.eh.e_entry = entry[i];
		status = run_file(&im, sizeof(im));
		ck_assert_msg(status > 0 && WTERMSIG(status) == SIGSEGV, "%#lx: %d", entry[i], status);
	}
}
END_TEST

/* Cut off at every length: an errno or a death, never the program and never a hang. */
START_TEST(cut_off_everywhere)
{
	struct image im = good_image();

	for (size_t size = 0; size < offsetof(struct image, code); size += 8) {
		int status = run_file(&im, size);

		if (size < offsetof(struct image, ph[1]))
			ck_assert_msg(status == -ENOEXEC, "%zu: %d", size, status);
		else
			ck_assert_msg(status != 7 << 8, "%zu: %d", size, status);
	}
}
END_TEST

START_TEST(interpreter_loops)
{
	struct image im = good_image();

	im.eh.e_phnum = 2;
	im.ph[1] = (Elf64_Phdr){ .p_type = PT_INTERP, .p_offset = offsetof(struct image, interp), .p_filesz = 17 };
	strcpy(im.interp, "/tmp/hostile.elf");	/* itself: loaded once more, not for ever */
	ck_assert_int_ne(run_file(&im, sizeof(im)), 0);
	strcpy(im.interp, "/dev/null");
	im.ph[1].p_filesz = 10;
	ck_assert_int_eq(run_file(&im, sizeof(im)), -EACCES);
	im.interp[0] = im.interp[1] = '\0';
	im.ph[1].p_filesz = 2;
	ck_assert_int_eq(run_file(&im, sizeof(im)), -EACCES);	/* no name: the working directory */
	im.ph[1].p_offset = 1UL << 63;
	ck_assert_int_lt(run_file(&im, sizeof(im)), 0);
	im.ph[1].p_offset = 0x10000;
	ck_assert_int_eq(run_file(&im, sizeof(im)), -EIO);
}
END_TEST

START_TEST(script_lines)
{
	static const struct { const char *text; int want; } script[] = {
		{ "#!/aid/hello\r\n", -ENOENT }, { "#!/aid/hello \r\n", 2 << 8 }, { "#! \n", -ENOEXEC }, { "#!", -EACCES },
		{ "#", -ENOEXEC }, { "#!\t\t/tmp/no/such\n", -ENOENT }, { "#!.\n", -EACCES }, { "#!/dev/null\n", -EACCES },
		{ "#!relative\n", -ENOENT },
	};

	for (size_t i = 0; i < sizeof(script) / sizeof(script[0]); i++) {
		int status = run_file(script[i].text, strlen(script[i].text));

		ck_assert_msg(status == script[i].want, "%zu: %d", i, status);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("hostile");
	TCase *pointers = tcase_create("pointers"), *bombs = tcase_create("bombs"), *programs = tcase_create("programs");

	tcase_add_checked_fixture(pointers, setup, NULL);
	tcase_add_test(pointers, kernel_addresses);
	tcase_add_test(pointers, non_canonical_addresses);
	tcase_add_test(pointers, the_null_page);
	tcase_add_test(pointers, unmapped_addresses);
	tcase_add_test(pointers, the_end_of_user_space);
	tcase_add_test(pointers, objects_cut_off);
	tcase_add_test(pointers, read_only_memory_is_not_written);
	tcase_add_test(pointers, short_reads_and_writes);
	tcase_add_test(pointers, results_that_just_fit);
	tcase_add_test(pointers, nothing_leaks);
	tcase_add_test(pointers, getdents_stops_before_the_edge);
	suite_add_tcase(s, pointers);

	tcase_add_checked_fixture(programs, setup_shared, NULL);
	tcase_add_test(programs, segments_of_all_sizes);
	tcase_add_test(programs, odd_entries);
	tcase_add_test(programs, cut_off_everywhere);
	tcase_add_test(programs, interpreter_loops);
	tcase_add_test(programs, script_lines);
	suite_add_tcase(s, programs);

	tcase_add_checked_fixture(bombs, setup_shared, NULL);
	tcase_set_timeout(bombs, 120);
	tcase_add_test(bombs, fork_bomb_of_a_user);
	tcase_add_test(bombs, fork_bomb_of_root);
	tcase_add_test(bombs, fork_bomb_killed_early);
	tcase_add_test(bombs, memory_hog);
	tcase_add_test(bombs, two_memory_hogs);
	suite_add_tcase(s, bombs);
	return guest_run(s);
}
