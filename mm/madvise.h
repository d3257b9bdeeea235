/* SPDX-License-Identifier: BSD-2-Clause */
/* Advice and locks on ranges of an address space: what mm/sys_mman.c calls. */
#ifndef MM_MADVISE_H
#define MM_MADVISE_H

#include "mm/aspace.h"

/* madvise(2). addr is page aligned, len whole pages. -ENOMEM where a part is not mapped (the rest is done). */
int __must_check aspace_madvise(struct aspace *as, vaddr_t addr, u64 len, int advice);
/* msync(2). */
int __must_check aspace_msync(struct aspace *as, vaddr_t addr, u64 len, u32 flags);
/* mincore(2): a byte for each of n pages, n at most a page's worth. -ENOMEM. */
int __must_check aspace_mincore(struct aspace *as, vaddr_t addr, u64 n, u8 *vec);

/* mlock(2), mlock2, munlock; mlockall, munlockall. */
int __must_check aspace_mlock(struct aspace *as, vaddr_t addr, u64 len, bool on_fault);
int __must_check aspace_munlock(struct aspace *as, vaddr_t addr, u64 len);
int __must_check aspace_mlockall(struct aspace *as, u32 flags);
int __must_check aspace_munlockall(struct aspace *as);

#endif
