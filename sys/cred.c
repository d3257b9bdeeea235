/* SPDX-License-Identifier: BSD-2-Clause */
/* Credentials: copy, change the copy, commit it. A published one never changes; readers of other threads' use RCU. */
#include "sys/cred.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/thread.h"

struct user_ns { u32 level; };

struct user_ns init_user_ns;

const struct cred init_cred = {
	.refs = { 1 },
	.cap_permitted = CAP_ALL,
	.cap_effective = CAP_ALL,
	.cap_bounding = CAP_ALL,
	.user_ns = &init_user_ns,
};

const struct cred *
cred_current(void)
{
	return thread_current()->cred;
}

/* init_cred is constant memory, and lives for ever. */
static struct cred *
writable(const struct cred *c)
{
	return (struct cred *)(uintptr_t)c;
}

const struct cred *
cred_get(const struct cred *c)
{
	if (c != &init_cred)
		refcount_get(&writable(c)->refs);
	return c;
}

static void
free_cred(struct rcu_head *head)
{
	struct cred *c = container_of(head, struct cred, rcu);

	if (c->groups != NULL && refcount_put(&c->groups->refs))
		kmem_free(c->groups);
	kmem_free(c);
}

void
cred_put(const struct cred *c)
{
	if (c == &init_cred)
		return;
	if (refcount_put(&writable(c)->refs))
		rcu_call(&writable(c)->rcu, free_cred);
}

struct cred *
cred_copy(const struct cred *c)
{
	struct cred *n = kmem_alloc(sizeof(*n), KM_NORMAL);

	if (n == NULL)
		return NULL;
	memcpy(n, c, sizeof(*n));
	refcount_init(&n->refs, 1);
	if (n->groups != NULL)
		refcount_get(&n->groups->refs);
	return n;
}

void
cred_commit(const struct cred *c)
{
	struct thread *t = thread_current();
	const struct cred *old = t->cred;

	rcu_assign(t->cred, c);
	cred_put(old);
}

bool
capable_in(struct user_ns *ns, int cap)
{
	const struct cred *c = cred_current();

	return c->user_ns == ns && (c->cap_effective & BIT(cap));
}

bool
capable(int cap)
{
	return capable_in(&init_user_ns, cap);
}

bool
cred_in_group(const struct cred *c, kgid_t gid)
{
	u32 low = 0, high = c->groups != NULL ? c->groups->count : 0;

	if (gid_eq(c->fsgid, gid))
		return true;
	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (gid_eq(c->groups->gid[mid], gid))
			return true;
		if (c->groups->gid[mid].val < gid.val)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}
