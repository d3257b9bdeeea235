/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sysfs: the device tree as directories. sysfs(5).
 *
 *   devices/...            a directory per device, below its parent's, or in devices/virtual/CLASS
 *   class/CLASS/NAME       links to them; likewise bus/BUS/devices/NAME, dev/char/M:N and dev/block/M:N; block/NAME for whole disks
 *
 * The tree is built by the device tree's call-backs, one at a time, and lives in the dentry cache. A file knows its device and
 * attribute, and keeps the device's struct while it is open.
 *
 * Lock key: [D] the device tree's lock, held around the call-backs
 */
#include "fs/sysfs/sysfs.h"

#include "dev/device.h"
#include "fs/internal.h"
#include "fs/textfile.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"

#define SYSFS_MAGIC	0x62656572	/* statfs(2) */
#define PATH_DEPTH	16		/* of devices below each other */

struct sysfs_file { struct device *device; const struct device_attr *attr; };	/* a vnode's priv; reference on the device */

static struct super_block *sysfs_sb;	/* [I] */
static struct mount *sysfs_mnt;		/* [I] keeps it */

/* --- files --- */

static struct sysfs_file *
file_of(struct file *f)
{
	return f->vn->priv;
}

static int
attr_show(struct file *f, struct strbuf *out)
{
	struct sysfs_file *s = file_of(f);

	return s->attr->show(s->device, out);
}

static int
attr_store(struct file *f, char *text, size_t len)
{
	struct sysfs_file *s = file_of(f);

	return s->attr->store(s->device, text, len);
}

static int
sysfs_open(struct vnode *vn, struct file *f)
{
	(void)vn;
	return text_open(f);
}

static ssize_t
sysfs_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	return file_of(f)->attr->show != NULL ? text_read(f, buf, pos, attr_show) : -EIO;
}

static ssize_t
sysfs_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	return file_of(f)->attr->store != NULL ? text_write(f, buf, pos, attr_store) : -EIO;
}

static const struct file_ops sysfs_fops = { .read = sysfs_read, .write = sysfs_write, .llseek = text_llseek, .open = sysfs_open,
	.release = text_release };
static const struct vnode_ops sysfs_dir_vops = { .lookup = libfs_lookup };
static const struct vnode_ops sysfs_file_vops;
static const struct vnode_ops sysfs_link_vops;

static void
sysfs_evict(struct vnode *vn)
{
	struct sysfs_file *s = vn->priv;

	if (s != NULL)
		device_put(s->device);
	kmem_free(s);
	kmem_free((void *)(uintptr_t)vn->link);
	vn->priv = NULL;
	vn->link = NULL;
}

/* --- building --- */

static struct vnode *
make_vnode(u32 mode)
{
	struct vnode *vn = vnode_alloc(sysfs_sb);

	if (vn == NULL)
		return NULL;
	vn->ino = vnode_next_ino();
	vn->mode = mode;
	vn->nlink = S_ISDIR(mode) ? 2 : 1;
	vn->ops = S_ISDIR(mode) ? &sysfs_dir_vops : S_ISLNK(mode) ? &sysfs_link_vops : &sysfs_file_vops;
	vn->fops = S_ISDIR(mode) ? &libfs_dir_fops : &sysfs_fops;
	vnode_touch(vn, VT_ATIME | VT_MTIME | VT_CTIME);
	return vn;
}

/* The directory `name` in dir, made if missing; it stays for ever or until removed with its tree. NULL: no memory. */
static struct dentry *
make_dir(struct dentry *dir, const char *name)
{
	struct dentry *d = dentry_find(dir, name, (u32)strlen(name));
	struct vnode *vn;

	if (d != NULL && d->vn != NULL) {
		dentry_put(d);		/* the tree's own pin keeps it */
		return d;
	}
	if (d != NULL)
		dentry_put(d);
	vn = make_vnode(S_IFDIR | 0755);
	if (vn == NULL || libfs_add_kern(dir, name, vn, &d) != 0)
		return NULL;
	dentry_put(d);
	return d;
}

static int
make_file(struct dentry *dir, const char *name, struct device *dev, const struct device_attr *attr)
{
	struct sysfs_file *s = kmem_alloc(sizeof(*s), KM_NORMAL);
	struct vnode *vn = s != NULL ? make_vnode(S_IFREG | attr->mode) : NULL;

	if (vn == NULL) {
		kmem_free(s);
		return -ENOMEM;
	}
	device_get(dev);
	*s = (struct sysfs_file){ dev, attr };
	vn->priv = s;
	vn->size = PAGE_SIZE;	/* as Linux says of each */
	return libfs_add_kern(dir, name, vn, NULL);
}

