/* SPDX-License-Identifier: BSD-2-Clause */
/* The time-stamp counter. */
#ifndef ARCH_X86_64_TSC_H
#define ARCH_X86_64_TSC_H

#include "sys/lib/types.h"

/* Its frequency in kHz; 0 until it is calibrated. */
u64 tsc_khz(void);

#endif
