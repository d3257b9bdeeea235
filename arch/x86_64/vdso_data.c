/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's side of the vDSO's data page. */
#include "arch/vdso.h"

#include "arch/mmu.h"
#include "arch/x86_64/vdso/data.h"
#include "mm/page.h"
#include "sys/lib/atomic.h"

static union {
	struct vdso_data data;
	u8 page[PAGE_SIZE];
} vdso_page __aligned(PAGE_SIZE) __section(".data.page");

void
arch_vdso_update(const struct vdso_times *t)
{
	struct vdso_data *d = &vdso_page.data;

	atomic_store_relaxed(&d->seq, d->seq + 1);
	smp_mb();
	d->t = *t;
	atomic_store_release(&d->seq, d->seq + 1);
}

struct page *
arch_vdso_data_page(void)
{
	return virt_to_page(&vdso_page);
}
