/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much memory was promised: /proc/sys/vm/overcommit_memory of proc_sys_vm(5).
 * Mode 0 refuses only a single request that cannot possibly be met, 1 nothing, 2 what goes beyond the commit limit.
 */
#ifndef MM_OVERCOMMIT_H
#define MM_OVERCOMMIT_H

#include "sys/lib/types.h"

extern int overcommit_mode;	/* [a] */
extern int overcommit_ratio;	/* [a] percent of memory, for mode 2 */

/* Promise `pages`. -ENOMEM. admin: may use the last 3%. */
int __must_check overcommit_charge(u64 pages, bool admin);
void overcommit_uncharge(u64 pages);
u64 overcommit_committed(void);	/* pages */
u64 overcommit_limit(void);	/* pages */

#endif
