/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler's core: the switch, sleeping and waking, the tick, the idle loop. Classes are in sched_rt.c and sched_fair.c,
 * the choice of CPU in sched_balance.c.
 *
 * A sleeper sets its state, checks what it waits for, and calls thread_schedule(); a waker makes that true and then calls
 * thread_wake(). Whether a thread is still queued decides under the run queue's lock who wins.
 *
 * The tick is armed only while the CPU is busy, and disarmed by not re-arming it, so that neither a switch nor a short sleep
 * touches the timer. It charges run time, ends slices, tells RCU that it came over preemptible code, and splits time into
 * user and system by what it interrupted.
 */
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/smp.h"
#include "arch/trap.h"
#include "sys/clock_update.h"
#include "sys/log_wake.h"
#include "sys/rcu.h"
#include "sys/runqueue.h"
#include "sys/timer.h"
#include "sys/timer_tick.h"
#include "sys/watchdog.h"

u32 cpu_count = 1;
u64 cpu_online_mask = 1;
PERCPU_DEFINE(u32, percpu_preempt_count);
PERCPU_DEFINE(u32, percpu_need_resched);
PERCPU_DEFINE(struct thread *, percpu_current);
PERCPU_DEFINE(struct runqueue, runqueues);
u64 cpu_idle_mask;
bool sched_running;

struct runqueue *
thread_rq_lock(struct thread *t)
{
	for (;;) {
		u32 cpu = atomic_load_relaxed(&t->cpu);
		struct runqueue *rq = cpu_rq(cpu);

		spin_acquire(&rq->lock);
		if (likely(t->cpu == cpu))
			return rq;
		spin_release(&rq->lock);
	}
}

void
rq_resched(struct runqueue *rq)
{
	u32 *flag;

	if (rq->cpu == cpu_id()) {
		this_cpu_write(percpu_need_resched, 1);
		return;
	}
	flag = per_cpu_ptr(percpu_need_resched, rq->cpu);
	if (!atomic_xchg(flag, 1))
		arch_ipi_resched(rq->cpu);
}

/* Charge the running thread up to now. */
void
rq_update_curr(struct runqueue *rq, nsec_t now)
{
	struct thread *t = rq->curr;
	nsec_t delta = now - t->se.exec_start;

	if (unlikely(t == rq->idle || delta <= 0))
		return;
	t->se.exec_start = now;
	t->se.sum_exec += delta;
	rq->unsplit += delta;
	if (thread_is_rt(t))
		rt_charge(rq, t, delta);
	else
		fair_charge(rq, t, delta);
}

/* More than one thread: slices must end. */
static void
start_tick(struct runqueue *rq, nsec_t now)
{
	if (rq->cpu == cpu_id() && (!rq->tick_on || rq->nr_running == 2)) {
		rq->tick_on = true;
		timer_tick_arm(now + (rq->nr_running > 1 ? TICK_BUSY : TICK_ALONE));
	}
}

void
rq_enqueue(struct runqueue *rq, struct thread *t, nsec_t now)
{
	t->se.queued = true;
	rq->nr_running++;
	if (thread_is_rt(t))
		rt_enqueue(rq, t);
	else
		fair_enqueue(rq, t, now);
	if (rq->nr_running == 2)
		start_tick(rq, now);
}

void
rq_dequeue(struct runqueue *rq, struct thread *t)
{
	if (thread_is_rt(t))
		rt_dequeue(rq, t);
	else
		fair_dequeue(rq, t);
	rq->nr_running--;
	t->se.queued = false;
}

struct rq_suspended
rq_suspend(struct runqueue *rq, struct thread *t, nsec_t now)
{
	struct rq_suspended s = { t->se.queued, t == rq->curr };

	if (s.running)
		rq_update_curr(rq, now);
	if (s.queued)
		rq_dequeue(rq, t);
	return s;
}

