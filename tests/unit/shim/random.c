/* SPDX-License-Identifier: BSD-2-Clause */
/* sys/random.h: repeatable. */
#include "sys/random.h"
#include "tests/unit/test.h"

void
random_bytes(void *buf, size_t n)
{
	u8 *p = buf;

	while (n--)
		*p++ = unit_rand();
}

u64
random_u64(void)
{
	return unit_rand();
}
