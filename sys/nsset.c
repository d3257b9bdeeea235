/* SPDX-License-Identifier: BSD-2-Clause */
/* The first, and for now only, set of namespaces: it is never freed. */
#include "sys/lib/string.h"
#include "sys/nsset.h"
#include "sys/panic.h"
#include "sys/thread.h"

struct nsset init_nsset = {
	.refs = { 1 },
	.lock = SPINLOCK_INIT(LOCK_LEAF),
	.hostname = "(none)",
	.domainname = "(none)",
};

struct nsset *
nsset_current(void)
{
	struct thread *t = thread_current();

	return t->nsset != NULL ? t->nsset : &init_nsset;
}

struct nsset *
nsset_get(struct nsset *ns)
{
	refcount_get(&ns->refs);
	return ns;
}

void
nsset_put(struct nsset *ns)
{
	bool last = ns != NULL && refcount_put(&ns->refs);

	KASSERT(!last);
}

static void
copy_out(struct nsset *ns, const char *from, char *buf)
{
	spin_lock(&ns->lock);
	memcpy(buf, from, UTS_LEN + 1);
	spin_unlock(&ns->lock);
}

static void
copy_in(struct nsset *ns, char *to, const char *name, size_t len)
{
	KASSERT(len <= UTS_LEN);
	spin_lock(&ns->lock);
	memcpy(to, name, len);
	memset(to + len, 0, UTS_LEN + 1 - len);
	spin_unlock(&ns->lock);
}

void
nsset_get_hostname(struct nsset *ns, char *buf)
{
	copy_out(ns, ns->hostname, buf);
}

void
nsset_get_domainname(struct nsset *ns, char *buf)
{
	copy_out(ns, ns->domainname, buf);
}

void
nsset_set_hostname(struct nsset *ns, const char *name, size_t len)
{
	copy_in(ns, ns->hostname, name, len);
}

void
nsset_set_domainname(struct nsset *ns, const char *name, size_t len)
{
	copy_in(ns, ns->domainname, name, len);
}
