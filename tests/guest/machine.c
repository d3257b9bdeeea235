/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processor as a program sees it: exceptions and what siginfo and the frame say of them, registers and FPU across system
 * calls, signals, switches and fork, hostile sigreturn frames, entry with odd flags, arch_prctl. x86-64 only.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "guest.h"

#define NONCANONICAL	0x8000000000000000UL
#define KERNEL_ADDRESS	0xffff888000000000UL

static volatile siginfo_t seen;
static volatile greg_t seen_err, seen_trapno, seen_cr2, seen_ip;
static volatile int count;

/* r15 tells how far to skip. */
static void
skip(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	seen = *si;
	seen_err = uc->uc_mcontext.gregs[REG_ERR];
	seen_trapno = uc->uc_mcontext.gregs[REG_TRAPNO];
	seen_cr2 = uc->uc_mcontext.gregs[REG_CR2];
	seen_ip = uc->uc_mcontext.gregs[REG_RIP];
	count++;
	uc->uc_mcontext.gregs[REG_RIP] += uc->uc_mcontext.gregs[REG_R15];
	uc->uc_mcontext.gregs[REG_EFL] &= ~0x40100L;	/* trap and alignment flags end here */
}

static void
catch_all(void)
{
	static const int sigs[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	struct sigaction sa = { .sa_sigaction = skip, .sa_flags = SA_SIGINFO };

	for (unsigned i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		ck_ok(sigaction(sigs[i], &sa, NULL));
	count = 0;
}

/* Run one instruction that faults; where it stands goes into `here`. */
#define FAULT(here, insn, ...)                                                                        \
	__asm__ volatile("lea 1f(%%rip), %0\n\tlea 2f(%%rip), %%r15\n\tsub %0, %%r15\n1:\t" insn "\n2:" \
			 : "=&r"(here) : __VA_ARGS__ : "r15", "rax", "rcx", "rdx", "memory", "cc")

START_TEST(exceptions_are_told_as_signals)
{
	uint64_t here;

	catch_all();
	FAULT(here, "ud2", );
	ck_assert_int_eq(seen.si_signo, SIGILL);
	ck_assert_int_eq(seen.si_code, ILL_ILLOPN);
	ck_assert_uint_eq((uintptr_t)seen.si_addr, here);
	ck_assert_int_eq(seen_trapno, 6);

	__asm__ volatile("xor %%edx, %%edx\n\txor %%ecx, %%ecx" ::: "rdx", "rcx");
	FAULT(here, "divl %1", "m"((int){ 0 }));
	ck_assert_int_eq(seen.si_signo, SIGFPE);
	ck_assert_int_eq(seen.si_code, FPE_INTDIV);
	ck_assert_uint_eq((uintptr_t)seen.si_addr, here);

	FAULT(here, "hlt", );
	ck_assert_int_eq(seen.si_signo, SIGSEGV);
	ck_assert_int_eq(seen.si_code, SI_KERNEL);
	ck_assert_ptr_null(seen.si_addr);
	ck_assert_int_eq(seen_trapno, 13);

	FAULT(here, "mov (%1), %%rax", "r"(NONCANONICAL));
	ck_assert_int_eq(seen.si_signo, SIGSEGV);
	ck_assert_int_eq(seen.si_code, SI_KERNEL);

	__asm__ volatile("xor %%r15d, %%r15d\n\tint3" ::: "r15", "memory");
	ck_assert_int_eq(seen.si_signo, SIGTRAP);
	ck_assert_int_eq(seen.si_code, SI_KERNEL);
	ck_assert_int_eq(count, 5);
}
END_TEST

START_TEST(page_faults_are_told_as_signals)
{
	uint64_t here;
	char *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	catch_all();
	FAULT(here, "movb $1, 5(%1)", "r"(p));
	ck_assert_int_eq(seen.si_code, SEGV_ACCERR);
	ck_assert_ptr_eq(seen.si_addr, p + 5);
	ck_assert_int_eq(seen_cr2, (greg_t)(p + 5));
	ck_assert_int_eq(seen_trapno, 14);
	ck_assert_int_eq(seen_err & 6, 6);
	ck_assert_int_eq(seen_ip, (greg_t)here);
	ck_ok(munmap(p, 8192));
	FAULT(here, "movb 6(%1), %%al", "r"(p));
	ck_assert_int_eq(seen.si_code, SEGV_MAPERR);
	ck_assert_int_eq(seen_err & 7, 4);
	FAULT(here, "movb (%1), %%al", "r"(KERNEL_ADDRESS));
	ck_assert_int_eq(seen.si_signo, SIGSEGV);
	ck_assert_int_eq(seen.si_code, SEGV_MAPERR);
	ck_assert_uint_eq((uintptr_t)seen.si_addr, KERNEL_ADDRESS);
	ck_assert_int_eq(seen_err & 7, 5);	/* tells nothing of what is there */
}
END_TEST

static sigjmp_buf back;

static void
jump_back(int sig, siginfo_t *si, void *ctx)
{
	seen = *si;
	siglongjmp(back, 1);
}

/* A jump to where nothing can be run: the fault comes at the target, or on the way out of the kernel. */
START_TEST(jumps_to_nowhere)
{
	static const uint64_t targets[] = { 0, 0x1000, KERNEL_ADDRESS, 0xffffffffff600000UL - 4096, NONCANONICAL, 0x800000000000UL };
	struct sigaction sa = { .sa_sigaction = jump_back, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	for (unsigned i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		memset((void *)&seen, 0, sizeof(seen));
		if (sigsetjmp(back, 1) == 0)
			((void (*)(void))targets[i])();
		ck_assert_int_eq(seen.si_signo, SIGSEGV);
	}
}
END_TEST

START_TEST(data_is_not_run)
{
	static unsigned char code[16] = { 0xc3 };
	struct sigaction sa = { .sa_sigaction = jump_back, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	if (sigsetjmp(back, 1) == 0)
		((void (*)(void))(uintptr_t)code)();
	ck_assert_int_eq(seen.si_signo, SIGSEGV);
	ck_assert_int_eq(seen.si_code, SEGV_ACCERR);
	ck_assert_ptr_eq(seen.si_addr, code);
}
END_TEST

START_TEST(fpu_exceptions)
{
	uint64_t here;
	uint32_t mxcsr = 0x1f80 & ~0x200u;	/* division by zero unmasked */

	catch_all();
	__asm__ volatile("ldmxcsr %0" :: "m"(mxcsr));
	FAULT(here, "divsd %%xmm1, %%xmm0", "x"(0));
	mxcsr = 0x1f80;
	__asm__ volatile("ldmxcsr %0" :: "m"(mxcsr));
	ck_assert_int_le(count, 1);		/* 0/0 or x/0 by what the registers held: told as FPE if told */
	if (count)
		ck_assert_int_eq(seen.si_signo, SIGFPE);
}
END_TEST

/* --- registers --- */

static void
bump(int sig)
{
	/* A handler that ruins every vector register, and starts with a clean FPU. */
	uint32_t mxcsr;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	if (mxcsr == 0x1f80)
		count++;
	__asm__ volatile("pxor %%xmm0, %%xmm0\n\tpxor %%xmm7, %%xmm7\n\tpxor %%xmm15, %%xmm15\n\tfninit" ::: "xmm0", "xmm7", "xmm15");
}

START_TEST(system_calls_keep_registers)
{
	uint64_t in[6] = { 1, 2, 3, 4, 5, 6 }, out[6], rcx, r11, flags;

	__asm__ volatile("mov 0(%[in]), %%rbx\n\tmov 8(%[in]), %%r12\n\tmov 16(%[in]), %%r13\n\tmov 24(%[in]), %%r14\n\t"
			 "mov 32(%[in]), %%r8\n\tmov 40(%[in]), %%r10\n\tmov $39, %%eax\n\tsyscall\n\t"
			 "mov %%rbx, 0(%[out])\n\tmov %%r12, 8(%[out])\n\tmov %%r13, 16(%[out])\n\tmov %%r14, 24(%[out])\n\t"
			 "mov %%r8, 32(%[out])\n\tmov %%r10, 40(%[out])\n\tmov %%rcx, %[rcx]\n\tmov %%r11, %[r11]\n\t"
			 "pushfq\n\tpop %[flags]"
			 : [rcx] "=m"(rcx), [r11] "=m"(r11), [flags] "=m"(flags)
			 : [in] "D"(in), [out] "S"(out)
			 : "rax", "rbx", "rcx", "r8", "r10", "r11", "r12", "r13", "r14", "memory");
	ck_assert_int_eq(memcmp(in, out, sizeof(in)), 0);
	ck_assert(rcx != 0);
	ck_assert_uint_eq(r11 & ~0x8d5UL, 0x202);	/* the flags before, arithmetic ones aside */
}
END_TEST

/* Direction and alignment flags must neither disturb the kernel nor get lost. */
START_TEST(system_calls_with_odd_flags)
{
	uint64_t flags;
	long r;

	__asm__ volatile("std\n\tmov $39, %%eax\n\tsyscall\n\tpushfq\n\tpop %1\n\tcld" : "=a"(r), "=r"(flags) :: "rcx", "r11", "memory");
	ck_assert_int_eq(r, getpid());
	ck_assert(flags & 0x400);
	__asm__ volatile("pushfq\n\torq $0x40000, (%%rsp)\n\tpopfq\n\tmov $39, %%eax\n\tsyscall\n\tpushfq\n\tpop %1\n\t"
			 "pushfq\n\tandq $~0x40000, (%%rsp)\n\tpopfq" : "=a"(r), "=r"(flags) :: "rcx", "r11", "memory");
	ck_assert_int_eq(r, getpid());
	ck_assert(flags & 0x40000);
}
END_TEST

START_TEST(single_step_over_a_system_call)
{
	long r;

	catch_all();
	__asm__ volatile("xor %%r15d, %%r15d\n\tmov $39, %%eax\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tsyscall\n\tnop\n\tnop"
			 : "=a"(r) :: "rcx", "r11", "r15", "memory");
	ck_assert_int_eq(r, getpid());
	ck_assert_int_eq(seen.si_signo, SIGTRAP);
	ck_assert_int_ge(count, 1);
}
END_TEST

START_TEST(signals_keep_the_fpu)
{
	double in = 1234.5, out[3];
	long double x87 = 7.25L, x87_out;
	uint32_t mxcsr = 0x1fa0, mxcsr_out;	/* a sticky flag set */
	struct sigaction sa = { .sa_handler = bump };

	ck_ok(sigaction(SIGUSR1, &sa, NULL));
	__asm__ volatile("ldmxcsr %[mx]\n\tfldt %[x87]\n\tmovsd %[in], %%xmm0\n\tmovsd %[in], %%xmm7\n\tmovsd %[in], %%xmm15\n\t"
			 "syscall\n\t"
			 "movsd %%xmm0, %[a]\n\tmovsd %%xmm7, %[b]\n\tmovsd %%xmm15, %[c]\n\tfstpt %[x87o]\n\tstmxcsr %[mxo]"
			 : [a] "=m"(out[0]), [b] "=m"(out[1]), [c] "=m"(out[2]), [x87o] "=m"(x87_out), [mxo] "=m"(mxcsr_out)
			 : "a"((long)SYS_kill), "D"((long)getpid()), "S"((long)SIGUSR1), [in] "m"(in), [x87] "m"(x87), [mx] "m"(mxcsr)
			 : "rcx", "r11", "xmm0", "xmm7", "xmm15", "memory");
	ck_assert_int_eq(count, 1);
	for (int i = 0; i < 3; i++)
		ck_assert(out[i] == in);
	ck_assert(x87_out == x87);
	ck_assert_uint_eq(mxcsr_out, 0x1fa0);
}
END_TEST

static int
have_avx(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 28)) && (c & (1u << 27));
}

static void
ruin_avx(int sig)
{
	count++;
	__asm__ volatile("vzeroall" ::: "memory");
}

START_TEST(signals_keep_avx)
{
	unsigned char in[32], out[32];
	struct sigaction sa = { .sa_handler = ruin_avx };

	if (!have_avx())
		return;
	for (int i = 0; i < 32; i++)
		in[i] = (unsigned char)(i * 7 + 1);
	ck_ok(sigaction(SIGUSR1, &sa, NULL));
	__asm__ volatile("vmovdqu %1, %%ymm9\n\tsyscall\n\tvmovdqu %%ymm9, %0"
			 : "=m"(out) : "m"(in), "a"((long)SYS_kill), "D"((long)getpid()), "S"((long)SIGUSR1) : "rcx", "r11", "memory");
	ck_assert_int_eq(count, 1);
	ck_assert_int_eq(memcmp(in, out, 32), 0);
}
END_TEST

/* Several processes on one CPU, each with its own value in a register it never gives up. */
START_TEST(switches_keep_the_fpu)
{
	cpu_set_t one;
	int st;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	for (int i = 0; i < 4; i++) {
		if (fork() == 0) {
			double in = 100.25 + i, out;

			sched_setaffinity(0, sizeof(one), &one);
			for (int k = 0; k < 200; k++) {
				__asm__ volatile("movsd %1, %%xmm11\n\tmov $24, %%eax\n\tsyscall\n\tmov $5000, %%ecx\n1:\tdec %%ecx\n\t"
						 "jnz 1b\n\tmovsd %%xmm11, %0"
						 : "=m"(out) : "m"(in) : "rax", "rcx", "r11", "xmm11", "memory");
				if (out != in)
					_exit(1);
			}
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++) {
		ck_ok(wait(&st));
		ck_assert_int_eq(st, 0);
	}
}
END_TEST

START_TEST(fork_copies_the_fpu)
{
	double in = 77.125, out = 0;
	long pid;
	int st;

	__asm__ volatile("movsd %2, %%xmm13\n\tmov $57, %%eax\n\tsyscall\n\tmovsd %%xmm13, %1"
			 : "=&a"(pid), "=m"(out) : "m"(in) : "rcx", "r11", "xmm13", "memory");
	if (pid == 0)
		_exit(out != in);
	ck_assert(out == in);
	ck_ok(waitpid((int)pid, &st, 0));
	ck_assert_int_eq(st, 0);
}
END_TEST

/* --- hostile frames --- */

static void (*spoil)(ucontext_t *);

static void
spoiler(int sig, siginfo_t *si, void *ctx)
{
	count++;
	spoil(ctx);
}

/* Deliver a signal whose handler changes its frame; returns the child's wait status. */
static int
with_frame(void (*change)(ucontext_t *))
{
	int st, pid = fork();

	if (pid == 0) {
		struct sigaction sa = { .sa_sigaction = spoiler, .sa_flags = SA_SIGINFO };

		spoil = change;
		sigaction(SIGUSR1, &sa, NULL);
		raise(SIGUSR1);
		_exit(0);
	}
	ck_ok(waitpid(pid, &st, 0));
	return st;
}

static void
kernel_selectors(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_CSGSFS] = 0x0018000000000010;	/* cs 0x10, ss 0x18 */
}

static void
all_flags(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_EFL] |= 0x3b7000;	/* IOPL 3, NT, RF, VM, AC, VIF, VIP, ID */
	uc->uc_mcontext.gregs[REG_EFL] &= ~0x200;	/* and no interrupts */
}

static void
bad_ip(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)NONCANONICAL;
}

