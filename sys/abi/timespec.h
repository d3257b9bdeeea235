/* SPDX-License-Identifier: BSD-2-Clause */
/* struct timespec and struct timeval of the ABI (time_t is 64 bits), and their conversions to nsec_t. */
#ifndef SYS_ABI_TIMESPEC_H
#define SYS_ABI_TIMESPEC_H

#include "sys/lib/types.h"

struct abi_timespec { s64 tv_sec; s64 tv_nsec; };
struct abi_timeval { s64 tv_sec; s64 tv_usec; };

/* Seconds that an nsec_t cannot hold are cut to NSEC_MAX. */
static inline nsec_t
timespec_to_ns(const struct abi_timespec *ts)
{
	if (ts->tv_sec >= NSEC_MAX / NSEC_PER_SEC)
		return NSEC_MAX;
	return ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec;
}

/* ns may be negative: tv_nsec is in [0, 1e9) all the same. */
static inline struct abi_timespec
timespec_from_ns(nsec_t ns)
{
	struct abi_timespec ts = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };

	if (ts.tv_nsec < 0) {
		ts.tv_nsec += NSEC_PER_SEC;
		ts.tv_sec--;
	}
	return ts;
}

static inline struct abi_timeval
timeval_from_ns(nsec_t ns)
{
	struct abi_timespec ts = timespec_from_ns(ns);

	return (struct abi_timeval){ ts.tv_sec, ts.tv_nsec / NSEC_PER_USEC };
}

/* A relative or absolute time as users may give it: not negative, nanoseconds below one second. */
static inline bool
timespec_valid(const struct abi_timespec *ts)
{
	return ts->tv_sec >= 0 && (u64)ts->tv_nsec < (u64)NSEC_PER_SEC;
}

static inline bool
timeval_valid(const struct abi_timeval *tv)
{
	return tv->tv_sec >= 0 && (u64)tv->tv_usec < 1000000UL;
}

/* Cut to NSEC_MAX, like timespec_to_ns. */
static inline nsec_t
timeval_to_ns(const struct abi_timeval *tv)
{
	return timespec_to_ns(&(struct abi_timespec){ tv->tv_sec, tv->tv_usec * NSEC_PER_USEC });
}

#endif
