/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt descriptors: the handlers of each irq number, above arch/irq.h.
 *
 * Dispatch takes no lock. It raises the descriptor's `running` count, walks the list of actions and lowers the count again;
 * irq_free() takes an action off the list and waits for the count to be zero once, after which nobody can see it.
 * A descriptor is made at the first request of its number and stays: its counters are statistics since boot.
 *
 * Masking. An irq is blocked while any of these holds: nobody handles it, it is disabled (depth), a one-shot thread is not
 * done with it (oneshot count), it was found stuck. update_mask() is the one place that decides. An edge that comes while its
 * line is masked is lost, so edge lines and messages stay open while they are only disabled: what arrives is remembered
 * (pending) and raised again afterwards.
 */
#include "dev/irq.h"

#include "arch/cpu.h"
#include "arch/irq.h"
#include "arch/trap.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/list.h"
#include "sys/lib/printf.h"
#include "sys/log.h"
#include "sys/mutex.h"
#include "sys/panic.h"
#include "sys/percpu.h"
#include "sys/random.h"
#include "sys/sched.h"
#include "sys/spinlock.h"
#include "sys/wait.h"

#define THREAD_PRIORITY	50
#define STUCK_LIMIT	100000		/* interrupts in a row that nobody wanted */

/* Lock key: [I] immutable  [a] atomic  [l] the descriptor's lock  [r] list read without lock while running > 0  [M] setup_lock */
struct irq_action {
	struct list node;		/* [l, r] */
	irq_handler *handler;		/* [I] NULL: straight to the thread */
	irq_handler *thread_fn;		/* [I] NULL: none */
	void *arg;			/* [I] */
	const char *name;		/* [I] */
	u32 flags;			/* [I] */
	u32 irq;			/* [I] */
	u32 wanted;			/* [a] the thread has work; cleared by it before it starts */
	bool holds_line;		/* [l] its thread keeps the line masked */
	bool quit;			/* [a] */
	struct thread *thread;		/* [I] a reference */
	struct waitq wake;
	struct completion gone;
};

struct irq_desc {
	struct spinlock lock;		/* LOCK_IRQ */
	u32 irq;			/* [I] */
	struct list actions;		/* [l, r] */
	u32 running;			/* [a] dispatches that may hold an action */
	u32 depth;			/* [l] irq_disable nesting */
	u32 oneshot;			/* [l] threads that keep the line masked */
	bool ready;			/* [l] set up at the controller */
	bool stuck;			/* [l] */
	bool blocked;			/* [a] written under l: handlers must not run */
	bool pending;			/* [l] came while blocked */
	bool masked;			/* [l] as last told to the hardware */
	u32 unwanted;			/* [a] in a row */
	const struct irq_msi_ops *msi;	/* [I] NULL: a line */
	void *msi_owner;		/* [I] */
	u32 counts[CPU_MAX];		/* each by its CPU only */
};

static struct mutex setup_lock = MUTEX_INIT(setup_lock, LOCK_IRQ_SETUP);	/* making descriptors; request and free */
static struct irq_desc *descs[ARCH_IRQ_COUNT];		/* [a] once set, for ever */

static struct irq_desc *
desc_of(u32 irq)
{
	return irq < ARCH_IRQ_COUNT ? atomic_load_acquire(&descs[irq]) : NULL;
}

static struct irq_desc *
desc_make(u32 irq)
{
	struct irq_desc *d = desc_of(irq);

	if (d != NULL || irq >= ARCH_IRQ_COUNT)
		return d;
	d = kmem_alloc(sizeof(*d), KM_ZERO);
	if (d == NULL)
		return NULL;
	spin_init(&d->lock, LOCK_IRQ);
	list_init(&d->actions);
	d->irq = irq;
	d->masked = d->blocked = true;
	atomic_store_release(&descs[irq], d);
	return d;
}

static void
set_hardware_mask(struct irq_desc *d, bool masked)
{
	if (masked == d->masked)
		return;
	d->masked = masked;
	if (d->msi != NULL)
		d->msi->mask(d->msi_owner, masked);
	else if (masked)
		arch_irq_mask(d->irq);
	else
		arch_irq_unmask(d->irq);
}

