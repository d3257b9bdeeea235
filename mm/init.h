/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MM_INIT_H
#define MM_INIT_H

/* Boot CPU, interrupts off, after arch_init_early(): afterwards everything of mm/ works. */
void mm_init(void);

#endif
