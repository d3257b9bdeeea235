/* SPDX-License-Identifier: BSD-2-Clause */
/* sys/lockdep.h: what is no lock of sys/, but has its place in the order. */
#include "sys/lockdep.h"
#include "tests/unit/shim/shim.h"

void
lockdep_acquire(const void *lock, u16 cls, u32 how, const void *pc)
{
	(void)pc;
	unit_note_acquire(lock, cls, how & LOCKDEP_NESTED, !(how & LOCKDEP_TRY));
}

void
lockdep_release(const void *lock, u16 cls, const void *pc)
{
	(void)cls, (void)pc;
	unit_note_release(lock);
}
