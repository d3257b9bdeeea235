/* SPDX-License-Identifier: BSD-2-Clause */
/* Pseudo-terminals: what devpts needs to show them. */
#ifndef DEV_TTY_PTY_H
#define DEV_TTY_PTY_H

#include "sys/cred.h"
#include "sys/lib/types.h"

/* Who shows the slaves as nodes "0", "1" ... added: may fail (-ENOMEM, -ENOSPC), then the open of ptmx does. Both may sleep. */
struct pty_view {
	int (*added)(u32 index, dev_t devt, kuid_t uid, kgid_t gid);
	void (*removed)(u32 index);
};
void pty_set_view(const struct pty_view *view);		/* once, at boot */

extern int pty_max;		/* [a] /proc/sys/kernel/pty/max */
u32 pty_count(void);		/* /proc/sys/kernel/pty/nr */

#endif
