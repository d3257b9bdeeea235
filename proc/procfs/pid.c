/* SPDX-License-Identifier: BSD-2-Clause */
/* /proc/PID and /proc/PID/task/TID: the directories, their links and small files. */
#include "proc/procfs/procfs.h"

#include "proc/proc.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"

/* --- links: cwd, root, exe --- */

static int
follow_fsctx(const struct proc_object *o, struct path *out, bool root)
{
	struct thread *t = proc_object_thread(o);
	struct fsctx *c = t != NULL ? thread_fsctx_get(t) : NULL;

	if (c != NULL) {
		spin_lock(&c->lock);
		*out = root ? c->root : c->cwd;
		path_get(out);
		spin_unlock(&c->lock);
		fsctx_put(c);
	}
	if (t != NULL)
		thread_put(t);
	return c != NULL ? 0 : -ENOENT;
}

static int
follow_cwd(const struct proc_object *o, struct path *out)
{
	return follow_fsctx(o, out, false);
}

static int
follow_root(const struct proc_object *o, struct path *out)
{
	return follow_fsctx(o, out, true);
}

static int
follow_exe(const struct proc_object *o, struct path *out)
{
	int err;
	struct aspace *as = proc_object_aspace(o, &err);

	if (as == NULL)
		return err != 0 ? err : -ENOENT;
	err = -ENOENT;
	rwlock_read_lock(&as->lock);
	if (as->exe != NULL) {
		*out = (struct path){ as->exe->mnt, as->exe->dentry };
		path_get(out);
		err = 0;
	}
	rwlock_read_unlock(&as->lock);
	aspace_put_user(as);
	return err;
}

/* --- small files --- */

static int
show_comm(const struct proc_object *o, struct strbuf *out)
{
	struct thread *t = proc_object_thread(o);

	if (t == NULL)
		return -ESRCH;
	strbuf_printf(out, "%.*s\n", THREAD_NAME_MAX, t->name);
	thread_put(t);
	return 0;
}

/* A process may rename its own threads. */
static int
store_comm(const struct proc_object *o, char *text, size_t len)
{
	struct thread *t = proc_object_thread(o);
	int err = -EINVAL;

	if (t == NULL)
		return -ESRCH;
	if (t->proc == process_current()) {
		char *nl = strchr(text, '\n');

		(void)len;
		if (nl != NULL)
			*nl = '\0';
		strlcpy(t->name, text, sizeof(t->name));
		err = 0;
	}
	thread_put(t);
	return err;
}

static int
show_oom_score_adj(const struct proc_object *o, struct strbuf *out)
{
	struct thread *t = proc_object_thread(o);

	if (t == NULL)
		return -ESRCH;
	strbuf_printf(out, "%d\n", READ_ONCE(t->proc->oom_score_adj));
	thread_put(t);
	return 0;
}

static int
store_oom_score_adj(const struct proc_object *o, char *text, size_t len)
{
	struct thread *t;
	s64 v;
	int err;

	(void)len;
	err = parse_s64(text, NULL, 10, &v);
	if (err != 0 || v < -1000 || v > 1000)
		return -EINVAL;
	t = proc_object_thread(o);
	if (t == NULL)
		return -ESRCH;
	err = 0;
	if (v < t->proc->oom_score_adj && !capable(CAP_SYS_RESOURCE))
		err = -EACCES;
	else
		WRITE_ONCE(t->proc->oom_score_adj, (int)v);
	thread_put(t);
	return err;
}

static int
show_wchan(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	strbuf_putc(out, '0');
	return 0;
}

static int
show_personality(const struct proc_object *o, struct strbuf *out)
{
	struct thread *t = proc_object_thread(o);

	if (t == NULL)
		return -ESRCH;
	strbuf_printf(out, "%08x\n", READ_ONCE(t->proc->personality));
	thread_put(t);
	return 0;
}

static int
show_mounts(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	mount_show_all(out, 0);
	return 0;
}

static int
show_mountinfo(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	mount_show_all(out, 1);
	return 0;
}

/* --- task/ --- */

static int
task_lookup(const struct proc_object *dir, const char *name, u32 len, struct proc_object *o)
{
	s64 nr = proc_parse_nr(name, len);
	struct thread *own, *t = nr > 0 ? thread_find_get((pid_t)nr) : NULL;
	int err = -ENOENT;

	if (t == NULL)
		return err;
	own = proc_object_thread(dir);
	if (own != NULL && own->proc == t->proc) {
		o->e = &proc_task_entry;
		o->pid = pid_find_get((pid_t)nr);
		err = o->pid != NULL ? 0 : -ENOENT;
	}
	if (own != NULL)
		thread_put(own);
	thread_put(t);
	return err;
}

