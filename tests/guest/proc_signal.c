/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals: order, masks, siginfo, altstack, restart, queueing, waiting for them, permissions. POSIX sigaction() and its kin. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

static volatile int count, order[64];
static siginfo_t info;
static volatile uintptr_t handler_sp;

static void
note(int sig, siginfo_t *si, void *ctx)
{
	char here;

	handler_sp = (uintptr_t)&here;
	info = *si;
	order[count++ & 63] = sig;
}

static void
catch(int sig, int flags)
{
	struct sigaction sa = { .sa_sigaction = note, .sa_flags = SA_SIGINFO | flags };

	ck_ok(sigaction(sig, &sa, NULL));
}

static void
block(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	ck_ok(sigprocmask(how, &set, NULL));
}

START_TEST(kill_tells_who_sent_it)
{
	catch(SIGUSR1, 0);
	ck_ok(kill(getpid(), SIGUSR1));
	ck_assert_int_eq(count, 1);
	ck_assert_int_eq(info.si_signo, SIGUSR1);
	ck_assert_int_eq(info.si_code, SI_USER);
	ck_assert_int_eq(info.si_pid, getpid());
	ck_assert_int_eq(info.si_uid, getuid());
	ck_ok(raise(SIGUSR1));
	ck_assert_int_eq(info.si_code, SI_TKILL);
}
END_TEST

START_TEST(blocked_ones_wait)
{
	sigset_t set;

	catch(SIGUSR1, 0);
	block(SIG_BLOCK, SIGUSR1);
	ck_ok(kill(getpid(), SIGUSR1));
	ck_ok(kill(getpid(), SIGUSR1));
	ck_assert_int_eq(count, 0);
	ck_ok(sigpending(&set));
	ck_assert_int_eq(sigismember(&set, SIGUSR1), 1);
	ck_assert_int_eq(sigismember(&set, SIGUSR2), 0);
	block(SIG_UNBLOCK, SIGUSR1);
	ck_assert_int_eq(count, 1);
}
END_TEST

START_TEST(realtime_ones_queue_in_order)
{
	union sigval v;

	for (int i = 0; i < 3; i++)
		catch(SIGRTMIN + i, 0);
	for (int i = 0; i < 3; i++)
		block(SIG_BLOCK, SIGRTMIN + i);
	for (int i = 2; i >= 0; i--)
		for (int j = 0; j < 2; j++) {
			v.sival_int = i * 10 + j;
			ck_ok(sigqueue(getpid(), SIGRTMIN + i, v));
		}
	/* Frames are built from the lowest number up, so that the highest runs first. */
	sigset_t none;

	sigemptyset(&none);
	ck_ok(sigprocmask(SIG_SETMASK, &none, NULL));
	ck_assert_int_eq(count, 6);
	ck_assert_int_eq(order[0], SIGRTMIN + 2);
	ck_assert_int_eq(order[5], SIGRTMIN);
	ck_assert_int_eq(info.si_code, SI_QUEUE);
	ck_assert_int_eq(info.si_value.sival_int, 1);
}
END_TEST

START_TEST(handler_masks_itself_and_more)
{
	struct sigaction sa = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };
	sigset_t now;

	sigaddset(&sa.sa_mask, SIGUSR2);
	ck_ok(sigaction(SIGUSR1, &sa, NULL));
	ck_ok(raise(SIGUSR1));
	ck_ok(sigprocmask(SIG_BLOCK, NULL, &now));
	ck_assert_int_eq(sigismember(&now, SIGUSR1), 0);
	ck_assert_int_eq(sigismember(&now, SIGUSR2), 0);
}
END_TEST

static sigset_t seen_mask;

static void
look_at_mask(int sig)
{
	sigprocmask(SIG_BLOCK, NULL, &seen_mask);
	count++;
}

START_TEST(mask_inside_a_handler)
{
	struct sigaction sa = { .sa_handler = look_at_mask };

	sigaddset(&sa.sa_mask, SIGUSR2);
	ck_ok(sigaction(SIGUSR1, &sa, NULL));
	ck_ok(raise(SIGUSR1));
	ck_assert_int_eq(sigismember(&seen_mask, SIGUSR1), 1);
	ck_assert_int_eq(sigismember(&seen_mask, SIGUSR2), 1);
	sa.sa_flags = SA_NODEFER;
	sigemptyset(&sa.sa_mask);
	ck_ok(sigaction(SIGUSR1, &sa, NULL));
	ck_ok(raise(SIGUSR1));
	ck_assert_int_eq(sigismember(&seen_mask, SIGUSR1), 0);
}
END_TEST

