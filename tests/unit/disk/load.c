/* SPDX-License-Identifier: BSD-2-Clause */
/* Random operations and their model: load.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/disk/load.h"

#include "sys/abi/errno.h"
#include "sys/abi/fcntl.h"
#include "sys/abi/stat.h"
#include "sys/abi/xattr.h"
#include "sys/panic.h"
#include "syscall_protos.h"

#define ENTRIES_MAX	4000
#define RENAME_EXCHANGE_FLAG	2

static u32
draw(struct load *l, u32 n)
{
	l->seed ^= l->seed << 13;
	l->seed ^= l->seed >> 7;
	l->seed ^= l->seed << 17;
	return (u32)((l->seed * 0x2545f4914f6cdd1dUL) >> 33) % n;
}

/* --- choosing --- */

struct choice { struct tree_entry *all[ENTRIES_MAX]; u32 n; };

static void
collect(struct choice *c, struct tree_entry *e, u32 kinds)
{
	struct tree_entry *child;

	if ((kinds & BIT(e->node->kind)) && c->n < ENTRIES_MAX)
		c->all[c->n++] = e;
	if (e->node->kind == TREE_DIR)
		for (child = e->node->entries; child != NULL; child = child->next)
			collect(c, child, kinds);
}

/* One of these kinds (bits), or NULL; but not the root, unless it is asked for. */
static struct tree_entry *
choose(struct load *l, u32 kinds, bool root)
{
	struct choice *c = calloc(1, sizeof(*c));
	struct tree_entry *e = NULL;
	u32 first = (kinds & BIT(TREE_DIR)) && !root ? 1 : 0;

	collect(c, l->root, kinds);
	if (c->n > first)
		e = c->all[first + draw(l, c->n - first)];
	free(c);
	return e;
}

static void
make_name(struct load *l, char *name, size_t size)
{
	static const char filler[] = "a rather long name, as people give them to their photographs of last summer's holiday by the sea ";
	u32 i = draw(l, 30);

	if (i < 18)
		snprintf(name, size, "f%02u", i);
	else if (i < 22)
		snprintf(name, size, "%.*s%u.jpeg", 20 + (int)i * 3, filler, i);
	else if (i < 25)
		snprintf(name, size, "na\xc3\xafve \xe2\x98\x83 %u", i);
	else if (i < 28)
		snprintf(name, size, "UPPER%u.TXT", i);
	else
		snprintf(name, size, "%s%s%.50s.%u", filler, filler, filler, i % 10);
}

static void
path_in(const struct tree_entry *dir, const char *name, char *buf, size_t size)
{
	size_t n;

	tree_path(dir, buf, size);
	n = strlen(buf);
	snprintf(buf + n, size - n, "/%s", name);
}

/* --- results --- */

/* 0 or more: done. Else false, and the model stays as it is: what was expected, or no space, or a fault. */
static bool
done(struct load *l, long result, long expected, const char *call, const char *path)
{
	if (result >= 0 && expected == 0)
		return true;
	if (result == expected && expected != 0)
		return false;
	if (result == -ENOSPC && (l->can & LOAD_FULL)) {
		l->nospace++;
		return false;
	}
	if (l->can & LOAD_ERRORS) {
		l->errors++;
		return false;
	}
	panic("%s %s: %ld instead of %ld", call, path, result, expected);
}

static void
forget_xattrs(struct tree_node *n)
{
	struct tree_xattr *x;

	while ((x = n->xattrs) != NULL) {
		n->xattrs = x->next;
		free(x);
	}
}

/* --- operations --- */

static void
fill(struct load *l, u8 *p, size_t n)
{
	u64 v = ((u64)draw(l, 1u << 31) << 20) | 1;

	for (size_t i = 0; i < n; i++) {
		p[i] = (u8)(v >> 24);
		v = v * 6364136223846793005UL + 1;
	}
}

/* What was given to the kernel and taken is in the model. */
static void
write_piece(struct load *l, int fd, struct tree_node *n, const char *path)
{
	u8 *buf = l->buf;
	size_t len = draw(l, 4) == 0 ? draw(l, sizeof(l->buf)) : draw(l, 6000), at;
	long wrote;

	at = draw(l, 3) == 0 ? n->size : draw(l, (u32)n->size + 1);
	if ((l->can & LOAD_SPARSE) && draw(l, 4) == 0)
		at = draw(l, (u32)l->max_size);
	if (at + len > l->max_size)
		return;
	fill(l, buf, len);
	wrote = sys_pwrite64(fd, buf, len, (off_t)at);
	if (!done(l, wrote, 0, "pwrite", path))
		return;
	if ((size_t)wrote < len && !(l->can & (LOAD_FULL | LOAD_ERRORS)))
		panic("%s: %ld of %zu bytes written", path, wrote, len);
	if ((size_t)wrote < len)
		l->nospace++;
	if (wrote > 0 && at + (size_t)wrote > n->size)
		tree_node_resize(n, at + (size_t)wrote);
	if (wrote > 0)
		memcpy(n->data + at, buf, (size_t)wrote);
}

