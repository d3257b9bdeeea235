/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending signals: a contract header, defined in proc/signal.c, so that ttys, timers and pipes can signal.
 */
#ifndef SYS_SIGNAL_H
#define SYS_SIGNAL_H

#include "sys/abi/signal.h"	/* SIG*, SI_*, sigset, struct siginfo layout */
#include "sys/lib/types.h"

struct pid;
struct process;
struct thread;
struct trapframe;

/* The kernel's copy of siginfo: 128 bytes in the ABI's layout. */
struct siginfo_k { union { struct abi_siginfo abi; u8 raw[128]; }; };
struct sigaction_k { u64 handler, flags, restorer, mask; };	/* the kernel ABI's struct, in its order */

void siginfo_init(struct siginfo_k *info, int sig, int code);	/* zeroed, then these */

/* No permission checks; info NULL: SI_KERNEL. Any context. Returns -ESRCH (it is gone), -EAGAIN (queue limit; rt only). */
int signal_send_thread(struct thread *t, int sig, const struct siginfo_k *info);
int signal_send_process(struct process *p, int sig, const struct siginfo_k *info);
int signal_send_pgrp(struct pid *pgrp, int sig, const struct siginfo_k *info);	/* -ESRCH: empty group */
int signal_send_pid(struct pid *tgid, int sig, const struct siginfo_k *info);
/* SIGIO: to the bearers of pid in the role type (enum pid_type) that a user with these ids may signal (fcntl(2), F_SETOWN). */
void signal_send_owner(struct pid *pid, int type, int sig, const struct siginfo_k *info, unsigned int uid, unsigned int euid);
/* A synchronous fault of the current thread: cannot be blocked or ignored (then it kills). */
void signal_force(int sig, const struct siginfo_k *info);

/* ppoll(2) and friends: replace the blocked mask for the time of a wait. interrupted true: the wait ended by a signal, whose
 * handler runs under the temporary mask before the old one comes back; false: the old one is put back at once. */
void signal_temp_mask(u64 mask);
void signal_temp_mask_end(bool interrupted);

/* How a system call goes on after a stop without a handler: it fills the current thread's block and returns -ERESTART_RESTARTBLOCK. */
struct restart_block { long (*fn)(struct restart_block *rb); u64 args[6]; nsec_t deadline; };
struct restart_block *restart_block_current(void);

/* proc/signal_deliver.c: from user_return_work() when TW_SIGNAL, TW_EXIT or TW_RESTORE_MASK is set. Delivers (frames on the user
 * stack, stops, default actions), rewinds the system call that is to be restarted, puts the mask back. May not return. */
void signal_deliver(struct trapframe *tf);

/* The current thread's signal stack as sigaltstack(2) tells it, the user stack pointer being sp: what arch_signal_setup() stores in
 * uc_stack. */
void signal_altstack_get(u64 sp, struct abi_stack *st);

/* The current user thread (its whole process) ends with a wait status: (code & 255) << 8, or the signal's number. */
__noreturn void thread_exit_user(int wait_status);
__noreturn void process_exit_group(int wait_status);

/* For ttys: does the current thread block or ignore sig? Is its process group orphaned? */
bool signal_is_blocked_or_ignored(int sig);
bool pgrp_is_orphaned(struct pid *pgrp);
/* The current process's group and session (no reference: valid while the current thread runs in it... take pid_get to keep). */
struct pid *process_pgrp_current(void);	/* this one with a reference: setpgid(2) by others may change it */
struct pid *process_session_current(void);
struct pid *process_tgid_current(void);		/* the process's own identity; NULL for kernel threads */

#endif
