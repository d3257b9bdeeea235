/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block layer: disks, their partitions, and the way of a request.
 *
 *	bio		what a caller wants: one range of sectors, to or from pages. Asynchronous; done() tells the end
 *	block_request	what a driver gets: one bio, or several neighbours merged
 *	block_queue	between them: sorting, merging, limits, flush, time-outs; one or more hardware queues
 *	disk		a whole device of a driver
 *	block_device	what can be opened: the whole disk (partition 0) or a partition. Its mapping is the page cache of its
 *			blocks, where file systems keep their metadata (dev/buf.h)
 *
 * Sectors are 512 bytes everywhere, whatever the logical block size.
 *
 * Lock key: [I] immutable  [a] atomic  [q] queue's lock (LOCK_BLOCK_QUEUE, irqs off)  [D] disk->lock (LOCK_BLOCK)  [o] the bio's owner
 */
#ifndef DEV_BLOCK_H
#define DEV_BLOCK_H

#include "dev/device.h"
#include "dev/dma.h"
#include "mm/iobuf.h"
#include "mm/mapping.h"

#define SECTOR_SHIFT	9
#define SECTOR_SIZE	512U

struct block_device;
struct block_queue;
struct disk;

/* --- bios --- */

enum bio_op { BIO_READ, BIO_WRITE, BIO_FLUSH, BIO_DISCARD, BIO_WRITE_ZEROES };
enum {
	BIO_FUA		= 1 << 0,	/* write: on stable storage when done */
	BIO_PREFLUSH	= 1 << 1,	/* write: all writes that were done before are on stable storage first */
	BIO_SYNC	= 1 << 2,	/* somebody waits: goes out without delay */
	BIO_META	= 1 << 3,
	BIO_RAHEAD	= 1 << 4,	/* read-ahead: may fail for want of resources */
};

struct bio_queued {			/* the block layer's, from submission to done() */
	u64 sector;			/* of the disk */
	struct rbnode sorted;		/* [q] */
	struct list fifo;		/* [q] */
	struct list group;		/* [q] bios that were merged behind this one, by their nodes */
	u32 group_sectors;		/* [q] with its own */
	u16 segments, group_segments;	/* [q] by the device's limits */
	nsec_t start, due;		/* submission; when it shouldn't wait longer */
	struct bio *parent;		/* this one is a part of it */
	u32 parts;			/* [a] of a split bio: not done yet */
	u8 step;			/* of a flush sequence */
	bool flush_after;
	bool counted;			/* in the statistics */
	u8 reserve;			/* it belongs to a reserve, and goes back there */
};

struct bio {
	struct list node;		/* the owner's before submission and from done() on; else the block layer's */
	struct block_device *bdev;	/* [o] */
	u64 sector;			/* [o] of bdev */
	u32 len;			/* [o] bytes; of discard and write-zeroes, too (no vecs) */
	u8 op, flags;			/* [o] enum bio_op, BIO_* */
	u16 nvecs, max_vecs;		/* [o] */
	int error;			/* valid in done(): 0, -EIO, -EILSEQ (medium), -ENOSPC, -ETIMEDOUT, -EOPNOTSUPP, -ENODEV, -EROFS */
	struct io_pagevec *vecs;	/* [o] pages are referenced (or locked, or under write-back) by the owner until done() */
	void (*done)(struct bio *bio);	/* once; any context, hard interrupts too: may not sleep; may free the bio */
	void *priv;			/* [o] */
	struct bio_queued q;
};

#define BIO_VECS_MAX	256

/* max_vecs is cut to BIO_VECS_MAX. KM_NORMAL: waits for the reserve rather than fail (so never while holding a bio that isn't
 * submitted) and never reclaims, so write-back may call it. KM_ATOMIC: NULL. */
struct bio *bio_alloc(struct block_device *bdev, enum bio_op op, u32 flags, u64 sector, u32 max_vecs, int km);
void bio_free(struct bio *bio);
/* A bio in memory of the caller's own, with his vecs (NULL for those without data): never to be freed by bio_free(). */
void bio_init(struct bio *bio, struct block_device *bdev, enum bio_op op, u32 flags, u64 sector, struct io_pagevec *vecs, u32 max_vecs);
/* Append a piece of a page, off and len in whole sectors: false when the bio is full. Each call makes a vec of its own, so done() may
 * walk vecs page by page. */
