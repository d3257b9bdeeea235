/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read-copy-update: grace periods by quiescent states, without polling.
 *
 * Grace periods are numbered. One starts when some CPU has call-backs and none is going on: every busy CPU is then put into
 * rcu.waiting_for, and takes itself out when it passes a quiescent state: a context switch, a tick that came over user mode or
 * preemptible code, or going idle. The last one out ends it, starts the next if it is wanted, and wakes the rcu threads of the
 * CPUs that have call-backs. A tick that finds its CPU wanted but not quiescent asks for a reschedule. Idle CPUs say so in an
 * own flag and are not waited for; an interrupt on an idle CPU takes the flag back until the idle loop comes round.
 *
 * Call-backs: `next` (new), `wait` (for grace period wait_gp), then run by the CPU's own thread, in order.
 *
 * Lock key: [l] rcu.lock  [a] atomic  [o] own CPU, interrupts off  [I] immutable
 */
#include "arch/cpu.h"
#include "arch/smp.h"
#include "sys/lib/bits.h"
#include "sys/mutex.h"
#include "sys/panic.h"
#include "sys/rcu.h"
#include "sys/rcu_boot.h"
#include "sys/sched.h"
#include "sys/wait.h"

struct cb_list { struct rcu_head *first, **tail; };

struct rcu_cpu {
	struct cb_list next, wait;	/* [o] */
	u64 wait_gp;			/* [o] */
	u64 seen_gp;			/* [o] the last grace period this CPU reported to */
	u32 idle;			/* [a] */
	struct thread *thread;		/* [I] once the threads run */
} __aligned(64);

static struct {
	struct spinlock lock;
	u64 current;			/* [l] number of the last grace period started; read without as a hint */
	u64 done;			/* [l] of the last one ended; [a] for readers */
	u64 wanted;			/* [l] the highest one asked for */
	u64 urgent;			/* [l] up to this number they are hurried */
	u64 waiting_for;		/* [a] CPUs */
	u64 have_callbacks;		/* [a] CPUs to wake when one ends */
	bool threads_run;		/* [a] */
} rcu = { .lock = SPINLOCK_INIT(LOCK_RCU) };

static PERCPU_DEFINE(struct rcu_cpu, rcu_cpu);

static void
list_put(struct cb_list *l, struct rcu_head *head)
{
	head->next = NULL;
	if (l->first == NULL)
		l->tail = &l->first;
	*l->tail = head;
	l->tail = &head->next;
}

/* rcu.lock held, none is going on. */
static void
start_locked(void)
{
	/*
	 * The bits before the number: who sees the new number and takes note of it sees its bit too, and clears it. The number before
	 * the idle flags: who goes idle sees it, or we its flag.
	 */
	atomic_store(&rcu.waiting_for, atomic_load(&cpu_online_mask));
	atomic_store(&rcu.current, rcu.current + 1);
	for_each_cpu(cpu)
		if (atomic_load(&per_cpu_ptr(rcu_cpu, cpu)->idle))
			atomic_fetch_and(&rcu.waiting_for, ~BIT(cpu));
}

/* Make the CPUs that are waited for pass a context switch now. */
static void
hurry(void)
{
	u64 mask;

	preempt_disable();
	mask = atomic_load(&rcu.waiting_for) & ~BIT(cpu_id());
	for (; mask != 0; mask &= mask - 1) {
		u32 cpu = ctz64(mask);

		if (!atomic_xchg(per_cpu_ptr(percpu_need_resched, cpu), 1))
			arch_ipi_resched(cpu);
	}
	preempt_enable();
}

/* rcu.waiting_for became empty: end the grace period, and start the next while one is wanted. */
static void
end_period(void)
{
	u64 flags = spin_lock_irqsave(&rcu.lock);
	u64 wake = 0;
	bool urgent;

	while (rcu.done != rcu.current && atomic_load(&rcu.waiting_for) == 0) {
		atomic_store(&rcu.done, rcu.current);
		wake = atomic_load(&rcu.have_callbacks);
		if (rcu.wanted > rcu.current)
			start_locked();
	}
	urgent = rcu.done != rcu.current && rcu.urgent >= rcu.current;
	spin_unlock_irqrestore(&rcu.lock, flags);
	if (urgent)
		hurry();
	if (!atomic_load_acquire(&rcu.threads_run))
		return;
	while (wake != 0) {
		struct thread *t = per_cpu_ptr(rcu_cpu, ctz64(wake))->thread;

		if (t != NULL)
			thread_wake(t);
		wake &= wake - 1;
	}
}

/* This CPU is in no read section. Interrupts off. */
static void
report_quiescent(struct rcu_cpu *rc)
{
	u64 me = BIT(cpu_id());

	rc->seen_gp = atomic_load_relaxed(&rcu.current);
	if (!(atomic_load(&rcu.waiting_for) & me))
		return;
	if (atomic_fetch_and(&rcu.waiting_for, ~me) == me)
		end_period();
}

void
rcu_switch(void)
{
	struct rcu_cpu *rc = this_cpu_ptr(rcu_cpu);

	if (unlikely(rc->seen_gp != atomic_load_relaxed(&rcu.current)))
		report_quiescent(rc);
}

void
rcu_tick(bool quiescent)
{
	struct rcu_cpu *rc = this_cpu_ptr(rcu_cpu);

	if (rc->seen_gp == atomic_load_relaxed(&rcu.current))
		return;
	if (quiescent)
		report_quiescent(rc);
	else if (atomic_load_relaxed(&rcu.waiting_for) & BIT(cpu_id()))
		this_cpu_write(percpu_need_resched, 1);
}

u64
rcu_waiting_for(u64 *period)
{
	*period = atomic_load(&rcu.current);
	return *period != atomic_load(&rcu.done) ? atomic_load(&rcu.waiting_for) : 0;
}

