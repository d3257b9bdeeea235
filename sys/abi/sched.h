/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling and clone(2) flags of the ABI. */
#ifndef SYS_ABI_SCHED_H
#define SYS_ABI_SCHED_H

#include "sys/lib/types.h"

#define CSIGNAL			0x000000ffUL	/* exit signal */
#define CLONE_NEWTIME		0x00000080UL	/* clone3 and unshare only */
#define CLONE_VM		0x00000100UL
#define CLONE_FS		0x00000200UL
#define CLONE_FILES		0x00000400UL
#define CLONE_SIGHAND		0x00000800UL
#define CLONE_PIDFD		0x00001000UL
#define CLONE_PTRACE		0x00002000UL
#define CLONE_VFORK		0x00004000UL
#define CLONE_PARENT		0x00008000UL
#define CLONE_THREAD		0x00010000UL
#define CLONE_NEWNS		0x00020000UL
#define CLONE_SYSVSEM		0x00040000UL
#define CLONE_SETTLS		0x00080000UL
#define CLONE_PARENT_SETTID	0x00100000UL
#define CLONE_CHILD_CLEARTID	0x00200000UL
#define CLONE_DETACHED		0x00400000UL
#define CLONE_UNTRACED		0x00800000UL
#define CLONE_CHILD_SETTID	0x01000000UL
#define CLONE_NEWCGROUP		0x02000000UL
#define CLONE_NEWUTS		0x04000000UL
#define CLONE_NEWIPC		0x08000000UL
#define CLONE_NEWUSER		0x10000000UL
#define CLONE_NEWPID		0x20000000UL
#define CLONE_NEWNET		0x40000000UL
#define CLONE_IO		0x80000000UL
#define CLONE_LEGACY_FLAGS	0xffffffffUL
#define CLONE_CLEAR_SIGHAND	0x100000000UL	/* clone3 only */
#define CLONE_INTO_CGROUP	0x200000000UL	/* the same */

/* clone3's argument; it grew twice. */
struct abi_clone_args {
	u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	u64 set_tid, set_tid_size;
	u64 cgroup;
};
#define CLONE_ARGS_SIZE_VER0	64
#define CLONE_ARGS_SIZE_VER1	80
#define CLONE_ARGS_SIZE_VER2	88

#define SCHED_NORMAL		0
#define SCHED_FIFO		1
#define SCHED_RR		2
#define SCHED_BATCH		3
#define SCHED_IDLE		5
#define SCHED_DEADLINE		6
#define SCHED_RESET_ON_FORK	0x40000000

struct abi_sched_param { s32 sched_priority; };

struct abi_sched_attr {
	u32 size, sched_policy;
	u64 sched_flags;
	s32 sched_nice;
	u32 sched_priority;
	u64 sched_runtime, sched_deadline, sched_period;
	u32 sched_util_min, sched_util_max;
};
#define SCHED_ATTR_SIZE_VER0	48
#define SCHED_ATTR_SIZE_VER1	56

#define SCHED_FLAG_RESET_ON_FORK	0x01
#define SCHED_FLAG_RECLAIM		0x02
#define SCHED_FLAG_DL_OVERRUN		0x04
#define SCHED_FLAG_KEEP_POLICY		0x08
#define SCHED_FLAG_KEEP_PARAMS		0x10
#define SCHED_FLAG_UTIL_CLAMP_MIN	0x20
#define SCHED_FLAG_UTIL_CLAMP_MAX	0x40

#endif
