/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Split virtqueues (virtio 1.2, 2.7), with indirect descriptors and event indexes where both sides have them.
 *
 * Which descriptors are free and which belong together is kept in `slots`, on our side, never read back from the shared memory; of what the
 * device writes, the index, ids and lengths are checked. So a hostile device can hurt the data of buffers it was given,
 * and nothing else.
 *
 * A buffer of several pieces takes that many descriptors while there are plenty, which costs no allocation; when half of them
 * are gone, or for long buffers, it takes one descriptor and an indirect table.
 */
#include "dev/virtio/transport.h"

#include "arch/mmu.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"

#define DIRECT_MAX	4	/* longer buffers go by a table */
#define NO_SLOT		0xffff

static volatile u16 *
used_event(struct virtqueue *vq)
{
	return (volatile u16 *)&vq->avail->ring[vq->size];
}

static u16
avail_event(const struct virtqueue *vq)
{
	return READ_ONCE(*(volatile u16 *)&vq->used->ring[vq->size]);
}

/* --- life --- */

void
virtqueue_reset(struct virtqueue *vq)
{
	KASSERT(vq->chains == 0);
	memset(vq->memory, 0, vq->memory_size);
	for (u32 i = 0; i < vq->size; i++)
		vq->slots[i] = (struct ring_slot){ .next = i + 1 < vq->size ? (u16)(i + 1) : NO_SLOT };
	vq->free_head = 0;
	vq->nfree = (u16)vq->size;
	vq->avail_index = vq->kicked = vq->used_index = 0;
	if (vq->callback == NULL)
		vq->avail->flags = RING_AVAIL_NO_INTERRUPT;
	atomic_store_release(&vq->broken, false);
}

int
virtqueue_create(struct virtio_device *vd, u32 index, u32 size, u32 align, const struct virtqueue_spec *spec, struct virtqueue **out)
{
	struct virtqueue *vq = kmem_alloc(sizeof(*vq), KM_ZERO);

	if (vq == NULL)
		return -ENOMEM;
	vq->vd = vd;
	vq->callback = spec->callback;
	vq->priv = spec->priv;
	vq->index = index;
	vq->size = size;
	vq->event_index = virtio_has(vd, VIRTIO_F_EVENT_IDX);
	vq->indirect = virtio_has(vd, VIRTIO_F_INDIRECT_DESC);
	snprintf(vq->name, sizeof(vq->name), "%s-%s", vd->dev.name, spec->name);
	vq->avail_offset = size * (u32)sizeof(struct ring_desc);
	vq->used_offset = ALIGN_UP(vq->avail_offset + (u32)sizeof(struct ring_avail) + (size + 1) * 2, align);
	vq->memory_size = ALIGN_UP(vq->used_offset + sizeof(struct ring_used) + size * sizeof(struct ring_used_entry) + 2, PAGE_SIZE);
	vq->memory = dma_alloc(&vd->dma, vq->memory_size, &vq->address);
	vq->slots = kmem_alloc_array(size, sizeof(vq->slots[0]), KM_ZERO);
	if (vq->memory == NULL || vq->slots == NULL) {
		virtqueue_destroy(vq);
		return -ENOMEM;
	}
	vq->desc = vq->memory;
	vq->avail = (void *)((char *)vq->memory + vq->avail_offset);
	vq->used = (void *)((char *)vq->memory + vq->used_offset);
	virtqueue_reset(vq);
	*out = vq;
	return 0;
}

void
virtqueue_destroy(struct virtqueue *vq)
{
	if (vq == NULL)
		return;
	KASSERT(vq->chains == 0);
	if (vq->memory != NULL)
		dma_free(vq->memory, vq->memory_size);
	kmem_free(vq->slots);
	kmem_free(vq);
}

/* --- what it is --- */

void *
virtqueue_priv(const struct virtqueue *vq)
{
	return vq->priv;
}

u32
virtqueue_size(const struct virtqueue *vq)
{
	return vq->size;
}

