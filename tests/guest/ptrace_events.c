/* SPDX-License-Identifier: BSD-2-Clause */
/* ptrace(2): events of fork, exec and exit, threads, signals and their infos, seized tracees and group stops, waiting. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#include "ptrace_aid.h"

static unsigned long
message(pid_t pid)
{
	unsigned long m = 0;

	ck_ok(pt(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)&m));
	return m;
}

#define options(pid, o)	ck_ok(pt(PTRACE_SETOPTIONS, pid, 0, o))

/* --- fork and its kin --- */

static int
forks(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(3);
	return waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3 ? 5 : 1;
}

START_TEST(fork_event)
{
	pid_t pid = tracee(forks), child;

	options(pid, PTRACE_O_TRACEFORK);
	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, EVENT(SIGTRAP, PTRACE_EVENT_FORK));
	child = (pid_t)message(pid);
	stopped_at(child, SIGSTOP);
	ck_assert_int_eq(tracer_of(child), getpid());
	resume(PTRACE_CONT, child, 0);
	exited(child, 3);		/* we see its end, and then its parent does */
	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGCHLD);
	resume(PTRACE_CONT, pid, SIGCHLD);
	exited(pid, 5);
}
END_TEST

static int
vforks(void)
{
	int status;
	pid_t pid = vfork();

	if (pid == 0)
		_exit(3);
	return waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3 ? 5 : 1;
}

START_TEST(vfork_events)
{
	pid_t pid = tracee(vforks), child;

	options(pid, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE);
	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, EVENT(SIGTRAP, PTRACE_EVENT_VFORK));
	child = (pid_t)message(pid);
	stopped_at(child, SIGSTOP);
	resume(PTRACE_CONT, pid, 0);
	resume(PTRACE_CONT, child, 0);
	exited(child, 3);
	stopped_at(pid, EVENT(SIGTRAP, PTRACE_EVENT_VFORK_DONE));
	ck_assert_int_eq((pid_t)message(pid), child);
	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGCHLD);
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 5);
}
END_TEST

START_TEST(without_options_nothing_is_told)
{
	pid_t pid = tracee(forks);

	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGCHLD);
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 5);
}
END_TEST

static void *run_thread(void *arg) { return arg; }

static int
threads(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, run_thread, NULL) == 0 && pthread_join(t, NULL) == 0 ? 6 : 1;
}

START_TEST(threads_are_traced)
{
	pid_t pid = tracee(threads), tid;
	siginfo_t si;
	int status;

	options(pid, PTRACE_O_TRACECLONE);
	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, EVENT(SIGTRAP, PTRACE_EVENT_CLONE));
	tid = (pid_t)message(pid);
	stopped_at(tid, SIGSTOP);
	ck_assert_int_ne(tid, pid);
	resume(PTRACE_CONT, tid, 0);
	resume(PTRACE_CONT, pid, 0);
	ck_ok(waitid(P_PID, (id_t)tid, &si, WEXITED | WNOWAIT | ANY_CHILD));
	ck_assert_int_eq(si.si_pid, tid);
	ck_assert_int_eq(si.si_code, CLD_EXITED);
	ck_ok(waitpid(tid, &status, ANY_CHILD));
	ck_assert(WIFEXITED(status));		/* 0, or 6 if the process has ended meanwhile */
	exited(pid, 6);
}
END_TEST

/* --- exec --- */

static int
execs(void)
{
	execl("/aid/hello", "hello", "x", (char *)NULL);
	return 1;
}

START_TEST(exec_event)
{
	pid_t pid = tracee(execs);
	siginfo_t si;
	int status;

	options(pid, PTRACE_O_TRACEEXEC);
	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, EVENT(SIGTRAP, PTRACE_EVENT_EXEC));
	ck_assert_int_eq((pid_t)message(pid), pid);
	ck_assert_uint_eq(user_word(pid, offsetof(struct user_regs_struct, orig_rax)), SYS_execve);
	ck_ok(pt(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&si));
	ck_assert_int_eq(si.si_code, EVENT(SIGTRAP, PTRACE_EVENT_EXEC));
	resume(PTRACE_CONT, pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
}
END_TEST

START_TEST(exec_by_sigtrap)
{
	pid_t pid = tracee(execs);
	int status;

	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGTRAP);
	resume(PTRACE_CONT, pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
}
END_TEST

static void *exec_thread(void *arg) { execs(); return arg; }

