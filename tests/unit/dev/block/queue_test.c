/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue of a disk, over a driver that takes or refuses requests as the test says: whatever happens, every bio ends.
 * sources: dev/block/queue.c dev/block/timeout.c dev/block/elevator.c dev/block/flush.c sys/lib/rbtree.c
 */
#include "tests/unit/test.h"
#include "dev/block/internal.h"
#include "sys/abi/errno.h"
#include "sys/thread.h"
#include "tests/unit/shim/shim.h"

#define BIOS	64
#define DEPTH	2

static struct disk disk = { .name = "tst" };
static struct block_device whole = { .disk = &disk };
static struct block_queue *q;
static struct bio bios[BIOS];
static int ended[BIOS], nended, submits, submit_error;
static struct block_request *out[DEPTH];
static struct bio *late_flush;		/* sent by somebody else who hasn't run the queue yet */

/* --- beside the queue --- */

static void
add(struct bio *bio)
{
	ended[bio - bios] = 1;
	atomic_add(&q->active, 1);
	block_queue_add(q, bio);
}

void
bio_end(struct bio *bio, int error)
{
	struct bio *next = late_flush;

	late_flush = NULL;
	if (next != NULL)
		add(next);
	ck_assert_int_eq(ended[bio - bios], 1);
	ended[bio - bios] = error;
	nended++;
	if (atomic_fetch_sub(&q->active, 1) == 1 && waitq_active(&q->drained))
		waitq_wake_all(&q->drained);
}

void block_stat_start(struct bio *bio) { (void)bio; }
void block_stat_merge(struct bio *bio) { (void)bio; }
void block_stat_end(struct bio *bio, nsec_t now) { (void)bio, (void)now; }
int dma_pool_create(const struct dma_limits *l, u32 n, struct dma_pool **out_pool) { (void)l, (void)n; *out_pool = NULL; return 0; }
void dma_pool_destroy(struct dma_pool *p) { (void)p; }
void dma_map_start(struct dma_mapping *m, struct dma_segment *s, u32 n, enum dma_dir d) { *m = (struct dma_mapping){ 0, n, d, s, { 0 } }; }
void dma_unmap(struct dma_pool *p, struct dma_mapping *m) { (void)p, (void)m; }

int
dma_map_add(const struct dma_limits *l, struct dma_pool *p, const struct io_pagevec *v, u32 n, struct dma_mapping *m)
{
	(void)l, (void)p, (void)v, (void)n, (void)m;
	return 0;
}

int thread_create(struct thread **t, void (*fn)(void *), void *arg, const char *fmt, ...) { (void)t, (void)fn, (void)arg, (void)fmt; return -EAGAIN; }
void thread_exit(void) { abort(); }

/* --- the driver --- */

static int
submit(struct block_queue *queue, struct block_request *rq)
{
	(void)queue;
	submits++;
	if (submit_error == 0)
		out[rq->tag] = rq;
	return submit_error;
}

static const struct block_ops ops = { .submit = submit };

void
unit_setup(void)
{
	static const struct block_limits lim = { .write_cache = true, .max_sectors = 8 };

	ck_assert_int_eq(block_queue_create(&ops, &lim, 1, DEPTH, 0, 0, &disk, &q), 0);
	disk.queue = q;
}

void
unit_teardown(void)
{
	ck_assert_uint_eq(atomic_load(&q->active), 0);
	block_queue_destroy(q);
}

static struct bio *
make(u32 i, enum bio_op op, u32 flags)
{
	bios[i] = (struct bio){ .bdev = &whole, .op = (u8)op, .flags = (u8)flags, .sector = 100 * i, .len = op == BIO_FLUSH ? 0 : 4096 };
	bios[i].q.sector = 100 * i;
	bios[i].q.segments = 1;
	return &bios[i];
}

/* --- tests --- */

TEST(requests_end_and_the_next_ones_start)
{
	for (u32 i = 0; i < 10; i++)
		add(make(i, BIO_WRITE, 0));
	block_queue_run_here(q);
	ck_assert_int_eq(submits, DEPTH);
	while (nended < 10)
		block_request_end(out[nended % DEPTH], 0);
	ck_assert_int_eq(submits, 10);
}

TEST(requests_that_fail_at_once_leave_none_behind)
{
	submit_error = -EIO;
	for (u32 i = 0; i < 20; i++)
		add(make(i, i % 3 == 0 ? BIO_READ : BIO_WRITE, i % 5 == 1 ? BIO_FUA : 0));
	block_queue_run_here(q);
	ck_assert_int_eq(nended, 20);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(ended[i], -EIO);
}

TEST(a_flush_that_fails_at_once_is_followed_by_the_next)
{
	submit_error = -EIO;
	late_flush = make(1, BIO_FLUSH, 0);
	add(make(0, BIO_FLUSH, 0));
	block_queue_run_here(q);
	ck_assert_int_eq(nended, 2);
	ck_assert_int_eq(ended[1], -EIO);
	ck_assert_int_eq(submits, 2);
}

TEST(draining_ends_all_that_waits)
{
	block_queue_stop(q);
	for (u32 i = 0; i < 20; i++)
		add(make(i, BIO_WRITE, 0));
	add(make(20, BIO_FLUSH, 0));
	add(make(21, BIO_WRITE, BIO_PREFLUSH));
	late_flush = make(22, BIO_FLUSH, 0);
	submit_error = -ENODEV;
	block_queue_start(q);
	block_queue_drain(q);
	ck_assert_int_eq(nended, 23);
	for (int i = 0; i < 23; i++)
		ck_assert_int_eq(ended[i], -ENODEV);
}
