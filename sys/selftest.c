/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Self-tests of what only runs for real on several CPUs: contention on every kind of lock, RCU under load, timers, sleeping
 * and waking, affinity. Each prints one line; a failure is a WARN, which fails any test run.
 */
#include "arch/cpu.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/log.h"
#include "sys/mutex.h"
#include "sys/panic.h"
#include "sys/rcu.h"
#include "sys/sched.h"
#include "sys/selftest.h"
#include "sys/timer.h"
#include "sys/wait.h"
#include "sys/work.h"

#define THREADS		6
#define ROUNDS		2000
#define PATIENCE	(30 * NSEC_PER_SEC)

static struct {
	struct spinlock spin;
	struct mutex mutex;
	struct rwlock rw;
	u64 by_spin, by_mutex, by_rw, rw_shadow;
	u32 left;
	struct waitq wq;
} st;

static void
finished(void)
{
	atomic_sub(&st.left, 1);
	waitq_wake_all(&st.wq);
}

/* Run fn in n threads and wait for them. */
static bool
run_threads(const char *name, void (*fn)(void *), u32 n)
{
	nsec_t start = clock_now();
	int err;

	st.left = n;
	for (u32 i = 0; i < n; i++)
		if (thread_spawn(fn, (void *)(uintptr_t)i, "test/%u", i) != 0)
			panic("selftest: no memory");
	err = wait_event_until(&st.wq, atomic_load(&st.left) == 0, start + PATIENCE);
	WARN_ON(err != 0);
	log_info("selftest: %s: %s, %ld us", name, err == 0 ? "ok" : "timed out", (clock_now() - start) / NSEC_PER_USEC);
	return err == 0;
}

static void
hammer_locks(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		u64 flags;

		if (i % 2)
			spin_lock(&st.spin);
		else
			flags = spin_lock_irqsave(&st.spin);
		st.by_spin++;
		if (i % 2)
			spin_unlock(&st.spin);
		else
			spin_unlock_irqrestore(&st.spin, flags);

		mutex_lock(&st.mutex);
		st.by_mutex++;
		if (i % 64 == 0)
			sched_yield();
		mutex_unlock(&st.mutex);

		if (i % 4 == 0) {
			rwlock_write_lock(&st.rw);
			st.by_rw++;
			st.rw_shadow++;
			rwlock_write_unlock(&st.rw);
		} else {
			rwlock_read_lock(&st.rw);
			WARN_ON(st.by_rw != st.rw_shadow);
			rwlock_read_unlock(&st.rw);
		}
	}
	finished();
}

static void
test_locks(void)
{
	if (!run_threads("locks", hammer_locks, THREADS))
		return;
	WARN_ON(st.by_spin != THREADS * ROUNDS);
	WARN_ON(st.by_mutex != THREADS * ROUNDS);
	WARN_ON(st.by_rw != THREADS * ROUNDS / 4);
}

struct rcu_item { u64 magic; struct rcu_head head; };
#define MAGIC	0x5ca1ab1e
static struct rcu_item *rcu_item;
static u32 rcu_freed;

static void
free_item(struct rcu_head *head)
{
	struct rcu_item *it = container_of(head, struct rcu_item, head);

	it->magic = 0;
	kmem_free(it);
	atomic_add(&rcu_freed, 1);
}

static void
rcu_reader_writer(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		rcu_read_lock();
		struct rcu_item *it = rcu_dereference(rcu_item);

		WARN_ON(it->magic != MAGIC);
		rcu_read_unlock();
		if (i % 16 != 0)
			continue;
		struct rcu_item *fresh = kmem_alloc(sizeof(*fresh), KM_NORMAL);

		if (fresh == NULL)
			continue;
		fresh->magic = MAGIC;
		it = atomic_xchg(&rcu_item, fresh);
		rcu_call(&it->head, free_item);
		if (i % 256 == 0)
			rcu_synchronize();
	}
	finished();
}

static void
test_rcu(void)
{
	rcu_item = kmem_alloc(sizeof(*rcu_item), KM_NORMAL);
	if (rcu_item == NULL)
		panic("selftest: no memory");
	rcu_item->magic = MAGIC;
	run_threads("rcu", rcu_reader_writer, THREADS);
	rcu_barrier();
	WARN_ON(atomic_load(&rcu_freed) != THREADS * ROUNDS / 16);
}

static void
sleeper(void *arg)
{
	nsec_t start = clock_now(), want = ((nsec_t)(uintptr_t)arg + 1) * 3 * NSEC_PER_MSEC;

	thread_set_state(THREAD_UNINTERRUPTIBLE);
	WARN_ON(thread_schedule_until(start + want) != -ETIMEDOUT);
	WARN_ON(clock_now() < start + want);
	finished();
}

static u32 periodic_count;

