/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Job control: what terminals (dev/tty) and processes (proc/) ask of each other. A contract header: the first part is defined in
 * proc/job_control.c, the second in dev/tty.
 *
 * A process has a reference on its controlling terminal. The terminal holds references on its session and its foreground process
 * group (struct pid). Who may signal, block or is orphaned: sys/signal.h.
 */
#ifndef SYS_JOB_CONTROL_H
#define SYS_JOB_CONTROL_H

#include "sys/lib/types.h"

struct pid;
struct tty;

/* --- proc/job_control.c --- */
/* The controlling terminal of the current process, with a reference (tty_get); NULL. */
struct tty *job_tty_get(void);
/* The current process is a session leader (only such a one acquires a terminal). */
bool job_is_session_leader(void);
/* tty becomes the current process's controlling terminal; takes the caller's reference. An old one is let go. */
void job_tty_set(struct tty *tty);
/* The current process alone gives its terminal up (TIOCNOTTY of one that isn't the session leader). */
void job_tty_clear(void);
/* Every process of the session whose controlling terminal is tty gives it up, references put; with hangup, the leader gets
 * SIGHUP and SIGCONT. For hang-up, TIOCNOTTY by the leader, and TIOCSCTTY by force. Takes the tree lock: thread or worker
 * context, no spinlocks held. */
void job_session_clear_tty(struct pid *session, struct tty *tty, bool hangup);
/* The session to which the process group belongs, with a reference; NULL: the group is empty. For TIOCSPGRP. */
struct pid *job_pgrp_session_get(struct pid *pgrp);

/* --- dev/tty --- */
void tty_get(struct tty *tty);
void tty_put(struct tty *tty);		/* may be called with spinlocks held: the last one defers its work */
/*
 * The leader of `session` exits or gives the terminal up, so the session has none any more: hangs the terminal up (a pty or real
 * one: readers get EOF, writers EIO), sends SIGHUP and SIGCONT to the foreground process group, forgets session and group, and
 * calls job_session_clear_tty(). May sleep. The caller holds a reference on tty.
 */
void tty_session_exit(struct tty *tty, struct pid *session);
/* For /proc/PID/stat: the device number and the foreground group (with a reference, or NULL). */
dev_t tty_device(const struct tty *tty);
struct pid *tty_pgrp_get(struct tty *tty);

#endif
