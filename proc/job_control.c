/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Process groups, sessions and the controlling terminal: proc's half of sys/job_control.h.
 * Membership changes under the tree lock and the member's signal lock.
 */
#include "proc/proc.h"

#include "sys/job_control.h"

/* --- groups; proctree_lock held --- */

/* POSIX: a group is orphaned unless a member's parent is in the same session, but not in the group. `ignore` counts as gone. */
bool
pgrp_orphaned_locked(struct pid *pgrp, const struct process *ignore)
{
	struct proc_thread *pt;

	spin_assert_held(&proctree_lock);
	pid_for_each_bearer(pt, pgrp, PID_PGID) {
		struct process *p = pt->proc, *parent = p->parent;

		if (p == ignore || p->state != PROC_ALIVE || parent == NULL || is_init(parent))
			continue;
		if (parent->pids[PID_PGID] != pgrp && parent->pids[PID_SID] == p->pids[PID_SID])
			return false;
	}
	return true;
}

static bool
has_stopped_jobs(struct pid *pgrp)
{
	struct proc_thread *pt;

	pid_for_each_bearer(pt, pgrp, PID_PGID)
		if ((READ_ONCE(pt->proc->stop_flags) & STOP_STOPPED) != 0)
			return true;
	return false;
}

/*
 * p exits, or loses its parent by `parent`'s exit (else NULL). If that orphans p's group and there are stopped jobs in it, they get
 * SIGHUP and SIGCONT.
 */
void
pgrp_hangup_if_orphaned(struct process *p, struct process *parent)
{
	struct pid *pgrp = p->pids[PID_PGID];
	const struct process *ignore = NULL;
	struct proc_thread *pt;
	struct siginfo_k info;

	if (parent == NULL) {
		parent = p->parent;	/* p itself leaves */
		ignore = p;
	}
	if (parent == NULL || parent->pids[PID_PGID] == pgrp || parent->pids[PID_SID] != p->pids[PID_SID])
		return;			/* p did not hold the group up */
	if (!pgrp_orphaned_locked(pgrp, ignore) || !has_stopped_jobs(pgrp))
		return;
	for (int i = 0; i < 2; i++) {
		siginfo_init(&info, i == 0 ? SIGHUP : SIGCONT, SI_KERNEL);
		pid_for_each_bearer(pt, pgrp, PID_PGID)
			(void)signal_send_process(pt->proc, info.abi.si_signo, &info);
	}
}

/* p enters another group or session. */
void
process_set_group(struct process *p, enum pid_type type, struct pid *pid)
{
	struct proc_thread *leader = p->leader->pt;
	struct pid *old = p->pids[type];
	struct sighand *sh;
	u64 irq;

	if (old == pid)
		return;
	pid_get(pid);
	pid_detach(old, type, leader);
	pid_attach(pid, type, leader);
	sh = sighand_lock(p, &irq);
	p->pids[type] = pid;
	sighand_unlock(sh, irq);
	pid_put(old);
}

/* --- for terminals --- */

bool
pgrp_is_orphaned(struct pid *pgrp)
{
	u64 irq = proctree_lock_irq();
	bool orphaned = pgrp_orphaned_locked(pgrp, NULL);

	proctree_unlock_irq(irq);
	return orphaned;
}

struct pid *
process_pgrp_current(void)
{
	return process_pid_get(process_current(), PID_PGID);
}

struct pid *
process_session_current(void)
{
	return process_current()->pids[PID_SID];
}

struct pid *
process_tgid_current(void)
{
	struct process *p = process_current();

	return p != NULL ? p->pids[PID_TGID] : NULL;
}

struct pid *
job_pgrp_session_get(struct pid *pgrp)
{
	struct proc_thread *pt;
	struct pid *session = NULL;
	u64 irq = proctree_lock_irq();

	pid_for_each_bearer(pt, pgrp, PID_PGID) {
		session = pt->proc->pids[PID_SID];
		pid_get(session);
		break;
	}
	proctree_unlock_irq(irq);
	return session;
}

bool
job_is_session_leader(void)
{
	return is_session_leader(process_current());
}

struct tty *
job_tty_get(void)
{
	struct process *p = process_current();
	struct sighand *sh;
	struct tty *tty;
	u64 irq;

	if (p == NULL)
		return NULL;
	sh = sighand_lock(p, &irq);
	tty = p->tty;
	if (tty != NULL)
		tty_get(tty);
	sighand_unlock(sh, irq);
	return tty;
}

/* Any process: tty (a reference, or NULL) instead of what it had. only: nothing happens unless it had this one. */
static void
replace_tty(struct process *p, struct tty *only, struct tty *tty)
{
	struct tty *old = NULL;
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	if (only == NULL || p->tty == only) {
		old = p->tty;
		p->tty = tty;
	}
	sighand_unlock(sh, irq);
	if (old != NULL)
		tty_put(old);
}

void
job_tty_set(struct tty *tty)
{
	replace_tty(process_current(), NULL, tty);
}

void
job_tty_clear(void)
{
	replace_tty(process_current(), NULL, NULL);
}

void
job_session_clear_tty(struct pid *session, struct tty *tty, bool hangup)
{
	struct proc_thread *pt;
	struct siginfo_k info;
	u64 irq = proctree_lock_irq();

	pid_for_each_bearer(pt, session, PID_SID) {
		replace_tty(pt->proc, tty, NULL);
		if (!hangup || !is_session_leader(pt->proc))
			continue;
		siginfo_init(&info, SIGHUP, SI_KERNEL);
		(void)signal_send_process(pt->proc, SIGHUP, &info);
		siginfo_init(&info, SIGCONT, SI_KERNEL);
		(void)signal_send_process(pt->proc, SIGCONT, &info);
	}
	proctree_unlock_irq(irq);
}

/* The current process is a session leader and exits: the session's terminal is hung up. May sleep. */
void
job_leader_exit(struct process *p)
{
	struct tty *tty;

	if (!is_session_leader(p))
		return;
	tty = job_tty_get();
	if (tty == NULL)
		return;
	tty_session_exit(tty, p->pids[PID_SID]);
	replace_tty(p, NULL, NULL);
	tty_put(tty);
}
