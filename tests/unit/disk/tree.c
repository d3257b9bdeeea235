/* SPDX-License-Identifier: BSD-2-Clause */
/* Trees of files as data: tree.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/disk/tree.h"

#include "sys/abi/errno.h"
#include "sys/abi/fcntl.h"
#include "sys/abi/stat.h"
#include "sys/panic.h"
#include "syscall_protos.h"
#include "tests/unit/disk/host.h"

/* --- nodes and entries --- */

struct tree_node *
tree_node_new(enum tree_kind kind)
{
	struct tree_node *n = calloc(1, sizeof(*n));

	n->kind = kind;
	return n;
}

void
tree_node_put(struct tree_node *n)
{
	struct tree_xattr *x;

	if (--n->refs > 0)
		return;
	while ((x = n->xattrs) != NULL) {
		n->xattrs = x->next;
		free(x);
	}
	free(n->data);
	free(n);
}

void
tree_node_resize(struct tree_node *n, size_t size)
{
	if (size > n->room) {
		n->room = size + size / 2 + 64;
		n->data = realloc(n->data, n->room);
	}
	if (size > n->size)
		memset(n->data + n->size, 0, size - n->size);
	n->size = size;
}

struct tree_xattr **
tree_xattr_find(struct tree_node *n, const char *name)
{
	struct tree_xattr **link = &n->xattrs;

	while (*link != NULL && strcmp((*link)->name, name) < 0)
		link = &(*link)->next;
	return link;
}

static struct tree_entry **
place_of(struct tree_entry *dir, const char *name)
{
	struct tree_entry **link = &dir->node->entries;

	while (*link != NULL && strcmp((*link)->name, name) < 0)
		link = &(*link)->next;
	return link;
}

struct tree_entry *
tree_find(struct tree_entry *dir, const char *name)
{
	struct tree_entry *e = *place_of(dir, name);

	return e != NULL && strcmp(e->name, name) == 0 ? e : NULL;
}

static void
link_entry(struct tree_entry *e, struct tree_entry *dir, const char *name)
{
	struct tree_entry **link = place_of(dir, name);

	KASSERT(*link == NULL || strcmp((*link)->name, name) != 0);
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->parent = dir;
	e->next = *link;
	*link = e;
}

static void
unlink_entry(struct tree_entry *e)
{
	struct tree_entry **link = place_of(e->parent, e->name);

	KASSERT(*link == e);
	*link = e->next;
}

struct tree_entry *
tree_add(struct tree_entry *dir, const char *name, struct tree_node *n)
{
	struct tree_entry *e = calloc(1, sizeof(*e));

	e->node = n;
	n->refs++;
	link_entry(e, dir, name);
	return e;
}

static void
free_entry(struct tree_entry *e)
{
	struct tree_entry *child;

	while (e->node->refs == 1 && (child = e->node->entries) != NULL) {
		e->node->entries = child->next;
		free_entry(child);
	}
	tree_node_put(e->node);
	free(e);
}

void
tree_remove(struct tree_entry *e)
{
	unlink_entry(e);
	free_entry(e);
}

void
tree_move(struct tree_entry *e, struct tree_entry *dir, const char *name)
{
	unlink_entry(e);
	link_entry(e, dir, name);
}

void
tree_path(const struct tree_entry *e, char *buf, size_t size)
{
	size_t n = 0;

	if (e->parent != NULL) {
		tree_path(e->parent, buf, size);
		n = strlen(buf);
	}
	snprintf(buf + n, size - n, "%s%s", e->parent != NULL ? "/" : "", e->name);
}

struct tree_entry *
tree_new(const char *root)
{
	struct tree_entry *e = calloc(1, sizeof(*e));

	snprintf(e->name, sizeof(e->name), "%s", root);
	e->node = tree_node_new(TREE_DIR);
	e->node->refs = 1;
	return e;
}

void
tree_free(struct tree_entry *t)
{
	free_entry(t);
}

/* --- from a mounted file system --- */

#define INODES_MAX	20000

struct reading {
	u32 what;
	struct { u64 ino; struct tree_node *node; } seen[INODES_MAX];	/* files with several links */
	u32 nseen;
};

