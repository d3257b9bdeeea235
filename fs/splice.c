/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moving data through pipes by page.
 *
 * From a file with a page cache, the pipe gets references to pages of the cache: what is written to the file before somebody reads the
 * pipe is seen there, as on Linux. Other files (sockets, ttys) are read into fresh pages. To a file, the pages go as the source of
 * one write; meanwhile the pipe is `busy`: its front belongs to the splice, and other readers wait, but writers go on.
 * Between pipes buffers change hands under both locks.
 */
#include "fs/splice.h"

#include "fs/notify.h"
#include "fs/path.h"
#include "fs/pipe.h"

#include "mm/aspace.h"
#include "mm/page.h"
#include "sys/abi/errno.h"
#include "sys/thread.h"

int
file_gather_pages(struct file *in, off_t pos, size_t want, struct io_pagevec *pv)
{
	int n = 0;

	while (want > 0 && n < SPLICE_BATCH) {
		u32 off = (u32)(pos & (PAGE_SIZE - 1));
		size_t len = MIN((size_t)(PAGE_SIZE - off), want);
		u64 index = (u64)pos >> PAGE_SHIFT;
		int err;

		if (in->mapping->flags & MAPPING_MEMORY) {
			err = mapping_get_locked(in->mapping, index, &pv[n].page);
			if (err == 0)
				page_unlock(pv[n].page);
		} else {
			err = readahead_get(in->mapping, &in->ra, index, DIV_ROUND_UP(off + want, PAGE_SIZE), &pv[n].page);
		}
		if (err == -ENODATA)
			return n;
		if (err != 0)
			return n > 0 ? n : err;
		pv[n].off = off;
		pv[n].len = (u32)len;
		n++;
		pos += (off_t)len;
		want -= len;
	}
	return n;
}

/* [l], the ring is not full. Takes the page's reference. */
static void
push(struct pipe *p, struct page *pg, u32 off, u32 len, bool foreign)
{
	*ring_slot(p, p->head) = (struct pipe_buf){ .page = pg, .off = off, .len = len, .foreign = foreign };
	WRITE_ONCE(p->head, p->head + 1);
}

static void
put_pages(const struct io_pagevec *pv, u32 n)
{
	for (u32 i = 0; i < n; i++)
		page_put(pv[i].page);
}

/* --- pipe to file --- */

/* Wait for data, and have the front for ourselves: 1; else as pipe_wait_data(). */
static int
begin_taking(struct pipe *p, bool nonblock)
{
	int n;

	mutex_lock(&p->lock);
	n = pipe_wait_data(p, nonblock);
	if (n > 0)
		p->busy = true;
	pipe_unlock_and_wake(p, n <= 0 && (!ring_empty(p) || p->writers == 0), false);	/* a wake-up that is not used goes on */
	return n;
}

static void
end_taking(struct pipe *p)
{
	mutex_lock(&p->lock);
	WRITE_ONCE(p->busy, false);
	pipe_unlock_and_wake(p, !ring_empty(p) || p->writers == 0, false);
}

/* What stands at the front, at most len bytes, with references: pieces. */
static u32
peek(struct pipe *p, size_t len, struct io_pagevec *pv)
{
	u32 n = 0;

	mutex_lock(&p->lock);
	for (u32 i = p->tail; i != p->head && n < SPLICE_BATCH && len > 0; i++) {
		struct pipe_buf *b = ring_slot(p, i);

		pv[n] = (struct io_pagevec){ b->page, b->off, (u32)MIN((size_t)b->len, len) };
		page_get(b->page);
		len -= pv[n++].len;
	}
	mutex_unlock(&p->lock);
	return n;
}

static void
drop(struct pipe *p, size_t n)
{
	bool was_full;

	mutex_lock(&p->lock);
	was_full = ring_full(p);
	while (n > 0) {
		u32 part = (u32)MIN((size_t)ring_slot(p, p->tail)->len, n);

		pipe_drop_front(p, part);
		n -= part;
	}
	pipe_unlock_and_wake(p, false, was_full && !ring_full(p));
}

/* One write of what is there. Bytes, 0: the pipe is empty, -errno. *partial: the file took less than it was given. */
static ssize_t
write_front(struct pipe *p, struct file *out, off_t *pos, size_t len, bool *partial)
{
	struct io_pagevec pv[SPLICE_BATCH];
	u32 count = peek(p, len, pv);
	struct iobuf b;
	ssize_t n;

	if (count == 0)
		return 0;
	iobuf_init_pages(&b, pv, count, false);
	n = pos != NULL ? file_write_at(out, &b, pos) : file_write(out, &b, true);
	*partial = iobuf_left(&b) != 0;
	put_pages(pv, count);
	if (n > 0)
		drop(p, (size_t)n);
	return n;
}

