/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Credentials at exec: set-user-ID and set-group-ID, and the transformation of capabilities. Rules: execve(2) and capabilities(7)
 * ("Transformation of capabilities during execve()", "Capabilities and execution of programs by root"). File capabilities are
 * extended attributes, which do not exist yet.
 */
#include "proc/exec.h"
#include "proc/ptrace.h"

#include "sys/abi/prctl.h"

static void
apply_setid_bits(struct exec *e, struct cred *c)
{
	struct vnode *vn = e->file->vn;
	u32 mode = READ_ONCE(vn->mode);

	if ((e->file->mnt->flags & MNT_NOSUID) != 0 || c->no_new_privs)
		return;
	if ((mode & S_ISUID) != 0)
		c->euid = vn->uid;
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		c->egid = vn->gid;
}

/* Fill e->cred, a copy of the current credentials, for e->file. Also e->secure and e->ids_changed. */
int
exec_cred_compute(struct exec *e)
{
	const struct cred *old = cred_current();
	struct cred *c = e->cred;
	bool effective = false, setid, traced = (READ_ONCE(pt_current()->trace) & (PT_TRACED | PT_TRACER_CAPABLE)) == PT_TRACED;

	apply_setid_bits(e, c);
	c->cap_permitted = 0;
	if ((c->securebits & SECBIT_NOROOT) == 0) {
		if (c->euid.val == 0 || c->uid.val == 0)
			c->cap_permitted = c->cap_bounding | c->cap_inheritable;
		effective = c->euid.val == 0;
	}
	setid = !uid_eq(c->euid, old->uid) || !gid_eq(c->egid, old->gid);
	if ((setid || (c->cap_permitted & ~old->cap_permitted) != 0) && (e->fs_shared || c->no_new_privs || traced)) {
		/* Somebody else could pull the strings: no more than there was before. */
		if (!capable(CAP_SETUID) || c->no_new_privs) {
			c->euid = c->uid;
			c->egid = c->gid;
		}
		c->cap_permitted &= old->cap_permitted;
	}
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	if (setid)
		c->cap_ambient = 0;
	c->cap_permitted |= c->cap_ambient;
	c->cap_effective = effective ? c->cap_permitted : c->cap_ambient;
	c->securebits &= ~(u32)SECBIT_KEEP_CAPS;
	e->ids_changed = setid;
	e->secure = setid || (c->uid.val != 0 && (effective || (c->cap_permitted & ~c->cap_ambient) != 0));
	return 0;
}
