/* SPDX-License-Identifier: BSD-2-Clause */
/* Mounting an ISO 9660 volume: its descriptors, and which of its trees is shown (Rock Ridge before Joliet before plain names). */
#include "fs/iso9660/iso9660.h"

#include "fs/iso9660.h"
#include "fs/path.h"
#include "sys/abi/errno.h"
#include "sys/abi/mount.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

#define ISO_MAGIC	0x9660
#define FIRST_SECTOR	16U
#define DESCRIPTORS_MAX	100U

static bool
is_descriptor(const struct iso_descriptor *d)
{
	return memcmp(d->magic, "CD001", 5) == 0;
}

/* The character sets of UCS-2, levels 1 to 3. */
static bool
is_joliet(const struct iso_descriptor *d)
{
	return d->escapes[0] == '%' && d->escapes[1] == '/' && (d->escapes[2] == '@' || d->escapes[2] == 'C' || d->escapes[2] == 'E');
}

/* Reads descriptors until the terminator: the primary one and, if there is one, Joliet's. */
static int
read_descriptors(struct block_device *bdev, u32 first, struct iso_descriptor *primary, struct iso_descriptor *joliet)
{
	struct iso_descriptor *d = kmem_alloc(sizeof(*d), KM_NORMAL);
	bool found = false;
	int err = 0;
	u32 i;

	if (d == NULL)
		return -ENOMEM;
	joliet->type = 0;
	for (i = 0; i < DESCRIPTORS_MAX; i++) {
		err = block_rw_kernel(bdev, BIO_READ, ((u64)first + FIRST_SECTOR + i) * (ISO_SECTOR / SECTOR_SIZE), d, sizeof(*d));
		if (err != 0 || !is_descriptor(d) || d->type == 255)
			break;
		if (d->type == 1 && !found) {
			*primary = *d;
			found = true;
		} else if (d->type == 2 && is_joliet(d)) {
			*joliet = *d;
		}
	}
	kmem_free(d);
	return found ? 0 : err != 0 ? err : -EINVAL;
}

static int
use_descriptor(struct iso_fs *fs, const struct iso_descriptor *d)
{
	u32 size = le16_get(d->block_size.le);

	if (size != 512 && size != 1024 && size != 2048)
		return -EINVAL;
	fs->block_size = size;
	fs->block_shift = (u32)__builtin_ctz(size);
	fs->blocks = le32_get(d->blocks.le);
	memcpy(&fs->root, d->root, sizeof(fs->root));
	return 0;
}

/* Does the root's "." record have an SP entry? Then Rock Ridge is in use. */
static int
find_rock(struct super_block *sb)
{
	struct iso_fs *fs = iso_fs(sb);
	u64 pos = ((u64)le32_get(fs->root.extent.le) + fs->root.xattr_blocks) << fs->block_shift;
	u8 raw[ISO_RECORD_MAX + 1];
	const struct iso_record *r = (const struct iso_record *)raw;
	u32 skip, area = sizeof(*r) + 1;	/* behind the name of one byte; even */
	int err = iso_read_bytes(sb, pos, raw, sizeof(raw));

	if (err == 0 && r->len > area && iso_rock_present(raw + area, r->len - area, &skip)) {
		fs->names = ISO_NAMES_ROCK;
		fs->su_skip = skip;
	}
	return err;
}

static int
choose_tree(struct super_block *sb, const struct iso_descriptor *primary, const struct iso_descriptor *joliet)
{
	struct iso_fs *fs = iso_fs(sb);
	int err = use_descriptor(fs, primary);

	if (err == 0)
		err = block_device_set_block_size(sb->bdev, fs->block_size);
	if (err == 0 && !fs->opt.norock)
		err = find_rock(sb);
	if (err == 0 && fs->names != ISO_NAMES_ROCK && joliet->type != 0 && !fs->opt.nojoliet) {
		err = use_descriptor(fs, joliet);
		if (err == 0 && fs->block_size != le16_get(primary->block_size.le))
			err = -EINVAL;
		fs->names = ISO_NAMES_JOLIET;
	}
	return err;
}

