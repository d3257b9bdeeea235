/* SPDX-License-Identifier: BSD-2-Clause */
/* User registers by meaning, and what ELF tells programs about the port (arch/thread.h). */
#include "arch/thread.h"
#include "arch/x86_64/cpufeature.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/signal.h"
#include "arch/x86_64/trapframe.h"

u64
arch_frame_pc(const struct trapframe *tf)
{
	return tf->ip;
}

void
arch_frame_set_pc(struct trapframe *tf, u64 pc)
{
	tf->ip = pc;
}

u64
arch_frame_sp(const struct trapframe *tf)
{
	return tf->sp;
}

bool
arch_frame_user(const struct trapframe *tf)
{
	return trapframe_user(tf);
}

/* The number is the int in eax, as Linux takes it; -1 in orig_ax (all bits) means no system call. */
long
arch_frame_syscall(const struct trapframe *tf)
{
	return (s64)tf->orig_ax == -1 ? -1 : (long)(s32)tf->orig_ax;
}

void
arch_frame_syscall_args(const struct trapframe *tf, u64 args[6])
{
	args[0] = tf->di;
	args[1] = tf->si;
	args[2] = tf->dx;
	args[3] = tf->r10;
	args[4] = tf->r8;
	args[5] = tf->r9;
}

void
arch_frame_set_result(struct trapframe *tf, long value)
{
	tf->ax = (u64)value;
}

long
arch_frame_result(const struct trapframe *tf)
{
	return (long)tf->ax;
}

/* SYSCALL is two bytes long. */
void
arch_frame_restart(struct trapframe *tf, long nr)
{
	tf->ax = (u64)nr;
	tf->ip -= 2;
}

u64
arch_elf_hwcap(void)
{
	return arch_cpuinfo(0)->words[CW_1_EDX];
}

u64
arch_elf_hwcap2(void)
{
	return cpu_has(CPUF_FSGSBASE) ? BIT(1) : 0;
}

const char *
arch_elf_platform(void)
{
	return "x86_64";
}

u64
arch_signal_min_stack(void)
{
	return signal_frame_max();
}
