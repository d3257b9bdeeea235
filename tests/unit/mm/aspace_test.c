/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces on fake page tables, against a model of a window of pages: mapping, protection, remapping, fork and
 * copy on write, faults; and the same with allocations that fail, where nothing may be lost.
 * sources: mm/aspace.c mm/vma.c mm/gap.c mm/rmap.c mm/zap.c mm/huge.c mm/fault.c mm/fault_anon.c mm/fault_file.c
 * sources: mm/mmap.c mm/mremap.c mm/protect.c mm/fork.c mm/access.c mm/madvise.c mm/mlock.c mm/maps.c mm/overcommit.c
 * sources: mm/pagecache_io.c mm/iobuf.c mm/usercopy.c mm/oom.c mm/counters.c mm/buddy.c mm/page.c mm/page_init.c mm/pagecache.c mm/writeback.c
 * sources: mm/truncate.c mm/readahead.c mm/lru.c mm/flusher.c
 */
#include "tests/unit/test.h"
#include "arch/trap.h"
#include "mm/lru.h"
#include "mm/madvise.h"
#include "mm/vma.h"
#include "sys/cred.h"
#include "sys/file.h"
#include "sys/lib/printf.h"
#include "tests/unit/mm/machine.h"

/* --- what mm/ needs from above --- */

#define FILE_PAGES	64

static struct mapping file_mapping;
static s64 file_refs;
static u64 stack_limit = 8 * MIB;

static off_t
file_size(struct mapping *m)
{
	(void)m;
	return FILE_PAGES * PAGE_SIZE;
}

static const struct mapping_ops file_mapping_ops = { .size = file_size };

static int
map_file(struct file *f, struct vma *v)
{
	(void)f;
	v->mapping = &file_mapping;
	return 0;
}

static const struct file_ops file_ops = { .mmap = map_file };
static struct file file = { .ops = &file_ops, .mode = FMODE_READ | FMODE_WRITE };

void file_get(struct file *f) { (void)f; file_refs++; }
void file_put(struct file *f) { (void)f; file_refs--; }
bool file_may_exec(struct file *f) { (void)f; return true; }
void file_identity(struct file *f, dev_t *dev, u64 *ino) { (void)f; *dev = 0x801; *ino = 77; }
void file_show_path(struct file *f, struct strbuf *out) { (void)f; strbuf_puts(out, "/bin/prog"); }
u64 rlimit_current(int resource) { return resource == 3 ? stack_limit : ~0UL; }
bool capable(int cap) { (void)cap; return true; }

void
trap_user_exception(struct trapframe *tf, int sig, int code, u64 addr, int trapno, u64 error)
{
	ck_abort_msg("signal %d code %d at %#lx (%p %d %lx)", sig, code, (unsigned long)addr, (void *)tf, trapno, (unsigned long)error);
}

/* --- the model --- */

#define WINDOW	0x10000000UL
#define PAGES	1600		/* more than three huge pages */

enum kind { HOLE, ANON, PRIVATE_FILE, SHARED_FILE };
struct model_page { enum kind kind; u32 prot; u32 index; bool own; u8 value; };
struct model { struct aspace *as; struct model_page page[PAGES]; };

static u8 file_value[FILE_PAGES];
static struct model space;
static u64 free_before;
static bool failing;	/* allocations fail: results aren't compared */

void
unit_setup(void)
{
	machine_init();
	pagecache_init();
	aspace_init();
	mapping_init(&file_mapping, &file_mapping_ops, NULL, MAPPING_MEMORY);
	free_before = buddy_free_pages();
	ck_assert_int_eq(aspace_create(&space.as), 0);
}

