/* SPDX-License-Identifier: BSD-2-Clause */
/* setxattr(2), getxattr(2), listxattr(2), removexattr(2) and their families. */
#include "fs/internal.h"
#include "fs/notify.h"
#include "fs/xattr.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "syscall_protos.h"

/* --- arguments --- */

struct attr_name { char text[XATTR_NAME_MAX + 1]; };

static int
copy_name(struct attr_name *n, const char __user *u)
{
	ssize_t len = copy_string_from_user(n->text, u, sizeof(n->text));

	if (len == 0 || len == -ENAMETOOLONG)
		return -ERANGE;
	return len < 0 ? (int)len : 0;
}

/* By path or descriptor: what all calls begin and end with. */
struct target { struct path path; struct fdref ref; bool by_fd; };

static int
target_at(const char __user *path, int lookup, struct target *t)
{
	t->by_fd = false;
	return user_path_at(AT_FDCWD, path, lookup, &t->path);
}

static int
target_fd(int fd, struct target *t)
{
	int err = fd_get(fd, &t->ref);

	t->by_fd = true;
	if (err == 0) {
		t->path.mnt = t->ref.file->mnt;
		t->path.dentry = t->ref.file->dentry;
	}
	return err;
}

static void
target_put(struct target *t)
{
	if (t->by_fd)
		fd_put(&t->ref);
	else
		path_put(&t->path);
}

/* --- set, remove --- */

static int
set_value(struct vnode *vn, const struct attr_name *n, const void __user *uvalue, size_t size, int flags)
{
	void *value = NULL;
	int err;

	if (size > 0) {
		value = kmem_alloc(size, KM_USER);
		if (value == NULL)
			return -ENOMEM;
		err = copy_from_user(value, uvalue, size);
		if (err != 0)
			goto out_free;
	}
	err = vnode_setxattr(vn, n->text, size > 0 ? value : "", size, flags);
out_free:
	kmem_free(value);
	return err;
}

static int
set_attr(struct target *t, const char __user *name, const void __user *value, size_t size, int flags)
{
	struct attr_name n;
	int err = mount_want_write(t->path.mnt);

	if (err != 0)
		return err;
	err = flags & ~(XATTR_CREATE | XATTR_REPLACE) ? -EINVAL : copy_name(&n, name);
	if (err == 0)
		err = size > XATTR_SIZE_MAX ? -E2BIG : set_value(t->path.dentry->vn, &n, value, size, flags);
	if (err == 0)
		notify_dentry(t->path.dentry, IN_ATTRIB);
	mount_drop_write(t->path.mnt);
	return err;
}

static long
set_at(const char __user *path, int lookup, const char __user *name, const void __user *value, size_t size, int flags)
{
	struct target t;
	int err = target_at(path, lookup, &t);

	if (err != 0)
		return err;
	err = set_attr(&t, name, value, size, flags);
	target_put(&t);
	return err;
}

long
sys_setxattr(const char __user *path, const char __user *name, const void __user *value, size_t size, int flags)
{
	return set_at(path, LOOKUP_FOLLOW, name, value, size, flags);
}

long
sys_lsetxattr(const char __user *path, const char __user *name, const void __user *value, size_t size, int flags)
{
	return set_at(path, 0, name, value, size, flags);
}

long
sys_fsetxattr(int fd, const char __user *name, const void __user *value, size_t size, int flags)
{
	struct target t;
	int err = target_fd(fd, &t);

	if (err != 0)
		return err;
	err = set_attr(&t, name, value, size, flags);
	target_put(&t);
	return err;
}

static int
remove_attr(struct target *t, const char __user *name)
{
	struct attr_name n;
	int err = mount_want_write(t->path.mnt);

	if (err != 0)
		return err;
	err = copy_name(&n, name);
	if (err == 0)
		err = vnode_setxattr(t->path.dentry->vn, n.text, NULL, 0, XATTR_REPLACE);
	if (err == 0)
		notify_dentry(t->path.dentry, IN_ATTRIB);
	mount_drop_write(t->path.mnt);
	return err;
}

