/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * semop's algorithm: lists of operations as a whole, waiters in order, chains; and by chance, beside a model.
 * sources: proc/ipc/sem_op.c
 */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "proc/ipc/ipc.h"
#include "sys/abi/errno.h"

#define SEMS	4

static struct sem sems[SEMS];
static struct semset set;
static s16 adjust[SEMS];

void
pid_get(struct pid *p)
{
}

void
pid_put(struct pid *p)
{
}

static void
reset(s32 value)
{
	set = (struct semset){ .nsems = SEMS, .sems = sems };
	semset_init_sems(&set);
	for (int i = 0; i < SEMS; i++) {
		sems[i].value = value;
		adjust[i] = 0;
	}
}

static int
try(const struct abi_sembuf *ops, u32 n)
{
	struct sem_request r = { .ops = ops, .nops = n, .adjust = adjust };
	u32 blocked;

	return semset_try(&set, &r, &blocked);
}

TEST(whole_or_nothing)
{
	struct abi_sembuf a[] = { { 0, 3, SEM_UNDO }, { 1, -2, SEM_UNDO }, { 1, 0, 0 } }, b[] = { { 0, -3, SEM_UNDO }, { 2, -3, 0 } };

	reset(2);
	ck_assert_int_eq(try(a, 3), 0);
	ck_assert(sems[0].value == 5 && sems[1].value == 0 && adjust[0] == -3 && adjust[1] == 2);
	ck_assert_int_eq(try(b, 2), 1);
	ck_assert(sems[0].value == 5 && sems[2].value == 2 && adjust[0] == -3);
	b[1].flags = IPC_NOWAIT;
	ck_assert_int_eq(try(b, 2), -EAGAIN);
	b[1] = (struct abi_sembuf){ 2, SEMVMX, 0 };
	ck_assert_int_eq(try(b, 2), -ERANGE);
	ck_assert(sems[0].value == 5 && sems[2].value == 2 && adjust[0] == -3);
}

TEST(adjustments_have_bounds)
{
	struct abi_sembuf up = { 0, SEMVMX, SEM_UNDO }, one = { 0, 1, SEM_UNDO }, down = { 0, -SEMVMX, 0 };

	reset(0);
	ck_assert_int_eq(try(&up, 1), 0);
	ck_assert_int_eq(try(&down, 1), 0);
	ck_assert_int_eq(try(&one, 1), 0);
	ck_assert_int_eq(try(&one, 1), -ERANGE);
	ck_assert(sems[0].value == 1 && adjust[0] == -SEMVMX - 1);
}

/* Everybody's operation, and what became of it. */
static struct sem_waiter waiters[64];
static struct abi_sembuf lists[64][3];

static void
wait_for(int i, u32 nops)
{
	struct sem_waiter *w = &waiters[i];

	*w = (struct sem_waiter){ .req = { .ops = lists[i], .nops = nops, .adjust = adjust }, .ticket = set.tickets++, .status = IPC_WAITING };
	ck_assert_int_eq(semset_try(&set, &w->req, &w->blocked), 1);
	semset_enqueue(&set, w);
}

static u32
change(u32 num, s32 value)
{
	struct list done = LIST_INIT(done);
	struct sem_waiter *w;
	u32 n = 0;

	semset_assign(&set, num, value, NULL);
	semset_changed(&set, num);
	semset_update(&set, &done);
	list_for_each(w, &done, node)
		n++;
	return n;
}

TEST(in_order_of_arrival)
{
	reset(0);
	for (int i = 0; i < 4; i++) {
		lists[i][0] = (struct abi_sembuf){ 0, i == 1 ? -5 : -1, 0 };
		wait_for(i, 1);
	}
	ck_assert_int_eq(change(0, 2), 2);	/* who wants five does not stop the others */
	ck_assert(waiters[0].status == 0 && waiters[2].status == 0 && waiters[1].status == IPC_WAITING);
	ck_assert_int_eq(change(0, 5), 1);
	ck_assert(waiters[1].status == 0 && waiters[3].status == IPC_WAITING);
	ck_assert_int_eq(change(1, 9), 0);
	ck_assert_int_eq(change(0, 1), 1);
}

