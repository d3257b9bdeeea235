/* SPDX-License-Identifier: BSD-2-Clause */
/* Lookups by name: of an object, of a parent and last component, of what open(2) is to open or create. See fs/walk.c. */
#include "fs/walk.h"

#include "sys/abi/errno.h"
#include "sys/lib/string.h"

static int
lookup_once(int dfd, const char *name, int flags, bool rcu, struct path *out)
{
	struct walk w;
	int err;

	if (*name == '\0' && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	err = walk_begin(&w, dfd, name, flags, rcu);
	if (err != 0)
		return err;
	if (*name != '\0') {
		err = walk_names(&w, name);
		if (err == 0)
			err = walk_last(&w);
	}
	if (err == 0 && (w.must_dir || (flags & LOOKUP_DIRECTORY)) && !S_ISDIR(w.vn->mode))
		err = -ENOTDIR;
	if (err != 0) {
		err = walk_settle_error(&w, err);
		walk_end(&w);
		return err;
	}
	err = walk_legitimize(&w);
	if (err != 0)
		return err;
	*out = w.path;
	w.path.mnt = NULL;
	w.path.dentry = NULL;
	walk_end(&w);
	return 0;
}

int
path_lookup_at(int dfd, const char *name, int flags, struct path *out)
{
	int err = lookup_once(dfd, name, flags, true, out);

	if (err == -ECHILD)
		err = flags & LOOKUP_CACHED ? -EAGAIN : lookup_once(dfd, name, flags, false, out);
	return err;
}

int
user_path_at(int dfd, const char __user *name, int flags, struct path *out)
{
	struct path_name n;
	int err = path_name_from_user(&n, name, flags);

	if (err != 0)
		return err;
	err = path_lookup_at(dfd, n.s, flags, out);
	path_name_free(&n);
	return err;
}

int
kern_path(const char *name, int flags, struct path *out)
{
	return path_lookup_at(AT_FDCWD, name, flags, out);
}

/* --- the parent and the last component --- */

static int
parent_once(int dfd, const char *name, int flags, bool rcu, struct path *parent, struct path_last *last)
{
	struct walk w;
	int err;

	if (*name == '\0')
		return -ENOENT;
	err = walk_begin(&w, dfd, name, flags, rcu);
	if (err != 0)
		return err;
	err = walk_names(&w, name);
	if (err != 0) {
		err = walk_settle_error(&w, err);
		walk_end(&w);
		return err;
	}
	memcpy(last->name, w.last, w.len);	/* perhaps out of a symlink that RCU keeps */
	last->name[w.len] = '\0';
	last->len = w.len;
	last->type = w.type;
	last->slash = w.slash;
	err = walk_legitimize(&w);
	if (err != 0)
		return err;
	*parent = w.path;
	w.path.mnt = NULL;
	w.path.dentry = NULL;
	walk_end(&w);
	return 0;
}

int
path_parent_at(int dfd, const char *name, int flags, struct path *parent, struct path_last *last)
{
	int err = parent_once(dfd, name, flags, true, parent, last);

	if (err == -ECHILD)
		err = parent_once(dfd, name, flags, false, parent, last);
	return err;
}

int
path_create_at(int dfd, const char *name, int flags, struct path *parent, struct dentry **out)
{
	struct path_last last;
	struct dentry *d;
	int err, ro;

	err = path_parent_at(dfd, name, flags & ~LOOKUP_DIRECTORY, parent, &last);
	if (err != 0)
		return err;
	err = -EEXIST;
	if (last.type != LAST_NORM)
		goto out_put;
	ro = mount_want_write(parent->mnt);	/* told only if nothing else is wrong */
	rwlock_write_lock(&parent->dentry->vn->rwlock);
	d = dentry_lookup(parent->dentry, last.name, last.len);
	if (IS_ERR(d)) {
		err = PTR_ERR(d);
		goto out_unlock;
	}
	if (d->vn != NULL)
		err = -EEXIST;
	else if (last.slash && !(flags & LOOKUP_DIRECTORY))
		err = -ENOENT;
	else
		err = ro;
	if (err != 0)
		goto out_put_dentry;
	*out = d;
	return 0;
out_put_dentry:
	dentry_put(d);
out_unlock:
	rwlock_write_unlock(&parent->dentry->vn->rwlock);
	if (ro == 0)
		mount_drop_write(parent->mnt);
out_put:
	path_put(parent);
	return err;
}

void
path_create_done(struct path *parent, struct dentry *d)
{
	dentry_put(d);
	rwlock_write_unlock(&parent->dentry->vn->rwlock);
	mount_drop_write(parent->mnt);
	path_put(parent);
}

/* --- open(2)'s walk: look up, or create the last component --- */

/* The last component of w for open with O_CREAT, by reference. 1: a symlink to go on with; 0: *out (referenced). */
static int
open_last(struct walk *w, int oflags, u32 mode, struct path *out, bool *created)
{
	struct dentry *dir = w->path.dentry, *d;
	struct path next;
	int err, ro;

	if (w->type != LAST_NORM || w->must_dir)
		return -EISDIR;
	d = dentry_find(dir, w->last, w->len);
	if (d == NULL || d->vn == NULL || (d->flags & DENTRY_NEEDS_REVALIDATE)) {
		dentry_put(d);
		ro = mount_want_write(w->path.mnt);
		rwlock_write_lock(&dir->vn->rwlock);
		d = dentry_lookup(dir, w->last, w->len);
		err = IS_ERR(d) ? PTR_ERR(d) : 0;
		if (err == 0 && d->vn == NULL) {
			err = ro != 0 ? ro : vnode_create(dir->vn, d, mode, oflags & O_EXCL);
			*created = err == 0;
		}
		rwlock_write_unlock(&dir->vn->rwlock);
		if (ro == 0)
			mount_drop_write(w->path.mnt);
		if (err != 0) {
			if (!IS_ERR(d))
				dentry_put(d);
			return err;
		}
	}
	next.mnt = w->path.mnt;
	mount_get(next.mnt);
	next.dentry = d;
	if (!*created) {
		err = -EEXIST;
		if (oflags & O_EXCL)
			goto out_put;
		if (mount_cross(&next) && (w->flags & LOOKUP_NO_XDEV)) {
			err = -EXDEV;
			goto out_put;
		}
		if (S_ISLNK(next.dentry->vn->mode)) {
			err = -ELOOP;
			if (!(w->flags & LOOKUP_FOLLOW))
				goto out_put;
			err = walk_open_link(w, &next, next.dentry->vn);
			if (err != 0)
				return err;
			next = w->path;		/* a magic link brought us there */
			path_get(&next);
		}
	}
	*out = next;
	return 0;
out_put:
	path_put(&next);
	return err;
}

static int
create_once(int dfd, const char *name, int oflags, u32 mode, int flags, struct path *out, bool *created)
{
	struct walk w;
	int err;

	*created = false;
	if (*name == '\0')
		return -ENOENT;
	err = walk_begin(&w, dfd, name, flags, false);
	if (err != 0)
		return err;
	err = walk_names(&w, name);
	while (err == 0) {
		err = open_last(&w, oflags, mode, out, created);
		if (err != 1)
			break;
		err = walk_enter_link(&w, "");
		if (err == 0)
			err = walk_names(&w, w.body);
	}
	walk_end(&w);
	return err;
}

int
open_lookup(int dfd, const char *name, int oflags, u32 mode, int flags, struct path *out, bool *created)
{
	int err;

	*created = false;
	if (!(oflags & O_CREAT))
		return path_lookup_at(dfd, name, flags, out);
	if (!(oflags & O_EXCL)) {
		/* Mostly it is there: try without locks first. */
		err = lookup_once(dfd, name, flags, true, out);
		if (err == 0 && !S_ISLNK(out->dentry->vn->mode) && (!S_ISDIR(out->dentry->vn->mode)))
			return 0;
		if (err == 0)
			path_put(out);
	}
	return create_once(dfd, name, oflags, mode, flags, out, created);
}
