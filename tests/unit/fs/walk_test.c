/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Path walk, renames, mounts and the dentry cache on tmpfs; a random tree against a model.
 * sources: tests/unit/fs/host.c fs/anon.c fs/attr.c fs/dentry.c fs/dentry_tree.c fs/fdtable.c fs/file.c fs/flock.c fs/fsctx.c
 * sources: fs/generic.c fs/libfs.c fs/mount.c fs/mount_ops.c fs/mount_propagation.c fs/namei.c fs/open.c fs/pathname.c fs/pathops.c fs/perm.c
 * sources: fs/reclock.c fs/special.c fs/super.c fs/vfs.c fs/vfsops.c fs/vnode.c fs/walk.c fs/tmpfs/node.c fs/tmpfs/super.c
 * sources: fs/inotify.c fs/notify.c fs/writeback.c fs/xattr.c fs/xattr_mem.c sys/lib/rbtree.c
 */
#include "tests/unit/test.h"

#include "fs/internal.h"
#include "sys/thread.h"
#include "tests/unit/fs/host.h"
#include "tests/unit/shim/shim.h"

void
unit_setup(void)
{
	host_boot();
}

void
unit_teardown(void)
{
	host_shutdown();
}

static int
look(const char *name, int flags)
{
	struct path p;
	int err = kern_path(name, flags, &p);

	if (err == 0)
		path_put(&p);
	ck_assert_uint_eq(unit_locks_held(), 0);
	return err;
}

static void
tree(void)
{
	ck_assert_int_eq(path_mkdir(AT_FDCWD, "/d", 0755), 0);
	ck_assert_int_eq(path_mkdir(AT_FDCWD, "/d/e", 0755), 0);
	host_write("/d/e/f", "hello", 5);
	ck_assert_int_eq(path_symlink("e/../e/./f", AT_FDCWD, "/d/link"), 0);
	ck_assert_int_eq(path_symlink("/d", AT_FDCWD, "/d/e/up"), 0);
	ck_assert_int_eq(path_symlink("loop", AT_FDCWD, "/loop"), 0);
}

static const struct { const char *name; int flags, err; } cases[] = {
	{ "/", 0, 0 }, { "///", 0, 0 }, { "/d", 0, 0 }, { "/d/", 0, 0 }, { "/d//e/./f", 0, 0 }, { "/d/e/f/", 0, -ENOTDIR },
	{ "/d/e/f/..", 0, -ENOTDIR }, { "/none", 0, -ENOENT }, { "/none/x", 0, -ENOENT }, { "", 0, -ENOENT }, { "", LOOKUP_EMPTY, 0 },
	{ "..", 0, 0 }, { "/../../d", 0, 0 }, { "d/e/../../d/e/f", 0, 0 }, { "/d/link", LOOKUP_FOLLOW, 0 }, { "/d/link", LOOKUP_NO_SYMLINKS, 0 },
	{ "/d/link", LOOKUP_NO_SYMLINKS | LOOKUP_FOLLOW, -ELOOP }, { "/d/link/", 0, -ENOTDIR }, { "/d/e/up/e/up/e/f", 0, 0 },
	{ "/d/e/up/link", LOOKUP_FOLLOW, 0 }, { "/loop", LOOKUP_FOLLOW, -ELOOP }, { "/loop", 0, 0 }, { "/loop/", 0, -ELOOP },
	{ "/d/e/f", LOOKUP_DIRECTORY, -ENOTDIR }, { "/d/e", LOOKUP_DIRECTORY, 0 }, { "d/..", LOOKUP_BENEATH, 0 },
	{ "../d", LOOKUP_BENEATH, -EXDEV }, { "/d", LOOKUP_BENEATH, -EXDEV }, { "d/e/up", LOOKUP_BENEATH | LOOKUP_FOLLOW, -EXDEV },
	{ "d/e/up/e", LOOKUP_IN_ROOT, 0 },
};

