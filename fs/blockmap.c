/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between pages and blocks: reading pages, read-ahead and write-back.
 *
 * A page whose data lies in one piece on the device goes into a bio together with its neighbours. One that lies in several pieces (blocks
 * smaller than a page) gets a bio for each, and a struct scattered that counts them.
 */
#include "fs/blockmap_internal.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"

u32
blockmap_valid_bytes(struct vnode *vn, u64 index)
{
	off_t size = vnode_size(vn), start = (off_t)(index << PAGE_SHIFT);

	if (index > (u64)INT64_MAX >> PAGE_SHIFT || size <= start)
		return 0;
	return (u32)ALIGN_UP(MIN((u64)(size - start), PAGE_SIZE), (u64)vn->sb->blksize);
}

/* --- where pages are --- */

static int
lookup(struct blockmap_pass *p, u64 fblock, u32 max, struct block_extent *out)
{
	int err;

	if (p->keep_run && fblock >= p->run_start && fblock - p->run_start < p->run.n) {
		u32 skip = (u32)(fblock - p->run_start);

		*out = p->run;
		out->n -= skip;
		out->block += out->hole ? 0 : skip;
		return 0;
	}
	err = p->vn->sb->blockmap->map(p->vn, fblock, max, false, out);
	if (err == 0 && p->keep_run) {
		p->run_start = fblock;
		p->run = *out;
	}
	return err;
}

int
blockmap_pieces(struct blockmap_pass *p, u64 index, u32 limit, u32 skip, struct piece out[PIECES_MAX])
{
	u32 bits = block_bits(p->vn), per_page = 1u << (PAGE_SHIFT - bits), blocks = limit >> bits;
	u64 first = index << (PAGE_SHIFT - bits);
	int n = 0;

	for (u32 i = 0; i < blocks; ) {
		struct block_extent e;
		u32 count, off = i << bits;
		u64 sector;
		int err;

		if (skip & BIT(i)) {
			i++;
			continue;
		}
		err = lookup(p, first + i, p->keep_run ? MAX(p->ahead, 1u) * per_page : blocks - i, &e);
		if (err != 0)
			return err;
		count = MIN(e.n, blocks - i);
		for (u32 k = 0; k < count; k++)
			if (skip & BIT(i + k))
				count = k;
		i += count;
		if (e.hole)
			continue;
		sector = e.block << (bits - SECTOR_SHIFT);
		if (n > 0 && out[n - 1].off + out[n - 1].len == off &&
		    out[n - 1].sector + (out[n - 1].len >> SECTOR_SHIFT) == sector)
			out[n - 1].len += count << bits;
		else
			out[n++] = (struct piece){ sector, off, count << bits };
	}
	return n;
}

/* --- the end of I/O --- */

static void
page_io_done(struct page *pg, bool write, int err)
{
	if (err != 0 && err != -ENOSPC && !(err == -EAGAIN && !write))
		err = -EIO;
	if (write)
		mapping_end_writeback(pg->mapping, pg, err);
	else
		page_end_read(pg, err);
}

static void
pass_bio_done(struct bio *bio)
{
	bool write = bio->op == BIO_WRITE;

	for (u32 i = 0; i < bio->nvecs; i++)
		page_io_done(bio->vecs[i].page, write, bio->error);
	bio_free(bio);
}

void
blockmap_pass_submit(struct blockmap_pass *p)
{
	struct bio *bio = p->bio;

	p->bio = NULL;
	if (bio != NULL)
		bio_submit(bio);
}

/* A page that is all in one piece. Its end is told by the bio. */
static void
pass_add(struct blockmap_pass *p, struct page *pg, const struct piece *pc)
{
	if (p->bio != NULL && (p->next_sector != pc->sector || !bio_add_page(p->bio, pg, pc->off, pc->len)))
		blockmap_pass_submit(p);
	if (p->bio == NULL) {
		p->bio = bio_alloc(p->vn->sb->bdev, p->op, p->flags, pc->sector, MIN(MAX(p->ahead, 1u), (u32)BIO_VECS_MAX),
			KM_NORMAL);
		p->bio->done = pass_bio_done;
		(void)bio_add_page(p->bio, pg, pc->off, pc->len);
	}
	p->next_sector = pc->sector + (pc->len >> SECTOR_SHIFT);
}