static void
bad_sp(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_RSP] = (greg_t)NONCANONICAL;
}

static void
kernel_ip(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)0xffffffff80100000;
}

static void
bad_mxcsr(ucontext_t *uc)
{
	((uint32_t *)uc->uc_mcontext.fpregs)[6] = 0xffffffff;
}

static void
bad_xsave_header(ucontext_t *uc)
{
	uint64_t *header = (uint64_t *)((char *)uc->uc_mcontext.fpregs + 512);

	if (((uint32_t *)uc->uc_mcontext.fpregs)[464 / 4] != 0x46505853)
		return;			/* no XSAVE here */
	header[0] = ~0UL;
	header[1] = ~0UL;
	memset(header + 2, 0xff, 48);
}

static void
bad_xsave_sizes(ucontext_t *uc)
{
	uint32_t *sw = (uint32_t *)((char *)uc->uc_mcontext.fpregs + 464);

	sw[1] = sw[4] = 0x7fffffff;
}

static void
kernel_fpstate(ucontext_t *uc)
{
	uc->uc_mcontext.fpregs = (void *)KERNEL_ADDRESS;
}

static void
unmapped_fpstate(ucontext_t *uc)
{
	uc->uc_mcontext.fpregs = (void *)0x1000;
}

static void
no_fpstate(ucontext_t *uc)
{
	uc->uc_mcontext.fpregs = NULL;
}