TEST(names_resolve_as_told)
{
	tree();
	for (int again = 0; again < 2; again++)		/* with a cold and with a warm cache */
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			ck_assert_msg(look(cases[i].name, cases[i].flags) == cases[i].err, "%s %x: %d", cases[i].name,
				      cases[i].flags, look(cases[i].name, cases[i].flags));
}

TEST(out_of_memory_leaks_nothing)
{
	struct path p;

	tree();
	unit_rcu_flush();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (unsigned n = 1; n < 6; n++) {
			unsigned before = unit_kmem_live();
			int err;

			unit_kmem_fail_in(n);
			err = kern_path(cases[i].name, cases[i].flags, &p);
			unit_kmem_fail_in(0);
			if (err == 0)
				path_put(&p);
			ck_assert(err == cases[i].err || err == -ENOMEM);
			unit_rcu_flush();
			/* A name that is not there may have got a negative entry. */
			ck_assert_uint_le(unit_kmem_live(), before + 1);
		}
	}
	for (unsigned n = 1; n < 12; n++) {
		unit_kmem_fail_in(n);
		(void)!path_mkdir(AT_FDCWD, "/d/new directory with a name that is longer than what fits in", 0755);
		(void)!path_rmdir(AT_FDCWD, "/d/new directory with a name that is longer than what fits in");
		unit_kmem_fail_in(0);
		ck_assert_uint_eq(unit_locks_held(), 0);
	}
	ck_assert_int_eq(look("/d/new directory with a name that is longer than what fits in", 0), -ENOENT);
}

TEST(a_removed_tree_gives_its_memory_back)
{
	unsigned before;

	ck_assert_int_eq(look("/x", 0), -ENOENT);
	unit_rcu_flush();
	before = unit_kmem_live();
	for (int round = 0; round < 3; round++) {
		tree();
		ck_assert_int_eq(path_unlink(AT_FDCWD, "/d/e/f"), 0);
		ck_assert_int_eq(path_unlink(AT_FDCWD, "/d/e/up"), 0);
		ck_assert_int_eq(path_rmdir(AT_FDCWD, "/d"), -ENOTEMPTY);
		ck_assert_int_eq(path_unlink(AT_FDCWD, "/d/link"), 0);
		ck_assert_int_eq(path_rmdir(AT_FDCWD, "/d/e"), 0);
		ck_assert_int_eq(look("/d/none", 0), -ENOENT);
		ck_assert_int_eq(path_rmdir(AT_FDCWD, "/d"), 0);
		ck_assert_int_eq(path_unlink(AT_FDCWD, "/loop"), 0);
		unit_rcu_flush();
		ck_assert_uint_eq(host_live_pages, 0);
		ck_assert_uint_le(unit_kmem_live(), before + 4);	/* negative entries in the root */
	}
}

TEST(an_unmounted_file_system_gives_its_memory_back)
{
	unsigned before;
	struct path p;

	ck_assert_int_eq(path_mkdir(AT_FDCWD, "/m", 0755), 0);
	ck_assert_int_eq(mount_kern("tmpfs", "none", "/m", 0, NULL), 0);
	ck_assert_int_eq(kern_path("/m", 0, &p), 0);
	ck_assert_int_eq(mount_umount(&p, 0), 0);
	path_put(&p);
	unit_rcu_flush();
	before = unit_kmem_live();
	for (int round = 0; round < 3; round++) {
		ck_assert_int_eq(mount_kern("tmpfs", "none", "/m", 0, "size=1m"), 0);
		for (int i = 0; i < 50; i++) {
			char name[64];

			snprintf(name, sizeof(name), "/m/dir%d", i);
			ck_assert_int_eq(path_mkdir(AT_FDCWD, name, 0755), 0);
			snprintf(name, sizeof(name), "/m/dir%d/file", i);
			host_write(name, "0123456789", 10);
			snprintf(name, sizeof(name), "/m/dir%d/none", i);
			ck_assert_int_eq(look(name, 0), -ENOENT);
		}
		ck_assert_int_eq(kern_path("/m", 0, &p), 0);
		ck_assert_int_eq(mount_umount(&p, 0), 0);
		path_put(&p);
		unit_rcu_flush();
		ck_assert_uint_eq(host_live_pages, 0);
		ck_assert_uint_eq(unit_kmem_live(), before);
	}
}

