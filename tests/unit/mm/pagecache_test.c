/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache on a disk of the test's own, whose requests end when the only thread sleeps (or when the test says so), and fail
 * where it wants: read-ahead, write-back and its errors, limits, reclaim, truncation.
 * sources: mm/pagecache.c mm/pagecache_io.c mm/readahead.c mm/writeback.c mm/flusher.c mm/truncate.c mm/lru.c mm/reclaim.c
 * sources: mm/iobuf.c mm/usercopy.c mm/counters.c mm/overcommit.c mm/buddy.c mm/page.c mm/page_init.c
 */
#include "tests/unit/test.h"
#define MACHINE_REAL_RECLAIM
#include "mm/aspace.h"
#include "mm/iobuf.h"
#include "mm/lru.h"
#include "mm/pagecache.h"
#include "mm/slab.h"
#include "sys/file.h"
#include "tests/unit/mm/machine.h"

/* --- no address space maps anything here --- */

void mapping_unmap_range(struct mapping *m, u64 first, u64 last, bool cow) { (void)m, (void)first, (void)last, (void)cow; }
void mapping_protect_page(struct mapping *m, struct page *pg) { (void)m, (void)pg; }
u32 mapping_page_referenced(struct mapping *m, struct page *pg, u32 *f) { (void)m, (void)pg; *f = 0; return 0; }
bool mapping_unmap_page(struct mapping *m, struct page *pg) { (void)m, (void)pg; return true; }
u64 slab_trim(void) { return 0; }

/* --- the disk --- */

#define DISK_PAGES	2048
#define QUEUE_MAX	DISK_PAGES

struct request { struct page *page; bool write; };

static u8 disk[DISK_PAGES];		/* one value for a whole page */
static bool bad[DISK_PAGES];		/* I/O on it fails */
static struct request queue[QUEUE_MAX];
static u32 queued, sleeps, reads, writes, largest_read;
static off_t disk_bytes = DISK_PAGES * PAGE_SIZE;
static struct mapping m;
static struct read_ahead ra;
static void (*on_write)(struct page *pg);
static u32 invalidated;

static void
disk_finish(void)
{
	u32 n = queued;
	struct request q[QUEUE_MAX];

	memcpy(q, queue, n * sizeof(*q));
	queued = 0;
	for (u32 i = 0; i < n; i++) {
		u64 index = q[i].page->index;
		u8 *data = page_address(q[i].page);
		int err = bad[index] ? -EIO : 0;

		if (q[i].write) {
			if (err == 0)
				disk[index] = data[0];
			mapping_end_writeback(&m, q[i].page, err);
		} else {
			memset(data, disk[index], PAGE_SIZE);
			page_end_read(q[i].page, err);
		}
	}
}

static void
sleep_on_disk(void)
{
	sleeps++;
	disk_finish();
}

static void
never_sleep(void)
{
	ck_abort_msg("it would sleep");
}

static int
disk_read_page(struct mapping *mp, struct page *pg)
{
	ck_assert_ptr_eq(mp, &m);
	ck_assert(page_flag(pg, PG_LOCKED) && !page_flag(pg, PG_UPTODATE));
	queue[queued++] = (struct request){ pg, false };
	reads++;
	return 0;
}

static void
disk_read_ahead(struct mapping *mp, u64 index, u32 n)
{
	largest_read = MAX(largest_read, n);
	for (u32 i = 0; i < n; i++)
		ck_assert_int_eq(disk_read_page(mp, mapping_locked_page(mp, index + i)), 0);
}

static int
disk_write_page(struct mapping *mp, struct page *pg, struct writeback_control *wbc)
{
	(void)mp, (void)wbc;
	ck_assert(page_flag(pg, PG_LOCKED) && page_flag(pg, PG_WRITEBACK) && !page_flag(pg, PG_DIRTY));
	queue[queued++] = (struct request){ pg, true };
	writes++;
	page_unlock(pg);
	if (on_write != NULL)
		on_write(pg);
	return 0;
}

static int
disk_write_begin(struct mapping *mp, off_t pos, size_t len, struct page **out)
{
	struct page *pg;
	int err;

	if (len < PAGE_SIZE) {
		err = mapping_read(mp, (u64)pos >> PAGE_SHIFT, &pg);
		if (err != 0)
			return err;
		page_put(pg);
	}
	return mapping_get_locked(mp, (u64)pos >> PAGE_SHIFT, out);
}

