/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port's commands on the good path: waiting, started, finished; and commands that a thread waits for.
 *
 * Order. Commands start in the order they came in, except that one which can't run beside those that do holds back all behind
 * it: so a flush isn't overtaken, and neither of two devices on a channel starves the other.
 */
#include "dev/ata/ata.h"

#include "arch/mmu.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/lib/bits.h"
#include "sys/lib/string.h"
#include "sys/log.h"

struct list ata_ports = LIST_INIT(ata_ports);

/* --- starting --- */

static bool
can_start(const struct ata_port *p, const struct ata_command *c)
{
	u32 all = p->slots == ATA_SLOTS_MAX ? ~0U : (u32)BIT(p->slots) - 1;

	if (c->tf.protocol != ATA_NCQ)
		return p->active_mask == 0;
	return p->active_mask == p->queued_mask && p->active_mask != all;
}

/* -EIO: the hardware doesn't take it; it is active all the same. */
static int
start(struct ata_port *p, struct ata_command *c)
{
	c->slot = (u8)ctz64(~(u64)p->active_mask);
	c->state = ATA_ACTIVE;
	c->failure = ATA_OK;
	c->err = 0;
	c->moved = c->pio_seg = c->pio_off = 0;
	p->active[c->slot] = c;
	p->active_mask |= (u32)BIT(c->slot);
	if (c->tf.protocol == ATA_NCQ)
		p->queued_mask |= (u32)BIT(c->slot);
	return ata_fault_swallow(c) ? 0 : p->ops->start(p, c);
}

void
ata_port_run_locked(struct ata_port *p)
{
	spin_assert_held(&p->lock);
	while (!p->frozen && !list_empty(&p->deferred)) {
		struct ata_command *c = list_first(&p->deferred, struct ata_command, node);

		if (!can_start(p, c))
			break;
		list_del(&c->node);
		if (start(p, c) != 0) {
			c->failure = ATA_FAILED_LINK;
			ata_port_event_locked(p, ATA_EVENT_LINK);
		}
	}
}

int
ata_port_submit(struct ata_port *p, struct ata_command *c)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	bool gone = c->dev->gone;

	if (!gone) {
		c->state = ATA_DEFERRED;
		c->timed_out = false;
		list_add_tail(&p->deferred, &c->node);
		ata_port_run_locked(p);
	}
	spin_unlock_irqrestore(&p->lock, flags);
	return gone ? -ENODEV : 0;
}

/* --- ending --- */

static void
take_off(struct ata_port *p, struct ata_command *c)
{
	p->active[c->slot] = NULL;
	p->active_mask &= ~(u32)BIT(c->slot);
	p->queued_mask &= ~(u32)BIT(c->slot);
	c->state = ATA_IDLE;
	if (c->timed_out) {
		c->timed_out = false;
		waitq_wake_all(&p->taken);
	}
}

void
ata_port_finish(struct ata_port *p, struct ata_command *c, struct list *done)
{
	spin_assert_held(&p->lock);
	take_off(p, c);
	list_add_tail(done, &c->node);
}

void
ata_port_fail(struct ata_port *p, struct ata_command *c, enum ata_failure why, struct list *done)
{
	spin_assert_held(&p->lock);
	c->failure = why;
	if (c->recovery)
		ata_port_finish(p, c, done);
	else
		ata_port_event_locked(p, why == ATA_FAILED_DEVICE ? ATA_EVENT_ERROR : ATA_EVENT_LINK);
}

void
ata_port_end(struct ata_port *p, struct list *done)
{
	u64 flags;

	if (list_empty(done))
		return;
	while (!list_empty(done)) {
		struct ata_command *c = list_first(done, struct ata_command, node);

		list_del(&c->node);
		c->done(c);
	}
	flags = spin_lock_irqsave(&p->lock);
	ata_port_run_locked(p);
	spin_unlock_irqrestore(&p->lock, flags);
}

void
ata_port_event_locked(struct ata_port *p, u32 events)
{
	spin_assert_held(&p->lock);
	if (events & ~(u32)ATA_EVENT_PUSH)
		p->frozen = true;
	p->events |= events;
	waitq_wake_all(&p->wake);
}

void
ata_port_event(struct ata_port *p, u32 events)
{
	u64 flags = spin_lock_irqsave(&p->lock);

	ata_port_event_locked(p, events);
	spin_unlock_irqrestore(&p->lock, flags);
}

static bool
is_taken(struct ata_port *p, struct ata_command *c)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	bool taken = !c->timed_out;

	spin_unlock_irqrestore(&p->lock, flags);
	return taken;
}

void
ata_port_timeout(struct ata_port *p, struct ata_command *c)
{
	u64 flags = spin_lock_irqsave(&p->lock);

	if (c->state == ATA_ACTIVE || c->state == ATA_DEFERRED) {
		c->timed_out = true;
		ata_port_event_locked(p, ATA_EVENT_TIMEOUT);
	}
	spin_unlock_irqrestore(&p->lock, flags);
	wait_event(&p->taken, is_taken(p, c));
}

