/* SPDX-License-Identifier: BSD-2-Clause */
/* vhangup(2). */
#include "proc/proc.h"

#include "dev/tty/tty.h"
#include "sys/job_control.h"
#include "syscall_protos.h"

long
sys_vhangup(void)
{
	struct tty *tty;

	if (!capable(CAP_SYS_TTY_CONFIG))
		return -EPERM;
	tty = job_tty_get();
	if (tty != NULL) {
		tty_hangup(tty);
		tty_put(tty);
	}
	return 0;
}
