/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctls of terminals: modes, sizes, flow, modem lines. ioctl_tty(2). */
#include "dev/tty/tty.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/cred.h"
#include "sys/lib/string.h"
#include "sys/signal.h"

#define NCC	8
struct abi_termio { u16 c_iflag, c_oflag, c_cflag, c_lflag; u8 c_line; u8 c_cc[NCC]; };

/* When a change takes effect: TCSETS now, TCSETSW once output is sent, TCSETSF also with input thrown away. */
enum { WHEN_NOW, WHEN_SENT, WHEN_SENT_FLUSH };

static long
apply_termios(struct tty *tty, const struct abi_termios *t, int when)
{
	struct abi_termios old;
	int err = 0;

	if (when != WHEN_NOW)
		err = tty_wait_sent(tty, NSEC_MAX);
	if (err != 0)
		return err;
	mutex_lock(&tty->lock);
	if (when == WHEN_SENT_FLUSH)
		ldisc_flush_input(&tty->ldisc);
	old = tty->ldisc.t;
	ldisc_set_termios(&tty->ldisc, t);
	if (tty->ops->set_termios != NULL)
		tty->ops->set_termios(tty, &old);
	mutex_unlock(&tty->lock);
	/* Readers may have something now that they had not before. */
	waitq_wake(&tty->read_wq, 0, 0);
	if (READ_ONCE(tty->flip_head) != READ_ONCE(tty->flip_tail))
		work_queue(&tty->input_work);
	return 0;
}

static long
set_termios(struct tty *tty, u64 arg, int when)
{
	struct abi_termios t;

	if (copy_from_user(&t, (void __user *)arg, sizeof(t)) != 0)
		return -EFAULT;
	return apply_termios(tty, &t, when);
}

static struct abi_termios
get_termios(struct tty *tty)
{
	struct abi_termios t;

	mutex_lock(&tty->lock);
	t = tty->ldisc.t;
	mutex_unlock(&tty->lock);
	return t;
}

/* The old struct: the low 16 bits of each flag word. */
static long
get_termio(struct tty *tty, u64 arg)
{
	struct abi_termios t = get_termios(tty);
	struct abi_termio o;

	memset(&o, 0, sizeof(o));
	o.c_iflag = (u16)t.c_iflag;
	o.c_oflag = (u16)t.c_oflag;
	o.c_cflag = (u16)t.c_cflag;
	o.c_lflag = (u16)t.c_lflag;
	o.c_line = t.c_line;
	memcpy(o.c_cc, t.c_cc, NCC);
	return copy_to_user((void __user *)arg, &o, sizeof(o));
}

static long
set_termio(struct tty *tty, u64 arg, int when)
{
	struct abi_termios t = get_termios(tty);
	struct abi_termio o;

	if (copy_from_user(&o, (void __user *)arg, sizeof(o)) != 0)
		return -EFAULT;
	t.c_iflag = (t.c_iflag & ~0xffffu) | o.c_iflag;
	t.c_oflag = (t.c_oflag & ~0xffffu) | o.c_oflag;
	t.c_cflag = (t.c_cflag & ~0xffffu) | o.c_cflag;
	t.c_lflag = (t.c_lflag & ~0xffffu) | o.c_lflag;
	t.c_line = o.c_line;
	memcpy(t.c_cc, o.c_cc, NCC);
	return apply_termios(tty, &t, when);
}

int
tty_set_winsize(struct tty *tty, const struct abi_winsize *ws)
{
	bool changed;

	mutex_lock(&tty->lock);
	changed = memcmp(&tty->winsize, ws, sizeof(*ws)) != 0;
	tty->winsize = *ws;
	if (changed && tty->ops->resize != NULL)
		tty->ops->resize(tty, ws);
	mutex_unlock(&tty->lock);
	if (changed)
		tty_signal_pgrp(tty, SIGWINCH);
	return 0;
}

static long
winsize_ioctl(struct tty *tty, unsigned int cmd, u64 arg)
{
	struct abi_winsize ws;

	if (cmd == TIOCSWINSZ) {
		if (copy_from_user(&ws, (void __user *)arg, sizeof(ws)) != 0)
			return -EFAULT;
		return tty_set_winsize(tty, &ws);
	}
	mutex_lock(&tty->lock);
	ws = tty->winsize;
	mutex_unlock(&tty->lock);
	return copy_to_user((void __user *)arg, &ws, sizeof(ws));
}