static int
thread_execs(void)
{
	pthread_t t;

	pthread_create(&t, NULL, exec_thread, NULL);
	while (pause() == -1)
		;
	return 1;
}

START_TEST(exec_in_a_thread)
{
	pid_t pid = tracee(thread_execs), tid, got;
	int status, exits = 0;

	options(pid, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT);
	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, EVENT(SIGTRAP, PTRACE_EVENT_CLONE));
	tid = (pid_t)message(pid);
	stopped_at(tid, SIGSTOP);
	resume(PTRACE_CONT, pid, 0);
	resume(PTRACE_CONT, tid, 0);
	for (;;) {
		got = (pid_t)ck_ok(waitpid(-1, &status, ANY_CHILD));
		ck_assert_int_eq(got, pid);
		ck_assert(WIFSTOPPED(status));
		if (status >> 8 == EVENT(SIGTRAP, PTRACE_EVENT_EXEC))
			break;
		ck_assert_int_eq(status >> 8, EVENT(SIGTRAP, PTRACE_EVENT_EXIT));	/* the leader */
		exits++;
		resume(PTRACE_CONT, got, 0);
	}
	ck_assert_int_eq(exits, 1);
	ck_assert_int_eq((pid_t)message(pid), tid);	/* who it was before */
	ck_fails(pt(PTRACE_CONT, tid, 0, 0), ESRCH);
	options(pid, 0);
	resume(PTRACE_CONT, pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, ANY_CHILD), pid);
	ck_assert(WIFEXITED(status));
	ck_fails(waitpid(-1, &status, ANY_CHILD), ECHILD);
}
END_TEST

/* --- the end --- */

static int nine(void) { return 9; }

START_TEST(exit_event)
{
	pid_t pid = tracee(nine);

	options(pid, PTRACE_O_TRACEEXIT);
	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, EVENT(SIGTRAP, PTRACE_EVENT_EXIT));
	ck_assert_uint_eq(message(pid), 9 << 8);
	ck_assert_uint_ne(registers(pid).rip, 0);
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 9);
}
END_TEST

START_TEST(exit_event_of_a_killed_one)
{
	pid_t pid = tracee(nine);
	int status;

	options(pid, PTRACE_O_TRACEEXIT);
	ck_ok(kill(pid, SIGKILL));
	ck_assert_int_eq(waitpid(pid, &status, ANY_CHILD), pid);
	if (WIFSTOPPED(status)) {
		ck_assert_int_eq(status >> 8, EVENT(SIGTRAP, PTRACE_EVENT_EXIT));
		ck_assert_uint_eq(message(pid), SIGKILL);
		resume(PTRACE_CONT, pid, 0);
		ck_assert_int_eq(waitpid(pid, &status, ANY_CHILD), pid);
	}
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

START_TEST(kill_request)
{
	pid_t pid = tracee(nine);
	int status;

	ck_ok(pt(PTRACE_KILL, pid, 0, 0));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

/* --- signals --- */

static volatile int got_signal, got_code;
static void on_info(int sig, siginfo_t *si, void *uc) { got_signal = sig; got_code = si->si_code; }

static int
signalled(void)
{
	struct sigaction sa = { .sa_sigaction = on_info, .sa_flags = SA_SIGINFO };

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	raise(SIGUSR1);
	return got_signal * 4 + (got_code == SI_USER ? 1 : got_code == SI_QUEUE ? 2 : 0);
}

START_TEST(a_signal_is_suppressed)
{
	pid_t pid = tracee(signalled);

	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGUSR1);
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 1);
}
END_TEST

START_TEST(a_signal_is_replaced)
{
	pid_t pid = tracee(signalled);

	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGUSR1);
	resume(PTRACE_CONT, pid, SIGUSR2);
	exited(pid, SIGUSR2 * 4 + 1);
}
END_TEST

START_TEST(its_info_is_changed)
{
	pid_t pid = tracee(signalled);
	siginfo_t si;

	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGUSR1);
	ck_ok(pt(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&si));
	ck_assert_int_eq(si.si_code, SI_TKILL);
	ck_assert_int_eq(si.si_pid, pid);
	si.si_code = SI_QUEUE;
	ck_ok(pt(PTRACE_SETSIGINFO, pid, 0, (uintptr_t)&si));
	resume(PTRACE_CONT, pid, SIGUSR1);
	exited(pid, SIGUSR1 * 4 + 2);
}
END_TEST

