/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Job control at the terminal: sessions, the foreground process group, and who may read and write. POSIX chapter 11.1.
 *
 * Session and group are changed together under tty->job; signals are sent after it is let go, on references.
 */
#include "dev/tty/tty.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/signal.h"

static bool
is_controlling(struct tty *tty)
{
	struct tty *own = job_tty_get();

	if (own != NULL)
		tty_put(own);
	return own == tty;
}

struct pid *
tty_pgrp_get(struct tty *tty)
{
	struct pid *pgrp;

	spin_lock(&tty->job);
	pgrp = tty->pgrp;
	pid_get(pgrp);
	spin_unlock(&tty->job);
	return pgrp;
}

dev_t
tty_device(const struct tty *tty)
{
	return tty->devt;
}

void
tty_signal_pgrp(struct tty *tty, int sig)
{
	struct pid *pgrp = tty_pgrp_get(tty);

	if (pgrp != NULL)
		signal_send_pgrp(pgrp, sig, NULL);
	pid_put(pgrp);
}

int
tty_check_background(struct tty *tty, int sig)
{
	struct pid *own;
	int err = 0;

	if (!is_controlling(tty) || READ_ONCE(tty->pgrp) == NULL)
		return 0;
	own = process_pgrp_current();
	if (READ_ONCE(tty->pgrp) == own)
		goto out_put;
	if (signal_is_blocked_or_ignored(sig)) {
		err = sig == SIGTTIN ? -EIO : 0;
	} else if (pgrp_is_orphaned(own)) {
		err = -EIO;
	} else {
		signal_send_pgrp(own, sig, NULL);
		err = -ERESTARTSYS;
	}
out_put:
	pid_put(own);
	return err;
}

/* The current session and group take the terminal; the caller has checked that they may. */
static void
take_terminal(struct tty *tty)
{
	struct pid *session = process_session_current(), *pgrp = process_pgrp_current(), *old_session, *old_pgrp;

	pid_get(session);
	spin_lock(&tty->job);
	old_session = tty->session;
	old_pgrp = tty->pgrp;
	tty->session = session;
	tty->pgrp = pgrp;
	spin_unlock(&tty->job);
	pid_put(old_session);
	pid_put(old_pgrp);
	tty_get(tty);
	job_tty_set(tty);
}

void
tty_open_ctty(struct tty *tty, bool noctty)
{
	struct tty *own;

	if (noctty || !job_is_session_leader() || READ_ONCE(tty->session) != NULL)
		return;
	own = job_tty_get();
	if (own == NULL)
		take_terminal(tty);
	else
		tty_put(own);
}

/* TIOCSCTTY. arg 1: root may steal it from another session. */
static long
set_controlling(struct tty *tty, struct file *f, u64 arg)
{
	struct pid *session = process_session_current(), *other;
	struct tty *own = job_tty_get();

	if (own != NULL)
		tty_put(own);
	if (own == tty && READ_ONCE(tty->session) == session)
		return 0;
	if (!job_is_session_leader() || own != NULL)
		return -EPERM;
	spin_lock(&tty->job);
	other = tty->session;
	pid_get(other);
	spin_unlock(&tty->job);
	if (other != NULL) {
		if (arg != 1 || !capable(CAP_SYS_ADMIN)) {
			pid_put(other);
			return -EPERM;
		}
		job_session_clear_tty(other, tty, false);
		pid_put(other);
	}
	if (!(f->mode & FMODE_READ) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	take_terminal(tty);
	return 0;
}

/* Forget session and group; the group is signalled. */
static void
drop_session(struct tty *tty, struct pid *session)
{
	struct pid *old, *pgrp;

	spin_lock(&tty->job);
	if (tty->session != session) {
		spin_unlock(&tty->job);
		return;
	}
	old = tty->session;
	pgrp = tty->pgrp;
	tty->session = tty->pgrp = NULL;
	spin_unlock(&tty->job);
	if (pgrp != NULL) {
		signal_send_pgrp(pgrp, SIGHUP, NULL);
		signal_send_pgrp(pgrp, SIGCONT, NULL);
	}
	job_session_clear_tty(old, tty, false);
	pid_put(old);
	pid_put(pgrp);
}

void
tty_session_exit(struct tty *tty, struct pid *session)
{
	if (READ_ONCE(tty->session) == session)
		tty_hangup(tty);
}

/* TIOCNOTTY */
static long
give_up(struct tty *tty)
{
	if (!is_controlling(tty))
		return -ENOTTY;
	if (job_is_session_leader())
		drop_session(tty, process_session_current());
	else
		job_tty_clear();
	return 0;
}

static long
get_pgrp(struct tty *tty, u64 arg, bool master)
{
	struct pid *pgrp;
	pid_t nr;

	if (!master && !is_controlling(tty))
		return -ENOTTY;
	pgrp = tty_pgrp_get(tty);
	nr = pid_nr(pgrp);
	pid_put(pgrp);
	return put_user_u32((u32)nr, (u32 __user *)arg);
}

static long
set_pgrp(struct tty *tty, u64 arg, bool master)
{
	struct pid *pgrp, *session, *old;
	u32 nr;
	long err;

	if (!master) {
		err = tty_check_background(tty, SIGTTOU);
		if (err != 0)
			return err == -EIO ? -ENOTTY : err;
		if (!is_controlling(tty))
			return -ENOTTY;
	}
	if (READ_ONCE(tty->session) == NULL || (!master && READ_ONCE(tty->session) != process_session_current()))
		return -ENOTTY;
	if (get_user_u32(&nr, (u32 __user *)arg) != 0)
		return -EFAULT;
	if ((s32)nr < 0)
		return -EINVAL;
	pgrp = pid_find_get((pid_t)nr);
	if (pgrp == NULL)
		return -ESRCH;
	session = job_pgrp_session_get(pgrp);
	err = -EPERM;
	if (session != READ_ONCE(tty->session))
		goto out_put;
	spin_lock(&tty->job);
	old = tty->pgrp;
	tty->pgrp = pgrp;
	spin_unlock(&tty->job);
	pgrp = old;
	err = 0;
out_put:
	pid_put(session);
	pid_put(pgrp);
	return err;
}

static long
get_session(struct tty *tty, u64 arg, bool master)
{
	pid_t nr;

	if (!master && !is_controlling(tty))
		return -ENOTTY;
	spin_lock(&tty->job);
	nr = pid_nr(tty->session);
	spin_unlock(&tty->job);
	if (nr == 0)
		return -ENOTTY;
	return put_user_u32((u32)nr, (u32 __user *)arg);
}

long
tty_job_ioctl(struct tty *tty, struct file *f, unsigned int cmd, u64 arg, bool master)
{
	switch (cmd) {
	case TIOCSCTTY:
		return set_controlling(tty, f, arg);
	case TIOCNOTTY:
		return give_up(tty);
	case TIOCGPGRP:
		return get_pgrp(tty, arg, master);
	case TIOCSPGRP:
		return set_pgrp(tty, arg, master);
	case TIOCGSID:
		return get_session(tty, arg, master);
	default:
		return -ENOIOCTLCMD;
	}
}