static void
disk_invalidate(struct mapping *mp, struct page *pg, u32 off, u32 len)
{
	(void)mp, (void)off;
	ck_assert(page_flag(pg, PG_LOCKED) && !page_flag(pg, PG_WRITEBACK));
	invalidated += len;
}

static bool
disk_release(struct mapping *mp, struct page *pg)
{
	(void)mp;
	page_clear_flag(pg, PG_PRIVATE);
	return true;
}

static off_t
disk_size(struct mapping *mp)
{
	(void)mp;
	return disk_bytes;
}

static const struct mapping_ops disk_ops = { .read_page = disk_read_page, .read_ahead = disk_read_ahead, .write_page = disk_write_page,
	.write_begin = disk_write_begin, .invalidate = disk_invalidate, .release = disk_release, .size = disk_size };

static u64 free_before;

void
unit_setup(void)
{
	machine_init();
	pagecache_init();
	mapping_init(&m, &disk_ops, NULL, 0);
	ra = (struct read_ahead){ .prev = RA_NONE };
	for (u32 i = 0; i < DISK_PAGES; i++)
		disk[i] = (u8)(i % 251 + 1);
	unit_on_schedule = sleep_on_disk;
	free_before = buddy_free_pages();
}

void
unit_teardown(void)
{
	unit_on_schedule = sleep_on_disk;
	mapping_destroy(&m);
	lru_drain(true);
	ck_assert_uint_eq(buddy_free_pages(), free_before);
	ck_assert_int_eq(mem_counter_read(MC_DIRTY), 0);
	ck_assert_int_eq(mem_counter_read(MC_WRITEBACK), 0);
	ck_assert_int_eq(mem_counter_read(MC_FILE_CACHE), 0);
	ck_assert_uint_eq(lru_size(LRU_INACTIVE_FILE) + lru_size(LRU_ACTIVE_FILE), 0);
	ck_assert_uint_eq(unit_locks_held(), 0);
}

static ssize_t
read_at(u64 index, u64 pages)
{
	static u8 buf[64 * PAGE_SIZE];
	off_t pos = (off_t)(index * PAGE_SIZE);
	struct iobuf b;
	ssize_t n;

	iobuf_init_kernel(&b, buf, pages * PAGE_SIZE, true);
	n = pagecache_read_ahead(&m, &b, &pos, disk_bytes, &ra);
	for (ssize_t i = 0; i < n; i += PAGE_SIZE)
		ck_assert_uint_eq(buf[i], disk[index + (u64)i / PAGE_SIZE]);
	return n;
}

static ssize_t
write_at(u64 index, u64 pages, u8 value)
{
	static u8 buf[64 * PAGE_SIZE];
	off_t pos = (off_t)(index * PAGE_SIZE);
	struct iobuf b;

	memset(buf, value, pages * PAGE_SIZE);
	iobuf_init_kernel(&b, buf, pages * PAGE_SIZE, false);
	return pagecache_write(&m, &b, &pos, NULL);
}

static bool
cached(u64 index)
{
	struct page *pg = mapping_find(&m, index);

	if (pg != NULL)
		page_put(pg);
	return pg != NULL;
}

/* --- reading --- */

TEST(a_sequential_reader_rarely_waits)
{
	for (u64 i = 0; i < 512; i++) {
		ck_assert_int_eq(read_at(i, 1), PAGE_SIZE);
		disk_finish();		/* the disk is as fast as the reader */
	}
	ck_assert_uint_le(sleeps, 1);
	ck_assert_uint_eq(largest_read, RA_PAGES_DEFAULT);
	ck_assert_uint_le(reads, 512 + 2 * RA_PAGES_DEFAULT);
}

TEST(the_last_page_of_a_file_ends_read_ahead)
{
	disk_bytes = 10 * PAGE_SIZE - 5;
	ck_assert_int_eq(read_at(8, 4), 2 * PAGE_SIZE - 5);
	for (u64 i = 0; i < 10; i++)
		ck_assert_int_gt(read_at(i, 1), 0);
	ck_assert_uint_eq(reads, 10);
	ck_assert(!cached(10));
}