/* Positions are numbers: the next entry is the least number not below it. */
static int
task_iterate(const struct proc_object *dir, struct dir_context *ctx)
{
	struct thread *own = proc_object_thread(dir), *t;
	pid_t nr;

	if (own == NULL)
		return -ENOENT;
	while ((t = process_next_thread_get(own->proc, (pid_t)ctx->pos, &nr)) != NULL) {
		char name[16];
		int len = snprintf(name, sizeof(name), "%d", nr);

		thread_put(t);
		if (ctx->emit(ctx, name, (size_t)len, (u64)nr << 32, 4) != 0)
			break;
		ctx->pos = (off_t)nr + 1;
	}
	thread_put(own);
	return 0;
}

static const struct proc_dir_ops task_dir = { .lookup = task_lookup, .iterate = task_iterate };

/* --- the tables --- */

#define TASK_FILES \
	PROC_FILE("stat", 0444, proc_show_stat), \
	PROC_FILE("statm", 0444, proc_show_statm), \
	PROC_FILE("status", 0444, proc_show_status), \
	PROC_FILE("limits", 0444, proc_show_limits), \
	PROC_FILE("cmdline", 0444, proc_show_cmdline), \
	PROC_FILE("environ", 0400, proc_show_environ), \
	PROC_FILE("auxv", 0400, proc_show_auxv), \
	PROC_FILE("maps", 0444, proc_show_maps), \
	PROC_FILE("smaps", 0444, proc_show_smaps), \
	PROC_FILE("io", 0400, proc_show_io), \
	PROC_FILE("schedstat", 0444, proc_show_schedstat), \
	PROC_FILE("wchan", 0444, show_wchan), \
	PROC_FILE("personality", 0400, show_personality), \
	PROC_FILE("mounts", 0444, show_mounts), \
	PROC_FILE("mountinfo", 0444, show_mountinfo), \
	PROC_DIR("net", 0555, proc_net_table), \
	{ .name = "comm", .mode = S_IFREG | 0644, .show = show_comm, .store = store_comm }, \
	{ .name = "oom_score_adj", .mode = S_IFREG | 0644, .show = show_oom_score_adj, .store = store_oom_score_adj }, \
	{ .name = "mem", .mode = S_IFREG | 0600, .fops = &proc_mem_fops }, \
	{ .name = "cwd", .mode = S_IFLNK | 0777, .follow = follow_cwd }, \
	{ .name = "root", .mode = S_IFLNK | 0777, .follow = follow_root }, \
	{ .name = "exe", .mode = S_IFLNK | 0777, .follow = follow_exe }, \
	{ .name = "fd", .mode = S_IFDIR | 0500, .dir = &proc_fd_dir }, \
	{ .name = "fdinfo", .mode = S_IFDIR | 0555, .dir = &proc_fdinfo_dir }

static const struct proc_entry task_table[] = { TASK_FILES, { 0 } };
static const struct proc_entry pid_table[] = { TASK_FILES, { .name = "task", .mode = S_IFDIR | 0555, .dir = &task_dir }, { 0 } };

const struct proc_entry proc_task_entry = { .name = "TID", .mode = S_IFDIR | 0555, .children = task_table };
const struct proc_entry proc_pid_entry = { .name = "PID", .mode = S_IFDIR | 0555, .children = pid_table };

/* --- the numbers in /proc --- */

/* Any thread's number is found; only processes are listed (Linux). */
static int
pids_lookup(const struct proc_object *dir, const char *name, u32 len, struct proc_object *o)
{
	s64 nr = proc_parse_nr(name, len);
	struct thread *t = nr > 0 ? thread_find_get((pid_t)nr) : NULL;

	(void)dir;
	if (t == NULL)
		return -ENOENT;
	thread_put(t);
	o->e = &proc_pid_entry;
	o->pid = pid_find_get((pid_t)nr);
	return o->pid != NULL ? 0 : -ENOENT;
}

static int
pids_iterate(const struct proc_object *dir, struct dir_context *ctx)
{
	struct process *p;
	pid_t nr;

	(void)dir;
	while ((p = process_next_get((pid_t)ctx->pos, &nr)) != NULL) {
		char name[16];
		int len = snprintf(name, sizeof(name), "%d", nr);

		process_put(p);
		if (ctx->emit(ctx, name, (size_t)len, (u64)nr << 32, 4) != 0)
			break;
		ctx->pos = (off_t)nr + 1;
	}
	return 0;
}

const struct proc_dir_ops proc_pids_dir = { .lookup = pids_lookup, .iterate = pids_iterate };
