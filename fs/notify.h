/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Telling watchers what happens to files: the hooks, which cost one load where nobody watches anything, and watches on vnodes.
 * inotify(7). Events are the IN_* bits of sys/abi/inotify.h.
 */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include "fs/path.h"
#include "sys/abi/inotify.h"
#include "sys/lib/rbtree.h"
#include "sys/work.h"

extern u32 notify_count;	/* [a] watches that exist */

/* --- the hooks; none sleeps --- */
void notify_dentry_slow(struct dentry *d, u32 event, bool by_file);
void notify_name_slow(struct vnode *dir, const char *name, u32 event, u32 cookie);
void notify_vnode_slow(struct vnode *vn, u32 event);
void notify_removed_slow(struct vnode *vn);

static inline bool
notify_any(void)
{
	return unlikely(atomic_load_relaxed(&notify_count) != 0);
}

/* Of an open file: its directory's watchers and its own. */
static inline void
notify_file(struct file *f, u32 event)
{
	if (notify_any())
		notify_dentry_slow(f->dentry, event, true);
}

/* The same by name. */
static inline void
notify_dentry(struct dentry *d, u32 event)
{
	if (notify_any())
		notify_dentry_slow(d, event, false);
}

/* An entry of dir, for dir's watchers. event with IN_ISDIR if it is a directory. dir is locked, so that events come in order. */
static inline void
notify_name(struct vnode *dir, const char *name, u32 event, u32 cookie)
{
	if (notify_any())
		notify_name_slow(dir, name, event, cookie);
}

/* For the watchers of vn itself. */
static inline void
notify_vnode(struct vnode *vn, u32 event)
{
	if (notify_any())
		notify_vnode_slow(vn, event);
}

/* The last name of vn that was in use is gone and it has no links: IN_DELETE_SELF, and its watches end. */
static inline void
notify_removed(struct vnode *vn)
{
	if (notify_any())
		notify_removed_slow(vn);
}

/* What setattr changed (ATTR_*), as inotify(7) tells it. */
u32 notify_event_of(u32 valid);
u32 notify_cookie(void);			/* joins IN_MOVED_FROM and IN_MOVED_TO */
void notify_unmount(struct super_block *sb);	/* IN_UNMOUNT, and all watches there end */

/* --- watches --- */
struct inotify;

/* Lock key: [v] the vnode's spinlock  [g] the instance's */
struct watch {
	struct hnode vnode_node;	/* [v] vn->watches */
	struct rbnode group_node;	/* [g] by wd */
	bool group_linked;		/* [g] */
	struct refcount refs;		/* one for each of the two */
	struct inotify *group;		/* [I] reference */
	struct vnode *vn;		/* [I] reference */
	u32 mask;			/* [v] IN_*, and IN_ONESHOT, IN_EXCL_UNLINK */
	s32 wd;				/* [I] */
	bool expired_both;		/* of IN_ONESHOT: the work holds both references */
	struct work expired;
};

/* Watch vn for mask (checked), or change the watch that is there already. The descriptor, or -EEXIST (IN_MASK_CREATE), -ENOSPC, -ENOMEM. */
int watch_update(struct inotify *g, struct vnode *vn, u32 mask);
/* Off its vnode and its instance, with IN_IGNORED. May be called by two at once: one does it. The caller holds a reference of w. */
void watch_remove(struct watch *w);
void watch_put(struct watch *w);

/* --- inotify.c: an instance and its queue --- */
struct inotify *inotify_create(void);			/* NULL: no memory. ERR_PTR(-EMFILE): the user has too many */
void inotify_get(struct inotify *g);
void inotify_put(struct inotify *g);
void inotify_close(struct inotify *g);			/* all watches end; nothing is queued any more */
/* Queue an event, unless it says what the last one says. Spinlocks up to LOCK_INOTIFY may be held. */
void inotify_queue(struct inotify *g, s32 wd, u32 mask, u32 cookie, const char *name);
int __must_check inotify_add_watch(struct inotify *g, struct watch *w);	/* gives it a wd: -ENOSPC */
bool inotify_unlink_watch(struct inotify *g, struct watch *w);	/* false: somebody was faster */
bool inotify_has_watch(struct inotify *g, const struct watch *w);
struct watch *inotify_find_watch(struct inotify *g, s32 wd);	/* referenced, or NULL */
ssize_t inotify_read(struct inotify *g, struct iobuf *buf, bool nonblock);
u32 inotify_poll(struct inotify *g, struct file *f, struct poll_table *pt);
u32 inotify_bytes(struct inotify *g);			/* FIONREAD */
void inotify_show(struct inotify *g, struct strbuf *out);	/* fdinfo */
void inotify_init(void);

extern int inotify_max_queued_events, inotify_max_user_instances, inotify_max_user_watches;	/* [a] sysctls */

#endif