void
rcu_idle_enter(void)
{
	struct rcu_cpu *rc = this_cpu_ptr(rcu_cpu);

	atomic_store(&rc->idle, 1u);
	if (unlikely(rc->seen_gp != atomic_load(&rcu.current)))
		report_quiescent(rc);
}

void
rcu_idle_exit(void)
{
	struct rcu_cpu *rc = this_cpu_ptr(rcu_cpu);

	if (atomic_load_relaxed(&rc->idle))
		atomic_store(&rc->idle, 0u);
}

/* Wait for a grace period that starts after now with what is in `next`. Own CPU, interrupts off, `wait` empty. */
static void
advance(struct rcu_cpu *rc)
{
	u64 me = BIT(cpu_id());

	if (rc->next.first == NULL) {
		atomic_fetch_and(&rcu.have_callbacks, ~me);
		return;
	}
	atomic_fetch_or(&rcu.have_callbacks, me);
	rc->wait = rc->next;
	rc->next.first = NULL;
	spin_lock(&rcu.lock);
	rc->wait_gp = rcu.current + 1;
	rcu.wanted = MAX(rcu.wanted, rc->wait_gp);
	if (rcu.done == rcu.current)
		start_locked();		/* can't end here: this CPU is not idle, so it is waited for */
	spin_unlock(&rcu.lock);
}

void
rcu_call(struct rcu_head *head, void (*func)(struct rcu_head *))
{
	u64 flags = arch_irq_save();
	struct rcu_cpu *rc = this_cpu_ptr(rcu_cpu);

	head->func = func;
	list_put(&rc->next, head);
	if (rc->wait.first == NULL)
		advance(rc);
	arch_irq_restore(flags);
}

/* The call-backs whose time has come, or NULL. */
static struct rcu_head *
take_ready(struct rcu_cpu *rc)
{
	struct rcu_head *ready = NULL;

	arch_irq_disable();
	if (rc->wait.first != NULL && rc->wait_gp <= atomic_load(&rcu.done)) {
		ready = rc->wait.first;
		rc->wait.first = NULL;
	}
	if (rc->wait.first == NULL)
		advance(rc);
	arch_irq_enable();
	return ready;
}

static void
rcu_thread(void *arg)
{
	struct rcu_cpu *rc = arg;
	struct rcu_head *ready, *next;

	for (;;) {
		thread_set_state(THREAD_INTERRUPTIBLE);
		ready = take_ready(rc);
		if (ready == NULL) {
			thread_schedule();
			continue;
		}
		thread_set_state(THREAD_RUNNING);
		for (; ready != NULL; ready = next) {
			next = ready->next;
			ready->func(ready);
		}
	}
}

/* The threads stay on their CPUs; affinity is set before the first run. They go before what programs do: call-backs give memory
 * back, and a crowd of exiting processes must not outrun them. */
#define RCU_NICE	(-20)

void
rcu_start_threads(void)
{
	for_each_cpu(cpu) {
		struct rcu_cpu *rc = per_cpu_ptr(rcu_cpu, cpu);

		if (thread_create(&rc->thread, rcu_thread, rc, "rcu/%u", cpu) != 0)
			panic("no memory for the rcu threads");
		if (sched_set_affinity(rc->thread, BIT(cpu)) != 0)
			panic("cpu %u is not there", cpu);
		if (sched_set_nice(rc->thread, RCU_NICE) != 0)
			panic("rcu: bad nice value");
	}
	atomic_store(&rcu.threads_run, true);
	for_each_cpu(cpu)
		thread_wake(per_cpu_ptr(rcu_cpu, cpu)->thread);
}

struct sync_wait { struct rcu_head head; struct completion done; };

static void
sync_done(struct rcu_head *head)
{
	completion_complete(&container_of(head, struct sync_wait, head)->done);
}

/* What was queued now, at the latest two periods on, is being waited for. */
static void
make_urgent(void)
{
	u64 flags = spin_lock_irqsave(&rcu.lock);

	rcu.urgent = rcu.current + 2;
	spin_unlock_irqrestore(&rcu.lock, flags);
	hurry();
}

void
rcu_synchronize(void)
{
	struct sync_wait w;

	might_sleep();
	if (!atomic_load(&rcu.threads_run))
		return;			/* boot: one CPU, and the caller is in no read section */
	completion_init(&w.done);
	rcu_call(&w.head, sync_done);
	make_urgent();
	completion_wait(&w.done);
}

struct barrier_wait { u32 left; struct completion done; };
static struct { struct rcu_head head; struct barrier_wait *wait; } barrier_heads[CPU_MAX];	/* [barrier_lock] */
static struct mutex barrier_lock = MUTEX_INIT(barrier_lock, LOCK_LEAF_SLEEP);

static void
barrier_done(struct rcu_head *head)
{
	struct barrier_wait *w = barrier_heads[cpu_id()].wait;

	if (atomic_sub(&w->left, 1) == 0)
		completion_complete(&w->done);
}

static void
barrier_queue(void *arg)
{
	u32 cpu = cpu_id();

	barrier_heads[cpu].wait = arg;
	rcu_call(&barrier_heads[cpu].head, barrier_done);
}

void
rcu_barrier(void)
{
	struct barrier_wait w = { .left = cpu_count };

	might_sleep();
	if (!atomic_load(&rcu.threads_run))
		return;
	completion_init(&w.done);
	mutex_lock(&barrier_lock);
	preempt_disable();
	arch_ipi_call(atomic_load(&cpu_online_mask), barrier_queue, &w);
	barrier_queue(&w);
	preempt_enable();
	make_urgent();
	completion_wait(&w.done);
	mutex_unlock(&barrier_lock);
}