void
rq_resume(struct runqueue *rq, struct thread *t, struct rq_suspended s, nsec_t now)
{
	if (!s.queued)
		return;
	rq_enqueue(rq, t, now);
	if (!s.running) {
		rq_check_preempt(rq, t, now);
		return;
	}
	if (thread_is_rt(t))
		rt_set(rq, t);
	else
		fair_set(rq, t);
	rq_resched(rq);
}

void
rq_check_preempt(struct runqueue *rq, struct thread *t, nsec_t now)
{
	struct thread *curr = rq->curr;

	if (curr == rq->idle) {
		rq_resched(rq);
		if (thread_is_rt(t))
			balance_rt_waits(rq);	/* should another CPU be free before this one wakes */
		return;
	}
	if (thread_is_rt(t)) {
		if (rt_prio_effective(t) > rt_prio_effective(curr))
			rq_resched(rq);
		else
			balance_rt_push(rq);
		return;
	}
	if (thread_is_rt(curr))
		return;
	rq_update_curr(rq, now);
	if (fair_preempts(rq, t, now))
		rq_resched(rq);
}

static struct thread *
pick_next(struct runqueue *rq)
{
	struct thread *t;

	if (unlikely(rq->rt.count != 0) && (t = rt_pick(rq)) != NULL) {
		rt_set(rq, t);
		return t;
	}
	t = fair_pick(rq);
	if (likely(t != NULL)) {
		fair_set(rq, t);
		return t;
	}
	if (unlikely(rq->rt.count != 0)) {	/* throttled, but nobody else wants the CPU */
		rq->rt.throttled = false;
		t = rt_pick(rq);
		rt_set(rq, t);
	}
	return t;
}

static void
enter_idle(struct runqueue *rq, nsec_t now)
{
	if (rq->idle_since == 0)
		rq->idle_since = now;
	atomic_fetch_or(&cpu_idle_mask, BIT(rq->cpu));
	load_update(now);
}

static void
leave_idle(struct runqueue *rq, nsec_t now)
{
	atomic_fetch_and(&cpu_idle_mask, ~BIT(rq->cpu));
	rq->times.idle += now - rq->idle_since;
	rq->idle_since = 0;
	clock_update(now);
}

/* Put the thread that stops running where it belongs. Returns true if it had to leave this CPU. */
static bool
put_prev(struct runqueue *rq, struct thread *prev, bool preempted)
{
	if (prev == rq->idle)
		return false;
	if (!preempted && atomic_load_relaxed(&prev->state) != THREAD_RUNNING) {
		rq_dequeue(rq, prev);
		prev->nvcsw++;
		return false;
	}
	prev->nivcsw++;
	if (unlikely(!(prev->affinity & BIT(rq->cpu)))) {
		rq_dequeue(rq, prev);
		return true;
	}
	if (thread_is_rt(prev))
		rt_put(rq, prev);
	else
		fair_put(rq, prev);
	return false;
}

/* t->lock held, t is not queued and nobody else can wake it: make it runnable on the best CPU. */
static void
wake_enqueue(struct thread *t)
{
	struct runqueue *rq;
	nsec_t now;
	u32 cpu;

	while (unlikely(atomic_load_acquire(&t->on_cpu)))
		arch_pause();			/* it is just switching away, on another CPU */
	cpu = balance_select_cpu(t);
	rq = cpu_rq(cpu);
	now = clock_now();
	spin_acquire(&rq->lock);
	t->cpu = cpu;
	rq_enqueue(rq, t, now);
	rq_check_preempt(rq, t, now);
	spin_release(&rq->lock);
}

