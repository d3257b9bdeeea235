/* SPDX-License-Identifier: BSD-2-Clause */
/* libFuzzer's side: the target is the one that FUZZ_TARGET in the environment names. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/image.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *in, size_t size);
size_t LLVMFuzzerCustomMutator(unsigned char *in, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(unsigned char *in, size_t size, size_t max);
unsigned long unit_rand(void);

static const struct target *target;

/* What tests/unit/main.c gives to the unit tests. */
unsigned long
unit_rand(void)
{
	static unsigned long state = 0x9e3779b97f4a7c15;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("FUZZ_TARGET");

	(void)argc, (void)argv;
	target = name != NULL ? target_find(name) : NULL;
	if (target == NULL) {
		fprintf(stderr, "FUZZ_TARGET names no target\n");
		exit(2);
	}
	target_boot();
	return 0;
}

int
LLVMFuzzerTestOneInput(const unsigned char *in, size_t size)
{
	target->run(target, in, size);
	return 0;
}

size_t
LLVMFuzzerCustomMutator(unsigned char *in, size_t size, size_t max, unsigned seed)
{
	return target->image ? image_mutate(in, size, max, seed) : LLVMFuzzerMutate(in, size, max);
}
