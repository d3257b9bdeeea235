/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC: interrupts of and between processors, and their one-shot timers. Intel SDM volume 3, chapter 11. */
#ifndef ARCH_X86_64_LAPIC_H
#define ARCH_X86_64_LAPIC_H

#include "sys/lib/types.h"

struct trapframe;

/* Find and map it, choose xAPIC or x2APIC, and set up the boot CPU's. Panics where the CPU has none. */
void lapic_init(void);
/* The same choice on the CPU this runs on. Interrupts off. */
void lapic_init_cpu(void);
bool lapic_is_x2apic(void);
u32 lapic_id(void);
void lapic_eoi(void);
/* Is vector being served (its in-service bit)? */
bool lapic_in_service(u8 vector);
bool lapic_requested(u8 vector);	/* it has come, and waits to be served */
u32 lapic_error(void);			/* reads and clears the error status */

#define IPI_FIXED	0x00000u
#define IPI_NMI		0x00400u
#define IPI_INIT	0x04500u	/* level asserted */
#define IPI_STARTUP	0x04600u
/* Any context; on return it is on its way. */
void lapic_send_ipi(u32 apic_id, u32 type_and_vector);

/* Calibrate the timer (lapic_timer.c); clock_now() must count. */
void lapic_timer_init(void);
void lapic_timer_init_cpu(void);
/* VECTOR_TIMER came in. */
void lapic_timer_interrupt(struct trapframe *tf);

/* Registers, for lapic_timer.c. */
#define LAPIC_LVT_TIMER		0x320
#define LAPIC_TIMER_INITIAL	0x380
#define LAPIC_TIMER_CURRENT	0x390
#define LAPIC_TIMER_DIVIDE	0x3e0
u32 lapic_read(u32 reg);
void lapic_write(u32 reg, u32 value);

/* The two 8259s: moved off the exception vectors and masked. */
void pic_disable(void);

#endif