static void
check_nothing_lost(void)
{
	aspace_put_user(space.as);
	mapping_truncate(&file_mapping, 0, INT64_MAX);
	unit_rcu_flush();
	ck_assert_int_eq(file_refs, 0);
	lru_drain(true);
	ck_assert_uint_eq(buddy_free_pages(), free_before);
	ck_assert_int_eq(mem_counter_read(MC_ANON), 0);
	ck_assert_int_eq(mem_counter_read(MC_MAPPED), 0);
	ck_assert_uint_eq(overcommit_committed(), 0);
	ck_assert_ptr_null(fake_tables);
}

static vaddr_t
va_of(u32 i)
{
	return WINDOW + i * PAGE_SIZE;
}

static u8
model_value(const struct model_page *p)
{
	return p->own || p->kind == ANON ? p->value : file_value[p->index];
}

static void
write_page(struct model *m, u32 i, u8 value)
{
	struct model_page *p = &m->page[i];
	ssize_t r = aspace_access(m->as, va_of(i) + 5, &value, 1, true, false);

	if (r != 1 && failing)
		return;
	ck_assert_int_eq(r == 1, p->kind != HOLE && (p->prot & PROT_WRITE));
	if (r != 1)
		return;
	if (p->kind == SHARED_FILE) {
		file_value[p->index] = value;
	} else {
		p->own = true;
		p->value = value;
	}
}

static void
check_page(struct model *m, u32 i)
{
	struct model_page *p = &m->page[i];
	u8 value = 0xcc;
	ssize_t r = aspace_access(m->as, va_of(i) + 5, &value, 1, false, false);

	if (r != 1 && failing)
		return;
	ck_assert_int_eq(r == 1, p->kind != HOLE && p->prot != PROT_NONE);
	if (r == 1)
		ck_assert_uint_eq(value, model_value(p));
}

/* The tree of VMAs is in order, and its counts are right. */
static void
check_layout(struct model *m)
{
	u64 mapped = 0, total = 0;
	u32 vmas = 0;
	vaddr_t end = 0;

	for (u32 i = 0; i < PAGES; i++)
		mapped += m->page[i].kind != HOLE;
	rwlock_read_lock(&m->as->lock);
	for (struct vma *v = vma_find(m->as, 0); v != NULL; v = vma_next(v)) {
		ck_assert_uint_le(end, v->start);
		ck_assert_uint_lt(v->start, v->end);
		end = v->end;
		total += vma_pages(v);
		vmas++;
		for (vaddr_t va = v->start; va < v->end; va += PAGE_SIZE)
			ck_assert_uint_eq(m->page[(va - WINDOW) / PAGE_SIZE].prot, v->prot);
	}
	rwlock_read_unlock(&m->as->lock);
	ck_assert_uint_eq(vmas, m->as->nr_vmas);
	ck_assert_uint_eq(total, m->as->total_pages);
	ck_assert_uint_eq(total, mapped);
}

/* --- random changes --- */

static u32
some_prot(void)
{
	static const u32 prots[] = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE };

	return prots[unit_rand_below(ARRAY_SIZE(prots))];
}

static u32
some_length(void)
{
	return (u32)(unit_rand_below(6) == 0 ? 1 + unit_rand_below(PAGES / 2) : 1 + unit_rand_below(20));
}

static void
do_map(struct model *m, u32 at, u32 n)
{
	enum kind kind = (enum kind)(1 + unit_rand_below(3));
	u32 prot = some_prot(), first = (u32)unit_rand_below(FILE_PAGES);
	long r;

	if (kind != ANON)
		n = MIN(n, FILE_PAGES - first);
	r = aspace_mmap(m->as, va_of(at), n * PAGE_SIZE, prot, MAP_FIXED | (kind == ANON ? MAP_ANONYMOUS : 0) |
		(kind == SHARED_FILE ? MAP_SHARED : MAP_PRIVATE), kind == ANON ? NULL : &file, kind == ANON ? 0 : first * PAGE_SIZE);
	ck_assert_int_eq(r, (long)va_of(at));
	for (u32 i = 0; i < n; i++)
		m->page[at + i] = (struct model_page){ .kind = kind, .prot = prot, .index = kind == ANON ? 0 : first + i };
}