TEST(a_random_reader_gets_what_he_asked_for)
{
	for (u32 i = 0; i < 100; i++)
		ck_assert_int_eq(read_at(i * 977 % DISK_PAGES / 2 * 2 + (i == 0), 1), PAGE_SIZE);
	ck_assert_uint_eq(reads, 100);
	ra.advice = POSIX_FADV_RANDOM;
	for (u64 i = 1001; i < 1101; i += 2)
		ck_assert_int_eq(read_at(i, 1), PAGE_SIZE);
	ck_assert_uint_eq(reads, 150);
}

TEST(two_streams_through_one_descriptor_are_noticed)
{
	for (u64 i = 0; i < 128; i++) {
		ck_assert_int_eq(read_at(100 + i, 1), PAGE_SIZE);
		ck_assert_int_eq(read_at(1100 + i, 1), PAGE_SIZE);
		disk_finish();
	}
	ck_assert_uint_le(sleeps, 32);
}

TEST(an_error_hits_only_who_reads_that_page)
{
	bad[5] = true;
	for (u64 i = 0; i < 5; i++)
		ck_assert_int_eq(read_at(i, 1), PAGE_SIZE);
	ck_assert_int_eq(read_at(5, 1), -EIO);
	ck_assert_int_eq(read_at(3, 4), 2 * PAGE_SIZE);
	ck_assert_int_eq(read_at(6, 1), PAGE_SIZE);
	bad[5] = false;
	ck_assert_int_eq(read_at(5, 1), PAGE_SIZE);
}

TEST(hints_read_without_waiting)
{
	unit_on_schedule = never_sleep;
	readahead_force(&m, 10, 100);
	readahead_force(&m, DISK_PAGES - 3, UINT64_MAX);
	ck_assert_uint_eq(reads, 103);
	disk_finish();
	ck_assert_int_eq(read_at(10, 60), 60 * PAGE_SIZE);
	ck_assert_uint_eq(reads, 103);
}

TEST(a_reader_that_is_killed_does_not_wait)
{
	ck_assert_int_eq(read_at(0, 1), PAGE_SIZE);
	unit_on_schedule = never_sleep;
	unit_thread.work = TW_EXIT | TW_SIGNAL;
	ck_assert_int_eq(read_at(900, 1), -EINTR);
	unit_thread.work = 0;
	disk_finish();
}

/* --- writing --- */

TEST(sync_writes_what_is_dirty_and_waits)
{
	ck_assert_int_eq(write_at(3, 20, 99), 20 * PAGE_SIZE);
	ck_assert_uint_eq(reads, 0);
	ck_assert_int_eq(mem_counter_read(MC_DIRTY), 20);
	ck_assert_int_eq(mapping_sync(&m, 5 * PAGE_SIZE, 7 * PAGE_SIZE - 1), 0);
	ck_assert_uint_eq(writes, 2);
	ck_assert_uint_eq(disk[5], 99);
	ck_assert_uint_eq(disk[7], 8);
	ck_assert_int_eq(mapping_sync(&m, 0, INT64_MAX), 0);
	ck_assert_uint_eq(writes, 20);
	ck_assert_uint_eq(disk[22], 99);
	ck_assert_int_eq(mem_counter_read(MC_DIRTY), 0);
}

TEST(part_of_a_page_is_read_first)
{
	off_t pos = 7 * PAGE_SIZE + 10;
	u8 v[5] = { 1, 2, 3, 4, 5 };
	struct iobuf b;
	struct page *pg;

	iobuf_init_kernel(&b, v, sizeof(v), false);
	ck_assert_int_eq(pagecache_write(&m, &b, &pos, NULL), 5);
	ck_assert_uint_eq(reads, 1);
	pg = mapping_find(&m, 7);
	ck_assert_uint_eq(((u8 *)page_address(pg))[9], 8);
	ck_assert_uint_eq(((u8 *)page_address(pg))[14], 5);
	ck_assert_uint_eq(((u8 *)page_address(pg))[15], 8);
	page_put(pg);
}