/* --- flow --- */

static long
flush_queues(struct tty *tty, u64 arg)
{
	if (arg > TCIOFLUSH)
		return -EINVAL;
	mutex_lock(&tty->lock);
	if (arg == TCIFLUSH || arg == TCIOFLUSH) {
		spin_lock_irq(&tty->flip_lock);
		tty->flip_tail = tty->flip_head;
		spin_unlock_irq(&tty->flip_lock);
		ldisc_flush_input(&tty->ldisc);
		work_queue(&tty->input_work);		/* un-throttles */
	}
	if (arg == TCOFLUSH || arg == TCIOFLUSH) {
		tty->ldisc.echo_tail = tty->ldisc.echo_head;
		tty->ldisc.ops->flush_output(&tty->ldisc);
	}
	mutex_unlock(&tty->lock);
	if (arg != TCOFLUSH && tty->ops->input_taken != NULL)
		tty->ops->input_taken(tty);
	if (tty->packet && tty->ops->packet != NULL)
		tty->ops->packet(tty, (u8)(arg == TCIFLUSH ? TIOCPKT_FLUSHREAD : arg == TCOFLUSH ? TIOCPKT_FLUSHWRITE :
			TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE));
	return 0;
}

static long
flow_control(struct tty *tty, u64 arg)
{
	u8 c;

	if (arg > TCION)
		return -EINVAL;
	mutex_lock(&tty->lock);
	switch (arg) {
	case TCOOFF:
	case TCOON:
		tty->flow_off = arg == TCOOFF;
		if (tty->ldisc.stopped != (arg == TCOOFF)) {
			tty->ldisc.stopped = arg == TCOOFF;
			tty->ldisc.ops->stop(&tty->ldisc, arg == TCOOFF);
		}
		break;
	default:	/* send the other side a STOP or START */
		c = tty->ldisc.t.c_cc[arg == TCIOFF ? VSTOP : VSTART];
		if (c != 0)
			tty->ops->write(tty, &c, 1);
	}
	mutex_unlock(&tty->lock);
	return 0;
}

/* A break of `ns`; 0: a quarter of a second. */
static long
send_break(struct tty *tty, nsec_t ns)
{
	int err;

	if (tty->ops->break_ctl == NULL)
		return 0;
	err = mutex_lock_interruptible(&tty->write_mutex);
	if (err != 0)
		return err;
	err = tty->ops->break_ctl(tty, true);
	if (err == 0) {
		thread_set_state(THREAD_INTERRUPTIBLE);
		if (thread_schedule_until(clock_now() + (ns != 0 ? ns : 250 * NSEC_PER_MSEC)) == 0)
			err = -EINTR;
		thread_set_state(THREAD_RUNNING);
		tty->ops->break_ctl(tty, false);
	}
	mutex_unlock(&tty->write_mutex);
	return err;
}

/* --- modem lines --- */

static long
modem_ioctl(struct tty *tty, unsigned int cmd, u64 arg)
{
	u32 bits;

	if (tty->ops->get_modem == NULL || tty->ops->set_modem == NULL)
		return -ENOTTY;
	if (cmd == TIOCMGET)
		return put_user_u32((u32)tty->ops->get_modem(tty), (u32 __user *)arg);
	if (get_user_u32(&bits, (u32 __user *)arg) != 0)
		return -EFAULT;
	switch (cmd) {
	case TIOCMBIS:
		return tty->ops->set_modem(tty, bits, 0);
	case TIOCMBIC:
		return tty->ops->set_modem(tty, 0, bits);
	default:
		return tty->ops->set_modem(tty, bits, ~bits);
	}
}

/* --- the rest --- */

/* TIOCSTI: as if it had been typed. */
static long
fake_input(struct tty *tty, u64 arg)
{
	struct tty *own = job_tty_get();
	u8 c;

	if (own != NULL)
		tty_put(own);
	if (own != tty && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&c, (void __user *)arg, 1) != 0)
		return -EFAULT;
	tty_receive(tty, &c, NULL, 1);
	return 0;
}

