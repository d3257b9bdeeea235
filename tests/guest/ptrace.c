/* SPDX-License-Identifier: BSD-2-Clause */
/* ptrace(2): requests on a stopped tracee, registers, memory, system-call stops, stepping, hardware breakpoints; the errors. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>

#include "ptrace_aid.h"

#ifndef PTRACE_GET_SYSCALL_INFO
#define PTRACE_GET_SYSCALL_INFO 0x420e
#endif

static volatile long variable = 0x1122334455667788;
static volatile long other;
static const volatile long constant = 42;

static __attribute__((noinline)) int nothing(void) { __asm__ volatile(""); return 7; }

/* --- beginnings and errors --- */

START_TEST(traceme_stops_at_signals)
{
	pid_t pid = tracee(nothing);

	ck_assert_int_eq(tracer_of(pid), getpid());
	ck_assert_int_eq(state_of(pid), 't');
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 7);
}
END_TEST

START_TEST(errors)
{
	pid_t pid = sleeper();
	uintptr_t word;
	siginfo_t si;

	ck_fails(pt(PTRACE_PEEKDATA, pid, (uintptr_t)&variable, (uintptr_t)&word), ESRCH);	/* not traced */
	ck_fails(pt(PTRACE_CONT, pid, 0, 0), ESRCH);
	ck_fails(pt(PTRACE_ATTACH, 0, 0, 0), ESRCH);
	ck_fails(pt(PTRACE_ATTACH, -1, 0, 0), ESRCH);
	ck_fails(pt(PTRACE_ATTACH, 4194300, 0, 0), ESRCH);
	ck_fails(pt(PTRACE_ATTACH, getpid(), 0, 0), EPERM);
	ck_fails(pt(PTRACE_SEIZE, pid, 1, 0), EIO);
	ck_fails(pt(PTRACE_SEIZE, pid, 0, 0x40000000), EIO);
	ck_ok(pt(PTRACE_ATTACH, pid, 0, 0));
	ck_fails(pt(PTRACE_ATTACH, pid, 0, 0), EPERM);
	ck_fails(pt(PTRACE_SEIZE, pid, 0, 0), EPERM);
	stopped_at(pid, SIGSTOP);
	ck_fails(pt(PTRACE_CONT, pid, 0, 65), EIO);
	ck_fails(pt(PTRACE_SYSCALL, pid, 0, 1000), EIO);
	ck_fails(pt(PTRACE_DETACH, pid, 0, 65), EIO);
	ck_fails(pt(PTRACE_INTERRUPT, pid, 0, 0), EIO);		/* attached, not seized */
	ck_fails(pt(PTRACE_LISTEN, pid, 0, 0), EIO);
	ck_fails(pt(0x7777, pid, 0, 0), EIO);
	ck_fails(pt(PTRACE_SETOPTIONS, pid, 0, 0x40000000), EINVAL);
	ck_fails(pt(PTRACE_PEEKDATA, pid, 8, (uintptr_t)&word), EIO);
	ck_fails(pt(PTRACE_POKEDATA, pid, 8, 0), EIO);
	ck_fails(pt(PTRACE_PEEKDATA, pid, (uintptr_t)&variable, 8), EFAULT);
	ck_fails(pt(PTRACE_PEEKUSER, pid, 3, (uintptr_t)&word), EIO);
	ck_fails(pt(PTRACE_PEEKUSER, pid, 928, (uintptr_t)&word), EIO);
	ck_fails(pt(PTRACE_POKEUSER, pid, offsetof(struct user, u_tsize), 0), EIO);
	ck_fails(pt(PTRACE_GETREGS, pid, 0, 8), EFAULT);
	ck_fails(pt(PTRACE_SETREGS, pid, 0, 8), EFAULT);
	ck_fails(pt(PTRACE_GETSIGINFO, pid, 0, 8), EFAULT);
	ck_fails(pt(PTRACE_SETSIGINFO, pid, 0, 8), EFAULT);
	ck_ok(pt(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&si));
	ck_assert_int_eq(si.si_signo, SIGSTOP);
	ck_ok(pt(PTRACE_DETACH, pid, 0, 0));
	ck_fails(pt(PTRACE_CONT, pid, 0, 0), ESRCH);
	killed(pid);
	ck_fails(pt(PTRACE_ATTACH, pid, 0, 0), ESRCH);
}
END_TEST

/* gdb reads the symbols of the vDSO there. */
START_TEST(the_vdso_can_be_read)
{
	const uintptr_t *vdso = (const uintptr_t *)getauxval(AT_SYSINFO_EHDR);
	pid_t pid = tracee(nothing);
	uintptr_t word;

	for (size_t i = 0; i < 4096 / sizeof(word); i += 37) {
		ck_ok(pt(PTRACE_PEEKDATA, pid, (uintptr_t)(vdso + i), (uintptr_t)&word));
		ck_assert_uint_eq(word, vdso[i]);
	}
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 7);
}
END_TEST

