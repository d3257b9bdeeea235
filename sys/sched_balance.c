/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which CPU a thread runs on. A waking thread goes back to its last CPU if that is idle, else to any idle one, else to the
 * last one. A CPU that would go idle pulls a waiting thread from the busiest; a busy one compares itself with the others
 * every BALANCE_PERIOD. There is no work at all while no CPU has more than one runnable thread.
 */
#include "arch/smp.h"
#include "sys/runqueue.h"

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

static u32
least_loaded(u64 mask)
{
	u32 best = ctz64(mask), least = UINT32_MAX;

	for_each_cpu(cpu) {
		u32 n = atomic_load_relaxed(&cpu_rq(cpu)->nr_running);

		if ((mask & BIT(cpu)) && n < least) {
			best = cpu;
			least = n;
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
	if (!(mask & BIT(cpu)) || t->se.picked == 0)	/* not allowed there, or never ran */
		return least_loaded(mask);
	return cpu;
}

static struct runqueue *
busiest(struct runqueue *rq, u32 min_imbalance)
{
	struct runqueue *best = NULL;
	u32 most = rq->nr_running + min_imbalance;

	for_each_cpu(cpu) {
		u32 n = atomic_load_relaxed(&cpu_rq(cpu)->nr_running);

		if (cpu != rq->cpu && n > most) {
			best = cpu_rq(cpu);
			most = n;
		}
	}
	return best;
}

/* The other lock is only tried for: two CPUs may pull from each other. */
bool
balance_pull(struct runqueue *rq, u32 min_imbalance)
{
	struct runqueue *from = busiest(rq, min_imbalance);
	struct thread *t = NULL;
	nsec_t now;

	if (from == NULL || !spin_try_acquire(&from->lock))
		return false;
	if (from->rt.count != 0)
		t = rt_steal(from, rq->cpu);
	if (t == NULL)
		t = fair_steal(from, rq->cpu);
	if (t != NULL) {
		now = clock_now();
		rq_update_curr(from, now);
		rq_dequeue(from, t);
		t->se.exec_start = now;
		t->cpu = rq->cpu;
		rq_enqueue(rq, t, now);
	}
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