u32
virtqueue_room(const struct virtqueue *vq)
{
	return vq->nfree;
}

u32
virtqueue_segments_max(const struct virtqueue *vq)
{
	return vq->size;	/* of an indirect table, too [2.7.5.3.1] */
}

bool
virtqueue_is_broken(const struct virtqueue *vq)
{
	return atomic_load_relaxed(&vq->broken);
}

static void
break_queue(struct virtqueue *vq, const char *why, u32 value)
{
	log_err("%s: broken: the device gave %s %u", vq->name, why, value);
	atomic_store_release(&vq->broken, true);
}

/* --- offering --- */

static void
fill(volatile struct ring_desc *d, const struct dma_segment *seg, bool write, u32 next)
{
	d->address = seg->address;
	d->len = seg->len;
	d->flags = (u16)((write ? RING_DESC_WRITE : 0) | (next != NO_SLOT ? RING_DESC_NEXT : 0));
	d->next = next != NO_SLOT ? (u16)next : 0;
}

/* All pieces into a table; its entries follow each other. */
static void
fill_table(struct ring_desc *table, u32 total, const struct virtio_part *parts, u32 nparts)
{
	u32 at = 0;

	for (u32 p = 0; p < nparts; p++)
		for (u32 i = 0; i < parts[p].n; i++, at++)
			fill(&table[at], &parts[p].segs[i], parts[p].device_writes, at + 1 < total ? at + 1 : NO_SLOT);
}

/* All pieces into free descriptors; what stays free begins at the returned one. */
static u16
fill_ring(struct virtqueue *vq, u32 total, const struct virtio_part *parts, u32 nparts)
{
	u16 at = vq->free_head;
	u32 left = total;

	for (u32 p = 0; p < nparts; p++) {
		for (u32 i = 0; i < parts[p].n; i++) {
			u16 next = vq->slots[at].next;

			fill(&vq->desc[at], &parts[p].segs[i], parts[p].device_writes, --left > 0 ? next : NO_SLOT);
			at = next;
		}
	}
	return at;
}

static struct ring_desc *
want_table(struct virtqueue *vq, u32 total)
{
	if (!vq->indirect || total < 2 || (total <= DIRECT_MAX && vq->nfree >= vq->size / 2))
		return NULL;
	return kmem_alloc(total * sizeof(struct ring_desc), KM_ATOMIC);	/* without it, the ring may still do */
}

int
virtqueue_add(struct virtqueue *vq, const struct virtio_part *parts, u32 nparts, void *token)
{
	u32 total = 0, writable = 0, needed;
	u16 head = vq->free_head;
	struct ring_desc *table;
	struct ring_slot *slot;

	for (u32 p = 0; p < nparts; p++) {
		KASSERT(p == 0 || parts[p].device_writes || !parts[p - 1].device_writes);
		total += parts[p].n;
		for (u32 i = 0; parts[p].device_writes && i < parts[p].n; i++)
			writable += parts[p].segs[i].len;
	}
	KASSERT(token != NULL && total > 0 && total <= vq->size);
	if (virtqueue_is_broken(vq))
		return -EIO;
	table = want_table(vq, total);
	needed = table != NULL ? 1 : total;
	if (vq->nfree < needed) {
		kmem_free(table);
		return -EBUSY;
	}
	slot = &vq->slots[head];
	if (table != NULL) {
		struct dma_segment seg = { virt_to_phys(table), total * (u32)sizeof(struct ring_desc) };

		fill_table(table, total, parts, nparts);
		fill(&vq->desc[head], &seg, false, NO_SLOT);
		vq->desc[head].flags = RING_DESC_INDIRECT;
		vq->free_head = slot->next;
	} else {
		vq->free_head = fill_ring(vq, total, parts, nparts);
	}
	vq->nfree -= (u16)needed;
	slot->token = token;
	slot->table = table;
	slot->writable = writable;
	slot->count = (u16)needed;
	vq->chains++;
	vq->avail->ring[vq->avail_index & (vq->size - 1)] = head;
	vq->avail_index++;
	atomic_store_release(&vq->avail->index, vq->avail_index);	/* the device sees the descriptors first */
	return 0;
}

