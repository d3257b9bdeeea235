/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: per CPU two trees by expiry, one on the monotonic scale (BOOTTIME differs by a constant), one on the wall clock's, whose
 * distance to the other changes when the clock is set. The CPU's hardware timer is set for the earliest of both trees and
 * the scheduler's tick; it is never moved back: a cancelled timer costs at most one early interrupt.
 *
 * Call-backs run without the lock. While one runs, the timer stays with its base, so that it is never run on two CPUs at a time.
 *
 * Lock key: [b] base->lock  [o] own CPU, interrupts off
 */
#include "arch/cpu.h"
#include "arch/smp.h"
#include "arch/trap.h"
#include "sys/clock.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/spinlock.h"
#include "sys/timer.h"
#include "sys/timer_tick.h"

#define SHOWN_MAX	32	/* timers of a tree that SysRq q names */
#define BURST_MAX	64	/* call-backs in one interrupt */

enum { TIMER_PENDING = 1, TIMER_CANCELLED = 2 };

struct timer_base {
	struct spinlock lock;		/* LOCK_TIMER, interrupts off */
	struct rbtree mono, real;	/* [b] */
	struct timer *running;		/* [b] */
	nsec_t hardware;		/* [o] what the CPU's timer is set for; 0: nothing */
	nsec_t tick;			/* [o] 0: none */
	bool in_interrupt;		/* [o] the hardware is set at the end */
} __aligned(64);

static PERCPU_DEFINE(struct timer_base, timer_base) = { .lock = SPINLOCK_INIT(LOCK_TIMER) };

static struct rbtree *
tree_of(struct timer_base *b, const struct timer *t)
{
	return t->clock == TIMER_REALTIME ? &b->real : &b->mono;
}

/* Distance of the timer's clock to the monotonic one. */
static nsec_t
clock_offset(u8 clock)
{
	switch (clock) {
	case TIMER_REALTIME:
		return clock_realtime_offset();
	case TIMER_BOOTTIME:
		return clock_boottime_offset();
	default:
		return 0;
	}
}

/* Order inside a tree: BOOTTIME timers are keyed by their monotonic expiry. */
static nsec_t
key_of(const struct timer *t)
{
	return t->clock == TIMER_BOOTTIME ? t->expires - clock_boottime_offset() : t->expires;
}

static void
insert(struct timer_base *b, struct timer *t)
{
	struct rbtree *tree = tree_of(b, t);
	struct rbnode **link = &tree->root, *parent = NULL;
	nsec_t key = key_of(t);

	while (*link != NULL) {
		parent = *link;
		link = key < key_of(rb_entry(parent, struct timer, node)) ? &parent->left : &parent->right;
	}
	rb_insert(tree, &t->node, parent, link);
	t->state = TIMER_PENDING;
}

static void
take_out(struct timer_base *b, struct timer *t)
{
	rb_erase(tree_of(b, t), &t->node);
	t->state &= (u8)~TIMER_PENDING;
}

/* The base t is on, locked. */
static struct timer_base *
lock_base(struct timer *t, u64 *flags)
{
	for (;;) {
		u32 cpu = atomic_load_relaxed(&t->cpu);
		struct timer_base *b = per_cpu_ptr(timer_base, cpu);

		*flags = spin_lock_irqsave(&b->lock);
		if (t->cpu == cpu)
			return b;
		spin_unlock_irqrestore(&b->lock, *flags);
	}
}

static nsec_t
earliest(struct timer_base *b)
{
	struct timer *m = rb_entry_or_null(rb_first(&b->mono), struct timer, node);
	struct timer *r = rb_entry_or_null(rb_first(&b->real), struct timer, node);
	nsec_t next = b->tick != 0 ? b->tick : NSEC_MAX;

	if (m != NULL)
		next = MIN(next, key_of(m));
	if (r != NULL)
		next = MIN(next, MAX(r->expires - clock_realtime_offset(), (nsec_t)1));
	return next;
}

/* Own base, interrupts off. */
static void
set_hardware(struct timer_base *b, nsec_t when)
{
	if (b->in_interrupt || when == NSEC_MAX || (b->hardware != 0 && b->hardware <= when))
		return;
	b->hardware = when;
	arch_timer_arm(when);
}

void
timer_init(struct timer *t, enum timer_clock clock, nsec_t (*func)(struct timer *, nsec_t now))
{
	*t = (struct timer){ .clock = (u8)clock, .func = func, .cpu = cpu_id() };
}

