/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 16550 UARTs at the PC's standard places, by interrupt. National Semiconductor PC16550D data sheet.
 *
 * Output waits in a ring, from which the transmit interrupt fills the FIFO. The kernel's log goes out by polling beside it,
 * with a bound, so that it also works when nothing else does. A BREAK followed by a letter is a SysRq.
 */
#include "arch/io.h"
#include "dev/irq.h"
#include "dev/tty/tty.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/reboot.h"
#include "sys/sysrq.h"
#include "sys/thread.h"

enum { UART_DATA, UART_IER, UART_IIR, UART_LCR, UART_MCR, UART_LSR, UART_MSR, UART_SCRATCH, UART_DLL = 0, UART_DLM = 1, UART_FCR = 2 };

#define IER_RX		0x01
#define IER_TX		0x02
#define IER_LINE	0x04
#define IIR_NONE	0x01
#define FCR_ENABLE	0x01
#define FCR_CLEAR	0x06
#define FCR_TRIGGER_8	0x80
#define LCR_8BITS	0x03
#define LCR_STOP2	0x04
#define LCR_PARITY	0x08
#define LCR_EVEN	0x10
#define LCR_BREAK	0x40
#define LCR_DLAB	0x80
#define MCR_DTR		0x01
#define MCR_RTS		0x02
#define MCR_OUT2	0x08	/* gates the interrupt on PCs */
#define MCR_LOOP	0x10
#define LSR_READY	0x01
#define LSR_OVERRUN	0x02
#define LSR_PARITY	0x04
#define LSR_FRAME	0x08
#define LSR_BREAK	0x10
#define LSR_THRE	0x20
#define LSR_TEMT	0x40

#define UART_CLOCK	115200u		/* divisor 1 */
#define FIFO_SIZE	16u
#define TX_SIZE		4096u		/* a power of two */
#define IRQ_LOOPS	64		/* interrupts are served in one go at most so often */
#define POLL_SPINS	100000		/* waiting for room, in log output */
#define SYSRQ_WINDOW	(5 * NSEC_PER_SEC)
#define LET_OUT_MAX	(2 * NSEC_PER_SEC)

/* Lock key: [I] immutable  [s] lock (LOCK_SERIAL, irqs off) */
struct uart {
	struct tty tty;
	u16 port;		/* [I] */
	u8 irq;			/* [I] */
	bool open;		/* [s] */
	bool held;		/* [s] output is stopped by flow control */
	struct spinlock lock;
	u8 ier, lcr, mcr;	/* [s] what the registers hold */
	u8 tx[TX_SIZE];		/* [s] */
	u32 tx_head, tx_tail;	/* [s] free-running */
	nsec_t sysrq_until;	/* [s] a BREAK came: the next byte is a SysRq */
	struct log_console log;
};

static struct uart uarts[] = {
	{ .port = 0x3f8, .irq = 4 }, { .port = 0x2f8, .irq = 3 }, { .port = 0x3e8, .irq = 4 }, { .port = 0x2e8, .irq = 3 },
};

static u8 reg_read(struct uart *u, int reg) { return inb((u16)(u->port + reg)); }
static void reg_write(struct uart *u, int reg, u8 v) { outb((u16)(u->port + reg), v); }

static struct uart *
uart_of(struct tty *tty)
{
	return container_of(tty, struct uart, tty);
}

/* --- interrupts --- */

static void
set_ier(struct uart *u, u8 ier)
{
	if (u->ier != ier) {
		u->ier = ier;
		reg_write(u, UART_IER, ier);
	}
}

/* Fill the FIFO. [s] held; the transmitter is known to be empty. */
static void
transmit(struct uart *u)
{
	for (u32 i = 0; i < FIFO_SIZE && u->tx_tail != u->tx_head && !u->held; i++)
		reg_write(u, UART_DATA, u->tx[u->tx_tail++ % TX_SIZE]);
	if (u->tx_tail == u->tx_head || u->held)
		set_ier(u, u->ier & (u8)~IER_TX);
}

struct received { u8 bytes[FIFO_SIZE], kinds[FIFO_SIZE]; u32 n; u8 sysrq[FIFO_SIZE]; u32 nsysrq; };