/* Does cmd change the terminal, so that a background process must ask first? */
static bool
changes(unsigned int cmd)
{
	switch (cmd) {
	case TCSETS: case TCSETSW: case TCSETSF: case TCSETA: case TCSETAW: case TCSETAF:
	case TCSBRK: case TCSBRKP: case TCXONC: case TCFLSH: case TIOCSBRK: case TIOCCBRK: case TIOCSETD:
		return true;
	default:
		return false;
	}
}

/* Modes: on a pty's master they are its slave's. */
long
tty_mode_ioctl(struct tty *tty, struct file *f, unsigned int cmd, u64 arg, bool master)
{
	struct abi_termios t;
	int err;

	if (!master && changes(cmd)) {
		err = tty_check_background(tty, SIGTTOU);
		if (err != 0)
			return err;
	}
	switch (cmd) {
	case TCGETS:
		t = get_termios(tty);
		return copy_to_user((void __user *)arg, &t, sizeof(t));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_termios(tty, arg, (int)(cmd - TCSETS));
	case TCGETA:
		return get_termio(tty, arg);
	case TCSETA:
	case TCSETAW:
	case TCSETAF:
		return set_termio(tty, arg, (int)(cmd - TCSETA));
	case TIOCGWINSZ:
	case TIOCSWINSZ:
		return winsize_ioctl(tty, cmd, arg);
	case TCFLSH:
		return flush_queues(tty, arg);
	case TCXONC:
		return flow_control(tty, arg);
	case TIOCGSOFTCAR:
		t = get_termios(tty);
		return put_user_u32(t.c_cflag & CLOCAL ? 1 : 0, (u32 __user *)arg);
	case TIOCGETD:
		return put_user_u32(0, (u32 __user *)arg);	/* N_TTY: the only one */
	default:
		return tty_job_ioctl(tty, f, cmd, arg, master);
	}
}

static long
line_ioctl(struct tty *tty, unsigned int cmd, u64 arg)
{
	u32 v;
	int err;

	switch (cmd) {
	case TCSBRK:
	case TCSBRKP:
		err = tty_wait_sent(tty, NSEC_MAX);
		if (err != 0)
			return err;
		return cmd == TCSBRK && arg != 0 ? 0 : send_break(tty, cmd == TCSBRKP ? (nsec_t)MIN(arg, 100UL) * (NSEC_PER_SEC / 10) : 0);
	case TIOCSBRK:
	case TIOCCBRK:
		return tty->ops->break_ctl != NULL ? tty->ops->break_ctl(tty, cmd == TIOCSBRK) : 0;
	case FIONREAD:
		mutex_lock(&tty->lock);
		v = ldisc_available(&tty->ldisc);
		mutex_unlock(&tty->lock);
		return put_user_u32(v, (u32 __user *)arg);
	case TIOCOUTQ:
		v = tty->ops->chars_in_buffer != NULL ? tty->ops->chars_in_buffer(tty) : 0;
		return put_user_u32(v, (u32 __user *)arg);
	case TIOCSTI:
		return fake_input(tty, arg);
	case TIOCEXCL:
	case TIOCNXCL:
		mutex_lock(&tty->ctl);
		tty->exclusive = cmd == TIOCEXCL;
		mutex_unlock(&tty->ctl);
		return 0;
	case TIOCGEXCL:
		return put_user_u32(tty->exclusive, (u32 __user *)arg);
	case TIOCSETD:
		if (get_user_u32(&v, (u32 __user *)arg) != 0)
			return -EFAULT;
		return v == 0 ? 0 : -EINVAL;
	case TIOCGDEV:
		return put_user_u32((u32)tty->devt, (u32 __user *)arg);
	case TIOCVHANGUP:
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		tty_hangup(tty);
		return 0;
	case TIOCMGET:
	case TIOCMSET:
	case TIOCMBIS:
	case TIOCMBIC:
		return modem_ioctl(tty, cmd, arg);
	default:
		return -ENOTTY;
	}
}

long
tty_ioctl(struct file *f, unsigned int cmd, u64 arg)
{
	struct tty *tty = tty_of_file(f);
	long ret;

	if (tty_hung_up(f))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	ret = tty->ops->ioctl != NULL ? tty->ops->ioctl(tty, f, cmd, arg) : -ENOIOCTLCMD;
	if (ret == -ENOIOCTLCMD)
		ret = tty_mode_ioctl(tty, f, cmd, arg, false);
	if (ret == -ENOIOCTLCMD)
		ret = line_ioctl(tty, cmd, arg);
	return ret;
}