static void
do_unmap(struct model *m, u32 at, u32 n)
{
	ck_assert_int_eq(aspace_munmap(m->as, va_of(at), n * PAGE_SIZE), 0);
	for (u32 i = 0; i < n; i++)
		m->page[at + i] = (struct model_page){ .kind = HOLE };
}

static void
do_protect(struct model *m, u32 at, u32 n)
{
	u32 prot = some_prot(), i = 0;
	int err = aspace_mprotect(m->as, va_of(at), n * PAGE_SIZE, prot);

	for (; i < n && m->page[at + i].kind != HOLE; i++)
		m->page[at + i].prot = prot;
	ck_assert_int_eq(err, i == n ? 0 : -ENOMEM);
}

static void
do_dontneed(struct model *m, u32 at, u32 n)
{
	bool hole = false;
	int err = aspace_madvise(m->as, va_of(at), n * PAGE_SIZE, MADV_DONTNEED);

	for (u32 i = 0; i < n; i++) {
		struct model_page *p = &m->page[at + i];

		hole |= p->kind == HOLE;
		p->own = false;
		p->value = 0;
	}
	ck_assert_int_eq(err, hole ? -ENOMEM : 0);
}

static void
do_remap(struct model *m, u32 at, u32 n)
{
	u32 to = (u32)unit_rand_below(PAGES), new = some_length();
	struct model_page old[PAGES];
	long r;

	new = MIN(new, PAGES - to);
	r = aspace_mremap(m->as, va_of(at), n * PAGE_SIZE, new * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, va_of(to));
	if (to < at + n && at < to + new) {
		ck_assert_int_eq(r, -EINVAL);
		return;
	}
	if (r == -EFAULT)
		return;		/* not all of it is one VMA: nothing has changed */
	ck_assert_int_eq(r, (long)va_of(to));
	memcpy(old, m->page, sizeof(old));
	for (u32 i = 0; i < n; i++)
		m->page[at + i] = (struct model_page){ .kind = HOLE };
	for (u32 i = 0; i < new; i++) {
		struct model_page *p = &m->page[to + i];

		*p = old[at + MIN(i, n - 1)];
		if (i >= n) {
			p->own = false;
			p->value = 0;
			p->index += i - n + 1;
			if (p->kind != ANON && p->index >= FILE_PAGES)
				do_unmap(m, to + i, 1);		/* beyond the end of the file: a bus error, not modelled */
		}
	}
}

static void
do_touch(struct model *m, u32 at, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		if (unit_rand_below(2))
			write_page(m, at + i, (u8)(1 + unit_rand_below(255)));
		else
			check_page(m, at + i);
	}
}

/* The child sees what the parent had; what either writes is its own. */
static void
do_fork(struct model *m)
{
	static struct model child;

	memcpy(&child, m, sizeof(child));
	ck_assert_int_eq(aspace_fork(m->as, &child.as), 0);
	check_layout(&child);
	for (u32 i = 0; i < 30; i++)
		do_touch(&child, (u32)unit_rand_below(PAGES), 1);
	for (u32 i = 0; i < 30; i++)
		do_touch(m, (u32)unit_rand_below(PAGES), 1);
	for (u32 i = 0; i < PAGES; i += 7)
		check_page(&child, i);
	do_unmap(&child, 100, 700);
	aspace_put_user(child.as);
}

static void
change(struct model *m)
{
	u32 at = (u32)unit_rand_below(PAGES), n = MIN(some_length(), PAGES - at);

	switch (unit_rand_below(12)) {
	case 0: case 1: case 2:
		do_map(m, at, n);
		break;
	case 3:
		do_unmap(m, at, n);
		break;
	case 4: case 5:
		do_protect(m, at, n);
		break;
	case 6:
		do_remap(m, at, n);
		break;
	case 7:
		do_dontneed(m, at, n);
		break;
	case 8:
		if (unit_rand_below(4) == 0)
			do_fork(m);
		break;
	default:
		do_touch(m, at, n);
	}
}