START_TEST(a_running_tracee_is_not_there)
{
	pid_t pid = sleeper();
	uintptr_t word;

	ck_ok(pt(PTRACE_SEIZE, pid, 0, 0));
	ck_fails(pt(PTRACE_PEEKDATA, pid, (uintptr_t)&variable, (uintptr_t)&word), ESRCH);
	ck_fails(pt(PTRACE_GETREGS, pid, 0, (uintptr_t)&word), ESRCH);
	ck_fails(pt(PTRACE_DETACH, pid, 0, 0), ESRCH);
	ck_ok(pt(PTRACE_INTERRUPT, pid, 0, 0));
	stopped_at(pid, EVENT(SIGTRAP, 128));
	killed(pid);
}
END_TEST

START_TEST(only_the_tracer_may)
{
	pid_t pid = tracee(nothing), child = (pid_t)ck_ok(fork());
	uintptr_t word;

	if (child == 0) {
		if (pt(PTRACE_PEEKDATA, pid, (uintptr_t)&variable, (uintptr_t)&word) != -1 || errno != ESRCH)
			_exit(1);
		_exit(pt(PTRACE_ATTACH, pid, 0, 0) != -1 || errno != EPERM);
	}
	exited(child, 0);
	killed(pid);
}
END_TEST

static int
twice(void)
{
	return pt(PTRACE_TRACEME, 0, 0, 0) == -1 && errno == EPERM ? 0 : 1;
}

START_TEST(traceme_twice_fails)
{
	pid_t pid = tracee(twice);

	resume(PTRACE_CONT, pid, 0);
	exited(pid, 0);
}
END_TEST

/* cap_ptrace_traceme: a parent with less than the child has may not have it for the asking. */
START_TEST(traceme_asks_whether_the_parent_may)
{
	pid_t pid = (pid_t)ck_ok(fork());

	if (pid == 0) {
		int go[2], status;
		char c;

		if (pipe(go) != 0)
			_exit(1);
		if (fork() == 0) {
			if (read(go[0], &c, 1) != 1)
				_exit(2);
			_exit(pt(PTRACE_TRACEME, 0, 0, 0) == -1 && errno == EPERM ? 0 : 3);
		}
		if (setresgid(1000, 1000, 1000) != 0 || setresuid(1000, 1000, 1000) != 0 || write(go[1], "x", 1) != 1)
			_exit(4);
		_exit(wait(&status) > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 5);
	}
	exited(pid, 0);
}
END_TEST

/* What a set-id copy of /aid/ids runs as that user 1000 starts and root traces; it asked for that before it became user 1000, or after. */
static void
set_id_tells(bool before, const char *expected)
{
	char out[32] = "";
	int told[2];
	pid_t pid;

	ck_ok(system("cp /aid/ids /tmp/ptrace_ids && chmod 4755 /tmp/ptrace_ids"));
	ck_ok(pipe(told));
	pid = (pid_t)ck_ok(fork());
	if (pid == 0) {
		if (before && pt(PTRACE_TRACEME, 0, 0, 0) != 0)
			_exit(1);
		if (dup2(told[1], 1) != 1 || setresgid(1000, 1000, 1000) != 0 || setresuid(1000, 1000, 1000) != 0)
			_exit(2);
		if (!before && pt(PTRACE_TRACEME, 0, 0, 0) != 0)
			_exit(3);
		execl("/tmp/ptrace_ids", "ids", (char *)NULL);
		_exit(4);
	}
	stopped_at(pid, SIGTRAP);
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 0);
	ck_ok(read(told[0], out, sizeof(out) - 1));
	ck_assert_str_eq(out, expected);
	ck_ok(unlink("/tmp/ptrace_ids"));
	close(told[0]);
	close(told[1]);
}

/* A tracer with CAP_SYS_PTRACE may see what a set-id program does; for PTRACE_TRACEME that of the child counts. */
START_TEST(set_id_programs)
{
	set_id_tells(true, "0 1000\n");
	set_id_tells(false, "1000 1000\n");
}
END_TEST

