/* SPDX-License-Identifier: BSD-2-Clause */
/* A parent in vfork(2) whose child takes its time: a thread that SysRq w must show as blocked. */
#include <unistd.h>

int
main(void)
{
	if (vfork() == 0) {
		sleep(1000);
		_exit(0);
	}
	return 0;
}