bool bio_add_page(struct bio *bio, struct page *pg, u32 off, u32 len);
/* Thread context. Takes the bio. Errors come through done(), beyond-the-end and read-only ones too. Doesn't wait for the device; may sleep for
 * room in the queue. Larger bios than the device takes are split inside. */
void bio_submit(struct bio *bio);
int __must_check bio_submit_wait(struct bio *bio);	/* with the caller's own end: 0 or error; the bio stays the caller's */
/* Flush the device's write cache: what was done before is stable. 0, -EIO. Sleeps. */
int __must_check block_flush(struct block_device *bdev);
int __must_check block_discard(struct block_device *bdev, u64 sector, u64 nr);		/* -EOPNOTSUPP */
u32 block_discard_granularity(const struct block_device *bdev);	/* bytes of the least discard that is of use; 0: it has none */
int __must_check block_zero(struct block_device *bdev, u64 sector, u64 nr);	/* by the device, or by writing zeros */
int __must_check block_zero_offloaded(struct block_device *bdev, u64 sector, u64 nr);	/* by the device, else -EOPNOTSUPP */
/* Before [from, end) bytes, in whole logical blocks, change beside the cache: write what is dirty there and drop its pages. What comes
 * to be dirty meanwhile stays. 0, or the error of a write. */
int __must_check block_drop_cached(struct block_device *bdev, u64 from, u64 end);
/* Synchronous read or write of kernel memory, by sectors. For tables, super blocks. */
int __must_check block_rw_kernel(struct block_device *bdev, enum bio_op op, u64 sector, void *buf, size_t len);

/* Hold bios of this thread back so that neighbours merge: until finish, or until the thread sleeps. Nests (the outermost counts). */
struct block_plug { struct list bios; u32 count; };
void block_plug_start(struct block_plug *plug);
void block_plug_finish(struct block_plug *plug);

/* --- block devices --- */

struct block_device {
	struct disk *disk;		/* [I] */
	struct device dev;		/* /sys/block/sda, /sys/block/sda/sda1; devt */
	u32 partno;			/* [I] 0: the whole disk */
	u64 start;			/* [I] first sector on the disk */
	u64 nr_sectors;			/* [a] */
	u8 uuid[37], label[73];		/* [I] PARTUUID and PARTLABEL texts, "" where there is none */
	struct refcount refs;		/* [a] lookups get one under the registry's lock */
	u32 openers, writers;		/* [D] */
	void *holder;			/* [D] exclusive claim (a mounted super block, O_EXCL), or NULL */
	u32 holds;			/* [D] how often the holder has it open */
	bool read_only;			/* [D] */
	u32 block_size;			/* [D] of its mapping's buffers: 512 to 4096; changed only by who claimed it */
	struct mapping mapping;		/* page cache of the blocks */
	struct spinlock buf_lock;	/* LOCK_BUF_STATE: buffers of pages come and go (dev/block/buf.c) */
	struct { u64 ios, sectors, merges, ticks_ns; } stat[4];	/* [q] read, write, discard, flush */
	u32 in_flight[2];		/* [q] bios submitted and not done: reads, all others */
	nsec_t busy_since, busy_ns;	/* [q] something was in flight */
	struct backing_dev backing;	/* read-ahead and write-back; the whole disk's counts for all of it */
	struct rcu_head rcu;
	struct list node;		/* [registry] */
	struct list part_node;		/* [D] in disk->parts */
	bool ext_number;		/* [I] of major 259 */
};

/* By number. With a reference. -ENXIO */
int __must_check block_device_find(dev_t devt, struct block_device **out);
/* By what root= takes: "/dev/vda1", "PARTUUID=...", "PARTLABEL=...", "8:1", "801" (hex). LABEL= and UUID= are the file systems' (fs/root.c).
 * -ENODEV */
int __must_check block_device_find_name(const char *name, struct block_device **out);
void block_device_get(struct block_device *bdev);
void block_device_put(struct block_device *bdev);
enum {
	BLOCK_OPEN_WRITE	= 1 << 0,
	BLOCK_OPEN_ANYWAY	= 1 << 1,	/* without a medium, too (O_NONBLOCK): the tray stays as it is, the door unlocked */
};
/* Open for use; the caller has a reference and keeps it. holder not NULL: exclusively (-EBUSY). write counts only: whether the device is
 * read-only is the caller's to ask, and writes then fail with -EROFS. -ENOMEDIUM, -ENXIO. May sleep. */
