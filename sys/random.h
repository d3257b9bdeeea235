/* SPDX-License-Identifier: BSD-2-Clause */
/* Random numbers: a ChaCha20 generator (BearSSL's primitives) re-keyed from a SHA-256 pool of hardware randomness and
 * interrupt timing. */
#ifndef SYS_RANDOM_H
#define SYS_RANDOM_H

#include "sys/lib/types.h"

struct waitq;

void random_init(void);				/* after clocks; workers may start later */
void random_bytes(void *buf, size_t n);		/* any context; never blocks */
u64 random_u64(void);
void random_mix(const void *data, size_t n, u32 entropy_bits);	/* thread context */
void random_mix_interrupt(u64 cycles);		/* hard-irq context; cheap */
bool random_ready(void);			/* seeded with at least 256 bits */
struct waitq *random_waitq(void);		/* woken when it becomes ready */
u32 random_entropy_bits(void);			/* 256 when ready */

#endif
