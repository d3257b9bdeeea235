/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journal on a disk in memory that records its writes, so that the power can be cut between any two of them.
 *
 * What a cut leaves: all writes before the last flush, forced writes (FUA), and any of the others. After recovery the disk must show the
 * state after some operation, none of those missing that were committed before the cut.
 *
 * sources: fs/jbd2/super.c fs/jbd2/handle.c fs/jbd2/commit.c fs/jbd2/checkpoint.c fs/jbd2/recover.c fs/jbd2/revoke.c fs/jbd2/ordered.c
 * sources: fs/jbd2/log.c fs/jbd2/csum.c sys/lib/crc32.c sys/lib/rbtree.c
 */
#include "tests/unit/test.h"

#include "tests/unit/fs/jbd2/machine.h"

/* --- operations and their model --- */

#define OPS_MAX	2000
#define STATE_BLOCKS	128U	/* blocks that operations change */

static u32 model[OPS_MAX + 1][STATE_BLOCKS];	/* stamp of each block after n operations */
static u32 ops;
static struct { u32 trace, ops; } synced[OPS_MAX];
static u32 nsynced;

static u32 seed = 1;
static u32 rnd(u32 n) { seed = seed * 1103515245 + 12345; return (seed >> 8) % n; }

static void
operation(struct journal *j)
{
	u32 n = 1 + rnd(6), i;
	struct handle *h;

	ck_assert_int_eq(journal_start(j, n, &h), 0);
	memcpy(model[ops + 1], model[ops], sizeof(model[0]));
	ops++;
	for (i = 0; i < n; i++) {
		u32 block = rnd(STATE_BLOCKS);

		stamp(h, block, ops * 8 + i + 1);
		model[ops][block] = ops * 8 + i + 1;
	}
	ck_assert_int_eq(journal_stop(h, false), 0);
}

static void
sync_journal(struct journal *j)
{
	u32 before = ops;

	ck_assert_int_eq(journal_commit_all(j), 0);
	synced[nsynced].trace = trace_len;
	synced[nsynced++].ops = before;
}

/* --- cuts --- */

static void
cut_at(u32 at, u32 luck)
{
	u32 stable = 0, i;

	format();
	for (i = 0; i < at; i++)
		if (trace[i].flush)
			stable = i;
	for (i = 0; i < at; i++) {
		if (!trace[i].flush && (i < stable || trace[i].fua || rnd(100) < luck))
			memcpy(disk + (size_t)trace[i].block * BS, trace[i].data, BS);
	}
}

static bool
disk_is(u32 n)
{
	u32 block;

	for (block = 0; block < STATE_BLOCKS; block++) {
		if (stamp_of(disk + (size_t)block * BS) != model[n][block])
			return false;
	}
	return true;
}

static void
check_cut(u32 at, u32 luck)
{
	u32 least = 0, i, n, saved = trace_len;
	struct journal *j;

	for (i = 0; i < nsynced; i++)
		if (synced[i].trace <= at)
			least = synced[i].ops;
	cut_at(at, luck);
	ck_assert_int_eq(journal_open(&place, &j), 0);
	ck_assert_int_eq(journal_recover(j), 0);
	ck_assert_int_eq(journal_close(j), 0);
	cache_drop();
	while (trace_len > saved)
		free(trace[--trace_len].data);
	for (n = least; n <= ops && !disk_is(n); n++)
		;
	ck_assert_msg(n <= ops, "cut at %u of %u: no state after operation %u", at, trace_len, least);
}

/* An operation of another thread in the middle of a commit: it changes blocks that are being logged. */
static void
intrude(void)
{
	static bool inside;

	if (inside || the_journal == NULL || the_journal->committing == NULL || journal_current() != NULL || rnd(3) != 0 || ops >= OPS_MAX)
		return;
	if (the_journal->running == NULL && checkpoint_room_locked(the_journal) < the_journal->room)
		return;		/* it would wait for the commit that it stands in */
	inside = true;
	operation(the_journal);
	inside = false;
}

static void
run_load(u32 count, u32 sync_every, u32 writeback)
{
	struct journal *j;
	u32 i;

	format();
	j = mount_journal();
	for (i = 0; i < count; i++) {
		operation(j);
		if (rnd(sync_every) == 0)
			sync_journal(j);
		if (rnd(100) < writeback) {
			struct buf *b = cache[rnd(STATE_BLOCKS)];

			if (b != NULL)
				buf_write_start(b, 0);
		}
	}
	sync_journal(j);
	unmount_journal(j);
	ck_assert(disk_is(ops));
}

