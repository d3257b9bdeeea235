/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended attributes: permission by namespace, as xattr(7) tells, around the operations of the file system. */
#include "fs/xattr.h"

#include "fs/internal.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"

static const struct { const char *prefix; u32 len; enum xattr_space space; } spaces[] = {
	{ XATTR_USER_PREFIX, sizeof(XATTR_USER_PREFIX) - 1, XATTR_USER },
	{ XATTR_TRUSTED_PREFIX, sizeof(XATTR_TRUSTED_PREFIX) - 1, XATTR_TRUSTED },
	{ XATTR_SECURITY_PREFIX, sizeof(XATTR_SECURITY_PREFIX) - 1, XATTR_SECURITY },
	{ XATTR_SYSTEM_PREFIX, sizeof(XATTR_SYSTEM_PREFIX) - 1, XATTR_SYSTEM },
};

enum xattr_space
xattr_space_of(const char *name, const char **rest)
{
	for (size_t i = 0; i < ARRAY_SIZE(spaces); i++) {
		if (strncmp(name, spaces[i].prefix, spaces[i].len) == 0) {
			*rest = name + spaces[i].len;
			return spaces[i].space;
		}
	}
	*rest = name;
	return XATTR_NONE;
}

/* mask: MAY_READ or MAY_WRITE. */
static int
may_use(struct vnode *vn, enum xattr_space space, int mask)
{
	int denied = mask & MAY_WRITE ? -EPERM : -ENODATA;

	if ((mask & MAY_WRITE) && (atomic_load_relaxed(&vn->state) & (VN_IMMUTABLE | VN_APPEND)))
		return -EPERM;
	switch (space) {
	case XATTR_SECURITY:
	case XATTR_SYSTEM:
		return 0;
	case XATTR_TRUSTED:
		return capable(CAP_SYS_ADMIN) ? 0 : denied;
	case XATTR_USER:
		if (!S_ISREG(vn->mode) && !S_ISDIR(vn->mode))
			return denied;
		if (S_ISDIR(vn->mode) && (vn->mode & S_ISVTX) && (mask & MAY_WRITE) && !vnode_owner_or_capable(vn))
			return -EPERM;
		break;
	default:
		break;
	}
	return vnode_permission(vn, mask);
}

/* Writing security.*: file capabilities have a capability of their own, and a form. */
static int
may_set_security(const char *name, const void *value, size_t size)
{
	u32 magic;

	if (strcmp(name, XATTR_NAME_CAPS) != 0)
		return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
	if (value != NULL && size > 0) {
		/* struct vfs_cap_data, revisions 2 (20 bytes) and 3 (with the namespace's root); capabilities(7). */
		if (size != 20 && size != 24)
			return -EINVAL;
		memcpy(&magic, value, sizeof(magic));
		if ((magic & 0xff000000u) != (size == 20 ? 0x02000000u : 0x03000000u))
			return -EINVAL;
	}
	return capable(CAP_SETFCAP) ? 0 : -EPERM;
}

ssize_t
vnode_getxattr(struct vnode *vn, const char *name, void *buf, size_t size)
{
	const char *rest;
	enum xattr_space space = xattr_space_of(name, &rest);
	ssize_t n = may_use(vn, space, MAY_READ);

	if (n != 0)
		return n;
	if (space == XATTR_NONE || vn->ops->getxattr == NULL)
		return -EOPNOTSUPP;
	rwlock_read_lock(&vn->rwlock);
	n = vn->ops->getxattr(vn, name, buf, size);
	rwlock_read_unlock(&vn->rwlock);
	return n;
}

ssize_t
vnode_listxattr(struct vnode *vn, char *buf, size_t size)
{
	ssize_t n;

	if (vn->ops->listxattr == NULL)
		return 0;
	rwlock_read_lock(&vn->rwlock);
	n = vn->ops->listxattr(vn, buf, size);
	rwlock_read_unlock(&vn->rwlock);
	return n;
}

int
vnode_setxattr(struct vnode *vn, const char *name, const void *value, size_t size, int flags)
{
	const char *rest;
	enum xattr_space space = xattr_space_of(name, &rest);
	int err;

	rwlock_write_lock(&vn->rwlock);
	err = may_use(vn, space, MAY_WRITE);
	if (err == 0 && space == XATTR_SECURITY)
		err = may_set_security(name, value, size);
	if (err == 0 && (space == XATTR_NONE || vn->ops->setxattr == NULL))
		err = -EOPNOTSUPP;
	if (err == 0)
		err = vn->ops->setxattr(vn, name, value, size, flags);
	rwlock_write_unlock(&vn->rwlock);
	return err;
}

int
xattr_list_one(char *buf, size_t size, size_t *used, const char *prefix, const char *rest)
{
	size_t a = strlen(prefix), b = strlen(rest) + 1;

	if (strncmp(*prefix != '\0' ? prefix : rest, XATTR_TRUSTED_PREFIX, sizeof(XATTR_TRUSTED_PREFIX) - 1) == 0 &&
	    !capable(CAP_SYS_ADMIN))
		return 0;
	if (size != 0) {
		if (a + b > size - *used)
			return -ERANGE;
		memcpy(buf + *used, prefix, a);
		memcpy(buf + *used + a, rest, b);
	}
	*used += a + b;
	return 0;
}
