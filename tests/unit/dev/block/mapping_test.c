/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Write-back of a page of buffers: a page is clean only when all of its buffers are in place, also those that were sent by themselves.
 * sources: dev/block/mapping.c dev/block/buf.c
 */
#include "tests/unit/test.h"

#include "dev/block/buf_internal.h"
#include "mm/lru.h"
#include "mm/page.h"
#include "tests/unit/shim/shim.h"

#define BUFS	4

static struct block_device bdev = { .nr_sectors = 1024, .block_size = 1024 };
static struct page page;
static struct buf ring[BUFS];
static struct bio *sent[BUFS];
static u32 nsent, ended, redirtied, sleeps;

/* --- beside it --- */

vaddr_t arch_direct_map_base, arch_vmemmap_base;

struct bio *
bio_alloc(struct block_device *bd, enum bio_op op, u32 flags, u64 sector, u32 max_vecs, int km)
{
	struct bio *bio = calloc(1, sizeof(*bio) + sizeof(struct io_pagevec));

	(void)km;
	bio_init(bio, bd, op, flags, sector, (struct io_pagevec *)(bio + 1), max_vecs);
	return bio;
}

void
bio_init(struct bio *bio, struct block_device *bd, enum bio_op op, u32 flags, u64 sector, struct io_pagevec *vecs, u32 max_vecs)
{
	*bio = (struct bio){ .bdev = bd, .op = (u8)op, .flags = (u8)flags, .sector = sector, .vecs = vecs, .max_vecs = (u16)max_vecs };
}

bool
bio_add_page(struct bio *bio, struct page *pg, u32 off, u32 len)
{
	bio->vecs[bio->nvecs++] = (struct io_pagevec){ pg, off, len };
	bio->len += len;
	return true;
}

void bio_free(struct bio *bio) { free(bio); }
void bio_submit(struct bio *bio) { sent[nsent++] = bio; }
void block_plug_start(struct block_plug *p) { (void)p; }
void block_plug_finish(struct block_plug *p) { (void)p; }
void block_device_put(struct block_device *b) { (void)b; }
void mapping_dirty(struct mapping *m, struct page *pg) { (void)m, (void)pg; }
void mapping_redirty(struct mapping *m, struct page *pg) { (void)m, (void)pg; redirtied++; }
void mapping_end_writeback(struct mapping *m, struct page *pg, int err) { (void)m, (void)pg, (void)err; ended++; }
void mapping_set_error(struct mapping *m, int err) { (void)m, (void)err; }
int mapping_sync(struct mapping *m, off_t a, off_t b) { (void)m, (void)a, (void)b; return 0; }
int mapping_invalidate(struct mapping *m, u64 a, u64 b, bool u) { (void)m, (void)a, (void)b, (void)u; return 0; }
int mapping_write_dirty(struct mapping *m, struct writeback_control *w) { (void)m, (void)w; return 0; }
void lru_activate(struct page *pg) { (void)pg; }
struct page *mapping_find(struct mapping *m, u64 i) { (void)m, (void)i; return NULL; }
struct page *mapping_locked_page(struct mapping *m, u64 i) { (void)m, (void)i; return NULL; }
int mapping_get_locked(struct mapping *m, u64 i, struct page **pg) { (void)m, (void)i, (void)pg; return -ENOMEM; }
int mapping_read(struct mapping *m, u64 i, struct page **pg) { (void)m, (void)i, (void)pg; return -EIO; }
void page_end_read(struct page *pg, int err) { (void)pg, (void)err; }
void page_unlock(struct page *pg) { (void)pg; }
void page_put(struct page *pg) { (void)pg; }

/* --- the page --- */

static void
end_write(struct bio *bio)
{
	bio->done(bio);
}

static void
on_schedule(void)
{
	sleeps++;
	ck_assert_uint_gt(nsent, 0);
	unit_thread.state = THREAD_RUNNING;
	end_write(sent[--nsent]);
}

void
unit_setup(void)
{
	static u8 data[BUFS * 1024];

	buf_boot();
	bdev.mapping.owner = &bdev;
	spin_init(&bdev.buf_lock, LOCK_BUF_STATE);
	for (u32 i = 0; i < BUFS; i++)
		ring[i] = (struct buf){ .page = &page, .next = &ring[(i + 1) % BUFS], .bdev = &bdev, .block = i, .size = 1024,
			.state = BUF_UPTODATE, .data = data + i * 1024 };
	page.mapping = &bdev.mapping;
	page.private = ring;
	page.refs = (struct refcount){ 1 };
	page_set_flag(&page, PG_PRIVATE);
	unit_on_schedule = on_schedule;
}

static void
write_page(bool sync)
{
	struct writeback_control wbc = { .sync = sync, .nr_to_write = -1 };

	ck_assert_int_eq(block_mapping_ops.write_page(&bdev.mapping, &page, &wbc), 0);
}

/* --- tests --- */

TEST(dirty_buffers_are_written_clean_ones_not)
{
	ring[1].state |= BUF_DIRTY;
	ring[2].state |= BUF_DIRTY;
	write_page(false);
	ck_assert_uint_eq(nsent, 2);
	ck_assert_uint_eq(ended, 0);
	end_write(sent[0]);
	end_write(sent[1]);
	ck_assert_uint_eq(ended, 1);
	ck_assert_uint_eq(redirtied, 0);
}

TEST(a_sync_waits_for_a_buffer_that_was_sent_by_itself)
{
	ring[3].state |= BUF_DIRTY;
	buf_write_start(&ring[3], 0);
	ck_assert_uint_eq(nsent, 1);
	write_page(true);
	ck_assert_uint_eq(sleeps, 1);
	ck_assert_uint_eq(ended, 1);
}

TEST(others_leave_its_page_dirty)
{
	ring[3].state |= BUF_DIRTY;
	buf_write_start(&ring[3], 0);
	write_page(false);
	ck_assert_uint_eq(sleeps, 0);
	ck_assert_uint_eq(redirtied, 1);
	end_write(sent[0]);
}
