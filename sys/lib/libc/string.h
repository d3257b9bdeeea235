/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <string.h> for third-party sources that are compiled into the kernel (usr/thirdparty.mk): the prototypes alone, since
 * the macros of our own headers would meet theirs. Ours include sys/lib/string.h.
 */
#ifndef SYS_LIB_LIBC_STRING_H
#define SYS_LIB_LIBC_STRING_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);

#endif
