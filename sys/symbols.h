/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's own symbols: functions only. Any context. */
#ifndef SYS_SYMBOLS_H
#define SYS_SYMBOLS_H

#include "sys/lib/types.h"

extern u64 ksyms_slide;		/* [I] run address - link address */

/* The symbol that addr lies in. */
bool symbol_find(u64 addr, const char **name, u64 *offset, u64 *size);
/* The index-th symbol by address (/proc/kallsyms). */
bool symbol_next(u32 index, const char **name, u64 *addr);

#endif