static long
must(long result, const char *call, const char *path)
{
	if (result < 0)
		panic("%s %s: error %ld", call, path, result);
	return result;
}

static void
read_data(struct tree_node *n, const char *path, size_t size)
{
	int fd = (int)must(sys_open(path, O_RDONLY, 0), "open", path);
	size_t done = 0;
	long got;

	tree_node_resize(n, size);
	while ((got = must(sys_pread64(fd, n->data + done, size - done + 0, (off_t)done), "read", path)) > 0)
		done += (size_t)got;
	if (done != size)
		panic("%s: %zu bytes of %zu could be read", path, done, size);
	must(sys_close(fd), "close", path);
}

static void
read_xattrs(struct tree_node *n, const char *path)
{
	char names[4096];
	long len = sys_llistxattr(path, names, sizeof(names)), got;

	if (len == -EOPNOTSUPP)
		return;
	must(len, "listxattr", path);
	for (char *p = names; p < names + len; p += strlen(p) + 1) {
		struct tree_xattr *x = calloc(1, sizeof(*x)), **link = tree_xattr_find(n, p);

		snprintf(x->name, sizeof(x->name), "%s", p);
		got = must(sys_lgetxattr(path, p, x->value, sizeof(x->value)), "getxattr", path);
		x->size = (size_t)got;
		x->next = *link;
		*link = x;
	}
}

static void read_dir(struct reading *r, struct tree_entry *dir, const char *path);

static void
read_node(struct reading *r, struct tree_entry *dir, const char *name, const char *path)
{
	struct tree_node *n;
	struct tree_entry *e;
	struct abi_stat st;

	must(sys_lstat(path, &st), "lstat", path);
	if (S_ISREG(st.st_mode) && st.st_nlink > 1) {
		for (u32 i = 0; i < r->nseen; i++) {
			if (r->seen[i].ino == st.st_ino) {
				tree_add(dir, name, r->seen[i].node);
				return;
			}
		}
	}
	n = tree_node_new(S_ISREG(st.st_mode) ? TREE_FILE : S_ISDIR(st.st_mode) ? TREE_DIR : S_ISLNK(st.st_mode) ? TREE_LINK : TREE_OTHER);
	n->mode = st.st_mode & 07777;
	n->links = (u32)st.st_nlink;
	e = tree_add(dir, name, n);
	if (r->what & TREE_XATTRS)
		read_xattrs(n, path);
	if (n->kind == TREE_DIR)
		read_dir(r, e, path);
	else if (n->kind == TREE_FILE)
		read_data(n, path, (size_t)st.st_size);
	else if (n->kind == TREE_LINK) {
		tree_node_resize(n, 4096);
		n->size = (size_t)must(sys_readlink(path, n->data, 4096), "readlink", path);
	}
	if (n->kind == TREE_FILE && st.st_nlink > 1) {
		KASSERT(r->nseen < INODES_MAX);
		r->seen[r->nseen].ino = st.st_ino;
		r->seen[r->nseen++].node = n;
	}
}

static void
read_dir(struct reading *r, struct tree_entry *dir, const char *path)
{
	int fd = (int)must(sys_open(path, O_RDONLY | O_DIRECTORY, 0), "open", path);
	char child[4200], buf[2048];
	long got;

	while ((got = must(sys_getdents64(fd, buf, sizeof(buf)), "getdents", path)) > 0) {
		for (char *p = buf; p < buf + got; p += *(u16 *)(p + 16)) {
			const char *name = p + 19;	/* linux_dirent64: ino, off, reclen, type, name */

			if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
				continue;
			snprintf(child, sizeof(child), "%s/%s", path, name);
			read_node(r, dir, name, child);
		}
	}
	must(sys_close(fd), "close", path);
}

struct tree_entry *
tree_from_kernel(const char *path, u32 what)
{
	struct tree_entry *root = tree_new(path);
	struct reading *r = calloc(1, sizeof(*r));

	r->what = what;
	read_dir(r, root, path);
	free(r);
	return root;
}

/* --- from the host: "find" tells kinds, modes and names, and symlinks' targets --- */