/* One received byte: data, or the letter of a SysRq. [s] held. */
static void
receive_one(struct uart *u, u8 lsr, struct received *r)
{
	u8 c = reg_read(u, UART_DATA);

	if (lsr & LSR_BREAK) {
		if (u->sysrq_until == 0 && u->log.write != NULL) {
			u->sysrq_until = clock_now() + SYSRQ_WINDOW;
			return;
		}
		u->sysrq_until = 0;	/* a second BREAK is a BREAK */
	} else if (u->sysrq_until != 0) {
		bool taken = clock_now() < u->sysrq_until;

		u->sysrq_until = 0;
		if (taken) {
			r->sysrq[r->nsysrq++] = c;
			return;
		}
	}
	r->kinds[r->n] = lsr & LSR_BREAK ? LD_BREAK : lsr & LSR_PARITY ? LD_PARITY : lsr & LSR_FRAME ? LD_FRAME :
		lsr & LSR_OVERRUN ? LD_OVERRUN : LD_NORMAL;
	r->bytes[r->n++] = c;
}

static bool
serve_once(struct uart *u)
{
	struct received r = { .n = 0 };
	bool sent = false, more;
	u8 lsr;

	spin_lock(&u->lock);
	more = !(reg_read(u, UART_IIR) & IIR_NONE);
	for (u32 i = 0; i < FIFO_SIZE && ((lsr = reg_read(u, UART_LSR)) & (LSR_READY | LSR_BREAK)); i++)
		receive_one(u, lsr, &r);
	if ((u->ier & IER_TX) && (reg_read(u, UART_LSR) & LSR_THRE)) {
		transmit(u);
		sent = true;
	}
	(void)reg_read(u, UART_MSR);
	spin_unlock(&u->lock);
	if (r.n > 0)
		tty_receive(&u->tty, r.bytes, r.kinds, r.n);
	if (sent)
		tty_write_wakeup(&u->tty);
	for (u32 i = 0; i < r.nsysrq; i++)
		sysrq_press((char)r.sysrq[i]);
	return more;
}

static enum irq_result
uart_interrupt(u32 irq, void *arg)
{
	struct uart *u = arg;
	enum irq_result result = IRQ_NONE;

	(void)irq;
	for (int i = 0; i < IRQ_LOOPS && serve_once(u); i++)
		result = IRQ_HANDLED;
	return result;
}

/* --- the driver --- */

static void
set_line(struct uart *u, u32 divisor, u8 lcr)
{
	u->lcr = lcr;
	reg_write(u, UART_LCR, lcr | LCR_DLAB);
	reg_write(u, UART_DLL, (u8)divisor);
	reg_write(u, UART_DLM, (u8)(divisor >> 8));
	reg_write(u, UART_LCR, lcr);
}

/* The speed that a Bxxx constant stands for; 0 for B0 and unknown ones. */
static u32
speed_of(u32 cflag)
{
	static const u32 low[16] = { 0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400 };
	u32 code = cflag & CBAUD;

	if (code < 16)
		return low[code];
	return code == B115200 ? 115200 : code == B115200 - 1 ? 57600 : 0;
}

static void
uart_set_termios(struct tty *tty, const struct abi_termios *old)
{
	struct uart *u = uart_of(tty);
	const struct abi_termios *t = &tty->ldisc.t;
	u32 speed = speed_of(t->c_cflag);
	u8 lcr = (u8)((t->c_cflag & CSIZE) >> 4);
	u64 flags;

	if (t->c_cflag == old->c_cflag)
		return;
	lcr |= (t->c_cflag & CSTOPB ? LCR_STOP2 : 0) | (t->c_cflag & PARENB ? LCR_PARITY : 0);
	lcr |= (t->c_cflag & PARENB) && !(t->c_cflag & PARODD) ? LCR_EVEN : 0;
	flags = spin_lock_irqsave(&u->lock);
	if (speed != 0)
		set_line(u, UART_CLOCK / speed, lcr);
	u->mcr = speed != 0 ? u->mcr | MCR_DTR | MCR_RTS : u->mcr & (u8)~(MCR_DTR | MCR_RTS);	/* B0 hangs up */
	reg_write(u, UART_MCR, u->mcr);
	spin_unlock_irqrestore(&u->lock, flags);
}

static int
uart_open(struct tty *tty)
{
	struct uart *u = uart_of(tty);
	u64 flags;

	flags = spin_lock_irqsave(&u->lock);
	u->open = true;
	u->held = false;
	u->mcr |= MCR_DTR | MCR_RTS | MCR_OUT2;
	reg_write(u, UART_MCR, u->mcr);
	set_ier(u, IER_RX | IER_LINE);
	spin_unlock_irqrestore(&u->lock, flags);
	return 0;
}

static void
uart_close(struct tty *tty)
{
	struct uart *u = uart_of(tty);
	u64 flags = spin_lock_irqsave(&u->lock);

	u->open = false;
	u->tx_tail = u->tx_head;
	/* A console's port keeps receiving, for SysRq. */
	set_ier(u, u->log.write != NULL ? IER_RX | IER_LINE : 0);
	spin_unlock_irqrestore(&u->lock, flags);
}