/* On the new thread's stack: let the old one go. rq->lock is held since before the switch. */
static void
finish_switch(void)
{
	struct runqueue *rq = this_cpu_ptr(runqueues);
	struct thread *prev = rq->prev;
	bool push = rq->push;
	bool dead = atomic_load_relaxed(&prev->state) == THREAD_DEAD;

	lockdep_acquire(&rq->lock, LOCK_RUNQUEUE, LOCKDEP_TRY, NULL);
	rq->push = false;
	atomic_store_release(&prev->on_cpu, false);
	spin_release(&rq->lock);
	if (unlikely(push)) {			/* runnable, but nowhere queued: only we may do that */
		spin_lock(&prev->lock);
		wake_enqueue(prev);
		spin_unlock(&prev->lock);
	}
	if (unlikely(dead))
		thread_reap(prev);
}

/* rq->lock held: next runs now, or with another priority. Where that leaves real-time threads waiting, other CPUs are told. */
static void
set_running_prio(struct runqueue *rq, struct thread *next)
{
	u32 prio = rt_prio_effective(next);

	if (rq->rt.running != prio)
		atomic_store_relaxed(&rq->rt.running, prio);
	if (unlikely(rq->rt.waiting != 0 || (atomic_load_relaxed(&rt_waiting_mask) & BIT(rq->cpu))))
		balance_rt_push(rq);
}

/* Interrupts off, preempt count exactly 1. */
static void
switch_threads(bool preempted)
{
	struct runqueue *rq = this_cpu_ptr(runqueues);
	struct thread *prev = thread_current(), *next;
	nsec_t now;

	rcu_switch();
	spin_acquire(&rq->lock);
	this_cpu_write(percpu_need_resched, 0);
	now = clock_now();
	rq_update_curr(rq, now);
	rq->push = put_prev(rq, prev, preempted);
	rq->curr = rq->idle;			/* prev is in its queue now: whoever is dequeued must be taken out of it */
	if (unlikely(atomic_load_relaxed(&rt_waiting_mask) != 0))
		balance_rt_pull(rq);
	next = pick_next(rq);
	if (unlikely(next == NULL)) {
		next = balance_pull(rq, 1) ? pick_next(rq) : rq->idle;
		if (next == rq->idle)
			enter_idle(rq, now);
	}
	rq->curr = next;
	set_running_prio(rq, next);
	if (next == prev) {
		if (prev != rq->idle)
			prev->nivcsw--;
		spin_release(&rq->lock);
		return;
	}
	if (prev == rq->idle)
		leave_idle(rq, now);
	if (!rq->tick_on && next != rq->idle)
		start_tick(rq, now);
	next->se.exec_start = next->se.picked = now;
	if (unlikely(next->rseq))
		atomic_fetch_or(&next->work, TW_RSEQ);	/* looked at on its way back to user mode */
	atomic_store_relaxed(&next->on_cpu, true);
	rq->prev = prev;
	rq->times.switches++;
	lockdep_release(&rq->lock, LOCK_RUNQUEUE, NULL);
	/* A kernel thread borrows what is loaded; arch is told, so that flushes need not interrupt it. */
	arch_as_switch(next->as != NULL ? aspace_arch(next->as) : NULL);
	this_cpu_write(percpu_current, next);
	arch_switch_to(prev, next);
	finish_switch();
}

void
thread_schedule(void)
{
	struct block_plug *plug = thread_current()->plug;

	might_sleep();
	if (unlikely(plug != NULL) && block_plug_sleep(plug))
		return;		/* the caller looks at its condition again, as after any wake-up */
	arch_irq_disable();
	preempt_disable();
	switch_threads(false);
	preempt_enable_no_resched();
	arch_irq_enable();
}

void
preempt_schedule(void)
{
	if (!arch_irqs_enabled())
		return;
	do {
		arch_irq_disable();
		preempt_disable();
		switch_threads(true);
		preempt_enable_no_resched();
		arch_irq_enable();
	} while (this_cpu_read(percpu_need_resched));
}

void
preempt_schedule_irq(void)
{
	while (this_cpu_read(percpu_need_resched) && this_cpu_read(percpu_preempt_count) == 0) {
		preempt_disable();
		switch_threads(true);
		preempt_enable_no_resched();
	}
}

