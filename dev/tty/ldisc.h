/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line discipline (N_TTY): what stands between a terminal's driver and its readers and writers. termios(3), POSIX chapter 11.
 *
 * Pure state and code: no locks, no sleeping (the tty's lock is held around every call), so that it runs on the host under test.
 * Input comes by ldisc_receive() into one ring of LDISC_SIZE bytes; in canonical mode a line becomes readable when it is
 * complete. Output goes through ldisc_write(), which post-processes, to ops->put().
 */
#ifndef DEV_TTY_LDISC_H
#define DEV_TTY_LDISC_H

#include "sys/abi/termios.h"
#include "sys/lib/types.h"

#define LDISC_SIZE	4096u		/* a power of two; a line of up to LDISC_SIZE - 1 bytes, as MAX_CANON of Linux */
#define LDISC_ECHO	4096u

struct ldisc;

struct ldisc_ops {
	u32 (*put)(struct ldisc *ld, const u8 *p, u32 n);	/* to the driver: bytes taken */
	u32 (*room)(struct ldisc *ld);				/* what put would take */
	void (*signal)(struct ldisc *ld, int sig);		/* to the foreground process group */
	void (*flush_output)(struct ldisc *ld);			/* forget what the driver has not sent */
	void (*stop)(struct ldisc *ld, bool stop);		/* output by flow control characters */
};

/* Kinds of received bytes. */
enum { LD_NORMAL, LD_BREAK, LD_PARITY, LD_FRAME, LD_OVERRUN };

struct ldisc {
	const struct ldisc_ops *ops;
	struct abi_termios t;
	u8 buf[LDISC_SIZE];
	u64 delim[LDISC_SIZE / 64];	/* this byte ends a line */
	u64 eof[LDISC_SIZE / 64];	/* and it is an end of file: not data */
	u32 head, tail;			/* free-running: written, read */
	u32 canon_head;			/* behind the last complete line */
	u32 column;			/* of the output */
	u32 canon_column;		/* where the line being typed began */
	bool lnext;			/* the next byte is literal */
	bool erasing;			/* inside ECHOPRT's \.../ */
	bool stopped;			/* by the STOP character or TCOOFF */
	u8 echo[LDISC_ECHO];		/* echoes that the driver had no room for */
	u32 echo_head, echo_tail;
};

extern const struct abi_termios ldisc_default_termios;

void ldisc_init(struct ldisc *ld, const struct ldisc_ops *ops);

/* Take up to n bytes of input; flags (LD_*, one per byte) or NULL. Bytes taken: fewer when the reader must read first. */
u32 ldisc_receive(struct ldisc *ld, const u8 *p, const u8 *flags, u32 n);
/* How much ldisc_receive would take at least. */
u32 ldisc_receive_room(const struct ldisc *ld);

/* Is there something for a reader now? In canonical mode a whole line (or EOF), else at least `min` bytes. */
bool ldisc_readable(const struct ldisc *ld, u32 min);
/* Bytes that FIONREAD tells. */
u32 ldisc_available(const struct ldisc *ld);
/* Take up to n bytes: canonical mode: of one line at most. *eof: an end of file was taken (and nothing, or the line before it).
 * *line_end: a delimiter was taken, so a read ends here. */
u32 ldisc_read(struct ldisc *ld, u8 *p, u32 n, bool *eof, bool *line_end);

/* Output: bytes of p taken; fewer when the driver is full. */
u32 ldisc_write(struct ldisc *ld, const u8 *p, u32 n);
/* Send what echoes wait; true if none is left. */
bool ldisc_flush_echo(struct ldisc *ld);

void ldisc_flush_input(struct ldisc *ld);
/* New settings: lines and partial data are carried over as Linux does when ICANON changes. */
void ldisc_set_termios(struct ldisc *ld, const struct abi_termios *t);

#endif
