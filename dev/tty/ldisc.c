/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line discipline. See ldisc.h for the idea; the names of the special characters and flags are POSIX's.
 */
#include "dev/tty/ldisc.h"

#include "sys/abi/signal.h"
#include "sys/lib/string.h"

#define MASK		(LDISC_SIZE - 1)
#define DISABLED	0	/* _POSIX_VDISABLE */
#define CTRL(c)		((c) & 0x1f)

const struct abi_termios ldisc_default_termios = {
	.c_iflag = ICRNL | IXON,
	.c_oflag = OPOST | ONLCR,
	.c_cflag = B38400 | CS8 | CREAD | HUPCL,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.c_cc = {
		[VINTR] = CTRL('C'), [VQUIT] = CTRL('\\'), [VERASE] = 0x7f, [VKILL] = CTRL('U'), [VEOF] = CTRL('D'), [VTIME] = 0,
		[VMIN] = 1, [VSTART] = CTRL('Q'), [VSTOP] = CTRL('S'), [VSUSP] = CTRL('Z'), [VREPRINT] = CTRL('R'),
		[VDISCARD] = CTRL('O'), [VWERASE] = CTRL('W'), [VLNEXT] = CTRL('V'),
	},
};

static bool in_iflag(const struct ldisc *ld, u32 f) { return ld->t.c_iflag & f; }
static bool in_oflag(const struct ldisc *ld, u32 f) { return ld->t.c_oflag & f; }
static bool in_lflag(const struct ldisc *ld, u32 f) { return ld->t.c_lflag & f; }

static bool
is_cc(const struct ldisc *ld, int which, u8 c)
{
	return c != DISABLED && ld->t.c_cc[which] == c;
}

static bool is_control(u8 c) { return c < 0x20 || c == 0x7f; }
static bool is_word(u8 c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c >= 0x80; }

/* The second and later bytes of a UTF-8 character take no column. */
static bool
is_continuation(const struct ldisc *ld, u8 c)
{
	return in_iflag(ld, IUTF8) && (c & 0xc0) == 0x80;
}

static bool bit_get(const u64 *map, u32 i) { return map[(i & MASK) / 64] >> (i & 63) & 1; }
static void bit_set(u64 *map, u32 i) { map[(i & MASK) / 64] |= 1UL << (i & 63); }
static void bit_clear(u64 *map, u32 i) { map[(i & MASK) / 64] &= ~(1UL << (i & 63)); }

void
ldisc_init(struct ldisc *ld, const struct ldisc_ops *ops)
{
	memset(ld, 0, sizeof(*ld));
	ld->ops = ops;
	ld->t = ldisc_default_termios;
}

/* --- output --- */

/* What one byte becomes by OPOST: up to 8 bytes in out; the column follows. */
static u32
post_process(struct ldisc *ld, u8 c, u8 out[8])
{
	u32 n = 1;

	out[0] = c;
	switch (c) {
	case '\n':
		if (in_oflag(ld, ONLRET))
			ld->column = 0;
		if (in_oflag(ld, ONLCR)) {
			out[0] = '\r';
			out[1] = '\n';
			ld->column = 0;
			n = 2;
		}
		ld->canon_column = ld->column;
		break;
	case '\r':
		if (in_oflag(ld, ONOCR) && ld->column == 0)
			return 0;
		if (in_oflag(ld, OCRNL)) {
			out[0] = '\n';
			if (in_oflag(ld, ONLRET))
				ld->column = 0;
		} else {
			ld->column = 0;
		}
		ld->canon_column = ld->column;
		break;
	case '\t':
		if (in_oflag(ld, TABDLY) && (ld->t.c_oflag & TABDLY) == XTABS) {
			n = 8 - (ld->column & 7);
			memset(out, ' ', n);
		}
		ld->column = (ld->column | 7) + 1;
		break;
	case '\b':
		if (ld->column > 0)
			ld->column--;
		break;
	default:
		if (in_oflag(ld, OLCUC) && c >= 'a' && c <= 'z')
			out[0] = (u8)(c - 'a' + 'A');
		if (!is_control(c) && !is_continuation(ld, c))
			ld->column++;
	}
	return n;
}

