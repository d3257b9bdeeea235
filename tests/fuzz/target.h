/* SPDX-License-Identifier: BSD-2-Clause */
/* What a fuzzer calls with its input: image.h's for file systems and partitions, bytes as they are for the others. */
#ifndef TESTS_FUZZ_TARGET_H
#define TESTS_FUZZ_TARGET_H

#include <stdbool.h>
#include <stddef.h>

struct target { const char *name; bool image; void (*run)(const struct target *t, const unsigned char *in, size_t size); const char *type; };

extern const struct target targets[];		/* ends with a NULL name */
const struct target *target_find(const char *name);
void target_boot(void);				/* once in a process */

#endif
