/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes and the per-thread part of proc/: life, the tree, looking them up, what they have used.
 */
#include "proc/proc.h"
#include "proc/ptrace.h"

#include "fs/fdtable.h"
#include "fs/path.h"
#include "sys/job_control.h"
#include "sys/lib/idalloc.h"
#include "sys/abi/sched.h"

struct spinlock proctree_lock = SPINLOCK_INIT(LOCK_PROCTREE);
struct list process_list = LIST_INIT(process_list);
struct process *init_process;
int suid_dumpable;
int threads_max = 4096;			/* set from the size of memory at boot */

static u32 nr_processes;		/* [T] */
static u32 nr_user_threads;		/* [a] */
static struct kmem_cache *process_cache, *pt_cache, *sighand_cache;

void
process_cache_init(void)
{
	process_cache = kmem_cache_create("process", sizeof(struct process), 0, 0, NULL);
	pt_cache = kmem_cache_create("proc_thread", sizeof(struct proc_thread), 0, 0, NULL);
	sighand_cache = kmem_cache_create("sighand", sizeof(struct sighand), 0, 0, NULL);
}

/* --- signal handlers --- */

struct sighand *
sighand_create(const struct sighand *src)
{
	struct sighand *sh = kmem_cache_alloc(sighand_cache, KM_USER);

	if (sh == NULL)
		return NULL;
	memset(sh, 0, sizeof(*sh));
	refcount_init(&sh->refs, 1);
	spin_init(&sh->lock, LOCK_SIGHAND);
	waitq_init(&sh->signalfd_wq);
	if (src != NULL)
		memcpy(sh->action, src->action, sizeof(sh->action));
	return sh;
}

void
sighand_clear(struct sighand *sh)
{
	for (int i = 0; i < NSIG; i++) {
		if (sh->action[i].handler != SIG_IGN)
			sh->action[i].handler = SIG_DFL;
		sh->action[i].flags = sh->action[i].restorer = sh->action[i].mask = 0;
	}
}

static void
sighand_free_rcu(struct rcu_head *h)
{
	kmem_cache_free(sighand_cache, container_of(h, struct sighand, rcu));
}

void
sighand_put(struct sighand *sh)
{
	if (sh == NULL || !refcount_put(&sh->refs))
		return;
	waitq_wake(&sh->signalfd_wq, 0, POLLHUP | POLLFREE);	/* epoll instances elsewhere may watch it */
	rcu_call(&sh->rcu, sighand_free_rcu);
}

struct sighand *
sighand_lock(struct process *p, u64 *irq)
{
	struct sighand *sh;

	for (;;) {
		rcu_read_lock();
		sh = rcu_dereference(p->sighand);
		*irq = spin_lock_irqsave(&sh->lock);
		rcu_read_unlock();
		if (likely(sh == p->sighand))
			return sh;
		spin_unlock_irqrestore(&sh->lock, *irq);	/* an exec gave it a new one */
	}
}

/* --- life --- */

struct process *
process_alloc(struct process *parent)
{
	struct process *p = kmem_cache_alloc(process_cache, KM_USER);
	u64 irq;

	if (p == NULL)
		return NULL;
	memset(p, 0, sizeof(*p));
	refcount_init(&p->refs, 1);
	spin_init(&p->lock, LOCK_PROC);
	mutex_init(&p->exec_lock, LOCK_EXEC);
	list_init(&p->threads);
	list_init(&p->children);
	list_init(&p->posix_timers);
	list_init(&p->cpu_timers);
	waitq_init(&p->wait_children);
	waitq_init(&p->exec_wq);
	sigpending_init(&p->shared_pending);
	itimer_process_init(p);
	p->start_time = clock_boottime();
	p->dumpable = 1;
	if (parent != NULL) {
		irq = spin_lock_irqsave(&parent->lock);
		memcpy(p->rlimits, parent->rlimits, sizeof(p->rlimits));
		spin_unlock_irqrestore(&parent->lock, irq);
		p->personality = parent->personality;
		p->oom_score_adj = parent->oom_score_adj;
		p->dumpable = parent->dumpable;
	}
	return p;
}

void
process_get(struct process *p)
{
	refcount_get(&p->refs);
}

