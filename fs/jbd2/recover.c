/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recovery: what stands in the log as whole transactions is written to its place.
 *
 * Three walks over the log from its start: the first finds the last transaction that has a (valid) commit block, the second gathers the
 * revoked blocks, the third copies. A walk ends at the first block that isn't what must come next; it never takes more steps than
 * the log has blocks, and nothing is written that the device doesn't have: a torn or hostile log does no more harm than its contents.
 */
#include "fs/jbd2/jbd2.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/crc32.h"
#include "sys/lib/string.h"
#include "sys/log.h"

enum pass { PASS_SCAN, PASS_REVOKE, PASS_REPLAY };

struct recovery {
	struct journal *j;
	struct log_reader reader;
	struct revoke_table revokes;
	u8 *block;			/* the control block being looked at */
	u32 crc;			/* version 1's sum over the transaction so far */
	u32 end_tid;			/* behind the last whole transaction */
	u32 replayed, skipped;
	bool bad_data;			/* a block's checksum was wrong: it was left out */
};

struct tag { u64 block; u32 flags, csum; };

static u32
get32(const u8 *p)
{
	be32_t v;

	memcpy(&v, p, sizeof(v));
	return be32_get(v);
}

/* --- descriptors --- */

static u32
tag_size(const struct journal *j)
{
	if (j->incompat & JBD2_INCOMPAT_CSUM_V3)
		return 16;
	return (j->incompat & JBD2_INCOMPAT_64BIT ? 12 : 8) + (j->incompat & JBD2_INCOMPAT_CSUM_V2 ? 2 : 0);
}

static void
get_tag(const struct journal *j, const u8 *p, struct tag *tag)
{
	bool wide = j->incompat & JBD2_INCOMPAT_64BIT;

	tag->block = get32(p);
	if (j->incompat & JBD2_INCOMPAT_CSUM_V3) {
		tag->flags = get32(p + 4);
		tag->csum = get32(p + 12);
	} else {
		tag->csum = (u32)p[4] << 8 | p[5];
		tag->flags = (u32)p[6] << 8 | p[7];
	}
	if (wide)
		tag->block |= (u64)get32(p + 8) << 32;
}

/* The tag at *off in the descriptor r->block, and *off behind it: false at the end. */
static bool
next_tag(struct recovery *r, u32 *off, struct tag *tag)
{
	struct journal *j = r->j;
	u32 end = j->block_size, size = tag_size(j);

	if (j->incompat & (JBD2_INCOMPAT_CSUM_V2 | JBD2_INCOMPAT_CSUM_V3))
		end -= 4;
	if (*off == 0 || *off + size > end)
		return false;
	get_tag(j, r->block + *off, tag);
	*off += size + (tag->flags & JBD2_TAG_SAME_UUID ? 0 : 16);
	if (tag->flags & JBD2_TAG_LAST)
		*off = 0;
	return true;
}

static int
replay_block(struct recovery *r, u32 tid, const struct tag *tag, const u8 *data)
{
	struct journal *j = r->j;
	const struct revoke *revoked = revoke_find(&r->revokes, tag->block);
	struct buf *b;
	int err;

	if (revoked != NULL && !tid_after(tid, revoked->tid)) {
		r->skipped++;
		return 0;
	}
	if (!csum_data_ok(j, tid, data, tag->csum)) {
		log_err("jbd2: %s: checksum of block %lu in transaction %u is wrong", j->name, (unsigned long)tag->block, tid);
		r->bad_data = true;
		return 0;
	}
	err = buf_get_zeroed(j->place.fs_bdev, tag->block, &b);
	if (err != 0)
		return err;
	buf_lock(b);
	memcpy(b->data, data, j->block_size);
	if (tag->flags & JBD2_TAG_ESCAPED) {
		be32_t magic = be32_make(JBD2_MAGIC);

		memcpy(b->data, &magic, sizeof(magic));
	}
	buf_unlock(b);
	buf_dirty(b);
	buf_put(b);
	r->replayed++;
	return 0;
}

/* The blocks behind the descriptor at log block `at`: *n of them. */
static int
walk_descriptor(struct recovery *r, enum pass pass, u32 tid, u32 at, u32 *n)
{
	struct journal *j = r->j;
	bool sums = pass == PASS_SCAN && j->compat & JBD2_COMPAT_CHECKSUM;
	u32 off = sizeof(struct jbd2_header);
	struct tag tag;
	u8 *data;
	int err;

	*n = 0;
	if (sums)
		r->crc = crc32_be(r->crc, r->block, j->block_size);
	while (next_tag(r, &off, &tag)) {
		++*n;
		if (!sums && pass != PASS_REPLAY)
			continue;
		err = log_read_block(&r->reader, log_next(j, at, *n), &data);
		if (err == 0 && sums)
			r->crc = crc32_be(r->crc, data, j->block_size);
		if (err == 0 && pass == PASS_REPLAY)
			err = replay_block(r, tid, &tag, data);
		if (err != 0)
			return err;
	}
	return 0;
}

