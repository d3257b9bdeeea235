/* SPDX-License-Identifier: BSD-2-Clause */
/* Call traces and register dumps, for oopses. Nothing here takes locks or faults: addresses are looked up in the page
 * tables before they are read. */
#include "arch/mmu.h"
#include "arch/trap.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/trapframe.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"

#define FRAMES_MAX	64
#define CODE_BEFORE	42	/* bytes of code shown before and from the faulting instruction, as Linux does */
#define CODE_AFTER	22

/* Kernel memory, if all of it is mapped. */
static bool
read_kernel(void *dst, u64 va, size_t n)
{
	paddr_t pa;

	if (va < (1UL << 63) || va + n < va)
		return false;
	if (!arch_kernel_translate(va, &pa) || !arch_kernel_translate(va + n - 1, &pa))
		return false;
	memcpy(dst, (const void *)va, n);
	return true;
}

/* A frame record is the caller's frame pointer and the return address. Entry code makes one for the code it interrupted,
 * and enters C with a frame pointer of 0 from user mode. */
void
arch_stack_walk(u64 fp, void (*fn)(u64 pc, void *arg), void *arg)
{
	u64 record[2];

	if (fp == 0)
		fp = (u64)__builtin_frame_address(0);
	for (int i = 0; i < FRAMES_MAX && fp != 0 && IS_ALIGNED(fp, 8); i++) {
		if (!read_kernel(record, fp, sizeof(record)))
			return;
		if (record[1] >= KERNEL_VMA)		/* else: a jump to nowhere was interrupted */
			fn(record[1], arg);
		if (record[0] == fp)
			return;
		fp = record[0];
	}
}

/* The faulting instruction's byte stands in <>. */
static void
print_code(const struct trapframe *tf)
{
	char line[(CODE_BEFORE + CODE_AFTER) * 3 + 16];
	struct strbuf sb;

	strbuf_init(&sb, line, sizeof(line));
	for (int i = -CODE_BEFORE; i < CODE_AFTER; i++) {
		u8 byte;

		if (!read_kernel(&byte, tf->ip + (u64)(s64)i, 1))
			strbuf_puts(&sb, i == 0 ? " <?>" : " ?");
		else
			strbuf_printf(&sb, i == 0 ? " <%02x>" : " %02x", byte);
	}
	log_printf(LOG_WARNING, "Code:%s", line);
}

void
arch_print_frame(struct trapframe *tf)
{
	if (trapframe_user(tf))
		log_printf(LOG_WARNING, "RIP: %04lx:%#lx", tf->cs, tf->ip);
	else
		log_printf(LOG_WARNING, "RIP: %04lx:%pS", tf->cs, (void *)tf->ip);
	if (!trapframe_user(tf)) {
		u64 caller;

		if (tf->ip < KERNEL_VMA && read_kernel(&caller, tf->sp, sizeof(caller)))
			log_printf(LOG_WARNING, "Called from: %pS", (void *)caller);
		print_code(tf);
	}
	if ((s64)tf->orig_ax == -1)
		log_printf(LOG_WARNING, "RSP: %04lx:%016lx EFLAGS: %08lx", tf->ss, tf->sp, tf->flags);
	else
		log_printf(LOG_WARNING, "RSP: %04lx:%016lx EFLAGS: %08lx ORIG_RAX: %016lx", tf->ss, tf->sp, tf->flags, tf->orig_ax);
	log_printf(LOG_WARNING, "RAX: %016lx RBX: %016lx RCX: %016lx", tf->ax, tf->bx, tf->cx);
	log_printf(LOG_WARNING, "RDX: %016lx RSI: %016lx RDI: %016lx", tf->dx, tf->si, tf->di);
	log_printf(LOG_WARNING, "RBP: %016lx R08: %016lx R09: %016lx", tf->bp, tf->r8, tf->r9);
	log_printf(LOG_WARNING, "R10: %016lx R11: %016lx R12: %016lx", tf->r10, tf->r11, tf->r12);
	log_printf(LOG_WARNING, "R13: %016lx R14: %016lx R15: %016lx", tf->r13, tf->r14, tf->r15);
	if (trapframe_user(tf))
		return;
	log_printf(LOG_WARNING, "FS:  %016lx GS: %016lx knlGS: %016lx", rdmsr(MSR_FS_BASE), rdmsr(MSR_GS_BASE),
		rdmsr(MSR_KERNEL_GS_BASE));
	log_printf(LOG_WARNING, "CS:  %04lx CR0: %016lx", tf->cs, read_cr0());
	log_printf(LOG_WARNING, "CR2: %016lx CR3: %016lx CR4: %016lx", read_cr2(), read_cr3(), read_cr4());
}
