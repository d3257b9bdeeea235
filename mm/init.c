/* SPDX-License-Identifier: BSD-2-Clause */
/* The order in which memory comes up at boot. */
#include "mm/init.h"

#include "mm/kmap.h"
#include "mm/page.h"
#include "mm/pagecache.h"
#include "mm/slab.h"
#include "mm/vma.h"

void
mm_init(void)
{
	page_wait_init();
	page_init();			/* frames */
	slab_init();			/* objects */
	kmap_init();			/* the kernel's areas: stacks, device memory */
	arch_mmu_protect_image();	/* needs frames to split large mappings */
}

void
mm_init_late(void)
{
	pagecache_init();
	aspace_init();
	flusher_init();			/* threads: write-back, reclaim */
	reclaim_init();
}