static void
process_free_rcu(struct rcu_head *h)
{
	struct process *p = container_of(h, struct process, rcu);

	KASSERT(list_empty(&p->threads) && list_empty(&p->children));
	sigpending_flush(&p->shared_pending);
	sighand_put(p->sighand);
	for (int i = 0; i < PID_TYPES; i++)
		pid_put(p->pids[i]);
	if (p->timer_ids != NULL) {
		idalloc_destroy(p->timer_ids);
		kmem_free(p->timer_ids);
	}
	if (p->tty != NULL)
		tty_put(p->tty);
	kmem_cache_free(process_cache, p);
}

void
process_put(struct process *p)
{
	if (p != NULL && refcount_put(&p->refs))
		rcu_call(&p->rcu, process_free_rcu);
}

/* t's part in proc/; holds a reference on p. The caller fills in the rest and links it. */
struct proc_thread *
proc_thread_alloc(struct thread *t, struct process *p)
{
	struct proc_thread *pt = kmem_cache_alloc(pt_cache, KM_USER);

	if (pt == NULL)
		return NULL;
	memset(pt, 0, sizeof(*pt));
	pt->thread = t;
	pt->proc = p;
	process_get(p);
	sigpending_init(&pt->pending);
	list_init(&pt->tracees);
	list_init(&pt->pi_states);
	spin_init(&pt->pi_lock, LOCK_LEAF);
	pt->timer_slack = pt->default_timer_slack = 50 * NSEC_PER_USEC;
	return pt;
}

static void
proc_thread_free_rcu(struct rcu_head *h)
{
	struct proc_thread *pt = container_of(h, struct proc_thread, rcu);

	sigpending_flush(&pt->pending);
	if (pt->user != NULL) {
		if (!pt->uncharged)
			atomic_sub(&pt->user->nproc, 1);
		user_counts_put(pt->user);
	}
	pid_put(pt->tid);
	process_put(pt->proc);
	kmem_cache_free(pt_cache, pt);
}

/* After a grace period: thread_for_each() shows threads that are on their way out. */
void
proc_thread_free(struct proc_thread *pt)
{
	rcu_call(&pt->rcu, proc_thread_free_rcu);
}

/* Contract of sys/thread.h: the last reference of t is gone. */
void
proc_thread_release(struct thread *t)
{
	proc_thread_free(t->pt);
	cred_put(t->cred);
}

bool
proc_thread_count_inc(void)
{
	if (atomic_add(&nr_user_threads, 1) <= (u32)READ_ONCE(threads_max))
		return true;
	atomic_sub(&nr_user_threads, 1);
	return false;
}

void
proc_thread_count_dec(void)
{
	atomic_sub(&nr_user_threads, 1);
}

/* --- the tree; proctree_lock and p's signal lock held --- */

/* The thread joins p. Takes over the reference on tid and the caller's on the thread. */
void
process_link_thread(struct process *p, struct proc_thread *pt, struct pid *tid)
{
	spin_assert_held(&proctree_lock);
	assert_signal_locked(p);
	pt->tid = tid;
	list_add_tail(&p->threads, &pt->node);
	p->nr_threads++;
	atomic_add(&p->nr_live, 1);
	pid_attach(tid, PID_TID, pt);
}

/* A new process enters the tree with its first thread: group and session are the parent's, or (the first one) its own. */
void
process_link(struct process *p, struct process *parent, struct proc_thread *leader, struct pid *pid)
{
	p->leader = leader->thread;
	p->pids[PID_TGID] = pid;
	p->pids[PID_PGID] = parent != NULL ? parent->pids[PID_PGID] : pid;
	p->pids[PID_SID] = parent != NULL ? parent->pids[PID_SID] : pid;
	for (int type = PID_TGID; type < PID_TYPES; type++) {
		pid_get(p->pids[type]);
		pid_attach(p->pids[type], type, leader);
	}
	process_link_thread(p, leader, pid);
	p->parent = parent;
	if (parent != NULL)
		list_add_tail(&parent->children, &p->sibling);
	list_add_tail(&process_list, &p->all_node);
	nr_processes++;
}

static void
pt_drop_rcu(struct rcu_head *h)
{
	thread_put(container_of(h, struct proc_thread, rcu)->thread);
}

