/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread: what the scheduler runs. A process owns (proc/); a thread runs. One pointer for each sharing flag of clone(2).
 *
 * Lock key: [I] immutable  [a] atomic  [t] owning thread only  [l] own ->lock  [q] run queue lock of its CPU  [r] RCU
 */
#ifndef SYS_THREAD_H
#define SYS_THREAD_H

#include "arch/thread.h"
#include "sys/lib/list.h"
#include "sys/lib/rbtree.h"
#include "sys/rcu.h"
#include "sys/refcount.h"
#include "sys/spinlock.h"

#define KSTACK_SIZE	(16 * KIB)
#define THREAD_NAME_MAX	16

struct aspace;
struct cred;
struct files;
struct flusher;
struct fsctx;
struct nsset;
struct pid;
struct process;
struct sighand;
struct block_plug;
struct mutex_waiter;
struct task_work;

/* A sleeper names what may wake it. */
enum thread_state {
	THREAD_RUNNING,		/* on a run queue or on a CPU */
	THREAD_INTERRUPTIBLE,	/* woken by its event or by a signal */
	THREAD_KILLABLE,	/* woken by its event or by a fatal signal */
	THREAD_UNINTERRUPTIBLE,
	THREAD_STOPPED,		/* job control: SIGCONT or SIGKILL */
	THREAD_TRACED,		/* ptrace stop */
	THREAD_NEW,		/* created, never run */
	THREAD_DEAD,		/* switched away for good */
};

/* thread->work: reasons to enter user_return_work(). */
enum {
	TW_SIGNAL	= 1 << 0,	/* a signal may be pending: look */
	TW_RESTORE_MASK	= 1 << 1,	/* put saved_sigmask back once signals are delivered */
	TW_TASK		= 1 << 2,	/* task_work list is not empty */
	TW_RSEQ		= 1 << 3,	/* a thread with `rseq` was switched in: its area in user memory is out of date */
	TW_EXIT		= 1 << 4,	/* the thread must exit (group exit, exec by another) */
};

enum sched_policy { SCHED_POLICY_OTHER = 0, SCHED_POLICY_FIFO = 1, SCHED_POLICY_RR = 2, SCHED_POLICY_BATCH = 3,
	SCHED_POLICY_IDLE = 5 };

/* The scheduler's part: sys/runqueue.h. */
struct sched_entity {
	struct rbnode node;		/* [q] fair: in the tree by deadline, unless it runs */
	struct list rt_node;		/* [q] real-time: in the list of its priority, unless it runs */
	s64 vruntime;			/* [q] virtual time it has had */
	s64 deadline;			/* [q] virtual time by which its request of one slice is due */
	s64 min_vruntime;		/* [q] least in its subtree */
	s64 lag;			/* [q] while not queued: what it was owed (virtual) */
	u32 weight;			/* [q] */
	bool queued;			/* [q] runnable: running or on the run queue */
	bool rt_tail;			/* [q] real-time: goes behind its equals (yield, slice used up) */
	u8 pi_prio;			/* [q] real-time priority inherited by a mutex; 0: none */
	nsec_t exec_start;		/* [q] up to here the run time is charged; when not queued: since when */
	nsec_t picked;			/* [q] when it got the CPU */
	nsec_t sum_exec;		/* [q] CPU time, ns; read by thread_cpu_time() */
	nsec_t rr_left;			/* [q] of the round-robin slice */
};

struct thread {
	struct arch_thread arch;	/* [t] machine state; first, for assembly */
	void *kstack;			/* [t] lowest address of the kernel stack; NULL once it is dead */
	u32 work;			/* [a] TW_* */
	u32 syscall_stops;		/* [a] SYSCALL_STOP_*: a tracer wants to hear of its system calls (sys/syscall.h) */
	u32 state;			/* [a] enum thread_state; see sys/wait.h for the protocol */
	struct refcount refs;		/* [a] the thread itself holds one until it is dead */
	struct spinlock lock;		/* LOCK_THREAD: wake-ups */

	/* scheduling */
	u32 cpu;			/* [q] run queue it belongs to */
	bool on_cpu;			/* [a] its stack is in use */
	u8 policy;			/* [q] enum sched_policy */
	u8 rt_prio;			/* [q] 1..99, 0: not real-time */
	s8 nice;			/* [q] -20..19 */
	bool reset_on_fork;		/* [q] */
	u64 affinity;			/* [q] */
	struct sched_entity se;
	struct mutex_waiter *blocked_on;	/* [a] what it waits for; see sys/pi.c */
	struct list pi_waiters;		/* [pi_lock] real-time waiters for mutexes it holds */
	u64 nvcsw, nivcsw;		/* [t] voluntary and involuntary switches */
	nsec_t utime, stime;		/* [q] the part of sum_exec that has been split so far, by the tick's samples */
	nsec_t start_time;		/* [I] boottime */

	/* what it shares with others, by clone's flags; NULL for kernel threads */
	struct aspace *as;		/* [t] changes at exec; others read under proc lock */
	struct files *files;		/* [t] */
	struct fsctx *fsctx;		/* [t] */
	struct sighand *sighand;	/* [t|r] */
	const struct cred *cred;	/* [t|r] */
	struct nsset *nsset;		/* [t] */
	struct process *proc;		/* [I] NULL for kernel threads */
	struct proc_thread *pt;		/* [I] proc/'s own per-thread part (signals, tids, futex); NULL for kernel threads */

