/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of Unix sockets: paths, whose vnode points at the socket, and abstract ones, in a table. unix(7), "Address format". */
#include "net/unix/unix.h"

#include "sys/abi/errno.h"
#include "sys/lib/hash.h"
#include "sys/lib/string.h"
#include "sys/random.h"
#include "sys/thread.h"

#define TABLE_BITS	8
#define NAME_AT		offsetof(struct abi_sockaddr_un, sun_path)
#define AUTO_NAMES	0x100000

static struct hlist table[1 << TABLE_BITS];	/* [T] abstract names */

void
unix_addr_put(struct unix_addr *a)
{
	if (refcount_put(&a->refs))
		kmem_free(a);
}

static struct unix_addr *
addr_make(const void *name, u32 len)
{
	struct unix_addr *a = kmem_alloc(sizeof(*a), KM_USER | KM_ZERO);

	if (a == NULL)
		return NULL;
	refcount_init(&a->refs, 1);
	a->len = len;
	memcpy(&a->name, name, MIN(len, (u32)sizeof(a->name)));
	return a;
}

static int
check_addr(const struct socket_addr *a)
{
	return a->len > NAME_AT && a->len <= sizeof(struct abi_sockaddr_un) && a->family == AF_UNIX ? 0 : -EINVAL;
}

static bool
is_abstract(const struct socket_addr *a)
{
	return a->raw[NAME_AT] == 0;
}

/* --- abstract names --- */

static struct hlist *
bucket(const void *name, u32 len, int type)
{
	return &table[hash_bytes(name, len, (u64)type) & ((1 << TABLE_BITS) - 1)];
}

/* [T] held */
static struct unix_socket *
find_abstract(const void *name, u32 len, int type)
{
	struct unix_socket *u;

	hlist_for_each(u, bucket(name, len, type), hash)
		if (u->sock.type == type && u->addr->len == len && memcmp(&u->addr->name, name, len) == 0)
			return u;
	return NULL;
}

/* Give u the name a, which is taken over if that worked. u->bind_lock is held. */
static int
bind_abstract(struct unix_socket *u, struct unix_addr *a)
{
	int err = -EADDRINUSE;

	spin_lock(&unix_table_lock);
	if (find_abstract(&a->name, a->len, u->sock.type) == NULL) {
		atomic_store_release(&u->addr, a);
		hlist_add(bucket(&a->name, a->len, u->sock.type), &u->hash);
		err = 0;
	}
	spin_unlock(&unix_table_lock);
	return err;
}

int
unix_autobind(struct unix_socket *u)
{
	struct abi_sockaddr_un name = { .sun_family = AF_UNIX };
	u32 at = (u32)random_u64() % AUTO_NAMES;
	struct unix_addr *a;
	int err = 0;

	mutex_lock(&u->bind_lock);
	if (u->addr != NULL)
		goto out;
	err = -ENOMEM;
	a = addr_make(&name, NAME_AT + 6);
	if (a == NULL)
		goto out;
	err = -EADDRINUSE;
	for (u32 i = 0; i < AUTO_NAMES && err == -EADDRINUSE; i++, at = (at + 1) % AUTO_NAMES) {
		for (u32 digit = 0; digit < 5; digit++)
			a->name.sun_path[1 + digit] = "0123456789abcdef"[at >> (16 - 4 * digit) & 15];
		err = bind_abstract(u, a);
	}
	if (err != 0) {
		unix_addr_put(a);
		err = -ENOSPC;
	}
out:
	mutex_unlock(&u->bind_lock);
	return err;
}

/* --- paths --- */

/* sun_path need not be terminated; what stands behind a NUL in it does not count. */
static void
path_text(const struct socket_addr *a, char out[UNIX_PATH_MAX + 1])
{
	memcpy(out, a->raw + NAME_AT, a->len - NAME_AT);
	out[a->len - NAME_AT] = '\0';
}

static int
bind_path(struct unix_socket *u, const struct socket_addr *addr)
{
	u32 mode = S_IFSOCK | (0777 & ~READ_ONCE(thread_current()->fsctx->umask));
	char text[UNIX_PATH_MAX + 1];
	struct unix_addr *a;
	struct vnode *vn;
	struct path p;
	int err;

	path_text(addr, text);
	a = addr_make(addr->raw, NAME_AT + (u32)strlen(text) + 1);
	if (a == NULL)
		return -ENOMEM;
	err = path_mknod_path(AT_FDCWD, text, mode, 0, &p);
	if (err != 0) {
		unix_addr_put(a);
		return err == -EEXIST ? -EADDRINUSE : err;
	}
	u->path = p;
	atomic_store_release(&u->addr, a);
	vn = p.dentry->vn;
	spin_lock(&vn->lock);
	vn->sock = u;
	spin_unlock(&vn->lock);
	return 0;
}

