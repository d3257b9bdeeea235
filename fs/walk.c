/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Path walk: the engine.
 *
 * A walk is tried under RCU first: it takes no lock and no reference; each step checks the sequence count of the dentry that it
 * leaves and of the one it found, and crossings of mounts check mount_seq. At the end the one dentry and mount that it came to
 * are got and checked again. Whatever cannot be done so (a name that is not cached, a symlink whose text must be fetched, a
 * race) gives -ECHILD, and the whole walk is done anew with references. path_resolution(7) is the contract.
 */
#include "fs/walk.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

/* --- begin and end --- */

static void
drop_frames(struct walk *w)
{
	while (w->depth > 0) {
		struct frame *f = &w->frames[--w->depth];

		if (f->free != NULL)
			f->free(f->body);
		if (f->vn != NULL)
			vnode_put(f->vn);
	}
	if (w->frames != w->inline_frames)
		kmem_free(w->frames);
	w->frames = w->inline_frames;
}

/* Ends the RCU section and gives all references back. */
void
walk_end(struct walk *w)
{
	if (w->rcu) {
		rcu_read_unlock();
	} else {
		path_put(&w->path);
		if (w->root.mnt != NULL)
			path_put(&w->root);
	}
	drop_frames(w);
	if (w->dfd.file != NULL)
		fd_put(&w->dfd);
}

/* Copy root or cwd of the caller; in rcu mode only look. */
static void
fetch_fsctx(struct walk *w, bool cwd, struct path *out, u32 *seq)
{
	struct fsctx *c = fsctx_current();
	u32 s;

	if (w->rcu) {
		do {
			s = seq_read_begin(&c->seq);
			*out = cwd ? c->cwd : c->root;
			*seq = seq_read_begin(&out->dentry->seq);
		} while (seq_read_retry(&c->seq, s));
		return;
	}
	spin_lock(&c->lock);
	*out = cwd ? c->cwd : c->root;
	path_get(out);
	spin_unlock(&c->lock);
}

static void
need_root(struct walk *w)
{
	u32 seq;

	if (w->root.mnt == NULL)
		fetch_fsctx(w, false, &w->root, &seq);
}

/* Go to the root: "/" at the start of a name or of a symlink's text. */
static int
jump_root(struct walk *w)
{
	if (w->flags & LOOKUP_BENEATH)
		return -EXDEV;
	need_root(w);
	if ((w->flags & LOOKUP_NO_XDEV) && w->root.mnt != w->path.mnt && w->path.mnt != NULL)
		return -EXDEV;
	if (w->rcu) {
		w->path = w->root;
		w->seq = seq_read_begin(&w->path.dentry->seq);
	} else {
		path_get(&w->root);
		path_put(&w->path);
		w->path = w->root;
	}
	w->vn = w->path.dentry->vn;
	return 0;
}

static int
start_at_dfd(struct walk *w, int dfd, bool empty)
{
	int err = fd_get_path(dfd, &w->dfd);

	if (err != 0) {
		w->dfd.file = NULL;
		return err;
	}
	w->path.mnt = w->dfd.file->mnt;
	w->path.dentry = w->dfd.file->dentry;
	w->vn = w->path.dentry->vn;
	if (!empty && !S_ISDIR(w->vn->mode)) {
		w->path.mnt = NULL;
		w->path.dentry = NULL;
		return -ENOTDIR;
	}
	w->seq = seq_read_begin(&w->path.dentry->seq);
	if (!w->rcu)
		path_get(&w->path);
	return 0;
}

/* Ready to walk name. On failure there is nothing to end. */
int
walk_begin(struct walk *w, int dfd, const char *name, int flags, bool rcu)
{
	int err = 0;

	w->path.mnt = NULL;
	w->path.dentry = NULL;
	w->root.mnt = NULL;
	w->root.dentry = NULL;
	w->dfd.file = NULL;
	w->flags = flags;
	w->rcu = rcu;
	w->must_dir = w->slash = false;
	w->links = w->depth = w->pending = 0;
	w->frames = w->inline_frames;
	w->mseq = seq_read_begin(&mount_seq);
	w->tseq = seq_read_begin(&dentry_tree_seq);
	if (rcu)
		rcu_read_lock();
	if (*name == '/' && !(flags & (LOOKUP_IN_ROOT | LOOKUP_BENEATH))) {
		err = jump_root(w);
	} else if (dfd == AT_FDCWD) {
		fetch_fsctx(w, true, &w->path, &w->seq);
		w->vn = w->path.dentry->vn;
	} else {
		err = start_at_dfd(w, dfd, *name == '\0');
	}
	if (err == 0 && (flags & (LOOKUP_IN_ROOT | LOOKUP_BENEATH))) {
		w->root = w->path;
		if (!rcu)
			path_get(&w->root);
		if (*name == '/' && (flags & LOOKUP_BENEATH))
			err = -EXDEV;
	}
	if (err != 0)
		walk_end(w);
	return err;
}

