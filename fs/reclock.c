/* SPDX-License-Identifier: BSD-2-Clause */
/* Byte-range locks: see reclock.h. */
#include "fs/reclock.h"

struct reclock *
reclock_conflict(struct list *set, const struct reclock *want)
{
	struct reclock *l, *first = NULL;

	list_for_each(l, set, node) {
		if (l->owner == want->owner || l->start > want->last || l->last < want->start)
			continue;
		if (l->type == RECLOCK_READ && want->type == RECLOCK_READ)
			continue;
		if (first == NULL || l->start < first->start)
			first = l;
	}
	return first;
}

/* Do [a, b] and l touch without a gap, or overlap? */
static bool
touches(const struct reclock *l, u64 a, u64 b)
{
	return (l->start <= b || l->start - 1 == b) && (l->last >= a || l->last + 1 == a);
}

bool
reclock_apply(struct list *set, const struct reclock *want, struct reclock *new[2], struct list *unused)
{
	u64 start = want->start, last = want->last;
	struct reclock *l, *tmp, *right = new[1], *whole = new[0];
	bool weaker = false;

	list_for_each_safe(l, tmp, set, node) {
		if (l->owner != want->owner)
			continue;
		if (l->type == want->type) {
			if (!touches(l, start, last))
				continue;
			start = l->start < start ? l->start : start;	/* becomes part of the new one */
			last = l->last > last ? l->last : last;
			list_del(&l->node);
			list_add(unused, &l->node);
			continue;
		}
		if (l->start > want->last || l->last < want->start)
			continue;
		weaker |= want->type == RECLOCK_NONE || l->type == RECLOCK_WRITE;
		if (l->start < want->start && l->last > want->last) {
			right->start = want->last + 1;
			right->last = l->last;
			right->owner = l->owner;
			right->pid = l->pid;
			right->type = l->type;
			list_add(set, &right->node);
			right = NULL;
			l->last = want->start - 1;
		} else if (l->start < want->start) {
			l->last = want->start - 1;
		} else if (l->last > want->last) {
			l->start = want->last + 1;
		} else {
			list_del(&l->node);
			list_add(unused, &l->node);
		}
	}
	if (want->type != RECLOCK_NONE) {
		whole->start = start;
		whole->last = last;
		whole->owner = want->owner;
		whole->pid = want->pid;
		whole->type = want->type;
		list_add(set, &whole->node);
		whole = NULL;
	}
	if (whole != NULL)
		list_add(unused, &whole->node);
	if (right != NULL)
		list_add(unused, &right->node);
	return weaker;
}
