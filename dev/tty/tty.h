/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Terminals: a driver below, the line discipline inside, files above.
 *
 * A driver fills struct tty_ops and registers its lines by tty_register(). Input: the driver calls tty_receive() from any
 * context; the bytes wait in a flip ring, from which work feeds the line discipline. Output: the line discipline calls ops->write,
 * which takes what fits and never waits; the driver calls tty_write_wakeup() when there is room again.
 *
 * Lock key: [I] immutable  [a] atomic  [l] lock (LOCK_TTY)  [c] ctl (LOCK_TTY_CTL)  [j] job (a spinlock)  [b] flip_lock (irqs off)
 * Order: ctl < write_mutex < lock < job, flip_lock.
 */
#ifndef DEV_TTY_TTY_H
#define DEV_TTY_TTY_H

#include "dev/chrdev.h"
#include "dev/device.h"
#include "dev/tty/ldisc.h"
#include "sys/job_control.h"
#include "sys/pid.h"
#include "sys/wait.h"
#include "sys/work.h"

#define TTY_FLIP_SIZE	4096u		/* a power of two */

#define MAJOR_TTY	4u	/* tty0.. virtual terminals (minor 0-63), ttyS0.. (minor 64-) */
#define MAJOR_TTYAUX	5u	/* 0: /dev/tty, 1: /dev/console, 2: /dev/ptmx */
#define MAJOR_PTS	136u

struct tty;

/* What a driver does. All but those that say so are called with tty->lock held unless said; NULL slots do nothing. */
struct tty_ops {
	int (*open)(struct tty *tty);			/* [c] first open: start the hardware. -errno */
	void (*close)(struct tty *tty);			/* [c] last close */
	u32 (*write)(struct tty *tty, const u8 *p, u32 n);	/* bytes taken; never waits */
	u32 (*write_room)(struct tty *tty);		/* what write would take now; any context */
	u32 (*chars_in_buffer)(struct tty *tty);	/* not sent yet; any context */
	void (*flush_buffer)(struct tty *tty);		/* forget what is not sent */
	void (*set_termios)(struct tty *tty, const struct abi_termios *old);
	void (*stop)(struct tty *tty, bool stop);	/* flow control: hold output back */
	void (*throttle)(struct tty *tty, bool on);	/* the reader is behind: ask the other side to pause, or go on */
	int (*break_ctl)(struct tty *tty, bool on);
	int (*get_modem)(struct tty *tty);		/* TIOCM_* */
	int (*set_modem)(struct tty *tty, u32 set, u32 clear);
	long (*ioctl)(struct tty *tty, struct file *f, unsigned int cmd, u64 arg);	/* no lock held; -ENOIOCTLCMD (515): not mine */
	void (*resize)(struct tty *tty, const struct abi_winsize *ws);	/* TIOCSWINSZ */
	void (*input_taken)(struct tty *tty);		/* the flip ring has room again; no lock held */
	void (*packet)(struct tty *tty, u8 status);	/* ptys: tell a master in packet mode */
	void (*release)(struct tty *tty);		/* last reference is gone, no lock; frees what embeds the tty */
};

#define ENOIOCTLCMD	515

struct tty {
	const struct tty_ops *ops;	/* [I] */
	void *priv;			/* [I] the driver's */
	char name[16];			/* [I] "ttyS0", "tty1", "pts/3" */
	dev_t devt;			/* [I] */
	struct refcount refs;		/* [a] */
	struct mutex ctl;		/* open, close, hangup */
	u32 opens;			/* [c] open files */
	bool exclusive;			/* [c] TIOCEXCL */
	u32 hangups;			/* [a] generation: a file opened under an older one is hung up */
	struct mutex write_mutex;	/* LOCK_TTY_WRITE: one write(2) at a time, so that lines don't mix */
	struct mutex lock;
	struct ldisc ldisc;		/* [l] and its termios */
	struct abi_winsize winsize;	/* [l] */
	bool throttled;			/* [l] */
	bool packet;			/* [l] pty: TIOCPKT is on */
	bool flow_off;			/* [l] stopped by TCOOFF: the last close doesn't wait for output */
	struct waitq read_wq, write_wq;
	struct spinlock job;		/* LOCK_LEAF */
	struct pid *session, *pgrp;	/* [j] references; NULL: nobody's controlling terminal */
	struct spinlock flip_lock;	/* LOCK_TTY_BUF */
	u8 flip[TTY_FLIP_SIZE], flip_flags[TTY_FLIP_SIZE];	/* [b] */
	u32 flip_head, flip_tail;	/* [b] */
	bool flip_overrun;		/* [b] */
	struct work input_work;		/* flip ring -> line discipline */
	struct work echo_work;		/* echoes that the driver had no room for */
	struct work hangup_work;
	struct chrdev chrdev;		/* [I] its node, if registered */
	struct device device;		/* [I] */
	struct rcu_head rcu;
	struct work release_work;
};