/* An error found under RCU counts only if what we stood on was still right. */
int
walk_settle_error(struct walk *w, int err)
{
	if (w->rcu && (seq_read_retry(&w->path.dentry->seq, w->seq) || seq_read_retry(&mount_seq, w->mseq)))
		return -ECHILD;
	return err;
}

/* Leave RCU mode with references of where we are. -ECHILD: it was not right any more; the walk has ended. */
int
walk_legitimize(struct walk *w)
{
	struct path p = w->path;
	bool ok;

	if (!w->rcu)
		return 0;
	ok = refcount_try_get(&p.mnt->refs);
	if (ok && !dentry_try_get(p.dentry)) {
		rcu_read_unlock();
		mount_put(p.mnt);
		goto out_fail;
	}
	rcu_read_unlock();
	if (!ok)
		goto out_fail;
	if (seq_read_retry(&p.dentry->seq, w->seq) || seq_read_retry(&mount_seq, w->mseq)) {
		path_put(&p);
		goto out_fail;
	}
	w->rcu = false;
	w->root.mnt = NULL;
	return 0;
out_fail:
	w->rcu = false;
	w->path.mnt = NULL;
	w->path.dentry = NULL;
	w->root.mnt = NULL;
	walk_end(w);
	return -ECHILD;
}

/* --- one step --- */

static int
may_search(struct walk *w)
{
	struct vnode *vn = w->vn;
	u32 mode = atomic_load_relaxed(&vn->mode);

	if (!S_ISDIR(mode))
		return -ENOTDIR;
	if (likely((mode & S_IXUGO) == S_IXUGO && vn->ops->permission == NULL))
		return 0;
	return vnode_permission(vn, MAY_EXEC | (w->rcu ? MAY_NOT_BLOCK : 0));
}

/* Under RCU: onto what is mounted at *p, whose vnode and sequence count go along. */
static int
cross_rcu(struct walk *w, struct path *p, struct vnode **vn, u32 *seq)
{
	while (unlikely(atomic_load_acquire(&p->dentry->flags) & DENTRY_MOUNTED)) {
		struct mount *m = mount_lookup_rcu(p->mnt, p->dentry);

		if (seq_read_retry(&mount_seq, w->mseq))
			return -ECHILD;
		if (m == NULL)
			return 0;
		if (w->flags & LOOKUP_NO_XDEV)
			return -EXDEV;
		p->mnt = m;
		p->dentry = m->root;
		*seq = seq_read_begin(&p->dentry->seq);
		*vn = atomic_load_acquire(&p->dentry->vn);
	}
	return 0;
}

static int
child_rcu(struct walk *w, const char *name, u32 len, struct path *next, struct vnode **vn, u32 *seq)
{
	struct dentry *dir = w->path.dentry, *d;

	d = dentry_find_rcu(dir, name, len, dentry_hash_name(dir, name, len), seq);
	if (d == NULL)
		return -ECHILD;
	*vn = atomic_load_acquire(&d->vn);
	if ((READ_ONCE(d->flags) & DENTRY_NEEDS_REVALIDATE) && d->ops->revalidate(d, true) != 1)
		return -ECHILD;
	if (seq_read_retry(&d->seq, *seq) || seq_read_retry(&dir->seq, w->seq))
		return -ECHILD;
	if (*vn == NULL)
		return -ENOENT;
	next->mnt = w->path.mnt;
	next->dentry = d;
	return cross_rcu(w, next, vn, seq);
}

/* The child by reference, looked up in the file system if it is not cached. May be negative. */
static struct dentry *
child_dentry(struct dentry *dir, const char *name, u32 len)
{
	struct dentry *d = dentry_find(dir, name, len);

	if (d != NULL && (d->flags & DENTRY_NEEDS_REVALIDATE)) {
		int r = d->ops->revalidate(d, false);

		if (r == 0 && !(d->flags & DENTRY_MOUNTED)) {
			dentry_drop(d);
			dentry_put(d);
			d = NULL;
		} else if (r < 0) {
			dentry_put(d);
			return ERR_PTR(r);
		}
	}
	if (d != NULL)
		return d;
	rwlock_read_lock(&dir->vn->rwlock);
	d = dentry_lookup(dir, name, len);
	rwlock_read_unlock(&dir->vn->rwlock);
	return d;
}