/* Bytes from p that need no processing, at most n: they can go out in one piece. */
static u32
plain_run(struct ldisc *ld, const u8 *p, u32 n)
{
	u32 i;

	for (i = 0; i < n && !is_control(p[i]) && !in_oflag(ld, OLCUC); i++)
		;
	return i;
}

static void
count_columns(struct ldisc *ld, const u8 *p, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (!is_continuation(ld, p[i]))
			ld->column++;
}

u32
ldisc_write(struct ldisc *ld, const u8 *p, u32 n)
{
	u32 done = 0;

	if (ld->stopped || !ldisc_flush_echo(ld))
		return 0;
	if (!in_oflag(ld, OPOST))
		return ld->ops->put(ld, p, n);
	while (done < n) {
		u32 room = ld->ops->room(ld), run, column = ld->column, canon_column = ld->canon_column;
		u8 out[8];

		run = plain_run(ld, p + done, MIN(n - done, room));
		if (run > 0) {
			run = ld->ops->put(ld, p + done, run);
			count_columns(ld, p + done, run);
			done += run;
			continue;
		}
		run = post_process(ld, p[done], out);
		if (run > room) {
			ld->column = column;
			ld->canon_column = canon_column;
			break;
		}
		if (run > 0)
			ld->ops->put(ld, out, run);
		done++;
	}
	return done;
}

bool
ldisc_flush_echo(struct ldisc *ld)
{
	while (ld->echo_tail != ld->echo_head && !ld->stopped) {
		u32 at = ld->echo_tail % LDISC_ECHO;
		u32 n = MIN(ld->echo_head - ld->echo_tail, LDISC_ECHO - at);
		u32 taken = ld->ops->put(ld, &ld->echo[at], n);

		if (taken == 0)
			break;
		ld->echo_tail += taken;
	}
	return ld->echo_tail == ld->echo_head;
}

/* Queue one echoed byte, processed as output is. Where even the echo ring is full, echoes are lost, as on any terminal. */
static void
echo_raw(struct ldisc *ld, u8 c)
{
	u8 out[8];
	u32 n = 1;

	out[0] = c;
	if (in_oflag(ld, OPOST))
		n = post_process(ld, c, out);
	if (LDISC_ECHO - (ld->echo_head - ld->echo_tail) < n)
		return;
	for (u32 i = 0; i < n; i++)
		ld->echo[ld->echo_head++ % LDISC_ECHO] = out[i];
}

static void
echo_char(struct ldisc *ld, u8 c)
{
	if (in_lflag(ld, ECHOCTL) && is_control(c) && c != '\t') {
		echo_raw(ld, '^');
		echo_raw(ld, c ^ 0x40);
	} else {
		echo_raw(ld, c);
	}
}

/* --- the line being typed --- */

/* The column behind the bytes [canon_head, end). */
static u32
column_at(const struct ldisc *ld, u32 end)
{
	u32 col = ld->canon_column;

	for (u32 i = ld->canon_head; i != end; i++) {
		u8 c = ld->buf[i & MASK];

		if (c == '\t')
			col = (col | 7) + 1;
		else if (is_control(c))
			col += in_lflag(ld, ECHOCTL) ? 2 : 0;
		else if (!is_continuation(ld, c))
			col++;
	}
	return col;
}

static void
finish_erasing(struct ldisc *ld)
{
	if (ld->erasing) {
		echo_raw(ld, '/');
		ld->erasing = false;
	}
}

/* Where the last character of the line begins. */
static u32
last_char(const struct ldisc *ld)
{
	u32 i = ld->head - 1;

	while (i != ld->canon_head && is_continuation(ld, ld->buf[i & MASK]))
		i--;
	return i;
}