static int
killed_by(int st, int sig)
{
	return WIFSIGNALED(st) && WTERMSIG(st) == sig;
}

START_TEST(sigreturn_gains_nothing)
{
	int st = with_frame(kernel_selectors);

	ck_assert(st == 0 || killed_by(st, SIGSEGV) || killed_by(st, SIGBUS));
	ck_assert_int_eq(with_frame(all_flags), 0);
	ck_assert(killed_by(with_frame(bad_ip), SIGSEGV));
	ck_assert(killed_by(with_frame(kernel_ip), SIGSEGV));
	st = with_frame(bad_sp);
	ck_assert(killed_by(st, SIGSEGV) || killed_by(st, SIGBUS));
	ck_assert(killed_by(with_frame(kernel_fpstate), SIGSEGV));
	ck_assert(killed_by(with_frame(unmapped_fpstate), SIGSEGV));
	ck_assert_int_eq(with_frame(no_fpstate), 0);
	st = with_frame(bad_mxcsr);		/* masked or refused */
	ck_assert(st == 0 || killed_by(st, SIGSEGV));
	st = with_frame(bad_xsave_header);
	ck_assert(st == 0 || killed_by(st, SIGSEGV));
	st = with_frame(bad_xsave_sizes);
	ck_assert(st == 0 || killed_by(st, SIGSEGV));
}
END_TEST

