/* SPDX-License-Identifier: BSD-2-Clause */
/* ptrace(2) of the Linux x86-64 ABI. */
#ifndef SYS_ABI_PTRACE_H
#define SYS_ABI_PTRACE_H

#include "sys/lib/types.h"

#define PTRACE_TRACEME		0
#define PTRACE_PEEKTEXT		1
#define PTRACE_PEEKDATA		2
#define PTRACE_PEEKUSER		3
#define PTRACE_POKETEXT		4
#define PTRACE_POKEDATA		5
#define PTRACE_POKEUSER		6
#define PTRACE_CONT		7
#define PTRACE_KILL		8
#define PTRACE_SINGLESTEP	9
#define PTRACE_GETREGS		12
#define PTRACE_SETREGS		13
#define PTRACE_GETFPREGS	14
#define PTRACE_SETFPREGS	15
#define PTRACE_ATTACH		16
#define PTRACE_DETACH		17
#define PTRACE_OLDSETOPTIONS	21
#define PTRACE_SYSCALL		24
#define PTRACE_ARCH_PRCTL	30
#define PTRACE_SYSEMU		31
#define PTRACE_SYSEMU_SINGLESTEP 32
#define PTRACE_SETOPTIONS	0x4200
#define PTRACE_GETEVENTMSG	0x4201
#define PTRACE_GETSIGINFO	0x4202
#define PTRACE_SETSIGINFO	0x4203
#define PTRACE_GETREGSET	0x4204
#define PTRACE_SETREGSET	0x4205
#define PTRACE_SEIZE		0x4206
#define PTRACE_INTERRUPT	0x4207
#define PTRACE_LISTEN		0x4208
#define PTRACE_PEEKSIGINFO	0x4209
#define PTRACE_GETSIGMASK	0x420a
#define PTRACE_SETSIGMASK	0x420b
#define PTRACE_GET_SYSCALL_INFO	0x420e

#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f

#define PTRACE_O_TRACESYSGOOD	0x001
#define PTRACE_O_TRACEFORK	0x002
#define PTRACE_O_TRACEVFORK	0x004
#define PTRACE_O_TRACECLONE	0x008
#define PTRACE_O_TRACEEXEC	0x010
#define PTRACE_O_TRACEVFORKDONE	0x020
#define PTRACE_O_TRACEEXIT	0x040
#define PTRACE_O_TRACESECCOMP	0x080
#define PTRACE_O_EXITKILL	0x100000
#define PTRACE_O_SUSPEND_SECCOMP 0x200000
#define PTRACE_O_KNOWN		0x1000ff	/* all but the last, which is for a kernel with seccomp */

#define PTRACE_EVENT_FORK	1
#define PTRACE_EVENT_VFORK	2
#define PTRACE_EVENT_CLONE	3
#define PTRACE_EVENT_EXEC	4
#define PTRACE_EVENT_VFORK_DONE	5
#define PTRACE_EVENT_EXIT	6
#define PTRACE_EVENT_STOP	128

/* GETEVENTMSG in a system call's stops */
#define PTRACE_EVENTMSG_SYSCALL_ENTRY	1
#define PTRACE_EVENTMSG_SYSCALL_EXIT	2

#define PTRACE_PEEKSIGINFO_SHARED	1
struct abi_ptrace_peeksiginfo { u64 off; u32 flags; s32 nr; };

struct abi_ptrace_rseq { u64 area; u32 size, signature, flags, pad; };

#define PTRACE_SYSCALL_INFO_NONE	0
#define PTRACE_SYSCALL_INFO_ENTRY	1
#define PTRACE_SYSCALL_INFO_EXIT	2
struct abi_ptrace_syscall_info {
	u8 op, pad[3];
	u32 arch;
	u64 ip, sp;
	union {
		struct { u64 nr, args[6]; } entry;
		struct { s64 rval; u8 is_error; } exit;
		struct { u64 nr, args[6]; u32 ret_data; } seccomp;
	};
};
_Static_assert(sizeof(struct abi_ptrace_syscall_info) == 88, "ptrace_syscall_info");

#endif