/* A dead thread leaves p: what it used is added up, and proc/'s reference goes after a grace period. */
void
process_unlink_thread(struct process *p, struct proc_thread *pt)
{
	struct thread *t = pt->thread;
	struct proc_usage u = { .nvcsw = t->nvcsw, .nivcsw = t->nivcsw };

	spin_assert_held(&proctree_lock);
	assert_signal_locked(p);
	if (pt->trace != 0)
		ptrace_unlink_locked(pt);
	thread_times(t, &u.utime, &u.stime);
	proc_usage_add(&p->dead_threads, &u);
	list_del(&pt->node);
	p->nr_threads--;
	pid_detach(pt->tid, PID_TID, pt);
	proc_thread_count_dec();
	/* At once: who reaps a child at his RLIMIT_NPROC may fork again. */
	pt->uncharged = true;
	atomic_sub(&pt->user->nproc, 1);
	rcu_call(&pt->rcu, pt_drop_rcu);
}

void
process_release(struct process *p)
{
	struct proc_thread *leader = p->leader->pt;
	struct sighand *sh;
	struct tty *tty;
	u64 irq;

	spin_assert_held(&proctree_lock);
	KASSERT(p->nr_threads == 1 && leader->dead && list_empty(&p->children));
	p->state = PROC_REAPED;
	list_del(&p->all_node);
	if (p->parent != NULL)
		list_del(&p->sibling);
	nr_processes--;
	for (int type = PID_TGID; type < PID_TYPES; type++)
		pid_detach(p->pids[type], type, leader);
	sh = sighand_lock(p, &irq);
	process_unlink_thread(p, leader);
	sigpending_flush(&p->shared_pending);
	tty = p->tty;
	p->tty = NULL;
	sighand_unlock(sh, irq);
	if (tty != NULL)
		tty_put(tty);
	process_put(p);
}

/* --- looking at processes --- */

pid_t
thread_tid(const struct thread *t)
{
	return t->pt != NULL ? pid_nr(t->pt->tid) : 0;
}

pid_t
process_pid(const struct process *p)
{
	return pid_nr(p->pids[PID_TGID]);
}

u32
process_count(void)
{
	return READ_ONCE(nr_processes);
}

u32
process_thread_count(void)
{
	return atomic_load_relaxed(&nr_user_threads);
}

struct thread *
process_next_thread_get(struct process *p, pid_t nr, pid_t *found)
{
	struct proc_thread *pt, *best = NULL;
	u64 irq = proctree_lock_irq();

	process_for_each_thread(pt, p)
		if (pid_nr(pt->tid) >= nr && (best == NULL || pid_nr(pt->tid) < pid_nr(best->tid)))
			best = pt;
	if (best != NULL) {
		thread_get(best->thread);
		*found = pid_nr(best->tid);
	}
	proctree_unlock_irq(irq);
	return best != NULL ? best->thread : NULL;
}

struct thread *
process_leader_get(struct process *p)
{
	struct thread *t = NULL;
	u64 irq = proctree_lock_irq();

	if (p->state != PROC_REAPED) {
		t = p->leader;
		thread_get(t);
	}
	proctree_unlock_irq(irq);
	return t;
}

struct process *
process_parent_get(struct process *p)
{
	struct process *parent = NULL;
	u64 irq = proctree_lock_irq();

	if (p->state != PROC_REAPED && p->parent != NULL) {
		parent = p->parent;
		process_get(parent);
	}
	proctree_unlock_irq(irq);
	return parent;
}

struct pid *
process_pid_get(struct process *p, enum pid_type type)
{
	struct pid *pid;
	u64 irq = proctree_lock_irq();

	pid = p->pids[type];
	pid_get(pid);
	proctree_unlock_irq(irq);
	return pid;
}

struct aspace *
process_aspace_get(struct process *p)
{
	u64 irq = spin_lock_irqsave(&p->lock);
	struct aspace *as = p->as;

	if (as != NULL)
		aspace_get_user(as);
	spin_unlock_irqrestore(&p->lock, irq);
	return as;
}

struct files *
thread_files_get(struct thread *t)
{
	struct files *fs;

	/* Its own thread may replace it without a lock (files_unshare). */
	rcu_read_lock();
	do
		fs = rcu_dereference(t->files);
	while (fs != NULL && !files_try_get(fs));
	rcu_read_unlock();
	return fs;
}

struct fsctx *
thread_fsctx_get(struct thread *t)
{
	u64 irq = spin_lock_irqsave(&t->proc->lock);
	struct fsctx *c = t->fsctx;

	if (c != NULL)
		fsctx_get(c);
	spin_unlock_irqrestore(&t->proc->lock, irq);
	return c;
}

const struct cred *
proc_cred_rcu(struct thread *t)
{
	return rcu_dereference(t->cred);
}