START_TEST(sigreturn_out_of_the_blue)
{
	int st, pid = fork();

	if (pid == 0) {
		__asm__ volatile("mov $0x1000, %%rsp\n\tmov $15, %%eax\n\tsyscall" ::: "memory");
		_exit(0);
	}
	ck_ok(waitpid(pid, &st, 0));
	ck_assert(killed_by(st, SIGSEGV));
}
END_TEST

START_TEST(no_stack_for_the_frame_kills)
{
	int st, pid = fork();

	if (pid == 0) {
		struct sigaction sa = { .sa_handler = bump };

		sigaction(SIGUSR1, &sa, NULL);
		sigaction(SIGSEGV, &sa, NULL);
		__asm__ volatile("mov %0, %%rsp\n\tsyscall\n\tmov $60, %%eax\n\txor %%edi, %%edi\n\tsyscall"
				 :: "r"(KERNEL_ADDRESS), "a"((long)SYS_kill), "D"((long)getpid()), "S"((long)SIGUSR1) : "memory");
	}
	ck_ok(waitpid(pid, &st, 0));
	ck_assert(killed_by(st, SIGSEGV));
}
END_TEST

/* --- segment bases, instructions that are privileged --- */

#define ARCH_SET_GS	0x1001
#define ARCH_SET_FS	0x1002
#define ARCH_GET_FS	0x1003
#define ARCH_GET_GS	0x1004

