/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports of CPUs that are stuck in the kernel, and of grace periods that do not end. */
#ifndef SYS_WATCHDOG_H
#define SYS_WATCHDOG_H

#include "sys/lib/types.h"

extern int watchdog_enabled;		/* [a] /proc/sys/kernel/watchdog */

/* The tick, interrupts off. quiescent: it came over user mode, idle or preemptible code; switches: of this CPU so far. */
void watchdog_tick(bool quiescent, u64 switches, nsec_t now);
/* Something slow goes on that is no fault (output by polling): all begin to count anew. Any context. */
void watchdog_touch(void);

#endif