ssize_t
splice_to_file(struct pipe *p, struct file *out, off_t *pos, size_t len, bool nonblock)
{
	bool partial = false;
	size_t total = 0;
	ssize_t n = begin_taking(p, nonblock);

	if (n <= 0)
		return n;
	while (total < len && !partial) {
		n = write_front(p, out, pos, len - total, &partial);
		if (n <= 0)
			break;
		total += (size_t)n;
		if (thread_signal_pending(thread_current()))
			break;
	}
	end_taking(p);
	return total > 0 ? (ssize_t)total : n;
}

/* --- file to pipe --- */

/* Wait for space: free slots, or -errno. */
static ssize_t
wait_slots(struct pipe *p, bool nonblock)
{
	ssize_t n;

	mutex_lock(&p->lock);
	n = pipe_wait_space(p, nonblock);
	if (n == 0)
		n = p->slots - ring_used(p);
	pipe_unlock_and_wake(p, false, !ring_full(p) || p->readers == 0);	/* the wake-up was for one, and we may not use all of it */
	return n;
}

/* Push pieces as long as there is room, taking their references: bytes. The rest is put. */
static size_t
push_pages(struct pipe *p, const struct io_pagevec *pv, u32 count, bool foreign)
{
	size_t done = 0;
	u32 i;

	mutex_lock(&p->lock);
	for (i = 0; i < count && !ring_full(p) && p->readers != 0; i++) {
		push(p, pv[i].page, pv[i].off, pv[i].len, foreign);
		done += pv[i].len;
	}
	pipe_unlock_and_wake(p, done > 0 && !p->busy, false);
	put_pages(pv + i, count - i);
	return done;
}

/* By reference, up to the end of the file or as long as there is room. *full: there was none, others filled the pipe. */
static ssize_t
from_cache(struct file *in, off_t *pos, struct pipe *p, size_t len, bool *full)
{
	struct path path = { in->mnt, in->dentry };
	struct io_pagevec pv[SPLICE_BATCH];
	size_t total = 0, want, done;
	u32 room;
	int n = 0;

	*full = false;
	while (total < len) {
		off_t size = in->mapping->ops->size != NULL ? in->mapping->ops->size(in->mapping) : vnode_size(in->vn);

		if (*pos >= size)
			break;
		want = MIN(len - total, (size_t)(size - *pos));
		room = p->slots - ring_used(p);		/* without the lock: push_pages() knows */
		*full = total == 0 && room == 0;
		if (room == 0)
			break;
		want = MIN(want, room * PAGE_SIZE - (size_t)(*pos & (PAGE_SIZE - 1)));
		n = file_gather_pages(in, *pos, want, pv);
		if (n <= 0)
			break;
		done = push_pages(p, pv, (u32)n, true);
		total += done;
		*pos += (off_t)done;
		*full = total == 0;
		if (done == 0 || thread_signal_pending(thread_current()))
			break;
	}
	path_touch_atime(&path);
	if (total > 0)
		notify_file(in, IN_ACCESS);
	return total > 0 ? (ssize_t)total : MIN(n, 0);
}

/* Fresh pages for len bytes, at most `max` of them. */
static u32
fresh_pages(struct io_pagevec *pv, size_t len, u32 max)
{
	u32 n;

	for (n = 0; n < max && len > 0; n++) {
		struct page *pg = page_alloc(0, KM_USER);

		if (pg == NULL)
			break;
		pv[n] = (struct io_pagevec){ pg, 0, (u32)MIN(len, PAGE_SIZE) };
		len -= pv[n].len;
	}
	return n;
}

/* One read into fresh pages. What a stream gave must not be lost: where other writers filled the pipe meanwhile, their readers are
 * waited for. */
static ssize_t
from_stream(struct file *in, off_t *pos, struct pipe *p, size_t len, u32 slots)
{
	struct io_pagevec pv[SPLICE_BATCH];
	u32 count = fresh_pages(pv, len, MIN(slots, (u32)SPLICE_BATCH)), used = 0;
	struct iobuf b;
	ssize_t n, left;

	if (count == 0)
		return -ENOMEM;
	iobuf_init_pages(&b, pv, count, true);
	n = pos != NULL && !(in->mode & FMODE_STREAM) ? file_read_at(in, &b, pos) : file_read(in, &b, true);
	mutex_lock(&p->lock);
	for (left = n; left > 0; left -= pv[used++].len) {
		while (ring_full(p) && p->readers != 0) {
			pipe_unlock_and_wake(p, used > 0 && !p->busy, false);
			if (wait_event_killable(&p->writers_wq, !ring_full(p) || READ_ONCE(p->readers) == 0) != 0) {
				mutex_lock(&p->lock);
				goto out;
			}
			mutex_lock(&p->lock);
		}
		if (p->readers == 0)
			break;
		pv[used].len = (u32)MIN((ssize_t)pv[used].len, left);
		push(p, pv[used].page, 0, pv[used].len, false);
	}
out:
	pipe_unlock_and_wake(p, used > 0 && !p->busy, false);
	put_pages(pv + used, count - used);
	return n;
}

