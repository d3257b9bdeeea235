/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port's thread: it finds the devices at boot, and takes over whenever something went wrong.
 *
 * One pass. The port is frozen: nothing new is started. What was active is taken off the hardware's hands. After a device's error
 * the engine is stopped and the device asked what happened (the NCQ error log, the sense data); after an error of the
 * controller or the wire, a time-out, or where stopping doesn't help, the port is reset, and every device must answer to IDENTIFY
 * as the one it was. Then each command ends, or goes back to the block layer to be tried again, and the port thaws.
 *
 * A failed command is tried ATA_TRIES times where that can help; bystanders are tried again without counting. Resets are tried
 * ATA_TRIES times; a device that doesn't come back is taken off.
 */
#include "dev/ata/ata.h"

#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/lib/bits.h"
#include "sys/lib/string.h"
#include "sys/log.h"

#define RECOVERY_MS	5000		/* for a command of our own */
#define IDENTIFY_MS	10000
#define RESET_PAUSE_MS	100
#define TIMEOUTS_MAX	2		/* then the next simpler mode, if they come so close: */
#define TIMEOUTS_APART	(600 * NSEC_PER_SEC)

struct pass {
	u32 events;
	struct list failed;		/* were active */
	struct list waiting;		/* were not started */
};

/* --- own commands --- */

/* A command of this thread, while the port is frozen. After an error the engine runs again, or the port is `broken`. */
static int
run(struct ata_port *p, struct ata_command *c, u32 ms)
{
	int err = ata_execute(p, c, p->buf_addr, ms, true);

	if (err != 0 && (err == -ETIMEDOUT || p->ops->stop(p) != 0))
		p->broken = true;
	return err;
}

static int
identify_as(struct ata_device *dev, bool packet)
{
	struct ata_command c = { .dev = dev, .len = 512, .tf = { .protocol = ATA_PIO,
		.command = packet ? ATA_IDENTIFY_PACKET : ATA_IDENTIFY } };
	int err;

	memset(dev->port->buf, 0, 512);
	err = run(dev->port, &c, IDENTIFY_MS);
	if (err != 0)
		return err;
	memcpy(dev->words, dev->port->buf, 512);
	return ata_identity_parse(dev->words, packet, &dev->id);
}

/* The signature may be wrong: a device that aborts one of the two may know the other. */
static int
identify(struct ata_device *dev, enum ata_class class)
{
	bool packet = class == ATA_PACKETS;
	int err = identify_as(dev, packet);

	if (err == -EIO && !dev->port->broken)
		err = identify_as(dev, !packet);
	return err;
}

/* After a reset a device is in its slowest mode (ATA8-ACS 7.45.9). One that refuses is left as it is. */
static void
set_mode(struct ata_device *dev)
{
	struct ata_command c = { .dev = dev, .tf = { .command = ATA_SET_FEATURES, .feature = ATA_FEATURE_XFER_MODE,
		.count = dev->id.xfer_mode, .protocol = ATA_NODATA } };
	int err;

	if (dev->id.xfer_mode == 0)
		return;
	err = run(dev->port, &c, RECOVERY_MS);
	if (err != 0)
		log_warn("ata%u: transfer mode %#x is refused: error %d", dev->port->index, dev->id.xfer_mode, err);
}

int
ata_request_sense(struct ata_device *dev, struct ata_sense *out)
{
	struct ata_command c = { .dev = dev, .len = ATA_SENSE_SIZE, .cdb = { 0x03, 0, 0, 0, ATA_SENSE_SIZE } };
	int err;

	ata_build_packet(&dev->id, false, false, c.len, &c.tf);
	memset(dev->port->buf, 0, ATA_SENSE_SIZE);
	err = run(dev->port, &c, RECOVERY_MS);
	if (err == 0)
		*out = ata_sense_parse(dev->port->buf, c.moved < ATA_SENSE_SIZE ? c.moved : ATA_SENSE_SIZE);
	return err;
}

/* --- devices --- */

