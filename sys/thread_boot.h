/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps of sys/init.c that concern threads. */
#ifndef SYS_THREAD_BOOT_H
#define SYS_THREAD_BOOT_H

/* The code that runs now becomes CPU 0's idle thread. stack: lowest address of the boot stack. First of all, before memory. */
void thread_init_boot(void *stack);
/* Threads can be created. */
void thread_init(void);

#endif
