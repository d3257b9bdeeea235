/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Unix process: what owns. A thread (sys/thread.h) runs; its process holds identity, family, limits and signals shared
 * by all threads of the group.
 *
 * Lock key: [I] immutable  [a] atomic  [l] own ->lock (LOCK_PROC)  [T] proctree_lock (LOCK_PROCTREE)  [h] sighand->lock  [r] RCU
 *           [l|T] read under either, write under both.
 */
#ifndef PROC_PROCESS_H
#define PROC_PROCESS_H

#include "sys/clock.h"
#include "sys/pid.h"
#include "sys/signal.h"
#include "sys/thread.h"
#include "sys/abi/resource.h"	/* RLIMIT_*, struct abi_rlimit, abi_rusage */
#include "sys/timer.h"

struct itimer_set;
struct path;
struct robust_list_head;

extern struct spinlock proctree_lock;

struct sigqueue { struct list node; struct siginfo_k info; struct posix_timer *timer; };
struct sigpending { u64 set; struct list queue; };	/* [h] */

/* What CLONE_SIGHAND shares. */
struct sighand {
	struct refcount refs;
	struct spinlock lock;			/* LOCK_SIGHAND, irqs off */
	struct sigaction_k action[64];		/* [h] index: signal - 1 */
	struct waitq signalfd_wq;
	struct rcu_head rcu;
};

enum proc_state { PROC_ALIVE, PROC_ZOMBIE, PROC_REAPED };

struct process {
	struct refcount refs;			/* [a] */
	struct spinlock lock;
	struct pid *pids[PID_TYPES];		/* [T] TGID, PGID, SID of the group; [PID_TID] unused here */
	struct thread *leader;			/* [T] */
	struct list threads;			/* [T] proc_thread.node */
	u32 nr_threads;				/* [T] */
	u32 nr_live;				/* [a] threads that have not begun to exit */

	struct process *parent;			/* [T] who waits for it (ptrace aside) */
	struct process *real_parent;		/* [T] */
	struct list children, sibling;		/* [T] */
	bool child_subreaper;			/* [T] */
	int exit_signal;			/* [T] sent to the parent; 0: none (clone), SIGCHLD as a rule */
	enum proc_state state;			/* [T] */
	int exit_code;				/* [T] wait status */
	bool group_exit, group_exec;		/* [h] */
	int group_exit_code;			/* [h] */
	struct thread *group_exec_thread;	/* [h] */
	struct waitq wait_children;		/* wait4 sleeps here */
	u64 nvcsw, nivcsw, minflt, majflt;	/* [T] of dead threads */
	nsec_t utime, stime;			/* [T] of dead threads */
	struct { nsec_t utime, stime; u64 minflt, majflt, nvcsw, nivcsw, maxrss; } children_usage;	/* [T] waited-for */
	u64 maxrss;				/* [a] KiB */

	struct sigpending shared_pending;	/* [h] */
	u32 stop_count, stop_sig;		/* [h] group stop in progress: threads still to stop */
	u32 stop_flags;				/* [h] SIGNAL_STOPPED, SIGNAL_CONTINUED, unreported events */
	struct waitq stop_wq;

	struct abi_rlimit rlimits[RLIM_NLIMITS];	/* [l] */
	struct tty_struct *tty;			/* [h] controlling terminal, reference (dev/tty) */
	bool tty_old_pgrp_sent;
	u32 personality;			/* [t] */
	int oom_score_adj;			/* [a] */
	bool did_exec;				/* [a] for setpgid */
	bool dumpable;				/* [a] */
	bool keep_caps;
	nsec_t start_time;			/* [I] boottime */
	char *exe_name;				/* reserved */

	struct { struct timer timer; nsec_t interval; } real_itimer;	/* [h] ITIMER_REAL */
	nsec_t cpu_itimer[2], cpu_itimer_interval[2];			/* [h] VIRTUAL, PROF: CPU time left at */
	struct list posix_timers;		/* [h] */
	struct idalloc *timer_ids;		/* [h] */
	struct list all_node;			/* [T] */
	struct rcu_head rcu;
};

/* Per-thread part of proc/. */
struct proc_thread {
	struct thread *thread;			/* [I] */
	struct process *proc;			/* [I] (exec by a non-leader keeps it) */
	struct pid *tid;			/* [T] */
	struct list node;			/* [T] in proc->threads */
	struct hnode pid_node[PID_TYPES];	/* [T, r] in pid->users */
	struct sigpending pending;		/* [h] */
	u64 blocked;				/* [h] written by the thread itself only */
	u64 saved_blocked;			/* [t] for TW_RESTORE_MASK (sigsuspend, ppoll ...) */
	u64 real_blocked;			/* [h] during sigtimedwait */
	u64 altstack_sp, altstack_size; u32 altstack_flags;	/* [t] */
	bool stopped_pending;			/* [h] must take part in the group stop */
	u64 clear_child_tid, set_child_tid;	/* [t] user addresses */
	u64 robust_list; u64 robust_len;	/* [t] user address */
	u32 exit_code;				/* [t] */
	struct completion *vfork_done;		/* [l of process] parent waits */
	int pdeath_signal;			/* [t] */
	struct restart_block restart;		/* [t] restart_syscall */
	struct list pi_futexes;			/* [t] */
	bool exiting;				/* [h] */
	u64 io_rchar, io_wchar, io_syscr, io_syscw;
};

#define process_current()	(thread_current()->proc)

void process_get(struct process *p);
void process_put(struct process *p);
/* By tgid, referenced; NULL. */
struct process *process_find_get(pid_t tgid);
struct thread *thread_find_get(pid_t tid);	/* any thread, referenced */
/* Iterate over all processes in order of tgid: the first with tgid >= nr, referenced, or NULL (for /proc). */
struct process *process_next_get(pid_t nr, pid_t *found);
u32 process_count(void);
u64 process_rlimit(struct process *p, int resource);	/* soft */
struct thread *process_leader_get(struct process *p);	/* referenced or NULL */
struct aspace *process_aspace_get(struct process *p);	/* user reference (aspace_put_user) or NULL */

/* Boot: the first process, from the boot thread: exec's path. Returns -errno if it cannot. */
int process_exec_init(const char *path, char *const argv[], char *const envp[]);
void proc_init(void);


#endif