START_TEST(arch_prctl_bases)
{
	static uint64_t cell = 0x1122334455667788, other = 99;
	uint64_t v = 0, fs;

	ck_ok(syscall(SYS_arch_prctl, ARCH_SET_GS, &cell));
	__asm__ volatile("mov %%gs:0, %0" : "=r"(v));
	ck_assert_uint_eq(v, cell);
	ck_ok(syscall(SYS_arch_prctl, ARCH_GET_GS, &v));
	ck_assert_uint_eq(v, (uintptr_t)&cell);
	sched_yield();
	usleep(2000);			/* also across a switch */
	__asm__ volatile("mov %%gs:0, %0" : "=r"(v));
	ck_assert_uint_eq(v, cell);
	ck_ok(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs));
	__asm__ volatile("mov %%fs:0, %0" : "=r"(v));
	ck_assert_uint_eq(v, fs);	/* the thread control block points at itself */
	ck_fails(syscall(SYS_arch_prctl, ARCH_SET_GS, KERNEL_ADDRESS), EPERM);
	ck_fails(syscall(SYS_arch_prctl, ARCH_SET_FS, NONCANONICAL), EPERM);
	ck_fails(syscall(SYS_arch_prctl, ARCH_GET_FS, KERNEL_ADDRESS), EFAULT);
	ck_fails(syscall(SYS_arch_prctl, 0x9999, 0), EINVAL);
	if (fork() == 0) {		/* inherited */
		__asm__ volatile("mov %%gs:0, %0" : "=r"(v));
		_exit(v == cell ? 3 : 4);
	}
	int st;
	ck_ok(wait(&st));
	ck_assert_int_eq(WEXITSTATUS(st), 3);
	(void)other;
}
END_TEST

