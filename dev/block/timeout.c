/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time-outs of a queue: a request that the driver has for too long is given back to it, to be dealt with.
 *
 * Every request that goes out gets a deadline. A timer looks at all that are out, once per time-out and only while there are some; it wakes the
 * queue's thread where one is late, and the thread asks the driver (ops->timeout), which may reset the device and sleep.
 */
#include "dev/block/internal.h"

#include "sys/clock.h"
#include "sys/log.h"

#define DEFAULT_TIMEOUT_MS	30000

/* How long rq may be out. A flush, that may have a whole cache to write, has twice the time (as on Linux). */
static nsec_t
patience(struct block_queue *q, const struct block_request *rq)
{
	return atomic_load_relaxed(&q->timeout) * (rq->op == BIO_FLUSH ? 2 : 1);
}

void
block_timeout_watch(struct block_queue *q, struct block_request *rq)
{
	nsec_t now = clock_now();

	rq->deadline = now + patience(q, rq);
	if (likely(atomic_load_relaxed(&q->timer_armed)))
		return;
	if (!atomic_xchg(&q->timer_armed, true))
		timer_arm(&q->timer, now + atomic_load_relaxed(&q->timeout));
}

/* The earliest deadline of what is out, NSEC_MAX: nothing is. */
static nsec_t
earliest_deadline(struct block_queue *q)
{
	nsec_t next = NSEC_MAX;

	for (u32 i = 0; i < q->nhwq; i++) {
		struct block_hwq *h = &q->hwqs[i];
		u64 flags = spin_lock_irqsave(&h->lock);

		for (u32 tag = 0; tag < q->depth && h->out > 0; tag++) {
			struct block_request *rq = block_request_at(q, h, tag);

			if (rq->out)
				next = MIN(next, rq->deadline);
		}
		spin_unlock_irqrestore(&h->lock, flags);
	}
	return next;
}

/* A request whose time is over, or NULL. It is given as much again: so long the driver has to see to it. */
static struct block_request *
take_late(struct block_queue *q)
{
	struct block_request *late = NULL;
	nsec_t now = clock_now();

	for (u32 i = 0; i < q->nhwq && late == NULL; i++) {
		struct block_hwq *h = &q->hwqs[i];
		u64 flags = spin_lock_irqsave(&h->lock);

		for (u32 tag = 0; tag < q->depth && h->out > 0 && late == NULL; tag++) {
			struct block_request *rq = block_request_at(q, h, tag);

			if (rq->out && rq->deadline <= now)
				late = rq;
		}
		if (late != NULL)
			late->deadline = now + patience(q, late);
		spin_unlock_irqrestore(&h->lock, flags);
	}
	return late;
}

static nsec_t
timeout_timer(struct timer *t, nsec_t now)
{
	struct block_queue *q = container_of(t, struct block_queue, timer);
	nsec_t next;

	atomic_store(&q->timer_armed, false);
	next = earliest_deadline(q);
	if (next <= now) {
		atomic_store(&q->expired, true);
		waitq_wake_all(&q->thread_wq);
		return 0;
	}
	/* A request that went out meanwhile may have armed it: then that is left alone. */
	if (next == NSEC_MAX || atomic_xchg(&q->timer_armed, true))
		return 0;
	return next;
}

/* In the thread: have the driver see to all that are late. */
static void
handle_late(struct block_queue *q)
{
	struct block_request *late;
	nsec_t next;

	for (int tries = 0; tries < 64 && (late = take_late(q)) != NULL; tries++) {
		log_warn("%s: request of sector %lu timed out", q->disk->name, late->sector);
		q->ops->timeout(q, late);
	}
	next = earliest_deadline(q);
	if (next != NSEC_MAX && !atomic_xchg(&q->timer_armed, true))
		timer_arm(&q->timer, MAX(next, clock_now() + NSEC_PER_SEC));
}

static void
queue_thread(void *arg)
{
	struct block_queue *q = arg;

	for (;;) {
		wait_event_idle(&q->thread_wq, atomic_load(&q->expired) || atomic_load(&q->quit));
		if (atomic_load(&q->quit))
			break;
		atomic_store(&q->expired, false);
		handle_late(q);
	}
	completion_complete(&q->thread_done);
	thread_exit();
}

/* --- setting it --- */

nsec_t
block_queue_timeout(struct block_queue *q)
{
	return atomic_load_relaxed(&q->timeout);
}

void
block_queue_set_timeout(struct block_queue *q, nsec_t timeout)
{
	atomic_store_relaxed(&q->timeout, timeout);
	if (q->thread == NULL)
		return;
	(void)timer_cancel_sync(&q->timer);	/* it may stand for a longer time */
	atomic_store(&q->timer_armed, false);
	atomic_store(&q->expired, true);	/* the thread arms it anew */
	waitq_wake_all(&q->thread_wq);
}

/* --- life --- */

void
block_timeout_init(struct block_queue *q, u32 timeout_ms)
{
	q->timeout = (nsec_t)(timeout_ms != 0 ? timeout_ms : DEFAULT_TIMEOUT_MS) * NSEC_PER_MSEC;
	waitq_init(&q->thread_wq);
	completion_init(&q->thread_done);
	timer_init(&q->timer, TIMER_MONOTONIC, timeout_timer);
}

int
block_timeout_start(struct block_queue *q)
{
	int err;

	if (q->ops->timeout == NULL)
		return 0;
	err = thread_create(&q->thread, queue_thread, q, "blk/%s", q->disk->name);
	if (err == 0)
		thread_wake(q->thread);
	return err;
}

void
block_timeout_end(struct block_queue *q)
{
	if (q->thread != NULL) {
		atomic_store(&q->quit, true);
		waitq_wake_all(&q->thread_wq);
		completion_wait(&q->thread_done);
		thread_put(q->thread);
	}
	timer_cancel_sync(&q->timer);
}