START_TEST(resethand_is_for_once)
{
	struct sigaction sa;

	catch(SIGUSR1, SA_RESETHAND);
	ck_ok(raise(SIGUSR1));
	ck_ok(sigaction(SIGUSR1, NULL, &sa));
	ck_assert_ptr_eq(sa.sa_handler, SIG_DFL);
}
END_TEST

START_TEST(ignoring_drops_what_is_pending)
{
	sigset_t set;

	catch(SIGUSR1, 0);
	block(SIG_BLOCK, SIGUSR1);
	ck_ok(raise(SIGUSR1));
	signal(SIGUSR1, SIG_IGN);
	ck_ok(sigpending(&set));
	ck_assert_int_eq(sigismember(&set, SIGUSR1), 0);
}
END_TEST

START_TEST(bad_arguments)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };

	ck_fails(sigaction(SIGKILL, &sa, NULL), EINVAL);
	ck_fails(sigaction(SIGSTOP, &sa, NULL), EINVAL);
	ck_fails(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);
	ck_fails(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8), EINVAL);
	ck_fails(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), EINVAL);
	ck_fails(syscall(SYS_rt_sigaction, SIGUSR1, (void *)-4096L, NULL, 8), EFAULT);
	ck_fails(syscall(SYS_rt_sigprocmask, 9, &sa, NULL, 8), EINVAL);
	ck_fails(syscall(SYS_rt_sigprocmask, 0, (void *)0xffff888000000000, NULL, 8), EFAULT);
	ck_fails(kill(getpid(), 65), EINVAL);
	ck_fails(kill(getpid(), -1), EINVAL);
	ck_fails(kill(99999, 0), ESRCH);
	ck_fails(syscall(SYS_tgkill, getpid(), 0, SIGUSR1), EINVAL);
	ck_fails(syscall(SYS_tgkill, getpid() + 1, getpid(), SIGUSR1), ESRCH);
	ck_ok(kill(getpid(), 0));
}
END_TEST

START_TEST(kill_and_stop_cannot_be_blocked)
{
	sigset_t set;

	sigfillset(&set);
	ck_ok(sigprocmask(SIG_SETMASK, &set, NULL));
	ck_ok(sigprocmask(SIG_BLOCK, NULL, &set));
	ck_assert_int_eq(sigismember(&set, SIGKILL), 0);
	ck_assert_int_eq(sigismember(&set, SIGSTOP), 0);
	sigemptyset(&set);
	ck_ok(sigprocmask(SIG_SETMASK, &set, NULL));
}
END_TEST

START_TEST(alternate_stack)
{
	static char stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) }, old;

	ck_ok(sigaltstack(&ss, NULL));
	catch(SIGUSR1, SA_ONSTACK);
	ck_ok(raise(SIGUSR1));
	ck_assert(handler_sp >= (uintptr_t)stack && handler_sp < (uintptr_t)stack + sizeof(stack));
	catch(SIGUSR1, 0);
	ck_ok(raise(SIGUSR1));
	ck_assert(!(handler_sp >= (uintptr_t)stack && handler_sp < (uintptr_t)stack + sizeof(stack)));
	ck_ok(sigaltstack(NULL, &old));
	ck_assert_ptr_eq(old.ss_sp, stack);
	ck_assert_int_eq(old.ss_flags, 0);
	ss.ss_size = 100;
	ck_fails(sigaltstack(&ss, NULL), ENOMEM);
	ss.ss_size = sizeof(stack);
	ss.ss_flags = 0x40;
	ck_fails(sigaltstack(&ss, NULL), EINVAL);
	ss.ss_flags = SS_DISABLE;
	ck_ok(sigaltstack(&ss, NULL));
	ck_ok(sigaltstack(NULL, &old));
	ck_assert_int_eq(old.ss_flags, SS_DISABLE);
}
END_TEST

static int altstack_change_errno;

static void
change_altstack(int sig)
{
	static char other[65536];
	stack_t ss = { .ss_sp = other, .ss_size = sizeof(other) }, now;

	sigaltstack(NULL, &now);
	altstack_change_errno = sigaltstack(&ss, NULL) == -1 ? errno : 0;
	count = now.ss_flags;
}

START_TEST(alternate_stack_is_in_use)
{
	static char stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = { .sa_handler = change_altstack, .sa_flags = SA_ONSTACK };

	ck_ok(sigaltstack(&ss, NULL));
	ck_ok(sigaction(SIGUSR1, &sa, NULL));
	ck_ok(raise(SIGUSR1));
	ck_assert_int_eq(altstack_change_errno, EPERM);
	ck_assert_int_eq(count, SS_ONSTACK);
}
END_TEST

