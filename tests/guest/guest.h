/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every guest test includes: Check, and a few assertions about system calls.
 *
 * A test program is one file, one suite; its main() ends with `return guest_run(suite)`. It is a static musl program
 * that runs as root in a system of its own (tests/guest/init.c), on Linux first and then here.
 */
#ifndef TESTS_GUEST_H
#define TESTS_GUEST_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The call succeeds (is not -1); the value stays usable. */
#define ck_ok(expr)                                                                              \
	({                                                                                       \
		long ck_ok_value = (long)(expr);                                                 \
		ck_assert_msg(ck_ok_value != -1, "%s: %s", #expr, strerror(errno));              \
		ck_ok_value;                                                                     \
	})

/* The call fails (is -1) with exactly this errno. */
#define ck_fails(expr, want)                                                                     \
	do {                                                                                     \
		errno = 0;                                                                       \
		long ck_fails_value = (long)(expr);                                              \
		int ck_fails_errno = errno;                                                      \
		ck_assert_msg(ck_fails_value == -1 && ck_fails_errno == (want),                  \
			      "%s: %ld, %s; expected %s", #expr, ck_fails_value,                 \
			      strerror(ck_fails_errno), #want);                                  \
	} while (0)

/* Run the suite, TAP on standard output; the program's exit status. Takes the suite over. */
static inline int
guest_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

#endif
