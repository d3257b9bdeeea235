/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel found a fault in itself. */
#ifndef SYS_PANIC_H
#define SYS_PANIC_H

#include "sys/lib/types.h"

/* Stops the machine: message, trace, then as panic= says (0: halt, n: reboot after n seconds, -1: at once). */
__noreturn void panic(const char *fmt, ...) __printf(1, 2);
extern int panic_timeout;	/* [a] panic=, sysctl */
extern bool panic_on_oops;	/* [a] */

/* "cannot happen". On in every build; never on what a user can cause. */
#define KASSERT(cond) \
	do { if (unlikely(!(cond))) kassert_failed(#cond, __FILE__, __LINE__); } while (0)
__noreturn void kassert_failed(const char *expr, const char *file, int line);

/* The same, in the debug build only: for costly checks. */
#ifdef CONFIG_DEBUG
#define KASSERT_DEBUG(cond)	KASSERT(cond)
#else
#define KASSERT_DEBUG(cond)	((void)sizeof(!(cond)))
#endif

/* Something is wrong, but the kernel can go on: a WARN line and a trace, once per place. True if cond. */
#define WARN_ON(cond) ({ \
	static bool warned_; \
	bool warn_ = unlikely(cond); \
	if (warn_ && !warned_) { warned_ = true; warn_report(#cond, __FILE__, __LINE__); } \
	warn_; })
void warn_report(const char *expr, const char *file, int line);

/* Print the current call trace at the level. */
void trace_print(int level);
/* The trace of a thread that does not run. */
struct thread;
void trace_print_thread(struct thread *t, int level);
/* "name+0x12/0x40", or the number. For %pS. */
void symbol_format(char *buf, size_t size, u64 addr);

#endif