static nsec_t
periodic(struct timer *t, nsec_t now)
{
	atomic_add(&periodic_count, 1);
	return now + NSEC_PER_MSEC;
}

static void
test_timers(void)
{
	static struct timer t;

	timer_init(&t, TIMER_MONOTONIC, periodic);
	timer_arm(&t, clock_now() + NSEC_PER_MSEC);
	run_threads("timers", sleeper, THREADS);
	timer_cancel_sync(&t);
	u32 n = atomic_load(&periodic_count);

	WARN_ON(n == 0);
	WARN_ON(timer_pending(&t));
}

/* Pairs hand a token to each other. */
static struct { struct waitq wq; u32 turn; } ping[THREADS / 2];

static void
ping_pong(void *arg)
{
	u32 i = (u32)(uintptr_t)arg, pair = i / 2, me = i % 2;

	for (int n = 0; n < ROUNDS / 4; n++) {
		wait_event(&ping[pair].wq, atomic_load(&ping[pair].turn) == me);
		atomic_store(&ping[pair].turn, 1 - me);
		waitq_wake_one(&ping[pair].wq);
	}
	finished();
}

static void
wander(void *arg)
{
	for (u32 i = 0; i < 200; i++) {
		u32 cpu = (i + (u32)(uintptr_t)arg) % cpu_count;

		WARN_ON(sched_set_affinity(thread_current(), BIT(cpu)) != 0);
		WARN_ON(cpu_id() != cpu);
	}
	finished();
}

static u64 works_run;

static void
count_work(struct work *w)
{
	atomic_add(&works_run, 1);
}

static void
test_work(void)
{
	static struct work w[16];

	for (u32 i = 0; i < ARRAY_SIZE(w); i++) {
		work_init(&w[i], count_work);
		work_queue(&w[i]);
	}
	for (u32 i = 0; i < ARRAY_SIZE(w); i++)
		work_flush(&w[i]);
	WARN_ON(atomic_load(&works_run) != ARRAY_SIZE(w));
}

/* A real-time thread waits for a mutex whose fair owner shares its CPU with a real-time hog of middle priority. */
static struct mutex pi_mutex;
static u32 pi_held, pi_stop;

static void
pi_low(void *arg)
{
	mutex_lock(&pi_mutex);
	atomic_store(&pi_held, 1u);
	for (nsec_t end = clock_now() + 20 * NSEC_PER_MSEC; clock_now() < end;)
		arch_pause();
	mutex_unlock(&pi_mutex);
	finished();
}

static void
pi_high(void *arg)
{
	mutex_lock(&pi_mutex);
	mutex_unlock(&pi_mutex);
	WARN_ON(atomic_load(&pi_stop) != 0);	/* before the hog gave up */
	finished();
}

static void
pi_hog(void *arg)
{
	for (nsec_t end = clock_now() + 300 * NSEC_PER_MSEC; clock_now() < end;)
		arch_pause();
	atomic_store(&pi_stop, 1u);
	finished();
}

static void
start_on_cpu0(void (*fn)(void *), const char *name, int prio)
{
	struct thread *t;

	if (thread_create(&t, fn, NULL, "%s", name) != 0)
		panic("selftest: no memory");
	WARN_ON(sched_set_affinity(t, BIT(0)) != 0);
	if (prio != 0)
		WARN_ON(sched_set_policy(t, SCHED_POLICY_FIFO, prio, false) != 0);
	thread_wake(t);
	thread_put(t);
}

static void
test_inheritance(void)
{
	mutex_init(&pi_mutex, LOCK_LEAF_SLEEP);
	st.left = 3;
	start_on_cpu0(pi_low, "pi_low", 0);
	wait_event_until(&st.wq, atomic_load(&pi_held) != 0, clock_now() + 10 * NSEC_PER_MSEC);
	while (!atomic_load(&pi_held))
		sched_yield();
	start_on_cpu0(pi_high, "pi_high", 50);
	start_on_cpu0(pi_hog, "pi_hog", 20);
	WARN_ON(wait_event_until(&st.wq, atomic_load(&st.left) == 0, clock_now() + PATIENCE) != 0);
	log_info("selftest: priority inheritance: done");
}

void
selftest_run(bool wanted)
{
	if (!wanted)
		return;
	spin_init(&st.spin, LOCK_LEAF);
	mutex_init(&st.mutex, LOCK_LEAF_SLEEP);
	rwlock_init(&st.rw, LOCK_LEAF_SLEEP);
	waitq_init(&st.wq);
	for (u32 i = 0; i < ARRAY_SIZE(ping); i++)
		waitq_init(&ping[i].wq);
	test_locks();
	test_rcu();
	test_timers();
	run_threads("ping-pong", ping_pong, THREADS);
	run_threads("affinity", wander, THREADS);
	test_work();
	test_inheritance();
	log_info("selftest: done, %lu switches", sched_total_switches());
}
