/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the journal stands on, in memory: a disk that records its writes, buffers, and the commit thread, which runs while the test would
 * sleep. Included by one test file each, first after tests/unit/test.h.
 */
#ifndef TESTS_UNIT_FS_JBD2_MACHINE_H
#define TESTS_UNIT_FS_JBD2_MACHINE_H

#include "fs/jbd2/jbd2.h"
#include "mm/page.h"
#include "sys/abi/errno.h"
#include "tests/unit/shim/shim.h"

#define BS		1024U
#define LOG_BLOCKS	1024U
#define LOG_AT		256U
#define FS_BLOCKS	256U		/* in front of the log */
#define DISK_BLOCKS	(LOG_AT + LOG_BLOCKS)

/* --- the disk --- */

struct record { u32 block; bool fua; bool flush; const struct block_device *bdev; u8 *data; };

static u8 disk[DISK_BLOCKS * BS];
static struct record *trace;
static u32 trace_len, trace_max;
static u32 fail_after = ~0U;	/* writes that still succeed */
static void (*on_write)(void);	/* what another thread does while the write is on its way */

static void
record(struct record r)
{
	if (trace_len == trace_max) {
		trace_max = trace_max ? trace_max * 2 : 1024;
		trace = realloc(trace, trace_max * sizeof(*trace));
	}
	trace[trace_len++] = r;
}

static int
disk_write(const struct block_device *bd, u32 block, const void *data, bool fua)
{
	u8 *copy = malloc(BS);

	ck_assert_uint_lt(block, DISK_BLOCKS);
	if (fail_after == 0)
		return free(copy), -EIO;
	fail_after -= fail_after != ~0U;
	memcpy(disk + (size_t)block * BS, data, BS);
	memcpy(copy, data, BS);
	record((struct record){ .block = block, .fua = fua, .bdev = bd, .data = copy });
	if (on_write != NULL)
		on_write();
	return 0;
}

int
block_flush(struct block_device *bd)
{
	record((struct record){ .flush = true, .bdev = bd });
	return 0;
}

vaddr_t arch_direct_map_base, arch_vmemmap_base;	/* zero: a page is its address */

paddr_t
virt_to_phys(const void *va)
{
	return (paddr_t)va;
}

struct bio *
bio_alloc(struct block_device *bdev, enum bio_op op, u32 flags, u64 sector, u32 max_vecs, int km)
{
	struct bio *bio = calloc(1, sizeof(*bio));

	(void)km;
	bio->bdev = bdev;
	bio->op = op;
	bio->flags = (u8)flags;
	bio->sector = sector;
	bio->max_vecs = (u16)max_vecs;
	bio->vecs = calloc(max_vecs, sizeof(*bio->vecs));
	return bio;
}

void
bio_free(struct bio *bio)
{
	free(bio->vecs);
	free(bio);
}

bool
bio_add_page(struct bio *bio, struct page *pg, u32 off, u32 len)
{
	if (bio->nvecs == bio->max_vecs)
		return false;
	bio->vecs[bio->nvecs++] = (struct io_pagevec){ pg, off, len };
	bio->len += len;
	return true;
}

static int
bio_run(struct bio *bio)
{
	u32 block = (u32)(bio->sector / (BS / SECTOR_SIZE)), i;
	int err = 0;

	ck_assert_int_eq(bio->op, BIO_WRITE);
	if (bio->flags & BIO_PREFLUSH)
		(void)!block_flush(bio->bdev);
	for (i = 0; i < bio->nvecs && err == 0; i++) {
		ck_assert_uint_eq(bio->vecs[i].len, BS);
		err = disk_write(bio->bdev, block + i, (u8 *)page_address(bio->vecs[i].page) + bio->vecs[i].off, bio->flags & BIO_FUA);
	}
	return err;
}

void
bio_submit(struct bio *bio)
{
	bio->error = bio_run(bio);
	bio->done(bio);
}