static void
update_mask(struct irq_desc *d)
{
	bool off = list_empty(&d->actions) || d->stuck || !d->ready;
	bool blocked = off || d->depth != 0 || d->oneshot != 0;

	spin_assert_held(&d->lock);
	atomic_store(&d->blocked, blocked);
	set_hardware_mask(d, d->msi == NULL && arch_irq_is_level(d->irq) ? blocked : off);
	if (!blocked && d->pending) {
		d->pending = false;
		arch_irq_retrigger(d->irq);
	}
}

/* --- arrival --- */

static void
wake_thread(struct irq_desc *d, struct irq_action *a)
{
	if (a->flags & IRQF_ONESHOT) {
		spin_lock(&d->lock);
		if (!a->holds_line) {
			a->holds_line = true;
			d->oneshot++;
			update_mask(d);
		}
		spin_unlock(&d->lock);
	}
	atomic_store(&a->wanted, 1U);
	waitq_wake_all(&a->wake);
}

static bool
run_actions(struct irq_desc *d)
{
	struct irq_action *a;
	bool handled = false;

	list_for_each_rcu(a, &d->actions, node) {
		enum irq_result r = a->handler != NULL ? a->handler(d->irq, a->arg) : IRQ_WAKE_THREAD;

		if (r == IRQ_WAKE_THREAD)
			wake_thread(d, a);
		handled |= r != IRQ_NONE;
	}
	return handled;
}

/* Many in a row that nobody knows: the line would eat the CPU. Off with it, and say so. */
static void
nobody_cared(struct irq_desc *d)
{
	if (atomic_add(&d->unwanted, 1U) < STUCK_LIMIT)
		return;
	spin_lock(&d->lock);
	if (!d->stuck) {
		d->stuck = true;
		update_mask(d);
		log_err("irq %u: nobody cared; switched off", d->irq);
	}
	spin_unlock(&d->lock);
}

/* It came although blocked. A level will be there again; an edge must be kept. False: it isn't blocked any more. */
static bool
still_blocked(struct irq_desc *d)
{
	bool blocked;

	spin_lock(&d->lock);
	blocked = d->blocked;
	if (blocked)
		d->pending = d->msi != NULL || !arch_irq_is_level(d->irq);
	spin_unlock(&d->lock);
	return blocked;
}

void
irq_dispatch(u32 irq)
{
	struct irq_desc *d = desc_of(irq);
	u32 cpu = cpu_id();

	if (unlikely(d == NULL))
		return;
	d->counts[cpu]++;
	random_mix_interrupt(arch_cycles() ^ ((u64)irq << 56));
	atomic_fetch_add(&d->running, 1U);
	if (likely(!atomic_load(&d->blocked) || !still_blocked(d))) {
		if (likely(run_actions(d)))
			atomic_store_relaxed(&d->unwanted, 0U);
		else
			nobody_cared(d);
	}
	atomic_fetch_sub(&d->running, 1U);
}

/* --- threads --- */

static void
line_done(struct irq_desc *d, struct irq_action *a)
{
	u64 flags = spin_lock_irqsave(&d->lock);

	if (a->holds_line && !atomic_load(&a->wanted)) {
		a->holds_line = false;
		d->oneshot--;
		update_mask(d);
	}
	spin_unlock_irqrestore(&d->lock, flags);
}

static void
action_thread(void *arg)
{
	struct irq_action *a = arg;
	struct irq_desc *d = desc_of(a->irq);

	for (;;) {
		wait_event_idle(&a->wake, atomic_load(&a->wanted) || atomic_load(&a->quit));
		if (atomic_load(&a->quit))
			break;
		atomic_store(&a->wanted, 0U);
		a->thread_fn(a->irq, a->arg);
		line_done(d, a);
	}
	completion_complete(&a->gone);
	thread_exit();
}

static int
start_thread(struct irq_action *a)
{
	int err;

	waitq_init(&a->wake);
	completion_init(&a->gone);
	err = thread_create(&a->thread, action_thread, a, "irq/%u-%s", a->irq, a->name);
	if (err != 0)
		return err;
	err = sched_set_policy(a->thread, SCHED_POLICY_FIFO, THREAD_PRIORITY, false);
	if (err != 0) {
		thread_discard(a->thread);
		return err;
	}
	thread_wake(a->thread);
	return 0;
}