TEST(random_changes_against_a_model)
{
	for (int round = 0; round < 1200; round++) {
		change(&space);
		check_layout(&space);
		if (round % 40 == 0)
			for (u32 i = 0; i < PAGES; i++)
				check_page(&space, i);
	}
	check_nothing_lost();
}

/* Whatever fails: no assertion, no leak. */
TEST(failing_allocations_lose_nothing)
{
	failing = true;
	for (int round = 0; round < 1500; round++) {
		u32 at = (u32)unit_rand_below(PAGES), n = MIN(some_length(), PAGES - at);
		struct aspace *child;
		u64 len = n * PAGE_SIZE;
		u8 byte = 1;

		page_fail_interval = (u32)unit_rand_below(4) * 3;
		unit_kmem_fail_in((unsigned)unit_rand_below(12));
		switch (unit_rand_below(8)) {
		case 0: case 1:
			(void)!aspace_mmap(space.as, va_of(at), len, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_ANONYMOUS |
				(unit_rand_below(3) ? MAP_PRIVATE : MAP_SHARED), NULL, 0);
			break;
		case 2:
			(void)!aspace_mmap(space.as, va_of(at), MIN(len, FILE_PAGES * PAGE_SIZE), some_prot(), MAP_FIXED | MAP_PRIVATE,
				&file, 0);
			break;
		case 3:
			(void)!aspace_munmap(space.as, va_of(at), len);
			break;
		case 4:
			(void)!aspace_mprotect(space.as, va_of(at), len, some_prot());
			break;
		case 5:
			(void)!aspace_mremap(space.as, va_of(at), len, some_length() * PAGE_SIZE, MREMAP_MAYMOVE, 0);
			break;
		case 6:
			if (aspace_fork(space.as, &child) == 0) {
				(void)!aspace_access(child, va_of(at), &byte, 1, true, false);
				aspace_put_user(child);
			}
			break;
		default:
			for (u32 i = 0; i < n; i++)
				(void)!aspace_access(space.as, va_of(at + i), &byte, 1, unit_rand_below(2), unit_rand_below(2));
		}
	}
	page_fail_interval = 0;
	unit_kmem_fail_in(0);
	check_nothing_lost();
}

/* --- single cases --- */

static char *
put(vaddr_t va, u8 value)
{
	ck_assert_int_eq(aspace_access(space.as, va, &value, 1, true, false), 1);
	return NULL;
}

static u8
get(struct aspace *as, vaddr_t va)
{
	u8 value = 0xcc;

	ck_assert_int_eq(aspace_access(as, va, &value, 1, false, false), 1);
	return value;
}

static vaddr_t
map_anon(u64 pages, u32 flags)
{
	long r = aspace_mmap(space.as, 0, pages * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, NULL, 0);

	ck_assert_int_gt(r, 0);
	return (vaddr_t)r;
}

TEST(reading_untouched_memory_costs_no_frame)
{
	vaddr_t va = map_anon(16, 0);
	u64 before;

	get(space.as, va);
	before = buddy_free_pages();
	for (u32 i = 1; i < 16; i++)
		get(space.as, va + i * PAGE_SIZE);
	ck_assert_uint_eq(buddy_free_pages(), before);
	ck_assert_uint_eq(aspace_rss(space.as), 0);
	put(va, 1);
	ck_assert_uint_eq(aspace_rss(space.as), 1);
	check_nothing_lost();
}

TEST(sole_owner_takes_the_page_without_a_copy)
{
	vaddr_t va = map_anon(1, 0);
	struct aspace *child;
	u64 before;

	put(va, 1);
	ck_assert_int_eq(aspace_fork(space.as, &child), 0);
	aspace_put_user(child);
	before = buddy_free_pages();
	put(va, 2);
	ck_assert_uint_eq(buddy_free_pages(), before);
	check_nothing_lost();
}

