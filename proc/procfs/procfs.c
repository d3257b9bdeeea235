/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file system itself: vnodes from table entries, look-up, listing, and the gone processes.
 *
 * A directory entry is remembered by the dentry cache like any other; one that is about a task is asked again at each
 * walk, and dropped once the task is gone.
 */
#include "proc/procfs/procfs.h"

#include "fs/textfile.h"
#include "proc/procfs/init.h"
#include "proc/proc.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

struct proc_object *
proc_object_of(const struct vnode *vn)
{
	return vn->priv;
}

struct thread *
proc_object_thread(const struct proc_object *o)
{
	struct proc_thread *pt;
	struct thread *t = NULL;

	rcu_read_lock();
	pt = pid_bearer(o->pid, PID_TID);
	if (pt != NULL && refcount_try_get(&pt->thread->refs))
		t = pt->thread;
	rcu_read_unlock();
	return t;
}

s64
proc_parse_nr(const char *name, u32 len)
{
	s64 nr = 0;

	if (len == 0 || len > 10 || (len > 1 && name[0] == '0'))
		return -1;
	for (u32 i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		nr = nr * 10 + (name[i] - '0');
	}
	return nr <= INT32_MAX ? nr : -1;
}

/* --- text files --- */

static int
show(struct file *f, struct strbuf *out)
{
	struct proc_object *o = proc_object_of(f->vn);

	return o->e->show(o, out);
}

static int
store(struct file *f, char *text, size_t len)
{
	struct proc_object *o = proc_object_of(f->vn);

	return o->e->store(o, text, len);
}

static int
proc_text_open(struct vnode *vn, struct file *f)
{
	(void)vn;
	return text_open(f);
}

static ssize_t
proc_text_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	return proc_object_of(f->vn)->e->show != NULL ? text_read(f, buf, pos, show) : -EIO;
}

static ssize_t
proc_text_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	return proc_object_of(f->vn)->e->store != NULL ? text_write(f, buf, pos, store) : -EIO;
}

static const struct file_ops proc_text_fops = {
	.read = proc_text_read,
	.write = proc_text_write,
	.llseek = text_llseek,
	.open = proc_text_open,
	.release = text_release,
};

/* --- vnodes --- */

static const struct vnode_ops proc_dir_vops, proc_file_vops, proc_link_vops, proc_magic_vops;
static const struct file_ops proc_dir_fops;
static const struct dentry_ops proc_task_dops;

/* The same object has the same number each time: tables by their place, tasks by their number. */
static u64
inode_number(const struct proc_object *o)
{
	u64 entry = ((u64)(uintptr_t)o->e >> 3) & 0xfffff, task = o->pid != NULL ? (u64)pid_nr(o->pid) : 0;

	return task << 32 | (o->fd >= 0 ? 0x80000000u | (u64)o->fd : entry);
}

/* Files of a process belong to its effective user; to root, if it hides from him. */
static void
set_owner(struct vnode *vn, const struct proc_object *o)
{
	struct thread *t = o->pid != NULL ? proc_object_thread(o) : NULL;
	kuid_t uid = { 0 };
	kgid_t gid = { 0 };

	if (t != NULL) {
		if (t->proc->dumpable == 1 || S_ISDIR(vn->mode)) {
			const struct cred *c = thread_cred_get(t);

			uid = c->euid;
			gid = c->egid;
			cred_put(c);
		}
		thread_put(t);
	}
	spin_lock(&vn->lock);
	vn->uid = uid;
	vn->gid = gid;
	spin_unlock(&vn->lock);
}

static void
set_ops(struct vnode *vn, const struct proc_entry *e)
{
	if (S_ISDIR(e->mode)) {
		vn->ops = &proc_dir_vops;
		vn->fops = &proc_dir_fops;
		vn->nlink = 2;
	} else if (S_ISLNK(e->mode)) {
		vn->ops = e->follow != NULL ? &proc_magic_vops : &proc_link_vops;
	} else {
		vn->ops = &proc_file_vops;
		vn->fops = e->fops != NULL ? e->fops : &proc_text_fops;
	}
}

