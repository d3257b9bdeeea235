/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Byte-range locks against a model that keeps one lock per owner and byte.
 * sources: fs/reclock.c
 */
#include "tests/unit/test.h"

#include "fs/reclock.h"

#define BYTES	24
#define OWNERS	3

static struct list set = LIST_INIT(set);
static u8 model[OWNERS][BYTES];			/* enum reclock_type */
static int owner_tag[OWNERS];

static struct reclock *
new_lock(void)
{
	return calloc(1, sizeof(struct reclock));
}

static void
drop(struct list *unused)
{
	struct reclock *l;

	while ((l = list_first(unused, struct reclock, node)) != NULL) {
		list_del(&l->node);
		free(l);
	}
}

static bool
apply(unsigned owner, unsigned start, unsigned last, u8 type)
{
	struct reclock want = { .start = start, .last = last, .owner = &owner_tag[owner], .type = type, .pid = (pid_t)owner };
	struct reclock *two[2] = { new_lock(), new_lock() };
	struct list unused = LIST_INIT(unused);
	bool weaker = reclock_apply(&set, &want, two, &unused);

	drop(&unused);
	return weaker;
}

void
unit_setup(void)
{
	memset(model, RECLOCK_NONE, sizeof(model));
}

void
unit_teardown(void)
{
	drop(&set);
}

static void
check_against_model(void)
{
	u8 seen[OWNERS][BYTES];
	struct reclock *a, *b;

	memset(seen, RECLOCK_NONE, sizeof(seen));
	list_for_each(a, &set, node) {
		unsigned o = (unsigned)((const int *)a->owner - owner_tag);

		ck_assert_uint_le(a->start, a->last);
		ck_assert_uint_lt(a->last, BYTES);
		ck_assert_int_eq(a->pid, (pid_t)o);
		for (u64 i = a->start; i <= a->last; i++) {
			ck_assert_uint_eq(seen[o][i], RECLOCK_NONE);	/* no overlap */
			seen[o][i] = a->type;
		}
		list_for_each(b, &set, node)			/* and nothing that should be one */
			ck_assert(a == b || a->owner != b->owner || a->type != b->type || a->last + 1 != b->start);
	}
	ck_assert_mem_eq(seen, model, sizeof(seen));
}

TEST(random_requests_match_the_model)
{
	for (int n = 0; n < 20000; n++) {
		unsigned o = (unsigned)unit_rand_below(OWNERS), start = (unsigned)unit_rand_below(BYTES);
		unsigned last = start + (unsigned)unit_rand_below(BYTES - start);
		u8 type = (u8)unit_rand_below(3);
		bool expect = false;

		for (unsigned i = start; i <= last; i++) {
			u8 old = model[o][i];

			expect |= (old != RECLOCK_NONE && type == RECLOCK_NONE) || (old == RECLOCK_WRITE && type == RECLOCK_READ);
			model[o][i] = type;
		}
		ck_assert_int_eq(apply(o, start, last, type), expect);
		check_against_model();
	}
}

TEST(conflicts_match_the_model)
{
	for (int n = 0; n < 5000; n++) {
		unsigned o = (unsigned)unit_rand_below(OWNERS), start = (unsigned)unit_rand_below(BYTES);
		unsigned last = start + (unsigned)unit_rand_below(BYTES - start);
		struct reclock want = { .start = start, .last = last, .owner = &owner_tag[o], .type = (u8)unit_rand_below(2) };
		struct reclock *l = reclock_conflict(&set, &want);
		unsigned first = BYTES;

		for (unsigned i = start; i <= last && first == BYTES; i++)
			for (unsigned p = 0; p < OWNERS; p++)
				if (p != o && model[p][i] != RECLOCK_NONE && (model[p][i] == RECLOCK_WRITE || want.type == RECLOCK_WRITE))
					first = i;
		ck_assert_int_eq(l != NULL, first != BYTES);
		if (l != NULL)
			ck_assert(l->start <= first && l->last >= first);
		else if (want.type == RECLOCK_READ || n % 2 == 0) {
			apply(o, start, last, want.type);
			memset(&model[o][start], want.type, last - start + 1);
		}
		if (n % 7 == 0) {
			apply(o, 0, BYTES - 1, RECLOCK_NONE);
			memset(model[o], RECLOCK_NONE, BYTES);
		}
	}
}

TEST(the_end_of_the_file_does_not_overflow)
{
	struct reclock *two[2] = { new_lock(), new_lock() }, *l;
	struct reclock all = { .start = 0, .last = INT64_MAX, .owner = &owner_tag[0], .type = RECLOCK_WRITE };
	struct list unused = LIST_INIT(unused);

	reclock_apply(&set, &all, two, &unused);
	apply(0, 10, 19, RECLOCK_NONE);
	l = reclock_conflict(&set, &(struct reclock){ .start = 20, .last = 20, .owner = &owner_tag[1], .type = RECLOCK_READ });
	ck_assert(l != NULL && l->start == 20 && l->last == INT64_MAX);
	ck_assert(reclock_conflict(&set, &(struct reclock){ .start = 10, .last = 19, .owner = &owner_tag[1] }) == NULL);
	drop(&unused);
}
