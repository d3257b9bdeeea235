/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Split virtqueues against a made-up device in the same memory: honest, late, out of order, and hostile.
 * sources: dev/virtio/ring.c
 */
#include "tests/unit/test.h"
#include "tests/unit/shim/shim.h"
#include "arch/mmu.h"
#include "dev/virtio/transport.h"

#define SIZE	16U

static struct virtio_device vd;
static struct virtqueue *vq;
static u32 bells, calls;
static u16 device_avail;	/* the device's place in the avail ring */
static u64 data[64];		/* what buffers are made of */

paddr_t
virt_to_phys(const void *va)
{
	return (paddr_t)va;
}

void *
dma_alloc(const struct dma_limits *lim, size_t size, u64 *address)
{
	void *p = aligned_alloc(4096, ALIGN_UP(size, 4096UL));

	(void)lim;
	memset(p, 0, size);
	*address = (u64)p;
	return p;
}

void
dma_free(void *p, size_t size)
{
	(void)size;
	free(p);
}

static void ring_bell(struct virtqueue *q) { (void)q; bells++; }
static void call_back(struct virtqueue *q) { (void)q; calls++; }

static void
make(u64 features, u32 size, u32 align)
{
	struct virtqueue_spec spec = { .name = "test", .callback = call_back };

	vd = (struct virtio_device){ .features = features };
	strcpy(vd.dev.name, "virtio0");
	ck_assert_int_eq(virtqueue_create(&vd, 0, size, align, &spec, &vq), 0);
	vq->notify = ring_bell;
	bells = calls = device_avail = 0;
}

void
unit_teardown(void)
{
	if (vq == NULL)
		return;
	while (virtqueue_detach(vq) != NULL)
		;
	virtqueue_destroy(vq);
	vq = NULL;
}

/* nout pieces for the device to read, nin to write; piece i is data[i], i + 1 bytes long. */
static int
add(u32 nout, u32 nin, void *token)
{
	struct dma_segment segs[64];
	struct virtio_part parts[2] = { { segs, nout, false }, { segs + nout, nin, true } };

	for (u32 i = 0; i < nout + nin; i++)
		segs[i] = (struct dma_segment){ (u64)&data[i], i + 1 };
	return virtqueue_add(vq, parts, 2, token);
}

/* The device takes the next chain: its head, or -1. */
static int
device_take(void)
{
	if (device_avail == vq->avail->index)
		return -1;
	return vq->avail->ring[device_avail++ % vq->size];
}

static void
device_return(u32 id, u32 len)
{
	volatile struct ring_used_entry *e = &vq->used->ring[vq->used->index % vq->size];

	e->id = id;
	e->len = len;
	vq->used->index++;
}

/* The chain at head is what add(nout, nin) makes; returns whether it was indirect. */
static bool
check_chain(u32 head, u32 nout, u32 nin)
{
	volatile struct ring_desc *table = vq->desc;
	u32 at = head, limit = vq->size;
	bool indirect = vq->desc[head].flags & RING_DESC_INDIRECT;

	if (indirect) {
		ck_assert_uint_eq(vq->desc[head].flags, RING_DESC_INDIRECT);
		ck_assert_uint_eq(vq->desc[head].len, (nout + nin) * 16);
		table = (struct ring_desc *)vq->desc[head].address;
		limit = nout + nin;
		at = 0;
	}
	for (u32 i = 0; i < nout + nin; i++) {
		ck_assert_uint_lt(at, limit);
		ck_assert_uint_eq(table[at].address, (u64)&data[i]);
		ck_assert_uint_eq(table[at].len, i + 1);
		ck_assert_int_eq(!!(table[at].flags & RING_DESC_WRITE), i >= nout);
		ck_assert_int_eq(!!(table[at].flags & RING_DESC_NEXT), i + 1 < nout + nin);
		at = table[at].next;
	}
	return indirect;
}