/* Take the last character away, with its picture. */
static void
erase_one(struct ldisc *ld, int how)
{
	u32 start = last_char(ld), old = column_at(ld, ld->head), new = column_at(ld, start);
	bool tab = ld->buf[start & MASK] == '\t';

	if (in_lflag(ld, ECHO)) {
		if (in_lflag(ld, ECHOPRT)) {
			if (!ld->erasing) {
				echo_raw(ld, '\\');
				ld->erasing = true;
			}
			for (u32 i = start; i != ld->head; i++)
				echo_char(ld, ld->buf[i & MASK]);
		} else if (how == VERASE && !in_lflag(ld, ECHOE)) {
			echo_char(ld, ld->t.c_cc[VERASE]);
		} else {
			for (u32 i = new; i < old; i++) {
				echo_raw(ld, '\b');
				if (!tab) {
					echo_raw(ld, ' ');
					echo_raw(ld, '\b');
				}
			}
		}
	}
	ld->head = start;
}

static void
erase_line(struct ldisc *ld)
{
	if (in_lflag(ld, ECHO) && in_lflag(ld, ECHOK) && in_lflag(ld, ECHOKE) && in_lflag(ld, ECHOE)) {
		while (ld->head != ld->canon_head)
			erase_one(ld, VKILL);
		return;
	}
	ld->head = ld->canon_head;
	if (in_lflag(ld, ECHO)) {
		finish_erasing(ld);
		echo_char(ld, ld->t.c_cc[VKILL]);
		if (in_lflag(ld, ECHOK))
			echo_raw(ld, '\n');
	}
}

static void
erase_word(struct ldisc *ld)
{
	bool seen = false;

	while (ld->head != ld->canon_head) {
		if (is_word(ld->buf[last_char(ld) & MASK]))
			seen = true;
		else if (seen)
			break;
		erase_one(ld, VWERASE);
	}
}

static void
reprint(struct ldisc *ld)
{
	finish_erasing(ld);
	echo_char(ld, ld->t.c_cc[VREPRINT]);
	echo_raw(ld, '\n');
	for (u32 i = ld->canon_head; i != ld->head; i++)
		echo_char(ld, ld->buf[i & MASK]);
}

/* --- input --- */

static u32 used(const struct ldisc *ld) { return ld->head - ld->tail; }

/* Room for bytes that do not end a line; one place is kept for the end. */
static bool
store(struct ldisc *ld, u8 c)
{
	if (used(ld) >= LDISC_SIZE - 1) {
		if (in_iflag(ld, IMAXBEL))
			echo_raw(ld, '\a');
		return false;
	}
	bit_clear(ld->delim, ld->head);
	bit_clear(ld->eof, ld->head);
	ld->buf[ld->head++ & MASK] = c;
	return true;
}

static void
store_delim(struct ldisc *ld, u8 c, bool eof)
{
	if (used(ld) >= LDISC_SIZE)
		return;
	bit_set(ld->delim, ld->head);
	if (eof)
		bit_set(ld->eof, ld->head);
	else
		bit_clear(ld->eof, ld->head);
	ld->buf[ld->head++ & MASK] = c;
	ld->canon_head = ld->head;
}

/* A byte that is data. */
static void
store_echoed(struct ldisc *ld, u8 c)
{
	if (in_lflag(ld, ECHO)) {
		finish_erasing(ld);
		if (c == '\n') {
			echo_raw(ld, c);
		} else {
			if (ld->canon_head == ld->head)
				ld->canon_column = ld->column;
			echo_char(ld, c);
		}
	}
	if (c == 0xff && in_iflag(ld, PARMRK))
		store(ld, c);
	store(ld, c);
}

static void
signal_char(struct ldisc *ld, int sig, u8 c)
{
	if (!in_lflag(ld, NOFLSH)) {
		ldisc_flush_input(ld);
		ld->echo_tail = ld->echo_head;
		ld->ops->flush_output(ld);
	}
	if (in_iflag(ld, IXON) && ld->stopped) {
		ld->stopped = false;
		ld->ops->stop(ld, false);
	}
	if (in_lflag(ld, ECHO))
		echo_char(ld, c);
	ld->ops->signal(ld, sig);
}

