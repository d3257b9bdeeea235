/* SPDX-License-Identifier: BSD-2-Clause */
/* The first console: COM1 by polling, from the first log line until the serial driver registers a real one. */
#include "arch/x86_64/early_console.h"
#include "arch/x86_64/io.h"
#include "sys/log.h"

#define COM1		0x3f8
#define REG_DATA	(COM1 + 0)
#define REG_IER		(COM1 + 1)
#define REG_FCR		(COM1 + 2)
#define REG_LCR		(COM1 + 3)
#define REG_MCR		(COM1 + 4)
#define REG_LSR		(COM1 + 5)
#define REG_SCRATCH	(COM1 + 7)
#define LSR_THRE	0x20
#define SPIN_MAX	100000	/* a UART that stays busy longer is given up for this character */

static void
put(u8 c)
{
	for (int i = 0; i < SPIN_MAX && !(inb(REG_LSR) & LSR_THRE); i++)
		;
	outb(REG_DATA, c);
}

static void
early_write(struct log_console *c, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			put('\r');
		put((u8)text[i]);
	}
}

static struct log_console console = { .name = "early0", .write = early_write, .early = true };

static bool
uart_present(void)
{
	outb(REG_SCRATCH, 0x5a);
	if (inb(REG_SCRATCH) != 0x5a)
		return false;
	outb(REG_SCRATCH, 0xa5);
	return inb(REG_SCRATCH) == 0xa5;
}

void
early_console_init(void)
{
	if (!uart_present())
		return;
	outb(REG_IER, 0);
	outb(REG_LCR, 0x80);		/* divisor 1: 115200 baud */
	outb(REG_DATA, 1);
	outb(REG_IER, 0);
	outb(REG_LCR, 0x03);		/* 8N1 */
	outb(REG_FCR, 0x07);
	outb(REG_MCR, 0x03);
	log_console_register(&console, true);
}