/* A gs base that looks like the kernel's must not confuse it (FSGSBASE). */
START_TEST(any_gs_base_is_harmless)
{
	uint32_t a, b, c, d;
	uint64_t here;

	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & 1))
		return;
	catch_all();
	FAULT(here, "wrgsbase %1", "r"(0xffffffff80000000UL));
	if (count)
		return;			/* the kernel keeps the instruction to itself */
	for (int i = 0; i < 50; i++) {
		getppid();
		FAULT(here, "ud2", );
		FAULT(here, "int3", );	/* skips too far by its own length of one: lands on the label */
		sched_yield();
	}
	__asm__ volatile("xor %%r15d, %%r15d\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tnop\n\tnop" ::: "r15", "memory");
	__asm__ volatile("rdgsbase %0" : "=r"(here));
	ck_assert_uint_eq(here, 0xffffffff80000000UL);
	__asm__ volatile("wrgsbase %0" :: "r"(0UL));
}
END_TEST

START_TEST(selectors_may_be_loaded)
{
	uint16_t ds, fs;
	uint64_t base;

	ck_ok(syscall(SYS_arch_prctl, ARCH_GET_FS, &base));
	__asm__ volatile("mov %0, %%ds\n\tmov %0, %%es\n\tmov %0, %%gs" :: "r"(0x2b));
	sched_yield();
	usleep(2000);
	__asm__ volatile("mov %%ds, %0\n\tmov %%gs, %1" : "=r"(ds), "=r"(fs));
	ck_assert_uint_eq(ds, 0x2b);
	ck_assert_uint_eq(fs, 0x2b);
	__asm__ volatile("mov %0, %%ds\n\tmov %0, %%es\n\tmov %0, %%gs" :: "r"(0));
}
END_TEST