const struct cred *
thread_cred_get(struct thread *t)
{
	const struct cred *c;

	/* A replaced cred is freed after a grace period, but its count may be zero already: then there is a newer one. */
	rcu_read_lock();
	do
		c = proc_cred_rcu(t);
	while (c != &init_cred && !refcount_try_get((struct refcount *)&c->refs));
	rcu_read_unlock();
	return c;
}

/* ptrace(2)'s read access: the same user in every id, or CAP_SYS_PTRACE; and the target must be dumpable. */
int
process_may_inspect(struct thread *t)
{
	const struct cred *c = cred_current(), *tc;
	int err = 0;

	if (t->proc == process_current())
		return 0;
	rcu_read_lock();
	tc = proc_cred_rcu(t);
	if (!(uid_eq(c->fsuid, tc->euid) && uid_eq(c->fsuid, tc->suid) && uid_eq(c->fsuid, tc->uid) &&
	      gid_eq(c->fsgid, tc->egid) && gid_eq(c->fsgid, tc->sgid) && gid_eq(c->fsgid, tc->gid) &&
	      READ_ONCE(t->proc->dumpable) == 1 && (tc->cap_permitted & ~c->cap_effective) == 0))
		err = -EPERM;
	rcu_read_unlock();
	return err != 0 && !capable(CAP_SYS_PTRACE) ? err : 0;
}

/* --- use of resources --- */

void
proc_usage_add(struct proc_usage *to, const struct proc_usage *from)
{
	to->utime += from->utime;
	to->stime += from->stime;
	to->minflt += from->minflt;
	to->majflt += from->majflt;
	to->nvcsw += from->nvcsw;
	to->nivcsw += from->nivcsw;
	to->maxrss = MAX(to->maxrss, from->maxrss);
}

/* The most that was resident, in KiB: the mark that mm/ keeps when pages go, or what is there now. */
u64
proc_maxrss(const struct aspace *as)
{
	s64 now = as->rss_anon + as->rss_file + as->rss_shmem;

	return MAX(as->hiwater_rss, (u64)MAX(now, (s64)0)) * (PAGE_SIZE / KIB);
}

/* proctree_lock or p's signal lock held. */
void
process_usage_locked(struct process *p, struct proc_usage *u)
{
	struct proc_thread *pt;
	struct proc_usage one;
	struct aspace *as;
	u64 irq;

	*u = p->dead_threads;
	process_for_each_thread(pt, p) {
		one = (struct proc_usage){ .nvcsw = pt->thread->nvcsw, .nivcsw = pt->thread->nivcsw };
		thread_times(pt->thread, &one.utime, &one.stime);
		proc_usage_add(u, &one);
	}
	irq = spin_lock_irqsave(&p->lock);
	as = p->as;
	if (as != NULL) {
		u->minflt += as->minflt;
		u->majflt += as->majflt;
		u->maxrss = MAX(u->maxrss, proc_maxrss(as));
	}
	spin_unlock_irqrestore(&p->lock, irq);
	u->maxrss = MAX(u->maxrss, atomic_load_relaxed(&p->maxrss));
}

void
process_usage(struct process *p, struct proc_usage *u)
{
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	process_usage_locked(p, u);
	sighand_unlock(sh, irq);
}

void
process_times(struct process *p, nsec_t *user, nsec_t *sys)
{
	struct proc_thread *pt;
	nsec_t u, s;
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	*user = p->dead_threads.utime;
	*sys = p->dead_threads.stime;
	process_for_each_thread(pt, p) {
		thread_times(pt->thread, &u, &s);
		*user += u;
		*sys += s;
	}
	sighand_unlock(sh, irq);
}

void
proc_usage_to_abi(const struct proc_usage *u, struct abi_rusage *out)
{
	memset(out, 0, sizeof(*out));
	out->ru_utime = timeval_from_ns(u->utime);
	out->ru_stime = timeval_from_ns(u->stime);
	out->ru_maxrss = (s64)u->maxrss;
	out->ru_minflt = (s64)u->minflt;
	out->ru_majflt = (s64)u->majflt;
	out->ru_nvcsw = (s64)u->nvcsw;
	out->ru_nivcsw = (s64)u->nivcsw;
}

/* --- limits --- */

u64
process_rlimit(struct process *p, int resource)
{
	return atomic_load_relaxed(&p->rlimits[resource].rlim_cur);
}

u64
rlimit_current(int resource)
{
	struct process *p = process_current();

	return p != NULL ? process_rlimit(p, resource) : RLIM_INFINITY;
}
