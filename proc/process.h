/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Unix process: what owns. A thread (sys/thread.h) runs; its process holds identity, family, limits and signals shared
 * by all threads of the group.
 *
 * References: the tree holds one on a process until it is reaped, every thread struct one until it is freed. proc/ holds one on
 * each thread until that is unlinked and an RCU grace period is over, so what is found through a pid under RCU can be kept.
 *
 * Lock key: [I] immutable  [a] atomic  [t] owning thread only  [l] own ->lock (LOCK_PROC)  [T] proctree_lock (LOCK_PROCTREE)
 *           [h] sighand->lock  [r] RCU
 *           [l|T] read under either, write under both. All three locks are taken with interrupts off.
 */
#ifndef PROC_PROCESS_H
#define PROC_PROCESS_H

#include "sys/clock.h"
#include "sys/mutex.h"
#include "sys/pid.h"
#include "sys/signal.h"
#include "sys/syscall.h"
#include "sys/thread.h"
#include "sys/abi/resource.h"	/* RLIMIT_*, struct abi_rlimit, abi_rusage */
#include "sys/timer.h"

struct files;
struct fsctx;
struct idalloc;
struct posix_timer;
struct sem_undo_list;
struct tty;
struct user_counts;

extern struct spinlock proctree_lock;

struct sigqueue {
	struct list node;			/* [h] in a sigpending */
	struct siginfo_k info;
	struct user_counts *user;		/* [I] who pays, or NULL */
	struct posix_timer *timer;		/* [I] embedded in one: never freed by the queue */
};
struct sigpending { u64 set; struct list queue; };	/* [h] */

/* What CLONE_SIGHAND shares. */
struct sighand {
	struct refcount refs;			/* [a] processes */
	struct spinlock lock;			/* LOCK_SIGHAND, irqs off */
	struct sigaction_k action[64];		/* [h] index: signal - 1 */
	struct waitq signalfd_wq;
	struct rcu_head rcu;
};

enum proc_state { PROC_ALIVE, PROC_ZOMBIE, PROC_REAPED };

/* p->stop_flags */
enum {
	STOP_STOPPED	= 1 << 0,	/* every thread has stopped */
	STOP_REPORT	= 1 << 1,	/* the stop was not waited for yet (wait4's WUNTRACED) */
	STOP_CONTINUED	= 1 << 2,	/* continued, and not waited for yet (WCONTINUED) */
	STOP_NOTIFY_STOP = 1 << 3,	/* the parent is to be sent SIGCHLD: CLD_STOPPED */
	STOP_NOTIFY_CONT = 1 << 4,	/* the same: CLD_CONTINUED */
};

struct proc_usage { nsec_t utime, stime; u64 minflt, majflt, nvcsw, nivcsw, maxrss /* KiB */; };

struct process {
	struct refcount refs;			/* [a] */
	struct spinlock lock;
	struct pid *pids[PID_TYPES];		/* [T|h] TGID, PGID, SID of the group; [PID_TID] unused here */
	struct sighand *sighand;		/* [r, h] never NULL; changes at exec only */
	struct thread *leader;			/* [T|h] */
	struct list threads;			/* [T|h] proc_thread.node */
	u32 nr_threads;				/* [T|h] linked ones: also a dead leader */
	u32 nr_live;				/* [a] threads that have not begun to exit */
	struct aspace *as;			/* [l] the threads' space; NULL once the last has left it */

