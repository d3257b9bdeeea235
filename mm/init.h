/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MM_INIT_H
#define MM_INIT_H

/* Boot CPU, interrupts off, after arch_init_early(): afterwards frames, slabs, kernel areas and stacks work. */
void mm_init(void);
/* First thread: caches of address spaces and the page cache. */
void mm_init_late(void);

#endif