/* First code of a new thread: the other half of the switch to it. */
void
thread_start_user(void)
{
	finish_switch();
	preempt_enable_no_resched();
	arch_irq_enable();
}

void
thread_start(void (*fn)(void *), void *arg)
{
	thread_start_user();
	fn(arg);
	thread_exit();
}

void
thread_exit(void)
{
	lockdep_assert_none("thread exit with a lock held");
	arch_irq_disable();
	preempt_disable();
	atomic_store(&thread_current()->state, THREAD_DEAD);
	switch_threads(false);
	panic("a dead thread ran");
}

void
thread_set_state(enum thread_state s)
{
	atomic_store(&thread_current()->state, s);
}

bool
thread_wake_states(struct thread *t, u32 states)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	u32 state = atomic_load_relaxed(&t->state);
	bool woken = false;
	struct runqueue *rq;

	if (!(BIT(state) & states))
		goto out;
	woken = true;
	if (atomic_load_relaxed(&t->se.queued)) {
		rq = thread_rq_lock(t);
		if (t->se.queued) {		/* it has not gone to sleep yet, and won't */
			atomic_store_relaxed(&t->state, THREAD_RUNNING);
			spin_release(&rq->lock);
			goto out;
		}
		spin_release(&rq->lock);
	}
	atomic_store_relaxed(&t->state, THREAD_RUNNING);
	if (unlikely(state == THREAD_NEW))
		atomic_add_relaxed(&total_forks, 1);
	wake_enqueue(t);
out:
	spin_unlock_irqrestore(&t->lock, flags);
	return woken;
}

struct sleep_timer { struct timer timer; struct thread *thread; };

static nsec_t
sleep_expired(struct timer *timer, nsec_t now)
{
	thread_wake(container_of(timer, struct sleep_timer, timer)->thread);
	return 0;
}

int
thread_schedule_until(nsec_t deadline)
{
	struct sleep_timer st = { .thread = thread_current() };

	if (deadline == NSEC_MAX) {
		thread_schedule();
		return 0;
	}
	if (deadline <= clock_now()) {
		thread_set_state(THREAD_RUNNING);
		return -ETIMEDOUT;
	}
	timer_init(&st.timer, TIMER_MONOTONIC, sleep_expired);
	timer_arm(&st.timer, deadline);
	thread_schedule();
	return timer_cancel_sync(&st.timer) ? 0 : -ETIMEDOUT;
}

static bool
is_off_cpu(struct thread *t)
{
	return !atomic_load(&t->se.queued) && !atomic_load_acquire(&t->on_cpu);
}

/* In steps of sleep: t may need this very CPU to get there, and a word in every switch for so rare a caller would cost more. */
void
thread_wait_off_cpu(struct thread *t)
{
	for (int i = 0; !is_off_cpu(t); i++) {
		if (i < 100) {
			arch_pause();
			continue;
		}
		thread_set_state(THREAD_UNINTERRUPTIBLE);
		(void)thread_schedule_until(clock_now() + NSEC_PER_MSEC / 10);
	}
}

void
thread_set_work(struct thread *t, u32 bits)
{
	atomic_fetch_or(&t->work, bits);
	if (t == thread_current())
		return;
	preempt_disable();
	if (atomic_load(&t->on_cpu) && t->cpu != cpu_id())
		arch_ipi_resched(t->cpu);
	preempt_enable();
}

void
sched_yield(void)
{
	struct runqueue *rq;
	struct thread *t = thread_current();

	arch_irq_disable();
	preempt_disable();
	rq = this_cpu_ptr(runqueues);
	if (rq->nr_running > 1) {
		spin_acquire(&rq->lock);
		if (thread_is_rt(t))
			t->se.rt_tail = true;
		else
			fair_yield(rq, t);
		spin_release(&rq->lock);
		switch_threads(true);
	} else {
		rcu_switch();
	}
	preempt_enable_no_resched();
	arch_irq_enable();
}