bool
virtqueue_kick_prepare(struct virtqueue *vq)
{
	u16 new = vq->avail_index, old = vq->kicked;

	if (new == old || virtqueue_is_broken(vq))
		return false;
	vq->kicked = new;
	smp_mb();	/* the index is out before we look whether the device wants to know */
	if (vq->event_index)
		return (u16)(new - avail_event(vq) - 1) < (u16)(new - old);
	return !(READ_ONCE(vq->used->flags) & RING_USED_NO_NOTIFY);
}

void
virtqueue_notify(struct virtqueue *vq)
{
	vq->notify(vq);
}

void
virtqueue_kick(struct virtqueue *vq)
{
	if (virtqueue_kick_prepare(vq))
		virtqueue_notify(vq);
}

/* --- taking back --- */

/* A chain's descriptors become free. */
static void
release(struct virtqueue *vq, u16 head)
{
	struct ring_slot *slot = &vq->slots[head];
	u16 last = head;

	kmem_free(slot->table);
	slot->table = NULL;
	slot->token = NULL;
	for (u32 i = 1; i < slot->count; i++)
		last = vq->slots[last].next;
	vq->slots[last].next = vq->free_head;
	vq->free_head = head;
	vq->nfree += slot->count;
	vq->chains--;
}

bool
virtqueue_has_used(const struct virtqueue *vq)
{
	return READ_ONCE(vq->used->index) != READ_ONCE(vq->used_index) && !virtqueue_is_broken(vq);
}

bool
virtqueue_is_idle(const struct virtqueue *vq)
{
	return READ_ONCE(vq->used->index) == vq->avail_index || virtqueue_is_broken(vq);
}

void *
virtqueue_get(struct virtqueue *vq, u32 *len)
{
	volatile struct ring_used_entry *entry = &vq->used->ring[vq->used_index & (vq->size - 1)];
	u16 index = atomic_load_acquire(&vq->used->index);
	struct ring_slot *slot;
	void *token;
	u32 id;

	if (index == vq->used_index || virtqueue_is_broken(vq))
		return NULL;
	if ((u16)(index - vq->used_index) > vq->chains) {
		break_queue(vq, "back more than it has, index", index);
		return NULL;
	}
	id = entry->id;
	if (id >= vq->size || vq->slots[id].token == NULL) {
		break_queue(vq, "back what it does not have, id", id);
		return NULL;
	}
	slot = &vq->slots[id];
	*len = MIN(entry->len, slot->writable);
	token = slot->token;
	release(vq, (u16)id);
	WRITE_ONCE(vq->used_index, (u16)(vq->used_index + 1));
	return token;
}

void
virtqueue_callback_off(struct virtqueue *vq)
{
	/* With event indexes, the index that would bring a call-back is passed already. */
	if (!vq->event_index)
		vq->avail->flags = RING_AVAIL_NO_INTERRUPT;
}

bool
virtqueue_callback_on(struct virtqueue *vq)
{
	if (vq->event_index)
		WRITE_ONCE(*used_event(vq), vq->used_index);
	else
		vq->avail->flags = 0;
	smp_mb();	/* the wish is out before we look for the last time */
	return !virtqueue_has_used(vq);
}

void *
virtqueue_detach(struct virtqueue *vq)
{
	for (u32 i = 0; i < vq->size && vq->chains > 0; i++) {
		void *token = vq->slots[i].token;

		if (token != NULL) {
			release(vq, (u16)i);
			return token;
		}
	}
	return NULL;
}

bool
virtqueue_interrupt(struct virtqueue *vq)
{
	if (vq->callback == NULL || !virtqueue_has_used(vq))
		return false;
	vq->callback(vq);
	return true;
}