static int
child_ref(struct walk *w, const char *name, u32 len, struct path *next, struct vnode **vn)
{
	struct dentry *d = child_dentry(w->path.dentry, name, len);

	if (IS_ERR(d))
		return PTR_ERR(d);
	if (d->vn == NULL) {
		dentry_put(d);
		return -ENOENT;
	}
	next->mnt = w->path.mnt;
	mount_get(next->mnt);
	next->dentry = d;
	if (mount_cross(next) && (w->flags & LOOKUP_NO_XDEV)) {
		path_put(next);
		return -EXDEV;
	}
	*vn = next->dentry->vn;
	return 0;
}

static int
dotdot_rcu(struct walk *w)
{
	struct path p = w->path;
	struct vnode *vn = w->vn;
	u32 seq = w->seq;
	int err;

	for (;;) {
		if (path_equal(&p, &w->root)) {
			if (w->flags & LOOKUP_BENEATH)
				return -EXDEV;
			break;
		}
		if (p.dentry != p.mnt->root) {
			struct dentry *up = READ_ONCE(p.dentry->parent);
			u32 up_seq = seq_read_begin(&up->seq);

			vn = atomic_load_acquire(&up->vn);
			if (seq_read_retry(&p.dentry->seq, seq))
				return -ECHILD;
			p.dentry = up;
			seq = up_seq;
			break;
		}
		if (READ_ONCE(p.mnt->parent) == p.mnt)
			break;
		p.dentry = READ_ONCE(p.mnt->mountpoint);
		p.mnt = READ_ONCE(p.mnt->parent);
		seq = seq_read_begin(&p.dentry->seq);
		vn = atomic_load_acquire(&p.dentry->vn);
		if (seq_read_retry(&mount_seq, w->mseq))
			return -ECHILD;
		if (w->flags & LOOKUP_NO_XDEV)
			return -EXDEV;
	}
	err = cross_rcu(w, &p, &vn, &seq);
	if (err != 0)
		return err;
	w->path = p;
	w->vn = vn;
	w->seq = seq;
	return 0;
}

static int
dotdot_ref(struct walk *w)
{
	for (;;) {
		if (path_equal(&w->path, &w->root)) {
			if (w->flags & LOOKUP_BENEATH)
				return -EXDEV;
			break;
		}
		if (w->path.dentry != w->path.mnt->root) {
			struct dentry *up = dentry_get_parent(w->path.dentry);

			dentry_put(w->path.dentry);
			w->path.dentry = up;
			break;
		}
		if (!mount_up(&w->path))
			break;
		if (w->flags & LOOKUP_NO_XDEV)
			return -EXDEV;
	}
	/* Whoever moved directories meanwhile may have led us out of the scope. */
	if ((w->flags & (LOOKUP_IN_ROOT | LOOKUP_BENEATH)) &&
	    (seq_read_retry(&dentry_tree_seq, w->tseq) || seq_read_retry(&mount_seq, w->mseq)))
		return -EAGAIN;
	if (mount_cross(&w->path) && (w->flags & LOOKUP_NO_XDEV))
		return -EXDEV;
	w->vn = w->path.dentry->vn;
	return 0;
}

/* A magic link takes us to an object itself. `link` is put. */
static int
follow_magic(struct walk *w, struct path *link, struct vnode *vn)
{
	struct path to;
	int err = -ELOOP;

	if (w->flags & LOOKUP_NO_MAGICLINKS)
		goto out_put;
	err = vn->ops->follow(vn, &to);
	if (err != 0)
		goto out_put;
	if ((w->flags & (LOOKUP_IN_ROOT | LOOKUP_BENEATH)) || ((w->flags & LOOKUP_NO_XDEV) && to.mnt != w->path.mnt)) {
		path_put(&to);
		err = -EXDEV;
		goto out_put;
	}
	path_put(&w->path);
	w->path = to;
	w->vn = to.dentry->vn;
out_put:
	path_put(link);
	return err;
}

/* `link` is a symlink to follow (referenced, unless rcu). 1: w->body is its text; 0: we are there; -errno. */
int
walk_open_link(struct walk *w, struct path *link, struct vnode *vn)
{
	int err = -ELOOP;

	if (w->links++ >= SYMLINK_MAX || (w->flags & LOOKUP_NO_SYMLINKS) || (link->mnt->flags & MNT_NOSYMFOLLOW))
		goto out_put;
	w->body_free = NULL;
	w->body_vn = NULL;
	if (w->rcu) {
		w->body = vn->link;
		return w->body == NULL || atime_is_due(link->mnt, vn) ? -ECHILD : 1;
	}
	path_touch_atime(link);
	if (vn->ops->follow != NULL) {
		err = follow_magic(w, link, vn);
		return err;
	}
	err = 0;
	w->body = vn->link;
	if (w->body == NULL)
		err = vn->ops->get_link != NULL ? vn->ops->get_link(vn, &w->body, &w->body_free) : -EINVAL;
	if (err == 0 && w->body_free == NULL) {
		vnode_get(vn);
		w->body_vn = vn;
	}
	path_put(link);
	return err != 0 ? err : 1;
out_put:
	if (!w->rcu)
		path_put(link);
	return err;
}

