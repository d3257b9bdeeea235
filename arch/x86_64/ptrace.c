/* SPDX-License-Identifier: BSD-2-Clause */
/* User registers for debuggers and core files (arch/ptrace.h). Layouts: <sys/user.h>; Intel SDM volume 1, 13.4 for the XSAVE area. */
#include "arch/ptrace.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/thread.h"
#include "arch/x86_64/debugreg.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/thread_state.h"
#include "arch/x86_64/trapframe.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/thread.h"

#define FLAGS_USER	(FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_TF | FLAG_DF | FLAG_OF | FLAG_RF | FLAG_AC | FLAG_NT)

/* Words of struct user_regs_struct */
enum { R_R15, R_R14, R_R13, R_R12, R_BP, R_BX, R_R11, R_R10, R_R9, R_R8, R_AX, R_CX, R_DX, R_SI, R_DI, R_ORIG_AX, R_IP, R_CS, R_FLAGS,
	R_SP, R_SS, R_FS_BASE, R_GS_BASE, R_DS, R_ES, R_FS, R_GS };
_Static_assert(R_GS + 1 == ARCH_NR_REGS, "user_regs_struct");
_Static_assert(offsetof(struct trapframe, ss) - offsetof(struct trapframe, r15) == R_SS * 8, "a frame has its words in the same order");

/* struct user */
#define USER_REGS_SIZE		(ARCH_NR_REGS * 8)
#define USER_DEBUGREG		848
#define USER_DEBUGREG_END	912
#define USER_SIZE		928

#define MXCSR_OFFSET	offsetof(struct fpu_area, mxcsr)

/* --- general registers --- */

static u64 *
frame_word(struct thread *t, u32 index)
{
	return &arch_thread_frame(t)->r15 + index;
}

static u64
flags_get(struct thread *t)
{
	u64 flags = *frame_word(t, R_FLAGS);

	return t->arch.forced_tf ? flags & ~(u64)FLAG_TF : flags;
}

/* TF that the program wants stays when stepping ends; ours stays until then. */
static void
flags_set(struct thread *t, u64 value)
{
	u64 *flags = frame_word(t, R_FLAGS);

	if ((value & FLAG_TF) != 0)
		t->arch.forced_tf = false;
	else if (t->arch.forced_tf)
		value |= FLAG_TF;
	*flags = (*flags & ~(u64)FLAGS_USER) | (value & FLAGS_USER);
}

void
arch_regs_get(struct thread *t, u64 regs[ARCH_NR_REGS])
{
	thread_state_sync(t);
	memcpy(regs, frame_word(t, 0), (R_SS + 1) * sizeof(u64));
	regs[R_FLAGS] = flags_get(t);
	regs[R_FS_BASE] = t->arch.fs_base;
	regs[R_GS_BASE] = t->arch.gs_base;
	regs[R_DS] = t->arch.ds;
	regs[R_ES] = t->arch.es;
	regs[R_FS] = t->arch.fs;
	regs[R_GS] = t->arch.gs;
}

/* A data selector is null or that of user data: loading it cannot fault. */
static int
set_selector(struct thread *t, u16 *field, u64 value)
{
	value &= 0xffff;
	if (value != 0 && (value & 3) != 3)
		return -EIO;
	if ((value & ~3UL) != 0 && value != SEL_USER_DS)
		return -EIO;
	*field = (u16)value;
	t->arch.user_cpu = 0;
	return 0;
}

int
arch_reg_set(struct thread *t, u32 index, u64 value)
{
	switch (index) {
	case R_CS:
		return (value & 0xffff) == SEL_USER_CS ? 0 : -EIO;
	case R_SS:
		return (value & 0xffff) == SEL_USER_DS ? 0 : -EIO;
	case R_FLAGS:
		flags_set(t, value);
		return 0;
	case R_FS_BASE: case R_GS_BASE:
		if (value >= ARCH_USER_MAX)
			return -EIO;
		thread_state_set_base(t, index == R_GS_BASE, value);
		return 0;
	case R_DS:
		return set_selector(t, &t->arch.ds, value);
	case R_ES:
		return set_selector(t, &t->arch.es, value);
	case R_FS:
		return set_selector(t, &t->arch.fs, value);
	case R_GS:
		return set_selector(t, &t->arch.gs, value);
	}
	*frame_word(t, index) = value;
	return 0;
}

u64
arch_regs_sp(struct thread *t)
{
	return *frame_word(t, R_SP);
}

