/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of IPC objects: ids, keys, limits, running out of memory.
 * sources: proc/ipc/table.c
 */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "proc/ipc/ipc.h"
#include "sys/abi/errno.h"

static int nodes, allowed = INT32_MAX;

static void *
node_alloc(void)
{
	if (nodes >= allowed)
		return NULL;
	nodes++;
	return malloc(sizeof(struct xa_node));
}

static void
node_free(void *node)
{
	nodes--;
	free(node);
}

static const struct xa_ops ops = { .alloc = node_alloc, .free = node_free };
static struct ipc_table table;
static struct ipc_object objects[40000];

TEST(ids_and_keys)
{
	ipc_table_init(&table, &ops);
	for (int i = 0; i < 100; i++) {
		objects[i].key = i % 2 == 0 ? IPC_PRIVATE : 1000 - i;
		ck_assert_int_eq(ipc_table_add(&table, &objects[i], 100), 0);
		ck_assert_ptr_eq(ipc_table_at(&table, ipc_index(objects[i].id)), &objects[i]);
	}
	ck_assert_int_eq(table.used, 100);
	ck_assert_int_eq(ipc_table_add(&table, &objects[100], 100), -ENOSPC);
	for (int i = 1; i < 100; i += 2)
		ck_assert_ptr_eq(ipc_table_find_key(&table, 1000 - i), &objects[i]);
	ck_assert_ptr_eq(ipc_table_find_key(&table, 1000), NULL);
	ipc_table_forget_key(&table, &objects[7]);
	ck_assert_ptr_eq(ipc_table_find_key(&table, 993), NULL);
	ck_assert_ptr_eq(ipc_table_at(&table, ipc_index(objects[7].id)), &objects[7]);
	for (int i = 99; i >= 0; i--) {
		ck_assert_int_eq(table.top, (int)ipc_index(objects[i].id));
		ipc_table_remove(&table, &objects[i]);
	}
	ck_assert_int_eq(table.used, 0);
	ck_assert_int_eq(table.top, -1);
	ck_assert_int_eq(nodes, 0);
}

TEST(ids_are_not_given_again_soon)
{
	ipc_table_init(&table, &ops);
	objects[0].key = IPC_PRIVATE;
	for (int i = 0; i < 200000; i++) {
		s32 last = objects[0].id;

		ck_assert_int_eq(ipc_table_add(&table, &objects[0], 10), 0);
		ck_assert_int_ge(objects[0].id, 0);
		ck_assert(i == 0 || objects[0].id != last);
		ck_assert_uint_lt(ipc_index(objects[0].id), 64);
		ipc_table_remove(&table, &objects[0]);
	}
	ck_assert_int_eq(table.seq, 200000 / 64 - 1 + (200000 % 64 != 0));
}

TEST(all_indexes_are_used)
{
	static u8 seen[IPC_INDEXES];

	ipc_table_init(&table, &ops);
	for (u32 i = 0; i < IPC_INDEXES; i++) {
		objects[i].key = (s32)(i * 2654435761u);
		ck_assert_int_eq(ipc_table_add(&table, &objects[i], UINT32_MAX), 0);
		ck_assert_int_eq(seen[ipc_index(objects[i].id)]++, 0);
	}
	ck_assert_int_eq(ipc_table_add(&table, &objects[IPC_INDEXES], UINT32_MAX), -ENOSPC);
	ipc_table_remove(&table, &objects[77]);
	objects[77].key = 5;
	ck_assert_int_eq(ipc_table_add(&table, &objects[77], UINT32_MAX), 0);
	ck_assert_ptr_eq(ipc_table_find_key(&table, 5), &objects[77]);
	for (u32 i = 0; i < IPC_INDEXES; i++)
		ipc_table_remove(&table, &objects[i]);
	ck_assert_int_eq(nodes, 0);
}

TEST(no_memory_changes_nothing)
{
	int n = 0;

	ipc_table_init(&table, &ops);
	allowed = 2;
	for (int i = 0; i < 200; i++)
		objects[i].key = IPC_PRIVATE;
	while (ipc_table_add(&table, &objects[n], 1000) == 0)
		n++;
	ck_assert_int_eq(table.used, n);
	ck_assert_int_eq(ipc_table_add(&table, &objects[n], 1000), -ENOMEM);
	allowed = INT32_MAX;
	ck_assert_int_eq(ipc_table_add(&table, &objects[n], 1000), 0);
	for (; n >= 0; n--)
		ipc_table_remove(&table, &objects[n]);
	ck_assert_int_eq(nodes, 0);
}