TEST(a_buffer_goes_and_comes_back)
{
	u32 len, token;
	int head;

	make(0, SIZE, RING_LEGACY_ALIGN);
	ck_assert_uint_eq(vq->used_offset, 4096);
	ck_assert_ptr_null(virtqueue_get(vq, &len));
	ck_assert_int_eq(add(1, 2, &token), 0);
	ck_assert_uint_eq(virtqueue_room(vq), SIZE - 3);
	virtqueue_kick(vq);
	ck_assert_uint_eq(bells, 1);
	virtqueue_kick(vq);
	ck_assert_uint_eq(bells, 1);
	head = device_take();
	ck_assert(!check_chain((u32)head, 1, 2));
	ck_assert(!virtqueue_is_idle(vq));
	ck_assert(!virtqueue_interrupt(vq));
	device_return((u32)head, 4);
	ck_assert(virtqueue_is_idle(vq));
	ck_assert(virtqueue_interrupt(vq));
	ck_assert_uint_eq(calls, 1);
	ck_assert_ptr_eq(virtqueue_get(vq, &len), &token);
	ck_assert_uint_eq(len, 4);
	ck_assert_ptr_null(virtqueue_get(vq, &len));
	ck_assert_uint_eq(virtqueue_room(vq), SIZE);
}

TEST(a_full_ring_says_so_and_gets_on)
{
	u32 tokens[SIZE], len;

	make(0, SIZE, RING_ALIGN);
	for (u32 i = 0; i < SIZE / 2; i++)
		ck_assert_int_eq(add(1, 1, &tokens[i]), 0);
	ck_assert_int_eq(add(1, 0, &tokens[0]), -EBUSY);
	device_return((u32)device_take(), 0);
	ck_assert_ptr_eq(virtqueue_get(vq, &len), &tokens[0]);
	ck_assert_int_eq(add(1, 1, &tokens[0]), 0);
	ck_assert_int_eq(add(0, 1, &tokens[0]), -EBUSY);
}

TEST(tables_when_descriptors_are_scarce_or_buffers_long)
{
	u32 tokens[2 * SIZE];

	make(BIT(VIRTIO_F_INDIRECT_DESC), SIZE, RING_ALIGN);
	ck_assert_int_eq(add(2, 1, &tokens[0]), 0);
	ck_assert(!check_chain((u32)device_take(), 2, 1));
	ck_assert_int_eq(add(3, 10, &tokens[1]), 0);
	ck_assert(check_chain((u32)device_take(), 3, 10));
	ck_assert_uint_eq(virtqueue_room(vq), SIZE - 4);
	for (u32 i = 2; virtqueue_room(vq) > 0; i++)
		ck_assert_int_eq(add(1, 1, &tokens[i]), 0);
	ck_assert_uint_ge(vq->chains, 9);
	ck_assert_int_eq(add(1, 1, &tokens[0]), -EBUSY);
}

TEST(without_memory_for_a_table_the_ring_does)
{
	u32 token;

	make(BIT(VIRTIO_F_INDIRECT_DESC), SIZE, RING_ALIGN);
	unit_kmem_fail_in(1);
	ck_assert_int_eq(add(6, 10, &token), 0);
	ck_assert(!check_chain((u32)device_take(), 6, 10));
	ck_assert_int_eq(add(1, 1, &token), -EBUSY);
}

