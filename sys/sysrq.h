/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The magic key: a BREAK and a key on the serial line, Alt-SysRq on a keyboard, /proc/sysrq-trigger. Linux's letters. Layers above
 * add the keys that are theirs (e, i: signals; m: memory; s, u: file systems).
 */
#ifndef SYS_SYSRQ_H
#define SYS_SYSRQ_H

#include "sys/lib/types.h"

/* fn runs in the context of the key press (often hard-irq), or, with sleeps, in a worker thread. name stays the caller's. */
void sysrq_register(char key, const char *name, void (*fn)(void), bool sleeps);
/* Any context. Unknown keys print the help. */
void sysrq_handle(char key);
/* sysctl kernel.sysrq: 0 off, 1 all, else bits as in Linux's admin-guide/sysrq. /proc/sysrq-trigger isn't subject to it. */
extern int sysrq_enabled;	/* [a] */

#endif