START_TEST(ignored_signals_are_seen)
{
	pid_t pid = tracee(nine);

	ck_ok(kill(pid, SIGWINCH));
	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGWINCH);
	resume(PTRACE_CONT, pid, SIGWINCH);
	exited(pid, 9);
}
END_TEST

struct peek { uint64_t off; uint32_t flags; int32_t nr; };

START_TEST(masks_and_queues)
{
	pid_t pid = tracee(nine);
	uint64_t set = 0, usr = 1ull << (SIGUSR1 - 1) | 1ull << (SIGRTMIN + 1 - 1);
	struct peek peek = { 0, 1, 4 };
	siginfo_t si[4];
	union sigval v = { .sival_int = 77 };

	ck_fails(pt(PTRACE_GETSIGMASK, pid, 4, (uintptr_t)&set), EINVAL);
	ck_fails(pt(PTRACE_SETSIGMASK, pid, 16, (uintptr_t)&set), EINVAL);
	ck_fails(pt(PTRACE_SETSIGMASK, pid, 8, 8), EFAULT);
	set = usr | 1ull << (SIGKILL - 1);
	ck_ok(pt(PTRACE_SETSIGMASK, pid, 8, (uintptr_t)&set));
	ck_ok(pt(PTRACE_GETSIGMASK, pid, 8, (uintptr_t)&set));
	ck_assert_uint_eq(set, usr);
	ck_assert_int_eq(pt(PTRACE_PEEKSIGINFO, pid, (uintptr_t)&peek, (uintptr_t)si), 0);
	ck_ok(sigqueue(pid, SIGRTMIN + 1, v));
	ck_ok(kill(pid, SIGUSR1));
	ck_assert_int_eq(ck_ok(pt(PTRACE_PEEKSIGINFO, pid, (uintptr_t)&peek, (uintptr_t)si)), 2);
	ck_assert_int_eq(si[0].si_signo, SIGRTMIN + 1);
	ck_assert_int_eq(si[0].si_value.sival_int, 77);
	ck_assert_int_eq(si[1].si_signo, SIGUSR1);
	peek = (struct peek){ 1, 1, 1 };
	ck_assert_int_eq(ck_ok(pt(PTRACE_PEEKSIGINFO, pid, (uintptr_t)&peek, (uintptr_t)si)), 1);
	ck_assert_int_eq(si[0].si_signo, SIGUSR1);
	peek = (struct peek){ 0, 0, 1 };
	ck_assert_int_eq(pt(PTRACE_PEEKSIGINFO, pid, (uintptr_t)&peek, (uintptr_t)si), 0);
	peek.flags = 2;
	ck_fails(pt(PTRACE_PEEKSIGINFO, pid, (uintptr_t)&peek, (uintptr_t)si), EINVAL);
	peek = (struct peek){ 0, 0, -1 };
	ck_fails(pt(PTRACE_PEEKSIGINFO, pid, (uintptr_t)&peek, (uintptr_t)si), EINVAL);
	ck_fails(pt(PTRACE_PEEKSIGINFO, pid, 8, (uintptr_t)si), EFAULT);
	killed(pid);
}
END_TEST

START_TEST(sigchld_tells)
{
	sigset_t set;
	siginfo_t si;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = (pid_t)ck_ok(fork());
	if (pid == 0) {
		pt(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGUSR1);
		_exit(0);
	}
	ck_assert_int_eq(sigwaitinfo(&set, &si), SIGCHLD);
	ck_assert_int_eq(si.si_code, CLD_TRAPPED);
	ck_assert_int_eq(si.si_status, SIGUSR1);
	ck_assert_int_eq(si.si_pid, pid);
	ck_ok(waitid(P_PID, (id_t)pid, &si, WSTOPPED | WNOWAIT));
	ck_assert_int_eq(si.si_code, CLD_TRAPPED);
	ck_assert_int_eq(si.si_status, SIGUSR1);
	stopped_at(pid, SIGUSR1);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);	/* told once */
	killed(pid);
}
END_TEST

/* --- seized ones, group stops --- */

static int loops(void) { while (pause() == -1) ; return 0; }

