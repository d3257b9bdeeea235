/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goes wrong beside the journal's way: writes in place that fail, buffers that others made dirty, logs that are full, commits that
 * break off, a log on a disk of its own, an fsync that comes late.
 *
 * sources: fs/jbd2/super.c fs/jbd2/handle.c fs/jbd2/commit.c fs/jbd2/checkpoint.c fs/jbd2/recover.c fs/jbd2/revoke.c fs/jbd2/ordered.c
 * sources: fs/jbd2/log.c fs/jbd2/csum.c sys/lib/crc32.c sys/lib/rbtree.c
 */
#include "tests/unit/test.h"

#include <ucontext.h>

#include "tests/unit/fs/jbd2/machine.h"

#define DATA_AT	250U	/* a block of a file */

static u32
disk_stamp(u32 block)
{
	return stamp_of(disk + (size_t)block * BS);
}

static u32
change(struct journal *j, u32 block, u32 value)
{
	struct handle *h;
	u32 tid;

	ck_assert_int_eq(journal_start(j, 4, &h), 0);
	stamp(h, block, value);
	tid = journal_tid(h);
	ck_assert_int_eq(journal_stop(h, false), 0);
	return tid;
}

/* Into a transaction and out again, unchanged. */
static void
touch(struct journal *j, u32 block)
{
	struct handle *h;
	struct buf *b;

	ck_assert_int_eq(journal_start(j, 4, &h), 0);
	ck_assert_int_eq(buf_get(&bdev, block, &b), 0);
	ck_assert_int_eq(journal_access(h, b), 0);
	buf_put(b);
	ck_assert_int_eq(journal_stop(h, false), 0);
}

TEST(a_block_whose_write_in_place_failed_stays_in_the_log)
{
	struct journal *j;

	format();
	j = mount_journal();
	change(j, 5, 1001);
	ck_assert_int_eq(journal_commit_all(j), 0);
	fail_after = 0;
	buf_write_start(cache[5], 0);
	fail_after = ~0U;
	ck_assert_int_ne(cache[5]->state & BUF_WRITE_ERROR, 0);
	touch(j, 5);
	ck_assert_int_eq(journal_commit_all(j), 0);
	ck_assert_int_eq(journal_flush(j), 0);		/* the log is empty now */
	ck_assert_uint_eq(disk_stamp(5), 1001);
	unmount_journal(j);
}

TEST(a_buffer_made_dirty_outside_is_not_lost)
{
	struct journal *j;
	struct buf *b;
	u32 value = 4242;

	format();
	j = mount_journal();
	ck_assert_int_eq(buf_get(&bdev, 9, &b), 0);
	memcpy(b->data + 8, &value, 4);
	buf_dirty(b);
	buf_put(b);
	touch(j, 9);
	ck_assert_int_eq(journal_flush(j), 0);
	ck_assert_uint_eq(disk_stamp(9), 4242);
	unmount_journal(j);
}

TEST(a_full_log_aborts_rather_than_go_over_its_tail)
{
	struct journal *j;
	u32 head;

	format();
	j = mount_journal();
	change(j, 1, 77);
	ck_assert_int_eq(journal_commit_all(j), 0);
	change(j, 2, 78);
	j->free = 2;			/* a mistake somewhere in the reckoning */
	head = j->head;
	ck_assert_int_eq(journal_commit_all(j), -EIO);
	ck_assert_int_ne(journal_error(j), 0);
	ck_assert_uint_eq(j->free, 0);
	ck_assert_uint_le(j->head, head + 2);
	(void)journal_close(j);
	cache_drop();
}

static bool intruded;

/* Another thread changes a block before the commit has copied it; then the disk fails. */
static void
change_and_fail(void)
{
	if (intruded || the_journal == NULL || the_journal->committing == NULL)
		return;
	intruded = true;
	change(the_journal, 129, 5003);
	fail_after = 0;
}

TEST(a_commit_that_breaks_off_gives_its_copies_back)
{
	struct journal *j;
	struct handle *h;
	unsigned live;

	format();
	j = mount_journal();
	(void)journal_close(j);
	the_journal = NULL;
	live = unit_kmem_live();
	j = mount_journal();
	ck_assert_int_eq(journal_start(j, 200, &h), 0);
	for (u32 i = 0; i < 130; i++)		/* more than one group of the log has */
		stamp(h, i, 3000 + i);
	ck_assert_int_eq(journal_stop(h, false), 0);
	on_write = change_and_fail;
	ck_assert_int_eq(journal_commit_all(j), -EIO);
	on_write = NULL;
	ck_assert(intruded);
	fail_after = ~0U;
	(void)journal_close(j);
	cache_drop();
	ck_assert_uint_eq(unit_kmem_live(), live);
}