START_TEST(permission)
{
	pid_t root = sleeper(), user = (pid_t)ck_ok(fork()), hidden, child;

	if (user == 0) {
		if (setresgid(1000, 1000, 1000) != 0 || setresuid(1000, 1000, 1000) != 0 || prctl(PR_SET_DUMPABLE, 1) != 0)
			_exit(1);
		for (;;)
			pause();
	}
	hidden = (pid_t)ck_ok(fork());
	if (hidden == 0) {
		if (setresgid(1000, 1000, 1000) != 0 || setresuid(1000, 1000, 1000) != 0)	/* not dumpable now */
			_exit(1);
		for (;;)
			pause();
	}
	usleep(300000);
	child = (pid_t)ck_ok(fork());
	if (child == 0) {
		int status, fd;

		if (setresgid(1000, 1000, 1000) != 0 || setresuid(1000, 1000, 1000) != 0)
			_exit(1);
		if (pt(PTRACE_ATTACH, root, 0, 0) != -1 || errno != EPERM)
			_exit(2);
		if (pt(PTRACE_ATTACH, hidden, 0, 0) != -1 || errno != EPERM)
			_exit(3);
		if (pt(PTRACE_ATTACH, user, 0, 0) != 0 || waitpid(user, &status, 0) != user || !WIFSTOPPED(status))
			_exit(4);
		if (pt(PTRACE_DETACH, user, 0, 0) != 0)
			_exit(5);
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/mem", root);
		fd = open(path, O_RDONLY);
		_exit(fd != -1 || errno != EACCES ? 6 : 0);
	}
	exited(child, 0);
	killed(root);
	killed(user);
	killed(hidden);
}
END_TEST

/* --- memory --- */

START_TEST(memory)
{
	pid_t pid = tracee(nothing);
	uintptr_t word = 0;

	ck_ok(pt(PTRACE_PEEKDATA, pid, (uintptr_t)&variable, (uintptr_t)&word));
	ck_assert_uint_eq(word, 0x1122334455667788);
	ck_ok(pt(PTRACE_PEEKTEXT, pid, (uintptr_t)&variable + 3, (uintptr_t)&word));	/* any alignment */
	ck_ok(pt(PTRACE_POKEDATA, pid, (uintptr_t)&variable, 99));
	ck_ok(pt(PTRACE_PEEKDATA, pid, (uintptr_t)&variable, (uintptr_t)&word));
	ck_assert_uint_eq(word, 99);
	ck_assert_int_eq(variable, 0x1122334455667788);		/* ours is another */
	/* read-only private pages: data and text */
	ck_ok(pt(PTRACE_POKEDATA, pid, (uintptr_t)&constant, 43));
	ck_ok(pt(PTRACE_PEEKDATA, pid, (uintptr_t)&constant, (uintptr_t)&word));
	ck_assert_uint_eq(word, 43);
	ck_assert_int_eq(*(volatile long *)&constant, 42);
	ck_ok(pt(PTRACE_PEEKTEXT, pid, (uintptr_t)nothing, (uintptr_t)&word));
	ck_ok(pt(PTRACE_POKETEXT, pid, (uintptr_t)nothing, word));
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 7);
}
END_TEST

START_TEST(shared_read_only_pages_stay)
{
	uintptr_t word = 0;
	long page = sysconf(_SC_PAGESIZE);
	int fd = (int)ck_ok(open("shared", O_RDWR | O_CREAT | O_TRUNC, 0600));
	char *ro, *none;
	pid_t pid;

	ck_ok(ftruncate(fd, page));
	ro = mmap(NULL, (size_t)page, PROT_READ, MAP_SHARED, fd, 0);
	none = mmap(NULL, (size_t)page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(ro != MAP_FAILED && none != MAP_FAILED);
	pid = tracee(nothing);
	ck_fails(pt(PTRACE_POKEDATA, pid, (uintptr_t)ro, 1), EIO);
	ck_ok(pt(PTRACE_PEEKDATA, pid, (uintptr_t)ro, (uintptr_t)&word));
	ck_assert_uint_eq(word, 0);
	ck_ok(pt(PTRACE_POKEDATA, pid, (uintptr_t)none, 5));	/* no permission at all is none against a debugger */
	ck_ok(pt(PTRACE_PEEKDATA, pid, (uintptr_t)none, (uintptr_t)&word));
	ck_assert_uint_eq(word, 5);
	killed(pid);
	close(fd);
}
END_TEST

START_TEST(proc_mem)
{
	pid_t pid = tracee(nothing);
	char path[64];
	long word = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = (int)ck_ok(open(path, O_RDWR));
	ck_assert_int_eq(pread(fd, &word, sizeof(word), (off_t)(uintptr_t)&variable), sizeof(word));
	ck_assert_int_eq(word, 0x1122334455667788);
	word = 5;
	ck_assert_int_eq(pwrite(fd, &word, sizeof(word), (off_t)(uintptr_t)&variable), sizeof(word));
	ck_assert_int_eq(pwrite(fd, &word, sizeof(word), (off_t)(uintptr_t)&constant), sizeof(word));
	word = 0;
	ck_assert_int_eq(lseek(fd, (off_t)(uintptr_t)&variable, SEEK_SET), (off_t)(uintptr_t)&variable);
	ck_assert_int_eq(read(fd, &word, sizeof(word)), sizeof(word));
	ck_assert_int_eq(word, 5);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), (off_t)(uintptr_t)&variable + 8);
	ck_fails(pread(fd, &word, sizeof(word), 8), EIO);
	ck_fails(pwrite(fd, &word, sizeof(word), 8), EIO);
	ck_fails(pread(fd, (void *)8, sizeof(word), (off_t)(uintptr_t)&variable), EFAULT);
	killed(pid);
	ck_assert_int_eq(read(fd, &word, sizeof(word)), 0);	/* the space is gone */
	close(fd);
}
END_TEST