START_TEST(seize_and_interrupt)
{
	pid_t pid = sleeper();
	siginfo_t si;

	ck_ok(pt(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
	usleep(100000);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	ck_ok(pt(PTRACE_INTERRUPT, pid, 0, 0));
	stopped_at(pid, EVENT(SIGTRAP, 128));
	ck_ok(pt(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&si));
	ck_assert_int_eq(si.si_code, EVENT(SIGTRAP, 128));
	ck_fails(pt(PTRACE_SETOPTIONS, pid, 0, 1 << 25), EINVAL);
	resume(PTRACE_CONT, pid, 0);
	usleep(50000);
	ck_ok(pt(PTRACE_INTERRUPT, pid, 0, 0));
	stopped_at(pid, EVENT(SIGTRAP, 128));
	ck_ok(pt(PTRACE_DETACH, pid, 0, 0));
	until_state(pid, 'S');
	ck_assert_int_eq(tracer_of(pid), 0);
	killed(pid);
}
END_TEST

START_TEST(group_stop_of_an_attached_one)
{
	pid_t pid = tracee(loops);
	siginfo_t si;

	resume(PTRACE_CONT, pid, 0);
	until_state(pid, 'S');
	ck_ok(kill(pid, SIGTSTP));
	stopped_at(pid, SIGTSTP);			/* signal-delivery-stop */
	resume(PTRACE_CONT, pid, SIGTSTP);
	stopped_at(pid, SIGTSTP);			/* group-stop */
	ck_fails(pt(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&si), EINVAL);
	resume(PTRACE_CONT, pid, 0);			/* it runs, stopped or not */
	until_state(pid, 'S');
	ck_ok(kill(pid, SIGCONT));
	stopped_at(pid, SIGCONT);
	killed(pid);
}
END_TEST

START_TEST(group_stop_of_a_seized_one)
{
	pid_t pid = sleeper();
	siginfo_t si;

	ck_ok(pt(PTRACE_SEIZE, pid, 0, 0));
	ck_ok(kill(pid, SIGSTOP));
	stopped_at(pid, SIGSTOP);
	resume(PTRACE_CONT, pid, SIGSTOP);
	stopped_at(pid, EVENT(SIGSTOP, 128));
	ck_ok(pt(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&si));
	ck_assert_int_eq(si.si_code >> 8, 128);
	ck_ok(pt(PTRACE_LISTEN, pid, 0, 0));
	ck_fails(pt(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&si), ESRCH);	/* it listens */
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG | ANY_CHILD), 0);
	ck_ok(kill(pid, SIGCONT));
	stopped_at(pid, EVENT(SIGTRAP, 128));
	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGCONT);
	resume(PTRACE_CONT, pid, SIGCONT);
	until_state(pid, 'S');
	ck_ok(pt(PTRACE_INTERRUPT, pid, 0, 0));
	stopped_at(pid, EVENT(SIGTRAP, 128));
	ck_fails(pt(PTRACE_CONT, pid, 0, 999), EIO);
	killed(pid);
}
END_TEST

START_TEST(a_seized_child_begins_with_a_stop)
{
	pid_t pid = (pid_t)ck_ok(fork()), child;
	int status;

	if (pid == 0) {
		while (tracer_of(getpid()) == 0)
			usleep(1000);
		_exit(forks());
	}
	ck_ok(pt(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEFORK));
	stopped_at(pid, EVENT(SIGTRAP, PTRACE_EVENT_FORK));
	child = (pid_t)message(pid);
	stopped_at(child, EVENT(SIGTRAP, 128));
	resume(PTRACE_CONT, child, 0);
	exited(child, 3);
	resume(PTRACE_CONT, pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status >> 8, SIGCHLD);
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 5);
}
END_TEST

START_TEST(attach_to_a_stopped_one)
{
	pid_t pid = sleeper();
	int status;

	ck_ok(kill(pid, SIGSTOP));
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_ok(pt(PTRACE_ATTACH, pid, 0, 0));
	ck_assert_int_eq(waitpid(pid, &status, WNOHANG), pid);	/* at once */
	ck_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	ck_assert_int_eq(state_of(pid), 't');
	ck_ok(pt(PTRACE_DETACH, pid, 0, 0));
	until_state(pid, 'T');
	ck_ok(kill(pid, SIGCONT));
	until_state(pid, 'S');
	killed(pid);
}
END_TEST

START_TEST(detach_with_a_signal)
{
	pid_t pid = tracee(nine);
	int status;

	ck_ok(pt(PTRACE_DETACH, pid, 0, SIGHUP));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
}
END_TEST

/* --- tracer and parent are two --- */

