/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of proc/ share among themselves. Lock key and rules: proc/process.h. */
#ifndef PROC_PROC_H
#define PROC_PROC_H

#include "mm/aspace.h"
#include "mm/usercopy.h"
#include "proc/process.h"
#include "sys/cred.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/sched.h"
#include "sys/user.h"
#include "sys/abi/errno.h"
#include "sys/abi/time.h"

#define pt_current()	(thread_current()->pt)

extern struct process *init_process;	/* [I] once set */
extern struct list process_list;	/* [T] process.all_node */

/* The list of p's threads; [T] or [h] held. */
#define process_for_each_thread(pt, p)	list_for_each(pt, &(p)->threads, node)

static inline bool is_init(const struct process *p) { return p == init_process; }
static inline bool is_session_leader(const struct process *p) { return p->pids[PID_SID] == p->pids[PID_TGID]; }
static inline u64 nsec_to_ticks(nsec_t ns) { return (u64)(ns / (NSEC_PER_SEC / USER_HZ)); }

/* --- sysrq_keys.c --- */
void sysrq_keys_init(void);

/* --- pid.c --- */
void pid_init(void);
int __must_check pid_alloc(pid_t want, struct pid **out);	/* want 0: any number */
void pid_free_number(struct pid *pid);
pid_t pid_last(void);				/* the number given out last, for /proc/loadavg */
void pid_attach(struct pid *pid, enum pid_type type, struct proc_thread *pt);
void pid_detach(struct pid *pid, enum pid_type type, struct proc_thread *pt);
struct proc_thread *pid_bearer(const struct pid *pid, enum pid_type type);	/* RCU */
struct proc_thread *pid_find_bearer(pid_t nr, enum pid_type type);		/* RCU */

/* Bearers of a group or session: leaders' proc_threads. proctree_lock held. The body may not move them between groups. */
#define pid_for_each_bearer(pt, pid, type) \
	for (struct hnode *pfe_n_ = (pid)->users[type].first; \
	     pfe_n_ != NULL && ((pt) = container_of(pfe_n_ - (type), struct proc_thread, pid_node[0]), true); \
	     pfe_n_ = pfe_n_->next)

/* --- process.c --- */
void process_cache_init(void);
struct sighand *sighand_create(const struct sighand *src) __must_check;	/* src NULL: all default */
void sighand_put(struct sighand *sh);
void sighand_clear(struct sighand *sh);		/* [h], or nobody else sees it: caught signals become default */
struct process *process_alloc(struct process *parent) __must_check;	/* refs 1, linked to nothing; shares no sighand yet */
struct proc_thread *proc_thread_alloc(struct thread *t, struct process *p) __must_check;
void proc_thread_free(struct proc_thread *pt);
void process_link(struct process *p, struct process *parent, struct proc_thread *leader, struct pid *pid);
void process_link_thread(struct process *p, struct proc_thread *pt, struct pid *tid);
void process_unlink_thread(struct process *p, struct proc_thread *pt);
/* Take a zombie out of the tree. proctree_lock held. */
void process_release(struct process *p);
void process_usage_locked(struct process *p, struct proc_usage *u);
u64 proc_maxrss(const struct aspace *as);
void proc_usage_add(struct proc_usage *to, const struct proc_usage *from);
void proc_usage_to_abi(const struct proc_usage *u, struct abi_rusage *out);
u32 proc_thread_total(void);
bool proc_thread_count_inc(void);	/* false: threads_max reached */
void proc_thread_count_dec(void);

/* Lock p's signal state; p is referenced. Any context. */
struct sighand *sighand_lock(struct process *p, u64 *irq);
static inline void sighand_unlock(struct sighand *sh, u64 irq) { spin_unlock_irqrestore(&sh->lock, irq); }
#define assert_signal_locked(p)	spin_assert_held(&(p)->sighand->lock)
static inline u64 proctree_lock_irq(void) { return spin_lock_irqsave(&proctree_lock); }
static inline void proctree_unlock_irq(u64 irq) { spin_unlock_irqrestore(&proctree_lock, irq); }

