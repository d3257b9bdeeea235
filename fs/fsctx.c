/* SPDX-License-Identifier: BSD-2-Clause */
/* Root, working directory and umask: what CLONE_FS shares. Threads without one (kernel threads) use the boot's. */
#include "fs/internal.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/panic.h"
#include "sys/thread.h"

static struct fsctx boot_fsctx;		/* [I] never freed */
static struct spinlock list_lock = SPINLOCK_INIT(LOCK_FSCTX_LIST);
static struct list all = LIST_INIT(all);	/* [list_lock] */

static void
init(struct fsctx *c)
{
	refcount_init(&c->refs, 1);
	spin_init(&c->lock, LOCK_FSCTX);
	c->seq.seq = 0;
}

static void
enlist(struct fsctx *c)
{
	spin_lock(&list_lock);
	list_add_tail(&all, &c->node);
	spin_unlock(&list_lock);
}

void
fsctx_init(const struct path *root)
{
	init(&boot_fsctx);
	boot_fsctx.root = *root;
	boot_fsctx.cwd = *root;
	path_get(&boot_fsctx.root);
	path_get(&boot_fsctx.cwd);
	boot_fsctx.umask = 022;
	enlist(&boot_fsctx);
}

struct fsctx *
fsctx_current(void)
{
	struct fsctx *c = thread_current()->fsctx;

	return c != NULL ? c : &boot_fsctx;
}

struct fsctx *
fsctx_copy(struct fsctx *src)
{
	struct fsctx *c = kmem_alloc(sizeof(*c), KM_NORMAL);

	if (c == NULL)
		return NULL;
	if (src == NULL)
		src = &boot_fsctx;
	init(c);
	spin_lock(&src->lock);
	c->root = src->root;
	c->cwd = src->cwd;
	path_get(&c->root);
	path_get(&c->cwd);
	spin_unlock(&src->lock);
	c->umask = atomic_load_relaxed(&src->umask);
	enlist(c);
	return c;
}

void
fsctx_get(struct fsctx *c)
{
	refcount_get(&c->refs);
}

void
fsctx_put(struct fsctx *c)
{
	if (c == NULL || !refcount_put(&c->refs))
		return;
	spin_lock(&list_lock);
	list_del(&c->node);
	spin_unlock(&list_lock);
	path_put(&c->root);
	path_put(&c->cwd);
	kmem_free(c);
}

static void
set(struct path *slot, struct fsctx *c, const struct path *p)
{
	struct path old;

	path_get(p);
	spin_lock(&c->lock);
	seq_write_begin(&c->seq);
	old = *slot;
	*slot = *p;
	seq_write_end(&c->seq);
	spin_unlock(&c->lock);
	path_put(&old);
}

void
fsctx_set_root(const struct path *p)
{
	struct fsctx *c = fsctx_current();

	set(&c->root, c, p);
}

void
fsctx_set_cwd(const struct path *p)
{
	struct fsctx *c = fsctx_current();

	set(&c->cwd, c, p);
}

/* The caller holds references of both; so the counts of the old path never fall to zero below. */
void
fsctx_replace_root(const struct path *old, const struct path *new)
{
	struct fsctx *c;
	u32 replaced = 0;

	spin_lock(&list_lock);
	list_for_each(c, &all, node) {
		spin_lock(&c->lock);
		seq_write_begin(&c->seq);
		if (path_equal(&c->root, old)) {
			c->root = *new;
			path_get(new);
			replaced++;
		}
		if (path_equal(&c->cwd, old)) {
			c->cwd = *new;
			path_get(new);
			replaced++;
		}
		seq_write_end(&c->seq);
		spin_unlock(&c->lock);
	}
	spin_unlock(&list_lock);
	while (replaced-- > 0) {
		struct path p = *old;

		path_put(&p);
	}
}

static void
fetch(const struct path *slot, struct fsctx *c, struct path *out)
{
	spin_lock(&c->lock);
	*out = *slot;
	path_get(out);
	spin_unlock(&c->lock);
}

void
path_current_root(struct path *out)
{
	struct fsctx *c = fsctx_current();

	fetch(&c->root, c, out);
}

void
path_current_cwd(struct path *out)
{
	struct fsctx *c = fsctx_current();

	fetch(&c->cwd, c, out);
}
