/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the block layer share.
 *
 * Lock key: [I] immutable  [a] atomic  [q] the queue's lock  [h] the hardware queue's lock. Both have irqs off; h comes before q.
 */
#ifndef DEV_BLOCK_INTERNAL_H
#define DEV_BLOCK_INTERNAL_H

#include "dev/block.h"
#include "sys/timer.h"
#include "sys/wait.h"

/* --- elevator.c: bios that wait, sorted --- */

enum { DIR_READ, DIR_WRITE };

struct elevator {			/* all [q] */
	struct rbtree sorted[2];	/* heads of groups by sector */
	struct list fifo[2];		/* the same by age */
	u32 count[2];
	u64 next_sector[2];		/* where the last one taken ended */
	u8 dir;				/* of the run being taken */
	u32 run_left;			/* more of it before it is asked again who is next */
	bool fifo_only;			/* [a] no order but that of age */
	u32 passed_over;		/* runs of reads since the last of writes */
};

struct merge_limits { u32 max_sectors, max_segments; };	/* max_sectors 0: none */

void elevator_init(struct elevator *e);
/* Queue a bio (its q.sector, q.segments, q.due set): true if it was merged with one that waits. */
bool elevator_add(struct elevator *e, struct bio *bio, const struct merge_limits *lim);
/* The head of the next group, taken out, or NULL. */
struct bio *elevator_take(struct elevator *e, nsec_t now);
static inline u8 bio_dir(const struct bio *bio) { return bio->op == BIO_READ ? DIR_READ : DIR_WRITE; }

/* --- queue.c --- */

struct block_hwq {
	struct spinlock lock;		/* LOCK_BLOCK_QUEUE */
	u8 *requests;			/* [I] depth of them, queue's stride apart */
	struct list idle;		/* [h] requests that are free */
	struct block_request *held;	/* [h] taken, but the driver or the DMA mapping had no room */
	struct list requeued;		/* [h] to be submitted again, by node */
	struct dma_segment *spare;	/* [I] segment list when there is no memory for one */
	bool spare_used;		/* [h] */
	u32 out;			/* [h] the driver has so many */
};

struct flush_state {			/* [q] */
	struct list waiting, current;	/* bios for the next flush, for the one under way */
	bool busy;			/* one is wanted or under way */
	bool wanted;			/* it isn't dispatched yet */
};

struct block_queue {
	struct spinlock lock;		/* LOCK_BLOCK_QUEUE */
	const struct block_ops *ops;	/* [I] */
	struct block_limits lim;	/* [I], but max_sectors, write_cache and rotational [a] */
	u32 hw_max_sectors;		/* [I] */
	u32 discard_sectors;		/* [a] of one discard: lim's, or less */
	bool no_stats;			/* [a] queue/iostats */
	u8 no_merges;			/* [a] queue/nomerges: 2 is none */
	struct disk *disk;		/* [I] */
	u32 nhwq, depth, stride;	/* [I] */
	nsec_t timeout;			/* [a] */
	struct elevator elevator;	/* [q] */
	struct flush_state flush;	/* [q] */
	u32 work;			/* [q], read as [a]: groups that wait, and a flush that does */
	u32 nr_requests;		/* [a] groups that may wait in one direction before submitters do */
	u32 stopped;			/* [a] no submits */
	u32 fail_nth;			/* [a] the n-th request from now fails instead of being sent; 0: none. For tests */
	bool gone;			/* [q] bios get -ENODEV */
	u32 active;			/* [a] bios submitted and not done */
	struct waitq room, drained;
	struct dma_pool *pool;		/* [I] */
	struct timer timer;		/* time-outs */
	bool timer_armed;		/* [a] */
	struct timer retry;		/* resources were short */
	struct thread *thread;		/* [I] does what time-outs want */
	struct waitq thread_wq;
	bool expired, quit;		/* [a] */
	struct completion thread_done;
	struct block_hwq hwqs[];	/* nhwq */
};

