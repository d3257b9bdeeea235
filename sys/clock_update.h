/* SPDX-License-Identifier: BSD-2-Clause */
/* Between sys/clock.c and the scheduler and log: moving the timekeeper on, reading it in any state. */
#ifndef SYS_CLOCK_UPDATE_H
#define SYS_CLOCK_UPDATE_H

#include "sys/lib/types.h"

/* The coarse clocks catch up, if that is due. Any context. */
void clock_update(nsec_t now);
/* clock_now() for the log: never loops, also in an NMI. */
nsec_t clock_now_try(void);

#endif