static void
drop(struct ata_port *p, u32 unit, const char *why)
{
	struct ata_device *dev = p->devs[unit];
	char name[16];
	u64 flags;

	log_warn("%s: %s", ata_device_name(dev, name, sizeof(name)), why);
	flags = spin_lock_irqsave(&p->lock);
	dev->gone = true;
	spin_unlock_irqrestore(&p->lock, flags);
	p->devs[unit] = NULL;
	ata_device_changed(dev);
	ata_device_put(dev);
}

static enum ata_mode
best_mode(const struct ata_port *p, const struct ata_identity *id)
{
	if (!p->can_dma || !id->dma)
		return ATA_MODE_PIO;
	return p->can_queue && id->ncq && p->slots > 1 ? ATA_MODE_NCQ : ATA_MODE_DMA;
}

static bool
same(const struct ata_identity *a, const struct ata_identity *b)
{
	return a->packet == b->packet && a->sectors == b->sectors && a->logical_size == b->logical_size &&
	       strcmp(a->model, b->model) == 0 && strcmp(a->serial, b->serial) == 0;
}

static void
adopt(struct ata_port *p, struct ata_device *dev)
{
	char name[16];

	atomic_store(&dev->mode, (u8)best_mode(p, &dev->id));
	ata_device_name(dev, name, sizeof(name));
	log_info("%s: %s: %s, %s, %s", name, dev->id.packet ? "ATAPI" : "ATA", dev->id.model, dev->id.firmware,
		 dev->mode == ATA_MODE_NCQ ? "DMA, NCQ" : dev->mode == ATA_MODE_DMA ? "DMA" : "PIO");
	p->devs[dev->unit] = dev;
	ata_device_changed(dev);
}

/* Something answered to the reset. 0; -EAGAIN: it doesn't tell what it is, another reset may help. */
static int
examine(struct ata_port *p, u32 unit, enum ata_class class)
{
	struct ata_device *old = p->devs[unit], *dev = ata_device_create(p, unit);
	int err;

	if (dev == NULL)
		return 0;
	err = identify(dev, class);
	if (err == 0 && !p->broken)
		set_mode(dev);
	if (err == 0 && !p->broken)
		err = p->ops->prepare(p, dev->id.packet || !p->can_queue ? 1 : dev->id.queue_depth);
	if (p->broken || err == -EIO || err == -ETIMEDOUT) {
		ata_device_put(dev);
		return -EAGAIN;
	}
	if (old != NULL && err == 0 && same(&old->id, &dev->id)) {
		ata_device_put(dev);
		return 0;
	}
	if (old != NULL)
		drop(p, unit, "another device is in its place");
	if (err != 0) {
		log_err("ata%u.%02u: cannot be driven: error %d", p->index, unit, err);
		ata_device_put(dev);
		return 0;
	}
	adopt(p, dev);
	return 0;
}

/* One reset. -EAGAIN: not all is well. last: what isn't there is gone. */
static int
try_reset(struct ata_port *p, bool last, bool replug)
{
	enum ata_class found[ATA_UNITS_MAX] = { ATA_NONE, ATA_NONE };
	int result = 0;

	p->broken = false;
	if (ata_fault_dead(p) || p->ops->reset(p, found) != 0)
		return -EAGAIN;
	for (u32 i = 0; i < p->units; i++) {
		if (found[i] == ATA_NONE && p->devs[i] != NULL && (last || replug))
			drop(p, i, "is gone");
		else if (found[i] == ATA_NONE && p->devs[i] != NULL)
			result = -EAGAIN;
		else if (found[i] != ATA_NONE && examine(p, i, found[i]) != 0)
			result = -EAGAIN;
		if (p->broken)
			return -EAGAIN;
	}
	return result;
}

static void
reset(struct ata_port *p, bool replug)
{
	for (u32 i = 0; i < ATA_TRIES; i++) {
		if (try_reset(p, i == ATA_TRIES - 1, replug) == 0)
			return;
		ata_sleep_ms(RESET_PAUSE_MS);
	}
	for (u32 i = 0; i < p->units; i++) {
		if (p->devs[i] != NULL)
			drop(p, i, "does not come back; taken off");
	}
}

