/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devpts: the slaves of pseudo-terminals as nodes, and a ptmx. One instance for all mounts.
 *
 * Options: mode=, gid=, uid=, ptmxmode= (octal modes, decimal ids), which hold for terminals opened from then on.
 */
#include "fs/devfs/devfs.h"

#include "dev/tty/pty.h"
#include "dev/tty/tty.h"
#include "fs/internal.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

#define DEVPTS_MAGIC	0x1cd1		/* statfs(2) */
#define INO_PTMX	2
#define INO_FIRST	3

static struct super_block *devpts_sb;	/* [I] */
static const struct vnode_ops devpts_dir_vops = { .lookup = libfs_lookup };
static const struct vnode_ops devpts_node_vops;		/* generic behaviour all through */

/* [lock] */
static struct { struct spinlock lock; u32 mode, ptmxmode; bool have_uid, have_gid; uid_t uid; gid_t gid; } options = {
	.lock = SPINLOCK_INIT(LOCK_LEAF), .mode = 0600,
};

static struct vnode *
make_node(u64 ino, u32 mode, dev_t devt)
{
	struct vnode *vn = vnode_alloc(devpts_sb);

	if (vn == NULL)
		return NULL;
	vn->ino = ino;
	vn->nlink = 1;
	vn->ops = &devpts_node_vops;
	vnode_init_special(vn, mode, devt);
	vnode_touch(vn, VT_ATIME | VT_MTIME | VT_CTIME);
	return vn;
}

/* --- what the ptys tell --- */

static int
pts_added(u32 index, dev_t devt, kuid_t uid, kgid_t gid)
{
	struct vnode *vn = make_node(INO_FIRST + index, S_IFCHR, devt);
	char name[16];

	if (vn == NULL)
		return -ENOMEM;
	spin_lock(&options.lock);
	vn->mode = S_IFCHR | options.mode;
	vn->uid = options.have_uid ? make_kuid(&init_user_ns, options.uid) : uid;
	vn->gid = options.have_gid ? make_kgid(&init_user_ns, options.gid) : gid;
	spin_unlock(&options.lock);
	snprintf(name, sizeof(name), "%u", index);
	return libfs_add_kern(devpts_sb->root, name, vn, NULL);
}

static void
pts_removed(u32 index)
{
	struct dentry *root = devpts_sb->root, *d;
	char name[16];
	int len = snprintf(name, sizeof(name), "%u", index);

	rwlock_write_lock(&root->vn->rwlock);
	d = dentry_find(root, name, (u32)len);
	if (d != NULL) {
		vnode_drop_nlink(d->vn);
		libfs_remove(d);
		dentry_delete(d);
		dentry_put(d);
		vnode_touch(root->vn, VT_MTIME | VT_CTIME);
	}
	rwlock_write_unlock(&root->vn->rwlock);
}

static const struct pty_view devpts_view = { .added = pts_added, .removed = pts_removed };

/* --- the file system --- */

static int
parse_option(const char *word)
{
	const char *eq = strchr(word, '=');
	u64 v;

	if (strcmp(word, "newinstance") == 0 || *word == '\0')
		return 0;	/* accepted, and meaningless since Linux 4.7 there too; here the instance is shared */
	if (eq == NULL)
		return -EINVAL;
	if (parse_u64(eq + 1, NULL, word[0] == 'm' || word[0] == 'p' ? 8 : 10, &v) != 0 || v > UINT32_MAX)
		return -EINVAL;
	if (strncmp(word, "mode=", 5) == 0)
		options.mode = (u32)v & 0777;
	else if (strncmp(word, "ptmxmode=", 9) == 0)
		options.ptmxmode = (u32)v & 0777;
	else if (strncmp(word, "uid=", 4) == 0)
		options.have_uid = true, options.uid = (uid_t)v;
	else if (strncmp(word, "gid=", 4) == 0)
		options.have_gid = true, options.gid = (gid_t)v;
	else
		return -EINVAL;
	return 0;
}

static int
parse_options(const char *data)
{
	char *copy = kmem_strdup(data != NULL ? data : "", KM_USER), *rest = copy, *word;
	int err = 0;

	if (copy == NULL)
		return -ENOMEM;
	spin_lock(&options.lock);
	while (err == 0 && (word = strsep(&rest, ",")) != NULL)
		err = parse_option(word);
	spin_unlock(&options.lock);
	kmem_free(copy);
	return err;
}

static int
devpts_remount(struct super_block *sb, u32 *flags, const char *data)
{
	(void)sb, (void)flags;
	return parse_options(data);
}

static int
devpts_show_options(struct super_block *sb, struct strbuf *out)
{
	(void)sb;
	spin_lock(&options.lock);
	if (options.have_uid)
		strbuf_printf(out, ",uid=%u", options.uid);
	if (options.have_gid)
		strbuf_printf(out, ",gid=%u", options.gid);
	strbuf_printf(out, ",mode=%03o,ptmxmode=%03o", options.mode, options.ptmxmode);
	spin_unlock(&options.lock);
	return 0;
}

static const struct super_ops devpts_super_ops = { .statfs = libfs_statfs, .remount = devpts_remount,
	.show_options = devpts_show_options };

/* The first call makes the instance; later mounts share it, and may set its options. */
static int
devpts_mount(const struct fs_type *type, u32 flags, const char *dev, const char *data, struct super_block **out)
{
	struct vnode *root;
	int err;

	(void)dev;
	if (devpts_sb != NULL) {
		err = parse_options(data);
		if (err == 0) {
			refcount_get(&devpts_sb->refs);
			*out = devpts_sb;
		}
		return err;
	}
	err = super_create(type, &devpts_super_ops, flags, out);
	if (err != 0)
		return err;
	devpts_sb = *out;
	devpts_sb->magic = DEVPTS_MAGIC;
	devpts_sb->blksize = 1024;
	root = vnode_alloc(devpts_sb);
	if (root == NULL)
		return -ENOMEM;
	root->ino = 1;
	root->mode = S_IFDIR | 0755;
	root->nlink = 2;
	root->ops = &devpts_dir_vops;
	root->fops = &libfs_dir_fops;
	vnode_touch(root, VT_ATIME | VT_MTIME | VT_CTIME);
	devpts_sb->root = dentry_alloc_root(root);
	return devpts_sb->root != NULL ? 0 : -ENOMEM;
}

static struct fs_type devpts_type = { .name = "devpts", .flags = FS_NODEV | FS_SINGLE, .mount = devpts_mount };

void
devpts_init(void)
{
	struct mount *kept;	/* the instance lives for ever */
	struct vnode *ptmx;

	if (fs_register(&devpts_type) != 0 || mount_internal(&devpts_type, &kept) != 0)
		panic("devpts: no memory at boot");
	ptmx = make_node(INO_PTMX, S_IFCHR, DEV_NUMBER(MAJOR_TTYAUX, 2u));
	if (ptmx == NULL || libfs_add_kern(devpts_sb->root, "ptmx", ptmx, NULL) != 0)
		panic("devpts: no memory for ptmx");
	pty_set_view(&devpts_view);
}