ssize_t
splice_from_file(struct file *in, off_t *pos, struct pipe *p, size_t len, bool nonblock)
{
	ssize_t slots = wait_slots(p, nonblock), n;
	bool full;
	off_t at;

	if (slots < 0)
		return slots;
	if (S_ISREG(in->vn->mode) && in->mapping != NULL && in->mapping->ops != NULL) {
		at = pos != NULL ? *pos : READ_ONCE(in->pos);
		while ((n = from_cache(in, &at, p, len, &full)) == 0 && full) {
			slots = wait_slots(p, nonblock);	/* no reader: -EPIPE */
			if (slots < 0)
				return slots;
		}
		if (n > 0 && pos != NULL)
			*pos = at;
		else if (n > 0)
			WRITE_ONCE(in->pos, at);
		return n;
	}
	if (nonblock && in->ops->poll != NULL && !(in->ops->poll(in, NULL) & (POLLIN | POLLRDNORM | POLLHUP | POLLERR)))
		return -EAGAIN;
	return from_stream(in, pos, p, len, (u32)slots);
}

/* --- pipe to pipe --- */

static void
lock_both(struct pipe *a, struct pipe *b)
{
	mutex_lock(a < b ? &a->lock : &b->lock);
	mutex_lock_nested(a < b ? &b->lock : &a->lock);
}

/* Both locked. Buffers, or parts of the last one, go over; or, with tee, are there too. Bytes. */
static size_t
move_buffers(struct pipe *from, struct pipe *to, size_t len, bool tee)
{
	size_t done = 0;

	for (u32 i = from->tail; i != from->head && done < len && !ring_full(to); i++) {
		struct pipe_buf *b = ring_slot(from, i), copy = *b;

		copy.merge = false;
		copy.len = (u32)MIN((size_t)b->len, len - done);
		done += copy.len;
		if (tee || copy.len < b->len)
			page_get(copy.page);
		*ring_slot(to, to->head) = copy;
		WRITE_ONCE(to->head, to->head + 1);
		if (tee)
			continue;
		if (copy.len < b->len) {
			b->off += copy.len;
			b->len -= copy.len;
		} else {
			b->page = NULL;
			WRITE_ONCE(from->tail, from->tail + 1);
		}
	}
	return done;
}

static int
wait_data(struct pipe *p, bool nonblock)
{
	int n;

	mutex_lock(&p->lock);
	n = pipe_wait_data(p, nonblock);
	pipe_unlock_and_wake(p, !ring_empty(p) || p->writers == 0, false);	/* we take nothing yet: so may the next one */
	return n;
}

ssize_t
splice_pipes(struct pipe *from, struct pipe *to, size_t len, bool nonblock, bool tee)
{
	bool was_full, more, end;
	ssize_t n;
	size_t done;

	for (;;) {
		n = wait_data(from, nonblock);
		if (n >= 0)
			n = wait_slots(to, nonblock);
		if (n < 0)
			return n;
		lock_both(from, to);
		was_full = ring_full(from);
		done = to->readers == 0 || from->busy ? 0 : move_buffers(from, to, len, tee);
		end = ring_empty(from) && from->writers == 0;
		more = !from->busy && (!ring_empty(from) || from->writers == 0);
		pipe_unlock_and_wake(from, more, was_full && !ring_full(from));
		pipe_unlock_and_wake(to, done > 0 && !to->busy, !ring_full(to));
		if (done > 0 || end)
			return (ssize_t)done;
	}
}

/* --- memory to pipe --- */

ssize_t
splice_user(struct pipe *p, const struct abi_iovec *iov, u64 count, bool nonblock)
{
	struct aspace *as = thread_current()->as;
	size_t done = 0;
	ssize_t err;

	mutex_lock(&p->lock);
	err = pipe_wait_space(p, nonblock);
	for (u64 i = 0; err == 0 && i < count; i++) {
		u64 va = iov[i].base, left = iov[i].len;

		while (left > 0 && !ring_full(p)) {
			u32 off = (u32)(va & (PAGE_SIZE - 1)), n = (u32)MIN(left, PAGE_SIZE - off);
			struct page *pg = aspace_hold_page(as, va - off, 0);

			if (pg == NULL) {
				err = -EFAULT;
				break;
			}
			push(p, pg, off, n, true);
			done += n;
			va += n;
			left -= n;
		}
	}
	pipe_unlock_and_wake(p, done > 0 && !p->busy, !ring_full(p));
	return done > 0 ? (ssize_t)done : err;
}
