/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * procfs: the kernel's tables as files, proc(5). Seen by this folder alone, but for procfs_init().
 *
 * Every file is one line of a table: a struct proc_entry says its name, mode, and what makes its text. The tables of a process's
 * directory are shared by all processes; which process a vnode is about stands in its struct proc_object.
 */
#ifndef PROC_PROCFS_PROCFS_H
#define PROC_PROCFS_PROCFS_H

#include "fs/path.h"
#include "proc/process.h"
#include "sys/lib/printf.h"

struct proc_entry;

struct proc_object {			/* a vnode's priv; immutable */
	const struct proc_entry *e;
	struct pid *pid;		/* reference: the task it is about, or NULL */
	int fd;				/* in fd/ and fdinfo/ */
};

struct proc_entry {
	const char *name;		/* NULL ends a table */
	u32 mode;			/* type and permission; entries of a process belong to its user */
	int (*show)(const struct proc_object *o, struct strbuf *out);
	int (*store)(const struct proc_object *o, char *text, size_t len);
	int (*link)(const struct proc_object *o, struct strbuf *out);	/* symbolic links: their text */
	int (*follow)(const struct proc_object *o, struct path *out);	/* magic ones: where they lead */
	const struct proc_entry *children;	/* directories made of a table */
	const struct proc_dir_ops *dir;		/* directories with changing contents, besides the table */
	const struct file_ops *fops;	/* files that are no text */
	void *value;			/* for the number files of sysctl.c */
	long min, max;
};

struct proc_dir_ops {
	/* Find the name: fill in *o (with its own references) and return 0, or -ENOENT. */
	int (*lookup)(const struct proc_object *dir, const char *name, u32 len, struct proc_object *o);
	/* List from position ctx->pos on (0-based; advance it with each entry emitted). */
	int (*iterate)(const struct proc_object *dir, struct dir_context *ctx);
};

#define PROC_FILE(n, m, s)	{ .name = (n), .mode = S_IFREG | (m), .show = (s) }
#define PROC_DIR(n, m, t)	{ .name = (n), .mode = S_IFDIR | (m), .children = (t) }

struct proc_object *proc_object_of(const struct vnode *vn);
/* The thread that o is about, referenced; NULL: it is gone. */
struct thread *proc_object_thread(const struct proc_object *o);
/* A number as a name, without leading zeros: or -1. */
s64 proc_parse_nr(const char *name, u32 len);

extern const struct proc_entry proc_root_table[];	/* system.c */
extern const struct proc_entry proc_sys_table[];	/* sysctl.c */
extern const struct proc_entry proc_net_table[];	/* net.c: one for all processes, as there is one network */
extern const struct proc_entry proc_sysvipc_table[];	/* ipc.c */
extern const struct proc_entry proc_pid_entry;		/* pid.c: the directory of a process, and of a thread */
extern const struct proc_entry proc_task_entry;
extern const struct proc_entry proc_pid_fd_table[];	/* pid_fd.c: fd, fdinfo */
extern const struct proc_dir_ops proc_pids_dir;		/* pid.c: the numbers in /proc */
extern const struct proc_dir_ops proc_fd_dir, proc_fdinfo_dir;
/* Is the descriptor of an entry in fd/ or fdinfo/ still open? A link's bits follow the file that is open now. */
bool proc_fd_revalidate(struct vnode *vn);

/* ipc.c: limits in /proc/sys/kernel */
int proc_show_ipc_limit(const struct proc_object *o, struct strbuf *out);
int proc_store_ipc_limit(const struct proc_object *o, char *text, size_t len);
int proc_show_sem_limits(const struct proc_object *o, struct strbuf *out);
int proc_store_sem_limits(const struct proc_object *o, char *text, size_t len);

/* pid_text.c, pid_mem.c: texts of a process's files */
int proc_show_stat(const struct proc_object *o, struct strbuf *out);
int proc_show_statm(const struct proc_object *o, struct strbuf *out);
int proc_show_status(const struct proc_object *o, struct strbuf *out);
int proc_show_limits(const struct proc_object *o, struct strbuf *out);
int proc_show_io(const struct proc_object *o, struct strbuf *out);
int proc_show_schedstat(const struct proc_object *o, struct strbuf *out);
int proc_show_cmdline(const struct proc_object *o, struct strbuf *out);
int proc_show_environ(const struct proc_object *o, struct strbuf *out);
int proc_show_auxv(const struct proc_object *o, struct strbuf *out);
int proc_show_maps(const struct proc_object *o, struct strbuf *out);
int proc_show_smaps(const struct proc_object *o, struct strbuf *out);

extern const struct file_ops proc_mem_fops;		/* pid_vm.c */

/* The space of o's process for looking into: a user reference, or NULL with *err: 0 (it has none: empty texts), -EACCES, -ESRCH. */
struct aspace *proc_object_aspace(const struct proc_object *o, int *err);

#endif
