/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The magic key: a BREAK and a key on the serial line, Alt-SysRq on a keyboard, /proc/sysrq-trigger. Linux's letters. Layers above
 * add the keys that are theirs (e, i: signals; m: memory; s, u: file systems).
 */
#ifndef SYS_SYSRQ_H
#define SYS_SYSRQ_H

#include "sys/lib/types.h"

/* Bits of sysctl kernel.sysrq, as in Linux's admin-guide/sysrq. */
enum sysrq_group { SYSRQ_LOG = 2, SYSRQ_KEYBOARD = 4, SYSRQ_DUMP = 8, SYSRQ_SYNC = 16, SYSRQ_SIGNAL = 64, SYSRQ_BOOT = 128 };

struct sysrq_key {
	const char *help, *action;	/* "show-memory-usage(m)", "Show Memory" */
	void (*fn)(void);
	u16 group;			/* SYSRQ_x */
	bool sleeps;			/* fn runs in a worker thread, not in the context of the key press (often hard-irq) */
};

/* At boot; the key stays the caller's, and must stay. */
void sysrq_register(char c, const struct sysrq_key *key);
/* A key, by somebody who may: /proc/sysrq-trigger. Any context. Unknown ones print the help. */
void sysrq_handle(char c);
/* A key pressed on a console: only if sysctl kernel.sysrq lets it. Any context. */
void sysrq_press(char c);
extern int sysrq_enabled;	/* [a] sysctl kernel.sysrq: 0 off, 1 all, else the groups that are allowed */

#endif