static u32
uart_write(struct tty *tty, const u8 *p, u32 n)
{
	struct uart *u = uart_of(tty);
	u64 flags = spin_lock_irqsave(&u->lock);

	n = MIN(n, TX_SIZE - (u->tx_head - u->tx_tail));
	for (u32 i = 0; i < n; i++)
		u->tx[u->tx_head++ % TX_SIZE] = p[i];
	if (n > 0 && !u->held && !(u->ier & IER_TX)) {
		if (reg_read(u, UART_LSR) & LSR_THRE)
			transmit(u);
		if (u->tx_tail != u->tx_head)
			set_ier(u, u->ier | IER_TX);
	}
	spin_unlock_irqrestore(&u->lock, flags);
	return n;
}

static u32
uart_write_room(struct tty *tty)
{
	struct uart *u = uart_of(tty);

	return TX_SIZE - (READ_ONCE(u->tx_head) - READ_ONCE(u->tx_tail));
}

static u32
uart_chars_in_buffer(struct tty *tty)
{
	struct uart *u = uart_of(tty);

	return READ_ONCE(u->tx_head) - READ_ONCE(u->tx_tail);
}

static void
uart_flush_buffer(struct tty *tty)
{
	struct uart *u = uart_of(tty);
	u64 flags = spin_lock_irqsave(&u->lock);

	u->tx_tail = u->tx_head;
	spin_unlock_irqrestore(&u->lock, flags);
}

static void
uart_stop(struct tty *tty, bool stop)
{
	struct uart *u = uart_of(tty);
	u64 flags = spin_lock_irqsave(&u->lock);

	u->held = stop;
	if (!stop && u->tx_tail != u->tx_head)
		set_ier(u, u->ier | IER_TX);
	spin_unlock_irqrestore(&u->lock, flags);
}

static void
uart_throttle(struct tty *tty, bool on)
{
	struct uart *u = uart_of(tty);
	u64 flags;

	if (!(tty->ldisc.t.c_cflag & CRTSCTS))
		return;
	flags = spin_lock_irqsave(&u->lock);
	u->mcr = on ? u->mcr & (u8)~MCR_RTS : u->mcr | MCR_RTS;
	reg_write(u, UART_MCR, u->mcr);
	spin_unlock_irqrestore(&u->lock, flags);
}

static int
uart_break_ctl(struct tty *tty, bool on)
{
	struct uart *u = uart_of(tty);
	u64 flags = spin_lock_irqsave(&u->lock);

	reg_write(u, UART_LCR, on ? u->lcr | LCR_BREAK : u->lcr);
	spin_unlock_irqrestore(&u->lock, flags);
	return 0;
}

static int
uart_get_modem(struct tty *tty)
{
	struct uart *u = uart_of(tty);
	u8 msr = reg_read(u, UART_MSR), mcr = READ_ONCE(u->mcr);

	return (int)((mcr & MCR_DTR ? TIOCM_DTR : 0) | (mcr & MCR_RTS ? TIOCM_RTS : 0) | (msr & 0x10 ? TIOCM_CTS : 0) |
		(msr & 0x20 ? TIOCM_DSR : 0) | (msr & 0x40 ? TIOCM_RNG : 0) | (msr & 0x80 ? TIOCM_CAR : 0));
}

static int
uart_set_modem(struct tty *tty, u32 set, u32 clear)
{
	struct uart *u = uart_of(tty);
	u64 flags = spin_lock_irqsave(&u->lock);

	u->mcr &= (u8)~((clear & TIOCM_DTR ? MCR_DTR : 0) | (clear & TIOCM_RTS ? MCR_RTS : 0));
	u->mcr |= (set & TIOCM_DTR ? MCR_DTR : 0) | (set & TIOCM_RTS ? MCR_RTS : 0);
	reg_write(u, UART_MCR, u->mcr);
	spin_unlock_irqrestore(&u->lock, flags);
	return 0;
}

static const struct tty_ops uart_tty_ops = {
	.open = uart_open,
	.close = uart_close,
	.write = uart_write,
	.write_room = uart_write_room,
	.chars_in_buffer = uart_chars_in_buffer,
	.flush_buffer = uart_flush_buffer,
	.set_termios = uart_set_termios,
	.stop = uart_stop,
	.throttle = uart_throttle,
	.break_ctl = uart_break_ctl,
	.get_modem = uart_get_modem,
	.set_modem = uart_set_modem,
};

/* --- the log --- */

