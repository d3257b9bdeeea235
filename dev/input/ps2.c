/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The i8042 keyboard controller, and the keyboard on its first port. IBM PS/2 technical reference; Intel UPI-41/42.
 *
 * The interrupt handler only takes bytes out of the controller; its thread turns them into keys. SysRq is seen in the handler, so that it
 * works on a machine whose threads don't run any more. Commands to the keyboard (its lights) are sent a byte at a time: the next one
 * goes when the keyboard has acknowledged the last.
 */
#include "dev/input/ps2.h"

#include "arch/io.h"
#include "dev/irq.h"
#include "dev/vt/keyboard.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/lib/ringbuf.h"
#include "sys/log.h"
#include "sys/spinlock.h"

#define DATA_PORT	0x60
#define STATUS_PORT	0x64	/* written: commands to the controller */
#define STATUS_OUT	0x01	/* a byte can be read */
#define STATUS_IN	0x02	/* it still works on the last byte written */
#define STATUS_AUX	0x20	/* the byte is the second port's */

#define CMD_READ_CONFIG	0x20
#define CMD_WRITE_CONFIG 0x60
#define CMD_AUX_OFF	0xa7
#define CMD_SELF_TEST	0xaa
#define CMD_TEST_PORT	0xab
#define CMD_KBD_OFF	0xad
#define CMD_KBD_ON	0xae
#define CONFIG_KBD_IRQ	0x01
#define CONFIG_AUX_IRQ	0x02
#define CONFIG_KBD_OFF	0x10
#define CONFIG_TRANSLATE 0x40
#define SELF_TEST_OK	0x55

#define KBD_IRQ		1
#define KBD_SET_LEDS	0xed
#define KBD_ENABLE	0xf4
#define KBD_ACK		0xfa
#define KBD_RESEND	0xfe

#define WAIT_STEP	(10 * NSEC_PER_USEC)
#define WAIT_STEPS	2000	/* 20 ms for one byte; the self test may take longer */
#define DRAIN_MAX	64
#define RING_SIZE	256u
#define COMMAND_MAX	4u
#define COMMAND_TIME	(200 * NSEC_PER_MSEC)
#define RESENDS		3

/* Lock key: [s] lock (irqs off)  [t] the interrupt's thread only  [I] immutable */
struct ps2_keyboard {
	struct keyboard_device device;
	struct spinlock lock;		/* LOCK_SERIAL */
	u8 bytes[RING_SIZE];		/* [s] from the handler to the thread */
	u32 head, tail;			/* [s] */
	struct ps2_decoder decoder;	/* [t] */
	bool sysrq_held;		/* [s] */
	u8 leds;			/* [s] what the lights shall show, */
	bool leds_wanted;		/* [s] and don't yet */
	u8 command[COMMAND_MAX];	/* [s] being sent */
	u32 sent, length;		/* [s] length 0: none */
	u32 resends;			/* [s] */
	nsec_t deadline;		/* [s] a keyboard that hasn't answered by then won't */
};

static struct ps2_keyboard keyboard;

/* --- polled access, while probing --- */

static bool
wait_status(u8 mask, u8 value, u32 steps)
{
	for (u32 i = 0; i < steps; i++) {
		if ((inb(STATUS_PORT) & mask) == value)
			return true;
		clock_delay(WAIT_STEP);
	}
	return false;
}

static bool
command(u8 c)
{
	if (!wait_status(STATUS_IN, 0, WAIT_STEPS))
		return false;
	outb(STATUS_PORT, c);
	return true;
}

static bool
write_data(u8 v)
{
	if (!wait_status(STATUS_IN, 0, WAIT_STEPS))
		return false;
	outb(DATA_PORT, v);
	return true;
}

/* -1: nothing came. */
static int
read_data(u32 steps)
{
	return wait_status(STATUS_OUT, STATUS_OUT, steps) ? inb(DATA_PORT) : -1;
}

static void
drain(void)
{
	for (u32 i = 0; i < DRAIN_MAX && inb(STATUS_PORT) & STATUS_OUT; i++)
		(void)inb(DATA_PORT);
}

/* Controller tested, translation on, the second port off; *what says why not. */
static bool
probe_controller(const char **what)
{
	int config;

	*what = "no controller";
	if (inb(STATUS_PORT) == 0xff || !command(CMD_KBD_OFF) || !command(CMD_AUX_OFF))
		return false;
	drain();
	*what = "the controller does not answer";
	if (!command(CMD_SELF_TEST) || read_data(20 * WAIT_STEPS) != SELF_TEST_OK)
		return false;
	if (!command(CMD_READ_CONFIG) || (config = read_data(WAIT_STEPS)) < 0)
		return false;
	config = (config & ~(CONFIG_KBD_IRQ | CONFIG_AUX_IRQ | CONFIG_KBD_OFF)) | CONFIG_TRANSLATE;
	if (!command(CMD_WRITE_CONFIG) || !write_data((u8)config))
		return false;
	*what = "the first port fails its test";
	if (!command(CMD_TEST_PORT) || read_data(WAIT_STEPS) != 0)
		return false;
	*what = "the controller stopped answering";
	return command(CMD_KBD_ON) && command(CMD_WRITE_CONFIG) && write_data((u8)(config | CONFIG_KBD_IRQ));
}