static int
make_link(struct dentry *dir, const char *name, const char *target)
{
	struct vnode *vn = make_vnode(S_IFLNK | 0777);
	char *copy = vn != NULL ? kmem_strdup(target, KM_NORMAL) : NULL;

	if (copy == NULL) {
		if (vn != NULL)
			vnode_put(vn);
		return -ENOMEM;
	}
	vn->link = copy;
	vn->size = (off_t)strlen(copy);
	return libfs_add_kern(dir, name, vn, NULL);
}

static void
remove_entry(struct dentry *dir, const char *name)
{
	struct dentry *d;

	rwlock_write_lock(&dir->vn->rwlock);
	d = dentry_find(dir, name, (u32)strlen(name));
	if (d != NULL && d->vn != NULL) {
		libfs_remove(d);
		dentry_delete(d);
	}
	if (d != NULL)
		dentry_put(d);
	rwlock_write_unlock(&dir->vn->rwlock);
}

/* --- attributes that every device has --- */

static int
show_uevent(struct device *d, struct strbuf *out)
{
	if (d->devt != 0)
		strbuf_printf(out, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\n", dev_major(d->devt), dev_minor(d->devt), d->name);
	if (d->driver != NULL)
		strbuf_printf(out, "DRIVER=%s\n", d->driver);
	if (d->bus != NULL && d->bus->uevent != NULL)
		d->bus->uevent(d, out);
	if (d->class != NULL && d->class->uevent != NULL)
		d->class->uevent(d, out);
	return 0;
}

static int
show_dev(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "%u:%u\n", dev_major(d->devt), dev_minor(d->devt));
	return 0;
}

static const struct device_attr uevent_attr = { .name = "uevent", .mode = 0444, .show = show_uevent };
static const struct device_attr dev_attr = { .name = "dev", .mode = 0444, .show = show_dev };

/* --- devices --- */

/* A slash in a device's name is '!' here. */
static void
sysfs_name(const struct device *d, char *out, size_t size)
{
	strlcpy(out, d->name, size);
	for (; *out != '\0'; out++)
		if (*out == '/')
			*out = '!';
}

/* "devices/pci0000:00/0000:00:03.0": the device's path from the top, with `ups` times "../" before it. */
static void
device_path(struct device *dev, u32 ups, struct strbuf *out)
{
	struct dentry *way[PATH_DEPTH];
	u32 n = 0;

	for (struct dentry *d = dev->sysfs; d != sysfs_sb->root && n < PATH_DEPTH; d = d->parent)
		way[n++] = d;
	while (ups-- > 0)
		strbuf_puts(out, "../");
	while (n-- > 0)
		strbuf_printf(out, n > 0 ? "%s/" : "%s", way[n]->name.name);
}

/* A link to the device in the directory top/sub/(sub2): made, or with `make` false removed. */
static void
link_in(struct device *dev, const char *const *dirs, const char *name, bool make)
{
	char path[256];
	struct strbuf sb;
	struct dentry *dir = sysfs_sb->root;
	u32 ups = 0;

	for (; *dirs != NULL && dir != NULL; dirs++, ups++)
		dir = make_dir(dir, *dirs);
	if (dir == NULL)
		return;
	if (!make) {
		remove_entry(dir, name);
		return;
	}
	strbuf_init(&sb, path, sizeof(path));
	device_path(dev, ups, &sb);
	if (sb.overflow || make_link(dir, name, path) != 0)
		log_warn("sysfs: no link for %s", dev->name);
}

static void
make_links(struct device *dev, bool make)
{
	char name[DEVICE_NAME_MAX];

	sysfs_name(dev, name, sizeof(name));
	if (dev->class != NULL)
		link_in(dev, (const char *const[]){ "class", dev->class->name, NULL }, name, make);
	if (dev->class != NULL && dev->block && (dev->parent == NULL || dev->parent->class != dev->class))
		link_in(dev, (const char *const[]){ "block", NULL }, name, make);
	if (dev->bus != NULL)
		link_in(dev, (const char *const[]){ "bus", dev->bus->name, "devices", NULL }, name, make);
	if (dev->devt != 0) {
		snprintf(name, sizeof(name), "%u:%u", dev_major(dev->devt), dev_minor(dev->devt));
		link_in(dev, (const char *const[]){ "dev", dev->block ? "block" : "char", NULL }, name, make);
	}
}