/* --- signal.c: [h] of the receiving process held --- */
#define SIG_UNBLOCKABLE	(SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))
#define SIG_STOPS	(SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
#define SIG_IGNORED	(SIGBIT(SIGCONT) | SIGBIT(SIGCHLD) | SIGBIT(SIGWINCH) | SIGBIT(SIGURG))
#define SIG_CORES	(SIGBIT(SIGQUIT) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGABRT) | SIGBIT(SIGFPE) | SIGBIT(SIGSEGV) | \
			 SIGBIT(SIGBUS) | SIGBIT(SIGSYS) | SIGBIT(SIGXCPU) | SIGBIT(SIGXFSZ))
#define SIG_SYNCHRONOUS	(SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGFPE) | SIGBIT(SIGSYS))
static inline bool sig_in(u64 set, int sig) { return (set & SIGBIT(sig)) != 0; }
static inline bool sig_valid(int sig) { return sig > 0 && sig <= NSIG; }

enum send_how { SEND_THREAD, SEND_PROCESS, SEND_GROUP /* as SEND_PROCESS; one of many */ };
void signal_cache_init(void);
int signal_send_locked(struct process *p, struct thread *t, int sig, const struct siginfo_k *info, enum send_how how, bool force);
/* A timer's own entry. 1: it is ignored; 0: queued, or still queued. */
int signal_send_queue_locked(struct process *p, struct thread *t, struct sigqueue *q, enum send_how how);
void signal_wake(struct thread *t, u32 work);
void signal_recalc(struct proc_thread *pt);
int signal_dequeue(struct proc_thread *pt, u64 blocked, struct siginfo_k *info);
void sigpending_init(struct sigpending *sp);
void sigpending_flush(struct sigpending *sp);
void sigpending_flush_set(struct sigpending *sp, u64 set);
struct sigqueue *sigqueue_alloc(struct user_counts *user, u64 limit, bool force) __must_check;
void sigqueue_free(struct sigqueue *q);
bool signal_is_ignored(struct process *p, struct proc_thread *pt, int sig, bool force);
void signal_flush_ignored(struct process *p, u64 set);
void signal_group_kill_locked(struct process *p, int wait_status);
/* Without it. */
void signal_set_blocked(u64 set);
u64 signal_blocked(void);
int signal_may_send(struct process *to, struct thread *t, int sig);
int signal_send_checked(struct process *p, int sig, const struct siginfo_k *info);	/* sys_signal.c: kill(2) of one process */
void signal_exec_reset(struct process *p);
int signal_altstack_set(const struct abi_stack *st, u64 sp, size_t min_size);
bool signal_on_altstack(const struct proc_thread *pt, u64 sp);
void signal_exit_thread(struct proc_thread *pt);		/* no more shared signals; leaves a group stop */
/* To the parent's SIGCHLD rules; proctree_lock held. True: p is to be reaped at once. */
bool process_notify_parent(struct process *p);
bool process_send_death(struct process *parent, int sig, struct siginfo_k *info);
bool process_ignores_children(struct process *p);
u32 process_death_code(const struct proc_thread *pt);		/* wait status of a dead thread */
bool signal_stop_counted(struct process *p, struct proc_thread *pt);	/* [h]; true: the group stop is complete */
void process_notify_stop(struct process *p, int code);

/* --- job_control.c --- */
/* proctree_lock held. */
bool pgrp_orphaned_locked(struct pid *pgrp, const struct process *ignore);
void pgrp_hangup_if_orphaned(struct process *p, struct process *parent);
void job_leader_exit(struct process *p);
void process_set_group(struct process *p, enum pid_type type, struct pid *pid);

/* --- sys_sched.c --- */
/* Call fn on every thread that PRIO_PROCESS, PGRP or USER and who name; its first result is -ESRCH. */
int sched_for_targets(int which, int who, int arg, int (*fn)(struct thread *t, int arg, int result));

/* --- fork.c --- */
struct fork_args {
	u64 flags, stack, tls;
	int exit_signal;
	u32 __user *parent_tid, *pidfd;
	u64 child_tid;
	pid_t set_tid;			/* the number wanted, or 0 */
};
long process_fork(const struct fork_args *a);