/* Walk one component. 1: it is a symlink, w->body its text; 0: done; -errno. */
static int
step(struct walk *w, const char *name, u32 len, enum last_type type, bool follow)
{
	struct path next;
	struct vnode *vn;
	u32 seq = 0;
	int err;

	if (type == LAST_DOT)
		return 0;
	if (type == LAST_DOTDOT) {
		need_root(w);
		return w->rcu ? dotdot_rcu(w) : dotdot_ref(w);
	}
	err = w->rcu ? child_rcu(w, name, len, &next, &vn, &seq) : child_ref(w, name, len, &next, &vn);
	if (err != 0)
		return err;
	if (follow && S_ISLNK(vn->mode))
		return walk_open_link(w, &next, vn);
	if (!w->rcu)
		path_put(&w->path);
	w->path = next;
	w->vn = vn;
	w->seq = seq;
	return 0;
}

/* --- the whole --- */

/* Remember where to go on behind the link w->body. */
static int
push_frame(struct walk *w, const char *rest)
{
	struct frame *f;

	if (w->depth == FRAMES_INLINE && w->frames == w->inline_frames) {
		struct frame *more = w->rcu ? NULL : kmem_alloc((SYMLINK_MAX + 1) * sizeof(*more), KM_NORMAL);

		if (more == NULL) {
			if (w->body_free != NULL)
				w->body_free(w->body);
			if (w->body_vn != NULL)
				vnode_put(w->body_vn);
			return w->rcu ? -ECHILD : -ENOMEM;
		}
		memcpy(more, w->inline_frames, sizeof(w->inline_frames));
		w->frames = more;
	}
	f = &w->frames[w->depth++];
	f->vn = w->body_vn;
	f->body = w->body;
	f->free = w->body_free;
	f->rest = rest;
	w->pending += *rest != '\0';
	return 0;
}

/* Enter the link w->body. */
int
walk_enter_link(struct walk *w, const char *rest)
{
	int err = push_frame(w, rest);

	if (err != 0)
		return err;
	if (*w->body == '\0')
		return -ENOENT;
	return *w->body == '/' ? jump_root(w) : 0;
}

/* The next rest that is not empty. */
static const char *
pop_rest(struct walk *w)
{
	for (u32 i = w->depth; i-- > 0;) {
		const char *rest = w->frames[i].rest;

		if (*rest != '\0') {
			w->frames[i].rest = "";
			w->pending--;
			return rest;
		}
	}
	return "";
}

static enum last_type
component_type(const char *s, u32 len)
{
	if (len == 1 && s[0] == '.')
		return LAST_DOT;
	if (len == 2 && s[0] == '.' && s[1] == '.')
		return LAST_DOTDOT;
	return LAST_NORM;
}

/* Walk all of name but its last component, which goes to w->last. */
int
walk_names(struct walk *w, const char *name)
{
	for (;;) {
		const char *rest;
		enum last_type type;
		u32 len;
		int err;

		while (*name == '/')
			name++;
		if (*name == '\0') {
			if (w->pending == 0) {
				w->type = LAST_ROOT;
				w->last = name;
				w->len = 0;
				return 0;
			}
			name = pop_rest(w);
			continue;
		}
		err = may_search(w);
		if (err != 0)
			return err;
		len = (u32)strcspn(name, "/");
		if (len > NAME_MAX_K && len > w->path.dentry->sb->name_max)
			return -ENAMETOOLONG;
		type = component_type(name, len);
		rest = name + len;
		while (*rest == '/')
			rest++;
		if (*rest == '\0' && w->pending == 0) {
			w->type = type;
			w->last = name;
			w->len = len;
			w->slash = name[len] == '/';
			w->must_dir |= w->slash;
			return 0;
		}
		err = step(w, name, len, type, true);
		if (err < 0)
			return err;
		if (err > 0) {
			err = walk_enter_link(w, rest);
			if (err != 0)
				return err;
			rest = w->body;
		}
		name = rest;
	}
}

/* Walk the last component, and the links that it leads to. */
int
walk_last(struct walk *w)
{
	while (w->type != LAST_ROOT) {
		int err = step(w, w->last, w->len, w->type, (w->flags & LOOKUP_FOLLOW) || w->must_dir);

		if (err <= 0)
			return err;
		err = walk_enter_link(w, "");
		if (err == 0)
			err = walk_names(w, w->body);
		if (err != 0)
			return err;
	}
	return 0;
}