static void
op_write(struct load *l)
{
	struct tree_entry *dir = choose(l, BIT(TREE_DIR), true), *e;
	char name[260], path[4200];
	long fd;

	make_name(l, name, sizeof(name));
	e = tree_find(dir, name);
	path_in(dir, name, path, sizeof(path));
	if (e != NULL && e->node->kind == TREE_LINK)
		return;
	fd = sys_open(path, O_RDWR | O_CREAT, 0640);
	if (!done(l, fd, e != NULL && e->node->kind == TREE_DIR ? -EISDIR : 0, "open", path))
		return;
	if (e == NULL) {
		e = tree_add(dir, name, tree_node_new(TREE_FILE));
		e->node->mode = 0640;
		e->node->links = 1;
	}
	for (u32 i = draw(l, 4); i > 0; i--)
		write_piece(l, (int)fd, e->node, path);
	(void)done(l, sys_close((int)fd), 0, "close", path);
}

static void
op_truncate(struct load *l)
{
	struct tree_entry *e = choose(l, BIT(TREE_FILE), false);
	char path[4200];
	size_t size;

	if (e == NULL)
		return;
	size = draw(l, 2) == 0 ? draw(l, (u32)e->node->size + 1) : draw(l, (u32)l->max_size);
	if (size > e->node->size && !(l->can & LOAD_SPARSE))
		size = MIN(size, e->node->size + 20000);
	tree_path(e, path, sizeof(path));
	if (done(l, sys_truncate(path, (off_t)size), 0, "truncate", path))
		tree_node_resize(e->node, size);
}

static void
op_mkdir(struct load *l)
{
	struct tree_entry *dir = choose(l, BIT(TREE_DIR), true), *e;
	char name[260], path[4200];

	make_name(l, name, sizeof(name));
	e = tree_find(dir, name);
	path_in(dir, name, path, sizeof(path));
	if (strlen(path) > 500 || !done(l, sys_mkdir(path, 0750), e != NULL ? -EEXIST : 0, "mkdir", path))
		return;
	e = tree_add(dir, name, tree_node_new(TREE_DIR));
	e->node->mode = 0750;
}

static void
op_remove(struct load *l)
{
	struct tree_entry *e = choose(l, BIT(TREE_FILE) | BIT(TREE_DIR) | BIT(TREE_LINK), false);
	char path[4200];
	bool dir;

	if (e == NULL)
		return;
	dir = e->node->kind == TREE_DIR;
	tree_path(e, path, sizeof(path));
	if (dir) {
		if (!done(l, sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR), e->node->entries != NULL ? -ENOTEMPTY : 0, "rmdir", path))
			return;
	} else if (!done(l, sys_unlink(path), 0, "unlink", path)) {
		return;
	}
	if (e->node->links > 0)
		e->node->links--;
	tree_remove(e);
}

static bool
is_below(const struct tree_entry *e, const struct tree_entry *top)
{
	for (; e != NULL; e = e->parent)
		if (e == top)
			return true;
	return false;
}

static long
rename_answer(const struct tree_entry *e, const struct tree_entry *dir, const struct tree_entry *old)
{
	if (is_below(dir, e))
		return -EINVAL;
	if (old == NULL || old->node == e->node)
		return 0;
	if (is_below(e, old))
		return -ENOTEMPTY;
	if (e->node->kind == TREE_DIR && old->node->kind != TREE_DIR)
		return -ENOTDIR;
	if (e->node->kind != TREE_DIR && old->node->kind == TREE_DIR)
		return -EISDIR;
	return old->node->kind == TREE_DIR && old->node->entries != NULL ? -ENOTEMPTY : 0;
}