/* Any order, any sizes, more than 65536 of them. */
TEST(random_traffic_is_kept_apart)
{
	static struct { u32 nout, nin; bool out; } jobs[64];
	u32 done = 0, len, heads[64], nheads = 0;

	make(BIT(VIRTIO_F_INDIRECT_DESC) | BIT(VIRTIO_F_EVENT_IDX), 32, RING_ALIGN);
	while (done < 100000) {
		u32 j = (u32)unit_rand_below(64);
		int head;

		if (!jobs[j].out) {
			jobs[j].nout = (u32)unit_rand_below(4);
			jobs[j].nin = (u32)unit_rand_below(6) + (jobs[j].nout == 0);
			jobs[j].out = add(jobs[j].nout, jobs[j].nin, &jobs[j]) == 0;
		}
		while (nheads < 64 && (head = device_take()) >= 0)
			heads[nheads++] = (u32)head;
		for (u32 n = (u32)unit_rand_below(4); n > 0 && nheads > 0; n--) {
			u32 k = (u32)unit_rand_below(nheads);
			typeof(&jobs[0]) job = vq->slots[heads[k]].token;

			(void)check_chain(heads[k], job->nout, job->nin);
			device_return(heads[k], job->nin);
			heads[k] = heads[--nheads];
		}
		for (typeof(&jobs[0]) job; (job = virtqueue_get(vq, &len)) != NULL; done++) {
			ck_assert(job->out);
			ck_assert_uint_eq(len, job->nin);
			job->out = false;
		}
	}
	ck_assert(!virtqueue_is_broken(vq));
}

TEST(the_bell_rings_when_the_device_wants_it)
{
	u32 token;

	make(0, SIZE, RING_ALIGN);
	vq->used->flags = RING_USED_NO_NOTIFY;
	ck_assert_int_eq(add(1, 0, &token), 0);
	virtqueue_kick(vq);
	ck_assert_uint_eq(bells, 0);
	vq->used->flags = 0;
	ck_assert_int_eq(add(1, 0, &token), 0);
	virtqueue_kick(vq);
	ck_assert_uint_eq(bells, 1);
}

TEST(the_bell_rings_at_the_index_that_the_device_names)
{
	volatile u16 *avail_event;
	u32 token;

	make(BIT(VIRTIO_F_EVENT_IDX), SIZE, RING_ALIGN);
	avail_event = (volatile u16 *)&vq->used->ring[SIZE];
	*avail_event = 2;	/* when the third is there */
	for (u32 i = 0; i < 2; i++) {
		ck_assert_int_eq(add(1, 0, &token), 0);
		virtqueue_kick(vq);
	}
	ck_assert_uint_eq(bells, 0);
	ck_assert_int_eq(add(1, 0, &token), 0);
	ck_assert_int_eq(add(1, 0, &token), 0);
	virtqueue_kick(vq);
	ck_assert_uint_eq(bells, 1);
}

TEST(what_comes_while_call_backs_are_off_is_not_missed)
{
	static const u64 features[] = { 0, BIT(VIRTIO_F_EVENT_IDX) };
	u32 token, len;

	for (u32 i = 0; i < 2; i++) {
		make(features[i], SIZE, RING_ALIGN);
		ck_assert_int_eq(add(0, 1, &token), 0);
		virtqueue_callback_off(vq);
		ck_assert_uint_eq(vq->avail->flags, i == 0 ? RING_AVAIL_NO_INTERRUPT : 0);
		ck_assert_ptr_null(virtqueue_get(vq, &len));
		device_return((u32)device_take(), 1);
		ck_assert(!virtqueue_callback_on(vq));
		ck_assert_ptr_eq(virtqueue_get(vq, &len), &token);
		ck_assert(virtqueue_callback_on(vq));
		ck_assert_uint_eq(vq->avail->flags, 0);
		if (i == 1)
			ck_assert_uint_eq(*(volatile u16 *)&vq->avail->ring[SIZE], 1);
		unit_teardown();
	}
}

/* --- hostile devices --- */

static void
assert_broken(void)
{
	u32 len, token;

	ck_assert_ptr_null(virtqueue_get(vq, &len));
	ck_assert(virtqueue_is_broken(vq));
	ck_assert_int_eq(add(1, 0, &token), -EIO);
	virtqueue_kick(vq);
	ck_assert(!virtqueue_interrupt(vq));
	ck_assert(virtqueue_callback_on(vq));
}

