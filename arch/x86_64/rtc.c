/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC's CMOS clock, in UTC. The chip updates itself once a second, for at most 2 ms, and tells 244 us before: a reading is
 * good when two in a row, both outside an update, are equal. All waits are bounded.
 */
#include "arch/x86_64/rtc.h"

#include "arch/smp.h"
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/io.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/spinlock.h"

#define REG_STATUS_A	10
#define REG_STATUS_B	11
#define STATUS_A_UIP	0x80
#define STATUS_B_SET	0x80
#define UPDATE_POLLS	20000		/* of two port accesses each: well over 2 ms on any machine */
#define READ_TRIES	8

static struct spinlock cmos_lock = SPINLOCK_INIT(LOCK_LEAF);	/* index and data port are one access */

u8
cmos_read(u8 reg)
{
	u64 flags = spin_lock_irqsave(&cmos_lock);
	u8 v;

	outb(0x70, reg);
	v = inb(0x71);
	spin_unlock_irqrestore(&cmos_lock, flags);
	return v;
}

void
cmos_write(u8 reg, u8 value)
{
	u64 flags = spin_lock_irqsave(&cmos_lock);

	outb(0x70, reg);
	outb(0x71, value);
	spin_unlock_irqrestore(&cmos_lock, flags);
}

static bool
wait_update(void)
{
	for (u32 i = 0; i < UPDATE_POLLS; i++) {
		if (!(cmos_read(REG_STATUS_A) & STATUS_A_UIP))
			return true;
	}
	return false;
}

static u8
century_register(void)
{
	u8 r = acpi_info.century_register;

	return r >= 14 && r < 128 ? r : 0;
}

static void
read_all(u8 regs[11])
{
	for (u8 i = 0; i < 10; i++)
		regs[i] = cmos_read(i);
	regs[10] = century_register() != 0 ? cmos_read(century_register()) : 0;
}

int
arch_rtc_read(s64 *seconds)
{
	u8 first[11], second[11];
	struct rtc_fields f;
	int err;

	if (acpi_info.has_fadt && !acpi_info.has_cmos_rtc)
		return -EIO;
	for (u32 i = 0; i < READ_TRIES; i++) {
		if (!wait_update())
			return -EIO;
		read_all(first);
		if (!wait_update())
			return -EIO;
		read_all(second);
		if (memcmp(first, second, sizeof(first)) == 0) {
			err = rtc_decode(first, cmos_read(REG_STATUS_B), first[10], &f);
			if (err == 0)
				*seconds = rtc_to_seconds(&f);
			return err;
		}
	}
	return -EIO;
}

int
arch_rtc_write(s64 seconds)
{
	static const u8 written[] = { 0, 2, 4, 6, 7, 8, 9 };
	struct rtc_fields f;
	u8 regs[10], century, status;
	s64 check;

	if (seconds < 0 || seconds > 253402300799)	/* end of 9999 */
		return -EINVAL;
	rtc_from_seconds(seconds, &f);
	status = cmos_read(REG_STATUS_B);
	rtc_encode(&f, status, regs, &century);
	cmos_write(REG_STATUS_B, status | STATUS_B_SET);	/* no update meanwhile */
	for (u32 i = 0; i < ARRAY_SIZE(written); i++)
		cmos_write(written[i], regs[written[i]]);
	if (century_register() != 0)
		cmos_write(century_register(), century);
	cmos_write(REG_STATUS_B, status & ~STATUS_B_SET);
	if (arch_rtc_read(&check) != 0 || check < seconds || check > seconds + 2)
		return -EIO;
	return 0;
}