static long
remove_at(const char __user *path, int lookup, const char __user *name)
{
	struct target t;
	int err = target_at(path, lookup, &t);

	if (err != 0)
		return err;
	err = remove_attr(&t, name);
	target_put(&t);
	return err;
}

long
sys_removexattr(const char __user *path, const char __user *name)
{
	return remove_at(path, LOOKUP_FOLLOW, name);
}

long
sys_lremovexattr(const char __user *path, const char __user *name)
{
	return remove_at(path, 0, name);
}

long
sys_fremovexattr(int fd, const char __user *name)
{
	struct target t;
	int err = target_fd(fd, &t);

	if (err != 0)
		return err;
	err = remove_attr(&t, name);
	target_put(&t);
	return err;
}

/* --- get, list --- */

/* name NULL: the list of names. */
static ssize_t
fetch(struct vnode *vn, const struct attr_name *n, void __user *ubuf, size_t size)
{
	size_t max = n != NULL ? XATTR_SIZE_MAX : XATTR_LIST_MAX;
	void *buf = NULL;
	ssize_t got;

	if (size > max)
		size = max;
	if (size > 0) {
		buf = kmem_alloc(size, KM_USER);
		if (buf == NULL)
			return -ENOMEM;
	}
	got = n != NULL ? vnode_getxattr(vn, n->text, buf, size) : vnode_listxattr(vn, buf, size);
	if (got > 0 && size > 0 && copy_to_user(ubuf, buf, (size_t)got) != 0)
		got = -EFAULT;
	else if (got == -ERANGE && size >= max)
		got = -E2BIG;		/* longer than any buffer may be */
	kmem_free(buf);
	return got;
}

static ssize_t
get_attr(struct target *t, const char __user *name, void __user *buf, size_t size)
{
	struct attr_name n;
	int err = copy_name(&n, name);

	return err != 0 ? err : fetch(t->path.dentry->vn, &n, buf, size);
}

static long
get_at(const char __user *path, int lookup, const char __user *name, void __user *buf, size_t size)
{
	struct target t;
	ssize_t n = target_at(path, lookup, &t);

	if (n != 0)
		return n;
	n = get_attr(&t, name, buf, size);
	target_put(&t);
	return n;
}

long
sys_getxattr(const char __user *path, const char __user *name, void __user *value, size_t size)
{
	return get_at(path, LOOKUP_FOLLOW, name, value, size);
}

long
sys_lgetxattr(const char __user *path, const char __user *name, void __user *value, size_t size)
{
	return get_at(path, 0, name, value, size);
}

long
sys_fgetxattr(int fd, const char __user *name, void __user *value, size_t size)
{
	struct target t;
	ssize_t n = target_fd(fd, &t);

	if (n != 0)
		return n;
	n = get_attr(&t, name, value, size);
	target_put(&t);
	return n;
}

static long
list_at(const char __user *path, int lookup, void __user *list, size_t size)
{
	struct target t;
	ssize_t n = target_at(path, lookup, &t);

	if (n != 0)
		return n;
	n = fetch(t.path.dentry->vn, NULL, list, size);
	target_put(&t);
	return n;
}

long
sys_listxattr(const char __user *path, void __user *list, size_t size)
{
	return list_at(path, LOOKUP_FOLLOW, list, size);
}

long
sys_llistxattr(const char __user *path, void __user *list, size_t size)
{
	return list_at(path, 0, list, size);
}

long
sys_flistxattr(int fd, void __user *list, size_t size)
{
	struct target t;
	ssize_t n = target_fd(fd, &t);

	if (n != 0)
		return n;
	n = fetch(t.path.dentry->vn, NULL, list, size);
	target_put(&t);
	return n;
}