void
timer_arm(struct timer *t, nsec_t expires)
{
	u64 flags;
	struct timer_base *b = lock_base(t, &flags);

	if (t->state & TIMER_PENDING)
		take_out(b, t);
	if (b->running != t && t->cpu != cpu_id()) {	/* comes over to this CPU; nobody else can lock it meanwhile but to look */
		t->cpu = cpu_id();
		spin_unlock(&b->lock);
		b = this_cpu_ptr(timer_base);
		spin_lock(&b->lock);
	}
	t->expires = MAX(expires, (nsec_t)1);
	insert(b, t);
	if (t->cpu == cpu_id())
		set_hardware(b, earliest(b));
	spin_unlock_irqrestore(&b->lock, flags);
}

bool
timer_cancel(struct timer *t)
{
	u64 flags;
	struct timer_base *b = lock_base(t, &flags);
	bool was = t->state & TIMER_PENDING;

	if (was)
		take_out(b, t);
	if (b->running == t)
		t->state |= TIMER_CANCELLED;	/* its call-back may not re-arm it */
	spin_unlock_irqrestore(&b->lock, flags);
	return was;
}

bool
timer_cancel_sync(struct timer *t)
{
	bool was = timer_cancel(t);

	for (;;) {
		u64 flags;
		struct timer_base *b = lock_base(t, &flags);
		bool running = b->running == t;

		spin_unlock_irqrestore(&b->lock, flags);
		if (!running)
			return was;
		arch_pause();
	}
}

bool
timer_pending(const struct timer *t)
{
	return atomic_load_relaxed(&t->state) & TIMER_PENDING;
}

/* The first timer of the tree is due: run it. The lock is let go meanwhile. */
static void
run_one(struct timer_base *b, struct timer *t, nsec_t now)
{
	nsec_t next;

	take_out(b, t);
	b->running = t;
	t->state = 0;
	spin_unlock(&b->lock);
	next = t->func(t, now + clock_offset(t->clock));
	spin_lock(&b->lock);
	b->running = NULL;
	if (next != 0 && t->state == 0) {
		t->expires = next;
		insert(b, t);
	}
}

static struct timer *
first_due(struct rbtree *tree, nsec_t now)
{
	struct timer *t = rb_entry_or_null(rb_first(tree), struct timer, node);

	return t != NULL && key_of(t) <= now ? t : NULL;
}

void
timer_interrupt(struct trapframe *tf)
{
	struct timer_base *b = this_cpu_ptr(timer_base);
	nsec_t now = clock_now();
	struct timer *t;

	b->in_interrupt = true;
	b->hardware = 0;
	spin_lock(&b->lock);
	for (int i = 0; i < BURST_MAX; i++) {
		t = first_due(&b->mono, now);
		if (t == NULL)
			t = first_due(&b->real, now + clock_realtime_offset());
		if (t == NULL)
			break;
		run_one(b, t, now);
	}
	spin_unlock(&b->lock);
	if (b->tick != 0 && b->tick <= now) {
		b->tick = 0;
		b->tick = sched_tick(tf, now);
	}
	spin_lock(&b->lock);
	b->in_interrupt = false;
	set_hardware(b, earliest(b));
	spin_unlock(&b->lock);
}

void
timer_tick_arm(nsec_t when)
{
	struct timer_base *b = this_cpu_ptr(timer_base);

	if (b->tick != 0 && b->tick <= when)
		return;
	b->tick = when;
	set_hardware(b, when);
}

static void
clock_set_here(void *arg)
{
	struct timer_base *b = this_cpu_ptr(timer_base);

	spin_lock(&b->lock);
	set_hardware(b, earliest(b));
	spin_unlock(&b->lock);
}

void
timer_clock_was_set(void)
{
	u64 flags;

	preempt_disable();
	arch_ipi_call(atomic_load(&cpu_online_mask), clock_set_here, NULL);
	flags = arch_irq_save();
	clock_set_here(NULL);
	arch_irq_restore(flags);
	preempt_enable();
}

static void
show_tree(struct rbtree *tree, const char *name, nsec_t now)
{
	struct rbnode *n = rb_first(tree);
	u32 i = 0;

	for (; n != NULL && i < SHOWN_MAX; n = rb_next(n), i++) {
		struct timer *t = rb_entry(n, struct timer, node);

		log_info("  #%u: %s, %pS, expires in %ld us", i, name, (void *)t->func, (key_of(t) - now) / NSEC_PER_USEC);
	}
	for (; n != NULL; n = rb_next(n))
		i++;
	if (i > SHOWN_MAX)
		log_info("  and %u more", i - SHOWN_MAX);
}

void
timer_show(u32 cpu)
{
	struct timer_base *b = per_cpu_ptr(timer_base, cpu);
	nsec_t now = clock_now();
	u64 flags = spin_lock_irqsave(&b->lock);

	log_info("cpu: %u, now at %ld ns, tick %s", cpu, now, READ_ONCE(b->tick) != 0 ? "on" : "off");
	show_tree(&b->mono, "monotonic", now);
	show_tree(&b->real, "realtime", now + clock_realtime_offset());
	spin_unlock_irqrestore(&b->lock, flags);
}