/* --- exit.c, wait.c --- */
/* [T]. A dead thread that is not its leader, kept for its tracer, goes; maybe the process with it. */
void process_reap_thread(struct process *p, struct proc_thread *pt);
void proc_thread_vfork_done(struct proc_thread *pt);
void proc_thread_release_user(struct proc_thread *pt);
struct wait_request {
	int type;			/* P_ALL, P_PID, P_PGID */
	struct pid *pid;		/* reference */
	u32 options;
	/* result */
	pid_t found;			/* 0: none yet (WNOHANG) */
	int status;			/* wait4's word */
	int code, si_status;		/* waitid's */
	uid_t uid;
	struct proc_usage usage;
};
int process_wait(struct wait_request *w);
/* [T]. What was found goes into w: a thread's state, a zombie process, and that one taken. */
void wait_found(struct wait_request *w, struct proc_thread *pt, int status, int code, int si_status);
void wait_found_zombie(struct wait_request *w, struct process *child);
int wait_take_zombie(struct wait_request *w, struct process *child);

/* --- exec.c --- */
long process_exec(int dfd, const char __user *path, u64 argv, u64 envp, int flags);
int process_exec_kernel(const char *path, char *const argv[], char *const envp[]);	/* init */

/* --- sleep.c --- */
/* Set the state first. Sleep until woken, or until `deadline` on the clock: 0 or -ETIMEDOUT. */
int thread_sleep_until(enum timer_clock clock, nsec_t deadline);

/* --- itimer.c: getitimer(2) and friends, nanoseconds --- */
struct itimer_value { nsec_t value, interval; };	/* value 0: off */
void itimer_process_init(struct process *p);
void itimer_cancel(struct process *p);
void itimer_rearm(struct process *p);		/* [h]: its SIGALRM was taken off the queue */
void itimer_get(int which, struct itimer_value *out);
void itimer_set(int which, const struct itimer_value *new, struct itimer_value *old);
void itimer_check_cpu(struct process *p);	/* [h], from the tick */

/* --- cpu_timer.c --- */
struct cpu_timer {
	struct list node;			/* [h] in process.cpu_timers while armed */
	struct process *proc;			/* [I] */
	struct thread *thread;			/* [I] whose CPU time, reference; NULL: the process's */
	int which;				/* [I] CPUCLOCK_PROF, VIRT, SCHED */
	nsec_t expires;				/* [h] in CPU time */
	void (*fire)(struct cpu_timer *ct);	/* [h] held, hard-irq context; disarmed before */
};
void cpu_timer_arm_locked(struct cpu_timer *ct, nsec_t expires);
void cpu_timer_disarm_locked(struct cpu_timer *ct);
void cpu_timing_update(struct process *p);	/* a CPU limit or timer was set */
void cpu_timing_update_locked(struct process *p);
nsec_t cpu_clock_read(struct process *p, struct thread *t, int which);	/* t NULL: all of p */
nsec_t cpu_clock_read_locked(struct process *p, struct thread *t, int which);
/* A clock that a file is. No device here is one, so there is nothing to find. */
static inline bool clock_is_dynamic(clockid_t clock) { return clock < 0 && (clock & CLOCKFD_MASK) == CLOCKFD; }
/* By a negative clock id, or CLOCK_PROCESS/THREAD_CPUTIME_ID: references in *p and (per-thread ones) *t. -EINVAL. */
int cpu_clock_find(clockid_t clock, struct process **p, struct thread **t, int *which);

/* --- posix_timer.c --- */
struct abi_itimerspec;
int posix_timer_create(clockid_t clock, const struct abi_sigevent *ev, void __user *uid);
int posix_timer_settime(int timer, bool absolute, const struct abi_itimerspec *new, struct abi_itimerspec *old);
int posix_timer_gettime(int timer, struct abi_itimerspec *cur);
int posix_timer_getoverrun(int timer);
int posix_timer_delete(int timer);
void posix_timers_exit(struct process *p);
void posix_timer_delivered(struct posix_timer *timer, struct siginfo_k *info);	/* [h]: its signal was taken */

/* --- futex/ --- */
void futex_init(void);
void futex_exit(struct proc_thread *pt);	/* robust list, PI states; while the address space is still there */
int futex_wake_user(u64 uaddr, int n);		/* clear_child_tid */

/* --- sys_rseq.c --- */
void rseq_signal(struct trapframe *tf);		/* a handler is about to be entered: a critical section is aborted */
void rseq_forget(struct thread *t);		/* exec; t is the current thread, or runs not yet */

/* --- oom.c --- */
void proc_oom_init(void);

/* --- cred --- */
void cred_commit_user(const struct cred *c);	/* cred_commit, and counts follow the real uid */
const struct cred *proc_cred_rcu(struct thread *t);	/* RCU read section */

#endif
