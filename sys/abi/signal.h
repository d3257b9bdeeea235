/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals of the Linux x86-64 ABI: numbers, siginfo, sigaction flags, signal stacks (signal(7), sigaction(2)). */
#ifndef SYS_ABI_SIGNAL_H
#define SYS_ABI_SIGNAL_H

#include "sys/lib/types.h"

#define SIGHUP		1
#define SIGINT		2
#define SIGQUIT		3
#define SIGILL		4
#define SIGTRAP		5
#define SIGABRT		6
#define SIGBUS		7
#define SIGFPE		8
#define SIGKILL		9
#define SIGUSR1		10
#define SIGSEGV		11
#define SIGUSR2		12
#define SIGPIPE		13
#define SIGALRM		14
#define SIGTERM		15
#define SIGSTKFLT	16
#define SIGCHLD		17
#define SIGCONT		18
#define SIGSTOP		19
#define SIGTSTP		20
#define SIGTTIN		21
#define SIGTTOU		22
#define SIGURG		23
#define SIGXCPU		24
#define SIGXFSZ		25
#define SIGVTALRM	26
#define SIGPROF		27
#define SIGWINCH	28
#define SIGIO		29
#define SIGPWR		30
#define SIGSYS		31
#define SIGRTMIN	32
#define SIGRTMAX	64
#define NSIG		64	/* the last valid number; sigset_t has a bit for each */

/* A sigset_t is a u64: bit (signal - 1). */
#define SIGBIT(sig)	(1UL << ((sig) - 1))
#define SIGSET_SIZE	8	/* the sigsetsize argument */

/* Handlers that are no addresses. */
#define SIG_DFL		0UL
#define SIG_IGN		1UL

/* sigaction flags */
#define SA_NOCLDSTOP	0x00000001UL
#define SA_NOCLDWAIT	0x00000002UL
#define SA_SIGINFO	0x00000004UL
#define SA_UNSUPPORTED	0x00000400UL
#define SA_EXPOSE_TAGBITS 0x00000800UL
#define SA_RESTORER	0x04000000UL
#define SA_ONSTACK	0x08000000UL
#define SA_RESTART	0x10000000UL
#define SA_NODEFER	0x40000000UL
#define SA_RESETHAND	0x80000000UL

/* sigprocmask's how */
#define SIG_BLOCK	0
#define SIG_UNBLOCK	1
#define SIG_SETMASK	2

/* Signal stacks */
typedef struct abi_stack {
	u64 ss_sp;
	s32 ss_flags;
	u32 pad;
	u64 ss_size;
} abi_stack_t;

#define SS_ONSTACK	1
#define SS_DISABLE	2
#define SS_AUTODISARM	(1U << 31)
#define SS_FLAG_BITS	SS_AUTODISARM
#define MINSIGSTKSZ	2048

/* struct siginfo: 128 bytes. */
union abi_sigval { s32 sival_int; u64 sival_ptr; };

struct abi_siginfo {
	s32 si_signo, si_errno, si_code;
	s32 pad0;
	union {
		u8 pad[112];
		struct { s32 pid; u32 uid; } kill;					/* kill, tkill */
		struct { s32 tid, overrun; union abi_sigval value; s32 sys_private; } timer;	/* SI_TIMER */
		struct { s32 pid; u32 uid; union abi_sigval value; } rt;			/* SI_QUEUE */
		struct { s32 pid; u32 uid; s32 status; s32 pad1; s64 utime, stime; } chld;	/* clock ticks */
		struct { u64 addr; s16 addr_lsb; s16 pad2[3]; u64 lower, upper; } fault;	/* SIGSEGV, BUS, ILL, FPE, TRAP */
		struct { s64 band; s32 fd; } poll;						/* SIGIO */
		struct { u64 call_addr; s32 syscall; u32 arch; } sys;				/* SIGSYS */
	};
};
_Static_assert(sizeof(struct abi_siginfo) == 128 && offsetof(struct abi_siginfo, kill) == 16, "siginfo layout");

/* si_code: who sent it */
#define SI_USER		0
#define SI_KERNEL	0x80
#define SI_QUEUE	(-1)
#define SI_TIMER	(-2)
#define SI_MESGQ	(-3)
#define SI_ASYNCIO	(-4)
#define SI_SIGIO	(-5)
#define SI_TKILL	(-6)
#define SI_DETHREAD	(-7)
#define SI_ASYNCNL	(-60)

#define ILL_ILLOPC	1
#define ILL_ILLOPN	2
#define ILL_ILLADR	3
#define ILL_ILLTRP	4
#define ILL_PRVOPC	5
#define ILL_PRVREG	6
#define ILL_COPROC	7
#define ILL_BADSTK	8

#define FPE_INTDIV	1
#define FPE_INTOVF	2
#define FPE_FLTDIV	3
#define FPE_FLTOVF	4
#define FPE_FLTUND	5
#define FPE_FLTRES	6
#define FPE_FLTINV	7
#define FPE_FLTSUB	8
#define FPE_FLTUNK	14

#define SEGV_MAPERR	1
#define SEGV_ACCERR	2
#define SEGV_BNDERR	3
#define SEGV_PKUERR	4

#define BUS_ADRALN	1
#define BUS_ADRERR	2
#define BUS_OBJERR	3
#define BUS_MCEERR_AR	4
#define BUS_MCEERR_AO	5

#define TRAP_BRKPT	1
#define TRAP_TRACE	2
#define TRAP_BRANCH	3
#define TRAP_HWBKPT	4
#define TRAP_UNK	5

#define CLD_EXITED	1
#define CLD_KILLED	2
#define CLD_DUMPED	3
#define CLD_TRAPPED	4
#define CLD_STOPPED	5
#define CLD_CONTINUED	6

#define POLL_IN		1
#define POLL_OUT	2
#define POLL_MSG	3
#define POLL_ERR	4
#define POLL_PRI	5
#define POLL_HUP	6

#define SYS_SECCOMP	1
#define SYS_USER_DISPATCH 2

/* struct sigevent (timer_create, mq_notify): 64 bytes */
struct abi_sigevent {
	union abi_sigval sigev_value;
	s32 sigev_signo;
	s32 sigev_notify;
	s32 sigev_tid;		/* SIGEV_THREAD_ID */
	s32 pad[11];
};
_Static_assert(sizeof(struct abi_sigevent) == 64, "sigevent layout");

#define SIGEV_SIGNAL	0
#define SIGEV_NONE	1
#define SIGEV_THREAD	2
#define SIGEV_THREAD_ID	4

#endif
