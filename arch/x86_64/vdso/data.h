/* SPDX-License-Identifier: BSD-2-Clause */
/* The vDSO's data page: written by arch/x86_64/vdso_data.c, read by vdso.c in user mode. */
#ifndef ARCH_X86_64_VDSO_DATA_H
#define ARCH_X86_64_VDSO_DATA_H

#include "arch/vdso.h"

struct vdso_data {
	u32 seq;		/* [a] odd while a write is going on */
	struct vdso_times t;	/* [seq] */
};

#endif
