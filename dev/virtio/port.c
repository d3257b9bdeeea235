/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A console port's bytes. In: buffers that the device fills wait in order in `received` until who uses the port takes
 * them, and go back to the device. Out: one ring of bytes, pieces of which the device has.
 */
#include "dev/virtio/console.h"

#include "arch/cpu.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/thread.h"

#define SPIN_LOCK	100000		/* port_write_now: tries for the lock, and to see text sent */
#define SPIN_SENT	2000000		/* some tens of milliseconds */

/* --- life --- */

int
port_create(struct vcon *vc, u32 id, struct virtqueue *rx, struct virtqueue *tx, struct vport **out)
{
	struct vport *p = kmem_alloc(sizeof(*p), KM_ZERO);

	if (p == NULL)
		return -ENOMEM;
	p->rx_memory = dma_alloc(&vc->vd->dma, RX_BUFFERS * RX_SIZE, &p->rx_address);
	p->tx_memory = dma_alloc(&vc->vd->dma, TX_SIZE, &p->tx_address);
	if (p->rx_memory == NULL || p->tx_memory == NULL) {
		if (p->rx_memory != NULL)
			dma_free(p->rx_memory, RX_BUFFERS * RX_SIZE);
		if (p->tx_memory != NULL)
			dma_free(p->tx_memory, TX_SIZE);
		kmem_free(p);
		return -ENOMEM;
	}
	p->vc = vc;
	p->id = id;
	p->rx = rx;
	p->tx = tx;
	refcount_init(&p->refs, 1);
	refcount_get(&vc->refs);
	spin_init(&p->lock, LOCK_SERIAL);
	list_init(&p->received);
	for (u32 i = 0; i < RX_BUFFERS; i++)
		p->buffers[i].index = i;
	*out = p;
	return 0;
}

void
port_get(struct vport *p)
{
	refcount_get(&p->refs);
}

void
port_put(struct vport *p)
{
	struct vcon *vc = p->vc;

	if (!refcount_put(&p->refs))
		return;
	dma_free(p->rx_memory, RX_BUFFERS * RX_SIZE);
	dma_free(p->tx_memory, TX_SIZE);
	kmem_free(p);
	if (refcount_put(&vc->refs))
		kmem_free(vc);
}

void
port_set_ops(struct vport *p, const struct port_ops *ops, void *user)
{
	u64 flags;

	p->user = user;
	flags = spin_lock_irqsave(&p->lock);
	p->ops = ops;
	spin_unlock_irqrestore(&p->lock, flags);
	port_deliver(p);
}

void
port_clear_ops(struct vport *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);

	p->ops = NULL;
	spin_unlock_irqrestore(&p->lock, flags);
	while (atomic_load_acquire(&p->calls) != 0) {
		thread_set_state(THREAD_UNINTERRUPTIBLE);
		(void)thread_schedule_until(clock_now() + NSEC_PER_MSEC);
	}
}

/* The ops, if there are any, to be called without the lock; then end_call(). [l] held. */
static const struct port_ops *
begin_call(struct vport *p)
{
	if (p->ops != NULL)
		atomic_add(&p->calls, 1u);
	return p->ops;
}

static void
end_call(struct vport *p)
{
	atomic_sub(&p->calls, 1u);
}

/* --- in --- */

/* [l] held */
static void
offer(struct vport *p, struct rx_buffer *b)
{
	struct dma_segment seg = { p->rx_address + b->index * RX_SIZE, RX_SIZE };
	struct virtio_part part = { &seg, 1, true };

	b->len = b->off = 0;
	if (!p->gone && virtqueue_add(p->rx, &part, 1, b) != 0)
		b->off = RX_SIZE;	/* a broken queue: it rests */
}

void
port_start(struct vport *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);

	for (u32 i = 0; i < RX_BUFFERS && virtqueue_room(p->rx) > 0; i++)
		offer(p, &p->buffers[i]);
	virtqueue_kick(p->rx);
	spin_unlock_irqrestore(&p->lock, flags);
}

void
port_stop(struct vport *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);

	atomic_store_release(&p->gone, true);
	while (virtqueue_detach(p->rx) != NULL || virtqueue_detach(p->tx) != NULL)
		;
	p->rx = p->tx = NULL;
	spin_unlock_irqrestore(&p->lock, flags);
}

/* One buffer's bytes to who takes them: false if he doesn't take all. [l] held, but not meanwhile. */
static bool
deliver_one(struct vport *p, struct rx_buffer *b, u64 *flags)
{
	const struct port_ops *ops = begin_call(p);
	u32 n;

	if (ops == NULL)
		return false;
	spin_unlock_irqrestore(&p->lock, *flags);
	n = ops->take(p, p->rx_memory + b->index * RX_SIZE + b->off, b->len - b->off);
	end_call(p);
	*flags = spin_lock_irqsave(&p->lock);
	b->off += n;
	if (b->off < b->len)
		return n > 0;
	list_del(&b->node);
	offer(p, b);
	return true;
}

/* Whoever comes while another one delivers leaves it to him. */
void
port_deliver(struct vport *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	struct rx_buffer *b;

	if (p->delivering) {
		p->again = true;
		goto out_unlock;
	}
	p->delivering = true;
	while ((b = list_first(&p->received, struct rx_buffer, node)) != NULL) {
		p->again = false;
		if (!deliver_one(p, b, &flags) && !p->again)
			break;
	}
	p->delivering = false;
	if (!p->gone)
		virtqueue_kick(p->rx);
out_unlock:
	spin_unlock_irqrestore(&p->lock, flags);
}

