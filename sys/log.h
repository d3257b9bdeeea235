/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel log: a ring of records with levels, read by syslog(2) and /dev/kmsg; consoles print what is below the
 * console level. Lock-free for the caller in spirit: any context, also NMI and panic.
 */
#ifndef SYS_LOG_H
#define SYS_LOG_H

#include "sys/lib/list.h"
#include "sys/lib/types.h"

enum log_level { LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

/* One line, without the newline; "subsystem: text". A level outside 0-7 is INFO. */
void log_printf(enum log_level level, const char *fmt, ...) __printf(2, 3);
void log_vprintf(enum log_level level, const char *fmt, va_list ap);

#define log_emerg(...)	log_printf(LOG_EMERG, __VA_ARGS__)
#define log_err(...)	log_printf(LOG_ERR, __VA_ARGS__)
#define log_warn(...)	log_printf(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)	log_printf(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)	log_printf(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_printf(LOG_DEBUG, __VA_ARGS__)

/* What shows log lines (early serial, tty consoles). write: any context, must not log, sleep or wait without bound. */
struct log_console {
	struct list node;
	const char *name;
	void (*write)(struct log_console *c, const char *text, size_t len);
	bool early;		/* dropped once a real console registers */
	bool panic_only;	/* written to in a panic alone; doesn't count as a real console */
};
void log_console_register(struct log_console *c, bool replay);	/* replay: print what the ring holds */
void log_console_unregister(struct log_console *c);
extern int log_console_level;	/* [a] */
/* Panic, oops: take over consoles whatever locks are held. */
void log_panic_mode(void);

/* Readers: a position is a sequence number. */
struct log_record { u64 seq; nsec_t time; u8 level; u32 len; u32 cpu; };
/* Copy record `seq` (or the next that exists) into text, up to size bytes. 1, or 0 when there is none yet. */
int log_read(u64 seq, struct log_record *rec, char *text, size_t size);
u64 log_first_seq(void);
u64 log_next_seq(void);
void log_clear(void);		/* for syslog(2)'s CLEAR: moves log_clear_seq */
u64 log_clear_seq(void);
extern int dmesg_restrict;	/* [a] sysctl: reading wants CAP_SYSLOG (proc/sys_log.c) */
struct waitq *log_waitq(void);	/* woken (from a thread, never from log_printf's caller's locks) when records arrive */

#endif