/* --- registers --- */

START_TEST(general_registers)
{
	pid_t pid = tracee(nothing);
	struct user_regs_struct regs = registers(pid), back;

	ck_assert_uint_eq(regs.cs, 0x33);
	ck_assert_uint_eq(regs.ss, 0x2b);
	ck_assert_uint_eq(user_word(pid, offsetof(struct user_regs_struct, rip)), regs.rip);
	ck_assert_uint_eq(user_word(pid, offsetof(struct user_regs_struct, fs_base)), regs.fs_base);
	ck_assert_uint_ne(regs.fs_base, 0);
	regs.r12 = 0x1234567890;
	ck_ok(pt(PTRACE_SETREGS, pid, 0, (uintptr_t)&regs));
	ck_ok(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, r13), 77));
	back = registers(pid);
	ck_assert_uint_eq(back.r12, 0x1234567890);
	ck_assert_uint_eq(back.r13, 77);
	killed(pid);
}
END_TEST

START_TEST(registers_raise_no_privilege)
{
	pid_t pid = tracee(nothing);
	struct user_regs_struct regs = registers(pid);
	const size_t cs = offsetof(struct user_regs_struct, cs), ss = offsetof(struct user_regs_struct, ss);

	ck_fails(pt(PTRACE_POKEUSER, pid, cs, 0x10), EIO);
	ck_fails(pt(PTRACE_POKEUSER, pid, cs, 0), EIO);
	ck_fails(pt(PTRACE_POKEUSER, pid, ss, 0x18), EIO);
	ck_fails(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, ds), 0x18), EIO);
	ck_fails(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, fs_base), 0xffff800000000000), EIO);
	ck_fails(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, gs_base), 0x8000000000000000), EIO);
	ck_ok(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, eflags), 0x3fffff));
	ck_assert_uint_eq(user_word(pid, offsetof(struct user_regs_struct, eflags)) & 0x3202, 0x202);	/* IF, no IOPL */
	ck_ok(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, eflags), regs.eflags));
	ck_ok(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rip), 0x8000000000000000));
	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGSEGV);
	ck_ok(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rip), 0xffffffff80000000));
	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGSEGV);
	killed(pid);
}
END_TEST

START_TEST(register_sets)
{
	pid_t pid = tracee(nothing);
	struct user_regs_struct regs;
	struct user_fpregs_struct fp, fp2;
	char area[16384];
	struct iovec iov = { &regs, sizeof(regs) };

	ck_ok(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, (uintptr_t)&iov));
	ck_assert_uint_eq(iov.iov_len, sizeof(regs));
	ck_assert_uint_eq(regs.rip, registers(pid).rip);
	iov.iov_len = 16;
	ck_ok(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, (uintptr_t)&iov));
	ck_assert_uint_eq(iov.iov_len, 16);
	iov.iov_len = 13;
	ck_fails(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, (uintptr_t)&iov), EINVAL);
	iov.iov_len = 16;
	ck_fails(pt(PTRACE_GETREGSET, pid, 0x7777, (uintptr_t)&iov), EINVAL);
	ck_fails(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, 8), EFAULT);

	ck_ok(pt(PTRACE_GETFPREGS, pid, 0, (uintptr_t)&fp));
	fp.xmm_space[0] = 0xabcd;
	fp.xmm_space[63] = 0x1234;
	ck_ok(pt(PTRACE_SETFPREGS, pid, 0, (uintptr_t)&fp));
	ck_ok(pt(PTRACE_GETFPREGS, pid, 0, (uintptr_t)&fp2));
	ck_assert_uint_eq(fp2.xmm_space[0], 0xabcd);
	ck_assert_uint_eq(fp2.xmm_space[63], 0x1234);
	fp.mxcsr = 0xffffffff;
	ck_fails(pt(PTRACE_SETFPREGS, pid, 0, (uintptr_t)&fp), EINVAL);

	memset(area, 0, sizeof(area));
	iov = (struct iovec){ area, sizeof(area) };
	ck_ok(pt(PTRACE_GETREGSET, pid, NT_X86_XSTATE, (uintptr_t)&iov));
	ck_assert_uint_ge(iov.iov_len, 576);
	ck_assert_uint_eq(*(uint32_t *)(area + 160), 0xabcd);
	ck_assert_uint_eq(*(uint64_t *)(area + 464) & 3, 3);	/* the features */
	*(uint32_t *)(area + 164) = 0x5555;
	*(uint64_t *)(area + 512) |= 3;
	ck_ok(pt(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (uintptr_t)&iov));
	ck_ok(pt(PTRACE_GETFPREGS, pid, 0, (uintptr_t)&fp2));
	ck_assert_uint_eq(fp2.xmm_space[1], 0x5555);
	*(uint64_t *)(area + 512) = ~0ull;
	ck_fails(pt(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (uintptr_t)&iov), EINVAL);
	iov.iov_len -= 8;
	ck_fails(pt(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (uintptr_t)&iov), EFAULT);
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 7);
}
END_TEST