void
port_forget(struct vport *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	struct rx_buffer *b;

	while ((b = list_first(&p->received, struct rx_buffer, node)) != NULL) {
		list_del(&b->node);
		offer(p, b);
	}
	if (!p->gone)
		virtqueue_kick(p->rx);
	p->tx_head = p->tx_sent;
	p->held = false;
	spin_unlock_irqrestore(&p->lock, flags);
	p->name[0] = '\0';
	atomic_store_relaxed(&p->host_open, false);
}

u32
port_received(struct vport *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	struct rx_buffer *b;
	u32 n = 0;

	list_for_each(b, &p->received, node)
		n += b->len - b->off;
	spin_unlock_irqrestore(&p->lock, flags);
	return n;
}

void
port_rx_done(struct virtqueue *vq)
{
	struct vport *p = *(struct vport **)virtqueue_priv(vq);
	struct rx_buffer *b;
	u32 len;

	if (p == NULL)
		return;
	spin_lock(&p->lock);
	do {
		virtqueue_callback_off(vq);
		while (!p->gone && (b = virtqueue_get(vq, &len)) != NULL) {
			b->len = len;
			b->off = 0;
			if (len > 0)
				list_add_tail(&p->received, &b->node);
			else
				offer(p, b);
		}
	} while (!p->gone && !virtqueue_callback_on(vq));
	spin_unlock(&p->lock);
	port_deliver(p);
}

/* --- out --- */

static u32
room(const struct vport *p)
{
	return TX_SIZE - (p->tx_head - p->tx_tail);
}

static void
put(struct vport *p, const u8 *data, u32 n)
{
	for (u32 i = 0; i < n; i++)
		p->tx_memory[p->tx_head++ % TX_SIZE] = data[i];
}

/* Give the device what it has not got yet, in at most two pieces. [l] held. */
static void
push(struct vport *p)
{
	while (p->tx_sent != p->tx_head && !p->held && !p->gone && p->tx_pieces < ARRAY_SIZE(p->tx_len)) {
		u32 off = p->tx_sent % TX_SIZE, n = MIN(p->tx_head - p->tx_sent, TX_SIZE - off);
		struct dma_segment seg = { p->tx_address + off, n };
		struct virtio_part part = { &seg, 1, false };

		if (virtqueue_add(p->tx, &part, 1, p) != 0)
			break;
		p->tx_len[(p->tx_first + p->tx_pieces++) % ARRAY_SIZE(p->tx_len)] = n;
		p->tx_sent += n;
	}
	if (!p->gone)
		virtqueue_kick(p->tx);
}

/* Take back pieces that are sent, in their order. [l] held. */
static bool
reap(struct vport *p)
{
	bool any = false;
	u32 len;

	while (!p->gone && p->tx_pieces > 0 && virtqueue_get(p->tx, &len) != NULL) {
		p->tx_tail += p->tx_len[p->tx_first++ % ARRAY_SIZE(p->tx_len)];
		p->tx_pieces--;
		any = true;
	}
	return any;
}

void
port_tx_done(struct virtqueue *vq)
{
	struct vport *p = *(struct vport **)virtqueue_priv(vq);
	const struct port_ops *ops;

	if (p == NULL)
		return;
	spin_lock(&p->lock);
	do {
		virtqueue_callback_off(vq);
		(void)reap(p);
		push(p);
	} while (!p->gone && !virtqueue_callback_on(vq));
	ops = begin_call(p);
	spin_unlock(&p->lock);
	if (ops == NULL)
		return;
	ops->sent(p);
	end_call(p);
}

u32
port_write(struct vport *p, const u8 *data, u32 n)
{
	u64 flags = spin_lock_irqsave(&p->lock);

	n = MIN(n, room(p));
	put(p, data, n);
	push(p);
	spin_unlock_irqrestore(&p->lock, flags);
	return n;
}

u32
port_write_room(struct vport *p)
{
	return TX_SIZE - (READ_ONCE(p->tx_head) - READ_ONCE(p->tx_tail));
}

u32
port_unsent(struct vport *p)
{
	return atomic_load_relaxed(&p->gone) ? 0 : READ_ONCE(p->tx_head) - READ_ONCE(p->tx_tail);
}

void
port_flush(struct vport *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);

	p->tx_head = p->tx_sent;
	spin_unlock_irqrestore(&p->lock, flags);
}

void
port_hold(struct vport *p, bool hold)
{
	u64 flags = spin_lock_irqsave(&p->lock);

	p->held = hold;
	push(p);
	spin_unlock_irqrestore(&p->lock, flags);
}

/* Wait, bounded, until at least n bytes fit. [l] held. */
static bool
make_room(struct vport *p, u32 n)
{
	for (u32 i = 0; i < SPIN_SENT && room(p) < n && !p->gone; i++) {
		push(p);
		if (!reap(p))
			arch_pause();
	}
	return room(p) >= n;
}

void
port_write_now(struct vport *p, const char *text, size_t len)
{
	u64 flags = arch_irq_save();
	bool locked = false;

	for (u32 i = 0; i < SPIN_LOCK && !(locked = spin_trylock(&p->lock)); i++)
		arch_pause();
	if (!locked)
		goto out_restore;	/* whoever has it is interrupted by us: the line stays in the ring of the log */
	for (size_t i = 0; i < len && make_room(p, 2); i++) {
		if (text[i] == '\n')
			put(p, (const u8 *)"\r", 1);
		put(p, (const u8 *)&text[i], 1);
	}
	push(p);
	for (u32 i = 0; i < SPIN_SENT && !p->gone && !p->held && !virtqueue_is_idle(p->tx); i++)
		arch_pause();
	spin_unlock(&p->lock);
out_restore:
	arch_irq_restore(flags);
}
