/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every unit test includes, first. A test file is a head comment with its " * sources:" line and
 *
 *	TEST(erase_of_last_node_empties_the_tree)
 *	{
 *		ck_assert(rb_empty(&tree));
 *	}
 *
 * main() and the registration come from tests/unit/main.c. Each TEST runs in its own process (CK_FORK=no: in one).
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
/* Passing checks cost nothing: without this each one is a message through Check's pipe. */
#define _mark_point(file, line)	((void)0)

#undef errno
#undef stdin
#undef stdout

#include "sys/lib/types.h"

void unit_register(const TTest *test, int expected_signal);

#define TEST_SIGNAL(name, sig) \
	static void name##_body(void); \
	START_TEST(name) { name##_body(); } END_TEST \
	__attribute__((constructor)) static void name##_register(void) { unit_register(name, sig); } \
	static void name##_body(void)

#define TEST(name)		TEST_SIGNAL(name, 0)
/* The body must end in a panic (a shim's, or a failed KASSERT). */
#define TEST_PANICS(name)	TEST_SIGNAL(name, 6)

/* Runs before and after each TEST of the file, in its process. */
void unit_setup(void) __attribute__((weak));
void unit_teardown(void) __attribute__((weak));

/* Repeatable random numbers; UNIT_SEED=n in the environment gives other ones. */
u64 unit_rand(void);
static inline u64 unit_rand_below(u64 n) { return unit_rand() % n; }

#endif