static void
stop_thread(struct irq_action *a)
{
	if (a->thread == NULL)
		return;
	atomic_store(&a->quit, true);
	waitq_wake_all(&a->wake);
	completion_wait(&a->gone);
	thread_put(a->thread);
}

/* --- request and free --- */

/* Set the line up, or find that it may be shared. */
static int
prepare_line(struct irq_desc *d, u32 flags)
{
	struct irq_action *first;

	if (!d->ready) {
		int err = d->msi != NULL ? 0 : arch_irq_setup(d->irq, flags & IRQF_LEVEL, flags & IRQF_LOW);

		if (err != 0)
			return err;
	}
	first = list_first(&d->actions, struct irq_action, node);
	if (first != NULL && (!(first->flags & IRQF_SHARED) || !(flags & IRQF_SHARED)))
		return -EBUSY;
	return 0;
}

static void
attach(struct irq_desc *d, struct irq_action *a)
{
	u64 flags = spin_lock_irqsave(&d->lock);

	list_add_tail_rcu(&d->actions, &a->node);
	d->ready = true;
	d->stuck = false;
	d->pending = d->pending && d->depth != 0;
	atomic_store_relaxed(&d->unwanted, 0U);
	update_mask(d);
	spin_unlock_irqrestore(&d->lock, flags);
}

int
irq_request_threaded(u32 irq, irq_handler *handler, irq_handler *thread_fn, void *arg, u32 flags, const char *name)
{
	struct irq_action *a;
	struct irq_desc *d;
	int err;

	if (irq >= ARCH_IRQ_COUNT || (handler == NULL && thread_fn == NULL))
		return -EINVAL;
	a = kmem_alloc(sizeof(*a), KM_ZERO);
	if (a == NULL)
		return -ENOMEM;
	a->handler = handler;
	a->thread_fn = thread_fn;
	a->arg = arg;
	a->name = name;
	a->irq = irq;
	a->flags = flags | (handler == NULL ? (u32)IRQF_ONESHOT : 0);
	mutex_lock(&setup_lock);
	d = desc_make(irq);
	err = d == NULL ? -ENOMEM : prepare_line(d, flags);
	if (err == 0 && thread_fn != NULL)
		err = start_thread(a);
	if (err == 0)
		attach(d, a);
	mutex_unlock(&setup_lock);
	if (err != 0)
		kmem_free(a);
	return err;
}

int
irq_request(u32 irq, irq_handler *handler, void *arg, u32 flags, const char *name)
{
	return irq_request_threaded(irq, handler, NULL, arg, flags, name);
}

void
irq_synchronize(u32 irq)
{
	struct irq_desc *d = desc_of(irq);

	might_sleep();
	while (d != NULL && atomic_load(&d->running) != 0)
		arch_pause();
}

/* Take the action off, and the line from the controller when it was the last. */
static struct irq_action *
detach(struct irq_desc *d, void *arg)
{
	struct irq_action *a, *found = NULL;
	u64 flags = spin_lock_irqsave(&d->lock);

	list_for_each(a, &d->actions, node) {
		if (a->arg == arg) {
			found = a;
			break;
		}
	}
	if (found != NULL) {
		list_del_rcu(&found->node);
		update_mask(d);
	}
	spin_unlock_irqrestore(&d->lock, flags);
	return found;
}

void
irq_free(u32 irq, void *arg)
{
	struct irq_desc *d = desc_of(irq);
	struct irq_action *a;
	u64 flags;

	might_sleep();
	if (d == NULL)
		return;
	mutex_lock(&setup_lock);
	a = detach(d, arg);
	if (a == NULL) {
		mutex_unlock(&setup_lock);
		WARN_ON(a == NULL);
		return;
	}
	irq_synchronize(irq);
	stop_thread(a);
	flags = spin_lock_irqsave(&d->lock);
	if (a->holds_line)
		d->oneshot--;
	if (list_empty(&d->actions) && d->msi == NULL)
		d->ready = false;
	update_mask(d);
	spin_unlock_irqrestore(&d->lock, flags);
	if (!d->ready)
		arch_irq_free(irq);
	mutex_unlock(&setup_lock);
	kmem_free(a);
}