static void
op_rename(struct load *l)
{
	struct tree_entry *e = choose(l, BIT(TREE_FILE) | BIT(TREE_DIR) | BIT(TREE_LINK), false);
	struct tree_entry *dir = choose(l, BIT(TREE_DIR), true), *old;
	char name[260], from[4200], to[4200];

	if (e == NULL)
		return;
	make_name(l, name, sizeof(name));
	old = tree_find(dir, name);
	tree_path(e, from, sizeof(from));
	path_in(dir, name, to, sizeof(to));
	if (strlen(to) > 500 || !done(l, sys_rename(from, to), rename_answer(e, dir, old), "rename", from) ||
	    (old != NULL && old->node == e->node))
		return;
	if (old != NULL) {
		if (old->node->links > 0)
			old->node->links--;
		tree_remove(old);
	}
	tree_move(e, dir, name);
}

static void
op_exchange(struct load *l)
{
	u32 kinds = BIT(TREE_FILE) | BIT(TREE_DIR) | BIT(TREE_LINK);
	struct tree_entry *a = choose(l, kinds, false), *b = choose(l, kinds, false);
	char from[4200], to[4200];
	struct tree_node *n;
	struct tree_entry *child;

	if (a == NULL || is_below(a, b) || is_below(b, a) || !(l->can & LOAD_EXCHANGE))
		return;
	tree_path(a, from, sizeof(from));
	tree_path(b, to, sizeof(to));
	if (!done(l, sys_renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE_FLAG), 0, "exchange", from))
		return;
	n = a->node;
	a->node = b->node;
	b->node = n;
	for (child = a->node->entries; child != NULL; child = child->next)
		child->parent = a;
	for (child = b->node->entries; child != NULL; child = child->next)
		child->parent = b;
}

static void
op_link(struct load *l)
{
	struct tree_entry *e = choose(l, BIT(TREE_FILE), false), *dir = choose(l, BIT(TREE_DIR), true);
	char name[260], from[4200], to[4200];

	if (e == NULL || !(l->can & LOAD_LINKS))
		return;
	make_name(l, name, sizeof(name));
	tree_path(e, from, sizeof(from));
	path_in(dir, name, to, sizeof(to));
	if (!done(l, sys_link(from, to), tree_find(dir, name) != NULL ? -EEXIST : 0, "link", to))
		return;
	(void)tree_add(dir, name, e->node);
	e->node->links++;
}

static void
op_symlink(struct load *l)
{
	struct tree_entry *dir = choose(l, BIT(TREE_DIR), true), *e;
	char name[260], path[4200], target[1000];
	u32 n = draw(l, 3) == 0 ? 1 + draw(l, 900) : 1 + draw(l, 70);

	if (!(l->can & LOAD_LINKS))
		return;
	make_name(l, name, sizeof(name));
	path_in(dir, name, path, sizeof(path));
	memset(target, 't', n);
	target[n] = '\0';
	if (!done(l, sys_symlink(target, path), tree_find(dir, name) != NULL ? -EEXIST : 0, "symlink", path))
		return;
	e = tree_add(dir, name, tree_node_new(TREE_LINK));
	tree_node_resize(e->node, n);
	memcpy(e->node->data, target, n);
}

static void
set_xattr(struct load *l, struct tree_entry *e, const char *name, const char *path)
{
	struct tree_xattr *x, **link = tree_xattr_find(e->node, name);
	size_t size = draw(l, 3) == 0 ? draw(l, 600) : draw(l, 60);
	u8 value[600];

	fill(l, value, size);
	if (!done(l, sys_lsetxattr(path, name, value, size, 0), 0, "setxattr", path))
		return;
	x = *link;
	if (x == NULL || strcmp(x->name, name) != 0) {
		x = calloc(1, sizeof(*x));
		snprintf(x->name, sizeof(x->name), "%s", name);
		x->next = *link;
		*link = x;
	}
	memcpy(x->value, value, size);
	x->size = size;
}

static void
op_xattr(struct load *l)
{
	struct tree_entry *e = choose(l, BIT(TREE_FILE) | BIT(TREE_DIR), false);
	struct tree_xattr *x, **link;
	char path[4200], name[40];
	bool there;

	if (e == NULL || !(l->can & LOAD_XATTRS))
		return;
	tree_path(e, path, sizeof(path));
	snprintf(name, sizeof(name), "%s%u", draw(l, 4) == 0 ? "trusted.t" : "user.some name ", draw(l, 6));
	if (draw(l, 3) != 0) {
		set_xattr(l, e, name, path);
		return;
	}
	link = tree_xattr_find(e->node, name);
	x = *link;
	there = x != NULL && strcmp(x->name, name) == 0;
	if (!done(l, sys_lremovexattr(path, name), there ? 0 : -ENODATA, "removexattr", path))
		return;
	*link = x->next;
	free(x);
}