TEST(every_cut_leaves_a_state_between_operations)
{
	u32 at;

	run_load(120, 8, 30);
	for (at = 0; at <= trace_len; at++) {
		check_cut(at, 100);
		check_cut(at, 0);
		check_cut(at, 50);
	}
}

TEST(the_log_goes_round_many_times)
{
	u32 at;

	run_load(1500, 3, 5);
	for (at = 0; at <= trace_len; at += 1 + rnd(200))
		check_cut(at, rnd(101));
}

TEST(blocks_may_change_while_they_are_logged)
{
	u32 at;

	on_write = intrude;
	run_load(150, 3, 0);
	on_write = NULL;
	ck_assert_uint_gt(ops, 250);
	for (at = 0; at <= trace_len; at += 1 + rnd(8))
		check_cut(at, rnd(101));
}

TEST(a_busy_transaction_commits_by_itself_when_full)
{
	run_load(1900, 100000, 0);
}

TEST(a_freed_block_is_not_replayed_over_its_next_use)
{
	static const u32 block = 200;
	struct journal *j;
	struct handle *h;
	struct buf *b;
	u32 at, mark, saved;

	format();
	j = mount_journal();
	ck_assert_int_eq(journal_start(j, 4, &h), 0);
	stamp(h, block, 8 * 7 + 1);
	stamp(h, 3, 8 * 7 + 2);
	ck_assert_int_eq(journal_stop(h, true), 0);
	ck_assert_int_eq(journal_start(j, 4, &h), 0);
	ck_assert_int_eq(buf_get(&bdev, block, &b), 0);
	journal_forget(h, b);
	buf_put(b);
	stamp(h, 3, 8 * 9 + 2);
	ck_assert_int_eq(journal_stop(h, true), 0);
	u8 data[BS];
	memset(data, 0x5a, BS);
	ck_assert_int_eq(disk_write(&bdev, block, data, false), 0);	/* file data now */
	mark = trace_len;
	ck_assert_int_eq(journal_start(j, 4, &h), 0);
	stamp(h, 4, 8 * 11 + 3);
	ck_assert_int_eq(journal_stop(h, true), 0);
	saved = trace_len;
	unmount_journal(j);
	for (at = mark; at <= saved; at++) {
		u32 keep = trace_len;

		cut_at(at, 100);
		ck_assert_int_eq(journal_open(&place, &j), 0);
		ck_assert_int_eq(journal_recover(j), 0);
		ck_assert_int_eq(journal_close(j), 0);
		cache_drop();
		while (trace_len > keep)
			free(trace[--trace_len].data);
		ck_assert_mem_eq(disk + (size_t)block * BS, data, BS);
	}
}

TEST(a_write_error_aborts_and_reaches_every_caller)
{
	struct journal *j;
	struct handle *h;
	u32 nth;

	for (nth = 0; nth < 12; nth++) {
		fail_after = ~0U;
		ops = 0;
		format();
		j = mount_journal();
		fail_after = nth;
		operation(j);
		operation(j);
		int err = journal_commit_all(j);
		if (err == 0)
			err = journal_flush(j);
		fail_after = ~0U;
		if (err != 0) {
			ck_assert_int_ne(journal_error(j), 0);
			ck_assert_int_eq(journal_start(j, 1, &h), -EROFS);
		}
		(void)journal_close(j);
		cache_drop();
	}
}

TEST(no_memory_is_an_error_that_leaves_nothing_behind)
{
	struct journal *j;
	u32 nth;

	for (nth = 1; nth < 12; nth++) {
		format();
		unit_kmem_fail_in(nth);
		if (journal_open(&place, &j) == 0) {
			unit_kmem_fail_in(0);
			(void)journal_close(j);
		}
		unit_kmem_fail_in(0);
		cache_drop();
	}
}

/* Random bytes in the log: an error or a recovery, and never a write beyond the disk (disk_write and buf_get check). */
TEST(hostile_logs_are_survived)
{
	u32 round, i;

	run_load(60, 4, 10);
	for (round = 0; round < 600; round++) {
		u32 saved = trace_len;
		struct journal *j;

		cut_at(rnd(saved), 100);
		for (i = 0; i < 1 + rnd(20); i++)
			disk[LOG_AT * BS + rnd(round % 3 == 0 ? 1024 : 200 * BS)] = (u8)rnd(256);
		if (journal_open(&place, &j) == 0) {
			(void)!journal_recover(j);
			(void)journal_close(j);
		}
		cache_drop();
		while (trace_len > saved)
			free(trace[--trace_len].data);
	}
}