/* Flow control and signals: true if the byte was one of them. */
static bool
control_char(struct ldisc *ld, u8 c)
{
	if (in_iflag(ld, IXON) && (is_cc(ld, VSTART, c) || is_cc(ld, VSTOP, c))) {
		ld->stopped = is_cc(ld, VSTOP, c) && !(ld->stopped && is_cc(ld, VSTART, c));
		ld->ops->stop(ld, ld->stopped);
		return true;
	}
	if (in_lflag(ld, ISIG)) {
		int sig = is_cc(ld, VINTR, c) ? SIGINT : is_cc(ld, VQUIT, c) ? SIGQUIT : is_cc(ld, VSUSP, c) ? SIGTSTP : 0;

		if (sig != 0) {
			signal_char(ld, sig, c);
			return true;
		}
	}
	if (ld->stopped && in_iflag(ld, IXON) && in_iflag(ld, IXANY)) {
		ld->stopped = false;
		ld->ops->stop(ld, false);
	}
	return false;
}

/* Editing and ends of line: true if the byte was one of them. */
static bool
canonical_char(struct ldisc *ld, u8 c)
{
	bool ext = in_lflag(ld, IEXTEN);

	if (is_cc(ld, VERASE, c) || is_cc(ld, VKILL, c) || (ext && is_cc(ld, VWERASE, c))) {
		if (ld->head == ld->canon_head)
			return true;
		if (is_cc(ld, VERASE, c))
			erase_one(ld, VERASE);
		else if (is_cc(ld, VKILL, c))
			erase_line(ld);
		else
			erase_word(ld);
		if (ld->head == ld->canon_head)
			finish_erasing(ld);
		return true;
	}
	if (ext && is_cc(ld, VLNEXT, c)) {
		ld->lnext = true;
		if (in_lflag(ld, ECHO)) {
			finish_erasing(ld);
			if (in_lflag(ld, ECHOCTL)) {
				if (ld->canon_head == ld->head)
					ld->canon_column = ld->column;
				echo_raw(ld, '^');
				echo_raw(ld, '\b');
			}
		}
		return true;
	}
	if (ext && in_lflag(ld, ECHO) && is_cc(ld, VREPRINT, c)) {
		reprint(ld);
		return true;
	}
	if (c == '\n') {
		if (in_lflag(ld, ECHO | ECHONL)) {
			finish_erasing(ld);
			echo_raw(ld, '\n');
		}
		store_delim(ld, c, false);
		return true;
	}
	if (is_cc(ld, VEOF, c)) {
		store_delim(ld, c, true);
		return true;
	}
	if (is_cc(ld, VEOL, c) || (ext && is_cc(ld, VEOL2, c))) {
		if (in_lflag(ld, ECHO)) {
			if (ld->canon_head == ld->head)
				ld->canon_column = ld->column;
			echo_char(ld, c);
		}
		store_delim(ld, c, false);
		return true;
	}
	return false;
}

static void
receive_char(struct ldisc *ld, u8 c)
{
	if (in_iflag(ld, ISTRIP))
		c &= 0x7f;
	if (in_iflag(ld, IUCLC) && in_lflag(ld, IEXTEN) && c >= 'A' && c <= 'Z')
		c = (u8)(c - 'A' + 'a');
	if (ld->lnext) {
		ld->lnext = false;
		store_echoed(ld, c);
		return;
	}
	if (control_char(ld, c))
		return;
	if (c == '\r') {
		if (in_iflag(ld, IGNCR))
			return;
		if (in_iflag(ld, ICRNL))
			c = '\n';
	} else if (c == '\n' && in_iflag(ld, INLCR)) {
		c = '\r';
	}
	if (in_lflag(ld, ICANON) && canonical_char(ld, c))
		return;
	store_echoed(ld, c);
}