static void
log_putc(struct uart *u, char c)
{
	for (int i = 0; i < POLL_SPINS && !(reg_read(u, UART_LSR) & LSR_THRE); i++)
		arch_pause();
	reg_write(u, UART_DATA, (u8)c);
}

/* Any context: the registers used here are not shared state, so no lock is taken; output of both may mix, as on any console. */
static void
uart_log_write(struct log_console *c, const char *text, size_t len)
{
	struct uart *u = container_of(c, struct uart, log);

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			log_putc(u, '\r');
		log_putc(u, text[i]);
	}
}

/* --- the machine's end --- */

/* What programs wrote before they ended the machine leaves it first. */
static void
drain_ports(enum machine_end how)
{
	(void)how;
	for (u32 i = 0; i < ARRAY_SIZE(uarts); i++)
		if (uarts[i].tty.ops != NULL)
			(void)wait_event_until(&uarts[i].tty.write_wq, uart_chars_in_buffer(&uarts[i].tty) == 0,
				clock_now() + NSEC_PER_SEC);
}

static struct reboot_step drain_step = { .name = "serial", .fn = drain_ports };

/* --- probing --- */

/* A UART keeps its scratch register, and in loop-back mode its modem outputs come back as inputs. */
static bool
probe(struct uart *u)
{
	u8 msr;

	reg_write(u, UART_SCRATCH, 0x5a);
	if (reg_read(u, UART_SCRATCH) != 0x5a)
		return false;
	reg_write(u, UART_MCR, MCR_LOOP | MCR_OUT2 | MCR_RTS);
	msr = reg_read(u, UART_MSR) & 0xf0;
	reg_write(u, UART_MCR, 0);
	return msr == 0x90;
}

/* 115200 8N1, FIFOs on, nothing pending, interrupts off. */
static void
setup_port(struct uart *u)
{
	spin_init(&u->lock, LOCK_SERIAL);
	reg_write(u, UART_IER, 0);
	set_line(u, 1, LCR_8BITS);
	reg_write(u, UART_FCR, FCR_ENABLE | FCR_CLEAR | FCR_TRIGGER_8);
	(void)reg_read(u, UART_LSR);
	(void)reg_read(u, UART_DATA);
	(void)reg_read(u, UART_IIR);
	(void)reg_read(u, UART_MSR);
	u->mcr = MCR_DTR | MCR_RTS | MCR_OUT2;
	reg_write(u, UART_MCR, u->mcr);
}

static void
start_port(struct uart *u, u32 index)
{
	char name[16];
	int err;

	snprintf(name, sizeof(name), "ttyS%u", index);
	setup_port(u);
	tty_init(&u->tty, &uart_tty_ops, u, name, DEV_NUMBER(MAJOR_TTY, 64 + index));
	u->tty.ldisc.t.c_cflag = B115200 | CS8 | CREAD | HUPCL | CLOCAL;
	err = irq_request(u->irq, uart_interrupt, u, IRQF_SHARED, u->tty.name);
	if (err == 0)
		err = tty_register(&u->tty);
	if (err != 0) {
		log_err("serial: %s at 0x%x: error %d", name, u->port, -err);
		return;
	}
	log_info("serial: %s at I/O 0x%x (irq %u) is a 16550A", name, u->port, u->irq);
	if (tty_console_wanted(name)) {
		tty_set_console(&u->tty);
		u->log.name = u->tty.name;
		u->log.write = uart_log_write;
		log_console_register(&u->log, false);
		spin_lock_irq(&u->lock);
		set_ier(u, IER_RX | IER_LINE);
		spin_unlock_irq(&u->lock);
	}
}

/* The machine ends: what programs have written goes out first, if the line takes it. */
static void
let_out(enum machine_end how)
{
	nsec_t end = clock_now() + LET_OUT_MAX;

	for (u32 i = 0; i < ARRAY_SIZE(uarts); i++) {
		struct uart *u = &uarts[i];

		while (READ_ONCE(u->tx_head) != READ_ONCE(u->tx_tail) && !READ_ONCE(u->held) && clock_now() < end) {
			thread_set_state(THREAD_UNINTERRUPTIBLE);
			(void)thread_schedule_until(clock_now() + NSEC_PER_MSEC);
		}
	}
}

static struct reboot_step reboot_step = { .name = "serial", .fn = let_out };

void
serial_init(void)
{
	reboot_register(&reboot_step);
	for (u32 i = 0; i < ARRAY_SIZE(uarts); i++)
		if (probe(&uarts[i]))
			start_port(&uarts[i], i);
	reboot_register(&drain_step);
}