TEST(dotdot_crosses_mounts_both_ways)
{
	struct path p, root;
	char buf[256];

	ck_assert_int_eq(path_mkdir(AT_FDCWD, "/m", 0755), 0);
	ck_assert_int_eq(path_mkdir(AT_FDCWD, "/n", 0755), 0);
	ck_assert_int_eq(mount_kern("tmpfs", "none", "/m", 0, NULL), 0);
	ck_assert_int_eq(mount_kern("tmpfs", "none", "/m", 0, NULL), 0);	/* on top */
	ck_assert_int_eq(path_mkdir(AT_FDCWD, "/m/a", 0755), 0);
	ck_assert_int_eq(look("/m/a/../../n", 0), 0);
	ck_assert_int_eq(look("/n/../m/a", 0), 0);
	ck_assert_int_eq(look("/m/a", LOOKUP_NO_XDEV), -EXDEV);
	path_current_root(&root);
	ck_assert_int_eq(kern_path("/m/a", 0, &p), 0);
	ck_assert_str_eq(path_to_string(&p, &root, buf, sizeof(buf), true), "/m/a");
	ck_assert_int_eq(path_rmdir(AT_FDCWD, "/m/a"), 0);
	ck_assert_str_eq(path_to_string(&p, &root, buf, sizeof(buf), true), "/m/a (deleted)");
	ck_assert_int_eq(PTR_ERR(path_to_string(&p, &root, buf, 8, true)), -ENAMETOOLONG);
	path_put(&p);
	path_put(&root);
	ck_assert_int_eq(path_rmdir(AT_FDCWD, "/m"), -EBUSY);
}

/* --- a random tree --- */

#define NODES	12

struct node { bool used, dir; int parent; char name[80]; };
static struct node nodes[NODES];

static void
full_name(int n, char *out, size_t size)
{
	char up[2048] = "";

	if (n < 0) {
		out[0] = '\0';
		return;
	}
	full_name(nodes[n].parent, up, sizeof(up));
	snprintf(out, size, "%s/%s", up, nodes[n].name);
}

static int
find_node(int parent, const char *name)
{
	for (int i = 0; i < NODES; i++)
		if (nodes[i].used && nodes[i].parent == parent && strcmp(nodes[i].name, name) == 0)
			return i;
	return -1;
}

static bool
is_below(int n, int top)
{
	for (; n >= 0; n = nodes[n].parent)
		if (n == top)
			return true;
	return false;
}

static bool
has_children(int n)
{
	for (int i = 0; i < NODES; i++)
		if (nodes[i].used && nodes[i].parent == n)
			return true;
	return false;
}

static int
random_dir(void)
{
	int n = (int)unit_rand_below(NODES + 1) - 1;

	return n >= 0 && nodes[n].used && nodes[n].dir ? n : -1;
}

/* Short and long names, few enough to collide. */
static void
random_name(char *out)
{
	unsigned k = (unsigned)unit_rand_below(6);

	if (k < 4)
		sprintf(out, "n%u", k);
	else
		sprintf(out, "a name that does not fit into a dentry and so lies elsewhere %u", k);
}

static void
step_create(void)
{
	char name[80], path[2200], up[2100];
	int parent = random_dir(), slot, err;
	bool dir = unit_rand_below(2);

	random_name(name);
	full_name(parent, up, sizeof(up));
	snprintf(path, sizeof(path), "%s/%s", up, name);
	for (slot = 0; slot < NODES && nodes[slot].used; slot++)
		;
	if (slot == NODES)
		return;
	err = dir ? path_mkdir(AT_FDCWD, path, 0755) : path_mknod(AT_FDCWD, path, 0644, 0);
	if (find_node(parent, name) >= 0) {
		ck_assert_int_eq(err, -EEXIST);
		return;
	}
	ck_assert_int_eq(err, 0);
	nodes[slot] = (struct node){ .used = true, .dir = dir, .parent = parent };
	strcpy(nodes[slot].name, name);
}