START_TEST(overflow_of_the_stack_is_handled_on_the_other)
{
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0) {
		static char stack[65536];
		stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
		struct sigaction sa = { .sa_flags = SA_ONSTACK };
		struct rlimit rl = { 1 << 20, 1 << 20 };

		sa.sa_handler = (void (*)(int))(void *)_exit;
		sigaltstack(&ss, NULL);
		sigaction(SIGSEGV, &sa, NULL);
		setrlimit(RLIMIT_STACK, &rl);
		for (volatile char *p = (char *)&ss;; p -= 4096)
			*p = 1;
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), SIGSEGV);
}
END_TEST

START_TEST(no_room_for_the_frame_kills)
{
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0) {
		catch(SIGUSR1, 0);
		__asm__ volatile("mov $0x1000, %%rsp\n\tmov $39, %%eax\n\tsyscall\n\tmov %%eax, %%edi\n\tmov $10, %%esi\n\t"
				 "mov $62, %%eax\n\tsyscall\n\tmov $60, %%eax\n\tsyscall" ::: "memory");
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
}
END_TEST

static char *read_only;
static int fault_kind;

/* Exits with 0 if it is what the kind of fault should give. */
static void
check_fault(int sig, siginfo_t *si, void *ctx)
{
	static const int signals[] = { SIGSEGV, SIGSEGV, SIGFPE, SIGILL };
	static const int codes[] = { SEGV_MAPERR, SEGV_ACCERR, FPE_INTDIV, ILL_ILLOPN };
	int ok = sig == signals[fault_kind] && si->si_code == codes[fault_kind];

	if (fault_kind == 0)
		ok = ok && si->si_addr == (void *)0x10;
	if (fault_kind == 1)
		ok = ok && si->si_addr == read_only + 5;
	_exit(ok ? 0 : 100 + si->si_code);
}

static void
make_fault(int kind)
{
	struct sigaction sa = { .sa_sigaction = check_fault, .sa_flags = SA_SIGINFO };

	fault_kind = kind;
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	if (kind == 0)
		*(volatile char *)0x10 = 1;
	else if (kind == 1)
		*(volatile char *)(read_only + 5) = 1;
	else if (kind == 2)
		__asm__ volatile("xor %%edx, %%edx\n\txor %%ecx, %%ecx\n\tmov $1, %%eax\n\tdiv %%ecx" ::: "eax", "ecx", "edx");
	else
		__asm__ volatile("ud2");
	_exit(99);
}

START_TEST(fault_info)
{
	pid_t pid;
	int status;

	read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int kind = 0; kind < 4; kind++) {
		pid = ck_ok(fork());
		if (pid == 0)
			make_fault(kind);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(status == 0, "kind %d: status %#x", kind, status);
	}
}
END_TEST

START_TEST(blocked_fault_kills)
{
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0) {
		catch(SIGSEGV, 0);
		block(SIG_BLOCK, SIGSEGV);
		*(volatile char *)0x10 = 1;
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
}
END_TEST

/* Send us sig in a moment. */
static pid_t
later(int sig, int usec)
{
	pid_t me = getpid(), pid = ck_ok(fork());

	if (pid == 0) {
		usleep(usec);
		kill(me, sig);
		_exit(0);
	}
	return pid;
}

START_TEST(read_restarts_if_asked)
{
	int fd[2];
	char c;
	pid_t pid, writer;

	ck_ok(pipe(fd));
	catch(SIGUSR1, 0);
	pid = later(SIGUSR1, 50000);
	ck_fails(read(fd[0], &c, 1), EINTR);
	waitpid(pid, NULL, 0);
	catch(SIGUSR1, SA_RESTART);
	count = 0;
	pid = later(SIGUSR1, 50000);
	writer = ck_ok(fork());
	if (writer == 0) {
		usleep(150000);
		_exit(write(fd[1], "x", 1) != 1);
	}
	ck_assert_int_eq(read(fd[0], &c, 1), 1);
	ck_assert_int_eq(count, 1);
	waitpid(pid, NULL, 0);
	waitpid(writer, NULL, 0);
}
END_TEST

