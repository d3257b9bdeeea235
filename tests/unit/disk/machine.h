/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel below the system calls, booted on the host: memory, threads, page cache, block layer, VFS and file systems. README.md */
#ifndef TESTS_UNIT_DISK_MACHINE_H
#define TESTS_UNIT_DISK_MACHINE_H

#include "sys/lib/types.h"

/* Once in a process. memory: bytes, a multiple of 4 MiB, at least 16. Every second frame is never given out and is poisoned, so that an
 * access beyond a page is found; half of the memory is there. */
void machine_boot(u64 memory);
/* All that can be freed is freed (caches, unused dentries and vnodes), and what was to be done later is done. */
void machine_settle(void);
u64 machine_free_pages(void);
/* machine_settle(), then: nothing is allocated beyond the marks that machine_mark() set. Else it panics, saying what. */
void machine_mark(void);
void machine_check_leaks(void);

#endif
