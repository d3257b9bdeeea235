/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bios on their way to the device: neighbours are merged into groups, groups are taken in order of sectors, reads before writes, and
 * nothing waits for ever.
 *
 * The head bio of a group is in a tree by sector and in a list by age. Groups are taken in runs of one direction, upward from where the last
 * run ended; a run begins at the oldest group where that is overdue. After READS_BEFORE_WRITES runs of reads a run of writes comes,
 * if any wait: so a group waits for its time, and then for at most a few runs for each that is older. With fifo_only (the scheduler
 * "none") the oldest group of all is next.
 */
#include "dev/block/internal.h"

#define RUN_LENGTH		16
#define READS_BEFORE_WRITES	2

void
elevator_init(struct elevator *e)
{
	*e = (struct elevator){ 0 };
	for (int i = 0; i < 2; i++)
		list_init(&e->fifo[i]);
}

static struct bio *
bio_of(struct rbnode *n)
{
	return rb_entry_or_null(n, struct bio, q.sorted);
}

static u64
group_end(const struct bio *head)
{
	return head->q.sector + head->q.group_sectors;
}

/* May the two be one request? Their places are checked already. */
static bool
compatible(const struct bio *head, const struct bio *bio, const struct merge_limits *lim)
{
	return head->op == bio->op && (bio->op == BIO_READ || bio->op == BIO_WRITE) && (head->flags & BIO_FUA) == (bio->flags & BIO_FUA) &&
		head->q.group_sectors + bio->q.group_sectors <= lim->max_sectors &&
		(u32)head->q.group_segments + bio->q.group_segments <= lim->max_segments;
}

static void
take_over_sums(struct bio *head, const struct bio *other)
{
	head->q.group_sectors += other->q.group_sectors;
	head->q.group_segments = (u16)(head->q.group_segments + other->q.group_segments);
}

/* bio goes before the group of `old`, and takes its place as head. */
static void
merge_front(struct elevator *e, u8 dir, struct bio *old, struct bio *bio)
{
	rb_replace(&e->sorted[dir], &old->q.sorted, &bio->q.sorted);
	list_replace(&old->q.fifo, &bio->q.fifo);
	bio->q.due = MIN(bio->q.due, old->q.due);
	take_over_sums(bio, old);
	list_add_tail(&bio->q.group, &old->node);
	list_splice_tail(&old->q.group, &bio->q.group);
}

static void
merge_back(struct bio *head, struct bio *bio)
{
	head->q.due = MIN(head->q.due, bio->q.due);
	take_over_sums(head, bio);
	list_add_tail(&head->q.group, &bio->node);
}

bool
elevator_add(struct elevator *e, struct bio *bio, const struct merge_limits *lim)
{
	u8 dir = bio_dir(bio);
	struct rbnode **link = &e->sorted[dir].root, *parent = NULL;
	struct bio *before = NULL, *after = NULL;	/* neighbours in order */

	list_init(&bio->q.group);
	bio->q.group_sectors = bio->len >> SECTOR_SHIFT;
	bio->q.group_segments = bio->q.segments;
	while (*link != NULL) {
		parent = *link;
		if (bio->q.sector < bio_of(parent)->q.sector) {
			after = bio_of(parent);
			link = &parent->left;
		} else {
			before = bio_of(parent);
			link = &parent->right;
		}
	}
	if (before != NULL && group_end(before) == bio->q.sector && compatible(before, bio, lim)) {
		merge_back(before, bio);
		return true;
	}
	if (after != NULL && group_end(bio) == after->q.sector && compatible(after, bio, lim)) {
		merge_front(e, dir, after, bio);
		return true;
	}
	rb_insert(&e->sorted[dir], &bio->q.sorted, parent, link);
	list_add_tail(&e->fifo[dir], &bio->q.fifo);
	e->count[dir]++;
	return false;
}

/* The first group at or above the sector, else the lowest of all. */
static struct bio *
from_sector(struct elevator *e, u8 dir, u64 sector)
{
	struct rbnode *n = e->sorted[dir].root, *best = NULL;

	while (n != NULL) {
		if (bio_of(n)->q.sector >= sector) {
			best = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return bio_of(best != NULL ? best : rb_first(&e->sorted[dir]));
}

/* Who begins the next run? */
static u8
choose_direction(struct elevator *e)
{
	if (e->count[DIR_READ] > 0 && (e->count[DIR_WRITE] == 0 || e->passed_over < READS_BEFORE_WRITES)) {
		e->passed_over = e->count[DIR_WRITE] > 0 ? e->passed_over + 1 : 0;
		return DIR_READ;
	}
	e->passed_over = 0;
	return DIR_WRITE;
}

/* Of the two oldest. */
static u8
older_direction(struct elevator *e)
{
	const struct bio *r = list_first(&e->fifo[DIR_READ], struct bio, q.fifo), *w = list_first(&e->fifo[DIR_WRITE], struct bio, q.fifo);

	return w == NULL || (r != NULL && r->q.start <= w->q.start) ? DIR_READ : DIR_WRITE;
}

struct bio *
elevator_take(struct elevator *e, nsec_t now)
{
	struct bio *head;

	if (e->count[DIR_READ] + e->count[DIR_WRITE] == 0)
		return NULL;
	if (atomic_load_relaxed(&e->fifo_only)) {
		e->dir = older_direction(e);
		e->run_left = 1;
		head = list_first(&e->fifo[e->dir], struct bio, q.fifo);
	} else if (e->run_left > 0 && e->count[e->dir] > 0) {
		head = from_sector(e, e->dir, e->next_sector[e->dir]);
	} else {
		e->dir = choose_direction(e);
		e->run_left = RUN_LENGTH;
		head = list_first(&e->fifo[e->dir], struct bio, q.fifo);
		if (head->q.due > now)
			head = from_sector(e, e->dir, e->next_sector[e->dir]);
	}
	e->run_left--;
	e->next_sector[e->dir] = group_end(head);
	rb_erase(&e->sorted[e->dir], &head->q.sorted);
	list_del(&head->q.fifo);
	e->count[e->dir]--;
	return head;
}