static int
fill_super(struct super_block *sb, const char *data)
{
	struct iso_descriptor *d = kmem_alloc(2 * sizeof(*d), KM_NORMAL);
	struct iso_fs *fs = iso_fs(sb);
	struct vnode *root;
	int err;

	if (d == NULL)
		return -ENOMEM;
	err = iso_parse_options(data, &fs->opt);
	if (err == 0)
		err = read_descriptors(sb->bdev, fs->opt.first_sector, &d[0], &d[1]);
	if (err == 0)
		err = choose_tree(sb, &d[0], &d[1]);
	kmem_free(d);
	if (err != 0)
		return err;
	sb->magic = ISO_MAGIC;
	sb->blksize = fs->block_size;
	sb->max_size = (off_t)ISO_SECTIONS_MAX << 32;
	sb->time_gran = 1000000000;
	sb->blockmap = &iso_blockmap_ops;
	sb->dops = iso_ignores_case(fs) ? &iso_relaxed_dops : NULL;
	err = iso_directory_get(sb, le32_get(fs->root.extent.le), fs->root.xattr_blocks, &root);
	if (err != 0)
		return err;
	sb->root = dentry_alloc_root(root);
	return sb->root != NULL ? 0 : -ENOMEM;
}

static int
iso_statfs(struct super_block *sb, struct abi_statfs *st)
{
	const struct iso_fs *fs = iso_fs(sb);

	st->f_type = sb->magic;
	st->f_bsize = fs->block_size;
	st->f_blocks = fs->blocks;
	st->f_namelen = ISO_NAME_MAX;
	return 0;
}

static int
iso_remount(struct super_block *sb, u32 *flags, const char *data)
{
	(void)sb, (void)data;
	return *flags & MS_RDONLY ? 0 : -EROFS;
}

static void
iso_put(struct super_block *sb)
{
	super_close_bdev(sb);
	kmem_free(sb->priv);
}

static const struct super_ops iso_super_ops = {
	.alloc_vnode = iso_alloc_vnode,
	.free_vnode = iso_free_vnode,
	.evict = iso_evict,
	.statfs = iso_statfs,
	.remount = iso_remount,
	.show_options = iso_show_options,
	.put = iso_put,
};

static int
iso_mount(const struct fs_type *type, u32 flags, const char *dev, const char *data, struct super_block **out)
{
	struct super_block *sb;
	struct iso_fs *fs;
	int err = super_open_bdev(type, &iso_super_ops, flags, dev, &sb);

	if (err == 1) {
		*out = sb;
		return 0;
	}
	if (err != 0)
		return err;
	err = -ENOMEM;
	fs = sb->priv = kmem_alloc(sizeof(*fs), KM_ZERO);
	if (fs != NULL) {
		fs->sb = sb;
		err = flags & MS_RDONLY ? fill_super(sb, data) : -EROFS;
	}
	if (err != 0) {
		super_put(sb);
		return err;
	}
	*out = sb;
	return 0;
}

/* Label: the volume's name without the blanks behind it. UUID: its date, as blkid(8) writes it. */
static int
iso_probe(struct block_device *bdev, struct fs_probe *out)
{
	struct iso_descriptor *d = kmem_alloc(2 * sizeof(*d), KM_NORMAL);
	u32 n = sizeof(d->volume_id);
	const u8 *c;
	int err;

	if (d == NULL)
		return -ENOMEM;
	err = read_descriptors(bdev, 0, &d[0], &d[1]);
	if (err == 0) {
		while (n > 0 && (d->volume_id[n - 1] == ' ' || d->volume_id[n - 1] == '\0'))
			n--;
		memcpy(out->label, d->volume_id, n);
		out->label[n] = '\0';
		c = d->created;
		(void)snprintf(out->uuid, sizeof(out->uuid), "%.4s-%.2s-%.2s-%.2s-%.2s-%.2s-%.2s", c, c + 4, c + 6, c + 8, c + 10, c + 12, c + 14);
	}
	kmem_free(d);
	return err == 0 ? 0 : err == -ENOMEM ? err : -EINVAL;
}

static struct fs_type iso_type = { .name = "iso9660", .mount = iso_mount, .probe = iso_probe };

void
iso9660_init(void)
{
	if (iso_inode_init() != 0 || fs_register(&iso_type) != 0)
		panic("iso9660: no memory at boot");
}