	char name[THREAD_NAME_MAX];	/* [t] comm; readers may see a torn name */
	void *fault_handler;		/* [t] reserved for uaccess debugging */
	bool in_execve;			/* [t] */
	bool rseq;			/* [t] it has registered an area: rseq(2) */
	u32 no_fault_depth;		/* [t] page faults must not sleep (atomic user copies) */
	void *fs_handle;		/* [t] open handle of a file system's journal (fs/jbd2/), or NULL */
	struct block_plug *plug;	/* [t] dev/block: I/O held back, sent before the thread sleeps */
	bool in_reclaim;		/* [t] mm/: it frees memory; its own allocations may use the reserve */
	u32 km_scope;			/* [t] KM_NOFS, KM_NOIO for all allocations: kmem_scope_enter() */
	u32 dirtied;			/* [t] pages made dirty since it was throttled last */
	struct flusher *dirtied_of;	/* [t] who writes the last of them */
	struct list all_node;		/* [r] every thread */
	struct task_work *task_work;	/* [a] sys/syscall.h */
	struct rcu_head rcu;

#ifdef CONFIG_DEBUG
	struct { const void *lock; u16 cls; const void *pc; } held[24];	/* [t] lock checker */
	u32 held_count;			/* [t] */
#endif
};

/* The thread that runs here. One instruction; stable across preemption. */
PERCPU_DECLARE(struct thread *, percpu_current);

static inline struct thread *
thread_current(void)
{
	return this_cpu_read(percpu_current);
}

/* Create a kernel thread that runs fn(arg); it does not run before thread_wake(). The caller gets a reference. -ENOMEM. */
int __must_check thread_create(struct thread **out, void (*fn)(void *), void *arg, const char *fmt, ...) __printf(4, 5);
/* The same, and wake it; no reference. */
int __must_check thread_spawn(void (*fn)(void *), void *arg, const char *fmt, ...) __printf(3, 4);
/* A bare thread for clone(2): copies scheduling attributes of the current one; proc/ fills the rest. -ENOMEM, -EAGAIN. */
int __must_check thread_create_user(struct thread **out);
/* A thread that never ran is given up. */
void thread_discard(struct thread *t);

void thread_get(struct thread *t);
void thread_put(struct thread *t);

/* Hooks that proc/ defines, for threads with a process. The last reference of t is gone: let go of t->pt, t->proc, t->cred. No
 * sleeping. */
void proc_thread_release(struct thread *t);
pid_t thread_tid(const struct thread *t);	/* its number; 0 for kernel threads */
/* The current thread, which has `rseq`, goes back to user mode after it was switched in (TW_RSEQ). Touches user memory. */
struct trapframe;
void rseq_return(struct trapframe *tf);
/* The current thread is about to sleep with a plug. I/O in it goes out, which may sleep; then the thread is RUNNING and the answer true.
 * dev/block/bio.c. */
bool block_plug_sleep(struct block_plug *plug);
/* The tick found t (the current thread) running: CPU-time timers and limits. Hard-irq context. */
void proc_tick(struct thread *t);

/* The current thread ends; its stack and struct are freed when the last reference is put. */
__noreturn void thread_exit(void);

/* First code on a new thread's stack: called by arch's trampoline. */
__noreturn void thread_start(void (*fn)(void *), void *arg);
void thread_start_user(void);

/* Make a sleeper run: true if it was asleep. states: mask of BIT(enum thread_state) that may be woken. Any context. */
bool thread_wake_states(struct thread *t, u32 states);
#define THREAD_SLEEPS	(BIT(THREAD_INTERRUPTIBLE) | BIT(THREAD_KILLABLE) | BIT(THREAD_UNINTERRUPTIBLE) | BIT(THREAD_NEW))
static inline bool thread_wake(struct thread *t) { return thread_wake_states(t, THREAD_SLEEPS); }

/* Set the own state before checking the condition to wait for; then thread_schedule(). */
void thread_set_state(enum thread_state s);
/* Give up the CPU; returns when woken (or at once, when a wake-up came first). */
void thread_schedule(void);
/* The same, at most until `deadline` (clock_now() scale; NSEC_MAX: for ever). 0 or -ETIMEDOUT. The state must be set. */
int thread_schedule_until(nsec_t deadline);
/* Another thread is about to sleep, and will not be woken: until it has left its CPU, with all its registers saved. May sleep. */
void thread_wait_off_cpu(struct thread *t);

/* A signal is pending (for interruptible sleeps), a fatal one (for killable sleeps). Set by proc/. */
static inline bool
thread_signal_pending(const struct thread *t)
{
	return unlikely(atomic_load_relaxed(&t->work) & (TW_SIGNAL | TW_EXIT));
}
bool thread_fatal_pending(const struct thread *t);	/* proc/signal.c */

/* Ask for user_return_work(); kicks the CPU it runs on. */
void thread_set_work(struct thread *t, u32 bits);
static inline void thread_clear_work(struct thread *t, u32 bits) { atomic_fetch_and(&t->work, ~bits); }

nsec_t thread_cpu_time(const struct thread *t);		/* user + system, ns */
void thread_times(const struct thread *t, nsec_t *user, nsec_t *sys);

/* Every thread; fn must not sleep. */
void thread_for_each(void (*fn)(struct thread *t, void *arg), void *arg);

#endif
