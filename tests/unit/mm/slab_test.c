/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slab caches over the real page allocator.
 * sources: mm/slab.c mm/buddy.c mm/page.c mm/page_init.c mm/counters.c mm/overcommit.c
 */
#include "tests/unit/test.h"
#include "mm/slab.h"
#include "sys/lib/printf.h"
#include "sys/rcu.h"
#include "tests/unit/mm/machine.h"

void
unit_setup(void)
{
	machine_init();
	slab_init();
}

TEST(sizes_contents_and_alignment)
{
	void *p[400];
	size_t size[400];

	for (int round = 0; round < 20; round++) {
		for (u32 i = 0; i < 400; i++) {
			size[i] = 1 + unit_rand_below(unit_rand_below(10) ? 600 : 20000);
			p[i] = kmem_alloc(size[i], KM_NORMAL);
			ck_assert_ptr_nonnull(p[i]);
			ck_assert_uint_ge(kmem_size(p[i]), size[i]);
			memset(p[i], (int)i, size[i]);
		}
		for (u32 i = 0; i < 400; i++) {
			for (size_t k = 0; k < size[i]; k++)
				ck_assert_uint_eq(((u8 *)p[i])[k], (u8)i);
			kmem_free(p[i]);
		}
	}
	for (size_t n = 16; n <= PAGE_SIZE; n *= 2)
		ck_assert_uint_eq((u64)kmem_alloc(n, KM_NORMAL) % n, 0);
	kmem_free(NULL);
}

TEST(everything_goes_back)
{
	void *p[3000];
	u64 before = buddy_free_pages();

	for (int i = 0; i < 3000; i++)
		p[i] = kmem_alloc(1 + unit_rand_below(9000), KM_NORMAL);
	for (int i = 0; i < 3000; i++)
		kmem_free(p[i]);
	ck_assert_uint_gt(slab_trim(), 0);
	ck_assert_uint_eq(buddy_free_pages(), before);
	ck_assert_int_eq(mem_counter_read(MC_SLAB), 0);
}

TEST(zero_realloc_array_strdup)
{
	u32 *p = kmem_alloc_array(100, sizeof(*p), KM_ZERO);
	char *s = kmem_strdup("lintel", KM_NORMAL);

	for (int i = 0; i < 100; i++)
		ck_assert_uint_eq(p[i], 0);
	p[99] = 7;
	p = kmem_realloc(p, 40000, KM_ZERO);
	ck_assert_uint_eq(p[99], 7);
	ck_assert_uint_eq(p[9999], 0);
	p = kmem_realloc(p, 400, KM_NORMAL);
	ck_assert_uint_eq(p[99], 7);
	ck_assert_str_eq(s, "lintel");
	ck_assert_ptr_null(kmem_alloc_array(SIZE_MAX / 4, 8, KM_NORMAL));
	ck_assert_ptr_null(kmem_alloc(5 * MIB, KM_NORMAL));
}

static u32 constructed;

static void
construct(void *p)
{
	*(u64 *)p = 0x1234;
	constructed++;
}

TEST(constructed_objects_keep_their_state)
{
	struct kmem_cache *c = kmem_cache_create("test", 40, 8, 0, construct);
	void *p[500];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 500; i++) {
			p[i] = kmem_cache_alloc(c, KM_NORMAL);
			ck_assert_uint_eq(*(u64 *)p[i], 0x1234);
		}
		for (int i = 0; i < 500; i++)
			kmem_cache_free(c, p[i]);
	}
	ck_assert_uint_ge(constructed, 500);
}

TEST(typestable_slabs_outlive_readers)
{
	struct kmem_cache *c = kmem_cache_create("stable", 1000, 0, KMC_TYPESTABLE, construct);
	void *p[100];
	u64 before;

	for (int i = 0; i < 100; i++)
		p[i] = kmem_cache_alloc(c, KM_NORMAL);
	before = buddy_free_pages();
	rcu_read_lock();
	for (int i = 0; i < 100; i++)
		kmem_cache_free(c, p[i]);
	slab_trim();
	ck_assert_uint_eq(buddy_free_pages(), before);	/* waits for the end of the section */
	for (int i = 0; i < 100; i++)
		ck_assert_uint_eq(*(u64 *)p[i], 0x1234);
	rcu_read_unlock();
	unit_rcu_flush();
	ck_assert_uint_gt(buddy_free_pages(), before);
}

struct with_rcu { u64 a[9]; struct rcu_head rcu; u64 b[30]; };

TEST(free_after_grace_finds_the_object)
{
	u64 before;
	struct with_rcu *p = kmem_alloc(sizeof(*p), KM_NORMAL);
	struct { u8 pad[50000]; struct rcu_head rcu; } *large = kmem_alloc(sizeof(*large), KM_NORMAL);

	before = buddy_free_pages();
	rcu_read_lock();
	kmem_free_rcu(p, &p->rcu);
	kmem_free_rcu(large, &large->rcu);
	ck_assert_uint_eq(buddy_free_pages(), before);
	rcu_read_unlock();
	unit_rcu_flush();
	ck_assert_uint_gt(buddy_free_pages(), before);
}

TEST(out_of_memory_is_null)
{
	void *list = NULL, **p;
	u64 n = 0;

	while ((p = kmem_alloc(2000, KM_NORMAL)) != NULL) {
		*p = list;
		list = p;
		n++;
	}
	ck_assert_uint_gt(n, 10000);
	ck_assert_ptr_null(kmem_alloc(100000, KM_NORMAL));
	while ((p = list) != NULL) {
		list = *p;
		kmem_free(p);
	}
	ck_assert_ptr_nonnull(kmem_alloc(100000, KM_NORMAL));
}

TEST(failures_leave_nothing_behind)
{
	void *p[1000];

	page_fail_interval = 2;
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 1000; i++)
			p[i] = kmem_alloc(1 + unit_rand_below(30000), KM_NORMAL);
		for (int i = 0; i < 1000; i++)
			kmem_free(p[i]);
	}
	page_fail_interval = 0;
	slab_trim();
	ck_assert_int_eq(mem_counter_read(MC_SLAB), 0);
}

TEST(slabinfo_lists_caches)
{
	char text[8192];
	struct strbuf sb;
	u32 n;

	(void)!kmem_alloc(100, KM_NORMAL);
	strbuf_init(&sb, text, sizeof(text));
	n = slab_show(&sb, 0);
	ck_assert_uint_ge(n, 17);
	ck_assert_ptr_nonnull(strstr(text, "slabinfo - version: 2.1\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nkmem-128          "));
	strbuf_init(&sb, text, 300);
	ck_assert_uint_lt(slab_show(&sb, 5), 3);
}

TEST_PANICS(double_free)
{
	void *p = kmem_alloc(100, KM_NORMAL);

	kmem_free(p);
	kmem_free(p);
}

TEST_PANICS(overrun)
{
	u8 *p = kmem_alloc(128, KM_NORMAL);

	p[128] = 1;
	kmem_free(p);
}

TEST_PANICS(use_after_free)
{
	u8 *p = kmem_alloc(128, KM_NORMAL);

	kmem_free(p);
	p[40] = 1;
	for (int i = 0; i < 1000; i++)
		(void)!kmem_alloc(128, KM_NORMAL);
}

TEST_PANICS(free_inside)
{
	kmem_free((u8 *)kmem_alloc(128, KM_NORMAL) + 16);
}