START_TEST(privileged_instructions)
{
	uint64_t here;

	catch_all();
	FAULT(here, "cli", );
	FAULT(here, "outb %%al, $0x80", );
	FAULT(here, "mov %%cr3, %%rax", );
	FAULT(here, "rdmsr", );
	FAULT(here, "swapgs", );
	FAULT(here, "wbinvd", );
	FAULT(here, "int $0x81", );
	ck_assert_int_eq(count, 7);
	ck_assert_int_eq(seen.si_signo, SIGSEGV);
}
END_TEST

/* --- pointers into the kernel --- */

START_TEST(kernel_pointers_are_refused)
{
	void *bad[] = { (void *)KERNEL_ADDRESS, (void *)0xffffffff80100000, (void *)NONCANONICAL, (void *)0x7ffffffff000, (void *)-1L,
		(void *)0x10 };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd[2];

		ck_ok(pipe(fd));
		ck_fails(write(fd[1], bad[i], 16), EFAULT);
		ck_ok(write(fd[1], "0123456789abcdef", 16));
		ck_fails(read(fd[0], bad[i], 16), EFAULT);
		ck_fails(syscall(SYS_open, bad[i], 0), EFAULT);
		ck_fails(syscall(SYS_uname, bad[i]), EFAULT);
		ck_fails(syscall(SYS_rt_sigaction, SIGUSR1, bad[i], NULL, 8), EFAULT);
		ck_fails(syscall(SYS_futex, bad[i], 0, 0, NULL, NULL, 0), (uintptr_t)bad[i] & 3 ? EINVAL : EFAULT);
		close(fd[0]);
		close(fd[1]);
	}
}
END_TEST

/* A copy that ends in an unmapped page moves what it can. */
START_TEST(copies_stop_at_the_fault)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd[2];

	ck_ok(munmap(p + 4096, 4096));
	ck_ok(pipe(fd));
	for (int n = 1; n < 300; n += 13) {
		char buf[512] = { 0 };

		memset(p + 4096 - n, 'x', (size_t)n);
		long r = write(fd[1], p + 4096 - n, (size_t)n + 40);

		ck_assert(r == n || (r == -1 && errno == EFAULT));
		if (r == n)
			ck_assert_int_eq(read(fd[0], buf, sizeof(buf)), n);
	}
	strcpy(p + 4096 - 5, "/tmp");		/* a path that ends at the page's end */
	ck_ok(access(p + 4096 - 5, F_OK));
	p[4095] = 'x';
	ck_fails(access(p + 4096 - 5, F_OK), EFAULT);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("machine");
	TCase *t = tcase_create("core");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, exceptions_are_told_as_signals);
	tcase_add_test(t, page_faults_are_told_as_signals);
	tcase_add_test(t, jumps_to_nowhere);
	tcase_add_test(t, data_is_not_run);
	tcase_add_test(t, fpu_exceptions);
	tcase_add_test(t, system_calls_keep_registers);
	tcase_add_test(t, system_calls_with_odd_flags);
	tcase_add_test(t, single_step_over_a_system_call);
	tcase_add_test(t, signals_keep_the_fpu);
	tcase_add_test(t, signals_keep_avx);
	tcase_add_test(t, switches_keep_the_fpu);
	tcase_add_test(t, fork_copies_the_fpu);
	tcase_add_test(t, sigreturn_gains_nothing);
	tcase_add_test(t, sigreturn_out_of_the_blue);
	tcase_add_test(t, no_stack_for_the_frame_kills);
	tcase_add_test(t, arch_prctl_bases);
	tcase_add_test(t, any_gs_base_is_harmless);
	tcase_add_test(t, selectors_may_be_loaded);
	tcase_add_test(t, privileged_instructions);
	tcase_add_test(t, kernel_pointers_are_refused);
	tcase_add_test(t, copies_stop_at_the_fault);
	suite_add_tcase(s, t);
	return guest_run(s);
}
