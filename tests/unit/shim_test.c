/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shims themselves: what they promise to catch.
 * sources:
 */
#include "tests/unit/test.h"

#include "arch/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/mutex.h"
#include "sys/panic.h"
#include "sys/rcu.h"
#include "sys/timer.h"
#include "sys/wait.h"
#include "sys/work.h"
#include "tests/unit/shim/shim.h"

static struct spinlock spin_a, spin_b;
static struct mutex mutex_a, mutex_b;
static struct waitq wq;
static bool flag;

void
unit_setup(void)
{
	spin_init(&spin_a, LOCK_PROC);
	spin_init(&spin_b, LOCK_LEAF);
	mutex_init(&mutex_a, LOCK_DIR);
	mutex_init(&mutex_b, LOCK_DIR);
	waitq_init(&wq);
}

void
unit_teardown(void)
{
	ck_assert_uint_eq(unit_kmem_live(), 0);
	ck_assert_uint_eq(unit_locks_held(), 0);
	ck_assert(!in_atomic());
}

TEST(locks_in_order)
{
	u64 flags;

	mutex_lock(&mutex_a);
	mutex_lock_nested(&mutex_b);
	flags = spin_lock_irqsave(&spin_a);
	ck_assert(in_atomic() && !arch_irqs_enabled());
	spin_lock(&spin_b);
	ck_assert(!spin_trylock(&spin_b));
	spin_unlock(&spin_b);
	spin_unlock_irqrestore(&spin_a, flags);
	ck_assert(arch_irqs_enabled());
	mutex_unlock(&mutex_a);
	mutex_unlock(&mutex_b);
}

TEST_PANICS(lock_order) { spin_lock(&spin_b); spin_lock(&spin_a); }
TEST_PANICS(same_class) { mutex_lock(&mutex_a); mutex_lock(&mutex_b); }
TEST_PANICS(recursion) { spin_lock(&spin_a); spin_lock(&spin_a); }
TEST_PANICS(unlock_of_unlocked) { mutex_unlock(&mutex_a); }
TEST_PANICS(mutex_in_atomic) { spin_lock(&spin_a); mutex_lock(&mutex_a); }
TEST_PANICS(alloc_in_atomic) { spin_lock(&spin_a); (void)!kmem_alloc(8, KM_NORMAL); }
TEST_PANICS(assert_held) { spin_assert_held(&spin_a); }
TEST_PANICS(warn) { WARN_ON(true); }

TEST(reader_writer_lock)
{
	struct rwlock l;

	rwlock_init(&l, LOCK_AS);
	rwlock_read_lock(&l);
	ck_assert(!rwlock_try_write_lock(&l));
	rwlock_read_unlock(&l);
	rwlock_write_lock(&l);
	ck_assert(!rwlock_try_read_lock(&l));
	rwlock_assert_write_held(&l);
	rwlock_downgrade(&l);
	rwlock_assert_held(&l);
	rwlock_read_unlock(&l);
}

struct object { struct rcu_head rcu; };
static unsigned freed;

static void
object_free(struct rcu_head *head)
{
	freed++;
	kmem_free(container_of(head, struct object, rcu));
}

TEST(rcu_waits_for_the_section)
{
	struct object *a = kmem_alloc(sizeof(*a), KM_NORMAL), *b = kmem_alloc(sizeof(*b), KM_ATOMIC);

	rcu_call(&a->rcu, object_free);
	ck_assert_uint_eq(freed, 1);
	rcu_read_lock();
	rcu_call(&b->rcu, object_free);
	ck_assert_uint_eq(freed, 1);
	rcu_read_unlock();
	rcu_synchronize();
	ck_assert_uint_eq(freed, 2);
}

TEST(memory)
{
	u8 *p = kmem_alloc(100, KM_ZERO), *q;

	ck_assert(p && !p[0] && !p[99]);
	p[99] = 7;
	unit_kmem_fail_in(2);
	q = kmem_realloc(p, 200, KM_NORMAL);
	ck_assert(q && q[99] == 7);
	ck_assert_ptr_null(kmem_alloc(8, KM_NORMAL));
	kmem_free(q);
	p = kmem_alloc(256, KM_NORMAL);
	ck_assert_uint_eq((u64)p % 256, 0);
	kmem_free(p);
	ck_assert_ptr_null(kmem_alloc_array(1UL << 33, 1UL << 33, 0));
	kmem_free(kmem_strdup("text", KM_NORMAL));
}

static void
make_it_true(void)
{
	flag = true;
	waitq_wake_all(&wq);
}

TEST(waiting)
{
	unit_on_schedule = make_it_true;
	wait_event(&wq, flag);
	ck_assert(list_empty(&wq.waiters));
}

TEST(waiting_ends_at_the_deadline_or_by_a_signal)
{
	nsec_t start = clock_now();

	ck_assert_int_eq(wait_event_until(&wq, flag, start + 500), -ETIMEDOUT);
	ck_assert_int_eq(clock_now(), start + 500);
	thread_set_work(&unit_thread, TW_SIGNAL);
	ck_assert_int_eq(wait_event_interruptible(&wq, flag), -ERESTARTSYS);
	ck_assert(list_empty(&wq.waiters));
}

TEST_PANICS(waiting_for_ever) { wait_event(&wq, flag); }

static nsec_t fired[8];
static unsigned nfired;

static nsec_t
tick(struct timer *t, nsec_t now)
{
	fired[nfired++] = now - 1000 * NSEC_PER_SEC;
	return nfired < 3 ? now + 100 : 0;
}

TEST(timers_fire_in_order)
{
	struct timer t, u;

	timer_init(&t, TIMER_MONOTONIC, tick);
	timer_init(&u, TIMER_MONOTONIC, tick);
	timer_arm(&t, clock_now() + 50);
	timer_arm(&u, clock_now() + 999);
	ck_assert(timer_cancel(&u) && !timer_cancel(&u));
	unit_clock_advance(1000);
	ck_assert_uint_eq(nfired, 3);
	ck_assert(fired[0] == 50 && fired[1] == 150 && fired[2] == 250);
	ck_assert(!timer_pending(&t));
	ck_assert_int_eq(clock_now(), 1000 * NSEC_PER_SEC + 1000);
}

static void
work_func(struct work *w)
{
	freed++;
}

TEST(work_runs_once)
{
	struct work w;

	work_init(&w, work_func);
	ck_assert(work_queue(&w) && !work_queue(&w));
	unit_run_work();
	ck_assert_uint_eq(freed, 1);
	ck_assert(work_queue(&w));
	work_flush(&w);
	ck_assert_uint_eq(freed, 2);
}

TEST(user_memory)
{
	char user[32] = "hello", buf[32];
	u32 v;

	ck_assert_uint_eq(arch_copy_from_user(buf, user, 32), 0);
	ck_assert_int_eq(arch_strncpy_from_user(buf, user, 32), 5);
	unit_user_fault(user + 3, user + 32);
	ck_assert_uint_eq(arch_copy_from_user(buf, user, 32), 29);
	ck_assert_int_eq(arch_strncpy_from_user(buf, user, 32), -EFAULT);
	ck_assert_int_eq(arch_put_user_u32(1, (u32 *)user), -EFAULT);
	ck_assert_int_eq(arch_get_user_u32(&v, NULL), -EFAULT);
	ck_assert_int_eq(arch_get_user_u32(&v, (void *)0xffff800000000000), -EFAULT);
}
