/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A byte ring over a buffer of the owner's, whose size is a power of two. The owner's lock is outside; but one reader
 * and one writer may go without a lock between them: each moves only its own index, with release.
 */
#ifndef SYS_LIB_RINGBUF_H
#define SYS_LIB_RINGBUF_H

#include "sys/lib/atomic.h"
#include "sys/lib/string.h"
#include "sys/lib/types.h"

struct ringbuf {
	u8 *buf;
	u32 size;	/* power of two */
	u32 head;	/* bytes ever written; wraps */
	u32 tail;	/* bytes ever read; wraps */
};

static inline void
ringbuf_init(struct ringbuf *r, void *buf, u32 size)
{
	*r = (struct ringbuf){ .buf = buf, .size = size };
}

/* Bytes that are in it, and that fit in. */
static inline u32
ringbuf_len(const struct ringbuf *r)
{
	return atomic_load_acquire(&r->head) - atomic_load_acquire(&r->tail);
}

static inline u32
ringbuf_space(const struct ringbuf *r)
{
	return r->size - ringbuf_len(r);
}

static inline bool
ringbuf_empty(const struct ringbuf *r)
{
	return !ringbuf_len(r);
}

static inline bool
ringbuf_full(const struct ringbuf *r)
{
	return !ringbuf_space(r);
}

static inline void
ringbuf_reset(struct ringbuf *r)
{
	r->head = 0;
	r->tail = 0;
}

/* False if full. */
static inline bool
ringbuf_put(struct ringbuf *r, u8 c)
{
	if (ringbuf_full(r))
		return false;
	r->buf[r->head & (r->size - 1)] = c;
	atomic_store_release(&r->head, r->head + 1);
	return true;
}

/* The next byte, or -1. */
static inline int
ringbuf_get(struct ringbuf *r)
{
	u8 c;

	if (ringbuf_empty(r))
		return -1;
	c = r->buf[r->tail & (r->size - 1)];
	atomic_store_release(&r->tail, r->tail + 1);
	return c;
}

/* The contiguous part that can be read (filled) next; 0 if there is none. Then say how much with skip (commit). */
static inline u32
ringbuf_read_span(const struct ringbuf *r, const u8 **p)
{
	u32 at = r->tail & (r->size - 1);

	*p = r->buf + at;
	return MIN(ringbuf_len(r), r->size - at);
}

static inline u32
ringbuf_write_span(const struct ringbuf *r, u8 **p)
{
	u32 at = r->head & (r->size - 1);

	*p = r->buf + at;
	return MIN(ringbuf_space(r), r->size - at);
}

static inline void
ringbuf_skip(struct ringbuf *r, u32 n)
{
	atomic_store_release(&r->tail, r->tail + n);
}

static inline void
ringbuf_commit(struct ringbuf *r, u32 n)
{
	atomic_store_release(&r->head, r->head + n);
}

/* Take back the byte that was put last: -1 if there is none (a line discipline's erase). */
static inline int
ringbuf_unput(struct ringbuf *r)
{
	if (ringbuf_empty(r))
		return -1;
	r->head--;
	return r->buf[r->head & (r->size - 1)];
}

/* Byte i (0 the oldest) without taking it; i < ringbuf_len. */
static inline u8
ringbuf_peek(const struct ringbuf *r, u32 i)
{
	return r->buf[(r->tail + i) & (r->size - 1)];
}

/* Copies as much as fits, is there; returns how much. */
static inline u32
ringbuf_write(struct ringbuf *r, const void *src, u32 n)
{
	u32 done = 0;

	while (done < n) {
		u8 *p;
		u32 len = MIN(ringbuf_write_span(r, &p), n - done);

		if (!len)
			break;
		memcpy(p, (const u8 *)src + done, len);
		ringbuf_commit(r, len);
		done += len;
	}
	return done;
}

static inline u32
ringbuf_read(struct ringbuf *r, void *dst, u32 n)
{
	u32 done = 0;

	while (done < n) {
		const u8 *p;
		u32 len = MIN(ringbuf_read_span(r, &p), n - done);

		if (!len)
			break;
		memcpy((u8 *)dst + done, p, len);
		ringbuf_skip(r, len);
		done += len;
	}
	return done;
}

#endif