TEST(a_page_under_write_back_may_be_written_to)
{
	struct writeback_control wbc = { .last = UINT64_MAX, .nr_to_write = -1 };

	unit_on_schedule = never_sleep;
	(void)write_at(0, 1, 7);
	ck_assert_int_eq(mapping_flush(&m, &wbc), 0);
	ck_assert_int_eq(mem_counter_read(MC_WRITEBACK), 1);
	(void)write_at(0, 1, 8);
	ck_assert_int_eq(mem_counter_read(MC_DIRTY), 1);
	ck_assert_int_eq(mapping_flush(&m, &wbc), 0);	/* busy: later */
	ck_assert_uint_eq(writes, 1);
	unit_on_schedule = sleep_on_disk;
	ck_assert_int_eq(mapping_sync(&m, 0, INT64_MAX), 0);
	ck_assert_uint_eq(writes, 2);
	ck_assert_uint_eq(disk[0], 8);
	atomic_fetch_or(&m.flags, (u32)MAPPING_STABLE);
	(void)write_at(0, 1, 9);
	ck_assert_int_eq(mapping_flush(&m, &wbc), 0);
	sleeps = 0;
	(void)write_at(0, 1, 10);
	ck_assert_uint_eq(sleeps, 1);
	ck_assert_uint_eq(disk[0], 9);
}

static void
dirty_next(struct page *pg)
{
	ck_assert_int_eq(write_at(pg->index + 1, 1, 3), PAGE_SIZE);
}

TEST(sync_does_not_run_after_a_writer)
{
	(void)write_at(0, 4, 1);
	on_write = dirty_next;
	ck_assert_int_eq(mapping_sync(&m, 0, INT64_MAX), 0);
	on_write = NULL;
	ck_assert_uint_le(writes, 5);
	ck_assert_int_gt(mem_counter_read(MC_DIRTY), 0);
}

static void
redirty(struct page *pg)
{
	mapping_redirty(&m, pg);
}

TEST(what_write_page_redirties_is_written_later)
{
	(void)write_at(0, 2, 1);
	on_write = redirty;
	ck_assert_int_eq(mapping_sync(&m, 0, INT64_MAX), 0);
	on_write = NULL;
	ck_assert_int_eq(mem_counter_read(MC_DIRTY), 2);
	ck_assert_int_eq(mapping_sync(&m, 0, INT64_MAX), 0);
	ck_assert_uint_eq(writes, 4);
}

TEST(each_file_is_told_of_an_error_once)
{
	u32 a = mapping_sample_error(&m), b = a, late, later;

	bad[2] = true;
	(void)write_at(0, 4, 5);
	ck_assert_int_eq(mapping_sync(&m, 0, INT64_MAX), -EIO);
	ck_assert_int_eq(mapping_sync(&m, 0, INT64_MAX), 0);
	late = mapping_sample_error(&m);	/* nobody was told yet */
	ck_assert_int_eq(mapping_check_error(&m, &a), -EIO);
	ck_assert_int_eq(mapping_check_error(&m, &a), 0);
	ck_assert_int_eq(mapping_check_error(&m, &late), -EIO);
	later = mapping_sample_error(&m);
	ck_assert_int_eq(mapping_check_error(&m, &later), 0);
	ck_assert_int_eq(mapping_check_error(&m, &b), -EIO);
	ck_assert_int_eq(mapping_check_error(&m, &b), 0);
	mapping_set_error(&m, -ENOSPC);
	ck_assert_int_eq(mapping_check_error(&m, &a), -ENOSPC);
	ck_assert_int_eq(mapping_check_error(&m, &later), -ENOSPC);
	ck_assert_int_eq(mapping_check_error(&m, &later), 0);
}

static void
tell_somebody(struct page *pg)
{
	u32 other = 0;

	(void)pg;
	ck_assert_int_eq(mapping_check_error(&m, &other), -EIO);
}

TEST(a_sync_fails_when_its_own_writes_do)
{
	u32 seen = mapping_sample_error(&m);

	bad[2] = true;
	(void)write_at(0, 4, 5);
	ck_assert_int_eq(mapping_sync(&m, 0, INT64_MAX), -EIO);
	(void)write_at(0, 4, 6);
	ck_assert_int_eq(mapping_sync(&m, 0, INT64_MAX), -EIO);	/* the same error, which nobody was told of yet */
	ck_assert_int_eq(mapping_check_error(&m, &seen), -EIO);
	(void)write_at(0, 4, 7);
	ck_assert_int_eq(mapping_sync(&m, 0, INT64_MAX), -EIO);
	bad[2] = false;
	(void)write_at(0, 1, 8);
	on_write = tell_somebody;
	ck_assert_int_eq(mapping_sync(&m, 0, INT64_MAX), 0);	/* that another is told is no error */
	on_write = NULL;
}

