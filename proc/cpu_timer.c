/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clocks and timers that count CPU time: of a thread or a process, user mode alone (VIRT) or all (PROF, SCHED); and RLIMIT_CPU.
 * The tick looks, while anything of the kind is set in the running process (process.cpu_timing).
 */
#include "proc/proc.h"

#include "sys/abi/time.h"

static nsec_t
thread_clock(struct thread *t, int which)
{
	nsec_t user, sys;

	if (which != CPUCLOCK_VIRT)
		return thread_cpu_time(t);
	thread_times(t, &user, &sys);
	return user;
}

/* [h] of p held (or the tree lock). */
nsec_t
cpu_clock_read_locked(struct process *p, struct thread *t, int which)
{
	struct proc_thread *pt;
	nsec_t sum;

	if (t != NULL)
		return thread_clock(t, which);
	sum = p->dead_threads.utime + (which != CPUCLOCK_VIRT ? p->dead_threads.stime : 0);
	process_for_each_thread(pt, p)
		sum += thread_clock(pt->thread, which);
	return sum;
}

nsec_t
cpu_clock_read(struct process *p, struct thread *t, int which)
{
	nsec_t value;
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	value = cpu_clock_read_locked(p, t, which);
	sighand_unlock(sh, irq);
	return value;
}

int
cpu_clock_find(clockid_t clock, struct process **p, struct thread **t, int *which)
{
	bool per_thread = (clock & CPUCLOCK_PERTHREAD) != 0;
	pid_t pid = CPUCLOCK_PID(clock);

	*p = NULL;
	*t = NULL;
	*which = clock & CPUCLOCK_CLOCK_MASK;
	if (clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID) {
		per_thread = clock == CLOCK_THREAD_CPUTIME_ID;
		*which = CPUCLOCK_SCHED;
		pid = 0;
	} else if (clock >= 0 || *which > CPUCLOCK_SCHED) {
		return -EINVAL;
	}
	if (per_thread) {
		*t = pid != 0 ? thread_find_get(pid) : thread_current();
		if (pid == 0)
			thread_get(*t);
		if (*t != NULL && (*t)->proc != process_current()) {	/* only of one's own process */
			thread_put(*t);
			*t = NULL;
		}
		if (*t == NULL)
			return -EINVAL;
		*p = (*t)->proc;
		process_get(*p);
		return 0;
	}
	*p = pid != 0 ? process_find_get(pid) : process_current();
	if (pid == 0)
		process_get(*p);
	return *p != NULL ? 0 : -EINVAL;
}

/* --- timers; [h] --- */

void
cpu_timing_update_locked(struct process *p)
{
	bool on;

	assert_signal_locked(p);
	on = p->cpu_itimer[0] != 0 || p->cpu_itimer[1] != 0 || !list_empty(&p->cpu_timers) ||
		process_rlimit(p, RLIMIT_CPU) != RLIM_INFINITY;
	atomic_store_relaxed(&p->cpu_timing, on);
}

void
cpu_timing_update(struct process *p)
{
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	cpu_timing_update_locked(p);
	sighand_unlock(sh, irq);
}

void
cpu_timer_arm_locked(struct cpu_timer *ct, nsec_t expires)
{
	assert_signal_locked(ct->proc);
	ct->expires = expires;
	if (!list_is_linked(&ct->node))
		list_add_tail(&ct->proc->cpu_timers, &ct->node);
	cpu_timing_update_locked(ct->proc);
}

void
cpu_timer_disarm_locked(struct cpu_timer *ct)
{
	assert_signal_locked(ct->proc);
	if (list_is_linked(&ct->node)) {
		list_del(&ct->node);
		cpu_timing_update_locked(ct->proc);
	}
}

/* SIGXCPU at the soft limit and each second after, SIGKILL at the hard one. */
static void
check_limit(struct process *p)
{
	struct abi_rlimit *rl = &p->rlimits[RLIMIT_CPU];
	struct siginfo_k info;
	u64 seconds;
	int sig = 0;

	if (rl->rlim_cur == RLIM_INFINITY)
		return;
	seconds = (u64)(cpu_clock_read_locked(p, NULL, CPUCLOCK_PROF) / NSEC_PER_SEC);
	spin_lock(&p->lock);
	if (seconds >= rl->rlim_max) {
		sig = SIGKILL;
	} else if (seconds >= rl->rlim_cur) {
		sig = SIGXCPU;
		rl->rlim_cur = seconds + 1;
	}
	spin_unlock(&p->lock);
	if (sig == 0)
		return;
	siginfo_init(&info, sig, SI_KERNEL);
	(void)signal_send_locked(p, NULL, sig, &info, SEND_PROCESS, true);
}

/* Contract of sys/thread.h. */
void
proc_tick(struct thread *t)
{
	struct process *p = t->proc;
	struct cpu_timer *ct, *next;
	struct sighand *sh;
	u64 irq;

	if (p == NULL || likely(!atomic_load_relaxed(&p->cpu_timing)))
		return;
	sh = sighand_lock(p, &irq);
	itimer_check_cpu(p);
	check_limit(p);
	list_for_each_safe(ct, next, &p->cpu_timers, node)
		if (cpu_clock_read_locked(p, ct->thread, ct->which) >= ct->expires) {
			list_del(&ct->node);
			ct->fire(ct);
		}
	cpu_timing_update_locked(p);
	sighand_unlock(sh, irq);
}
