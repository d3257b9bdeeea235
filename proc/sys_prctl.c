/* SPDX-License-Identifier: BSD-2-Clause */
/* prctl(2), arch_prctl(2), personality(2). */
#include "proc/proc.h"

#include "arch/thread.h"
#include "syscall_protos.h"
#include "sys/abi/prctl.h"

/* A changed copy of the credentials becomes the thread's. */
static long
set_cred(void (*change)(struct cred *c, unsigned long arg), unsigned long arg)
{
	struct cred *c = cred_copy(cred_current());

	if (c == NULL)
		return -ENOMEM;
	change(c, arg);
	cred_commit(c);
	return 0;
}

static void set_no_new_privs(struct cred *c, unsigned long arg) { c->no_new_privs = true; }
static void set_securebits(struct cred *c, unsigned long arg) { c->securebits = (u32)arg; }
static void drop_bound(struct cred *c, unsigned long arg) { c->cap_bounding &= ~BIT(arg); }
static void raise_ambient(struct cred *c, unsigned long arg) { c->cap_ambient |= BIT(arg); }
static void lower_ambient(struct cred *c, unsigned long arg) { c->cap_ambient &= ~BIT(arg); }
static void clear_ambient(struct cred *c, unsigned long arg) { c->cap_ambient = 0; }

static void
set_keep_caps(struct cred *c, unsigned long arg)
{
	c->securebits = arg != 0 ? c->securebits | SECBIT_KEEP_CAPS : c->securebits & ~(u32)SECBIT_KEEP_CAPS;
}

/* Locked bits stay, nothing is unknown, CAP_SETPCAP: capabilities(7). */
static long
change_securebits(unsigned long bits)
{
	u32 old = cred_current()->securebits;

	if (((old & SECBITS_LOCKS) >> 1 & (old ^ bits)) != 0 || (old & SECBITS_LOCKS & ~bits) != 0 || (bits & ~0xffUL) != 0 ||
	    !capable(CAP_SETPCAP))
		return -EPERM;
	return set_cred(set_securebits, bits);
}

static long
change_ambient(unsigned long op, unsigned long cap, unsigned long arg4, unsigned long arg5)
{
	const struct cred *c = cred_current();

	if (op == PR_CAP_AMBIENT_CLEAR_ALL)
		return (cap | arg4 | arg5) != 0 ? -EINVAL : set_cred(clear_ambient, 0);
	if (cap >= CAP_COUNT || (arg4 | arg5) != 0)
		return -EINVAL;
	switch (op) {
	case PR_CAP_AMBIENT_IS_SET:
		return (c->cap_ambient & BIT(cap)) != 0;
	case PR_CAP_AMBIENT_RAISE:
		if ((c->cap_permitted & c->cap_inheritable & BIT(cap)) == 0 || (c->securebits & SECBIT_NO_CAP_AMBIENT_RAISE) != 0)
			return -EPERM;
		return set_cred(raise_ambient, cap);
	case PR_CAP_AMBIENT_LOWER:
		return set_cred(lower_ambient, cap);
	}
	return -EINVAL;
}

static long
set_name(u64 name)
{
	char buf[THREAD_NAME_MAX] = { 0 };
	ssize_t n = copy_string_from_user(buf, (const char __user *)name, sizeof(buf));

	if (n == -EFAULT)
		return -EFAULT;
	buf[THREAD_NAME_MAX - 1] = '\0';	/* a longer one is cut */
	memcpy(thread_current()->name, buf, sizeof(buf));
	return 0;
}

static long
set_timer_slack(struct proc_thread *pt, unsigned long slack)
{
	/* Real-time threads have none. */
	if (pt->thread->rt_prio == 0)
		pt->timer_slack = (long)slack > 0 ? (nsec_t)slack : pt->default_timer_slack;
	return 0;
}

static long
drop_bounding(unsigned long cap)
{
	if (!capable(CAP_SETPCAP))
		return -EPERM;
	return cap < CAP_COUNT ? set_cred(drop_bound, cap) : -EINVAL;
}

static long
keep_caps(unsigned long arg)
{
	if (arg > 1)
		return -EINVAL;
	if ((cred_current()->securebits & SECBIT_KEEP_CAPS_LOCKED) != 0)
		return -EPERM;
	return set_cred(set_keep_caps, arg);
}

long
sys_prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5)
{
	struct proc_thread *pt = pt_current();
	struct process *p = pt->proc;
	const struct cred *c = cred_current();
	bool rest = (arg3 | arg4 | arg5) != 0;	/* must be zero for the younger options */

	switch (option) {
	case PR_SET_PDEATHSIG:
		if (arg2 > NSIG)
			return -EINVAL;
		pt->pdeath_signal = (int)arg2;
		return 0;
	case PR_GET_PDEATHSIG:
		return put_user_u32((u32)pt->pdeath_signal, (u32 __user *)arg2);
	case PR_GET_DUMPABLE:
		return p->dumpable;
	case PR_SET_DUMPABLE:
		if (arg2 > 1)
			return -EINVAL;
		p->dumpable = arg2 != 0;
		return 0;
	case PR_GET_KEEPCAPS:
		return (c->securebits & SECBIT_KEEP_CAPS) != 0;
	case PR_SET_KEEPCAPS:
		return keep_caps(arg2);
	case PR_GET_TIMING:
		return PR_TIMING_STATISTICAL;
	case PR_SET_TIMING:
		return arg2 == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_SET_NAME:
		return set_name(arg2);
	case PR_GET_NAME:
		return copy_to_user((void __user *)arg2, pt->thread->name, THREAD_NAME_MAX);
	case PR_CAPBSET_READ:
		return arg2 < CAP_COUNT ? (long)(c->cap_bounding >> arg2 & 1) : -EINVAL;
	case PR_CAPBSET_DROP:
		return drop_bounding(arg2);
	case PR_GET_SECUREBITS:
		return c->securebits;
	case PR_SET_SECUREBITS:
		return change_securebits(arg2);
	case PR_SET_TIMERSLACK:
		return set_timer_slack(pt, arg2);
	case PR_GET_TIMERSLACK:
		return pt->thread->rt_prio != 0 ? 0 : pt->timer_slack;
	case PR_SET_CHILD_SUBREAPER:
		atomic_store_relaxed(&p->child_subreaper, arg2 != 0);
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_user_u32(atomic_load_relaxed(&p->child_subreaper), (u32 __user *)arg2);
	case PR_SET_NO_NEW_PRIVS:
		return arg2 != 1 || rest ? -EINVAL : set_cred(set_no_new_privs, 0);
	case PR_GET_NO_NEW_PRIVS:
		return arg2 != 0 || rest ? -EINVAL : c->no_new_privs;
	case PR_GET_TID_ADDRESS:
		return put_user_u64(pt->clear_child_tid, (u64 __user *)arg2);
	case PR_CAP_AMBIENT:
		return change_ambient(arg2, arg3, arg4, arg5);
	}
	return -EINVAL;
}

long
sys_arch_prctl(int code, u64 addr)
{
	return arch_thread_prctl(thread_current(), code, addr);
}

long
sys_personality(unsigned int persona)
{
	struct process *p = process_current();
	u32 old = p->personality;

	if (persona != 0xffffffffu)
		p->personality = persona;
	return old;
}