static void
step_remove(void)
{
	int n = (int)unit_rand_below(NODES), err;
	char path[2200];

	if (!nodes[n].used)
		return;
	full_name(n, path, sizeof(path));
	err = nodes[n].dir ? path_rmdir(AT_FDCWD, path) : path_unlink(AT_FDCWD, path);
	ck_assert_int_eq(err, has_children(n) ? -ENOTEMPTY : 0);
	if (err == 0)
		nodes[n].used = false;
}

static void
step_rename(void)
{
	int n = (int)unit_rand_below(NODES), to = random_dir(), target, err, expect = 0;
	char from[2200], up[2100], dest[2200], name[80];
	bool swap = unit_rand_below(4) == 0;

	if (!nodes[n].used)
		return;
	random_name(name);
	full_name(n, from, sizeof(from));
	full_name(to, up, sizeof(up));
	snprintf(dest, sizeof(dest), "%s/%s", up, name);
	target = find_node(to, name);
	if (is_below(to, n))
		expect = target < 0 && swap ? -ENOENT : -EINVAL;
	else if (target < 0)
		expect = swap ? -ENOENT : 0;
	else if (target == n)
		expect = 0;
	else if (is_below(n, target))
		expect = swap ? -EINVAL : -ENOTEMPTY;
	else if (swap)
		expect = 0;
	else if (nodes[n].dir && !nodes[target].dir)
		expect = -ENOTDIR;
	else if (!nodes[n].dir && nodes[target].dir)
		expect = -EISDIR;
	else if (has_children(target))
		expect = -ENOTEMPTY;
	err = path_rename(AT_FDCWD, from, AT_FDCWD, dest, swap ? RENAME_EXCHANGE : 0);
	ck_assert_msg(err == expect, "%s -> %s: %d, not %d", from, dest, err, expect);
	if (err != 0 || target == n)
		return;
	if (swap) {
		struct node old = nodes[n];

		nodes[n].parent = to;
		strcpy(nodes[n].name, name);
		nodes[target].parent = old.parent;
		strcpy(nodes[target].name, old.name);
		return;
	}
	if (target >= 0)
		nodes[target].used = false;
	nodes[n].parent = to;
	strcpy(nodes[n].name, name);
}

static void
check_tree(void)
{
	for (int i = 0; i < NODES; i++) {
		char path[2200], buf[2400];
		struct path p, root;
		u32 links = 2;

		if (!nodes[i].used)
			continue;
		full_name(i, path, sizeof(path));
		ck_assert_msg(kern_path(path, 0, &p) == 0, "%s is lost", path);
		path_current_root(&root);
		ck_assert_str_eq(path_to_string(&p, &root, buf, sizeof(buf), true), path);
		path_put(&root);
		ck_assert_int_eq(S_ISDIR(p.dentry->vn->mode), nodes[i].dir);
		for (int j = 0; j < NODES; j++)
			links += nodes[j].used && nodes[j].dir && nodes[j].parent == i;
		ck_assert_uint_eq(p.dentry->vn->nlink, nodes[i].dir ? links : 1);
		path_put(&p);
	}
}

TEST(random_changes_match_the_model)
{
	for (int n = 0; n < 4000; n++) {
		switch (unit_rand_below(4)) {
		case 0:
		case 1:
			step_create();
			break;
		case 2:
			step_remove();
			break;
		default:
			step_rename();
			break;
		}
		ck_assert_uint_eq(unit_locks_held(), 0);
		if (n % 10 == 0)
			check_tree();
	}
	unit_rcu_flush();
}

/* --- descriptors --- */

