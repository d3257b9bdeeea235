/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cyclic redundancy checks of 32 bits. The register form: the caller gives the start value (often ~0) and inverts the
 * result where its format says so; a text in pieces goes through by passing each result on.
 */
#ifndef SYS_LIB_CRC32_H
#define SYS_LIB_CRC32_H

#include "sys/lib/types.h"

/* IEEE 802.3, reflected (polynomial 0x04c11db7): zlib's and GPT's crc is ~crc32_le(~0, p, n). */
u32 crc32_le(u32 crc, const void *p, size_t len);
/* The same polynomial, most significant bit first (JBD2's checksum v1). */
u32 crc32_be(u32 crc, const void *p, size_t len);
/* Castagnoli, reflected (polynomial 0x1edc6f41): ext4, JBD2 v3. */
u32 crc32c(u32 crc, const void *p, size_t len);

#endif