/* --- the other control blocks --- */

static int
walk_revoke(struct recovery *r, u32 tid)
{
	const struct jbd2_revoke *head = (const struct jbd2_revoke *)r->block;
	u32 size = r->j->incompat & JBD2_INCOMPAT_64BIT ? 8 : 4, end = be32_get(head->bytes), off;

	if (end > r->j->block_size)
		return -EUCLEAN;
	for (off = sizeof(*head); off + size <= end; off += size) {
		struct revoke *rec = revoke_alloc();

		if (rec == NULL)
			return -ENOMEM;
		rec->tid = tid;
		rec->block = size == 4 ? get32(r->block + off) : (u64)get32(r->block + off) << 32 | get32(r->block + off + 4);
		revoke_add(&r->revokes, rec);
	}
	return 0;
}

/* Does the commit block close its transaction, as far as checksums tell? */
static bool
commit_valid(struct recovery *r)
{
	const struct jbd2_commit *c = (const struct jbd2_commit *)r->block;
	u32 found = be32_get(c->csum[0]), crc = r->crc;

	r->crc = ~0U;
	if (!csum_commit_ok(r->j, r->block))
		return false;
	if ((r->j->compat & JBD2_COMPAT_CHECKSUM) == 0)
		return true;
	if (c->csum_type == 0 && c->csum_size == 0 && found == 0)
		return true;
	return c->csum_type == 1 && c->csum_size == 4 && found == crc;
}

/* --- walks --- */

static bool
is_next(const struct recovery *r, u32 tid)
{
	const struct jbd2_header *h = (const struct jbd2_header *)r->block;

	return be32_get(h->magic) == JBD2_MAGIC && be32_get(h->tid) == tid;
}

/* One control block at *at. *at and *tid move on. 1: the log ends here. */
static int
step(struct recovery *r, enum pass pass, u32 *at, u32 *tid)
{
	const struct jbd2_header *h = (const struct jbd2_header *)r->block;
	u32 n = 0;
	u8 *data;
	int err = log_read_block(&r->reader, *at, &data);

	if (err != 0)
		return err;
	memcpy(r->block, data, r->j->block_size);
	if (!is_next(r, *tid))
		return 1;
	switch (be32_get(h->type)) {
	case JBD2_DESCRIPTOR:
		if (!csum_tail_ok(r->j, r->block))
			return 1;
		err = walk_descriptor(r, pass, *tid, *at, &n);
		break;
	case JBD2_REVOKE:
		if (!csum_tail_ok(r->j, r->block))
			return 1;
		err = pass == PASS_REVOKE ? walk_revoke(r, *tid) : 0;
		break;
	case JBD2_COMMIT:
		if (pass == PASS_SCAN && !commit_valid(r))
			return 1;
		++*tid;
		break;
	default:
		return 1;
	}
	*at = log_next(r->j, *at, n + 1);
	return err;
}

static int
walk(struct recovery *r, enum pass pass)
{
	struct journal *j = r->j;
	u32 at = j->tail, tid = j->next_tid, steps;
	int err = 0;

	r->crc = ~0U;
	for (steps = 0; steps < j->last - j->first && err == 0; steps++) {
		if (pass != PASS_SCAN && tid == r->end_tid)
			return 0;
		err = step(r, pass, &at, &tid);
	}
	if (pass == PASS_SCAN)
		r->end_tid = tid;
	else if (err == 1)
		return -EUCLEAN;	/* another log than the first walk saw */
	return err == 1 ? 0 : err;
}

static int
recover(struct recovery *r)
{
	struct journal *j = r->j;
	int err = walk(r, PASS_SCAN);

	if (err == 0)
		err = walk(r, PASS_REVOKE);
	if (err == 0)
		err = walk(r, PASS_REPLAY);
	if (err == 0 && r->bad_data)
		err = -EUCLEAN;
	if (err == 0)
		err = buf_sync(j->place.fs_bdev);
	if (err == 0)
		err = block_flush(j->place.fs_bdev);
	if (err != 0) {
		log_err("jbd2: %s: recovery failed, error %d", j->name, err);
		return err;
	}
	log_info("jbd2: %s: recovered transactions %u to %u: %u blocks, %u revoked", j->name, j->next_tid, r->end_tid, r->replayed,
	    r->skipped);
	j->next_tid = r->end_tid + 1;
	j->tail_tid = j->next_tid;
	j->empty = true;
	return journal_write_super(j);
}

int
journal_recover(struct journal *j)
{
	struct recovery r = { .j = j };
	int err;

	if (!journal_needs_recovery(j))
		return 0;
	r.block = kmem_alloc(j->block_size, KM_NORMAL);
	if (r.block == NULL)
		return -ENOMEM;
	err = log_reader_init(&r.reader, j);
	if (err == 0) {
		err = recover(&r);
		log_reader_fini(&r.reader);
	}
	revoke_clear(&r.revokes);
	kmem_free(r.block);
	return err;
}