/* A page in several pieces. */
struct scattered {
	struct page *page;
	u32 left;		/* [a] bios under way, and one for the submitter */
	int error;		/* [a] */
	bool write;
};

static void
scattered_put(struct scattered *s)
{
	if (atomic_sub(&s->left, 1u) != 0)
		return;
	page_io_done(s->page, s->write, atomic_load_relaxed(&s->error));
	kmem_free(s);
}

static void
scattered_bio_done(struct bio *bio)
{
	struct scattered *s = bio->priv;

	if (bio->error != 0)
		atomic_store_relaxed(&s->error, bio->error);
	bio_free(bio);
	scattered_put(s);
}

static void
submit_scattered(struct blockmap_pass *p, struct page *pg, const struct piece *pc, int n)
{
	bool write = p->op == BIO_WRITE;
	struct scattered *s;

	blockmap_pass_submit(p);
	s = kmem_alloc(sizeof(*s), KM_NORMAL);
	if (s == NULL) {		/* no memory: the slow way */
		page_io_done(pg, write, blockmap_rw_pieces(p->vn, p->op, pg, pc, n));
		return;
	}
	*s = (struct scattered){ .page = pg, .left = 1, .write = write };
	for (int i = 0; i < n; i++) {
		struct bio *bio = bio_alloc(p->vn->sb->bdev, p->op, p->flags, pc[i].sector, 1, KM_NORMAL);

		(void)bio_add_page(bio, pg, pc[i].off, pc[i].len);
		bio->done = scattered_bio_done;
		bio->priv = s;
		atomic_add(&s->left, 1u);
		bio_submit(bio);
	}
	scattered_put(s);
}

/* --- with waiting --- */

int
blockmap_rw_pieces(struct vnode *vn, enum bio_op op, struct page *data, const struct piece *pc, int n)
{
	int err = 0;

	for (int i = 0; i < n && err == 0; i++) {
		struct bio *bio = bio_alloc(vn->sb->bdev, op, BIO_SYNC, pc[i].sector, 1, KM_NORMAL);

		(void)bio_add_page(bio, data, pc[i].off, pc[i].len);
		err = bio_submit_wait(bio);
		bio_free(bio);
	}
	return err == 0 || err == -ENOSPC ? err : -EIO;
}

/* Zero what no piece covers. */
static void
zero_gaps(struct page *pg, const struct piece *pc, int n)
{
	char *base = page_address(pg);
	u32 at = 0;

	for (int i = 0; i < n; i++) {
		if (pc[i].off > at)
			memset(base + at, 0, pc[i].off - at);
		at = pc[i].off + pc[i].len;
	}
	if (at < PAGE_SIZE)
		memset(base + at, 0, PAGE_SIZE - at);
}

int
blockmap_read_into(struct vnode *vn, u64 index, u32 skip, struct page *data)
{
	struct blockmap_pass p = { .vn = vn, .op = BIO_READ };
	struct piece pc[PIECES_MAX];
	int n = blockmap_pieces(&p, index, blockmap_valid_bytes(vn, index), skip, pc);

	if (n < 0)
		return n;
	zero_gaps(data, pc, n);
	return blockmap_rw_pieces(vn, BIO_READ, data, pc, n);
}

/* --- reading --- */

/* Start reading a locked page; it is unlocked at the end, now or later. */
static int
read_one(struct blockmap_pass *p, struct page *pg)
{
	struct piece pc[PIECES_MAX];
	int n = blockmap_pieces(p, pg->index, blockmap_valid_bytes(p->vn, pg->index), 0, pc);

	if (n < 0) {
		page_end_read(pg, n);
		return n;
	}
	zero_gaps(pg, pc, n);
	if (n == 0)
		page_end_read(pg, 0);
	else if (n == 1)
		pass_add(p, pg, pc);
	else
		submit_scattered(p, pg, pc, n);
	return 0;
}