/* Split the time since the last tick by what this one interrupted. */
static void
sample_times(struct runqueue *rq, struct thread *t, bool user)
{
	nsec_t rest = t->se.sum_exec - t->utime - t->stime;

	if (user)
		t->utime += rest;
	else
		t->stime += rest;
	if (!user)
		rq->times.system += rq->unsplit;
	else if (t->nice > 0)
		rq->times.nice += rq->unsplit;
	else
		rq->times.user += rq->unsplit;
	rq->unsplit = 0;
}

/* From timer_interrupt(), when the tick's time has come. Returns when it wants the next one; 0: none. */
nsec_t
sched_tick(struct trapframe *tf, nsec_t now)
{
	struct runqueue *rq = this_cpu_ptr(runqueues);
	struct thread *t = thread_current();
	bool user = arch_frame_user(tf);
	bool quiescent = user || t == rq->idle || this_cpu_read(percpu_preempt_count) == PREEMPT_IRQ_UNIT;
	bool resched = false;

	clock_update(now);
	log_wake_if_wanted();
	rcu_tick(quiescent);
	watchdog_tick(quiescent, rq->times.switches, now);
	load_update(now);
	spin_acquire(&rq->lock);
	if (t == rq->idle) {
		rq->tick_on = false;
		spin_release(&rq->lock);
		return 0;
	}
	rq_update_curr(rq, now);
	sample_times(rq, t, user);
	if (rq->rt.count != 0)
		resched = rt_tick(rq, t, now);
	if (!thread_is_rt(t))
		resched |= fair_tick(rq, t);
	if (resched)
		rq_resched(rq);
	balance_tick(rq, now);
	now += rq->nr_running > 1 ? TICK_BUSY : TICK_ALONE;
	spin_release(&rq->lock);
	if (t->proc != NULL)
		proc_tick(t);
	return now;
}

/* The idle thread holds the preempt count at 1, so an interrupt never switches away from inside rcu_idle_*. */
static __noreturn void
idle_loop(void)
{
	arch_irq_disable();
	for (;;) {
		while (!this_cpu_read(percpu_need_resched)) {
			log_wake_if_wanted();
			rcu_idle_enter();	/* may end a grace period, and wake its thread */
			if (!this_cpu_read(percpu_need_resched))
				arch_idle_wait();
			rcu_idle_exit();
		}
		switch_threads(true);
	}
}

static void
init_runqueue(u32 cpu)
{
	struct runqueue *rq = cpu_rq(cpu);

	spin_init(&rq->lock, LOCK_RUNQUEUE);
	rq->cpu = cpu;
	rt_init(&rq->rt);
}

void
sched_attach_idle(u32 cpu, struct thread *idle)
{
	struct runqueue *rq = cpu_rq(cpu);

	init_runqueue(cpu);
	idle->cpu = cpu;
	idle->affinity = BIT(cpu);
	idle->on_cpu = true;
	atomic_store_relaxed(&idle->state, THREAD_RUNNING);
	rq->idle = rq->curr = idle;
	rq->idle_since = 1;
}

struct thread *
sched_idle_thread(u32 cpu)
{
	return cpu_rq(cpu)->idle;
}

/* Interrupts off, on the idle thread's stack. */
void
cpu_start_secondary(u32 cpu)
{
	this_cpu_write(percpu_current, cpu_rq(cpu)->idle);
	this_cpu_write(percpu_preempt_count, 1);
	cpu_rq(cpu)->idle_since = clock_now();
	atomic_fetch_or(&cpu_online_mask, BIT(cpu));
	this_cpu_write(percpu_need_resched, 1);
	idle_loop();
}

/* The boot CPU's boot stack has done its work. */
void
sched_become_idle(void)
{
	preempt_disable();
	this_cpu_write(percpu_need_resched, 1);
	idle_loop();
}