/* The tail may pass a block only when its place is stable, on another disk than the log's. */
TEST(a_log_on_another_disk_waits_for_the_first_ones_cache)
{
	static struct block_device log_bdev = { .nr_sectors = DISK_BLOCKS * (BS / SECTOR_SIZE), .block_size = BS };
	struct journal_place far = place;
	struct journal *j;
	bool unstable = false;
	u32 supers = 0;

	far.bdev = &log_bdev;
	format();
	j = mount_journal_at(&far);
	for (u32 i = 0; i < 5; i++) {
		change(j, i, 600 + i);
		ck_assert_int_eq(journal_flush(j), 0);
	}
	unmount_journal(j);
	for (u32 i = 0; i < trace_len; i++) {
		if (trace[i].flush) {
			if (trace[i].bdev == &bdev)
				unstable = false;
		} else if (trace[i].bdev == &bdev) {
			unstable = true;
		} else if (trace[i].block == LOG_AT) {
			ck_assert(!unstable);
			supers++;
		}
	}
	ck_assert_uint_gt(supers, 5);
}

TEST(many_blocks_in_place_are_let_go_of)
{
	struct journal *j;
	struct handle *h;

	format();
	j = mount_journal();
	for (u32 round = 0; round < 6; round++) {
		ck_assert_int_eq(journal_start(j, 240, &h), 0);
		for (u32 i = 0; i < 230; i++)
			stamp(h, i, round * 1000 + i + 1);
		ck_assert_int_eq(journal_stop(h, false), 0);
		ck_assert_int_eq(journal_commit_all(j), 0);
		if (round % 2 == 0)
			ck_assert_int_eq(buf_sync(&bdev), 0);
	}
	ck_assert_int_eq(journal_flush(j), 0);
	ck_assert_uint_eq(disk_stamp(229), 5230);
	unmount_journal(j);
}

/* --- the commit thread stands still in the middle --- */

static ucontext_t test_context, commit_context;
static u8 commit_stack[256 << 10] __attribute__((aligned(16)));
static bool stand_still;

static void
commit_entry(void)
{
	(void)journal_work(the_journal);
}

/* The commit block is on its way: its flush was before it. */
static void
stop_at_commit_block(void)
{
	if (stand_still && trace[trace_len - 1].fua && trace[trace_len - 1].block != LOG_AT) {
		stand_still = false;
		swapcontext(&commit_context, &test_context);
	}
}

static void
go_on(void)
{
	unit_thread.state = THREAD_RUNNING;
	swapcontext(&test_context, &commit_context);
}

static void
start_commit(void)
{
	ck_assert_int_eq(getcontext(&commit_context), 0);
	commit_context.uc_stack.ss_sp = commit_stack;
	commit_context.uc_stack.ss_size = sizeof(commit_stack);
	commit_context.uc_link = &test_context;
	makecontext(&commit_context, commit_entry, 0);
	swapcontext(&test_context, &commit_context);
}

static bool
flushed_since(u32 at)
{
	while (at < trace_len)
		if (trace[at++].flush)
			return true;
	return false;
}

TEST(an_fsync_behind_the_commits_flush_has_one_of_its_own)
{
	struct journal *j;
	u8 data[BS] = { 1, 2, 3 };
	u32 tid, at;

	format();
	j = mount_journal();
	tid = change(j, 3, 91);
	journal_request_commit(j);
	on_write = stop_at_commit_block;
	stand_still = true;
	start_commit();
	ck_assert(!stand_still);
	ck_assert_ptr_nonnull(j->committing);
	at = trace_len;
	ck_assert_int_eq(disk_write(&bdev, DATA_AT, data, false), 0);	/* the file's data, which changes no metadata */
	unit_on_schedule = go_on;
	ck_assert_int_eq(journal_commit(j, &bdev, tid), 0);
	ck_assert(flushed_since(at));
	on_write = NULL;
	unit_on_schedule = on_schedule;
	unmount_journal(j);
}
