/* SPDX-License-Identifier: BSD-2-Clause */
/* Port contract: access to the CPU's own copy of section .percpu (see sys/percpu.h). */
#ifndef ARCH_PERCPU_H
#define ARCH_PERCPU_H

#ifdef LINTEL_HOST_TEST
#define arch_percpu_base()		((intptr_t)0)
#define arch_percpu_read(name)		(name)
#define arch_percpu_write(name, v)	((void)((name) = (v)))
#define arch_percpu_add(name, v)	((void)((name) += (v)))
#else
#include "arch/x86_64/percpu.h"
#endif

#endif
