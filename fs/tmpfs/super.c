/* SPDX-License-Identifier: BSD-2-Clause */
/* tmpfs(5): mount options, limits, statfs. The root file system is one too ("rootfs"). */
#include "fs/tmpfs/tmpfs_internal.h"

#include "mm/page.h"
#include "sys/abi/errno.h"
#include "sys/abi/mount.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

static struct kmem_cache *cache;	/* [I] */
static struct mount *file_mount;	/* [I] holds the files that no directory names */

static u64
default_limit(void)
{
	struct mem_stats st;

	mem_stats_get(&st);
	return st.total / 2;
}

/* --- options --- */

/* A number with a suffix k, m, g or % (of memory). In bytes, if `bytes`; else as it stands. */
static int
parse_size(const char *s, bool bytes, u64 *out)
{
	const char *end;
	u64 v;
	unsigned shift = 0;

	if (parse_u64(s, &end, 0, &v) != 0)
		return -EINVAL;
	switch (to_lower(*end)) {
	case 'g':
		shift += 10;
		/* fall through */
	case 'm':
		shift += 10;
		/* fall through */
	case 'k':
		shift += 10;
		end++;
		break;
	case '%':
		if (!bytes || v > 100000)
			return -EINVAL;
		v = default_limit() * 2 * PAGE_SIZE / 100 * v;
		end++;
		break;
	default:
		break;
	}
	if (*end != '\0' || v > UINT64_MAX >> shift)
		return -EINVAL;
	*out = v << shift;
	return 0;
}

static int
parse_id(const char *s, int base, u32 *out)
{
	u64 v;

	if (parse_u64(s, NULL, base, &v) != 0 || v >= UINT32_MAX)
		return -EINVAL;
	*out = (u32)v;
	return 0;
}

static int
parse_option(struct tmpfs *t, const char *key, const char *value)
{
	u64 v;
	int err = -EINVAL;

	if (strcmp(key, "inode32") == 0 || strcmp(key, "inode64") == 0)
		return 0;
	if (value == NULL)
		return -EINVAL;
	if (strcmp(key, "size") == 0) {
		err = parse_size(value, true, &v);
		if (err == 0)
			t->max_pages = DIV_ROUND_UP(v, PAGE_SIZE);
	} else if (strcmp(key, "nr_blocks") == 0) {
		err = parse_size(value, false, &v);
		if (err == 0)
			t->max_pages = v;
	} else if (strcmp(key, "nr_inodes") == 0) {
		err = parse_size(value, false, &v);
		if (err == 0)
			t->max_nodes = v;
	} else if (strcmp(key, "mode") == 0) {
		err = parse_id(value, 8, &t->mode);
		t->mode &= S_IALLUGO;
	} else if (strcmp(key, "uid") == 0) {
		err = parse_id(value, 10, &t->uid.val);
	} else if (strcmp(key, "gid") == 0) {
		err = parse_id(value, 10, &t->gid.val);
	} else if (strcmp(key, "huge") == 0) {
		err = strcmp(value, "never") == 0 ? 0 : -EINVAL;	/* no huge pages in files */
	}
	return err;
}

static int
parse_options(struct tmpfs *t, const char *data)
{
	char *copy, *rest, *opt;
	int err = 0;

	if (data == NULL || *data == '\0')
		return 0;
	copy = rest = kmem_strdup(data, KM_NORMAL);
	if (copy == NULL)
		return -ENOMEM;
	while (err == 0 && (opt = strsep(&rest, ",")) != NULL) {
		char *value = strchr(opt, '=');

		if (*opt == '\0')
			continue;
		if (value != NULL)
			*value++ = '\0';
		err = parse_option(t, opt, value);
	}
	kmem_free(copy);
	return err;
}

static int
tmpfs_remount(struct super_block *sb, u32 *flags, const char *data)
{
	struct tmpfs *t = sb->priv, new = *t;
	int err = parse_options(&new, data);

	(void)flags;
	if (err != 0)
		return err;
	if ((new.max_pages != 0 && new.max_pages < atomic_load(&t->pages)) ||
	    (new.max_nodes != 0 && new.max_nodes < atomic_load(&t->nodes)))
		return -EINVAL;
	if ((t->max_pages == 0 && new.max_pages != 0) || (t->max_nodes == 0 && new.max_nodes != 0))
		return -EINVAL;		/* as Linux: no limit cannot become one */
	atomic_store(&t->max_pages, new.max_pages);
	atomic_store(&t->max_nodes, new.max_nodes);
	return 0;
}

static int
tmpfs_show_options(struct super_block *sb, struct strbuf *out)
{
	struct tmpfs *t = sb->priv;
	u64 limit = default_limit();

	if (t->max_pages != limit)
		strbuf_printf(out, ",size=%lluk", (unsigned long long)t->max_pages * (PAGE_SIZE / 1024));
	if (t->max_nodes != limit)
		strbuf_printf(out, ",nr_inodes=%llu", (unsigned long long)t->max_nodes);
	if (t->mode != (S_IRWXUGO | S_ISVTX))
		strbuf_printf(out, ",mode=%03o", t->mode);
	if (t->uid.val != 0)
		strbuf_printf(out, ",uid=%u", t->uid.val);
	if (t->gid.val != 0)
		strbuf_printf(out, ",gid=%u", t->gid.val);
	strbuf_puts(out, ",inode64");
	return 0;
}

