/* SPDX-License-Identifier: BSD-2-Clause */
/* The PC's speaker: channel 2 of the interval timer makes the tone, port 0x61 lets it through. Intel 8254 data sheet. */
#include "dev/input/speaker.h"

#include "arch/io.h"
#include "sys/clock.h"
#include "sys/spinlock.h"
#include "sys/timer.h"

#define PIT_HZ		1193182u
#define PIT_CHANNEL_2	0x42
#define PIT_COMMAND	0x43
#define PIT_SQUARE	0xb6	/* channel 2, low byte then high byte, mode 3 */
#define GATE_PORT	0x61
#define GATE_BITS	0x03	/* timer's gate, speaker's data */

static struct spinlock lock = SPINLOCK_INIT(LOCK_EVENT);	/* irqs off */
static struct timer timer;
static bool ready;			/* [lock] */

static void
silence(void)
{
	outb(GATE_PORT, inb(GATE_PORT) & (u8)~GATE_BITS);
}

static nsec_t
expired(struct timer *t, nsec_t now)
{
	(void)t, (void)now;
	spin_lock(&lock);
	if (!timer_pending(&timer))	/* else a new tone has begun */
		silence();
	spin_unlock(&lock);
	return 0;
}

void
speaker_tone(u32 hz, u32 ms)
{
	u64 flags = spin_lock_irqsave(&lock);
	u32 divisor = hz != 0 ? MIN(PIT_HZ / hz, 0xffffu) : 0;

	if (!ready) {
		ready = true;
		timer_init(&timer, TIMER_MONOTONIC, expired);
	}
	if (divisor == 0) {
		silence();
	} else {
		outb(PIT_COMMAND, PIT_SQUARE);
		outb(PIT_CHANNEL_2, (u8)divisor);
		outb(PIT_CHANNEL_2, (u8)(divisor >> 8));
		outb(GATE_PORT, inb(GATE_PORT) | GATE_BITS);
		if (ms != 0)
			timer_arm(&timer, clock_now() + ms * NSEC_PER_MSEC);
	}
	if (divisor == 0 || ms == 0)
		timer_cancel(&timer);
	spin_unlock_irqrestore(&lock, flags);
}