static void
op_chmod(struct load *l)
{
	struct tree_entry *e = choose(l, BIT(TREE_FILE) | BIT(TREE_DIR), false);
	u32 mode = draw(l, 01000) | 0600;
	char path[4200];

	if (e == NULL || !(l->can & LOAD_MODES))
		return;
	tree_path(e, path, sizeof(path));
	if (done(l, sys_chmod(path, mode), 0, "chmod", path))
		e->node->mode = mode;
}

static void
close_one(struct load *l, struct load_file *f)
{
	if (f->node == NULL)
		return;
	(void)done(l, sys_close(f->fd), 0, "close", "an open file");
	tree_node_put(f->node);
	f->node = NULL;
}

/* A file that stays open: it is written and read, linked or not. */
static void
op_open_file(struct load *l)
{
	struct load_file *f = &l->open[draw(l, ARRAY_SIZE(l->open))];
	struct tree_entry *e;
	char path[4200];
	long fd;

	if (f->node != NULL) {
		u8 *buf = malloc(f->node->size + 1);

		write_piece(l, f->fd, f->node, "an open file");
		buf = realloc(buf, f->node->size + 1);
		if (done(l, sys_pread64(f->fd, buf, f->node->size, 0), 0, "pread", "an open file") && !(l->can & LOAD_ERRORS) && f->node->size > 0 &&
		    memcmp(buf, f->node->data, f->node->size) != 0)
			panic("an open file reads wrong");
		free(buf);
		if (draw(l, 3) == 0)
			close_one(l, f);
		return;
	}
	e = choose(l, BIT(TREE_FILE), false);
	if (e == NULL)
		return;
	tree_path(e, path, sizeof(path));
	fd = sys_open(path, O_RDWR, 0);
	if (!done(l, fd, 0, "open", path))
		return;
	f->fd = (int)fd;
	f->node = e->node;
	f->node->refs++;
}

static void
op_sync(struct load *l)
{
	struct load_file *f = &l->open[draw(l, ARRAY_SIZE(l->open))];

	if (f->node != NULL)
		(void)done(l, sys_fsync(f->fd), 0, "fsync", "an open file");
	else if (draw(l, 8) == 0)
		(void)done(l, sys_sync(), 0, "sync", "");
}

void
load_run(struct load *l, u32 operations)
{
	static const struct { void (*op)(struct load *l); u32 weight; } ops[] = {
		{ op_write, 30 }, { op_truncate, 8 }, { op_mkdir, 8 }, { op_remove, 16 }, { op_rename, 12 }, { op_exchange, 3 },
		{ op_link, 6 }, { op_symlink, 5 }, { op_xattr, 8 }, { op_chmod, 4 }, { op_open_file, 12 }, { op_sync, 5 },
	};
	u32 sum = 0;

	for (u32 i = 0; i < ARRAY_SIZE(ops); i++)
		sum += ops[i].weight;
	while (operations-- > 0) {
		u32 at = draw(l, sum), i = 0;

		while (at >= ops[i].weight)
			at -= ops[i++].weight;
		ops[i].op(l);
	}
}

/* --- life --- */

struct load *
load_new(const char *mountpoint, u32 can, u64 seed)
{
	struct load *l = calloc(1, sizeof(*l));

	l->root = tree_new(mountpoint);
	l->can = can;
	l->seed = seed * 2 + 0x9e3779b97f4a7c15;
	l->max_size = 400000;
	return l;
}

void
load_close_files(struct load *l)
{
	for (u32 i = 0; i < ARRAY_SIZE(l->open); i++)
		close_one(l, &l->open[i]);
}

u32
load_compares(const struct load *l)
{
	return (l->can & LOAD_MODES ? TREE_MODES : 0) | (l->can & LOAD_LINKS ? TREE_LINKS : 0) | (l->can & LOAD_XATTRS ? TREE_XATTRS : 0);
}

void
load_check(struct load *l)
{
	struct tree_entry *seen = tree_from_kernel(l->root->name, load_compares(l));
	const char *text = tree_differs(l->root, seen, load_compares(l));

	if (text != NULL)
		panic("model and file system differ: %s", text);
	tree_free(seen);
}

void
load_free(struct load *l)
{
	load_close_files(l);
	forget_xattrs(l->root->node);
	tree_free(l->root);
	free(l);
}