TEST(an_id_out_of_range_breaks_the_queue)
{
	u32 token;

	make(0, SIZE, RING_ALIGN);
	ck_assert_int_eq(add(1, 0, &token), 0);
	device_return(SIZE, 0);
	assert_broken();
}

TEST(a_buffer_returned_twice_breaks_the_queue)
{
	u32 tokens[2], len;
	int head;

	make(0, SIZE, RING_ALIGN);
	ck_assert_int_eq(add(1, 0, &tokens[0]), 0);
	ck_assert_int_eq(add(1, 0, &tokens[1]), 0);
	head = device_take();
	device_return((u32)head, 0);
	device_return((u32)head, 0);
	ck_assert_ptr_eq(virtqueue_get(vq, &len), &tokens[0]);
	assert_broken();
}

TEST(the_middle_of_a_chain_is_not_a_buffer)
{
	u32 token;
	int head;

	make(0, SIZE, RING_ALIGN);
	ck_assert_int_eq(add(2, 1, &token), 0);
	head = device_take();
	device_return(vq->desc[head].next, 0);
	assert_broken();
}

TEST(an_index_that_jumps_breaks_the_queue)
{
	u32 token;

	make(0, SIZE, RING_ALIGN);
	ck_assert_int_eq(add(1, 0, &token), 0);
	vq->used->index = 0x8000;
	assert_broken();
}

TEST(a_length_is_cut_to_what_there_was_room_for)
{
	u32 token, len;

	make(0, SIZE, RING_ALIGN);
	ck_assert_int_eq(add(1, 1, &token), 0);
	device_return((u32)device_take(), 0xffffffff);
	ck_assert_ptr_eq(virtqueue_get(vq, &len), &token);
	ck_assert_uint_eq(len, 2);
}

TEST(scribbling_over_the_rings_moves_nothing_of_ours)
{
	u32 tokens[4], len;
	int heads[4];

	make(BIT(VIRTIO_F_INDIRECT_DESC), SIZE, RING_ALIGN);
	for (u32 i = 0; i < 4; i++)
		ck_assert_int_eq(add(2, 1, &tokens[i]), 0);
	for (u32 i = 0; i < 4; i++)
		heads[i] = device_take();
	memset((void *)(uintptr_t)vq->desc, 0xff, SIZE * sizeof(struct ring_desc));
	memset((void *)(uintptr_t)vq->avail, 0xff, 4 + 2 * SIZE);
	for (u32 i = 0; i < 4; i++) {
		device_return((u32)heads[i], 1);
		ck_assert_ptr_eq(virtqueue_get(vq, &len), &tokens[i]);
	}
	ck_assert_uint_eq(virtqueue_room(vq), SIZE);
	for (u32 i = 0; i < 5; i++) {
		ck_assert_int_eq(add(2, 1, &tokens[0]), 0);
		check_chain(vq->avail->ring[(4 + i) % SIZE], 2, 1);
	}
}

TEST(a_reset_gives_all_back_and_begins_anew)
{
	u32 tokens[3], len, found = 0;
	void *token;

	make(BIT(VIRTIO_F_INDIRECT_DESC), SIZE, RING_ALIGN);
	for (u32 i = 0; i < 3; i++)
		ck_assert_int_eq(add(i + 1, 4, &tokens[i]), 0);
	device_return(SIZE + 1, 0);
	ck_assert_ptr_null(virtqueue_get(vq, &len));
	ck_assert(virtqueue_is_broken(vq));
	while ((token = virtqueue_detach(vq)) != NULL) {
		ck_assert(token >= (void *)&tokens[0] && token <= (void *)&tokens[2]);
		found++;
	}
	ck_assert_uint_eq(found, 3);
	virtqueue_reset(vq);
	device_avail = 0;
	ck_assert_uint_eq(virtqueue_room(vq), SIZE);
	ck_assert_int_eq(add(1, 1, &tokens[0]), 0);
	device_return((u32)device_take(), 2);
	ck_assert_ptr_eq(virtqueue_get(vq, &len), &tokens[0]);
}