/* --- judging --- */

static void
report(const struct ata_command *c, const char *what)
{
	char name[16];

	log_err("%s: %s: command %02x, status %02x error %02x, sector %lu", ata_device_name(c->dev, name, sizeof(name)), what,
		c->tf.command, c->result.status, c->result.error, c->tf.lba);
}

static void
judge_packet(struct ata_command *c)
{
	struct ata_sense s = { 0 };
	enum ata_verdict v = ATA_RETRY;

	c->err = -EIO;
	if (ata_request_sense(c->dev, &s) == 0)
		v = ata_sense_judge(&s, &c->err);
	c->result.lba = (u64)s.key << 16 | s.asc << 8 | s.ascq;	/* for ata_packet() */
	if (s.key == 6 && s.asc == 0x28)
		atomic_store(&c->dev->medium_changed, true);
	/* Sense data is a part of what an internal command asks for: it decides itself. */
	c->again = v == ATA_RETRY && !c->internal;
	if (c->again && s.key == 2)
		ata_sleep_ms(500);	/* becoming ready */
	if (!c->internal && (!c->again || s.key != 6))
		log_err("ata%u.%02u: packet %02x: sense %x/%02x/%02x", c->dev->port->index, c->dev->unit, c->cdb[0], s.key, s.asc, s.ascq);
}

static void
judge(struct ata_command *c)
{
	bool count = true;

	if (c->failure == ATA_FAILED_DEVICE && c->tf.command == ATA_PACKET) {
		judge_packet(c);
		count = !(c->err == 0);
	} else if (c->failure == ATA_FAILED_DEVICE) {
		c->again = ata_judge(&c->result, c->tf.write, &c->err) == ATA_RETRY;
		if (!c->internal)
			report(c, "error");
	} else if (c->failure == ATA_FAILED_LINK) {
		c->err = -EIO;
		c->again = true;
		report(c, "controller or link error");
	} else {
		c->again = true;	/* a bystander */
		return;
	}
	if (count && ++c->tries >= ATA_TRIES)
		c->again = false;
}

static void
judge_timeout(struct ata_command *c)
{
	struct ata_device *dev = c->dev;
	nsec_t now = clock_now();

	report(c, "time-out");
	c->err = -ETIMEDOUT;
	c->again = ++c->tries < ATA_TRIES;
	if (now - dev->last_timeout > TIMEOUTS_APART)
		dev->timeouts = 0;
	dev->last_timeout = now;
	if (++dev->timeouts < TIMEOUTS_MAX)
		return;
	dev->timeouts = 0;
	/* Only an IDE channel (it has push) can move data without DMA. */
	if (dev->mode == ATA_MODE_NCQ || (dev->mode == ATA_MODE_DMA && dev->port->ops->push != NULL)) {
		atomic_store(&dev->mode, (u8)(dev->mode - 1));
		log_warn("ata%u.%02u: goes on with %s", dev->port->index, dev->unit, dev->mode == ATA_MODE_DMA ? "DMA without NCQ" : "PIO");
	}
}

static struct ata_command *
find_slot(struct list *cmds, u32 slot)
{
	struct ata_command *c;

	list_for_each(c, cmds, node) {
		if (c->slot == slot)
			return c;
	}
	return NULL;
}

/* One of several queued commands failed; the device says which (ATA8-ACS A.7), and has ended all of them. Where it doesn't, each goes
 * alone next time, behind a reset: some may still be going on (QEMU's are). */
static void
blame_queued(struct ata_port *p, struct pass *pass)
{
	struct ata_command log = { .dev = p->devs[0], .len = 512, .tf = { .command = ATA_READ_LOG_EXT, .lba = ATA_LOG_NCQ_ERROR,
		.count = 1, .ext = true, .protocol = ATA_PIO } };
	struct ata_command *c;
	struct ata_result r;
	u32 mask = 0, tag;

	list_for_each(c, &pass->failed, node)
		mask |= c->tf.protocol == ATA_NCQ ? (u32)BIT(c->slot) : 0;
	if (mask == 0 || p->devs[0] == NULL)
		return;
	if (run(p, &log, RECOVERY_MS) == 0 && ata_ncq_log_parse(p->buf, mask, &tag, &r) == 0) {
		c = find_slot(&pass->failed, tag);
		c->result = r;
		c->failure = ATA_FAILED_DEVICE;
		return;
	}
	log_warn("ata%u: an error among queued commands; each goes alone now", p->index);
	p->broken = true;
	list_for_each(c, &pass->failed, node)
		c->unqueued = true;
}