void
unix_unhash(struct unix_socket *u)
{
	struct vnode *vn;

	if (u->addr == NULL)
		return;
	spin_lock(&unix_table_lock);
	if (hlist_is_linked(&u->hash))
		hlist_del(&u->hash);
	spin_unlock(&unix_table_lock);
	if (u->path.dentry == NULL)
		return;
	vn = u->path.dentry->vn;
	spin_lock(&vn->lock);
	if (vn->sock == u)	/* an accepted socket shares the name, and never stands here */
		vn->sock = NULL;
	spin_unlock(&vn->lock);
	path_put(&u->path);
}

static bool
name_exists(const struct socket_addr *addr)
{
	char text[UNIX_PATH_MAX + 1];

	path_text(addr, text);
	return path_exists(text);
}

/* --- for all --- */

int
unix_bind(struct socket *s, const struct socket_addr *addr)
{
	struct unix_socket *u = unix_of(s);
	struct unix_addr *a;
	int err;

	if (addr->len == NAME_AT && addr->family == AF_UNIX)
		return unix_autobind(u);
	err = check_addr(addr);
	if (err != 0)
		return err;
	mutex_lock(&u->bind_lock);
	if (u->addr != NULL) {
		err = !is_abstract(addr) && name_exists(addr) ? -EADDRINUSE : -EINVAL;
	} else if (!is_abstract(addr)) {
		err = bind_path(u, addr);
	} else {
		a = addr_make(addr->raw, addr->len);
		err = a != NULL ? bind_abstract(u, a) : -ENOMEM;
		if (err != 0 && a != NULL)
			unix_addr_put(a);
	}
	mutex_unlock(&u->bind_lock);
	return err;
}

static int
find_path(const struct socket_addr *a, int type, struct unix_socket **out)
{
	char text[UNIX_PATH_MAX + 1];
	struct unix_socket *u = NULL;
	struct vnode *vn;
	struct path p;
	int err;

	path_text(a, text);
	err = kern_path(text, LOOKUP_FOLLOW, &p);
	if (err != 0)
		return err;
	vn = p.dentry->vn;
	err = vnode_permission(vn, MAY_WRITE);
	if (err != 0)
		goto out_path;
	if (S_ISSOCK(vn->mode)) {
		spin_lock(&vn->lock);
		u = vn->sock;
		if (u != NULL)
			unix_get(u);
		spin_unlock(&vn->lock);
	}
	err = -ECONNREFUSED;
	if (u == NULL)
		goto out_path;
	err = 0;
	if (u->sock.type != type) {
		unix_put(u);
		err = -EPROTOTYPE;
	} else {
		path_touch_atime(&p);
		*out = u;
	}
out_path:
	path_put(&p);
	return err;
}

int
unix_find(const struct socket_addr *a, int type, struct unix_socket **out)
{
	int err = check_addr(a);

	if (err != 0)
		return err;
	if (!is_abstract(a))
		return find_path(a, type, out);
	spin_lock(&unix_table_lock);
	*out = find_abstract(a->raw, a->len, type);
	if (*out != NULL)
		unix_get(*out);
	spin_unlock(&unix_table_lock);
	return *out != NULL ? 0 : -ECONNREFUSED;
}

void
unix_get_name(struct unix_socket *u, struct socket_addr *out)
{
	const struct unix_addr *a = atomic_load_acquire(&u->addr);

	out->len = NAME_AT;
	out->family = AF_UNIX;
	if (a != NULL) {
		out->len = a->len;
		memset(out->raw, 0, sizeof(out->raw));
		memcpy(out->raw, &a->name, MIN(a->len, (u32)sizeof(a->name)));
	}
}

int
unix_getname(struct socket *s, bool peer, struct socket_addr *out)
{
	struct unix_socket *u = unix_of(s);

	if (!peer) {
		unix_get_name(u, out);
		return 0;
	}
	u = unix_peer_get(u);
	if (u == NULL)
		return -ENOTCONN;
	unix_get_name(u, out);
	unix_put(u);
	return 0;
}
