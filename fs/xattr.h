/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes. xattr(7). fs/xattr.c checks who may do what and calls the vnode's operations, which get the whole name;
 * fs/xattr_mem.c keeps attributes in memory, for file systems that live there.
 */
#ifndef FS_XATTR_H
#define FS_XATTR_H

#include "fs/vnode.h"
#include "sys/abi/xattr.h"

enum xattr_space { XATTR_NONE, XATTR_USER, XATTR_TRUSTED, XATTR_SECURITY, XATTR_SYSTEM };
/* The namespace of a name; *rest is what stands behind its prefix, perhaps nothing. XATTR_NONE: none that is known. */
enum xattr_space xattr_space_of(const char *name, const char **rest);

/* A value, or with size 0 its length. Takes vn's lock, shared. -ENODATA, -ERANGE, -EOPNOTSUPP, -EPERM, -EACCES. */
ssize_t vnode_getxattr(struct vnode *vn, const char *name, void *buf, size_t size);
/* All names, each with its NUL; with size 0 their length. Takes vn's lock, shared. -ERANGE */
ssize_t vnode_listxattr(struct vnode *vn, char *buf, size_t size);
/* value NULL removes. Takes vn's lock; the mount is held writable. -EEXIST, -ENODATA, -ENOSPC, -EOPNOTSUPP, -EPERM ... */
int __must_check vnode_setxattr(struct vnode *vn, const char *name, const void *value, size_t size, int flags);

/* For listxattr operations: put one name (prefix and rest) into buf at *used, or only count it if size is 0. -ERANGE. A name that
 * the caller may not see (trusted., without CAP_SYS_ADMIN) is left out. */
int xattr_list_one(char *buf, size_t size, size_t *used, const char *prefix, const char *rest);

/* --- attributes in memory: [l] of the vnode is held, as the vnode's operations have it --- */
#define XATTR_MEM_MAX	(1024 * 1024UL)		/* bytes for one vnode: -ENOSPC beyond */

struct xattr_mem { struct list all; /* [l] newest first */ size_t bytes; /* [l] */ };

void xattr_mem_init(struct xattr_mem *x);
void xattr_mem_free(struct xattr_mem *x);
ssize_t xattr_mem_get(struct xattr_mem *x, const char *name, void *buf, size_t size);
ssize_t xattr_mem_list(struct xattr_mem *x, char *buf, size_t size);
/* flags and value as vnode_setxattr. The caller accounts for the change of x->bytes. */
int __must_check xattr_mem_set(struct xattr_mem *x, const char *name, const void *value, size_t size, int flags);

#endif
