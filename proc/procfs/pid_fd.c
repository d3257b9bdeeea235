/* SPDX-License-Identifier: BSD-2-Clause */
/* /proc/PID/fd and /proc/PID/fdinfo. */
#include "proc/procfs/procfs.h"

#include "fs/fdtable.h"
#include "proc/proc.h"
#include "sys/abi/errno.h"

/* The open file behind an object, with a reference; NULL. */
static struct file *
object_file(const struct proc_object *o)
{
	struct thread *t = proc_object_thread(o);
	struct files *files = t != NULL ? thread_files_get(t) : NULL;
	struct file *f = files != NULL ? files_get_file(files, o->fd) : NULL;

	if (files != NULL)
		files_put(files);
	if (t != NULL)
		thread_put(t);
	return f;
}

static int
follow_fd(const struct proc_object *o, struct path *out)
{
	struct file *f = object_file(o);

	if (f == NULL)
		return -ENOENT;
	*out = (struct path){ f->mnt, f->dentry };
	path_get(out);
	file_put(f);
	return 0;
}

static int
show_fdinfo(const struct proc_object *o, struct strbuf *out)
{
	struct file *f = object_file(o);

	if (f == NULL)
		return -ENOENT;
	strbuf_printf(out, "pos:\t%ld\nflags:\t0%o\nmnt_id:\t%u\nino:\t%lu\n", MAX(f->pos, (off_t)0),
		atomic_load_relaxed(&f->flags), f->mnt != NULL ? f->mnt->id : 0, f->vn->ino);
	if (f->ops->show_fdinfo != NULL)
		f->ops->show_fdinfo(f, out);
	file_put(f);
	return 0;
}

/* One entry for each way a file can be open: the link's permission bits say which. */
static const struct proc_entry fd_links[4] = {
	{ .name = "fd", .mode = S_IFLNK, .follow = follow_fd },
	{ .name = "fd", .mode = S_IFLNK | 0500, .follow = follow_fd },
	{ .name = "fd", .mode = S_IFLNK | 0300, .follow = follow_fd },
	{ .name = "fd", .mode = S_IFLNK | 0700, .follow = follow_fd },
};
static const struct proc_entry *
link_entry(const struct file *f)
{
	return &fd_links[(f->mode & FMODE_READ ? 1 : 0) | (f->mode & FMODE_WRITE ? 2 : 0)];
}

bool
proc_fd_revalidate(struct vnode *vn)
{
	struct file *f = object_file(proc_object_of(vn));

	if (f == NULL)
		return false;
	if (S_ISLNK(vn->mode)) {
		spin_lock(&vn->lock);
		vn->mode = link_entry(f)->mode;
		spin_unlock(&vn->lock);
	}
	file_put(f);
	return true;
}

static const struct proc_entry fdinfo_file = PROC_FILE("fdinfo", 0444, show_fdinfo);

static int
may_look(const struct proc_object *dir)
{
	struct thread *t = proc_object_thread(dir);
	int err;

	if (t == NULL)
		return -ENOENT;
	err = process_may_inspect(t) != 0 ? -EACCES : 0;
	thread_put(t);
	return err;
}

static int
find(const struct proc_object *dir, const char *name, u32 len, struct proc_object *o, bool info)
{
	struct file *f;
	s64 nr = proc_parse_nr(name, len);
	int err = may_look(dir);

	if (err != 0)
		return err;
	if (nr < 0)
		return -ENOENT;
	*o = (struct proc_object){ .pid = dir->pid, .fd = (int)nr };
	f = object_file(o);
	if (f == NULL)
		return -ENOENT;
	o->e = info ? &fdinfo_file : link_entry(f);
	file_put(f);
	pid_get(o->pid);
	return 0;
}

static int
fd_lookup(const struct proc_object *dir, const char *name, u32 len, struct proc_object *o)
{
	return find(dir, name, len, o, false);
}

static int
fdinfo_lookup(const struct proc_object *dir, const char *name, u32 len, struct proc_object *o)
{
	return find(dir, name, len, o, true);
}

static int
list(const struct proc_object *dir, struct dir_context *ctx, u8 dtype)
{
	struct thread *t;
	struct files *files;
	struct file *f;
	int fd, err = may_look(dir);

	if (err != 0)
		return err;
	t = proc_object_thread(dir);
	files = t != NULL ? thread_files_get(t) : NULL;
	while (files != NULL && (fd = files_next(files, (int)ctx->pos, &f, NULL)) >= 0) {
		char name[16];
		int len = snprintf(name, sizeof(name), "%d", fd);

		file_put(f);
		if (ctx->emit(ctx, name, (size_t)len, (u64)pid_nr(dir->pid) << 32 | 0x80000000u | (u64)fd, dtype) != 0)
			break;
		ctx->pos = fd + 1;
	}
	if (files != NULL)
		files_put(files);
	if (t != NULL)
		thread_put(t);
	return 0;
}

static int
fd_iterate(const struct proc_object *dir, struct dir_context *ctx)
{
	return list(dir, ctx, 10);
}

static int
fdinfo_iterate(const struct proc_object *dir, struct dir_context *ctx)
{
	return list(dir, ctx, 8);
}

const struct proc_dir_ops proc_fd_dir = { .lookup = fd_lookup, .iterate = fd_iterate };
const struct proc_dir_ops proc_fdinfo_dir = { .lookup = fdinfo_lookup, .iterate = fdinfo_iterate };