static void
host_entry(struct tree_entry *root, const char *folder, char *line)
{
	struct tree_entry *dir = root;
	char kind = line[0], *name = strchr(line + 2, '\t') + 1, *target = strchr(name, '\t'), *slash, file[4200];
	struct tree_node *n;

	*target++ = '\0';
	snprintf(file, sizeof(file), "%s/%s", folder, name);
	while ((slash = strchr(name, '/')) != NULL) {
		*slash = '\0';
		dir = tree_find(dir, name);
		name = slash + 1;
	}
	n = tree_node_new(kind == 'f' ? TREE_FILE : kind == 'd' ? TREE_DIR : kind == 'l' ? TREE_LINK : TREE_OTHER);
	n->mode = (u32)strtoul(line + 2, NULL, 8);
	if (n->kind == TREE_FILE)
		n->data = host_read(file, &n->size);
	n->room = n->size;
	if (n->kind == TREE_LINK) {
		tree_node_resize(n, strlen(target));
		memcpy(n->data, target, n->size);
	}
	(void)tree_add(dir, name, n);
}

struct tree_entry *
tree_from_host(const char *name)
{
	struct tree_entry *root = tree_new(name);
	const char *out;
	char *text, *line, *rest;

	if (host_run(&out, "cd $D/%s && find . -mindepth 1 -printf '%%y\\t%%m\\t%%P\\t%%l\\n'", name) != 0)
		panic("find: %s", out);
	text = rest = strdup(out);
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0')
		host_entry(root, name, line);
	free(text);
	return root;
}

/* --- comparing --- */

static char difference[4600];

static bool
differ(const struct tree_entry *e, const char *what)
{
	char path[4200];

	tree_path(e, path, sizeof(path));
	snprintf(difference, sizeof(difference), "%s: %s", path, what);
	return true;
}

static bool
data_differs(const struct tree_entry *a, const struct tree_entry *b)
{
	size_t at = 0;
	char text[100];

	if (a->node->size == b->node->size && (a->node->size == 0 || memcmp(a->node->data, b->node->data, a->node->size) == 0))
		return false;
	while (at < a->node->size && at < b->node->size && a->node->data[at] == b->node->data[at])
		at++;
	snprintf(text, sizeof(text), "contents, from byte %zu on; sizes %zu and %zu", at, a->node->size, b->node->size);
	return differ(a, text);
}

static bool
xattrs_differ(const struct tree_entry *a, const struct tree_entry *b)
{
	const struct tree_xattr *x = a->node->xattrs, *y = b->node->xattrs;

	for (; x != NULL && y != NULL; x = x->next, y = y->next)
		if (strcmp(x->name, y->name) != 0 || x->size != y->size || memcmp(x->value, y->value, x->size) != 0)
			return differ(a, x->name);
	return x != y && differ(a, "number of extended attributes");
}

static bool
nodes_differ(const struct tree_entry *a, const struct tree_entry *b, u32 what)
{
	const struct tree_entry *x, *y;

	if (a->node->kind != b->node->kind)
		return differ(a, "kind");
	if ((what & TREE_MODES) && a->parent != NULL && a->node->kind != TREE_LINK && a->node->mode != b->node->mode)
		return differ(a, "mode");
	if ((what & TREE_LINKS) && a->node->kind == TREE_FILE && a->node->links != b->node->links)
		return differ(a, "number of links");
	if ((what & TREE_XATTRS) && xattrs_differ(a, b))
		return true;
	if (a->node->kind != TREE_DIR)
		return data_differs(a, b);
	x = a->node->entries;
	y = b->node->entries;
	for (; x != NULL && y != NULL; x = x->next, y = y->next)
		if (strcmp(x->name, y->name) != 0 ? differ(x, y->name) : nodes_differ(x, y, what))
			return true;
	return x != y && differ(x != NULL ? x : y, x != NULL ? "only in the first" : "only in the second");
}

const char *
tree_differs(const struct tree_entry *a, const struct tree_entry *b, u32 what)
{
	return nodes_differ(a, b, what) ? difference : NULL;
}
