/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver of a disk in memory: drive.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/disk/drive.h"

#include "dev/block.h"
#include "fs/path.h"
#include "mm/page.h"
#include "sys/abi/errno.h"
#include "sys/panic.h"
#include "tests/unit/disk/fiber.h"

struct undo { u64 at; u32 len; u8 data[]; };

#define DEPTH	64
#define UNDO_MAX	65536

static struct block_request *queue[DEPTH * 4];	/* of all drives */
static u32 queued;
static struct undo *undo_of[UNDO_MAX];	/* there is one cut at a time */

static u32
draw(u32 n)
{
	static u64 state = 12345;

	state = state * 6364136223846793005UL + 1442695040888963407UL + fiber_seed;
	return (u32)(state >> 33) % n;
}

static struct drive *
drive_of(struct block_request *rq)
{
	return block_queue_priv(rq->queue);
}

/* --- the medium --- */

static void
keep_old(struct drive *d, u64 at, u32 len)
{
	struct undo *u;

	if (d->cut_after == 0 || d->nundo == UNDO_MAX)
		return;
	u = malloc(sizeof(*u) + len);
	u->at = at;
	u->len = len;
	memcpy(u->data, d->data + at, len);
	undo_of[d->nundo++] = u;
}

static void
forget_old(struct drive *d, bool bring_back)
{
	while (d->nundo > 0) {
		struct undo *u = undo_of[--d->nundo];

		if (bring_back && draw(2) == 0)
			memcpy(d->data + u->at, u->data, u->len);
		free(u);
	}
}

static void
flushed(struct drive *d)
{
	d->flushes++;
	if (!d->cut)
		forget_old(d, false);
}

static void
move(struct drive *d, struct block_request *rq)
{
	u64 at = rq->sector << SECTOR_SHIFT;
	bool write = rq->op == BIO_WRITE;
	const struct bio *bio;

	list_for_each(bio, &rq->bios, node) {
		for (u32 i = 0; i < bio->nvecs; i++) {
			const struct io_pagevec *v = &bio->vecs[i];
			u8 *p = (u8 *)page_address(v->page) + v->off;

			KASSERT(at + v->len <= d->size && v->off + v->len <= PAGE_SIZE);
			if (!write)
				memcpy(p, d->data + at, v->len);
			else if (!d->cut) {
				if (!(rq->flags & BIO_FUA))
					keep_old(d, at, v->len);
				memcpy(d->data + at, p, v->len);
			}
			at += v->len;
		}
	}
}

static void
count_write(struct drive *d)
{
	d->writes++;
	if (d->cut_after == 0 || d->cut || --d->cut_after != 0)
		return;
	d->cut = true;
	d->cut_after = 1;
	forget_old(d, true);
}

static bool
fails(struct drive *d, struct block_request *rq)
{
	d->requests++;
	if (d->fail_nth == 0 || (d->fail_writes_only && rq->op == BIO_READ))
		return false;
	if (d->fail_nth > 1) {
		d->fail_nth--;
		return false;
	}
	if (!d->fail_on)
		d->fail_nth = 0;
	return true;
}

static int
carry_out(struct drive *d, struct block_request *rq)
{
	if (fails(d, rq))
		return -EIO;
	switch (rq->op) {
	case BIO_FLUSH:
		flushed(d);
		return 0;
	case BIO_READ:
		move(d, rq);
		return 0;
	case BIO_WRITE:
		count_write(d);
		move(d, rq);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

/* --- requests --- */

static int
drive_submit(struct block_queue *q, struct block_request *rq)
{
	(void)q;
	KASSERT(queued < DEPTH * 4);
	queue[queued++] = rq;
	return 0;
}

bool
drive_interrupt(void)
{
	struct block_request *all[DEPTH * 4];
	u32 n = queued;

	memcpy(all, queue, n * sizeof(*all));
	queued = 0;
	for (u32 left = n; left > 0; left--) {
		u32 i = fiber_seed != 0 ? draw(left) : 0;
		struct block_request *rq = all[i];

		memmove(&all[i], &all[i + 1], (left - i - 1) * sizeof(*all));
		block_request_end(rq, carry_out(drive_of(rq), rq));
	}
	return n > 0;
}

u32
drive_queued(void)
{
	return queued;
}

static void
drive_release(struct disk *d)
{
	struct drive *drive = d->priv;

	forget_old(drive, false);
	free(drive);
}

static const struct block_ops drive_ops = { .submit = drive_submit, .release = drive_release };

/* --- coming and going --- */

static void
make_node(struct block_device *b, void *arg)
{
	char name[40], path[48];

	if (b->disk != arg)
		return;
	block_device_name(b, name, sizeof(name));
	snprintf(path, sizeof(path), "/dev/%s", name);
	if (path_mknod(AT_FDCWD, path, S_IFBLK | 0600, b->dev.devt) != 0)
		panic("no node %s", path);
}

static void
remove_node(struct block_device *b, void *arg)
{
	char name[40], path[48];

	if (b->disk != arg)
		return;
	block_device_name(b, name, sizeof(name));
	snprintf(path, sizeof(path), "/dev/%s", name);
	(void)!path_unlink(AT_FDCWD, path);
}

int
drive_attach(u8 *data, u64 size, u32 flags, struct drive **out)
{
	struct block_limits lim = { .no_dma = true, .write_cache = (flags & DRIVE_CACHE) != 0,
		.logical_size = flags & DRIVE_SECTOR_2K ? 2048 : 512 };
	struct drive *d = calloc(1, sizeof(*d));
	int err;

	d->data = data;
	d->size = size & ~511UL;
	err = disk_create(&drive_ops, &lim, 1, DEPTH, 0, 0, d, &d->disk);
	if (err != 0) {
		free(d);
		return err;
	}
	d->disk->read_only = flags & DRIVE_READ_ONLY;
	err = disk_set_name(d->disk, "vd");
	if (err == 0)
		err = disk_add(d->disk, d->size >> SECTOR_SHIFT);
	if (err != 0) {
		disk_put(d->disk);
		return err;
	}
	snprintf(d->node, sizeof(d->node), "/dev/%s", d->disk->name);
	block_device_for_each(make_node, d->disk);
	*out = d;
	return 0;
}

void
drive_detach(struct drive *d)
{
	struct disk *disk = d->disk;

	block_device_for_each(remove_node, disk);
	disk_remove(disk);
	disk_put(disk);
}
