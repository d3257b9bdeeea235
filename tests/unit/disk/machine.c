/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot of the kernel's middle on the host, and stand-ins for what lies beside and above it: identity, address spaces, pipes, signals,
 * character devices.
 */
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/disk/machine.h"

#include "arch/boot.h"
#include "arch/smp.h"
#include "dev/block.h"
#include "dev/chrdev.h"
#include "fs/epoll.h"
#include "fs/fat.h"
#include "fs/internal.h"
#include "fs/iso9660.h"
#include "fs/pipe.h"
#include "mm/aspace.h"
#include "mm/lru.h"
#include "mm/page.h"
#include "mm/pagecache.h"
#include "mm/slab.h"
#include "sys/abi/errno.h"
#include "sys/abi/resource.h"
#include "sys/cred.h"
#include "sys/kmem.h"
#include "sys/panic.h"
#include "sys/pid.h"
#include "sys/signal.h"
#include "tests/unit/disk/drive.h"
#include "tests/unit/disk/fiber.h"
#include "tests/unit/shim/shim.h"

/* --- identity and limits: root, without any --- */

static const struct cred root = { .refs = { 1 }, .cap_effective = CAP_ALL, .cap_permitted = CAP_ALL, .cap_bounding = CAP_ALL };

const struct cred *cred_current(void) { return &root; }
const struct cred *cred_get(const struct cred *c) { return c; }
void cred_put(const struct cred *c) { (void)c; }
struct cred *cred_copy(const struct cred *c) { (void)c; return NULL; }
bool capable(int cap) { return root.cap_effective & BIT(cap); }
bool cred_in_group(const struct cred *c, kgid_t gid) { return c->fsgid.val == gid.val; }
u64 rlimit_current(int r) { return r == RLIMIT_NOFILE ? 1024 : RLIM_INFINITY; }
void pid_get(struct pid *p) { (void)p; }
void pid_put(struct pid *p) { (void)p; }
pid_t pid_nr(const struct pid *p) { (void)p; return 1; }
struct pid *pid_find_get(pid_t nr) { (void)nr; return NULL; }
struct pid *process_tgid_current(void) { return NULL; }
int signal_send_thread(struct thread *t, int sig, const struct siginfo_k *i) { (void)t, (void)sig, (void)i; return 0; }

/* --- nothing behind these --- */

const struct file_ops pipe_fops;
void pipe_init(void) { }
long pipe_get_size(struct file *f) { (void)f; return -EBADF; }
long pipe_set_size(struct file *f, u64 size) { (void)f, (void)size; return -EBADF; }
void epoll_init(void) { }
void epoll_file_release(struct file *f) { (void)f; }
int file_set_async(struct file *f, int fd, bool on) { (void)f; (void)fd; (void)on; return 0; }
int chrdev_find(dev_t d, struct chrdev *out, u32 *minor) { (void)d, (void)out, (void)minor; return -ENXIO; }

/* --- no address space maps anything; one CPU --- */

struct boot_info boot_info;
vaddr_t arch_direct_map_base, arch_vmemmap_base, arch_vmalloc_base, arch_vmalloc_end;
pte_t arch_pte_nx = PTE_NX, arch_pte_global = PTE_G;

paddr_t virt_to_phys(const void *va) { return (vaddr_t)va - arch_direct_map_base; }
void arch_ipi_call(u64 mask, void (*fn)(void *), void *arg) { (void)mask, (void)fn, (void)arg; }
void mapping_unmap_range(struct mapping *m, u64 first, u64 last, bool cow) { (void)m, (void)first, (void)last, (void)cow; }
void mapping_protect_page(struct mapping *m, struct page *pg) { (void)m, (void)pg; }
u32 mapping_page_referenced(struct mapping *m, struct page *pg, u32 *f) { (void)m, (void)pg; *f = 0; return 0; }
bool mapping_unmap_page(struct mapping *m, struct page *pg) { (void)m, (void)pg; return true; }
u64 slab_trim(void) { return 0; }

int
arch_vmemmap_populate(pfn_t start, pfn_t end, paddr_t (*take_frame)(void))
{
	(void)start, (void)end;
	(void)take_frame();	/* as if it were used */
	return 0;
}

/* --- memory --- */

static u64 marked_pages;
static unsigned marked_objects;

/* Take all single frames and give back only the even ones: the others are fences between them. */
static void
fence(void)
{
	struct page *pg, *even = NULL;

	while ((pg = page_alloc(0, KM_ATOMIC | PA_NO_RECLAIM)) != NULL) {
		if (page_to_pfn(pg) & 1) {
			ASAN_POISON_MEMORY_REGION(page_address(pg), PAGE_SIZE);
			continue;
		}
		pg->private = even;
		even = pg;
	}
	while ((pg = even) != NULL) {
		even = pg->private;
		pg->private = NULL;
		page_put(pg);
	}
}

static void
memory_init(u64 memory)
{
	void *arena;

	if (posix_memalign(&arena, 4 * MIB, memory) != 0)
		abort();
	arch_direct_map_base = (vaddr_t)arena;
	arch_vmemmap_base = (vaddr_t)calloc(memory / PAGE_SIZE, sizeof(struct page));
	boot_info.memory[0] = (struct boot_memory){ 0, 0x9f000, BOOT_MEM_USABLE };
	boot_info.memory[1] = (struct boot_memory){ 0x100000, 0x200000, BOOT_MEM_KERNEL };
	boot_info.memory[2] = (struct boot_memory){ 0x300000, memory - 0x300000, BOOT_MEM_USABLE };
	boot_info.memory_count = 3;
	page_wait_init();
	page_init();
}

void
machine_boot(u64 memory)
{
	memory_init(memory);
	fiber_init();
	fiber_interrupt = drive_interrupt;
	pagecache_init();
	flusher_init();
	reclaim_init();
	vfs_init();
	vnode_threads_init();
	block_init();
	fat_init();
	iso9660_init();
	fence();
	unit_thread.files = files_create();
	KASSERT(unit_thread.files != NULL);
	if (path_mkdir(AT_FDCWD, "/dev", 0755) != 0 || path_mkdir(AT_FDCWD, "/mnt", 0755) != 0)
		panic("no directories in the root");
	fiber_yield();
}

void
machine_settle(void)
{
	fiber_yield();
	for (int i = 0; i < 3; i++) {
		reclaim_drop_slab();
		reclaim_drop_pagecache();
		fiber_yield();
	}
	unit_rcu_flush();
	page_drain_lists(true);
}

u64
machine_free_pages(void)
{
	struct mem_stats st;

	mem_stats_get(&st);
	return st.free;
}

void
machine_mark(void)
{
	machine_settle();
	marked_pages = machine_free_pages();
	marked_objects = unit_kmem_live();
}

void
machine_check_leaks(void)
{
	machine_settle();
	if (unit_locks_held() != 0)
		panic("%u locks are held", unit_locks_held());
	if (machine_free_pages() != marked_pages)
		panic("%ld pages are not free again", (long)(marked_pages - machine_free_pages()));
	if (unit_kmem_live() > marked_objects)
		panic("%u objects are not free again", unit_kmem_live() - marked_objects);
}