/* A break, or a byte received with an error. */
static void
receive_error(struct ldisc *ld, u8 c, u8 kind)
{
	switch (kind) {
	case LD_BREAK:
		if (in_iflag(ld, IGNBRK))
			return;
		if (in_iflag(ld, BRKINT)) {
			if (!in_lflag(ld, NOFLSH)) {
				ldisc_flush_input(ld);
				ld->ops->flush_output(ld);
			}
			ld->ops->signal(ld, SIGINT);
			return;
		}
		c = 0;
		break;
	case LD_PARITY:
	case LD_FRAME:
		if (!in_iflag(ld, INPCK)) {
			receive_char(ld, c);
			return;
		}
		if (in_iflag(ld, IGNPAR))
			return;
		break;
	default:
		return;		/* overrun: something was lost, nothing can be told */
	}
	if (in_iflag(ld, PARMRK)) {
		store(ld, 0xff);
		store(ld, 0);
		store(ld, c);
	} else {
		store(ld, 0);
	}
}

u32
ldisc_receive_room(const struct ldisc *ld)
{
	u32 room = LDISC_SIZE - 1 - MIN(used(ld), LDISC_SIZE - 1);

	/* A line that never ends must not stop input: its overflow is dropped, so that its end can come. */
	if (room == 0 && in_lflag(ld, ICANON) && ld->canon_head == ld->tail)
		return 1;
	/* A marked byte takes three places. */
	return in_iflag(ld, PARMRK) ? (room + 2) / 3 : room;
}

u32
ldisc_receive(struct ldisc *ld, const u8 *p, const u8 *flags, u32 n)
{
	u32 done;

	for (done = 0; done < n && ldisc_receive_room(ld) > 0; done++) {
		if (flags != NULL && flags[done] != LD_NORMAL)
			receive_error(ld, p[done], flags[done]);
		else
			receive_char(ld, p[done]);
	}
	ldisc_flush_echo(ld);
	return done;
}

/* --- reading --- */

bool
ldisc_readable(const struct ldisc *ld, u32 min)
{
	if (in_lflag(ld, ICANON))
		return ld->canon_head != ld->tail;
	return used(ld) >= MAX(min, 1u);
}

u32
ldisc_available(const struct ldisc *ld)
{
	u32 n = 0;

	if (!in_lflag(ld, ICANON))
		return used(ld);
	for (u32 i = ld->tail; i != ld->canon_head; i++)
		n += !bit_get(ld->eof, i);
	return n;
}

u32
ldisc_read(struct ldisc *ld, u8 *p, u32 n, bool *eof, bool *line_end)
{
	u32 end = in_lflag(ld, ICANON) ? ld->canon_head : ld->head, done = 0;

	*eof = *line_end = false;
	while (ld->tail != end) {
		bool delim = in_lflag(ld, ICANON) && bit_get(ld->delim, ld->tail);

		if (delim && bit_get(ld->eof, ld->tail)) {
			ld->tail++;
			*eof = *line_end = true;
			break;
		}
		if (done == n)
			break;
		p[done++] = ld->buf[ld->tail++ & MASK];
		if (delim) {
			*line_end = true;
			break;
		}
	}
	if (!in_lflag(ld, ICANON))
		ld->canon_head = ld->tail;	/* no line is being typed */
	return done;
}

void
ldisc_flush_input(struct ldisc *ld)
{
	ld->head = ld->tail = ld->canon_head = 0;
	ld->lnext = false;
	ld->erasing = false;
	memset(ld->delim, 0, sizeof(ld->delim));
	memset(ld->eof, 0, sizeof(ld->eof));
}

void
ldisc_set_termios(struct ldisc *ld, const struct abi_termios *t)
{
	bool was = in_lflag(ld, ICANON), is = t->c_lflag & ICANON;

	if (was && !is) {
		/* What was typed so far can be read at once. */
		ld->canon_head = ld->head;
		ld->lnext = false;
		ld->erasing = false;
	} else if (!was && is) {
		/* Bytes received raw count as complete lines, ended where they end. */
		memset(ld->delim, 0, sizeof(ld->delim));
		memset(ld->eof, 0, sizeof(ld->eof));
		if (ld->head != ld->tail)
			bit_set(ld->delim, ld->head - 1);
		ld->canon_head = ld->head;
	}
	ld->t = *t;
	if (!in_iflag(ld, IXON) && ld->stopped) {
		ld->stopped = false;
		ld->ops->stop(ld, false);
	}
}
