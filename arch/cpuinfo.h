/* SPDX-License-Identifier: BSD-2-Clause */
/* Port contract: what /proc/cpuinfo shows. */
#ifndef ARCH_CPUINFO_H
#define ARCH_CPUINFO_H

#include "sys/lib/types.h"

struct strbuf;

/* CPU `cpu`'s paragraph of /proc/cpuinfo, in Linux's format, with the empty line behind it. */
void arch_cpuinfo_text(struct strbuf *sb, u32 cpu);

#endif
