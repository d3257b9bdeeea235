/* SPDX-License-Identifier: BSD-2-Clause */
/* Pseudo-terminals: what devpts needs to show them. */
#ifndef DEV_TTY_PTY_H
#define DEV_TTY_PTY_H

#include "sys/cred.h"
#include "sys/lib/types.h"

struct file;

/* Who shows the slaves as nodes "0", "1" ... in a directory. All may sleep. */
struct pty_view {
	/* ptmx is opened as f: which directory are its slaves in? A reference. -ENOENT, -ENODEV: there is none. */
	int (*find)(struct file *f, void **dir);
	int (*added)(void *dir, u32 index, dev_t devt, kuid_t uid, kgid_t gid);	/* -ENOMEM, -ENOSPC: then the open fails */
	void (*removed)(void *dir, u32 index);
	void (*put)(void *dir);
};
void pty_set_view(const struct pty_view *view);		/* once, at boot */

extern int pty_max;		/* [a] /proc/sys/kernel/pty/max */
u32 pty_count(void);		/* /proc/sys/kernel/pty/nr */

#endif
