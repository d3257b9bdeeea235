/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints its effective user and group id. */
#include <stdio.h>
#include <unistd.h>

int
main(void)
{
	printf("%u %u\n", geteuid(), getegid());
	return 0;
}
