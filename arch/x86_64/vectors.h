/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt vectors 32-255 and who takes them. The entry stubs hand every one of
 * them to irq_vector_dispatch(), and NMIs to irq_nmi(), after saving registers.
 */
#ifndef ARCH_X86_64_VECTORS_H
#define ARCH_X86_64_VECTORS_H

#include "sys/lib/types.h"

struct trapframe;

#define VECTOR_LEGACY_FIRST	0x20	/* where the masked 8259s are parked: what they raise is spurious */
#define VECTOR_DEVICE_FIRST	0x30
#define VECTOR_DEVICE_LAST	0xdf
#define VECTOR_TIMER		0xec
#define VECTOR_RESCHED		0xfb
#define VECTOR_CALL		0xfc
#define VECTOR_STOP		0xfd
#define VECTOR_ERROR		0xfe	/* the local APIC's own */
#define VECTOR_SPURIOUS		0xff

/* Interrupts off; the frame is complete. Counts hard-irq nesting, acknowledges, and at the outermost level over preemptible
 * kernel code reschedules. Returning to user mode, the caller does user_return_work. */
void irq_vector_dispatch(u8 vector, struct trapframe *tf);

/* An NMI, on its IST stack. True if it was one of ours (stop, back-trace). Takes no locks. */
bool irq_nmi(struct trapframe *tf);

#endif
