/* SPDX-License-Identifier: BSD-2-Clause */
/* What the scheduler counts: /proc/stat, /proc/loadavg, the times of threads. */
#include "arch/cpu.h"
#include "sys/lib/mulddiv.h"
#include "sys/runqueue.h"
#include "sys/seqlock.h"

#define LOAD_PERIOD	(5 * NSEC_PER_SEC)
#define LOAD_ONE	(1UL << 11)		/* fixed point, as /proc/loadavg and sysinfo(2) have it */
#define LOAD_MAX_STEPS	1000			/* after more silence than this nothing is left of the average */

u64 total_forks;

/* e^(-5/60), e^(-5/300), e^(-5/900) in units of LOAD_ONE */
static const u64 load_decay[3] = { 1884, 2014, 2037 };
static u64 load_avg[3];				/* [load_lock] */
static nsec_t load_next;			/* [load_lock]; read without as a hint */
static struct spinlock load_lock = SPINLOCK_INIT(LOCK_LEAF);

static u32
count_active(void)
{
	return sched_nr_running() + thread_count_uninterruptible();
}

/* Called by every tick and by every CPU that goes idle: one in five seconds does something. While all CPUs sleep, nobody is
 * active, so the periods missed are made up for with zero. Interrupts off. */
void
load_update(nsec_t now)
{
	u64 active;
	int steps = 0;

	if (likely(now < atomic_load_relaxed(&load_next)) || !spin_trylock(&load_lock))
		return;
	while (now >= load_next) {
		active = now - load_next < LOAD_PERIOD ? (u64)count_active() * LOAD_ONE : 0;
		for (u32 i = 0; i < ARRAY_SIZE(load_avg); i++) {
			u64 v = load_avg[i] * load_decay[i] + active * (LOAD_ONE - load_decay[i]);

			if (active > load_avg[i])
				v += LOAD_ONE - 1;
			load_avg[i] = v / LOAD_ONE;
		}
		load_next = load_next == 0 || ++steps > LOAD_MAX_STEPS ? now + LOAD_PERIOD : load_next + LOAD_PERIOD;
	}
	spin_unlock(&load_lock);
}

void
sched_loadavg(u64 avg[3])
{
	u64 flags = arch_irq_save();

	load_update(clock_now());
	spin_lock(&load_lock);
	for (u32 i = 0; i < ARRAY_SIZE(load_avg); i++)
		avg[i] = load_avg[i];
	spin_unlock(&load_lock);
	arch_irq_restore(flags);
}

u32
sched_nr_running(void)
{
	u32 n = 0;

	for_each_cpu(cpu)
		n += atomic_load_relaxed(&cpu_rq(cpu)->nr_running);
	return n;
}

u64
sched_total_switches(void)
{
	u64 n = 0;

	for_each_cpu(cpu)
		n += atomic_load_relaxed(&cpu_rq(cpu)->times.switches);
	return n;
}

u64
sched_total_forks(void)
{
	return atomic_load_relaxed(&total_forks);
}

/* What no tick has split yet is shown as system time. */
void
sched_cpu_times(u32 cpu, struct cpu_times *out)
{
	struct runqueue *rq = cpu_rq(cpu);
	u64 flags = spin_lock_irqsave(&rq->lock);
	nsec_t now = clock_now();

	rq_update_curr(rq, now);
	*out = rq->times;
	out->system += rq->unsplit;
	if (rq->idle_since != 0)
		out->idle += now - rq->idle_since;
	spin_unlock_irqrestore(&rq->lock, flags);
}

nsec_t
thread_cpu_time(const struct thread *ct)
{
	struct thread *t = (struct thread *)ct;
	u64 flags = arch_irq_save();
	struct runqueue *rq;
	nsec_t sum;

	preempt_disable();
	rq = thread_rq_lock(t);
	if (t == rq->curr)
		rq_update_curr(rq, clock_now());
	sum = t->se.sum_exec;
	spin_release(&rq->lock);
	arch_irq_restore(flags);
	preempt_enable();
	return sum;
}

/* The run time is exact, its parts are by samples. What is not split yet is split here in the ratio so far (to user mode, where a
 * user thread was never sampled), and stays so: no part ever goes back. */
void
thread_times(const struct thread *ct, nsec_t *user, nsec_t *sys)
{
	struct thread *t = (struct thread *)ct;
	u64 flags = arch_irq_save();
	struct runqueue *rq;
	nsec_t rest, split;

	preempt_disable();
	rq = thread_rq_lock(t);
	if (t == rq->curr)
		rq_update_curr(rq, clock_now());
	split = t->utime + t->stime;
	rest = t->se.sum_exec - split;
	if (t->proc == NULL) {
		t->stime += rest;
	} else if (split == 0) {
		t->utime += rest;
	} else {
		nsec_t part = (nsec_t)muldiv_u64((u64)rest, (u64)t->utime, (u64)split);

		t->utime += part;
		t->stime += rest - part;
	}
	*user = t->utime;
	*sys = t->stime;
	spin_release(&rq->lock);
	arch_irq_restore(flags);
	preempt_enable();
}