TEST(large_memory_gets_huge_pages_that_split)
{
	vaddr_t va = map_anon(2048, 0), base = ALIGN_UP(va, HUGE_PAGE_SIZE);
	u64 before;

	put(base + 12345, 7);
	ck_assert_uint_eq(aspace_rss(space.as), 512);
	before = buddy_free_pages();
	ck_assert_int_eq(aspace_munmap(space.as, base, 100 * PAGE_SIZE), 0);
	ck_assert_uint_eq(buddy_free_pages(), before + 100 - 1);	/* and one went for the table */
	ck_assert_uint_eq(aspace_rss(space.as), 412);
	ck_assert_uint_eq(get(space.as, base + 100 * PAGE_SIZE), 0);
	check_nothing_lost();
}

TEST(neighbours_alike_become_one)
{
	vaddr_t va = map_anon(10, 0);

	ck_assert_uint_eq(space.as->nr_vmas, 1);
	ck_assert_int_eq(aspace_mprotect(space.as, va + 3 * PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ), 0);
	ck_assert_uint_eq(space.as->nr_vmas, 3);
	put(va, 1);
	put(va + 9 * PAGE_SIZE, 1);
	ck_assert_int_eq(aspace_mprotect(space.as, va + 3 * PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	ck_assert_uint_le(space.as->nr_vmas, 2);
	check_nothing_lost();
}

TEST(stack_grows_to_its_limit_and_keeps_its_distance)
{
	vaddr_t top = 0x7ffffff00000;
	u8 byte = 1;

	stack_limit = 64 * PAGE_SIZE;
	ck_assert_int_eq(aspace_map_stack(space.as, top, 4 * PAGE_SIZE, false), 0);
	put(top - 40 * PAGE_SIZE, 1);
	ck_assert_int_eq(aspace_access(space.as, top - 70 * PAGE_SIZE, &byte, 1, true, false), -EIO);
	stack_limit = MIB * 64;
	ck_assert_int_gt(aspace_mmap(space.as, top - 400 * PAGE_SIZE, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), 0);
	put(top - 140 * PAGE_SIZE, 1);
	ck_assert_int_eq(aspace_access(space.as, top - 150 * PAGE_SIZE, &byte, 1, true, false), -EIO);
	check_nothing_lost();
}

TEST(debuggers_write_through_protection_into_a_private_copy)
{
	long va = aspace_mmap(space.as, 0, PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE, &file, 0);
	u8 byte = 0xcc;

	ck_assert_int_gt(va, 0);
	ck_assert_int_eq(aspace_access(space.as, (vaddr_t)va, &byte, 1, true, false), -EIO);
	ck_assert_int_eq(aspace_access(space.as, (vaddr_t)va, &byte, 1, true, true), 1);
	ck_assert_uint_eq(get(space.as, (vaddr_t)va), 0xcc);
	ck_assert_int_gt(va = aspace_mmap(space.as, 0, PAGE_SIZE, PROT_READ, MAP_SHARED, &file, 0), 0);
	ck_assert_uint_eq(get(space.as, (vaddr_t)va), 0);
	check_nothing_lost();
}

TEST(the_end_of_a_file_is_a_bus_error)
{
	long va = aspace_mmap(space.as, 0, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, &file, (FILE_PAGES - 2) * PAGE_SIZE);

	ck_assert_int_eq(fault_handle(space.as, (vaddr_t)va + PAGE_SIZE, FAULT_WRITE), 0);
	ck_assert_int_eq(fault_handle(space.as, (vaddr_t)va + 2 * PAGE_SIZE, 0), -ENXIO);
	ck_assert_int_eq(fault_handle(space.as, 0x5000, 0), -EFAULT);
	ck_assert_int_eq(aspace_mprotect(space.as, (vaddr_t)va, PAGE_SIZE, PROT_READ), 0);
	ck_assert_int_eq(fault_handle(space.as, (vaddr_t)va, FAULT_WRITE), -EACCES);
	ck_assert_int_eq(fault_handle(space.as, (vaddr_t)va, FAULT_EXEC), -EACCES);
	check_nothing_lost();
}

/* --- a file with a store behind it --- */

static u8 disk[4][PAGE_SIZE];
static u32 reads, writes;

static int
disk_read_page(struct mapping *m, struct page *pg)
{
	(void)m;
	reads++;
	memcpy(page_address(pg), disk[pg->index], PAGE_SIZE);
	page_set_flag(pg, PG_UPTODATE);
	page_unlock(pg);
	return 0;
}

static int
disk_write_page(struct mapping *m, struct page *pg, struct writeback_control *wbc)
{
	(void)wbc;
	writes++;
	page_set_flag(pg, PG_WRITEBACK);
	page_unlock(pg);
	memcpy(disk[pg->index], page_address(pg), PAGE_SIZE);
	mapping_end_writeback(m, pg, 0);
	return 0;
}

static off_t
disk_size(struct mapping *m)
{
	(void)m;
	return 4 * PAGE_SIZE;
}

static bool
disk_hold(struct mapping *m)
{
	(void)m;
	return true;
}

static void
disk_drop(struct mapping *m)
{
	(void)m;
}

static const struct mapping_ops disk_ops = { .read_page = disk_read_page, .write_page = disk_write_page, .size = disk_size,
	.hold = disk_hold, .drop = disk_drop };
static struct mapping disk_mapping;

static int
map_disk(struct file *f, struct vma *v)
{
	(void)f;
	v->mapping = &disk_mapping;
	return 0;
}

static const struct file_ops disk_file_ops = { .mmap = map_disk };
static struct file disk_file = { .ops = &disk_file_ops, .mode = FMODE_READ | FMODE_WRITE };

static void
write_back_and_store(void)
{
	struct page *pg = mapping_find(&disk_mapping, 1);

	ck_assert_int_eq(mapping_sync(&disk_mapping, 0, INT64_MAX), 0);
	*(u8 *)page_address(pg) = 77;
	page_put(pg);
}

/* A store by a TLB entry that is still there when write-back finds no entry in the table any more. */
TEST(the_last_store_before_the_flush_is_not_lost)
{
	vaddr_t va;

	mapping_init(&disk_mapping, &disk_ops, NULL, 0);
	va = (vaddr_t)aspace_mmap(space.as, 0, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, &disk_file, 0);
	put(va + PAGE_SIZE, 5);
	fake_before_flush = write_back_and_store;
	ck_assert_int_eq(aspace_munmap(space.as, va, 4 * PAGE_SIZE), 0);
	ck_assert_ptr_null(fake_before_flush);
	ck_assert_uint_eq(disk[1][0], 5);
	ck_assert_int_eq(mapping_sync(&disk_mapping, 0, INT64_MAX), 0);
	ck_assert_uint_eq(disk[1][0], 77);
	mapping_destroy(&disk_mapping);
	check_nothing_lost();
}

/* Each write after a write-back is noticed, by a fault on the write-protected entry. */
TEST(writes_through_shared_memory_reach_the_disk)
{
	vaddr_t va;

	mapping_init(&disk_mapping, &disk_ops, NULL, 0);
	disk[1][7] = 9;
	va = (vaddr_t)aspace_mmap(space.as, 0, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, &disk_file, 0);
	ck_assert_uint_eq(get(space.as, va + PAGE_SIZE + 7), 9);
	ck_assert_int_eq(mem_counter_read(MC_DIRTY), 0);
	for (u8 round = 1; round < 4; round++) {
		put(va + PAGE_SIZE, round);
		put(va + PAGE_SIZE + 1, round);
		ck_assert_int_eq(mem_counter_read(MC_DIRTY), 1);
		ck_assert_int_eq(mapping_sync(&disk_mapping, 0, INT64_MAX), 0);
		ck_assert_int_eq(mem_counter_read(MC_DIRTY), 0);
		ck_assert_uint_eq(disk[1][0], round);
		ck_assert_uint_eq(disk[1][1], round);
		ck_assert_uint_eq(writes, round);
		ck_assert_int_eq(writeback_sync_all(), 0);
		ck_assert_uint_eq(writes, round);
	}
	ck_assert_uint_eq(reads, 4);	/* with what lies around */
	ck_assert_int_eq(aspace_munmap(space.as, va, 4 * PAGE_SIZE), 0);
	mapping_destroy(&disk_mapping);
	check_nothing_lost();
}

/* What reclaim does to a mapped page: it looks whether it was used, and takes it away. */
TEST(reclaim_unmaps_pages_of_files)
{
	u32 flags;
	struct page *pg;
	vaddr_t va;

	mapping_init(&disk_mapping, &disk_ops, NULL, 0);
	disk[2][0] = 5;
	va = (vaddr_t)aspace_mmap(space.as, 0, 4 * PAGE_SIZE, PROT_READ, MAP_SHARED, &disk_file, 0);
	ck_assert_uint_eq(get(space.as, va + 2 * PAGE_SIZE), 5);
	pg = mapping_find(&disk_mapping, 2);
	page_lock(pg);
	ck_assert_int_eq(pg->mapcount, 1);
	ck_assert_uint_eq(mapping_page_referenced(&disk_mapping, pg, &flags), 1);
	ck_assert_uint_eq(mapping_page_referenced(&disk_mapping, pg, &flags), 0);
	ck_assert(flags & VM_SHARED);
	ck_assert(!(flags & VM_MAYEXEC));
	lru_drain(true);
	ck_assert(lru_isolate_page(pg));
	ck_assert(!mapping_evict(&disk_mapping, pg));	/* the entry has a reference */
	ck_assert(mapping_unmap_page(&disk_mapping, pg));
	ck_assert(mapping_evict(&disk_mapping, pg));
	ck_assert_ptr_null(mapping_find(&disk_mapping, 2));
	ck_assert_uint_eq(get(space.as, va + 2 * PAGE_SIZE), 5);
	ck_assert_int_eq(aspace_munmap(space.as, va, 4 * PAGE_SIZE), 0);
	mapping_destroy(&disk_mapping);
	check_nothing_lost();
}

TEST(maps_are_printed_as_linux_prints_them)
{
	char text[3000];
	struct strbuf sb;

	aspace_set_brk(space.as, 0x600123, false);
	ck_assert_uint_eq(aspace_brk(space.as, 0x602000), 0x602000);
	ck_assert_int_eq(aspace_mmap(space.as, 0x400000, 2 * PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, &file, PAGE_SIZE),
		0x400000);
	ck_assert_int_eq(aspace_mmap(space.as, 0x700000, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, NULL, 0),
		0x700000);
	strbuf_init(&sb, text, sizeof(text));
	ck_assert_uint_eq(aspace_show_maps(space.as, &sb, 0, false), 0);
	ck_assert_str_eq(text,
		"00400000-00402000 r-xp 00001000 08:01 77                                 /bin/prog\n"
		"00601000-00602000 rw-p 00000000 00:00 0                                  [heap]\n"
		"00700000-00701000 rw-p 00000000 00:00 0 \n");
	strbuf_init(&sb, text, 100);
	ck_assert_uint_eq(aspace_show_maps(space.as, &sb, 0, false), 0x601000);
	strbuf_init(&sb, text, sizeof(text));
	ck_assert_uint_eq(aspace_show_maps(space.as, &sb, 0x700000, true), 0);
	ck_assert_ptr_nonnull(strstr(text, "\nSize:                  4 kB\nKernelPageSize:        4 kB\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nVmFlags: rd wr mr mw me ac \n"));
	check_nothing_lost();
}
