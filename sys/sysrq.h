/* SPDX-License-Identifier: BSD-2-Clause */
/* Magic SysRq: what to do on a key, whatever state the machine is in. Linux's keys. */
#ifndef SYS_SYSRQ_H
#define SYS_SYSRQ_H

/* Any context, hard interrupts included; what takes longer is done by deferred work. */
void sysrq_handle(char key);

#endif