/* --- commands to the keyboard --- */

/* Put the byte that is due on the wire. It is busy only for microseconds; a byte that can't go times out later. [s] */
static void
send_locked(struct ps2_keyboard *k)
{
	spin_assert_held(&k->lock);
	for (u32 i = 0; i < 20 && inb(STATUS_PORT) & STATUS_IN; i++)
		clock_delay(NSEC_PER_USEC);
	outb(DATA_PORT, k->command[k->sent]);
	k->deadline = clock_now() + COMMAND_TIME;
}

/* Begin what is wanted, unless a command is under way. [s] */
static void
start_command_locked(struct ps2_keyboard *k)
{
	spin_assert_held(&k->lock);
	if (!k->leds_wanted || (k->length > 0 && clock_now() < k->deadline))
		return;
	k->leds_wanted = false;
	k->command[0] = KBD_SET_LEDS;
	k->command[1] = k->leds;
	k->length = 2;
	k->sent = k->resends = 0;
	send_locked(k);
}

/* An answer of the keyboard: true if the byte was one. [s] */
static bool
answer_locked(struct ps2_keyboard *k, u8 byte)
{
	spin_assert_held(&k->lock);
	if (k->length == 0 || (byte != KBD_ACK && byte != KBD_RESEND))
		return false;
	if (byte == KBD_ACK) {
		k->sent++;
		k->resends = 0;
	} else if (++k->resends > RESENDS) {
		k->sent = k->length;	/* it doesn't understand */
	}
	if (k->sent < k->length) {
		send_locked(k);
	} else {
		k->length = 0;
		start_command_locked(k);
	}
	return true;
}

static void
ps2_set_leds(struct keyboard_device *kd, u8 leds)
{
	struct ps2_keyboard *k = container_of(kd, struct ps2_keyboard, device);
	u64 flags = spin_lock_irqsave(&k->lock);

	k->leds = leds;
	k->leds_wanted = true;
	start_command_locked(k);
	spin_unlock_irqrestore(&k->lock, flags);
}

/* --- interrupts --- */

/* The key that is to be done by SysRq: with Alt, that key sends 0x54 when it goes down and 0xd4 when up. 0: none. [s] */
static u8
watch_sysrq_locked(struct ps2_keyboard *k, u8 byte)
{
	spin_assert_held(&k->lock);
	if ((byte & 0x7f) == 0x54) {
		k->sysrq_held = byte == 0x54;
		return 0;
	}
	return k->sysrq_held && byte < 0x54 ? byte : 0;
}

static enum irq_result
ps2_interrupt(u32 irq, void *arg)
{
	struct ps2_keyboard *k = arg;
	enum irq_result result = IRQ_NONE;
	u8 status, byte, sysrq = 0;

	(void)irq;
	spin_lock(&k->lock);
	for (u32 i = 0; i < DRAIN_MAX && (status = inb(STATUS_PORT)) & STATUS_OUT && status != 0xff; i++) {
		byte = inb(DATA_PORT);
		if (result == IRQ_NONE)
			result = IRQ_HANDLED;
		if (status & STATUS_AUX || answer_locked(k, byte))
			continue;
		sysrq = watch_sysrq_locked(k, byte);
		if (sysrq != 0)
			break;
		if (k->head - k->tail < RING_SIZE)
			k->bytes[k->head++ % RING_SIZE] = byte;
		result = IRQ_WAKE_THREAD;
	}
	spin_unlock(&k->lock);
	if (sysrq != 0)
		keyboard_sysrq(sysrq);
	return result;
}

static bool
take_byte(struct ps2_keyboard *k, u8 *byte)
{
	bool any;

	spin_lock_irq(&k->lock);
	any = k->head != k->tail;
	if (any)
		*byte = k->bytes[k->tail++ % RING_SIZE];
	spin_unlock_irq(&k->lock);
	return any;
}

static enum irq_result
ps2_thread(u32 irq, void *arg)
{
	struct ps2_keyboard *k = arg;
	bool down;
	u8 byte;

	(void)irq;
	while (take_byte(k, &byte)) {
		u32 key = ps2_decode(&k->decoder, byte, &down);

		if (key != 0)
			keyboard_key(key, down);
	}
	return IRQ_HANDLED;
}

void
ps2_init(void)
{
	struct ps2_keyboard *k = &keyboard;
	const char *what;
	int err;

	if (!probe_controller(&what)) {
		log_info("ps2: %s", what);
		return;
	}
	spin_init(&k->lock, LOCK_SERIAL);
	k->device.name = "PS/2 keyboard";
	k->device.set_leds = ps2_set_leds;
	drain();
	err = irq_request_threaded(KBD_IRQ, ps2_interrupt, ps2_thread, k, 0, "i8042");
	if (err != 0) {
		log_err("ps2: interrupt %u: error %d", KBD_IRQ, -err);
		return;
	}
	spin_lock_irq(&k->lock);
	k->command[0] = KBD_ENABLE;
	k->length = 1;
	send_locked(k);
	spin_unlock_irq(&k->lock);
	log_info("ps2: keyboard on the i8042 controller, irq %u", KBD_IRQ);
	keyboard_attach(&k->device);
}
