/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devpts: the slaves of pseudo-terminals as nodes, and a ptmx. Each mount(2) makes an instance of its own; it shows the slaves
 * whose master was opened by its ptmx, or by one (/dev/ptmx) that has it mounted beside it, as "pts". Numbers are given to
 * all instances out of one pool, for the device number alone tells which terminal a node is.
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

static const struct vnode_ops devpts_dir_vops = { .lookup = libfs_lookup };
static const struct vnode_ops devpts_node_vops;		/* generic behaviour all through */

struct devpts {			/* sb->priv */
	struct spinlock lock;	/* LOCK_LEAF: all of it */
	u32 mode, ptmxmode;
	bool have_uid, have_gid;
	uid_t uid;
	gid_t gid;
};

static struct vnode *
make_node(struct super_block *sb, u64 ino, u32 mode, dev_t devt)
{
	struct vnode *vn = vnode_alloc(sb);

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

static const struct super_ops devpts_super_ops;

static bool
is_instance(const struct path *p)
{
	return p->mnt->sb->ops == &devpts_super_ops && p->dentry == p->mnt->sb->root;
}

static int
pts_find(struct file *f, void **dir)
{
	struct dentry *parent;
	struct path p;
	int err = -ENODEV;

	if (f->vn->sb->ops == &devpts_super_ops) {
		super_get(f->vn->sb);
		*dir = f->vn->sb;
		return 0;
	}
	parent = dentry_get_parent(f->dentry);
	p.dentry = dentry_find(parent, "pts", 3);	/* with something mounted on it, it is in the cache */
	dentry_put(parent);
	if (p.dentry == NULL)
		return -ENOENT;
	p.mnt = f->mnt;
	mount_get(p.mnt);
	mount_cross(&p);
	if (p.dentry->vn != NULL && is_instance(&p)) {
		super_get(p.mnt->sb);
		*dir = p.mnt->sb;
		err = 0;
	}
	path_put(&p);
	return err;
}

static void
pts_put(void *dir)
{
	super_put(dir);
}

static int
pts_added(void *dir, u32 index, dev_t devt, kuid_t uid, kgid_t gid)
{
	struct super_block *sb = dir;
	struct devpts *o = sb->priv;
	struct vnode *vn = make_node(sb, INO_FIRST + index, S_IFCHR, devt);
	char name[16];

	if (vn == NULL)
		return -ENOMEM;
	spin_lock(&o->lock);
	vn->mode = S_IFCHR | o->mode;
	vn->uid = o->have_uid ? make_kuid(&init_user_ns, o->uid) : uid;
	vn->gid = o->have_gid ? make_kgid(&init_user_ns, o->gid) : gid;
	spin_unlock(&o->lock);
	snprintf(name, sizeof(name), "%u", index);
	return libfs_add_kern(sb->root, name, vn, NULL);
}

static void
pts_removed(void *dir, u32 index)
{
	struct dentry *root = ((struct super_block *)dir)->root, *d;
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

static const struct pty_view devpts_view = { .find = pts_find, .added = pts_added, .removed = pts_removed, .put = pts_put };

/* --- the file system --- */

static int
parse_option(struct devpts *o, const char *word)
{
	const char *eq = strchr(word, '=');
	u64 v;

	if (strcmp(word, "newinstance") == 0 || *word == '\0')
		return 0;	/* each mount is one */
	if (eq == NULL)
		return -EINVAL;
	if (parse_u64(eq + 1, NULL, word[0] == 'm' || word[0] == 'p' ? 8 : 10, &v) != 0 || v > UINT32_MAX)
		return -EINVAL;
	if (strncmp(word, "mode=", 5) == 0)
		o->mode = (u32)v & 0777;
	else if (strncmp(word, "ptmxmode=", 9) == 0)
		o->ptmxmode = (u32)v & 0777;
	else if (strncmp(word, "uid=", 4) == 0)
		o->have_uid = true, o->uid = (uid_t)v;
	else if (strncmp(word, "gid=", 4) == 0)
		o->have_gid = true, o->gid = (gid_t)v;
	else
		return -EINVAL;
	return 0;
}

static int
parse_options(struct devpts *o, const char *data)
{
	char *copy = kmem_strdup(data != NULL ? data : "", KM_USER), *rest = copy, *word;
	int err = 0;

	if (copy == NULL)
		return -ENOMEM;
	spin_lock(&o->lock);
	while (err == 0 && (word = strsep(&rest, ",")) != NULL)
		err = parse_option(o, word);
	spin_unlock(&o->lock);
	kmem_free(copy);
	return err;
}

static int
devpts_remount(struct super_block *sb, u32 *flags, const char *data)
{
	struct devpts *o = sb->priv;
	struct dentry *ptmx;
	int err = parse_options(o, data);

	(void)flags;
	if (err != 0)
		return err;
	ptmx = dentry_find(sb->root, "ptmx", 4);
	if (ptmx != NULL) {
		spin_lock(&ptmx->vn->lock);
		ptmx->vn->mode = S_IFCHR | READ_ONCE(o->ptmxmode);
		spin_unlock(&ptmx->vn->lock);
		dentry_put(ptmx);
	}
	return 0;
}

static int
devpts_show_options(struct super_block *sb, struct strbuf *out)
{
	struct devpts *o = sb->priv;

	spin_lock(&o->lock);
	if (o->have_uid)
		strbuf_printf(out, ",uid=%u", o->uid);
	if (o->have_gid)
		strbuf_printf(out, ",gid=%u", o->gid);
	strbuf_printf(out, ",mode=%03o,ptmxmode=%03o", o->mode, o->ptmxmode);
	spin_unlock(&o->lock);
	return 0;
}

static void
devpts_put(struct super_block *sb)
{
	kmem_free(sb->priv);
}

static const struct super_ops devpts_super_ops = { .statfs = libfs_statfs, .remount = devpts_remount,
	.show_options = devpts_show_options, .put = devpts_put };

static int
fill(struct super_block *sb)
{
	struct vnode *vn = vnode_alloc(sb);

	if (vn == NULL)
		return -ENOMEM;
	vn->ino = 1;
	vn->mode = S_IFDIR | 0755;
	vn->nlink = 2;
	vn->ops = &devpts_dir_vops;
	vn->fops = &libfs_dir_fops;
	vnode_touch(vn, VT_ATIME | VT_MTIME | VT_CTIME);
	sb->root = dentry_alloc_root(vn);
	if (sb->root == NULL)
		return -ENOMEM;
	vn = make_node(sb, INO_PTMX, S_IFCHR | ((struct devpts *)sb->priv)->ptmxmode, DEV_NUMBER(MAJOR_TTYAUX, 2u));
	return vn != NULL ? libfs_add_kern(sb->root, "ptmx", vn, NULL) : -ENOMEM;
}

static int
devpts_mount(const struct fs_type *type, u32 flags, const char *dev, const char *data, struct super_block **out)
{
	struct devpts *o = kmem_alloc(sizeof(*o), KM_ZERO);
	struct super_block *sb;
	int err;

	(void)dev;
	if (o == NULL)
		return -ENOMEM;
	spin_init(&o->lock, LOCK_LEAF);
	o->mode = 0600;
	err = parse_options(o, data);
	if (err == 0)
		err = super_create(type, &devpts_super_ops, flags, &sb);
	if (err != 0) {
		kmem_free(o);
		return err;
	}
	sb->priv = o;
	sb->magic = DEVPTS_MAGIC;
	sb->blksize = 1024;
	err = fill(sb);
	if (err != 0)
		super_put(sb);
	else
		*out = sb;
	return err;
}

static struct fs_type devpts_type = { .name = "devpts", .flags = FS_NODEV, .mount = devpts_mount };

void
devpts_init(void)
{
	if (fs_register(&devpts_type) != 0)
		panic("devpts: is there already");
	pty_set_view(&devpts_view);
}
