/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The HPET's main counter (IA-PC HPET specification 1.0a) as clock source. Read as 32 bits, which is one access everywhere;
 * its comparators are not used.
 */
#include "arch/mmu.h"
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/io.h"
#include "arch/x86_64/tsc.h"
#include "sys/log.h"

#define REG_CAPS		0x000
#define REG_PERIOD		0x004		/* femtoseconds per tick */
#define REG_CONFIG		0x010
#define REG_COUNTER		0x0f0
#define REG_TIMER(n)		(0x100 + 0x20 * (n))

#define CONFIG_ENABLE		BIT(0)
#define CONFIG_LEGACY		BIT(1)
#define TIMER_INTERRUPT		BIT(2)
#define PERIOD_MAX		100000000U	/* 100 ns */
#define FSEC_PER_SEC		1000000000000000UL

static volatile u8 *regs;	/* [I] */

static u64
hpet_read(void)
{
	return mmio_read32(regs + REG_COUNTER);
}

static struct clocksource hpet_source = { .name = "hpet", .read = hpet_read, .mask = 0xffffffff, .rating = 250 };

static bool
counts(void)
{
	u64 first = hpet_read();

	for (u32 i = 0; i < 100000; i++) {
		if (hpet_read() != first)
			return true;
	}
	return false;
}

const struct clocksource *
hpet_init(void)
{
	u32 caps, period, config;

	if (acpi_info.hpet_address == 0)
		return NULL;
	regs = kmap_device(acpi_info.hpet_address, 1024, PROT_BIT_READ | PROT_BIT_WRITE | PROT_BIT_UNCACHED);
	if (regs == NULL)
		return NULL;
	caps = mmio_read32(regs + REG_CAPS);
	period = mmio_read32(regs + REG_PERIOD);
	if (caps == 0xffffffff || period == 0 || period > PERIOD_MAX) {
		log_warn("hpet: unusable (period %u fs)", period);
		return NULL;
	}
	for (u32 i = 0; i <= (caps >> 8 & 31); i++)
		mmio_write32(regs + REG_TIMER(i), mmio_read32(regs + REG_TIMER(i)) & ~(u32)TIMER_INTERRUPT);
	config = mmio_read32(regs + REG_CONFIG);
	mmio_write32(regs + REG_CONFIG, (config & ~(u32)CONFIG_LEGACY) | CONFIG_ENABLE);
	if (!counts()) {
		log_warn("hpet: does not count");
		return NULL;
	}
	hpet_source.freq_hz = FSEC_PER_SEC / period;
	log_info("hpet: %lu.%03lu MHz, %u timers", (unsigned long)(hpet_source.freq_hz / 1000000),
		(unsigned long)(hpet_source.freq_hz / 1000 % 1000), (caps >> 8 & 31) + 1);
	return &hpet_source;
}