/* Takes the references in *o, also on failure. */
static int
make_vnode(struct super_block *sb, const struct proc_object *o, struct vnode **out)
{
	struct proc_object *copy = kmem_alloc(sizeof(*copy), KM_USER);
	struct vnode *vn = copy != NULL ? vnode_alloc(sb) : NULL;

	if (vn == NULL) {
		kmem_free(copy);
		pid_put(o->pid);
		return -ENOMEM;
	}
	*copy = *o;
	vn->priv = copy;
	vn->ino = inode_number(o);
	vn->mode = o->e->mode;
	vn->nlink = 1;
	set_ops(vn, o->e);
	set_owner(vn, o);
	vnode_touch(vn, VT_ATIME | VT_MTIME | VT_CTIME);
	*out = vn;
	return 0;
}

static void
proc_evict(struct vnode *vn)
{
	struct proc_object *o = proc_object_of(vn);

	if (o != NULL)
		pid_put(o->pid);
	kmem_free(o);
	vn->priv = NULL;
}

/* --- directories --- */

static const struct proc_entry *
table_find(const struct proc_entry *table, const char *name, u32 len)
{
	for (; table != NULL && table->name != NULL; table++)
		if (strlen(table->name) == len && memcmp(table->name, name, len) == 0)
			return table;
	return NULL;
}

static int
proc_lookup(struct vnode *dir, struct dentry *d, struct vnode **out)
{
	const struct proc_object *o = proc_object_of(dir);
	struct proc_object found = { .e = table_find(o->e->children, d->name.name, d->name.len), .pid = o->pid, .fd = -1 };
	int err;

	*out = NULL;
	if (o->pid != NULL) {
		struct thread *t = proc_object_thread(o);

		if (t == NULL)
			return -ESRCH;	/* the directory was open when its process went */
		thread_put(t);
	}
	if (o->pid != NULL || o->e->dir != NULL)
		dentry_set_ops(d, &proc_task_dops);	/* the answer may change */
	if (found.e != NULL) {
		pid_get(found.pid);
	} else {
		err = o->e->dir != NULL ? o->e->dir->lookup(o, d->name.name, d->name.len, &found) : -ENOENT;
		if (err != 0)
			return err == -ENOENT ? 0 : err;
	}
	return make_vnode(dir->sb, &found, out);
}

/* "." and "..", then the table, then what changes. */
static int
proc_iterate(struct file *f, struct dir_context *ctx)
{
	const struct proc_object *o = proc_object_of(f->vn);
	const struct proc_entry *table = o->e->children;
	off_t n = 0;

	if (ctx->pos == 0 && ctx->emit(ctx, ".", 1, f->vn->ino, 4) != 0)
		return 0;
	ctx->pos = MAX(ctx->pos, (off_t)1);
	if (ctx->pos == 1 && ctx->emit(ctx, "..", 2, f->dentry->parent->vn->ino, 4) != 0)
		return 0;
	ctx->pos = MAX(ctx->pos, (off_t)2);
	for (; table != NULL && table[n].name != NULL; n++) {
		struct proc_object c = { .e = &table[n], .pid = o->pid, .fd = -1 };

		if (ctx->pos != n + 2)
			continue;
		if (ctx->emit(ctx, table[n].name, strlen(table[n].name), inode_number(&c), (u8)(table[n].mode >> 12)) != 0)
			return 0;
		ctx->pos++;
	}
	if (o->e->dir != NULL) {
		int err;

		ctx->pos -= n + 2;
		err = o->e->dir->iterate(o, ctx);
		ctx->pos += n + 2;
		return err;
	}
	return 0;
}

static int
no_such_file(struct vnode *dir, struct dentry *d, u32 mode, bool excl)
{
	(void)dir, (void)d, (void)mode, (void)excl;
	return -ENOENT;		/* as Linux: nothing is made here */
}