/* --- control --- */

void
irq_disable_nosync(u32 irq)
{
	struct irq_desc *d = desc_of(irq);
	u64 flags;

	if (d == NULL)
		return;
	flags = spin_lock_irqsave(&d->lock);
	d->depth++;
	update_mask(d);
	spin_unlock_irqrestore(&d->lock, flags);
}

void
irq_disable(u32 irq)
{
	irq_disable_nosync(irq);
	irq_synchronize(irq);
}

void
irq_enable(u32 irq)
{
	struct irq_desc *d = desc_of(irq);
	u64 flags;

	if (d == NULL)
		return;
	flags = spin_lock_irqsave(&d->lock);
	if (!WARN_ON(d->depth == 0))
		d->depth--;
	update_mask(d);
	spin_unlock_irqrestore(&d->lock, flags);
}

int
irq_set_affinity(u32 irq, u32 cpu)
{
	struct irq_desc *d = desc_of(irq);
	u64 address = 0, flags;
	u32 data = 0;
	int err;

	if (d == NULL)
		return -EINVAL;
	mutex_lock(&setup_lock);
	if (!d->ready)
		err = -EINVAL;
	else if (d->msi == NULL)
		err = arch_irq_set_affinity(irq, cpu, NULL, NULL);
	else
		err = arch_irq_set_affinity(irq, cpu, &address, &data);
	if (err == 0 && d->msi != NULL) {
		flags = spin_lock_irqsave(&d->lock);	/* against mask() */
		d->msi->write(d->msi_owner, address, data);
		spin_unlock_irqrestore(&d->lock, flags);
	}
	if (err == 0)
		arch_irq_settle(irq);
	mutex_unlock(&setup_lock);
	return err;
}

/* --- messages --- */

int
irq_alloc_msi(u32 cpu, const struct irq_msi_ops *ops, void *owner, u32 *irq)
{
	struct irq_desc *d;
	u64 address;
	u32 data;
	int err;

	mutex_lock(&setup_lock);
	err = arch_irq_alloc_msi(cpu, irq, &address, &data);
	if (err == 0) {
		d = desc_make(*irq);
		if (d == NULL) {
			arch_irq_free(*irq);
			err = -ENOMEM;
		} else {
			d->msi_owner = owner;
			d->msi = ops;
			d->ready = true;
			ops->mask(owner, true);
			ops->write(owner, address, data);
		}
	}
	mutex_unlock(&setup_lock);
	return err;
}

void
irq_free_msi(u32 irq)
{
	struct irq_desc *d = desc_of(irq);

	if (d == NULL || WARN_ON(d->msi == NULL || !list_empty(&d->actions)))
		return;
	mutex_lock(&setup_lock);
	d->msi->mask(d->msi_owner, true);
	d->ready = false;
	d->msi = NULL;
	arch_irq_free(irq);
	mutex_unlock(&setup_lock);
}

/* --- statistics --- */

u64
irq_count(u32 irq, u32 cpu)
{
	struct irq_desc *d = desc_of(irq);

	return d != NULL && cpu < CPU_MAX ? READ_ONCE(d->counts[cpu]) : 0;
}

u64
irq_total(void)
{
	u64 sum = 0;

	for (u32 irq = 0; irq < ARCH_IRQ_COUNT; irq++) {
		if (desc_of(irq) == NULL)
			continue;
		for_each_cpu(cpu)
			sum += irq_count(irq, cpu);
	}
	return sum;
}

bool
irq_describe(u32 irq, char *buf, size_t size)
{
	struct irq_desc *d = desc_of(irq);
	struct irq_action *a;
	struct strbuf sb;
	const char *comma = " ";

	if (d == NULL)
		return false;
	mutex_lock(&setup_lock);
	strbuf_init(&sb, buf, size);
	strbuf_printf(&sb, "%8s %3u-%-8s", arch_irq_chip(irq), irq, d->msi == NULL && arch_irq_is_level(irq) ? "level" : "edge");
	list_for_each(a, &d->actions, node) {
		strbuf_printf(&sb, "%s %s", comma, a->name);
		comma = ",";
	}
	comma = list_empty(&d->actions) ? NULL : comma;
	mutex_unlock(&setup_lock);
	return comma != NULL;
}
