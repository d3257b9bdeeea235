/* SPDX-License-Identifier: BSD-2-Clause */
/* A step of sys/init.c: call-backs start to run, once all CPUs are up. */
#ifndef SYS_RCU_BOOT_H
#define SYS_RCU_BOOT_H

void rcu_start_threads(void);

#endif
