/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tracing: what the rest of proc/ calls, and what the files here share. The design is in proc/ptrace/README.md.
 *
 * Lock key as in proc/process.h. pt->tracer and pt->trace change under [T] and the tracee's [h], and may be read under either.
 */
#ifndef PROC_PTRACE_H
#define PROC_PTRACE_H

#include "proc/proc.h"
#include "sys/abi/ptrace.h"

/* pt->trace */
#define PT_TRACED		(1u << 31)
#define PT_SEIZED		(1u << 30)
#define PT_TRACER_CAPABLE	(1u << 29)	/* the tracer had CAP_SYS_PTRACE: set-id programs keep their privilege */
#define PT_OPTIONS		PTRACE_O_KNOWN	/* the bits below are PTRACE_O_* as they are */

/* pt->trap */
enum {
	TRAP_STOP	= 1 << 0,	/* is to stop: a group stop, PTRACE_INTERRUPT, a seized one's birth */
	TRAP_NOTIFY	= 1 << 1,	/* is to stop: something about the group stop changed (seized) */
	TRAP_WANTED	= TRAP_STOP | TRAP_NOTIFY,
	TRAP_TRAPPING	= 1 << 2,	/* PTRACE_ATTACH waits for it to come from its group stop into ours */
	TRAP_IN		= 1 << 3,	/* it is in a ptrace stop */
	TRAP_LISTENING	= 1 << 4,	/* in one, but the tracer let go: PTRACE_LISTEN */
	TRAP_FROZEN	= 1 << 5,	/* the tracer is at work on it: not even SIGKILL wakes it */
};

static inline bool ptrace_traced(const struct proc_thread *pt) { return unlikely(READ_ONCE(pt->trace) != 0); }
static inline bool ptrace_option(const struct proc_thread *pt, u32 option) { return unlikely((READ_ONCE(pt->trace) & option) != 0); }

/* --- link.c: who traces whom; [T] held unless said --- */
/* The tracer is another process than the parent: what the tracee does is told to both. */
bool ptrace_reparented(const struct proc_thread *pt);
void ptrace_link(struct proc_thread *pt, struct thread *tracer, u32 trace);		/* and pt's [h] */
void ptrace_unlink_locked(struct proc_thread *pt);					/* and pt's [h] */
int ptrace_traceme(void);								/* no lock */
int ptrace_attach(struct thread *t, bool seize, u64 addr, u64 options);		/* no lock */
int ptrace_detach(struct thread *t, int sig);						/* no lock */
/* The new thread is linked, and its [h] is held: it inherits the current thread's tracer, if event or CLONE_PTRACE say so. */
void ptrace_fork(struct proc_thread *child, bool wanted);
/* The current thread ends: what it traces goes free. */
void ptrace_exit_tracer(struct proc_thread *pt);
pid_t ptrace_tracer_nr(struct thread *t);						/* no lock. For /proc; 0: none */
/* May the current thread attach to t, or (read) look into it? 0 or -EPERM. */
int ptrace_may_attach(struct thread *t);

/* --- stop.c: the tracee's side --- */
/* What tells the tracer; [T] held. */
void ptrace_notify_stop(struct proc_thread *pt, int code, int status);
/* The thread is dead: true, if the tracer does not care and it can go. */
bool ptrace_notify_death(struct proc_thread *pt, int sig);
/* [h] held on entry, not on return: the pending TRAP_WANTED. */
void ptrace_job_trap(struct process *p, struct proc_thread *pt, struct sighand *sh, u64 irq);
/* [h] held on entry and return. sig was dequeued: what the tracer makes of it; 0: nothing. */
int ptrace_signal(struct process *p, struct proc_thread *pt, int sig, struct siginfo_k *info, struct sighand **sh, u64 *irq);
/* [h]. Group stop began or ended: a seized thread tells. */
void ptrace_trap_notify(struct proc_thread *pt);
/* [h]. Make it stop soon; one that listens comes out to stop anew. */
void ptrace_wake(struct proc_thread *pt, bool resume);
/* Stop with SIGTRAP and this event, if it was asked for. Sleeps. */
void ptrace_event(int event, u64 message);
u32 ptrace_fork_event(u64 flags, int exit_signal);	/* PTRACE_EVENT_* that is wanted for such a clone, or 0 */
void ptrace_exec(pid_t old_tid);
void ptrace_exit(int wait_status);
/* A handler's frame is to be built: stepping ends; true: it was on, and ptrace_step_handler() is to be called behind it. */
bool ptrace_step_suspend(void);
void ptrace_step_handler(void);

/* --- wait.c --- */
struct wait_request;
/* [T]. Among what the threads of the current process trace: as look_at() of proc/wait.c. */
int ptrace_wait_scan(struct wait_request *w);
int ptrace_wait_look(struct wait_request *w, struct proc_thread *pt);

/* --- request.c --- */
long ptrace_request(struct thread *t, long request, u64 addr, u64 data);

#endif