TEST(sync_of_all_waits_for_what_is_under_way)
{
	struct writeback_control wbc = { .last = UINT64_MAX, .nr_to_write = -1 };

	(void)write_at(0, 4, 5);
	ck_assert_int_eq(mapping_flush(&m, &wbc), 0);
	ck_assert_int_eq(mem_counter_read(MC_WRITEBACK), 4);
	ck_assert_int_eq(writeback_sync_all(), 0);
	ck_assert_int_eq(mem_counter_read(MC_WRITEBACK), 0);
	ck_assert_uint_eq(disk[3], 5);
}

/* --- limits --- */

static struct mapping other;

static void
write_other(u64 index)
{
	struct page *pg;

	ck_assert_int_eq(mapping_get_locked(&other, index, &pg), 0);
	page_set_flag(pg, PG_UPTODATE);
	mapping_dirty(&other, pg);
	page_unlock(pg);
	page_put(pg);
	writeback_throttle();
}

static void
write_back_some(void)
{
	struct writeback_control wbc = { .last = UINT64_MAX, .nr_to_write = 64 };

	sleeps++;
	(void)mapping_flush(&m, &wbc);
	disk_finish();
}

TEST(writers_wait_beyond_the_limit)
{
	dirty_ratio = 2;		/* of some 15,000 pages */
	dirty_background_ratio = 1;
	unit_on_schedule = write_back_some;
	for (u64 i = 0; i < 1024; i += 8)
		(void)write_at(i, 8, 1);
	ck_assert_uint_ge(sleeps, 4);
	ck_assert_int_le(mem_counter_read(MC_DIRTY), 300);
	ck_assert_uint_ge(writes, 700);
}

/* A disk that has the whole limit stops its own writers, not those of another one. */
TEST(a_slow_disk_stops_only_its_own_writers)
{
	struct backing_dev fast = { 0 };

	dirty_ratio = 2;
	dirty_background_ratio = 1;
	unit_on_schedule = never_sleep;
	for (u64 i = 0; i < 160; i += 8)
		(void)write_at(i, 8, 1);
	backing_dev_init(&fast);
	mapping_init(&other, &disk_ops, NULL, 0);
	other.backing = &fast;
	for (u64 i = 0; i < 96; i++)
		write_other(i);
	unit_on_schedule = write_back_some;	/* the first waits */
	sleeps = 0;
	for (u64 i = 160; i < 256; i += 8)
		(void)write_at(i, 8, 1);
	ck_assert_uint_ge(sleeps, 1);
	unit_on_schedule = sleep_on_disk;
	mapping_destroy(&other);
	backing_dev_destroy(&fast);
}

/* --- reclaim --- */

static void
read_range(u64 first, u64 n)
{
	for (u64 i = first; i < first + n; i += 32)
		ck_assert_int_eq(read_at(i, 32), 32 * PAGE_SIZE);
	while (queued != 0)
		disk_finish();
}

TEST(what_was_used_twice_stays)
{
	u64 freed = 0, kept = 0;

	read_range(0, 128);
	read_range(0, 128);
	read_range(256, 1024);
	lru_drain(true);
	ck_assert_uint_ge(lru_size(LRU_ACTIVE_FILE), 100);
	while (freed < 900) {
		u64 n = reclaim_pages(64, 0);

		ck_assert_uint_gt(n, 0);
		freed += n;
	}
	for (u64 i = 0; i < 128; i++)
		kept += cached(i);
	ck_assert_uint_ge(kept, 100);
	while (reclaim_pages(64, 0) != 0)
		;
	ck_assert_uint_eq(mem_counter_read(MC_FILE_CACHE), 0);
}

TEST(dirty_pages_are_not_dropped)
{
	read_range(0, 64);
	(void)write_at(64, 64, 77);
	lru_drain(true);
	unit_on_schedule = NULL;	/* waits end by time */
	while (reclaim_pages(64, KM_NOIO) != 0)
		;
	ck_assert_uint_eq(mem_counter_read(MC_FILE_CACHE), 64);
	ck_assert_uint_eq(reclaim_pages(64, 0), 0);
	ck_assert_uint_ge(unit_now, 1);
	ck_assert_uint_eq(mem_counter_read(MC_FILE_CACHE), 64);
	unit_on_schedule = write_back_some;
	ck_assert_uint_ge(reclaim_pages(64, 0), 1);
	ck_assert_uint_eq(disk[64], 77);
}

