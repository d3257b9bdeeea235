/* SPDX-License-Identifier: BSD-2-Clause */
/* The main program of every unit test: gathers the tests that registered themselves, runs them, reports. */
#include "tests/unit/test.h"

#define TESTS_MAX	256

static struct { const TTest *test; int sig; } tests[TESTS_MAX];
static unsigned count;

void
unit_register(const TTest *test, int expected_signal)
{
	if (count == TESTS_MAX)
		abort();
	tests[count].test = test;
	tests[count++].sig = expected_signal;
}

u64
unit_rand(void)
{
	static u64 state;

	if (!state) {
		const char *seed = getenv("UNIT_SEED");

		state = seed ? strtoull(seed, NULL, 0) * 2 + 1 : 0x9e3779b97f4a7c15;
	}
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1d;
}

int
main(int argc, char **argv)
{
	Suite *suite = suite_create(argv[0]);
	TCase *plain = tcase_create("tests");
	SRunner *runner;
	int failed, run;

	(void)argc;
	tcase_set_timeout(plain, 60);
	tcase_add_checked_fixture(plain, unit_setup, unit_teardown);
	for (unsigned i = 0; i < count; i++) {
		if (!tests[i].sig)
			tcase_add_test(plain, tests[i].test);
		else
			tcase_add_test_raise_signal(plain, tests[i].test, tests[i].sig);
	}
	suite_add_tcase(suite, plain);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	run = srunner_ntests_run(runner);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	printf("@@ %d %d\n", run - failed, failed);
	return failed != 0;
}