/* In the directory: what class or bus it is of, and for a disk the device it is on (a partition has its disk as parent). */
static void
make_own_links(struct device *dev)
{
	char path[256];
	struct dentry *top = dev->parent != NULL ? dev->parent->sysfs : NULL;
	struct strbuf sb;
	u32 depth = 0, up = 0;

	for (struct dentry *d = dev->sysfs; d != sysfs_sb->root && depth < PATH_DEPTH; d = d->parent)
		depth++;
	strbuf_init(&sb, path, sizeof(path));
	for (u32 i = 0; i < depth; i++)
		strbuf_puts(&sb, "../");
	strbuf_printf(&sb, dev->class != NULL ? "class/%s" : "bus/%s", dev->class != NULL ? dev->class->name : dev->bus->name);
	if (sb.overflow || make_link(dev->sysfs, "subsystem", path) != 0)
		log_warn("sysfs: no link to the class of %s", dev->name);
	if (dev->class == NULL || top == NULL || dev->parent->class == dev->class)
		return;
	for (struct dentry *d = dev->sysfs; d != top->parent && up < PATH_DEPTH; d = d->parent)
		up++;
	strbuf_init(&sb, path, sizeof(path));
	while (up-- > 0)
		strbuf_puts(&sb, "../");
	strbuf_puts(&sb, top->name.name);
	if (sb.overflow || make_link(dev->sysfs, "device", path) != 0)
		log_warn("sysfs: no link to the device of %s", dev->name);
}

/* Device and driver point at each other: DEVICE/driver, bus/BUS/drivers/DRIVER/DEVICE. Drivers bind before the tree is listened to. */
static void
make_driver_links(struct device *dev)
{
	char path[256], name[DEVICE_NAME_MAX];
	struct strbuf sb;

	sysfs_name(dev, name, sizeof(name));
	strbuf_init(&sb, path, sizeof(path));
	for (struct dentry *d = dev->sysfs; d != sysfs_sb->root; d = d->parent)
		strbuf_puts(&sb, "../");
	strbuf_printf(&sb, "bus/%s/drivers/%s", dev->bus->name, dev->driver);
	if (sb.overflow || make_link(dev->sysfs, "driver", path) != 0)
		log_warn("sysfs: no link to the driver of %s", dev->name);
	else
		link_in(dev, (const char *const[]){ "bus", dev->bus->name, "drivers", dev->driver, NULL }, name, true);
}

/* The driver has forgotten the device by now: the link tells which it was. */
static void
remove_driver_links(struct device *dev)
{
	struct dentry *d = dentry_find(dev->sysfs, "driver", 6);
	char driver[DEVICE_NAME_MAX] = "", name[DEVICE_NAME_MAX];
	const char *slash = d != NULL && d->vn != NULL && d->vn->link != NULL ? strrchr(d->vn->link, '/') : NULL;

	if (slash != NULL)
		snprintf(driver, sizeof(driver), "%s", slash + 1);
	if (d != NULL)
		dentry_put(d);
	if (slash == NULL || dev->bus == NULL)
		return;
	sysfs_name(dev, name, sizeof(name));
	remove_entry(dev->sysfs, "driver");
	link_in(dev, (const char *const[]){ "bus", dev->bus->name, "drivers", driver, NULL }, name, false);
}

static struct dentry *
parent_of(struct device *dev)
{
	struct dentry *dir;

	if (dev->parent != NULL) {
		/* Below a device of another kind there is a folder of the class: pci0000:00/.../virtio0/block/vda. */
		if (dev->class != NULL && dev->parent->class == NULL && dev->parent->sysfs != NULL)
			return make_dir(dev->parent->sysfs, dev->class->name);
		return dev->parent->sysfs;
	}
	dir = make_dir(sysfs_sb->root, "devices");
	if (dev->class == NULL || dev->bus != NULL || dir == NULL)
		return dir;
	dir = make_dir(dir, "virtual");
	return dir != NULL ? make_dir(dir, dev->class->name) : NULL;
}

/* The file of an attribute, whose name may have one folder in front. */
static int
add_attr(struct device *dev, const struct device_attr *attr)
{
	const char *slash = strchr(attr->name, '/');
	struct dentry *dir = dev->sysfs;
	char folder[DEVICE_NAME_MAX];

	if (slash == NULL)
		return make_file(dir, attr->name, dev, attr);
	strlcpy(folder, attr->name, MIN(sizeof(folder), (size_t)(slash - attr->name) + 1));
	dir = make_dir(dir, folder);
	return dir != NULL ? make_file(dir, slash + 1, dev, attr) : -ENOMEM;
}