START_TEST(the_parent_waits_for_the_tracer)
{
	int fd[2], status;
	char c;
	pid_t pid = sleeper(), tracer;

	ck_ok(pipe(fd));
	tracer = (pid_t)ck_ok(fork());
	if (tracer == 0) {
		if (pt(PTRACE_ATTACH, pid, 0, 0) != 0 || waitpid(pid, &status, 0) != pid)
			_exit(1);
		write(fd[1], "a", 1);
		if (pt(PTRACE_CONT, pid, 0, SIGHUP) != 0)
			_exit(2);
		usleep(300000);		/* it is dead, and we did not look yet */
		write(fd[1], "b", 1);
		usleep(300000);
		if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
			_exit(3);
		_exit(0);
	}
	ck_assert_int_eq(read(fd[0], &c, 1), 1);
	ck_assert_int_eq(read(fd[0], &c, 1), 1);
	ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
	exited(tracer, 0);
}
END_TEST

START_TEST(wait_options)
{
	pid_t pid = tracee(threads), tid;
	int status;

	options(pid, PTRACE_O_TRACECLONE);
	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, EVENT(SIGTRAP, PTRACE_EVENT_CLONE));
	tid = (pid_t)message(pid);
	/* a tracee that is no child, and a thread: without __WALL or __WCLONE too */
	ck_assert_int_eq(waitpid(tid, &status, 0), tid);
	resume(PTRACE_CONT, tid, 0);
	resume(PTRACE_CONT, pid, 0);
	ck_assert_int_eq(waitpid(tid, &status, (int)0x80000000), tid);		/* __WCLONE */
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(waitpid(pid, &status, 0x20000000), pid);		/* __WNOTHREAD */
	ck_assert_int_eq(WEXITSTATUS(status), 6);
	ck_fails(waitpid(tid, &status, ANY_CHILD), ECHILD);
}
END_TEST

/* --- the tracer dies --- */

static pid_t
abandoned(uintptr_t seize_options, bool stopped)
{
	pid_t pid = sleeper(), tracer = (pid_t)ck_ok(fork());
	int status;

	if (tracer == 0) {
		if (pt(PTRACE_SEIZE, pid, 0, seize_options) != 0)
			_exit(1);
		if (stopped && (pt(PTRACE_INTERRUPT, pid, 0, 0) != 0 || waitpid(pid, &status, ANY_CHILD) != pid))
			_exit(2);
		_exit(0);
	}
	exited(tracer, 0);
	return pid;
}

START_TEST(tracees_go_free)
{
	pid_t pid = abandoned(0, true);

	until_state(pid, 'S');
	ck_assert_int_eq(tracer_of(pid), 0);
	killed(pid);
	pid = abandoned(0, false);
	until_state(pid, 'S');
	killed(pid);
}
END_TEST

