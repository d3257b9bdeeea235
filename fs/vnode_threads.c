/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VFS' own threads. vnode-write: vnodes that have been dirty for a while; asleep as long as nothing is. (They sleep interruptibly, as idle
 * threads do: nobody sends them signals.) vnode-evict: what reclaim
 * wants to be rid of, for the thread that asks for memory may hold locks that a file system's evict takes.
 */
#include "fs/internal.h"

#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/panic.h"
#include "sys/thread.h"
#include "sys/wait.h"

#define EXPIRE_TIMES	(12 * 3600 * NSEC_PER_SEC)	/* lazytime(mount(8)): at least once a day */

/* Of the sysctls vm.dirty_writeback_centisecs and dirty_expire_centisecs, which pages obey too. */
static nsec_t
centisecs(int value)
{
	return (nsec_t)MAX(value, 1) * 10 * NSEC_PER_MSEC;
}

/* arg: set to true if something is left. */
static void
write_expired(struct super_block *sb, void *arg)
{
	nsec_t now = clock_now();
	struct vnode *vn;

	if (sb->ops == NULL || sb->ops->write_vnode == NULL || (atomic_load_relaxed(&sb->flags) & MS_RDONLY))
		return;
	(void)!super_write_vnodes(sb, now - centisecs(dirty_expire_centisecs), false);
	spin_lock(&sb->lock);
	while ((vn = list_first(&sb->dirty_times, struct vnode, dirty_node)) != NULL && now - vn->dirtied_at >= EXPIRE_TIMES) {
		list_del_init(&vn->dirty_node);
		list_add_tail(&sb->dirty, &vn->dirty_node);
	}
	if (!list_empty(&sb->dirty) || !list_empty(&sb->dirty_times))
		*(bool *)arg = true;
	spin_unlock(&sb->lock);
}

static void
writer_thread(void *arg)
{
	static struct waitq never = WAITQ_INIT(never);

	(void)arg;
	for (;;) {
		bool more = false;

		(void)!wait_event_interruptible(&vnode_writer_wq, atomic_load(&vnode_writer_due));
		(void)!wait_event_interruptible_until(&never, false, clock_now() + centisecs(dirty_writeback_centisecs));
		atomic_store(&vnode_writer_due, false);
		super_for_each(write_expired, &more);
		if (more)
			vnode_writer_wake();
	}
}

static void
evict_thread(void *arg)
{
	(void)arg;
	for (;;) {
		(void)!wait_event_interruptible(&vnode_evict_wq, vnode_evict_pending());
		vnode_evict_deferred();
	}
}

void
vnode_threads_init(void)
{
	if (thread_spawn(writer_thread, NULL, "vnode-write") != 0 || thread_spawn(evict_thread, NULL, "vnode-evict") != 0)
		panic("vfs: no memory for threads");
}