static void
remove_attr(struct device *dev, const struct device_attr *attr)
{
	const char *slash = strchr(attr->name, '/');
	struct dentry *dir = dev->sysfs, *d;

	if (slash == NULL) {
		remove_entry(dir, attr->name);
		return;
	}
	d = dentry_find(dir, attr->name, (u32)(slash - attr->name));
	if (d == NULL)
		return;
	remove_entry(d, slash + 1);
	dentry_put(d);		/* the tree's own pin keeps it */
	if (d->vn != NULL && libfs_is_empty(d)) {
		char folder[DEVICE_NAME_MAX];

		strlcpy(folder, d->name.name, sizeof(folder));
		remove_entry(dir, folder);
	}
}

static void
device_added(struct device_listener *l, struct device *dev)
{
	struct dentry *dir = parent_of(dev);
	char name[DEVICE_NAME_MAX];
	int err = -ENOMEM;

	(void)l;
	sysfs_name(dev, name, sizeof(name));
	dev->sysfs = dir != NULL ? make_dir(dir, name) : NULL;
	if (dev->sysfs != NULL)
		err = make_file(dev->sysfs, uevent_attr.name, dev, &uevent_attr);
	if (err == 0 && dev->devt != 0)
		err = make_file(dev->sysfs, dev_attr.name, dev, &dev_attr);
	for (u32 i = 0; err == 0 && dev->attrs != NULL && dev->attrs[i] != NULL; i++)
		err = add_attr(dev, dev->attrs[i]);
	if (err == 0)
		make_links(dev, true);
	if (err == 0 && (dev->class != NULL || dev->bus != NULL))
		make_own_links(dev);
	if (err == 0 && dev->bus != NULL && dev->driver != NULL)
		make_driver_links(dev);
	if (err != 0)
		log_warn("sysfs: no directory for %s: error %d", dev->name, -err);
}

static void
device_removed(struct device_listener *l, struct device *dev)
{
	struct dentry *dir = dev->sysfs, *parent;
	char name[DEVICE_NAME_MAX];

	(void)l;
	if (dir == NULL)
		return;
	make_links(dev, false);
	remove_driver_links(dev);
	remove_entry(dir, uevent_attr.name);
	remove_entry(dir, dev_attr.name);
	remove_entry(dir, "subsystem");
	remove_entry(dir, "device");
	for (u32 i = 0; dev->attrs != NULL && dev->attrs[i] != NULL; i++)
		remove_attr(dev, dev->attrs[i]);
	parent = dir->parent;
	sysfs_name(dev, name, sizeof(name));
	dev->sysfs = NULL;
	remove_entry(parent, name);
	if (dev->parent != NULL && parent != dev->parent->sysfs && dev->parent->sysfs != NULL && libfs_is_empty(parent))
		remove_entry(dev->parent->sysfs, dev->class->name);
}

static struct device_listener listener = { .added = device_added, .removed = device_removed };

/* --- the file system --- */

static const struct super_ops sysfs_super_ops = { .evict = sysfs_evict, .statfs = libfs_statfs };

static int
sysfs_mount(const struct fs_type *type, u32 flags, const char *dev, const char *data, struct super_block **out)
{
	struct vnode *root;
	int err;

	(void)dev, (void)data;
	if (sysfs_sb != NULL) {
		refcount_get(&sysfs_sb->refs);
		*out = sysfs_sb;
		return 0;
	}
	err = super_create(type, &sysfs_super_ops, flags, out);
	if (err != 0)
		return err;
	sysfs_sb = *out;
	sysfs_sb->magic = SYSFS_MAGIC;
	sysfs_sb->blksize = PAGE_SIZE;
	root = make_vnode(S_IFDIR | 0555);
	if (root == NULL)
		return -ENOMEM;
	sysfs_sb->root = dentry_alloc_root(root);
	return sysfs_sb->root != NULL ? 0 : -ENOMEM;
}

static struct fs_type sysfs_type = { .name = "sysfs", .flags = FS_NODEV | FS_SINGLE, .mount = sysfs_mount };

void
sysfs_init(void)
{
	static const char *const dirs[] = { "block", "bus", "class", "dev", "devices", "firmware", "fs", "kernel", "module", "power" };

	if (fs_register(&sysfs_type) != 0 || mount_internal(&sysfs_type, &sysfs_mnt) != 0)
		panic("sysfs: no memory at boot");
	for (u32 i = 0; i < ARRAY_SIZE(dirs); i++)
		if (make_dir(sysfs_sb->root, dirs[i]) == NULL)
			panic("sysfs: no memory at boot");
	device_listen(&listener);
}
