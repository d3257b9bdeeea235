/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of permission beyond vnode_permission(): what the verbs on directories and attributes ask. 0 or what Linux answers. */
#ifndef FS_PERM_H
#define FS_PERM_H

#include "fs/path.h"

int dir_may_create(struct vnode *dir);						/* a new entry; dir locked */
int dir_may_delete(struct vnode *dir, struct dentry *d, bool is_dir);		/* d out of dir; dir locked */
/* May a be done to vn? Takes S_ISGID from the mode where the caller may not give it. */
int attr_may_change(struct vnode *vn, struct iattr *a);

#endif
