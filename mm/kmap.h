/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel virtual areas: vmalloc, device memory, guarded stacks. The byte-wise calls are in sys/kmem.h. */
#ifndef MM_KMAP_H
#define MM_KMAP_H

#include "arch/mmu.h"

void kmap_init(void);
/* kmap_device(), kmap_device_unmap(): arch/mmu.h. */
/* Map n pages (references stay the caller's) side by side. */
void *kmap_pages(struct page **pages, size_t n, int prot) __must_check;
void kmap_unmap(void *va);
/* Is va on a guard page of a kernel stack? For the oops text. */
bool kmap_is_stack_guard(vaddr_t va);

#endif
