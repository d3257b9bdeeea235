/* SPDX-License-Identifier: BSD-2-Clause */
/* One path walk at work: fs/walk.c walks, fs/namei.c turns it into lookups, creations and opens. */
#ifndef FS_WALK_H
#define FS_WALK_H

#include "fs/internal.h"

#define FRAMES_INLINE	6

/* A symlink that is being walked: its text, and where to go on behind it. */
struct frame {
	struct vnode *vn;		/* referenced (walk by reference) while body is its own text, else NULL */
	const char *body;
	void (*free)(const char *body);	/* or NULL */
	const char *rest;		/* "" : nothing behind it */
};

struct walk {
	struct path path;		/* where we are; referenced unless rcu */
	struct vnode *vn;		/* its vnode */
	struct path root;		/* mnt NULL: not fetched yet; referenced unless rcu */
	u32 seq;			/* rcu: of path.dentry */
	u32 mseq;			/* mount_seq at the start */
	u32 tseq;			/* dentry_tree_seq at the start */
	int flags;			/* LOOKUP_* */
	bool rcu;
	bool must_dir;			/* a slash behind the last component */
	bool slash;			/* the same for the current `last` */
	enum last_type type;
	u32 len;
	const char *last;		/* the last component, not walked yet; not terminated */
	u32 links;			/* symlinks followed */
	u32 depth, pending;		/* frames; those of them with a rest */
	struct frame *frames;
	struct frame inline_frames[FRAMES_INLINE];
	struct fdref dfd;		/* held for the walk; file NULL: none */
	const char *body;		/* result of step(): a link to walk */
	void (*body_free)(const char *);
	struct vnode *body_vn;
};

/* Ready to walk name: an RCU section if rcu, else references. On failure there is nothing to end. */
int walk_begin(struct walk *w, int dfd, const char *name, int flags, bool rcu);
/* Walk all of name but its last component, which goes to w->last. */
int walk_names(struct walk *w, const char *name);
/* Walk the last component, and the links that it leads to. */
int walk_last(struct walk *w);
/* `link` is a symlink to follow (referenced, unless rcu; taken). 1: w->body is its text; 0: we are there; -errno. */
int walk_open_link(struct walk *w, struct path *link, struct vnode *vn);
/* Go into the link w->body; `rest` is what to walk behind it. */
int walk_enter_link(struct walk *w, const char *rest);
/* An error found under RCU counts only if what we stood on was still right: else -ECHILD. */
int walk_settle_error(struct walk *w, int err);
/* Leave RCU mode with references of where we are. -ECHILD: it was not right any more; the walk has ended. */
int walk_legitimize(struct walk *w);
/* Ends the RCU section, gives all references back. */
void walk_end(struct walk *w);

#endif
