/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which CPU a thread runs on. A waking thread goes back to its last CPU if that is idle, else to any idle one, else to the
 * last one. A CPU that would go idle pulls a waiting thread from the busiest; a busy one compares itself with the others
 * every BALANCE_PERIOD. There is no work at all while no CPU has more than one runnable thread.
 *
 * Real-time threads are spread at once: of those that can run, the highest do, on whatever CPU. One that wakes goes where the lowest
 * priority runs; a CPU on which one must wait pokes that CPU, which takes it; a CPU that is about to run something lower looks for one.
 */
#include "arch/smp.h"
#include "sys/runqueue.h"

u64 rt_waiting_mask;

/* An idle CPU of the mask, claimed for the caller: no other waker gets the same. prefer: if it is idle. */
static bool
claim_idle(u64 mask, u32 prefer, u32 *cpu)
{
	u64 idle = atomic_load_relaxed(&cpu_idle_mask) & mask;

	while (idle != 0) {
		u32 c = (idle & BIT(prefer)) ? prefer : ctz64(idle);

		if (atomic_fetch_and(&cpu_idle_mask, ~BIT(c)) & BIT(c)) {
			*cpu = c;
			return true;
		}
		idle &= ~BIT(c);
	}
	return false;
}

/* Runnable threads; one of real time takes more than its share. */
static u32
load_of(u32 cpu)
{
	struct runqueue *rq = cpu_rq(cpu);

	return atomic_load_relaxed(&rq->nr_running) + (atomic_load_relaxed(&rq->rt.running) != 0);
}

static u32
least_loaded(u64 mask)
{
	u32 best = ctz64(mask), least = UINT32_MAX;

	for_each_cpu(cpu) {
		u32 n = load_of(cpu);

		if ((mask & BIT(cpu)) && n < least) {
			best = cpu;
			least = n;
		}
	}
	return best;
}

/* The priority of what a CPU runs, or is about to run; 0: nothing of real time. */
static u32
urgency_of(u32 cpu)
{
	struct runqueue *rq = cpu_rq(cpu);

	return MAX(atomic_load_relaxed(&rq->rt.running), atomic_load_relaxed(&rq->rt.waiting));
}

/* The CPU of the mask that is least urgent; prefer: if it is as good as any. */
static u32
least_urgent(u64 mask, u32 prefer)
{
	u32 best = prefer, least = (mask & BIT(prefer)) ? urgency_of(prefer) : UINT32_MAX;

	for_each_cpu(cpu) {
		u32 prio = urgency_of(cpu);

		if ((mask & BIT(cpu)) && prio < least) {
			best = cpu;
			least = prio;
		}
	}
	return best;
}

u32
balance_select_cpu(struct thread *t)
{
	u64 mask = t->affinity & atomic_load_relaxed(&cpu_online_mask);
	u32 cpu = t->cpu;

	if (unlikely(mask == 0))
		mask = BIT(0);
	if (is_pow2(mask))
		return ctz64(mask);
	if (claim_idle(mask, cpu, &cpu))
		return cpu;
	if (thread_is_rt(t))
		return least_urgent(mask, cpu);
	/* Not allowed there, never ran, or a real-time thread has that CPU. */
	if (!(mask & BIT(cpu)) || t->se.picked == 0 || atomic_load_relaxed(&cpu_rq(cpu)->rt.running) != 0)
		return least_loaded(mask);
	return cpu;
}

static struct runqueue *
busiest(struct runqueue *rq, u32 min_imbalance)
{
	struct runqueue *best = NULL;
	u32 most = load_of(rq->cpu) + min_imbalance;

	for_each_cpu(cpu) {
		u32 n = load_of(cpu);

		if (cpu != rq->cpu && n > most) {
			best = cpu_rq(cpu);
			most = n;
		}
	}
	return best;
}

/* Both locks held. */
static void
move(struct runqueue *from, struct runqueue *rq, struct thread *t)
{
	nsec_t now = clock_now();

	rq_update_curr(from, now);
	rq_dequeue(from, t);
	t->se.exec_start = now;
	t->cpu = rq->cpu;
	rq_enqueue(rq, t, now);
}

void
balance_rt_pull(struct runqueue *rq)
{
	u64 mask = atomic_load_relaxed(&rt_waiting_mask) & ~BIT(rq->cpu);
	struct runqueue *from;
	struct thread *t;

	if (rq->rt.throttled)
		return;
	for (; mask != 0; mask &= mask - 1) {
		from = cpu_rq(ctz64(mask));
		if (atomic_load_relaxed(&from->rt.waiting) <= rq->rt.waiting)
			continue;
		if (!spin_try_acquire(&from->lock)) {
			this_cpu_write(percpu_need_resched, 1);	/* once more, at once */
			continue;
		}
		t = from->rt.throttled ? NULL : rt_steal(from, rq->cpu, rq->rt.waiting);
		if (t != NULL)
			move(from, rq, t);
		spin_release(&from->lock);
	}
}

void
balance_rt_waits(struct runqueue *rq)
{
	if (cpu_count > 1 && !(atomic_load_relaxed(&rt_waiting_mask) & BIT(rq->cpu)))
		atomic_fetch_or(&rt_waiting_mask, BIT(rq->cpu));
}

void
balance_rt_push(struct runqueue *rq)
{
	u32 prio = rq->rt.waiting, cpu;
	struct thread *t;
	u64 mask;

	if (prio == 0) {
		if (atomic_load_relaxed(&rt_waiting_mask) & BIT(rq->cpu))
			atomic_fetch_and(&rt_waiting_mask, ~BIT(rq->cpu));
		return;
	}
	if (cpu_count < 2 || rq->rt.throttled)
		return;
	balance_rt_waits(rq);
	t = list_first(&rq->rt.level[prio], struct thread, se.rt_node);
	mask = t->affinity & atomic_load_relaxed(&cpu_online_mask) & ~BIT(rq->cpu);
	if (mask == 0)
		return;
	cpu = least_urgent(mask, ctz64(mask));
	if (urgency_of(cpu) < prio)
		rq_resched(cpu_rq(cpu));
}

/* The other lock is only tried for: two CPUs may pull from each other. */
bool
balance_pull(struct runqueue *rq, u32 min_imbalance)
{
	struct runqueue *from = busiest(rq, min_imbalance);
	struct thread *t = NULL;

	if (from == NULL || !spin_try_acquire(&from->lock))
		return false;
	if (from->rt.count != 0)
		t = rt_steal(from, rq->cpu, rq->rt.running);
	if (t == NULL)
		t = fair_steal(from, rq->cpu);
	if (t != NULL)
		move(from, rq, t);
	spin_release(&from->lock);
	return t != NULL;
}

void
balance_tick(struct runqueue *rq, nsec_t now)
{
	u64 idle;

	if (cpu_count < 2)
		return;
	if (rq->nr_running > 1) {		/* an idle CPU that found nothing, or lost a race, looks again */
		idle = atomic_load_relaxed(&cpu_idle_mask);
		if (idle != 0 && !atomic_xchg(per_cpu_ptr(percpu_need_resched, ctz64(idle)), 1))
			arch_ipi_resched(ctz64(idle));
	}
	if (now >= rq->balance_next) {
		rq->balance_next = now + BALANCE_PERIOD;
		balance_pull(rq, 1);
	}
}
