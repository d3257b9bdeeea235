/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests inside the kernel, on the real scheduler and locks: word "selftest" on a debug kernel's command line. */
#ifndef SYS_SELFTEST_H
#define SYS_SELFTEST_H

#include "sys/lib/types.h"

#ifdef CONFIG_DEBUG
void selftest_run(bool wanted);
#else
#define selftest_run(wanted)	((void)(wanted))
#endif

#endif
