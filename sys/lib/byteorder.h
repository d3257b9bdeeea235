/* SPDX-License-Identifier: BSD-2-Clause */
/* Big- and little-endian fields of disk and wire formats, wherever they lie: byte arrays in, integers out. No alignment is asked. */
#ifndef SYS_LIB_BYTEORDER_H
#define SYS_LIB_BYTEORDER_H

#include "sys/lib/types.h"

typedef struct { u8 b[2]; } be16_t;
typedef struct { u8 b[4]; } be32_t;
typedef struct { u8 b[8]; } be64_t;
typedef struct { u8 b[2]; } le16_t;
typedef struct { u8 b[4]; } le32_t;
typedef struct { u8 b[8]; } le64_t;

static inline u16 le16_get(le16_t v) { u16 n; __builtin_memcpy(&n, &v, 2); return n; }
static inline u32 le32_get(le32_t v) { u32 n; __builtin_memcpy(&n, &v, 4); return n; }
static inline u64 le64_get(le64_t v) { u64 n; __builtin_memcpy(&n, &v, 8); return n; }
static inline le16_t le16_make(u16 n) { le16_t v; __builtin_memcpy(&v, &n, 2); return v; }
static inline le32_t le32_make(u32 n) { le32_t v; __builtin_memcpy(&v, &n, 4); return v; }
static inline le64_t le64_make(u64 n) { le64_t v; __builtin_memcpy(&v, &n, 8); return v; }

static inline u16 be16_get(be16_t v) { u16 n; __builtin_memcpy(&n, &v, 2); return __builtin_bswap16(n); }
static inline u32 be32_get(be32_t v) { u32 n; __builtin_memcpy(&n, &v, 4); return __builtin_bswap32(n); }
static inline u64 be64_get(be64_t v) { u64 n; __builtin_memcpy(&n, &v, 8); return __builtin_bswap64(n); }
static inline be16_t be16_make(u16 n) { be16_t v; n = __builtin_bswap16(n); __builtin_memcpy(&v, &n, 2); return v; }
static inline be32_t be32_make(u32 n) { be32_t v; n = __builtin_bswap32(n); __builtin_memcpy(&v, &n, 4); return v; }
static inline be64_t be64_make(u64 n) { be64_t v; n = __builtin_bswap64(n); __builtin_memcpy(&v, &n, 8); return v; }

#endif
