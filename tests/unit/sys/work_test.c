/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deferred work: order, no piece twice at a time, workers that die in a piece.
 * sources: sys/work.c
 */
#include <setjmp.h>
#include <stdarg.h>

#include "tests/unit/test.h"
#include "arch/smp.h"
#include "sys/thread.h"
#include "sys/work.h"
#include "tests/unit/shim/shim.h"

/* Workers are started, but run only when a test calls one. */
static struct { void (*fn)(void *); void *arg; char name[16]; } started[64];
static int nr_started;
static jmp_buf death;
static char ran[32];

int
thread_spawn(void (*fn)(void *), void *arg, const char *fmt, ...)
{
	va_list ap;

	started[nr_started].fn = fn;
	started[nr_started].arg = arg;
	va_start(ap, fmt);
	vsnprintf(started[nr_started].name, sizeof(started[nr_started].name), fmt, ap);
	va_end(ap);
	nr_started++;
	return 0;
}

static void note(char c) { ran[strlen(ran)] = c; }
static struct work a, b, fatal;
static void do_a(struct work *w) { note('a'); }
static void do_b(struct work *w) { note('b'); work_queue(w == &b ? &a : &b); }
static void do_fatal(struct work *w) { note('!'); longjmp(death, 1); }

/* Let worker i run until a piece kills it, as an oops would. */
static void
run_until_death(int i)
{
	if (setjmp(death) == 0)
		started[i].fn(started[i].arg);
	work_thread_dies(thread_current());
}

void
unit_setup(void)
{
	memset(ran, 0, sizeof(ran));
	nr_started = 0;
	work_init_workers();
	work_init(&a, do_a);
	work_init(&b, do_b);
	work_init(&fatal, do_fatal);
}

TEST(pieces_run_in_order)
{
	ck_assert(nr_started >= 4);
	ck_assert(work_queue(&b));
	ck_assert(!work_queue(&b));
	ck_assert(work_queue(&fatal));
	run_until_death(0);
	ck_assert_str_eq(ran, "b!");
	work_flush(&fatal);		/* it does not count as running any more */
}

TEST(who_dies_is_replaced)
{
	int before = nr_started;

	work_queue(&fatal);
	run_until_death(0);
	ck_assert_int_eq(nr_started, before);		/* by another worker, not by the dying one */
	work_queue(&a);
	work_queue(&fatal);
	run_until_death(1);
	ck_assert_str_eq(ran, "!a!");
	ck_assert_int_eq(nr_started, before + 1);
	ck_assert_str_eq(started[before].name, "kworker/0");
	work_queue(&fatal);
	run_until_death(before);		/* which replaces the second */
	ck_assert_int_eq(nr_started, before + 2);
	ck_assert_str_eq(started[before + 1].name, "kworker/1");
}
