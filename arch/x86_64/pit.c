/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 8254's channel 0 (Intel data sheet), only to measure the TSC where there is neither HPET nor PM timer. In mode 2 it counts
 * down from 65536 again and again; its interrupt line stays masked. (Channel 2's gate, port 0x61, isn't there on microvm.)
 */
#include "arch/x86_64/io.h"
#include "arch/x86_64/tsc.h"

#define PIT_HZ		1193182
#define PIT_CHANNEL0	0x40
#define PIT_COMMAND	0x43

static u64
pit_read(void)
{
	u32 low, high;

	outb(PIT_COMMAND, 0x00);	/* latch channel 0 */
	low = inb(PIT_CHANNEL0);
	high = inb(PIT_CHANNEL0);
	return 0x10000 - (high << 8 | low);
}

static const struct clocksource pit_source = { .name = "pit", .read = pit_read, .freq_hz = PIT_HZ, .mask = 0xffff };

u64
pit_calibrate_tsc(void)
{
	outb(PIT_COMMAND, 0x34);	/* channel 0, two bytes, mode 2 */
	outb(PIT_CHANNEL0, 0);
	outb(PIT_CHANNEL0, 0);
	return tsc_measure(&pit_source);
}
