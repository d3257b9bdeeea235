/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queued spinlock (MCS queue behind one word). Holding it disables preemption; the _irqsave and
 * _irq forms also disable interrupts on this CPU: use them for a lock that an interrupt handler takes.
 * Fair, no sleeping while held. The debug build checks order (class), recursion, owner.
 */
#ifndef SYS_SPINLOCK_H
#define SYS_SPINLOCK_H

#include "arch/cpu.h"
#include "sys/lib/types.h"
#include "sys/lock_order.h"
#include "sys/preempt.h"

struct spinlock {
	u32 word;		/* [a] locked byte, tail of the queue */
#ifdef CONFIG_DEBUG
	u16 lock_class;		/* [I] enum lock_class */
	u16 owner_cpu;		/* holder's CPU + 1 */
	struct thread *owner;
#endif
};

#ifdef CONFIG_DEBUG
#define SPINLOCK_INIT(cls)	{ .lock_class = (cls) }
#else
#define SPINLOCK_INIT(cls)	{ 0 }
#endif

void spin_init(struct spinlock *l, enum lock_class cls);
void spin_lock(struct spinlock *l);
/* For a second lock of the same class; the caller states the order where it calls. */
void spin_lock_nested(struct spinlock *l);
bool spin_trylock(struct spinlock *l);
void spin_unlock(struct spinlock *l);
bool spin_is_locked(const struct spinlock *l);

/* Interrupt state to give back to spin_unlock_irqrestore. */
u64 spin_lock_irqsave(struct spinlock *l);
void spin_unlock_irqrestore(struct spinlock *l, u64 flags);
void spin_lock_irq(struct spinlock *l);		/* interrupts are known to be on */
void spin_unlock_irq(struct spinlock *l);

/* For the scheduler: preemption is off already and stays so. */
void spin_acquire(struct spinlock *l);
bool spin_try_acquire(struct spinlock *l);
void spin_release(struct spinlock *l);

/* Panic in the debug build unless the lock is held by this CPU; nothing otherwise. */
#ifdef CONFIG_DEBUG
void spin_assert_held(const struct spinlock *l);
#else
#define spin_assert_held(l)	((void)(l))
#endif

#endif