/* --- a pass --- */

static void
take(struct ata_port *p, struct pass *pass)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	struct ata_command *c;

	pass->events |= p->events;
	p->events = 0;
	p->frozen = true;
	for (u32 i = 0; i < ATA_SLOTS_MAX; i++) {
		c = p->active[i];
		if (c == NULL)
			continue;
		c->state = ATA_RECOVERING;
		list_add_tail(&pass->failed, &c->node);
		p->active[i] = NULL;
	}
	p->active_mask = p->queued_mask = 0;
	list_splice_tail(&p->deferred, &pass->waiting);
	list_for_each(c, &pass->waiting, node)
		c->state = ATA_RECOVERING;
	spin_unlock_irqrestore(&p->lock, flags);
}

static bool
is_ours(struct ata_port *p, struct ata_command *c)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	bool timed_out = c->timed_out;

	spin_unlock_irqrestore(&p->lock, flags);
	return timed_out;
}

/* c ends, or goes back. Afterwards it isn't ours to look at, unless somebody waits for us in ata_port_timeout(). */
static void
dispose(struct ata_port *p, struct ata_command *c)
{
	bool awaited = is_ours(p, c);
	u64 flags;

	c->state = ATA_IDLE;
	if (c->dev->gone) {
		c->err = -ENODEV;
		c->again = false;
	}
	if (c->internal) {
		flags = spin_lock_irqsave(&p->lock);
		c->timed_out = false;
		if (c->again) {
			c->state = ATA_DEFERRED;
			list_add_tail(&p->deferred, &c->node);
		}
		spin_unlock_irqrestore(&p->lock, flags);
		waitq_wake_all(&p->taken);
		if (!c->again)
			c->done(c);
		return;
	}
	if (c->again)
		block_request_requeue(c->priv);
	else
		c->done(c);
	if (awaited) {
		flags = spin_lock_irqsave(&p->lock);
		c->timed_out = false;
		spin_unlock_irqrestore(&p->lock, flags);
		waitq_wake_all(&p->taken);
	}
}

static void
dispose_all(struct ata_port *p, struct list *cmds)
{
	while (!list_empty(cmds)) {
		struct ata_command *c = list_first(cmds, struct ata_command, node);

		list_del(&c->node);
		dispose(p, c);
	}
}

static void
judge_all(struct ata_port *p, struct pass *pass)
{
	struct ata_command *c;

	list_for_each(c, &pass->failed, node) {
		if (is_ours(p, c))
			judge_timeout(c);
		else
			judge(c);
	}
	list_for_each(c, &pass->waiting, node) {
		c->again = true;
		if (is_ours(p, c) && c->internal) {
			c->again = false;
			c->err = -ETIMEDOUT;
		}
	}
}

static void
recover(struct ata_port *p, struct pass *pass)
{
	bool replug = pass->events & ATA_EVENT_PROBE, judged = false;

	take(p, pass);
	p->broken = pass->events & (ATA_EVENT_PROBE | ATA_EVENT_LINK | ATA_EVENT_TIMEOUT) || p->ops->stop(p) != 0;
	if (!p->broken)
		blame_queued(p, pass);
	if (!p->broken) {
		judge_all(p, pass);
		judged = true;
	}
	if (p->broken) {	/* perhaps only since it was asked */
		if (!replug)
			log_warn("ata%u: reset", p->index);
		reset(p, replug);
	}
	if (!judged) {
		judge_all(p, pass);
		if (p->broken)
			reset(p, false);
	}
	dispose_all(p, &pass->failed);
	dispose_all(p, &pass->waiting);
}

