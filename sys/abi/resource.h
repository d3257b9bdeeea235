/* SPDX-License-Identifier: BSD-2-Clause */
/* Resource limits and usage of the ABI (getrlimit(2), getrusage(2), times(2), getpriority(2)). */
#ifndef SYS_ABI_RESOURCE_H
#define SYS_ABI_RESOURCE_H

#include "sys/abi/timespec.h"

enum {
	RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_RSS, RLIMIT_NPROC, RLIMIT_NOFILE,
	RLIMIT_MEMLOCK, RLIMIT_AS, RLIMIT_LOCKS, RLIMIT_SIGPENDING, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_RTPRIO,
	RLIMIT_RTTIME, RLIM_NLIMITS
};
#define RLIM_INFINITY	(~0UL)

struct abi_rlimit { u64 rlim_cur, rlim_max; };

#define RUSAGE_SELF	0
#define RUSAGE_CHILDREN	(-1)
#define RUSAGE_THREAD	1

struct abi_rusage {
	struct abi_timeval ru_utime, ru_stime;
	s64 ru_maxrss;		/* KiB */
	s64 ru_ixrss, ru_idrss, ru_isrss;
	s64 ru_minflt, ru_majflt, ru_nswap, ru_inblock, ru_oublock, ru_msgsnd, ru_msgrcv, ru_nsignals;
	s64 ru_nvcsw, ru_nivcsw;
};

struct abi_tms { s64 tms_utime, tms_stime, tms_cutime, tms_cstime; };	/* in units of 1/USER_HZ */
#define USER_HZ		100

#define PRIO_PROCESS	0
#define PRIO_PGRP	1
#define PRIO_USER	2

#endif