int
arch_user_peek(struct thread *t, u64 offset, u64 *value)
{
	u64 regs[ARCH_NR_REGS];

	if (offset % sizeof(u64) != 0 || offset >= USER_SIZE)
		return -EIO;
	*value = 0;
	if (offset < USER_REGS_SIZE) {
		arch_regs_get(t, regs);
		*value = regs[offset / 8];
	} else if (offset >= USER_DEBUGREG && offset < USER_DEBUGREG_END) {
		return debugreg_get(t, (u32)(offset - USER_DEBUGREG) / 8, value);
	}
	return 0;
}

int
arch_user_poke(struct thread *t, u64 offset, u64 value)
{
	if (offset % sizeof(u64) != 0 || offset >= USER_SIZE)
		return -EIO;
	if (offset < USER_REGS_SIZE)
		return arch_reg_set(t, (u32)offset / 8, value);
	return offset >= USER_DEBUGREG && offset < USER_DEBUGREG_END ? debugreg_set(t, (u32)(offset - USER_DEBUGREG) / 8, value) : -EIO;
}

/* --- floating point and vectors --- */

int
arch_regset_size(u32 type, u32 *size, u32 *unit)
{
	*unit = sizeof(u64);
	switch (type) {
	case NT_PRSTATUS:
		*size = USER_REGS_SIZE;
		return 0;
	case NT_PRFPREG:
		*size = ARCH_FPREGS_SIZE;
		return 0;
	case NT_X86_XSTATE:
		*size = fpu_area_size;
		return fpu_features != 0 ? 0 : -ENODEV;
	}
	return -EINVAL;
}

int
arch_regset_get(struct thread *t, u32 type, void *buf)
{
	struct fpu_area *a = t->arch.fpu;

	if (type == NT_PRSTATUS) {
		arch_regs_get(t, buf);
		return 0;
	}
	thread_state_sync(t);
	fpu_area_complete(a);
	memcpy(buf, a, type == NT_PRFPREG ? ARCH_FPREGS_SIZE : fpu_area_size);
	if (type == NT_X86_XSTATE) {
		memset((u8 *)buf + offsetof(struct fpu_area, software), 0, sizeof(a->software));
		memcpy((u8 *)buf + offsetof(struct fpu_area, software), &fpu_features, sizeof(fpu_features));
	}
	return 0;
}

static int
set_general(struct thread *t, const u64 *regs, u32 len)
{
	int err = 0;

	for (u32 i = 0; err == 0 && i < len / sizeof(u64); i++)
		err = arch_reg_set(t, i, regs[i]);
	return err;
}

/* What XRSTOR would refuse is refused here. */
static int
check_area(const struct fpu_area *a, u32 type)
{
	static const u8 zero[48];

	if ((a->mxcsr & ~fpu_mxcsr_mask) != 0)
		return -EINVAL;
	if (type != NT_X86_XSTATE)
		return 0;
	if ((a->xstate_bv & ~fpu_features) != 0 || a->xcomp_bv != 0 || memcmp(a->reserved2, zero, sizeof(a->reserved2)) != 0)
		return -EINVAL;
	return 0;
}

int
arch_regset_set(struct thread *t, u32 type, const void *buf, u32 len)
{
	struct fpu_area *a = t->arch.fpu;
	const struct fpu_area *new = buf;
	int err;

	if (type == NT_PRSTATUS)
		return set_general(t, buf, len);
	if (len != (type == NT_PRFPREG ? ARCH_FPREGS_SIZE : fpu_area_size))
		return type == NT_PRFPREG ? -EINVAL : -EFAULT;
	err = check_area(new, type);
	if (err != 0)
		return err;
	fpu_area_complete(a);
	memcpy(a, new, type == NT_PRFPREG ? ARCH_FPREGS_SIZE : fpu_area_size);
	if (type == NT_PRFPREG && fpu_features != 0)
		a->xstate_bv |= 3;
	t->arch.user_cpu = 0;		/* no CPU's registers hold the state any more */
	return 0;
}

/* --- stepping --- */

void
arch_step_set(struct thread *t, bool on)
{
	u64 *flags = frame_word(t, R_FLAGS);

	t->arch.step = on;
	if (on && (*flags & FLAG_TF) == 0) {
		*flags |= FLAG_TF;
		t->arch.forced_tf = true;
	} else if (!on && t->arch.forced_tf) {
		*flags &= ~(u64)FLAG_TF;
		t->arch.forced_tf = false;
	}
}

bool
arch_step_get(const struct thread *t)
{
	return t->arch.step;
}
