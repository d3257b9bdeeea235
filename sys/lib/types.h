/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scalar types and compiler attributes every file sees.
 *
 * The ABI-named typedefs (pid_t, off_t ...) have the same underlying types as musl's and glibc's on
 * x86-64, so that kernel sources can be compiled into host unit tests beside libc's headers.
 */
#ifndef SYS_LIB_TYPES_H
#define SYS_LIB_TYPES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

typedef long ssize_t;
typedef long off_t;
typedef long time_t;
typedef long clock_t;
typedef int pid_t;
typedef int clockid_t;
typedef unsigned int uid_t;
typedef unsigned int gid_t;
typedef unsigned int mode_t;
typedef unsigned long dev_t;
typedef unsigned long ino_t;

typedef u64 paddr_t;	/* physical address, bytes */
typedef u64 vaddr_t;	/* virtual address, bytes */
typedef u64 pfn_t;	/* page frame number: paddr / 4096 */
typedef u64 pte_t;	/* page-table entry, in the architecture's format */
typedef s64 nsec_t;	/* nanoseconds, signed everywhere */

/* User and group ids inside the kernel: global, not relative to a user namespace. */
typedef struct { uid_t val; } kuid_t;
typedef struct { gid_t val; } kgid_t;

#define __user
#define __must_check	__attribute__((warn_unused_result))
#define __noreturn	__attribute__((noreturn))
#define __printf(f, a)	__attribute__((format(printf, f, a)))
#define __packed	__attribute__((packed))
#define __aligned(n)	__attribute__((aligned(n)))
#define __used		__attribute__((used))
#define __unused	__attribute__((unused))
#define __weak		__attribute__((weak))
#define __noinline	__attribute__((noinline))
#undef __always_inline	/* libc's, on the host */
#define __always_inline	inline __attribute__((always_inline))
#define __section(s)	__attribute__((section(s)))

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BIT(n)		(1UL << (n))
#define KIB		1024UL
#define MIB		(1024UL * KIB)
#define GIB		(1024UL * MIB)

/* Powers of two only. */
#define ALIGN_UP(x, a)		(((x) + ((a) - 1)) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a)	((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a)	(((x) & ((a) - 1)) == 0)
#define DIV_ROUND_UP(x, d)	(((x) + (d) - 1) / (d))

#define MIN(a, b) ({ __typeof__(a) min_a_ = (a); __typeof__(b) min_b_ = (b); min_a_ < min_b_ ? min_a_ : min_b_; })
#define MAX(a, b) ({ __typeof__(a) max_a_ = (a); __typeof__(b) max_b_ = (b); max_a_ > max_b_ ? max_a_ : max_b_; })

/* The structure of type `type` whose member `member` is at `ptr`. */
#define container_of(ptr, type, member) \
	((type *)((char *)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))

/* Pointers that carry -errno: the last page of the address space is never an object. Used only by find-like
 * functions whose callers need the reason (see STYLE, errors). */
#define IS_ERR(p)	((uintptr_t)(p) >= (uintptr_t)-4095)
#define ERR_PTR(e)	((void *)(intptr_t)(e))
#define PTR_ERR(p)	((int)(intptr_t)(p))

#define NSEC_PER_USEC	1000L
#define NSEC_PER_MSEC	1000000L
#define NSEC_PER_SEC	1000000000L
#define NSEC_MAX	INT64_MAX

#endif