static int
vectors(void)
{
	long out = 1;

	__asm__ volatile("movq %1, %%xmm5\n\tint3\n\tmovq %%xmm5, %0" : "=r"(out) : "r"(5L) : "xmm5");
	return (int)out;
}

START_TEST(vector_registers_reach_the_program)
{
	pid_t pid = tracee(vectors);
	struct user_fpregs_struct fp;
	siginfo_t si;

	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGTRAP);
	ck_ok(pt(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&si));
	ck_assert_int_eq(si.si_code, SI_KERNEL);	/* int3 */
	ck_ok(pt(PTRACE_GETFPREGS, pid, 0, (uintptr_t)&fp));
	ck_assert_uint_eq(fp.xmm_space[5 * 4], 5);
	fp.xmm_space[5 * 4] = 33;
	ck_ok(pt(PTRACE_SETFPREGS, pid, 0, (uintptr_t)&fp));
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 33);
}
END_TEST

static int
registers_rseq(void)
{
	static struct { uint32_t cpu[2]; uint64_t cs; uint32_t flags, pad[3]; } __attribute__((aligned(32))) area;

	variable = (long)&area;
	syscall(334, &area, 32, 0, 0x53053053);
	raise(SIGUSR1);
	return 0;
}

START_TEST(rseq_configuration)
{
	struct { uint64_t area; uint32_t size, signature, flags, pad; } conf;
	pid_t pid = tracee(registers_rseq);
	uintptr_t area;

	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGUSR1);
	ck_assert_int_eq(ck_ok(pt(0x420f, pid, 8, (uintptr_t)&conf)), sizeof(conf));	/* as much as there is room for */
	ck_fails(pt(0x420f, pid, sizeof(conf), 8), EFAULT);
	ck_assert_int_eq(ck_ok(pt(0x420f, pid, sizeof(conf), (uintptr_t)&conf)), sizeof(conf));
	ck_ok(pt(PTRACE_PEEKDATA, pid, (uintptr_t)&variable, (uintptr_t)&area));
	ck_assert_uint_eq(conf.area, area);
	ck_assert_uint_eq(conf.size, 32);
	ck_assert_uint_eq(conf.signature, 0x53053053);
	killed(pid);
}
END_TEST

START_TEST(arch_prctl_by_the_tracer)
{
	pid_t pid = tracee(nothing);
	unsigned long base = 0;

	ck_ok(pt(30, pid, (uintptr_t)&base, 0x1003));	/* ARCH_GET_FS */
	ck_assert_uint_eq(base, registers(pid).fs_base);
	ck_ok(pt(30, pid, 0x4000, 0x1001));		/* ARCH_SET_GS */
	ck_assert_uint_eq(registers(pid).gs_base, 0x4000);
	killed(pid);
}
END_TEST

/* --- system calls --- */

struct syscall_info {
	uint8_t op, pad[3];
	uint32_t arch;
	uint64_t ip, sp;
	union { struct { uint64_t nr, args[6]; } entry; struct { int64_t rval; uint8_t is_error; } exit; struct { uint64_t nr, args[6]; uint32_t d; } s; };
};

static int calls(void) { return syscall(SYS_getppid, 1, 2, 3) > 0 && syscall(SYS_close, 987) == -1 && errno == EBADF ? 3 : 1; }

/* The next call is nr: to its entry. Others are let through. */
static void
to_entry(pid_t pid, long nr, int trap)
{
	for (;;) {
		resume(PTRACE_SYSCALL, pid, 0);
		stopped_at(pid, trap);
		if ((long)registers(pid).orig_rax == nr)
			return;
		resume(PTRACE_SYSCALL, pid, 0);
		stopped_at(pid, trap);
	}
}