static void
thaw(struct ata_port *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);

	/* What was told meanwhile is looked at first. */
	if ((p->events & ~(u32)ATA_EVENT_PUSH) == 0) {
		p->frozen = false;
		ata_port_run_locked(p);
	}
	spin_unlock_irqrestore(&p->lock, flags);
}

static void
push(struct ata_port *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);

	p->events &= ~(u32)ATA_EVENT_PUSH;
	spin_unlock_irqrestore(&p->lock, flags);
	if (p->ops->push != NULL)
		p->ops->push(p, clock_now() + ATA_TIMEOUT_MS * NSEC_PER_MSEC);
}

static u32
pending(struct ata_port *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	u32 events = p->events;

	spin_unlock_irqrestore(&p->lock, flags);
	return events;
}

/* Is the time of something over that the hardware has? Lock held. */
static bool
has_late(const struct ata_port *p)
{
	for (u32 i = 0; i < ATA_SLOTS_MAX; i++)
		if (p->active[i] != NULL && p->active[i]->timed_out)
			return true;
	return false;
}

/* What only waits for its turn is no reason for a reset, whatever its time: requests wait on, commands of threads end. */
static void
settle_deferred(struct ata_port *p, struct list *over)
{
	struct ata_command *c, *next;

	list_for_each_safe(c, next, &p->deferred, node) {
		if (c->timed_out && c->internal) {
			list_del(&c->node);
			list_add_tail(over, &c->node);
			c->state = ATA_IDLE;
			c->err = -ETIMEDOUT;
		}
		c->timed_out = false;
	}
}

/* Time-outs only: true if no reset is needed. The interrupt of what is late may have been lost: look. */
static bool
settle_late(struct ata_port *p)
{
	struct list over = LIST_INIT(over);
	u64 flags = spin_lock_irqsave(&p->lock);
	bool was_late = has_late(p), settled;

	spin_unlock_irqrestore(&p->lock, flags);
	p->ops->poll(p);
	flags = spin_lock_irqsave(&p->lock);
	settled = p->events == ATA_EVENT_TIMEOUT && !has_late(p);
	if (settled) {
		p->events = 0;
		settle_deferred(p, &over);
	}
	spin_unlock_irqrestore(&p->lock, flags);
	if (settled && was_late)
		log_warn("ata%u: an interrupt was lost, or came late", p->index);
	waitq_wake_all(&p->taken);
	ata_port_end(p, &over);
	return settled;
}

/* All devices go. Commands that come in from then on are refused, those that are here end. */
static void
retire(struct ata_port *p)
{
	enum ata_class found[ATA_UNITS_MAX];
	struct pass pass = { .events = 0 };

	list_init(&pass.failed);
	list_init(&pass.waiting);
	for (u32 i = 0; i < p->units; i++)
		if (p->devs[i] != NULL)
			drop(p, i, "goes with its controller");
	take(p, &pass);
	/* Stopping the engine is not enough: queued commands may still move data (QEMU's do). */
	if (!list_empty(&pass.failed))
		(void)p->ops->reset(p, found);
	else
		(void)p->ops->stop(p);
	dispose_all(p, &pass.failed);
	dispose_all(p, &pass.waiting);
	completion_complete(&p->retired);	/* p may be gone */
}

void
ata_port_thread(void *arg)
{
	struct ata_port *p = arg;

	for (;;) {
		struct pass pass;

		wait_event(&p->wake, pending(p) != 0);
		pass.events = pending(p);
		if (pass.events & ATA_EVENT_RETIRE)
			break;
		if (pass.events & ATA_EVENT_PUSH) {
			push(p);
			continue;
		}
		list_init(&pass.failed);
		list_init(&pass.waiting);
		if (pass.events != ATA_EVENT_TIMEOUT || !settle_late(p))
			recover(p, &pass);
		thaw(p);
		if (pass.events & ATA_EVENT_PROBE)
			completion_complete(&p->probed);
	}
	retire(p);
	thread_exit();
}
