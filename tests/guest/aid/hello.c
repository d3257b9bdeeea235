/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints its arguments, one on a line, and exits with their number: something to exec. */
#include <stdio.h>

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		puts(argv[i]);
	return argc - 1;
}