int bio_submit_wait(struct bio *bio) { return bio_run(bio); }
void block_plug_start(struct block_plug *p) { (void)p; }
void block_plug_finish(struct block_plug *p) { (void)p; }

int
block_rw_kernel(struct block_device *bdev, enum bio_op op, u64 sector, void *buf, size_t len)
{
	(void)bdev;
	ck_assert_int_eq(op, BIO_READ);
	ck_assert_uint_le(sector * SECTOR_SIZE + len, sizeof(disk));
	memcpy(buf, disk + sector * SECTOR_SIZE, len);
	return 0;
}

void
block_device_name(const struct block_device *b, char *buf, size_t size)
{
	(void)b;
	snprintf(buf, size, "vda");
}

/* An open handle is all that the journal tells the lock checker of. */
void lockdep_acquire(const void *l, u16 cls, u32 how, const void *pc) { (void)l, (void)how, (void)pc; ck_assert_int_eq(cls, LOCK_TRANS); }
void lockdep_release(const void *l, u16 cls, const void *pc) { (void)l, (void)pc; ck_assert_int_eq(cls, LOCK_TRANS); }

u32 kmem_scope_enter(u32 flags) { ck_assert_uint_eq(flags, KM_NOFS); return 0; }
void kmem_scope_leave(u32 old) { ck_assert_uint_eq(old, 0); }

/* --- buffers --- */

static struct block_device bdev = { .nr_sectors = DISK_BLOCKS * (BS / SECTOR_SIZE), .block_size = BS };
static struct buf *cache[DISK_BLOCKS];

int
buf_get(struct block_device *bd, u64 block, struct buf **out)
{
	if (block >= DISK_BLOCKS)
		return -EIO;
	if (cache[block] == NULL) {
		struct buf *b = calloc(1, sizeof(*b));

		b->bdev = bd;
		b->block = block;
		b->size = BS;
		b->data = malloc(BS);
		memcpy(b->data, disk + block * BS, BS);
		cache[block] = b;
	}
	*out = cache[block];
	(*out)->refs++;
	return 0;
}

int
buf_get_zeroed(struct block_device *bd, u64 block, struct buf **out)
{
	int err = buf_get(bd, block, out);

	if (err == 0)
		memset((*out)->data, 0, BS);
	return err;
}

void buf_hold(struct buf *b) { b->refs++; }
void buf_put(struct buf *b) { might_sleep(); if (b != NULL) { ck_assert_int_gt(b->refs, 0); b->refs--; } }
void buf_lock(struct buf *b) { ck_assert_int_eq(b->state & BUF_LOCKED, 0); b->state |= BUF_LOCKED; }
void buf_unlock(struct buf *b) { ck_assert_int_ne(b->state & BUF_LOCKED, 0); b->state &= ~(u32)BUF_LOCKED; }
void buf_dirty(struct buf *b) { ck_assert_int_eq(b->state & BUF_PINNED, 0); b->state |= BUF_DIRTY; }
void buf_clean(struct buf *b) { b->state &= ~(u32)BUF_DIRTY; }

bool
buf_pin(struct buf *b)
{
	bool dirty = b->state & BUF_DIRTY;

	ck_assert_int_ne(b->state & BUF_LOCKED, 0);
	b->state = (b->state & ~(u32)BUF_DIRTY) | BUF_PINNED;
	return dirty;
}

void
buf_unpin(struct buf *b, bool dirty)
{
	ck_assert_int_ne(b->state & BUF_PINNED, 0);
	b->state &= ~(u32)BUF_PINNED;
	if (dirty)
		b->state |= BUF_DIRTY;
}

void
buf_write_start(struct buf *b, u32 flags)
{
	(void)flags;
	if ((b->state & BUF_DIRTY) == 0 || (b->state & BUF_PINNED) != 0)
		return;
	b->state &= ~(u32)(BUF_DIRTY | BUF_WRITE_ERROR);
	if (disk_write(b->bdev, (u32)b->block, b->data, false) != 0)
		b->state |= BUF_WRITE_ERROR;
}