static int
tmpfs_statfs(struct super_block *sb, struct abi_statfs *st)
{
	struct tmpfs *t = sb->priv;
	u64 pages = atomic_load(&t->pages), nodes = atomic_load(&t->nodes);

	st->f_type = TMPFS_MAGIC;
	st->f_bsize = PAGE_SIZE;
	st->f_namelen = NAME_MAX_K;
	if (t->max_pages != 0) {
		st->f_blocks = t->max_pages;
		st->f_bfree = st->f_bavail = t->max_pages > pages ? t->max_pages - pages : 0;
	}
	if (t->max_nodes != 0) {
		st->f_files = t->max_nodes;
		st->f_ffree = t->max_nodes > nodes ? t->max_nodes - nodes : 0;
	}
	return 0;
}

/* --- vnodes --- */

static struct vnode *
tmpfs_alloc_vnode(struct super_block *sb)
{
	struct tmpfs_node *n = kmem_cache_alloc(cache, KM_USER);

	(void)sb;
	if (n == NULL)
		return NULL;
	n->seals = F_SEAL_SEAL;
	n->link = NULL;
	xattr_mem_init(&n->xattrs);
	return &n->vn;
}

static void
tmpfs_free_vnode(struct vnode *vn)
{
	struct tmpfs_node *n = tmpfs_node(vn);

	kmem_free(n->link);		/* walks under RCU read it until now */
	kmem_cache_free(cache, n);
}

static void
tmpfs_evict(struct vnode *vn)
{
	struct tmpfs *t = vn->sb->priv;
	struct tmpfs_node *n = tmpfs_node(vn);

	atomic_sub(&t->xattr_bytes, (u64)n->xattrs.bytes);
	xattr_mem_free(&n->xattrs);
	atomic_sub(&t->nodes, 1UL);
}

static void
tmpfs_put(struct super_block *sb)
{
	kmem_free(sb->priv);
}

static const struct super_ops tmpfs_super_ops = {
	.alloc_vnode = tmpfs_alloc_vnode,
	.free_vnode = tmpfs_free_vnode,
	.evict = tmpfs_evict,
	.statfs = tmpfs_statfs,
	.remount = tmpfs_remount,
	.show_options = tmpfs_show_options,
	.put = tmpfs_put,
};

/* --- mount --- */

static int
tmpfs_mount(const struct fs_type *type, u32 flags, const char *dev, const char *data, struct super_block **out)
{
	struct tmpfs *t = kmem_alloc(sizeof(*t), KM_ZERO);
	struct super_block *sb;
	struct vnode *root;
	int err;

	(void)dev;
	if (t == NULL)
		return -ENOMEM;
	t->max_pages = t->max_nodes = default_limit();
	t->mode = S_IRWXUGO | S_ISVTX;
	err = parse_options(t, data);
	if (err == 0)
		err = super_create(type, &tmpfs_super_ops, flags, &sb);
	if (err != 0) {
		kmem_free(t);
		return err;
	}
	sb->priv = t;
	sb->magic = TMPFS_MAGIC;
	err = tmpfs_node_create(sb, NULL, S_IFDIR | t->mode, 0, &root);
	if (err != 0)
		goto out_put;
	root->uid = t->uid;
	root->gid = t->gid;
	if (strcmp(type->name, "rootfs") == 0)
		root->mode = S_IFDIR | 0755;	/* before the initramfs says otherwise */
	err = -ENOMEM;
	sb->root = dentry_alloc_root(root);
	if (sb->root == NULL)
		goto out_put;
	*out = sb;
	return 0;
out_put:
	super_put(sb);
	return err;
}

static struct fs_type tmpfs_type = { .name = "tmpfs", .flags = FS_NODEV, .mount = tmpfs_mount };
static struct fs_type rootfs_type = { .name = "rootfs", .flags = FS_NODEV, .mount = tmpfs_mount };

/* An open file of no directory; what maps shows is its name. */
static int
create_nameless(const char *text, u32 seals, off_t size, struct file **out)
{
	struct vnode *vn;
	struct path p;
	int err = tmpfs_node_create(file_mount->sb, NULL, S_IFREG | S_IRWXUGO, 0, &vn);

	if (err != 0)
		return err;
	vn->nlink = 0;
	tmpfs_node(vn)->seals = seals;
	vn->size = size;	/* nobody sees it yet */
	p.mnt = file_mount;
	mount_get(p.mnt);
	p.dentry = dentry_alloc(file_mount->root, text, (u32)strlen(text));
	if (p.dentry == NULL) {
		vnode_put(vn);
		err = -ENOMEM;
		goto out_put;
	}
	dentry_instantiate(p.dentry, vn);
	err = file_open_path(&p, O_RDWR, out);
out_put:
	path_put(&p);
	return err;
}

int
tmpfs_file_create(const char *name, u32 seals, struct file **out)
{
	char text[NAME_MAX_K + 8];

	scnprintf(text, sizeof(text), "memfd:%s", name);
	return create_nameless(text, seals, 0, out);
}

int
tmpfs_file_create_sized(const char *name, off_t size, struct file **out)
{
	return create_nameless(name, F_SEAL_SEAL, size, out);
}

void
tmpfs_init(void)
{
	cache = kmem_cache_create("tmpfs_node", sizeof(struct tmpfs_node), 64, 0, NULL);
	if (cache == NULL || fs_register(&rootfs_type) != 0 || fs_register(&tmpfs_type) != 0 ||
	    mount_internal(&tmpfs_type, &file_mount) != 0)
		panic("tmpfs: no memory at boot");
	file_mount->flags &= ~(u32)MNT_NOEXEC;		/* memory files may be mapped executable, and run */
	((struct tmpfs *)file_mount->sb->priv)->max_pages = 0;		/* bounded by memory alone */
	((struct tmpfs *)file_mount->sb->priv)->max_nodes = 0;
}
