/* SPDX-License-Identifier: BSD-2-Clause */
/* Between sys/log.c and the scheduler: the log's readers are woken where no lock is held. */
#ifndef SYS_LOG_WAKE_H
#define SYS_LOG_WAKE_H

#include "sys/lib/atomic.h"

extern u32 log_wake_wanted;	/* [a] */
void log_wake_readers(void);

static inline void
log_wake_if_wanted(void)
{
	if (unlikely(atomic_load_relaxed(&log_wake_wanted)))
		log_wake_readers();
}

#endif