START_TEST(syscall_stops)
{
	pid_t pid = tracee(calls);
	struct user_regs_struct regs;
	struct syscall_info info;
	unsigned long message = 9;
	siginfo_t si;

	ck_assert_int_eq(ck_ok(pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (uintptr_t)&info)), 24);
	ck_assert_int_eq(info.op, 0);
	ck_ok(pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD));
	to_entry(pid, SYS_getppid, SIGTRAP | 0x80);
	regs = registers(pid);
	ck_assert_int_eq((long)regs.rax, -ENOSYS);
	ck_assert_uint_eq(regs.rdi, 1);
	ck_assert_uint_eq(regs.rdx, 3);
	ck_ok(pt(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&si));
	ck_assert_int_eq(si.si_code, SIGTRAP | 0x80);
	ck_assert_int_eq(si.si_pid, pid);
	ck_ok(pt(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)&message));
	ck_assert_uint_eq(message, 1);
	ck_assert_int_eq(ck_ok(pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (uintptr_t)&info)), 80);
	ck_assert_int_eq(info.op, 1);
	ck_assert_uint_eq(info.arch, 0xc000003e);
	ck_assert_uint_eq(info.entry.nr, SYS_getppid);
	ck_assert_uint_eq(info.entry.args[2], 3);
	ck_assert_uint_eq(info.ip, regs.rip);
	ck_assert_uint_eq(info.sp, regs.rsp);
	resume(PTRACE_SYSCALL, pid, 0);
	stopped_at(pid, SIGTRAP | 0x80);
	ck_assert_int_eq((long)registers(pid).rax, getpid());
	ck_assert_int_eq(ck_ok(pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (uintptr_t)&info)), 33);
	ck_assert_int_eq(info.op, 2);
	ck_assert_int_eq(info.exit.rval, getpid());
	ck_assert_int_eq(info.exit.is_error, 0);
	to_entry(pid, SYS_close, SIGTRAP | 0x80);
	resume(PTRACE_SYSCALL, pid, 0);
	stopped_at(pid, SIGTRAP | 0x80);
	ck_assert_int_eq(ck_ok(pt(PTRACE_GET_SYSCALL_INFO, pid, 4, (uintptr_t)&info)), 33);
	ck_ok(pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (uintptr_t)&info));
	ck_assert_int_eq(info.exit.rval, -EBADF);
	ck_assert_int_eq(info.exit.is_error, 1);
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 3);
}
END_TEST

static int ppid(void) { return (int)syscall(SYS_getppid) & 0x7f; }

START_TEST(a_call_is_changed)
{
	pid_t pid = tracee(ppid);

	to_entry(pid, SYS_getppid, SIGTRAP);
	ck_ok(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), SYS_getpid));
	resume(PTRACE_CONT, pid, 0);
	exited(pid, pid & 0x7f);
}
END_TEST

START_TEST(a_call_is_cancelled)
{
	pid_t pid = tracee(ppid);

	to_entry(pid, SYS_getppid, SIGTRAP);
	ck_ok(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), (uintptr_t)-1));
	resume(PTRACE_SYSCALL, pid, 0);
	stopped_at(pid, SIGTRAP);
	ck_assert_int_eq((long)registers(pid).rax, -ENOSYS);
	ck_ok(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), 55));
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 55);
}
END_TEST

START_TEST(calls_are_emulated)
{
	pid_t pid = tracee(ppid);

	resume(31, pid, 0);	/* SYSEMU: no call is made, and there is no exit stop */
	for (;;) {
		stopped_at(pid, SIGTRAP);
		if ((long)registers(pid).orig_rax == SYS_getppid)
			break;
		ck_ok(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), 0));
		resume(31, pid, 0);
	}
	ck_ok(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), 44));
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 44);
}
END_TEST

static volatile int handled;
static void on_signal(int sig) { handled += sig; }

static int
interrupted_read(void)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	int fd[2];
	char c = 0;

	sigaction(SIGUSR1, &sa, NULL);
	if (pipe(fd) != 0)
		return 1;
	write(fd[1], "x", 1);
	read(fd[0], &c, 1);
	if (fork() == 0) {
		usleep(200000);
		kill(getppid(), SIGUSR1);
		usleep(200000);
		write(fd[1], "y", 1);
		_exit(0);
	}
	return read(fd[0], &c, 1) == 1 && c == 'y' && handled == SIGUSR1 ? 0 : 2;
}

START_TEST(restart_codes_are_seen)
{
	pid_t pid = tracee(interrupted_read);
	int status, seen = 0;

	ck_ok(pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD));
	for (int sig = 0;;) {
		resume(PTRACE_SYSCALL, pid, sig);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status))
			break;
		sig = WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
		if (sig == 0 && (long)registers(pid).rax == -512)
			seen++;
	}
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert_int_eq(seen, 1);		/* ERESTARTSYS, once; then the call is made again */
}
END_TEST