int __must_check block_device_open(struct block_device *bdev, u32 how, void *holder);
void block_device_close(struct block_device *bdev, bool write, void *holder);	/* the last one writes back and drops the cache */
/* 512 .. 4096 and not below the logical block size, else -EINVAL. Writes back and drops the cache first. The claimer. */
int __must_check block_device_set_block_size(struct block_device *bdev, u32 size);
static inline u64 block_device_bytes(const struct block_device *b) { return b->nr_sectors << SECTOR_SHIFT; }
u32 block_device_logical_size(const struct block_device *bdev);
bool block_device_is_read_only(const struct block_device *bdev);
void block_device_name(const struct block_device *bdev, char *buf, size_t size);	/* "vda1" */
/* Disks in the order of their coming, each with its partitions behind it; with a reference during fn; fn may sleep. */
void block_device_for_each(void (*fn)(struct block_device *bdev, void *arg), void *arg);
/* BLK*, HDIO_*, what the driver knows; -ENOTTY. holder: what the caller claimed it with, or NULL. */
long block_device_ioctl(struct block_device *bdev, unsigned int cmd, u64 arg, bool writable, void *holder);
/* Read the partition table anew. -EBUSY: a partition is open. */
int __must_check block_device_rescan(struct block_device *whole);

/* --- for drivers --- */

struct block_request {
	struct list node;		/* the driver's while it is out */
	struct block_queue *queue;	/* [I] */
	u32 hwq, tag;			/* [I] while it is out: tag < depth, unique in its hardware queue */
	u8 op, flags;			/* enum bio_op, BIO_FUA (only where limits.fua) ... */
	u64 sector;			/* of the disk */
	u32 nr_sectors;
	struct list bios;		/* the queue's */
	struct dma_mapping dma;		/* mapped before ops->submit; segments in .segs (reads, writes) */
	void *driver;			/* request_size bytes of the driver's own, kept over the queue's life: zeroed once, aligned to 16,
					 * physically contiguous (virt_to_phys) */
	nsec_t deadline;		/* [hardware queue's lock] of the time-out */
	int error;			/* the queue's */
	bool out;			/* [hardware queue's lock] the driver has it */
	bool mapped, big_segs;		/* the queue's */
	struct dma_segment small[4];	/* the queue's: dma.segs of short requests */
};

struct block_limits {
	u32 logical_size, physical_size;	/* bytes */
	u32 max_sectors;		/* of one request */
	u32 discard_max_sectors, zeroes_max_sectors;	/* 0: not supported */
	u32 discard_granularity;		/* bytes; 0: physical_size */
	bool write_cache;		/* volatile: flush matters */
	bool fua;			/* understood by the device; else the queue makes it a write and a flush */
	bool rotational;
	bool no_dma;		/* the driver moves the bytes itself, by the bios' vecs: nothing is mapped */
	struct dma_limits dma;
};

struct block_ops {
	/* Start it: 0; -EBUSY: no room (asked again after the next completion of this hardware queue, or soon); other errors end it.
	 * Hardware queue's lock held, irqs off: may not sleep, may not call block_request_end() (that takes this lock). */
	int (*submit)(struct block_queue *q, struct block_request *rq);
	void (*kick)(struct block_queue *q, u32 hwq);	/* after a batch of submits: ring the bell. Optional; same context */
	/* rq is past its deadline (flushes have twice the queue's time). In the queue's own thread, no lock: stop the device (reset), so
	 * that none of its requests will complete any more, then block_request_end() or block_request_requeue() each that is out, and go
	 * on. What is still out afterwards is called late again after as much time. rq may have ended meanwhile, or be another one. */
	void (*timeout)(struct block_queue *q, struct block_request *rq);
	/* First opener, how: BLOCK_OPEN_*: medium, door. -ENOMEDIUM (who opens anyway does so all the same), -EROFS. Optional; may sleep */
	int (*open)(struct disk *d, u32 how);
	void (*close)(struct disk *d);		/* the last one */
	void (*idle)(struct disk *d);		/* behind close, with no lock held. Optional */
	long (*ioctl)(struct disk *d, unsigned int cmd, u64 arg);	/* driver's own; -ENOTTY. Optional */
	void (*release)(struct disk *d);	/* the last reference is gone */
};