	struct process *parent;			/* [T] who waits for it (ptrace aside); NULL: init */
	struct thread *parent_thread;		/* [T] which of its threads made this one; no reference */
	struct list children, sibling;		/* [T] */
	bool child_subreaper;			/* [a] */
	int exit_signal;			/* [T] sent to the parent; 0: none (clone), SIGCHLD as a rule */
	enum proc_state state;			/* [T] */
	int exit_code;				/* [T] wait status */
	bool group_exit;			/* [h] every thread is to exit with group_exit_code */
	bool unkillable;			/* [h] init: signals without a handler are dropped */
	int group_exit_code;			/* [h] */
	struct thread *core_dumper;		/* [h] it writes a core file, the others wait for it (coredump.c); no reference; NULL: none */
	u32 core_waiting;			/* [a] those that it waits for */
	struct thread *group_exec_thread;	/* [h] it makes all others exit */
	struct waitq exec_wq;			/* that thread waits here for the others */
	struct mutex exec_lock;			/* LOCK_EXEC: one exec at a time */
	struct waitq wait_children;		/* wait4 sleeps here */
	struct proc_usage dead_threads;		/* [T|h] */
	struct proc_usage children_usage;	/* [T] waited-for */
	u64 maxrss;				/* [a] KiB, of address spaces let go */

	struct sigpending shared_pending;	/* [h] */
	u32 group_signal_seq;			/* [h] signals sent to all of a process group so far: fork looks */
	u32 stop_count;				/* [h] group stop in progress: threads still to stop */
	int stop_sig;				/* [h] */
	u32 stop_flags;				/* [h] STOP_* */

	struct abi_rlimit rlimits[RLIM_NLIMITS];	/* [l] */
	struct tty *tty;			/* [h] controlling terminal, reference (dev/tty) */
	u32 personality;			/* [a] */
	int oom_score_adj;			/* [a] */
	bool did_exec;				/* [a] for setpgid */
	u8 dumpable;				/* [a] 0 no, 1 yes, 2: for root alone (suid_dumpable) */
	nsec_t start_time;			/* [I] boottime */

	struct { struct timer timer; nsec_t interval, expires; } real_itimer;	/* [h] ITIMER_REAL; expires 0: off */
	nsec_t cpu_itimer[2], cpu_itimer_interval[2];	/* [h] VIRTUAL, PROF: CPU time at which it fires; 0: off */
	struct list posix_timers;		/* [h] all of them */
	struct list cpu_timers;			/* [h] armed ones on a CPU-time clock of this process or a thread of it */
	bool cpu_timing;			/* [a] some CPU-time timer or RLIMIT_CPU is set: the tick has to look */
	struct idalloc *timer_ids;		/* [h] */
	struct list all_node;			/* [T] */
	struct rcu_head rcu;
};

/* Per-thread part of proc/. */
struct proc_thread {
	struct thread *thread;			/* [I] */
	struct process *proc;			/* [I] (exec by a non-leader keeps it), reference */
	struct pid *tid;			/* [T] */
	struct list node;			/* [T|h] in proc->threads */
	struct hnode pid_node[PID_TYPES];	/* [T, r] in pid->users; all but TID are the leader's only */
	struct user_counts *user;		/* [h] of the real uid: RLIMIT_NPROC, RLIMIT_SIGPENDING; reference */
	struct sigpending pending;		/* [h] */
	u64 blocked;				/* [h] written by the thread itself only */
	u64 saved_blocked;			/* [t] for TW_RESTORE_MASK (sigsuspend, ppoll ...) */
	u64 real_blocked;			/* [h] during sigtimedwait */
	u64 altstack_sp, altstack_size;		/* [t] size 0: none */
	u32 altstack_flags;			/* [t] SS_AUTODISARM */
	bool stop_pending;			/* [h] must take part in the group stop */
	bool stop_dequeued;			/* [h] it took a stop signal off the queue, and no SIGCONT came since */
	bool stopped;				/* [h] */
	bool stop_counted;			/* [h] p->stop_count counts it */
	int stop_sig;				/* [h] of the last group stop */
	u32 trace;				/* [T|h] PT_* (proc/ptrace/ptrace.h); 0: nobody traces it */
	u32 trap;				/* [h] TRAP_* */
	int trace_code;				/* [h] in a ptrace stop: what wait reports, 0 once it did; then the signal to go on with */
	struct thread *tracer;			/* [T|h] no reference: it lets its tracees go when it ends */
	struct list tracees, tracee_node;	/* [T] whom it traces; its place with its tracer */
	u64 trace_message;			/* [h] PTRACE_GETEVENTMSG */
	struct siginfo_k *trace_info;		/* [h] of the stop it is in (on its stack), or NULL */
	bool exiting;				/* [h] gets no more shared signals */
	bool dead;				/* [T|h] past exit_notify; only a leader is still linked then */
	bool uncharged;				/* [T] user->nproc does not count it any more */
	bool nproc_exceeded;			/* [t] setuid went over RLIMIT_NPROC: exec fails */
	u64 clear_child_tid, set_child_tid;	/* [t] user addresses */
	struct sem_undo_list *sem_undos;	/* [t] shared by CLONE_SYSVSEM; NULL: none (ipc/) */
	struct task_work set_tid_work;		/* [t] stores set_child_tid in the child's own space */
	u64 robust_list;			/* [t] user address */
	u64 rseq;				/* [t] user address of the area; 0: none */
	u32 rseq_sig;				/* [t] stands before each abort address */
	u32 exit_code;				/* [T] wait status */
	struct completion *vfork_done;		/* [l of process] parent waits */
	int pdeath_signal;			/* [a] */
	u32 ioprio;				/* [a] ioprio_set(2) */
	nsec_t timer_slack, default_timer_slack; /* [t] */
	struct restart_block restart;		/* [t] restart_syscall */
	struct spinlock pi_lock;		/* LOCK_LEAF */
	struct list pi_states;			/* [pi_lock] held PI futexes with waiters: futex/pi.c */
	bool pi_exited;				/* [pi_lock] nothing is added any more */
	u64 io_rchar, io_wchar, io_syscr, io_syscw;	/* [t] */
	struct rcu_head rcu;
};