/* --- stepping and breakpoints --- */

static int
little_loop(void)
{
	long n = 3;

	__asm__ volatile("int3\n1:\tdec %0\n\tjnz 1b\n\tnop" : "+r"(n));
	return (int)n;
}

START_TEST(single_steps)
{
	pid_t pid = tracee(little_loop);
	uintptr_t ip, first;
	siginfo_t si;

	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGTRAP);
	first = registers(pid).rip;
	for (int i = 0; i < 6; i++) {		/* dec, jnz: three times */
		resume(PTRACE_SINGLESTEP, pid, 0);
		stopped_at(pid, SIGTRAP);
		ip = registers(pid).rip;
		ck_assert_uint_eq(registers(pid).eflags & 0x100, 0);	/* our TF does not show */
		ck_ok(pt(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&si));
		ck_assert_int_eq(si.si_code, 2);			/* TRAP_TRACE */
		ck_assert_ptr_eq(si.si_addr, (void *)ip);
		if (i == 1 || i == 3)
			ck_assert_uint_eq(ip, first);
	}
	ck_assert_uint_gt(ip, first);
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 0);
}
END_TEST

static int
step_call(void)
{
	long nr = SYS_getppid;

	__asm__ volatile("int3\n\tsyscall\n\tnop\n\tnop" : "+a"(nr) :: "rcx", "r11", "memory");
	return nr > 0 ? 0 : 1;
}

START_TEST(a_step_over_a_call)
{
	pid_t pid = tracee(step_call);
	uintptr_t first;
	siginfo_t si;

	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGTRAP);
	first = registers(pid).rip;
	resume(PTRACE_SINGLESTEP, pid, 0);
	stopped_at(pid, SIGTRAP);
	ck_assert_uint_eq(registers(pid).rip, first + 2);
	ck_ok(pt(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&si));
	ck_assert_int_eq(si.si_code, 1);	/* TRAP_BRKPT: by the exit of the call */
	resume(PTRACE_SINGLESTEP, pid, 0);
	stopped_at(pid, SIGTRAP);
	ck_assert_uint_eq(registers(pid).rip, first + 3);
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 0);
}
END_TEST

static int
step_into(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &sa, NULL);
	__asm__ volatile("int3\n\tnop\n\tnop");
	return handled == SIGUSR1 ? 0 : 1;
}

START_TEST(a_step_into_a_handler)
{
	pid_t pid = tracee(step_into);

	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGTRAP);
	resume(PTRACE_SINGLESTEP, pid, SIGUSR1);
	stopped_at(pid, SIGTRAP);
	ck_assert_uint_eq(registers(pid).rip, (uintptr_t)on_signal);
	ck_assert_uint_eq(registers(pid).rdi, SIGUSR1);
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 0);
}
END_TEST

static int
own_trap_flag(void)
{
	__asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tnop\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
	return handled >= SIGTRAP ? 0 : 1;
}

static volatile int trap_code;
static void on_trap(int sig, siginfo_t *si, void *uc) { handled += sig; trap_code = si->si_code; ((ucontext_t *)uc)->uc_mcontext.gregs[17] &= ~0x100; }

START_TEST(traps_without_a_tracer)
{
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

	ck_ok(sigaction(SIGTRAP, &sa, NULL));
	__asm__ volatile("int3");
	ck_assert_int_eq(handled, SIGTRAP);
	ck_assert_int_eq(trap_code, SI_KERNEL);
	handled = 0;
	ck_assert_int_eq(own_trap_flag(), 0);
	ck_assert_int_eq(trap_code, 2);
}
END_TEST

#define DEBUGREG(n)	(offsetof(struct user, u_debugreg) + 8 * (n))

static int
writes(void)
{
	other = 1;
	variable = 4;
	other = 2;
	sched_yield();
	usleep(1000);
	variable = 5;
	return nothing();
}

START_TEST(watchpoint)
{
	pid_t pid = tracee(writes);
	siginfo_t si;
	uintptr_t word;

	ck_ok(pt(PTRACE_POKEUSER, pid, DEBUGREG(0), (uintptr_t)&variable));
	ck_ok(pt(PTRACE_POKEUSER, pid, DEBUGREG(7), 0x1 | 0x1 << 16 | 0x2 << 18));	/* write, 8 bytes */
	ck_assert_uint_eq(user_word(pid, DEBUGREG(0)), (uintptr_t)&variable);
	for (uintptr_t i = 4; i <= 5; i++) {
		resume(PTRACE_CONT, pid, 0);
		stopped_at(pid, SIGTRAP);
		ck_ok(pt(PTRACE_PEEKDATA, pid, (uintptr_t)&variable, (uintptr_t)&word));
		ck_assert_uint_eq(word, i);
		ck_ok(pt(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&si));
		ck_assert_int_eq(si.si_code, 4);		/* TRAP_HWBKPT */
		ck_assert_uint_eq(user_word(pid, DEBUGREG(6)) & 0xf, 1);
		ck_ok(pt(PTRACE_POKEUSER, pid, DEBUGREG(6), 0));
	}
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 7);
}
END_TEST