struct disk {
	char name[32];			/* [I] "vda", "sda", "sr0", "loop0" */
	u32 major, first_minor, minors;	/* [I] minors: partitions it can have + 1 (more get extended numbers, major 259) */
	struct device *parent;		/* [I] in the device tree */
	struct block_queue *queue;	/* [I] */
	struct mutex open_lock;		/* LOCK_BLOCK_OPEN: open, close, reading the partition table */
	struct mutex lock;		/* LOCK_BLOCK: leaf */
	struct block_device *whole;	/* [I] */
	struct list parts;		/* [D] */
	bool removable, read_only, gone;	/* [D] gone: [a] */
	const struct block_ops *ops;	/* [I] */
	const struct device_attr *const *attrs;	/* [I] driver's extra files in /sys/block/NAME, or NULL */
	void *priv;			/* [I] the driver's */
	u32 index;			/* [I] which of its prefix; disk_set_name's */
	u64 seq;			/* [I] /sys/block/NAME/diskseq */
	struct { u16 cylinders; u8 heads, sectors; } geometry;	/* [I] as the device says; 0 heads: it doesn't */
	bool no_partitions;		/* [I] whole disk only (CD, loop without partscan) */
};

/* Make queue and disk; nobody sees it yet. depth requests in each hardware queue. -ENOMEM. */
int __must_check disk_create(const struct block_ops *ops, const struct block_limits *lim, u32 hw_queues, u32 depth,
	u32 request_size, u32 timeout_ms, void *priv, struct disk **out);
/* Next free: prefix "vd" -> vda .. vdz, vdaa; "sr" -> sr0. Sets major, first_minor and minors too. -ENOSPC, -ENOMEM. */
int __must_check disk_set_name(struct disk *d, const char *prefix);
int __must_check disk_set_name_index(struct disk *d, const char *prefix, u32 index);	/* this very one. -EBUSY */
/* Publish: reads the partition table, makes the nodes. The driver can take requests. -EEXIST, -ENOMEM. */
int __must_check disk_add(struct disk *d, u64 nr_sectors);
void disk_set_capacity(struct disk *d, u64 nr_sectors);		/* any time; a line in the log, a uevent */
/* The device is gone: new bios get -ENODEV, those that are out must be ended by the driver before or after (drains). May sleep. */
void disk_remove(struct disk *d);
void disk_put(struct disk *d);
void disk_drop_all_partitions(struct disk *d);	/* the medium went; open_lock held */

/* A request has ended: bytes all moved (0) or error. Any context, but with no lock held that submit takes. Starts what waits. */
void block_request_end(struct block_request *rq, int error);
void block_request_requeue(struct block_request *rq);	/* to the front, after a reset */
/* Each request that is out (submitted, not ended), in the timeout op or removal with the device stopped. fn may end or requeue it. */
void block_queue_for_each_out(struct block_queue *q, void (*fn)(struct block_request *rq, void *arg), void *arg);
void block_queue_stop(struct block_queue *q);		/* no submits until start (reset going on). Any context */
void block_queue_start(struct block_queue *q);
/* How long requests that go out from now on may take. Setting: thread context. */
nsec_t block_queue_timeout(struct block_queue *q);
void block_queue_set_timeout(struct block_queue *q, nsec_t timeout);
/* The device's write cache was switched on or off. Switching on: call it first; off: after. Any context. */
void block_queue_set_write_cache(struct block_queue *q, bool on);
struct disk *block_queue_disk(struct block_queue *q);
const struct block_limits *block_queue_limits(struct block_queue *q);
/* Between two uses of the disk, when nothing is under way: what depends on the medium. dma stays. */
void block_queue_set_limits(struct block_queue *q, const struct block_limits *lim);
u32 disk_openers(struct disk *d);	/* of the whole and its partitions */
void *block_queue_priv(struct block_queue *q);		/* disk->priv */
u32 block_hwq_for_cpu(struct block_queue *q, u32 cpu);

void block_init(void);			/* boot */
/* Text of /proc/partitions and /proc/diskstats: proc/procfs calls them. */
void block_show_partitions(struct strbuf *out);
void block_show_diskstats(struct strbuf *out);
void block_show_majors(struct strbuf *out);	/* of /proc/devices */

#endif
