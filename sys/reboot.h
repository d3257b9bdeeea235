/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's orderly end. Who wants a running machine's services brought down first does that before (init, reboot(2)). */
#ifndef SYS_REBOOT_H
#define SYS_REBOOT_H

#include "sys/lib/types.h"

enum machine_end { MACHINE_RESTART, MACHINE_HALT, MACHINE_POWEROFF };

/* A step to take before (write back, quiesce a device), in the reverse order of registration. May sleep. */
struct reboot_step { struct reboot_step *next; const char *name; void (*fn)(enum machine_end how); };
void reboot_register(struct reboot_step *step);

/* Thread context. */
__noreturn void machine_end(enum machine_end how);
/* The three-finger salute: init gets SIGINT, or the machine restarts, as reboot(2) has set it. Any context. */
void ctrl_alt_del(void);
extern bool ctrl_alt_del_reboots;	/* [a] */
/* At once, from any context, nothing is written back. */
__noreturn void machine_restart_now(void);

#endif
