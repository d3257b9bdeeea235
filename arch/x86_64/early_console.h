/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot console on COM1. */
#ifndef ARCH_X86_64_EARLY_CONSOLE_H
#define ARCH_X86_64_EARLY_CONSOLE_H

/* Registers it with the log if there is a UART. */
void early_console_init(void);

#endif