START_TEST(sleep_goes_on_after_a_stop)
{
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0) {
		struct timespec ts = { 0, 300000000 }, a, b;

		clock_gettime(CLOCK_MONOTONIC, &a);
		if (nanosleep(&ts, NULL))
			_exit(1);
		clock_gettime(CLOCK_MONOTONIC, &b);
		_exit((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 299 ? 0 : 2);
	}
	usleep(50000);
	ck_ok(kill(pid, SIGSTOP));
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_ok(kill(pid, SIGCONT));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(sleep_tells_what_is_left)
{
	struct timespec ts = { 5, 0 }, left = { 0, 0 };
	pid_t pid;

	catch(SIGUSR1, SA_RESTART);
	pid = later(SIGUSR1, 50000);
	ck_fails(nanosleep(&ts, &left), EINTR);
	ck_assert_int_eq(left.tv_sec, 4);
	waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(sigsuspend_swaps_the_mask)
{
	sigset_t none, now;
	pid_t pid;

	catch(SIGUSR1, 0);
	block(SIG_BLOCK, SIGUSR1);
	pid = later(SIGUSR1, 30000);
	sigemptyset(&none);
	ck_fails(sigsuspend(&none), EINTR);
	ck_assert_int_eq(count, 1);
	ck_ok(sigprocmask(SIG_BLOCK, NULL, &now));
	ck_assert_int_eq(sigismember(&now, SIGUSR1), 1);
	waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(sigtimedwait_takes_them)
{
	struct timespec zero = { 0, 0 }, some = { 0, 30000000 }, bad = { 0, -1 };
	union sigval v = { .sival_int = 4711 };
	siginfo_t si;
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	ck_ok(sigprocmask(SIG_BLOCK, &set, NULL));
	ck_fails(sigtimedwait(&set, &si, &zero), EAGAIN);
	ck_fails(sigtimedwait(&set, &si, &some), EAGAIN);
	ck_fails(sigtimedwait(&set, &si, &bad), EINVAL);
	ck_ok(sigqueue(getpid(), SIGRTMIN, v));
	ck_ok(raise(SIGUSR1));
	ck_assert_int_eq(sigtimedwait(&set, &si, &zero), SIGUSR1);
	ck_assert_int_eq(sigtimedwait(&set, &si, &zero), SIGRTMIN);
	ck_assert_int_eq(si.si_value.sival_int, 4711);
	ck_assert_int_eq(si.si_code, SI_QUEUE);
	pid = later(SIGUSR1, 30000);
	ck_assert_int_eq(sigwaitinfo(&set, &si), SIGUSR1);
	ck_assert_int_eq(si.si_pid, pid);
	catch(SIGUSR2, SA_RESTART);
	waitpid(pid, NULL, 0);
	pid = later(SIGUSR2, 30000);
	ck_fails(syscall(SYS_rt_sigtimedwait, &set, &si, NULL, 8), EINTR);
	waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(queue_has_a_limit)
{
	struct rlimit rl = { 5, 5 };
	union sigval v = { .sival_int = 1 };
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0) {
		int n = 0;

		block(SIG_BLOCK, SIGRTMIN);
		setrlimit(RLIMIT_SIGPENDING, &rl);
		while (n < 100 && sigqueue(getpid(), SIGRTMIN, v) == 0)
			n++;
		if (errno != EAGAIN || n > 5)
			_exit(1);
		_exit(kill(getpid(), SIGRTMIN) == 0 ? 0 : 2);	/* without info it still goes */
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(sigqueueinfo_cannot_lie)
{
	siginfo_t si = { .si_signo = SIGUSR1, .si_code = SI_USER };
	pid_t pid = ck_ok(fork());

	if (pid == 0)
		for (;;)
			pause();
	ck_fails(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &si), EPERM);
	si.si_code = SI_TKILL;
	ck_fails(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &si), EPERM);
	si.si_code = SI_QUEUE;
	ck_ok(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR2, &si));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

START_TEST(other_users_are_safe)
{
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0) {
		if (setuid(1000))
			_exit(1);
		if (kill(getppid(), SIGUSR1) != -1 || errno != EPERM)
			_exit(2);
		if (kill(getppid(), 0) != -1 || errno != EPERM)
			_exit(3);
		_exit(kill(getppid(), SIGCONT) == 0 ? 0 : 4);	/* the same session */
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

static void *
thread_that_takes(void *arg)
{
	sigset_t set;
	int sig = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwait(&set, &sig);
	return (void *)(long)sig;
}

START_TEST(process_signal_goes_to_whom_it_suits)
{
	pthread_t t;
	void *ret;

	block(SIG_BLOCK, SIGUSR1);
	ck_assert_int_eq(pthread_create(&t, NULL, thread_that_takes, NULL), 0);
	usleep(30000);
	ck_ok(kill(getpid(), SIGUSR1));
	ck_assert_int_eq(pthread_join(t, &ret), 0);
	ck_assert_int_eq((long)ret, SIGUSR1);
}
END_TEST

static void *
thread_that_runs(void *arg)
{
	for (;;)
		__asm__ volatile("" ::: "memory");
	return NULL;
}

START_TEST(one_signal_ends_all_threads)
{
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0) {
		pthread_t t;

		pthread_create(&t, NULL, thread_that_runs, NULL);
		pthread_create(&t, NULL, thread_that_takes, NULL);
		usleep(20000);
		pthread_kill(t, SIGUSR2);
		for (;;)
			pause();
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WTERMSIG(status), SIGUSR2);
}
END_TEST

static volatile unsigned long *counter;

static void *
thread_that_counts(void *arg)
{
	for (;;)
		++*counter;
	return NULL;
}

START_TEST(all_threads_stop)
{
	pid_t pid;
	int status;
	unsigned long before;

	counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = ck_ok(fork());
	if (pid == 0) {
		pthread_t t;

		pthread_create(&t, NULL, thread_that_counts, NULL);
		for (;;)
			pause();
	}
	while (*counter == 0)
		usleep(1000);
	ck_ok(kill(pid, SIGSTOP));
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	before = *counter;
	usleep(50000);
	ck_assert_int_eq(*counter, before);
	ck_ok(kill(pid, SIGCONT));
	ck_assert_int_eq(waitpid(pid, &status, WCONTINUED), pid);
	while (*counter == before)
		usleep(1000);
	ck_ok(kill(pid, SIGKILL));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}
END_TEST

START_TEST(stop_and_continue_cancel_each_other)
{
	sigset_t set;

	block(SIG_BLOCK, SIGTSTP);
	block(SIG_BLOCK, SIGCONT);
	catch(SIGCONT, 0);
	ck_ok(raise(SIGTSTP));
	ck_ok(raise(SIGCONT));
	ck_ok(sigpending(&set));
	ck_assert_int_eq(sigismember(&set, SIGTSTP), 0);
	ck_assert_int_eq(sigismember(&set, SIGCONT), 1);
	ck_ok(raise(SIGTSTP));
	ck_ok(sigpending(&set));
	ck_assert_int_eq(sigismember(&set, SIGTSTP), 1);
	ck_assert_int_eq(sigismember(&set, SIGCONT), 0);
	signal(SIGTSTP, SIG_IGN);
}
END_TEST

START_TEST(exec_keeps_ignored_and_mask)
{
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0) {
		signal(SIGUSR1, SIG_IGN);
		catch(SIGUSR2, 0);
		execl("/bin/busybox", "sh", "-c", "kill -USR1 $$; exit 5", (char *)NULL);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 5 << 8);
	pid = ck_ok(fork());
	if (pid == 0) {
		catch(SIGUSR2, 0);
		execl("/bin/busybox", "sh", "-c", "kill -USR2 $$; exit 5", (char *)NULL);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WTERMSIG(status), SIGUSR2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proc_signal");
	TCase *core = tcase_create("core");

	tcase_add_test(core, kill_tells_who_sent_it);
	tcase_add_test(core, blocked_ones_wait);
	tcase_add_test(core, realtime_ones_queue_in_order);
	tcase_add_test(core, handler_masks_itself_and_more);
	tcase_add_test(core, mask_inside_a_handler);
	tcase_add_test(core, resethand_is_for_once);
	tcase_add_test(core, ignoring_drops_what_is_pending);
	tcase_add_test(core, bad_arguments);
	tcase_add_test(core, kill_and_stop_cannot_be_blocked);
	tcase_add_test(core, alternate_stack);
	tcase_add_test(core, alternate_stack_is_in_use);
	tcase_add_test(core, overflow_of_the_stack_is_handled_on_the_other);
	tcase_add_test(core, no_room_for_the_frame_kills);
	tcase_add_test(core, fault_info);
	tcase_add_test(core, blocked_fault_kills);
	tcase_add_test(core, read_restarts_if_asked);
	tcase_add_test(core, sleep_goes_on_after_a_stop);
	tcase_add_test(core, sleep_tells_what_is_left);
	tcase_add_test(core, sigsuspend_swaps_the_mask);
	tcase_add_test(core, sigtimedwait_takes_them);
	tcase_add_test(core, queue_has_a_limit);
	tcase_add_test(core, sigqueueinfo_cannot_lie);
	tcase_add_test(core, other_users_are_safe);
	tcase_add_test(core, process_signal_goes_to_whom_it_suits);
	tcase_add_test(core, one_signal_ends_all_threads);
	tcase_add_test(core, all_threads_stop);
	tcase_add_test(core, stop_and_continue_cancel_each_other);
	tcase_add_test(core, exec_keeps_ignored_and_mask);
	suite_add_tcase(suite, core);
	return guest_run(suite);
}