/* --- commands that a thread waits for --- */

static void
execution_done(struct ata_command *c)
{
	completion_complete(c->priv);
}

/* The data in pieces that don't cross the controller's boundary. */
static int
split(const struct ata_port *p, struct ata_command *c, u64 addr)
{
	u64 boundary = p->dma.boundary != 0 ? p->dma.boundary : 1UL << 22;
	u32 left = c->len;

	for (c->nsegs = 0; left > 0; c->nsegs++) {
		u64 room = boundary - (addr & (boundary - 1));

		if (c->nsegs == ARRAY_SIZE(c->own))
			return -EINVAL;
		c->own[c->nsegs] = (struct dma_segment){ .address = addr, .len = left < room ? left : (u32)room };
		addr += c->own[c->nsegs].len;
		left -= c->own[c->nsegs].len;
	}
	c->segs = c->own;
	return 0;
}

/* Recovery's own command didn't come back. False: just now it did. */
static bool
abandon(struct ata_port *p, struct ata_command *c)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	bool late = c->state == ATA_ACTIVE;

	if (late)
		take_off(p, c);
	spin_unlock_irqrestore(&p->lock, flags);
	return late;
}

static int
start_recovery(struct ata_port *p, struct ata_command *c)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	int err = p->active_mask == 0 ? start(p, c) : -EIO;

	if (err != 0 && c->state == ATA_ACTIVE)
		take_off(p, c);
	spin_unlock_irqrestore(&p->lock, flags);
	return err;
}

int
ata_execute(struct ata_port *p, struct ata_command *c, u64 addr, u32 timeout_ms, bool recovery)
{
	struct completion over;
	nsec_t end = clock_now() + timeout_ms * NSEC_PER_MSEC;
	int err = split(p, c, addr);

	if (err != 0)
		return err;
	completion_init(&over);
	c->internal = c->want_result = true;
	c->recovery = recovery;
	c->timed_out = false;
	c->done = execution_done;
	c->priv = &over;
	c->err = 0;
	err = recovery ? start_recovery(p, c) : ata_port_submit(p, c);
	if (err != 0)
		return err;
	if (recovery && p->ops->push != NULL)
		p->ops->push(p, end);	/* it is this thread that would be asked to */
	while (wait_event_until(&over.wq, atomic_load_acquire(&over.done), end) != 0) {
		if (!recovery)
			ata_port_timeout(p, c);
		else if (abandon(p, c))
			return -ETIMEDOUT;
		end = clock_now() + timeout_ms * NSEC_PER_MSEC;		/* it may have gone in once more */
	}
	completion_wait(&over);
	if (recovery)
		return c->failure == ATA_OK ? 0 : -EIO;
	return c->err;
}

/* --- small things --- */

void
ata_sleep_ms(u32 ms)
{
	nsec_t end = clock_now() + ms * NSEC_PER_MSEC;

	do
		thread_set_state(THREAD_UNINTERRUPTIBLE);
	while (thread_schedule_until(end) == 0);
}

void *
ata_segment_memory(const struct dma_segment *s)
{
	return phys_to_virt(s->address);
}

void
ata_fill_trim(struct ata_command *c, void *data, u64 addr)
{
	ata_build_trim(&c->dev->id, c->sector, c->nr_sectors, data, &c->tf);
	c->own[0] = (struct dma_segment){ .address = addr, .len = 512 };
	c->segs = c->own;
	c->nsegs = 1;
	c->len = 512;
}

int
ata_port_init(struct ata_port *p)
{
	static u32 next = 1;	/* boot only */

	p->buf = dma_alloc(&p->dma, 512, &p->buf_addr);
	if (p->buf == NULL)
		return -ENOMEM;
	p->index = next++;
	spin_init(&p->lock, LOCK_DISK_HW);
	list_init(&p->deferred);
	waitq_init(&p->wake);
	waitq_init(&p->taken);
	completion_init(&p->probed);
	completion_init(&p->retired);
	refcount_init(&p->refs, 1);
	p->frozen = true;
	p->events = ATA_EVENT_PROBE;
	return 0;
}

int
ata_port_start(struct ata_port *p)
{
	int err = thread_spawn(ata_port_thread, p, "ata/%u", p->index);

	if (err == 0) {
		p->started = true;
		list_add_tail(&ata_ports, &p->node);
	}
	return err;
}

void
ata_port_retire(struct ata_port *p)
{
	if (!p->started)
		return;
	ata_port_event(p, ATA_EVENT_RETIRE);
	completion_wait(&p->retired);
	list_del(&p->node);
}

void
ata_port_get(struct ata_port *p)
{
	refcount_get(&p->refs);
}

void
ata_port_put(struct ata_port *p)
{
	if (refcount_put(&p->refs))
		p->ops->release(p);
}

void
ata_port_destroy(struct ata_port *p)
{
	dma_free(p->buf, 512);
}