int __must_check block_queue_create(const struct block_ops *ops, const struct block_limits *lim, u32 hw_queues, u32 depth,
	u32 request_size, u32 timeout_ms, struct disk *d, struct block_queue **out);
void block_queue_destroy(struct block_queue *q);
/* Take the bio, which is checked, split and has its place on the disk. Any context. */
void block_queue_add(struct block_queue *q, struct bio *bio);
void block_queue_run(struct block_queue *q, struct block_hwq *h);
void block_queue_run_here(struct block_queue *q);	/* the hardware queue of this CPU */
void block_queue_wait_room(struct block_queue *q, u8 dir);	/* may sleep */
/* New bios get -ENODEV, those that wait too; returns when none is left. */
void block_queue_drain(struct block_queue *q);
/* Wait until nothing is under way (others may go on submitting). */
void bio_end(struct bio *bio, int error);		/* bio.c: the whole is done */
/* q->lock held. dir of the elevator; from queueing to the end. */
void block_stat_start(struct bio *bio);
void block_stat_merge(struct bio *bio);
void block_stat_end(struct bio *bio, nsec_t now);

static inline struct block_request *
block_request_at(struct block_queue *q, struct block_hwq *h, u32 tag)
{
	return (struct block_request *)(h->requests + (size_t)tag * q->stride);
}

/* --- timeout.c --- */

void block_timeout_init(struct block_queue *q, u32 timeout_ms);		/* 0: the usual one */
void block_timeout_end(struct block_queue *q);				/* nothing is out any more */
int __must_check block_timeout_start(struct block_queue *q);	/* once the disk has its name */
void block_timeout_watch(struct block_queue *q, struct block_request *rq);	/* it goes out. Hardware queue's lock held */

/* --- flush.c --- */

/* What a write of these flags needs: true if the bio went into a flush sequence (or is done); false: queue it as it is. No lock. */
bool flush_begin(struct block_queue *q, struct bio *bio);
/* A data bio that ended with 0: true if a flush comes after it. */
bool flush_continue(struct block_queue *q, struct bio *bio);
void flush_done(struct block_queue *q, int error);	/* the flush under way has ended */

/* --- disk.c, device.c, attrs.c --- */

void bio_boot(void);
int __must_check block_device_create(struct disk *d, u32 partno, u64 start, u64 nr_sectors, struct block_device **out);
int __must_check block_device_publish(struct block_device *b);	/* number, registry, device tree */
void block_device_withdraw(struct block_device *b);	/* out of both; a partition's first reference is put too */
void disk_free(struct disk *d);				/* the last reference of its whole device is gone */
extern const struct device_attr *const block_disk_attrs[], *const block_part_attrs[], *const block_queue_attrs[];
extern const struct device_class device_class_block;
/* For their show(): the block device of a device, its disk's queue, a line with a number. */
static inline struct block_device *device_bdev(struct device *d) { return container_of(d, struct block_device, dev); }
static inline struct block_queue *device_queue(struct device *d) { return device_bdev(d)->disk->queue; }
static inline int attr_number(struct strbuf *out, u64 v) { strbuf_printf(out, "%lu\n", v); return 0; }
/* Partitions of the disk, by its open_lock's holder. */
int __must_check disk_add_partition(struct disk *d, u32 partno, u64 start, u64 nr, const char *uuid, const char *label);
int __must_check disk_delete_partition(struct disk *d, u32 partno);	/* -ENXIO, -EBUSY */
int __must_check disk_resize_partition(struct disk *d, u32 partno, u64 start, u64 nr);
void disk_scan_partitions(struct disk *d);
bool disk_range_is_free(struct disk *d, u64 start, u64 nr);	/* no partition touches it */
struct block_device *disk_find_partition(struct disk *d, u32 partno);	/* referenced, or NULL */

#endif