#define process_current()	(thread_current()->proc)

void process_get(struct process *p);
void process_put(struct process *p);		/* any context */
/* By tgid, referenced; NULL. Zombies are found. */
struct process *process_find_get(pid_t tgid);
struct thread *thread_find_get(pid_t tid);	/* any thread, referenced */
pid_t thread_tid(const struct thread *t);	/* 0 for kernel threads */
pid_t process_pid(const struct process *p);
/* Iterate over all processes in order of tgid: the first with tgid >= nr, referenced, or NULL (for /proc). */
struct process *process_next_get(pid_t nr, pid_t *found);
/* The thread of p with the least tid >= nr, referenced, or NULL (for /proc/PID/task). */
struct thread *process_next_thread_get(struct process *p, pid_t nr, pid_t *found);
u32 process_count(void);
u32 process_thread_count(void);			/* user threads in all */
u64 process_rlimit(struct process *p, int resource);	/* soft */
struct thread *process_leader_get(struct process *p);	/* referenced or NULL */
struct aspace *process_aspace_get(struct process *p);	/* user reference (aspace_put_user) or NULL */
struct files *thread_files_get(struct thread *t);	/* referenced or NULL */
struct fsctx *thread_fsctx_get(struct thread *t);	/* referenced or NULL */
const struct cred *thread_cred_get(struct thread *t);	/* referenced */
/* CPU time of all threads, dead ones included. */
void process_times(struct process *p, nsec_t *user, nsec_t *sys);
void process_usage(struct process *p, struct proc_usage *u);
/* Referenced, or NULL: the parent's, and ids of group and session. */
struct process *process_parent_get(struct process *p);
struct pid *process_pid_get(struct process *p, enum pid_type type);
/* May the caller look into t's memory, descriptors, environment (ptrace's read access)? 0 or -EPERM. */
int process_may_inspect(struct thread *t);

extern int suid_dumpable;		/* [a] 0..2: dumpable of a program that changed its identity */
extern int pid_max;			/* [a] numbers are below it; 301..4194304 */
extern int threads_max;			/* [a] */

/* Boot: the first process, from the boot thread: exec's path. Returns -errno if it cannot. */
int process_exec_init(const char *path, char *const argv[], char *const envp[]);
void proc_init(void);

#endif
