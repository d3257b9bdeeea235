/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sequence counter: readers never block, they retry. Writers are serialised by a lock of the
 * caller's and must not be preempted inside (hold a spinlock, or disable preemption).
 */
#ifndef SYS_SEQLOCK_H
#define SYS_SEQLOCK_H

#include "arch/cpu.h"
#include "sys/lib/atomic.h"

struct seqcount { u32 seq; };	/* [a] odd while a write is going on */

static inline u32
seq_read_begin(const struct seqcount *s)
{
	u32 v;

	while (unlikely((v = atomic_load_acquire(&s->seq)) & 1))
		arch_pause();
	return v;
}

/* As seq_read_begin, but does not wait: an odd value makes seq_read_retry fail. */
static inline u32
seq_read_peek(const struct seqcount *s)
{
	return atomic_load_acquire(&s->seq);
}

static inline bool
seq_read_retry(const struct seqcount *s, u32 start)
{
	smp_rmb();
	return unlikely((start & 1) || atomic_load_relaxed(&s->seq) != start);
}

static inline void
seq_write_begin(struct seqcount *s)
{
	atomic_store_relaxed(&s->seq, s->seq + 1);
	smp_mb();
}

static inline void
seq_write_end(struct seqcount *s)
{
	atomic_store_release(&s->seq, s->seq + 1);
}

#endif
