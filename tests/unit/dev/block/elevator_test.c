/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The elevator: merging, order, reads before writes, and that nothing waits for ever.
 * sources: dev/block/elevator.c
 */
#include "tests/unit/test.h"
#include "dev/block/internal.h"

static struct elevator e;
static struct bio bios[4096];
static struct merge_limits lim = { .max_sectors = 256, .max_segments = 16 };

void
unit_setup(void)
{
	elevator_init(&e);
}

static bool
add(u32 i, u8 op, u64 sector, u32 sectors, nsec_t due)
{
	struct bio *b = &bios[i];

	memset(b, 0, sizeof(*b));
	b->op = op;
	b->len = sectors * SECTOR_SIZE;
	b->q.sector = sector;
	b->q.segments = 1;
	b->q.due = due;
	return elevator_add(&e, b, &lim);
}

/* The bios of the group that comes next, as text of their numbers. */
static const char *
take(nsec_t now)
{
	static char text[256];
	struct bio *head = elevator_take(&e, now), *b;
	int n;

	if (head == NULL)
		return "none";
	n = snprintf(text, sizeof(text), "%ld", head - bios);
	list_for_each(b, &head->q.group, node)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %ld", b - bios);
	return text;
}

TEST(empty)
{
	ck_assert_str_eq(take(0), "none");
}

TEST(a_neighbour_behind_joins)
{
	ck_assert(!add(0, BIO_READ, 100, 8, 10));
	ck_assert(add(1, BIO_READ, 108, 8, 20));
	ck_assert_uint_eq(bios[0].q.group_sectors, 16);
	ck_assert_str_eq(take(0), "0 1");
	ck_assert_str_eq(take(0), "none");
}

TEST(a_neighbour_in_front_leads)
{
	ck_assert(!add(0, BIO_WRITE, 100, 8, 10));
	ck_assert(add(1, BIO_WRITE, 108, 8, 10));
	ck_assert(add(2, BIO_WRITE, 92, 8, 5));
	ck_assert_uint_eq(bios[2].q.group_sectors, 24);
	ck_assert_str_eq(take(0), "2 0 1");
}

TEST(reads_and_writes_stay_apart)
{
	ck_assert(!add(0, BIO_READ, 100, 8, 10));
	ck_assert(!add(1, BIO_WRITE, 108, 8, 10));
	ck_assert_str_eq(take(0), "0");
	ck_assert_str_eq(take(0), "1");
}

TEST(discards_and_fua_are_not_mixed_with_writes)
{
	ck_assert(!add(0, BIO_WRITE, 100, 8, 10));
	ck_assert(!add(1, BIO_DISCARD, 108, 8, 10));
	ck_assert(!add(2, BIO_DISCARD, 116, 8, 10));
	bios[3].flags = 0;
	ck_assert(!add(3, BIO_WRITE, 200, 8, 10));
	bios[3].flags = BIO_FUA;
	ck_assert(!add(4, BIO_WRITE, 208, 8, 10));
}

TEST(limits_are_kept)
{
	lim.max_sectors = 20;
	ck_assert(!add(0, BIO_READ, 0, 8, 10));
	ck_assert(add(1, BIO_READ, 8, 8, 10));
	ck_assert(!add(2, BIO_READ, 16, 8, 10));
	lim.max_sectors = 1000;
	lim.max_segments = 2;
	ck_assert(!add(3, BIO_READ, 100, 8, 10));
	ck_assert(add(4, BIO_READ, 108, 8, 10));
	ck_assert(!add(5, BIO_READ, 116, 8, 10));
}

TEST(upward_from_where_the_last_one_ended)
{
	add(0, BIO_READ, 500, 8, 100);
	add(1, BIO_READ, 100, 8, 100);
	add(2, BIO_READ, 900, 8, 100);
	ck_assert_str_eq(take(0), "1");
	ck_assert_str_eq(take(0), "0");
	add(3, BIO_READ, 200, 8, 100);
	ck_assert_str_eq(take(0), "2");
	ck_assert_str_eq(take(0), "3");
}

TEST(an_overdue_one_begins_the_next_run)
{
	for (u32 i = 0; i < 40; i++)
		add(i, BIO_READ, 1000 + 16 * i, 8, 1000);
	add(40, BIO_READ, 5, 8, 1000);
	ck_assert_str_eq(take(0), "40");
	add(41, BIO_READ, 2, 1, 1000);
	for (u32 i = 0; i < 15; i++)
		take(0);
	ck_assert_str_eq(take(2000), "15");	/* the oldest that waits */
}

TEST(writes_come_though_reads_never_end)
{
	u32 n = 1, writes = 0;

	add(0, BIO_WRITE, 1 << 20, 8, 1000);
	for (u32 i = 0; i < 100; i++) {
		add(n, BIO_READ, 16UL * n, 8, 1000);
		n++;
		add(n, BIO_READ, 16UL * n, 8, 1000);
		n++;
		writes += strcmp(take(0), "0") == 0;
	}
	ck_assert_uint_eq(writes, 1);
}

TEST(without_a_scheduler_the_oldest_comes_first)
{
	e.fifo_only = true;
	for (u32 i = 0; i < 20; i++) {
		add(i, i % 3 == 0 ? BIO_READ : BIO_WRITE, 1000 - 16 * i, 8, 1000);
		bios[i].q.start = i;
	}
	ck_assert(add(20, BIO_WRITE, 1000 - 16 * 5 + 8, 8, 1000));	/* it merges all the same */
	for (u32 i = 0; i < 20; i++) {
		char want[16];

		snprintf(want, sizeof(want), i == 5 ? "%u 20" : "%u", i);
		ck_assert_str_eq(take(0), want);
	}
	ck_assert_str_eq(take(0), "none");
}

TEST(every_bio_comes_once)
{
	static u8 seen[4096];
	u32 n = 0, got = 0;
	struct bio *head, *b;

	for (u32 round = 0; round < 20000; round++) {
		if (n < 4000 && unit_rand_below(2) == 0) {
			add(n++, unit_rand_below(3) == 0 ? BIO_WRITE : BIO_READ, unit_rand_below(2000) * 8, 8, (nsec_t)round + 50);
			continue;
		}
		head = elevator_take(&e, (nsec_t)round);
		if (head == NULL)
			continue;
		u64 next = head->q.sector;
		u32 sectors = 0;

		for (b = head; ; b = list_first(&head->q.group, struct bio, node)) {
			if (b != head)
				list_del(&b->node);
			ck_assert_uint_eq(b->q.sector, next);
			next += 8;
			sectors += 8;
			ck_assert_uint_eq(seen[b - bios]++, 0);
			got++;
			if (list_empty(&head->q.group))
				break;
		}
		ck_assert_uint_eq(sectors, head->q.group_sectors);
	}
	while ((head = elevator_take(&e, INT64_MAX)) != NULL) {
		got++;
		list_for_each(b, &head->q.group, node)
			got++;
	}
	ck_assert_uint_eq(got, n);
}