static const struct vnode_ops proc_dir_vops = { .lookup = proc_lookup, .create = no_such_file };
static const struct vnode_ops proc_file_vops;
static const struct file_ops proc_dir_fops = { .iterate = proc_iterate, .llseek = text_llseek };

/* A dentry about a task: still true? Negative ones are always asked anew. */
static int
proc_revalidate(struct dentry *d, bool rcu)
{
	const struct proc_object *o;
	struct vnode *vn = READ_ONCE(d->vn);
	struct thread *t;

	if (rcu)
		return -ECHILD;
	if (vn == NULL)
		return 0;
	o = proc_object_of(vn);
	if (o->pid == NULL)
		return 1;
	t = proc_object_thread(o);
	if (t == NULL)
		return 0;
	thread_put(t);
	if (o->fd >= 0 && !proc_fd_revalidate(vn))
		return 0;
	set_owner(vn, o);
	return 1;
}

static const struct dentry_ops proc_task_dops = { .revalidate = proc_revalidate };

/* --- links --- */

static void
free_text(const char *text)
{
	kmem_free((void *)text);
}

static int
proc_get_link(struct vnode *vn, const char **target, void (**free)(const char *))
{
	const struct proc_object *o = proc_object_of(vn);
	char *text = kmem_alloc(64, KM_USER);
	struct strbuf sb;
	int err;

	if (text == NULL)
		return -ENOMEM;
	strbuf_init(&sb, text, 64);
	err = o->e->link(o, &sb);
	if (err != 0) {
		kmem_free(text);
		return err;
	}
	*target = text;
	*free = free_text;
	return 0;
}

static int
proc_follow(struct vnode *vn, struct path *out)
{
	const struct proc_object *o = proc_object_of(vn);
	struct thread *t = proc_object_thread(o);
	int err = -ENOENT;

	if (t == NULL)
		return err;
	err = process_may_inspect(t) != 0 ? -EACCES : o->e->follow(o, out);
	thread_put(t);
	return err;
}

static const struct vnode_ops proc_link_vops = { .get_link = proc_get_link };
static const struct vnode_ops proc_magic_vops = { .follow = proc_follow };

struct pid *
procfs_dir_pid_get(const struct file *f)
{
	const struct proc_object *o;

	if (f->vn->ops != &proc_dir_vops)
		return NULL;
	o = proc_object_of(f->vn);
	if (o->e != &proc_pid_entry)
		return NULL;
	pid_get(o->pid);
	return o->pid;
}

/* --- the file system --- */

static const struct proc_entry root_entry = { .name = "/", .mode = S_IFDIR | 0555, .children = proc_root_table, .dir = &proc_pids_dir };
static const struct super_ops proc_super_ops = { .evict = proc_evict, .statfs = libfs_statfs };

static int
proc_mount(const struct fs_type *type, u32 flags, const char *dev, const char *data, struct super_block **out)
{
	struct proc_object o = { .e = &root_entry, .fd = -1 };
	struct super_block *sb;
	struct vnode *root;
	int err;

	(void)dev, (void)data;
	err = super_create(type, &proc_super_ops, flags, &sb);
	if (err != 0)
		return err;
	sb->magic = 0x9fa0;	/* PROC_SUPER_MAGIC, statfs(2) */
	sb->blksize = 1024;
	err = make_vnode(sb, &o, &root);
	if (err != 0)
		goto out_put;
	root->ino = 1;
	err = -ENOMEM;
	sb->root = dentry_alloc_root(root);
	if (sb->root == NULL)
		goto out_put;
	*out = sb;
	return 0;
out_put:
	super_put(sb);
	return err;
}

static struct fs_type proc_type = { .name = "proc", .flags = FS_NODEV, .mount = proc_mount };

void
procfs_init(void)
{
	if (fs_register(&proc_type) != 0)
		panic("procfs: cannot register");
}