START_TEST(exitkill)
{
	int status;

	for (int i = 0; i < 2; i++) {
		pid_t pid = abandoned(PTRACE_O_EXITKILL, i);

		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
}
END_TEST

/* --- storms, bounded by count --- */

START_TEST(attach_and_detach)
{
	pid_t pid = sleeper();

	for (int i = 0; i < 200; i++) {
		ck_ok(pt(PTRACE_ATTACH, pid, 0, 0));
		stopped_at(pid, SIGSTOP);
		ck_ok(pt(PTRACE_DETACH, pid, 0, 0));
	}
	killed(pid);
}
END_TEST

static void *
spin(void *arg)
{
	for (;;)
		syscall(SYS_getppid);
	return arg;
}

START_TEST(interrupt_and_go)
{
	pid_t pid = (pid_t)ck_ok(fork());

	if (pid == 0)
		spin(NULL);
	ck_ok(pt(PTRACE_SEIZE, pid, 0, 0));
	for (int i = 0; i < 200; i++) {
		ck_ok(pt(PTRACE_INTERRUPT, pid, 0, 0));
		stopped_at(pid, EVENT(SIGTRAP, 128));
		registers(pid);
		resume(i % 2 ? PTRACE_CONT : PTRACE_SYSCALL, pid, 0);
		if (i % 2 == 0) {
			int status;

			ck_assert_int_eq(waitpid(pid, &status, ANY_CHILD), pid);
			ck_assert(WIFSTOPPED(status));
			resume(PTRACE_CONT, pid, 0);
		}
	}
	killed(pid);
}
END_TEST

/* Somebody else kills it while we are at work on it in one of its stops. */
START_TEST(killed_in_a_stop)
{
	for (int i = 0; i < 60; i++) {
		pid_t pid = tracee(loops), killer;
		int status;

		if (i % 3 == 1) {
			resume(PTRACE_SYSCALL, pid, 0);
			stopped_at(pid, SIGTRAP);
		}
		killer = (pid_t)ck_ok(fork());
		if (killer == 0)
			_exit(kill(pid, SIGKILL));
		for (int n = 0; n < 1000; n++) {
			struct user_regs_struct regs;

			if (pt(PTRACE_GETREGS, pid, 0, (uintptr_t)&regs) != 0 || pt(PTRACE_SETREGS, pid, 0, (uintptr_t)&regs) != 0 ||
			    (i % 3 == 2 && n == 20 && pt(PTRACE_CONT, pid, 0, 0) != 0)) {
				ck_assert_int_eq(errno, ESRCH);
				break;
			}
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		exited(killer, 0);
	}
}
END_TEST

START_TEST(tracers_die_everywhere)
{
	for (int i = 0; i < 40; i++) {
		pid_t tracer = (pid_t)ck_ok(fork());

		if (tracer == 0) {
			pid_t pid = tracee(i % 2 ? forks : threads);
			int status;

			options(pid, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD);
			for (int n = 0; n < i; n++) {
				pid_t got;

				if (pt(PTRACE_SYSCALL, pid, 0, 0) != 0)
					break;
				got = waitpid(-1, &status, ANY_CHILD);
				if (got <= 0)
					break;
				if (got != pid)
					pt(PTRACE_SYSCALL, got, 0, 0);
			}
			_exit(0);	/* in whatever stop they are */
		}
		exited(tracer, 0);
	}
}
END_TEST

static int
storm(void)
{
	for (int i = 0; i < 20; i++)
		if (forks() != 5 || threads() != 6)
			return 1;
	return 0;
}

START_TEST(everything_traced)
{
	pid_t pid = tracee(storm), got;
	int status, ends = 0;

	options(pid, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD);
	resume(PTRACE_SYSCALL, pid, 0);
	while ((got = waitpid(-1, &status, ANY_CHILD)) > 0) {
		int sig = WSTOPSIG(status);

		if (!WIFSTOPPED(status)) {
			ck_assert(WIFEXITED(status));
			ends++;
			if (got == pid)
				break;
			continue;
		}
		if (sig == (SIGTRAP | 0x80) || sig == SIGTRAP || sig == SIGSTOP)
			sig = 0;
		ck_ok(pt(PTRACE_SYSCALL, got, 0, (uintptr_t)sig));
	}
	ck_assert_int_eq(got, pid);
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert_int_eq(ends, 41);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ptrace_events");
	TCase *t = tcase_create("core");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, fork_event);
	tcase_add_test(t, vfork_events);
	tcase_add_test(t, without_options_nothing_is_told);
	tcase_add_test(t, threads_are_traced);
	tcase_add_test(t, exec_event);
	tcase_add_test(t, exec_by_sigtrap);
	tcase_add_test(t, exec_in_a_thread);
	tcase_add_test(t, exit_event);
	tcase_add_test(t, exit_event_of_a_killed_one);
	tcase_add_test(t, kill_request);
	tcase_add_test(t, a_signal_is_suppressed);
	tcase_add_test(t, a_signal_is_replaced);
	tcase_add_test(t, its_info_is_changed);
	tcase_add_test(t, ignored_signals_are_seen);
	tcase_add_test(t, masks_and_queues);
	tcase_add_test(t, sigchld_tells);
	tcase_add_test(t, seize_and_interrupt);
	tcase_add_test(t, group_stop_of_an_attached_one);
	tcase_add_test(t, group_stop_of_a_seized_one);
	tcase_add_test(t, a_seized_child_begins_with_a_stop);
	tcase_add_test(t, attach_to_a_stopped_one);
	tcase_add_test(t, detach_with_a_signal);
	tcase_add_test(t, the_parent_waits_for_the_tracer);
	tcase_add_test(t, wait_options);
	tcase_add_test(t, tracees_go_free);
	tcase_add_test(t, exitkill);
	tcase_add_test(t, attach_and_detach);
	tcase_add_test(t, interrupt_and_go);
	tcase_add_test(t, killed_in_a_stop);
	tcase_add_test(t, tracers_die_everywhere);
	tcase_add_test(t, everything_traced);
	suite_add_tcase(s, t);
	return guest_run(s);
}