int buf_wait(struct buf *b) { return b->state & BUF_WRITE_ERROR ? -EIO : 0; }

int
buf_sync(struct block_device *bd)
{
	u32 i;

	(void)bd;
	for (i = 0; i < DISK_BLOCKS; i++)
		if (cache[i] != NULL)
			buf_write_start(cache[i], 0);
	return 0;
}

static void
cache_drop(void)
{
	u32 i;

	for (i = 0; i < DISK_BLOCKS; i++) {
		if (cache[i] == NULL)
			continue;
		ck_assert_ptr_null(cache[i]->journal);
		ck_assert_int_eq(cache[i]->refs, 0);
		free(cache[i]->data);
		free(cache[i]);
		cache[i] = NULL;
	}
}

int mapping_flush(struct mapping *m, struct writeback_control *wbc) { (void)m, (void)wbc; return 0; }
void mapping_set_error(struct mapping *m, int err) { (void)m, (void)err; }

/* --- the commit thread: runs while the test would sleep --- */

static struct journal *the_journal;

int
thread_spawn(void (*fn)(void *), void *arg, const char *fmt, ...)
{
	(void)fn, (void)fmt;
	the_journal = arg;
	return 0;
}

static void
on_schedule(void)
{
	enum thread_state state = unit_thread.state;

	if (the_journal == NULL)
		return;
	unit_thread.state = THREAD_RUNNING;
	if (the_journal->stop)
		completion_complete(&the_journal->gone);
	else
		journal_work(the_journal);
	(void)state;
}

static int
map(void *arg, u32 log_block, u64 *block)
{
	(void)arg;
	*block = LOG_AT + log_block;
	return 0;
}

static void
format(void)
{
	struct jbd2_super *sb = (struct jbd2_super *)(disk + LOG_AT * BS);

	memset(disk, 0, sizeof(disk));
	sb->header = (struct jbd2_header){ be32_make(JBD2_MAGIC), be32_make(JBD2_SUPER_V2), be32_make(0) };
	sb->block_size = be32_make(BS);
	sb->log_blocks = be32_make(LOG_BLOCKS);
	sb->first = be32_make(1);
	sb->tid = be32_make(1);
	sb->users = be32_make(1);
}

static const struct journal_place place = { .bdev = &bdev, .fs_bdev = &bdev, .map = map, .blocks = LOG_BLOCKS };

static struct journal *
mount_journal_at(const struct journal_place *where)
{
	struct journal *j;

	unit_on_schedule = on_schedule;
	the_journal = NULL;
	ck_assert_int_eq(journal_open(where, &j), 0);
	ck_assert_int_eq(journal_recover(j), 0);
	ck_assert_int_eq(journal_begin(j, 5000), 0);
	return j;
}

static inline struct journal *
mount_journal(void)
{
	return mount_journal_at(&place);
}

static void
unmount_journal(struct journal *j)
{
	ck_assert_int_eq(journal_close(j), 0);
	cache_drop();
}

/* --- a block with a number in it --- */

static void
stamp(struct handle *h, u32 block, u32 value)
{
	struct buf *b;

	ck_assert_int_eq(buf_get(&bdev, block, &b), 0);
	ck_assert_int_eq(journal_access(h, b), 0);
	memset(b->data, 0, BS);
	memcpy(b->data + (value % 7 == 0 ? 0 : 8), &value, 4);
	if (value % 5 == 0) {	/* looks like a block of the log */
		be32_t magic = be32_make(JBD2_MAGIC);

		memcpy(b->data, &magic, 4);
		memcpy(b->data + 8, &value, 4);
	}
	journal_dirty(h, b);
	buf_put(b);
}

static u32
stamp_of(const u8 *data)
{
	u32 value;

	memcpy(&value, data + 8, 4);
	if (value == 0)
		memcpy(&value, data, 4);
	return value;
}

void
unit_teardown(void)
{
	while (trace_len > 0)
		free(trace[--trace_len].data);
	free(trace);
	trace = NULL;
	trace_max = 0;
}

#endif