TEST(the_lowest_free_descriptor)
{
	bool used[300] = { false };
	struct file *f;

	host_nofile = 300;
	host_write("/f", "x", 1);
	ck_assert_int_eq(file_open("/f", O_RDONLY, 0, &f), 0);
	for (int n = 0; n < 5000; n++) {
		int fd = (int)unit_rand_below(300), want, got;

		if (unit_rand_below(2)) {
			ck_assert_int_eq(fd_close(fd), used[fd] ? 0 : -EBADF);
			used[fd] = false;
			continue;
		}
		if (unit_rand_below(8) == 0) {
			struct fdref r;
			int from = (int)unit_rand_below(300);

			got = fd_dup_to(from, fd, false);
			ck_assert_int_eq(got, used[from] ? fd : -EBADF);
			used[fd] |= used[from];
			ck_assert_int_eq(fd_get(fd, &r), used[fd] ? 0 : -EBADF);
			if (used[fd])
				fd_put(&r);
			continue;
		}
		for (want = fd; want < 300 && used[want]; want++)
			;
		file_get(f);
		got = fd_install_new(f, fd, false);
		if (got < 0)
			file_put(f);
		else
			used[got] = true;
		ck_assert_int_eq(got, want < 300 ? want : -EMFILE);
	}
	file_put(f);
}

TEST(a_copied_table_is_the_same)
{
	struct files *copy;
	struct file *f, *g;
	bool cloexec;

	host_write("/f", "x", 1);
	ck_assert_int_eq(file_open("/f", O_RDONLY, 0, &f), 0);
	ck_assert_int_eq(fd_install_new(f, 700, true), 700);
	ck_assert_int_eq(fd_reserve(3, false), 3);		/* reserved only: is not copied */
	ck_assert_int_eq(files_copy(unit_thread.files, &copy), 0);
	ck_assert_int_eq(files_next(copy, 0, &g, &cloexec), 700);
	ck_assert(g == f && cloexec);
	file_put(g);
	ck_assert_int_eq(refcount_read(&f->refs), 2);
	files_put(copy);
	fd_unreserve(3);
	files_close_on_exec();
	ck_assert_int_eq(fd_close(700), -EBADF);
}

/* --- directories --- */

struct collect { struct dir_context ctx; int n, stop_after; char names[40][24]; };

static int
collect_name(struct dir_context *ctx, const char *name, size_t len, u64 ino, u8 type)
{
	struct collect *c = container_of(ctx, struct collect, ctx);

	if (c->n == c->stop_after)
		return 1;
	snprintf(c->names[c->n++], 24, "%.*s", (int)len, name);
	return 0;
}

TEST(readdir_goes_on_where_it_stopped)
{
	struct collect c = { .ctx.emit = collect_name };
	struct file *f;
	int seen = 0;

	ck_assert_int_eq(path_mkdir(AT_FDCWD, "/d", 0755), 0);
	for (int i = 0; i < 30; i++) {
		char name[24];

		snprintf(name, sizeof(name), "/d/f%d", i);
		host_write(name, "", 0);
	}
	ck_assert_int_eq(file_open("/d", O_RDONLY, 0, &f), 0);
	for (;;) {
		int before = c.n;

		c.stop_after = c.n + 7 < 40 ? c.n + 7 : 40;
		rwlock_read_lock(&f->vn->rwlock);
		ck_assert_int_eq(f->ops->iterate(f, &c.ctx), 0);
		rwlock_read_unlock(&f->vn->rwlock);
		if (c.n == before)
			break;
		for (int i = before; i < c.n; i++) {
			char name[40];

			snprintf(name, sizeof(name), "/d/%s", c.names[i]);
			if (c.names[i][0] == 'f')
				ck_assert_int_eq(path_unlink(AT_FDCWD, name), 0);
			seen += c.names[i][0] == 'f';
		}
	}
	ck_assert_int_eq(seen, 30);
	ck_assert_int_eq(c.n, 32);
	file_put(f);
	ck_assert_int_eq(path_rmdir(AT_FDCWD, "/d"), 0);
}
