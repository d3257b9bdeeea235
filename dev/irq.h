/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device interrupts: who handles which number of arch/irq.h.
 *
 * A hard handler acknowledges its device and wakes somebody. It runs with interrupts off and no lock held; a lock that it takes
 * must be taken with interrupts off everywhere. What takes longer is its thread's work (irq_request_threaded), which may sleep.
 */
#ifndef DEV_IRQ_H
#define DEV_IRQ_H

#include "sys/lib/types.h"

enum irq_result {
	IRQ_NONE,		/* not mine (a shared line) */
	IRQ_HANDLED,
	IRQ_WAKE_THREAD,	/* acknowledged; the thread does the rest */
};

enum {
	IRQF_SHARED	= 1 << 0,	/* others may use the line; all of them must say so */
	IRQF_LEVEL	= 1 << 1,	/* trigger of a line that isn't ISA (default: edge, high) */
	IRQF_LOW	= 1 << 2,	/* polarity: active low */
	IRQF_ONESHOT	= 1 << 3,	/* the line stays masked until the thread is done */
};
#define IRQF_PCI_INTX	(IRQF_SHARED | IRQF_LEVEL | IRQF_LOW)

typedef enum irq_result irq_handler(u32 irq, void *arg);

/* From its return on handler may run. name stays the caller's and must live until irq_free. May sleep.
 * -EBUSY (line is taken and not shared by both), -ENOMEM, -ENOSPC (no vector), -EINVAL (no such irq). */
int __must_check irq_request(u32 irq, irq_handler *handler, void *arg, u32 flags, const char *name);
/* handler may be NULL (then it is as if it said IRQ_WAKE_THREAD; implies IRQF_ONESHOT). thread_fn runs in a thread of its own,
 * real-time FIFO priority 50, once for one or more wake-ups. */
int __must_check irq_request_threaded(u32 irq, irq_handler *handler, irq_handler *thread_fn, void *arg, u32 flags,
	const char *name);
/* The handler runs no more, on any CPU, and its thread is gone. arg names it among those of a shared line. May sleep. */
void irq_free(u32 irq, void *arg);

/* Nesting. irq_disable waits for running hard handlers (not from one of this irq); the _nosync form does not. */
void irq_disable(u32 irq);
void irq_disable_nosync(u32 irq);	/* any context */
void irq_enable(u32 irq);		/* any context */
/* Wait until no hard handler of irq runs. Thread context. */
void irq_synchronize(u32 irq);
int __must_check irq_set_affinity(u32 irq, u32 cpu);	/* -EINVAL, -ENOSPC. May sleep */

/* Message interrupts: who owns the message (dev/pci/msi.c) masks and rewrites it. Any context, LOCK_IRQ may be held. */
struct irq_msi_ops {	/* one call at a time for an owner; may come in any context */
	void (*mask)(void *owner, bool masked);
	void (*write)(void *owner, u64 address, u32 data);
};
/* An irq for a message, going to `cpu`; still without handler. The message is written and masked. -ENOSPC, -ENOMEM. */
int __must_check irq_alloc_msi(u32 cpu, const struct irq_msi_ops *ops, void *owner, u32 *irq);
/* After the last irq_free() of it. */
void irq_free_msi(u32 irq);

/* --- for /proc/interrupts and /proc/stat --- */
u64 irq_count(u32 irq, u32 cpu);
u64 irq_total(void);			/* of all device interrupts */
/* "   4-edge   ttyS0, other"; false where nobody has the irq. Thread context. */
bool irq_describe(u32 irq, char *buf, size_t size);

#endif