TEST(private_data_only_where_file_systems_may_be_asked)
{
	struct page *pg;
	u32 old;

	read_range(0, 32);
	lru_drain(true);
	pg = mapping_find(&m, 4);
	page_set_flag(pg, PG_PRIVATE);
	page_put(pg);
	old = kmem_scope_enter(KM_NOFS);
	while (reclaim_pages(64, 0) != 0)
		;
	kmem_scope_leave(old);
	ck_assert_uint_eq(mem_counter_read(MC_FILE_CACHE), 1);
	ck_assert(cached(4));
	(void)reclaim_pages(64, 0);
	ck_assert(!cached(4));
}

TEST(a_page_in_use_stays)
{
	struct page *pg;

	read_range(0, 32);
	lru_drain(true);
	pg = mapping_find(&m, 9);
	while (reclaim_pages(64, 0) != 0)
		;
	ck_assert_uint_eq(mem_counter_read(MC_FILE_CACHE), 1);
	page_put(pg);
	reclaim_drop_pagecache();
	ck_assert_uint_eq(mem_counter_read(MC_FILE_CACHE), 0);
}

TEST(clean_pages_can_be_dropped)
{
	s64 before;

	read_range(0, 64);
	(void)write_at(10, 2, 1);
	before = mem_counter_read(MC_FILE_CACHE);
	ck_assert_int_eq(mapping_invalidate(&m, 0, 31, false), -EBUSY);
	ck_assert_uint_eq(mem_counter_read(MC_FILE_CACHE), before - 30);
	ck_assert(cached(11) && !cached(12));
	ck_assert_int_eq(mapping_invalidate(&m, 32, UINT64_MAX, true), 0);
	ck_assert_uint_eq(mem_counter_read(MC_FILE_CACHE), 2);
	reclaim_drop_pagecache();
	ck_assert_uint_eq(mem_counter_read(MC_FILE_CACHE), 2);
}

/* --- truncation --- */

TEST(truncation_waits_for_reads_and_writes)
{
	struct writeback_control wbc = { .last = UINT64_MAX, .nr_to_write = -1 };
	struct page *pg;

	readahead_force(&m, 0, 16);
	mapping_truncate(&m, 8 * PAGE_SIZE, INT64_MAX);
	ck_assert_uint_ge(sleeps, 1);
	ck_assert(cached(7) && !cached(8));
	(void)write_at(0, 8, 3);
	(void)mapping_flush(&m, &wbc);
	pg = mapping_find(&m, 2);
	page_set_flag(pg, PG_PRIVATE);
	mapping_truncate(&m, 2 * PAGE_SIZE + 100, 4 * PAGE_SIZE + 50);
	ck_assert_uint_eq(invalidated, PAGE_SIZE - 100);
	ck_assert_uint_eq(((u8 *)page_address(pg))[99], 3);
	ck_assert_uint_eq(((u8 *)page_address(pg))[100], 0);
	ck_assert(page_flag(pg, PG_DIRTY));
	page_put(pg);
	ck_assert(!cached(3) && cached(4));
	ck_assert_uint_eq(disk[3], 3);		/* it was under way */
	ck_assert_uint_eq(queued, 0);
}

TEST(old_pages_go_though_they_are_in_use)
{
	struct page *pg;

	read_range(0, 32);
	pg = mapping_find(&m, 9);
	(void)write_at(10, 1, 1);
	ck_assert_int_eq(mapping_invalidate(&m, 8, 9, true), 0);
	ck_assert(!cached(8) && !cached(9));
	ck_assert_ptr_null(pg->mapping);
	page_put(pg);
	ck_assert_int_eq(mapping_invalidate(&m, 8, 11, true), -EBUSY);
	ck_assert(cached(7) && cached(10) && !cached(11));
	ck_assert_int_eq(mem_counter_read(MC_DIRTY), 1);
}

TEST(readers_see_the_new_end)
{
	off_t pos = 100 * PAGE_SIZE;
	static u8 buf[PAGE_SIZE];
	struct iobuf b;

	iobuf_init_kernel(&b, buf, PAGE_SIZE, true);
	disk_bytes = 50 * PAGE_SIZE;	/* cut off after the reader looked at the size */
	ck_assert_int_eq(pagecache_read(&m, &b, &pos, DISK_PAGES * PAGE_SIZE), 0);
	ck_assert(!cached(100));
}
