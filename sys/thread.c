/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a thread: created with a stack and one reference of its own, woken, ended by thread_exit(). When the
 * switch has left it for good, stack and registers go (a zombie needs neither), and its own reference is put. The last reference frees: at once where that may sleep, else in a worker.
 * The struct itself goes after an RCU grace period, so that lists and lock owners can be looked at under RCU.
 */
#include "sys/cred.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/runqueue.h"
#include "sys/thread_boot.h"
#include "sys/work.h"

static struct kmem_cache *thread_cache;
static struct list all_threads = LIST_INIT(all_threads);	/* [all_lock] readers under RCU */
static struct spinlock all_lock = SPINLOCK_INIT(LOCK_LEAF);

static struct list dead_threads = LIST_INIT(dead_threads);	/* [dead_lock] by se.rt_node */
static struct spinlock dead_lock = SPINLOCK_INIT(LOCK_LEAF);
static void bury_dead(struct work *w);
static struct work dead_work;

static void
init_fields(struct thread *t)
{
	refcount_init(&t->refs, 1);
	spin_init(&t->lock, LOCK_THREAD);
	atomic_store_relaxed(&t->state, THREAD_NEW);
	list_init(&t->pi_waiters);
	t->affinity = ~0UL;
	t->se.rr_left = RR_SLICE;
	t->start_time = clock_boottime();
}

static void
list_thread(struct thread *t)
{
	u64 flags = spin_lock_irqsave(&all_lock);

	list_add_tail_rcu(&all_threads, &t->all_node);
	spin_unlock_irqrestore(&all_lock, flags);
}

static int
alloc_thread(struct thread **out)
{
	struct thread *t = kmem_cache_alloc(thread_cache, KM_ZERO);

	if (t == NULL)
		return -ENOMEM;
	t->kstack = kstack_alloc();
	if (t->kstack == NULL) {
		kmem_cache_free(thread_cache, t);
		return -ENOMEM;
	}
	init_fields(t);
	*out = t;
	return 0;
}

static int
create(struct thread **out, void (*fn)(void *), void *arg, const char *fmt, va_list ap)
{
	struct thread *t;
	int err = alloc_thread(&t);

	if (err != 0)
		return err;
	vsnprintf(t->name, sizeof(t->name), fmt, ap);
	t->cpu = cpu_id();
	t->cred = &init_cred;
	arch_thread_init_kernel(t, fn, arg);
	list_thread(t);
	*out = t;
	return 0;
}

int
thread_create(struct thread **out, void (*fn)(void *), void *arg, const char *fmt, ...)
{
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = create(out, fn, arg, fmt, ap);
	va_end(ap);
	if (err == 0)
		thread_get(*out);
	return err;
}

int
thread_spawn(void (*fn)(void *), void *arg, const char *fmt, ...)
{
	struct thread *t;
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = create(&t, fn, arg, fmt, ap);
	va_end(ap);
	if (err == 0)
		thread_wake(t);
	return err;
}

int
thread_create_user(struct thread **out)
{
	struct thread *t, *self = thread_current();
	int err = alloc_thread(&t);

	if (err != 0)
		return err;
	t->cpu = cpu_id();
	t->affinity = self->affinity;
	t->policy = self->policy;
	t->rt_prio = self->rt_prio;
	t->nice = self->nice;
	if (self->reset_on_fork) {
		if (t->rt_prio != 0)
			t->policy = SCHED_POLICY_OTHER;
		t->rt_prio = 0;
		t->nice = MAX(t->nice, (s8)0);
	}
	memcpy(t->name, self->name, sizeof(t->name));
	list_thread(t);
	*out = t;
	return 0;
}

static void
unlist(struct thread *t)
{
	u64 flags = spin_lock_irqsave(&all_lock);

	list_del_rcu(&t->all_node);
	spin_unlock_irqrestore(&all_lock, flags);
}

static void
free_struct(struct rcu_head *head)
{
	kmem_cache_free(thread_cache, container_of(head, struct thread, rcu));
}

static void
free_stack(struct thread *t)
{
	void *stack = t->kstack;

	WRITE_ONCE(t->kstack, NULL);
	arch_thread_free(t);
	kstack_free(stack);
}

/* May sleep. */
static void
destroy(struct thread *t)
{
	unlist(t);
	if (t->proc != NULL)
		proc_thread_release(t);
	if (t->kstack != NULL)
		free_stack(t);		/* it never ran */
	rcu_call(&t->rcu, free_struct);
}

static void
bury_dead(struct work *w)
{
	struct thread *t;
	u64 flags;

	for (;;) {
		flags = spin_lock_irqsave(&dead_lock);
		t = list_first(&dead_threads, struct thread, se.rt_node);
		if (t != NULL)
			list_del(&t->se.rt_node);
		spin_unlock_irqrestore(&dead_lock, flags);
		if (t == NULL)
			return;
		destroy(t);
	}
}

void
thread_discard(struct thread *t)
{
	KASSERT(t->state == THREAD_NEW);
	if (refcount_put(&t->refs))
		destroy(t);
}

void
thread_get(struct thread *t)
{
	refcount_get(&t->refs);
}

void
thread_put(struct thread *t)
{
	u64 flags;

	if (!refcount_put(&t->refs))
		return;
	if (!in_atomic() && arch_irqs_enabled()) {
		destroy(t);
		return;
	}
	flags = spin_lock_irqsave(&dead_lock);
	list_add_tail(&dead_threads, &t->se.rt_node);
	spin_unlock_irqrestore(&dead_lock, flags);
	work_queue(&dead_work);
}

void
thread_reap(struct thread *t)
{
	free_stack(t);
	thread_put(t);
}

void
thread_for_each(void (*fn)(struct thread *t, void *arg), void *arg)
{
	struct thread *t;

	rcu_read_lock();
	list_for_each_rcu(t, &all_threads, all_node)
		fn(t, arg);
	rcu_read_unlock();
}

static void
count_uninterruptible(struct thread *t, void *arg)
{
	if (atomic_load_relaxed(&t->state) == THREAD_UNINTERRUPTIBLE)
		++*(u32 *)arg;
}

u32
thread_count_uninterruptible(void)
{
	u32 n = 0;

	thread_for_each(count_uninterruptible, &n);
	return n;
}

/* The boot stack's thread: it becomes CPU 0's idle thread. Before there is memory. */
static struct thread boot_thread;

void
thread_init_boot(void *stack)
{
	struct thread *t = &boot_thread;

	init_fields(t);
	t->kstack = stack;
	t->cred = &init_cred;
	strlcpy(t->name, "swapper/0", sizeof(t->name));
	sched_attach_idle(0, t);
	this_cpu_write(percpu_current, t);
	list_thread(t);
}

void
thread_init(void)
{
	thread_cache = kmem_cache_create("thread", sizeof(struct thread), 64, 0, NULL);
	if (thread_cache == NULL)
		panic("no memory for threads");
	work_init(&dead_work, bury_dead);
}

int
sched_prepare_cpu(u32 cpu)
{
	struct thread *t;
	int err = alloc_thread(&t);

	if (err != 0)
		return err;
	snprintf(t->name, sizeof(t->name), "swapper/%u", cpu);
	t->cred = &init_cred;
	sched_attach_idle(cpu, t);
	list_thread(t);
	return 0;
}