/* --- life --- */
/* Prepare a zeroed tty; ops, priv, name, devt given. One reference, the driver's. */
void tty_init(struct tty *tty, const struct tty_ops *ops, void *priv, const char *name, dev_t devt);
/* Make its character device and node. -EBUSY, -EEXIST. */
int __must_check tty_register(struct tty *tty);
/* The line is gone: hangs up, takes the node away, drops the driver's reference. */
void tty_unregister(struct tty *tty);
extern const struct file_ops tty_fops;		/* priv of the chrdev: the tty */
/* A file on tty: the second half of open. -EIO, -EBUSY. f->priv becomes the open's record; takes a tty reference. */
int __must_check tty_open_file(struct tty *tty, struct file *f);
void tty_hold(void *priv);			/* chrdev.hold of a tty's node */
struct tty *tty_of_file(struct file *f);	/* NULL: not a tty */

/* --- for drivers; any context --- */
/* n bytes came in; flags LD_* each, or NULL. What the flip ring can't hold is lost, and marked as an overrun. */
void tty_receive(struct tty *tty, const u8 *p, const u8 *flags, u32 n);
u32 tty_receive_room(struct tty *tty);
void tty_write_wakeup(struct tty *tty);
/* Carrier lost, or vhangup: readers get EOF, writers EIO. */
void tty_hangup_async(struct tty *tty);
void tty_hangup(struct tty *tty);		/* thread context */

/* --- between the files of this folder --- */
/* Job control at read, write and ioctl: 0, -EIO, -ERESTARTSYS (the signal was sent). sig SIGTTIN or SIGTTOU. */
int __must_check tty_check_background(struct tty *tty, int sig);
void tty_signal_pgrp(struct tty *tty, int sig);		/* to the foreground group */
void tty_open_ctty(struct tty *tty, bool noctty);	/* open by a session leader without a terminal makes it his */
long tty_job_ioctl(struct tty *tty, struct file *f, unsigned int cmd, u64 arg, bool master);	/* -ENOIOCTLCMD: not one of these */
long tty_ioctl(struct file *f, unsigned int cmd, u64 arg);
long tty_mode_ioctl(struct tty *tty, struct file *f, unsigned int cmd, u64 arg, bool master);
int tty_set_winsize(struct tty *tty, const struct abi_winsize *ws);	/* SIGWINCH if it changed */
int __must_check tty_wait_sent(struct tty *tty, nsec_t deadline);	/* tcdrain: 0, -ETIMEDOUT or -ERESTARTSYS */
bool tty_hung_up(struct file *f);
/* f was opened as /dev/console: a hang-up of the terminal leaves it as it is, as on Linux, for init goes on talking. */
void tty_file_is_console(struct file *f);

/* --- console --- */
/* The terminal that /dev/console names: the last console= of the command line that exists. */
void tty_set_console(struct tty *tty);
/* The same for a name that stands for another terminal at each open; find() gives a reference, or NULL. */
void tty_set_console_found(const char *name, struct tty *(*find)(void));
struct tty *tty_console_get(void);		/* referenced or NULL */
bool tty_console_wanted(const char *name);	/* is it named by a console= ? with none: ttyS0 and tty0 */

void tty_init_core(void);	/* /dev/tty, /dev/console */
void serial_init(void);		/* dev/tty/serial.c: 16550 UARTs */
void pty_init(void);		/* dev/tty/pty.c */
void vt_init(void);		/* dev/vt/: virtual terminals on the framebuffer */

#endif