START_TEST(hardware_breakpoint)
{
	pid_t pid = tracee(writes);
	siginfo_t si;

	ck_ok(pt(PTRACE_POKEUSER, pid, DEBUGREG(2), (uintptr_t)nothing));
	ck_ok(pt(PTRACE_POKEUSER, pid, DEBUGREG(7), 0x1 << 4));
	resume(PTRACE_CONT, pid, 0);
	stopped_at(pid, SIGTRAP);
	ck_assert_uint_eq(registers(pid).rip, (uintptr_t)nothing);
	ck_ok(pt(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&si));
	ck_assert_int_eq(si.si_code, 4);
	ck_assert_uint_eq(user_word(pid, DEBUGREG(6)) & 0xf, 4);
	resume(PTRACE_CONT, pid, 0);		/* it gets past */
	exited(pid, 7);
}
END_TEST

START_TEST(debug_register_errors)
{
	pid_t pid = tracee(nothing);

	ck_fails(pt(PTRACE_POKEUSER, pid, DEBUGREG(4), 1), EIO);
	ck_fails(pt(PTRACE_POKEUSER, pid, DEBUGREG(5), 1), EIO);
	ck_ok(pt(PTRACE_POKEUSER, pid, DEBUGREG(0), (uintptr_t)&variable + 1));
	ck_fails(pt(PTRACE_POKEUSER, pid, DEBUGREG(7), 0x1 | 0x1 << 16 | 0x2 << 18), EINVAL);	/* not aligned */
	ck_fails(pt(PTRACE_POKEUSER, pid, DEBUGREG(7), 0x1 | 0x2 << 16), EINVAL);		/* I/O */
	ck_assert_uint_eq(user_word(pid, DEBUGREG(7)), 0);
	killed(pid);
}
END_TEST

static int
watched_read(void)
{
	int fd[2];
	long v = 17;

	if (pipe(fd) != 0 || write(fd[1], &v, sizeof(v)) != sizeof(v) || read(fd[0], (void *)&variable, sizeof(v)) != sizeof(v))
		return 1;
	return (int)variable;
}

START_TEST(the_kernel_does_not_trip)
{
	pid_t pid = tracee(watched_read);

	ck_ok(pt(PTRACE_POKEUSER, pid, DEBUGREG(0), (uintptr_t)&variable));
	ck_ok(pt(PTRACE_POKEUSER, pid, DEBUGREG(7), 0x1 | 0x1 << 16 | 0x2 << 18));
	resume(PTRACE_CONT, pid, 0);
	exited(pid, 17);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ptrace");
	TCase *t = tcase_create("core");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, traceme_stops_at_signals);
	tcase_add_test(t, errors);
	tcase_add_test(t, the_vdso_can_be_read);
	tcase_add_test(t, a_running_tracee_is_not_there);
	tcase_add_test(t, only_the_tracer_may);
	tcase_add_test(t, traceme_twice_fails);
	tcase_add_test(t, traceme_asks_whether_the_parent_may);
	tcase_add_test(t, set_id_programs);
	tcase_add_test(t, permission);
	tcase_add_test(t, memory);
	tcase_add_test(t, shared_read_only_pages_stay);
	tcase_add_test(t, proc_mem);
	tcase_add_test(t, general_registers);
	tcase_add_test(t, registers_raise_no_privilege);
	tcase_add_test(t, register_sets);
	tcase_add_test(t, vector_registers_reach_the_program);
	tcase_add_test(t, rseq_configuration);
	tcase_add_test(t, arch_prctl_by_the_tracer);
	tcase_add_test(t, syscall_stops);
	tcase_add_test(t, a_call_is_changed);
	tcase_add_test(t, a_call_is_cancelled);
	tcase_add_test(t, calls_are_emulated);
	tcase_add_test(t, restart_codes_are_seen);
	tcase_add_test(t, single_steps);
	tcase_add_test(t, a_step_over_a_call);
	tcase_add_test(t, a_step_into_a_handler);
	tcase_add_test(t, traps_without_a_tracer);
	tcase_add_test(t, watchpoint);
	tcase_add_test(t, hardware_breakpoint);
	tcase_add_test(t, debug_register_errors);
	tcase_add_test(t, the_kernel_does_not_trip);
	suite_add_tcase(s, t);
	return guest_run(s);
}