TEST(a_waiter_keeps_its_place)
{
	reset(0);
	lists[0][0] = (struct abi_sembuf){ 0, -1, 0 };
	lists[0][1] = (struct abi_sembuf){ 1, -1, 0 };
	wait_for(0, 2);
	lists[1][0] = (struct abi_sembuf){ 1, -1, 0 };
	wait_for(1, 1);
	ck_assert_int_eq(change(0, 1), 0);	/* blocked by the other one now, before who came later */
	ck_assert_int_eq(change(1, 1), 1);
	ck_assert(waiters[0].status == 0 && waiters[1].status == IPC_WAITING);
	ck_assert(sems[0].value == 0 && sems[1].value == 0);
	ck_assert_int_eq(change(1, 1), 1);
}

TEST(chains)
{
	reset(0);
	for (int i = 0; i < 3; i++) {
		lists[i][0] = (struct abi_sembuf){ (u16)i, -1, 0 };
		lists[i][1] = (struct abi_sembuf){ (u16)(i + 1), 1, 0 };
		wait_for(i, 2);
	}
	lists[3][0] = (struct abi_sembuf){ 3, -1, IPC_NOWAIT };
	lists[3][0].flags = 0;
	lists[3][1] = (struct abi_sembuf){ 0, -9, IPC_NOWAIT };
	wait_for(3, 2);
	ck_assert_int_eq(change(0, 1), 4);
	ck_assert_int_eq(waiters[3].status, -EAGAIN);
	ck_assert(sems[0].value == 0 && sems[1].value == 0 && sems[2].value == 0 && sems[3].value == 1);
	lists[0][0] = (struct abi_sembuf){ 3, 0, 0 };
	wait_for(0, 1);
	lists[1][0] = (struct abi_sembuf){ 2, -1, 0 };
	lists[1][1] = (struct abi_sembuf){ 3, -1, 0 };
	wait_for(1, 2);
	ck_assert_int_eq(change(2, 1), 2);
}

/* Whoever waits after an update could indeed not go on, and nothing was made or lost. */
static void
by_chance(unsigned int seed)
{
	int waiting = 0;

	reset(0);
	for (int step = 0; step < 4000; step++) {
		int i = rand_r(&seed) % 64;
		struct sem_waiter *w = &waiters[i];
		u32 blocked, n = 1 + (u32)rand_r(&seed) % 3;

		if (rand_r(&seed) % 3 == 0 || waiting == 60) {
			u32 num = (u32)rand_r(&seed) % SEMS;

			waiting -= (int)change(num, sems[num].value + 1 + rand_r(&seed) % 3);
		} else if (w->status != IPC_WAITING || w->thread == NULL) {
			for (u32 k = 0; k < n; k++)
				lists[i][k] = (struct abi_sembuf){ (u16)(rand_r(&seed) % SEMS), (s16)(rand_r(&seed) % 7 - 4), 0 };
			*w = (struct sem_waiter){ .req = { .ops = lists[i], .nops = n }, .ticket = set.tickets++, .status = IPC_WAITING,
				.thread = (struct thread *)w };
			w->status = semset_try(&set, &w->req, &w->blocked);
			if (w->status == 1) {
				semset_enqueue(&set, w);
				waiting++;
			} else {
				for (u32 k = 0; k < n; k++)
					if (lists[i][k].op != 0)
						waiting -= (int)change(lists[i][k].num, sems[lists[i][k].num].value);
			}
		}
		for (int k = 0; k < 64; k++) {
			if (waiters[k].thread == NULL || waiters[k].status != IPC_WAITING)
				continue;
			ck_assert_int_eq(semset_try(&set, &waiters[k].req, &blocked), 1);
		}
		for (int k = 0; k < SEMS; k++)
			ck_assert_int_ge(sems[k].value, 0);
	}
}

TEST(operations_by_chance)
{
	for (unsigned int seed = 1; seed <= 8; seed++) {
		memset(waiters, 0, sizeof(waiters));
		by_chance(seed);
	}
}
