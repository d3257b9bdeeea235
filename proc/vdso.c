/* SPDX-License-Identifier: BSD-2-Clause */
/* The vDSO in an address space: [vvar], the clock's data page, and right behind it [vdso], the image (arch/vdso.h). */
#include "proc/exec.h"

#include "arch/vdso.h"
#include "sys/random.h"

static u64 image_size(void) { return (u64)(arch_vdso_end - arch_vdso_start); }

static int
data_fault(struct vma *v, u64 index, bool write, struct page **pg, pfn_t *pfn)
{
	if (index != 0 || write)
		return -EFAULT;
	*pfn = page_to_pfn(arch_vdso_data_page());
	return 1;
}

static int
image_fault(struct vma *v, u64 index, bool write, struct page **pg, pfn_t *pfn)
{
	if (index >= image_size() >> PAGE_SHIFT || write)
		return -EFAULT;
	*pfn = virt_to_phys(arch_vdso_start + (index << PAGE_SHIFT)) >> PAGE_SHIFT;
	return 1;
}

static const char *data_name(struct vma *v) { return "[vvar]"; }
static const char *image_name(struct vma *v) { return "[vdso]"; }

static const struct vma_ops vvar_ops = { .fault = data_fault, .name = data_name };
static const struct vma_ops vdso_ops = { .fault = image_fault, .name = image_name };

/* A place for size bytes: between the stack's top and the next 2 MiB boundary where there is room, as Linux does. */
static long
choose_place(struct aspace *as, vaddr_t stack_top, u64 size)
{
	u64 start = stack_top, end = MIN(ALIGN_UP(stack_top + 1, HUGE_PAGE_SIZE), ARCH_USER_MAX);
	long at;
	int err;

	if (end >= start + size) {
		if (exec_randomizes())
			start += random_u64() % ((end - size - start) / PAGE_SIZE + 1) * PAGE_SIZE;
		return (long)start;
	}
	at = aspace_mmap(as, 0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	if (at < 0)
		return at;
	err = aspace_munmap(as, (u64)at, size);
	return err != 0 ? err : at;
}

/* Also sets as->vdso. */
int
vdso_map(struct aspace *as, vaddr_t stack_top)
{
	u64 size = image_size();
	long at;
	int err;

	if (size == 0)
		return 0;
	at = choose_place(as, stack_top, PAGE_SIZE + size);
	if (at < 0)
		return (int)at;
	err = aspace_map_special(as, (u64)at, PAGE_SIZE, PROT_READ, VM_IO | VM_DONTDUMP, &vvar_ops, NULL);
	if (err == 0)
		err = aspace_map_special(as, (u64)at + PAGE_SIZE, size, PROT_READ | PROT_EXEC, 0, &vdso_ops, NULL);
	if (err == 0)
		as->vdso = (u64)at + PAGE_SIZE;
	return err;
}