static int
blockmap_read_page(struct mapping *m, struct page *pg)
{
	struct blockmap_pass p = { .vn = m->owner, .op = BIO_READ, .flags = BIO_SYNC };
	int err = read_one(&p, pg);

	blockmap_pass_submit(&p);
	return err;
}

static void
blockmap_read_ahead(struct mapping *m, u64 index, u32 n)
{
	struct blockmap_pass p = { .vn = m->owner, .op = BIO_READ, .flags = BIO_RAHEAD, .keep_run = true };

	for (u32 i = 0; i < n; i++) {
		p.ahead = n - i;
		(void)!read_one(&p, mapping_locked_page(m, index + i));
	}
	blockmap_pass_submit(&p);
}

/* --- write-back --- */

static void
write_one(struct blockmap_pass *p, struct page *pg)
{
	struct mapping *m = pg->mapping;
	struct piece pc[PIECES_MAX];
	u32 valid = blockmap_valid_bytes(p->vn, pg->index);
	off_t size = vnode_size(p->vn);
	int n = blockmap_pieces(p, pg->index, valid, 0, pc);

	if (valid != 0 && (u64)size < (pg->index + 1) << PAGE_SHIFT)	/* a mapping may have written behind the end */
		memset((char *)page_address(pg) + (size & (PAGE_SIZE - 1)), 0, PAGE_SIZE - (size & (PAGE_SIZE - 1)));
	page_unlock(pg);
	if (n <= 0)
		mapping_end_writeback(m, pg, n);
	else if (n == 1)
		pass_add(p, pg, pc);
	else
		submit_scattered(p, pg, pc, n);
}

static void
submit_before_wait(struct writeback_control *wbc)
{
	blockmap_pass_submit(wbc->priv);
}

static int
blockmap_write_page(struct mapping *m, struct page *pg, struct writeback_control *wbc)
{
	struct blockmap_pass one = { .vn = m->owner, .op = BIO_WRITE, .flags = wbc->sync ? BIO_SYNC : 0 };

	/* Only write-back itself still has this file, which no directory has: its pages go next, and need not be written. */
	if (!wbc->sync && (atomic_load_relaxed(&one.vn->state) & VN_LAST_USER) &&
	    (one.vn->sb->blockmap->droppable == NULL || one.vn->sb->blockmap->droppable(one.vn))) {
		page_unlock(pg);
		mapping_end_writeback(m, pg, 0);
		return 0;
	}
	if (wbc->before_wait == submit_before_wait) {
		write_one(wbc->priv, pg);
		return 0;
	}
	write_one(&one, pg);
	blockmap_pass_submit(&one);
	return 0;
}

static int
blockmap_write_pages(struct mapping *m, struct writeback_control *wbc)
{
	struct blockmap_pass p = { .vn = m->owner, .op = BIO_WRITE, .flags = wbc->sync ? BIO_SYNC : 0, .ahead = BIO_VECS_MAX };
	struct block_plug plug;
	int err;

	wbc->before_wait = submit_before_wait;
	wbc->priv = &p;
	block_plug_start(&plug);
	err = mapping_write_dirty(m, wbc);
	blockmap_pass_submit(&p);
	block_plug_finish(&plug);
	wbc->before_wait = NULL;
	wbc->priv = NULL;
	return err;
}

const struct mapping_ops blockmap_mapping_ops = {
	.read_page = blockmap_read_page,
	.read_ahead = blockmap_read_ahead,
	.write_page = blockmap_write_page,
	.write_pages = blockmap_write_pages,
	.write_begin = blockmap_write_begin,
	.write_end = blockmap_write_end,
	.page_mkwrite = blockmap_page_mkwrite,
	.hold = vnode_mapping_hold,
	.drop = vnode_mapping_drop,
	.size = generic_mapping_size,
	.written = generic_mapping_written,
};
