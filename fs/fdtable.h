/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File descriptor tables: an RCU-read array with open and close-on-exec bitmaps. While the table is unshared a lookup
 * takes no reference.
 */
#ifndef FS_FDTABLE_H
#define FS_FDTABLE_H

#include "sys/file.h"

struct files;			/* fs/fdtable.c */

/* A looked-up file: put is false where no reference was needed. */
struct fdref { struct file *file; bool put; };

/* -EBADF where there is none (also O_PATH ones, unless fd_get_path). End with fd_put(). */
int __must_check fd_get(int fd, struct fdref *r);
int __must_check fd_get_path(int fd, struct fdref *r);
static inline void fd_put(struct fdref *r) { if (r->put) file_put(r->file); }
/* A file for keeps (with reference), or NULL. */
struct file *fd_get_file(int fd);

/* Reserve the lowest free descriptor >= min; then install or give up. fd, -EMFILE (RLIMIT_NOFILE), -ENOMEM. */
int __must_check fd_reserve(int min, bool cloexec);
u32 fd_limit(void);				/* descriptors must be below: RLIMIT_NOFILE, at most 2^20 */
void fd_install(int fd, struct file *f);	/* takes the reference */
void fd_unreserve(int fd);
int fd_close(int fd);				/* -EBADF */
int fd_close_range(u32 first, u32 last, bool cloexec_only);
int fd_dup_to(int oldfd, int newfd, bool cloexec);	/* dup2/dup3 */
int fd_get_cloexec(int fd);
int fd_set_cloexec(int fd, bool on);

struct files *files_create(void) __must_check;
int __must_check files_copy(struct files *src, struct files **out);	/* fork */
void files_get(struct files *fs);
bool __must_check files_try_get(struct files *fs);	/* under RCU: for readers of another thread's table */
void files_put(struct files *fs);		/* last: closes all. May sleep */
void files_close_on_exec(void);			/* current */
int files_unshare(void);			/* current gets its own copy */
u32 files_size(struct files *fs);		/* for /proc/PID/status FDSize */
/* /proc/PID/fd: the next used fd >= from, with a reference; -1 if none. */
int files_next(struct files *fs, int from, struct file **out, bool *cloexec);
struct file *files_get_file(struct files *fs, int fd);

#endif
