/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vnodes from directory records. A file's number is the position of its first record, a directory's that of its own "." record, in
 * units of 32 bytes (no record is shorter): as on Linux.
 */
#include "fs/iso9660/iso9660.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/log.h"

static struct kmem_cache *cache;

int
iso_inode_init(void)
{
	cache = kmem_cache_create("iso9660_vnode", sizeof(struct iso_vnode), 64, KMC_TYPESTABLE, NULL);
	return cache != NULL ? 0 : -ENOMEM;
}

struct vnode *
iso_alloc_vnode(struct super_block *sb)
{
	struct iso_vnode *iv = kmem_cache_alloc(cache, KM_NORMAL);

	(void)sb;
	if (iv == NULL)
		return NULL;
	iv->sections = NULL;
	iv->nsections = 0;
	iv->link = NULL;
	return &iv->vn;
}

void
iso_free_vnode(struct vnode *vn)
{
	struct iso_vnode *iv = iso_vnode(vn);

	if (iv->sections != &iv->one)
		kmem_free(iv->sections);
	kmem_free(iv->link);		/* walks under RCU read it until now */
	kmem_cache_free(cache, iv);
}

void
iso_evict(struct vnode *vn)
{
	mapping_truncate(&vn->mapping, 0, INT64_MAX);
}

/* --- data --- */

static int
iso_map(struct vnode *vn, u64 fblock, u32 max, bool create, struct block_extent *out)
{
	const struct iso_vnode *iv = iso_vnode(vn);
	u32 i;

	if (create)
		return -EROFS;
	for (i = 0; i < iv->nsections; i++) {
		const struct iso_section *s = &iv->sections[i];

		if (fblock >= s->fblock && fblock - s->fblock < s->n) {
			u64 n = s->n - (fblock - s->fblock);

			*out = (struct block_extent){ .block = s->block + (fblock - s->fblock), .n = n < max ? (u32)n : max };
			return 0;
		}
	}
	*out = (struct block_extent){ .n = max, .hole = true };	/* behind the end */
	return 0;
}

const struct blockmap_ops iso_blockmap_ops = { .map = iso_map };

static int
unreadable_open(struct vnode *vn, struct file *f)
{
	(void)f;
	log_warn("iso9660 (%s): file %lu is compressed or interleaved: not supported", vn->sb->id, vn->ino);
	return -EOPNOTSUPP;
}

static const struct file_ops iso_unreadable_fops = { .open = unreadable_open };

static const struct file_ops iso_file_fops = {
	.read = blockmap_file_read,
	.llseek = blockmap_file_llseek,
	.mmap = generic_file_mmap,
	.fsync = generic_file_fsync,
	.ioctl = blockmap_ioctl,
};

/* The sections of a file: e's own, and while records say so, those of the records from next on. */
static int
take_sections(struct iso_vnode *iv, const struct iso_entry *e, u64 next)
{
	struct super_block *sb = iv->vn.sb;
	struct iso_fs *fs = iso_fs(sb);
	struct iso_entry *more;
	u64 size = 0, fblock = 0;
	u32 len, cap = 1;
	int err = 0;

	iv->sections = &iv->one;
	more = kmem_alloc(sizeof(*more), KM_NORMAL);
	if (more == NULL)
		return -ENOMEM;
	*more = *e;
	more->link = NULL;
	for (;;) {
		u64 n = ((u64)more->size + fs->block_size - 1) >> fs->block_shift;

		iv->sections[iv->nsections++] = (struct iso_section){ fblock, n, more->extent + more->xattr_blocks };
		fblock += n;
		size += more->size;
		if ((more->flags & ISO_MORE) == 0)
			break;
		err = -EUCLEAN;
		if (iv->nsections == ISO_SECTIONS_MAX || (more->size & (fs->block_size - 1)) != 0)
			break;
		if (cap < ISO_SECTIONS_MAX) {
			iv->sections = kmem_alloc(ISO_SECTIONS_MAX * sizeof(*iv->sections), KM_ZERO);
			cap = ISO_SECTIONS_MAX;
			if (iv->sections == NULL) {
				err = -ENOMEM;
				break;
			}
			iv->sections[0] = iv->one;
		}
		err = iso_read_entry(sb, next, more, &len);
		if (err == 0 && len == 0)	/* the next sector */
			err = iso_read_entry(sb, (next | (ISO_SECTOR - 1)) + 1, more, &len);
		if (err == 0 && len == 0)
			err = -EUCLEAN;
		if (err != 0)
			break;
		next = more->pos + len;
	}
	kmem_free(more);
	iv->vn.size = (off_t)size;
	return err;
}

/* --- attributes --- */

static void
set_times(struct vnode *vn, const struct iso_entry *e)
{
	vn->mtime = e->mtime != 0 ? e->mtime : e->date;
	vn->ctime = e->ctime != 0 ? e->ctime : e->date;
	vn->atime = e->atime != 0 ? e->atime : e->date;
	vn->btime = e->btime != 0 ? e->btime : e->date;
}

static void
set_owner(struct vnode *vn, const struct iso_fs *fs, const struct iso_entry *e)
{
	const struct iso_options *o = &fs->opt;
	bool dir = e->flags & ISO_DIRECTORY;

	if (e->rock) {
		vn->mode = e->mode;
		vn->nlink = MAX(e->nlink, 1u);	/* it has a name */
		vn->uid.val = e->uid;
		vn->gid.val = e->gid;
	} else {
		vn->mode = (dir ? S_IFDIR : S_IFREG) | 0555;
		vn->nlink = 1;	/* how many a directory has isn't known; 2 would tell find(1) that it has no child */
		vn->uid = o->uid;
		vn->gid = o->gid;
	}
	if (e->rock && !o->own_perm)
		return;
	if (o->uid_set)
		vn->uid = o->uid;
	if (o->gid_set)
		vn->gid = o->gid;
	if (S_ISDIR(vn->mode) ? o->dmode_set : o->mode_set)
		vn->mode = (vn->mode & S_IFMT) | (S_ISDIR(vn->mode) ? o->dmode : o->mode);
}

static int
set_kind(struct iso_vnode *iv, const struct iso_entry *e, u64 next)
{
	struct vnode *vn = &iv->vn;
	struct iso_fs *fs = iso_fs(vn->sb);

	switch (vn->mode & S_IFMT) {
	case S_IFDIR:
		vn->ops = &iso_dir_ops;
		vn->fops = &iso_dir_fops;
		iv->dir_start = ((u64)e->extent + e->xattr_blocks) << fs->block_shift;
		iv->dir_size = e->size;
		vn->size = e->size;
		return 0;
	case S_IFREG:
		vn->ops = &iso_file_ops;
		vn->fops = e->unreadable ? &iso_unreadable_fops : &iso_file_fops;
		mapping_init(&vn->mapping, &blockmap_mapping_ops, vn, 0);
		return take_sections(iv, e, next);
	case S_IFLNK:
		vn->ops = &iso_file_ops;
		if (e->link_len == 0)
			return -EUCLEAN;
		iv->link = kmem_strdup(e->link, KM_NORMAL);
		vn->link = iv->link;
		vn->size = e->link_len;
		return iv->link != NULL ? 0 : -ENOMEM;
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		vn->ops = &iso_file_ops;
		vnode_init_special(vn, vn->mode, e->rdev);
		return 0;
	default:
		return -EUCLEAN;
	}
}

static int
fill(struct vnode *vn, const struct iso_entry *e, u64 next)
{
	struct iso_fs *fs = iso_fs(vn->sb);
	int err;

	set_owner(vn, fs, e);
	if (S_ISDIR(vn->mode) != ((e->flags & ISO_DIRECTORY) != 0))
		return -EUCLEAN;
	set_times(vn, e);
	vn->blkbits = fs->block_shift;
	err = set_kind(iso_vnode(vn), e, next);
	vn->blocks = ((u64)vn->size + SECTOR_SIZE - 1) >> SECTOR_SHIFT;
	vnode_set_kind(vn);
	return err;
}

static int
get_by_position(struct super_block *sb, const struct iso_entry *e, u64 next, struct vnode **out)
{
	struct vnode *vn;
	int err = vnode_get_cached(sb, e->pos >> 5, &vn);

	if (err != 0)
		return err;
	if (vn->state & VN_NEW) {
		err = fill(vn, e, next);
		if (err != 0) {
			vnode_fail_new(vn);
			return err == -EUCLEAN ? -EIO : err;
		}
		vnode_unlock_new(vn);
	}
	*out = vn;
	return 0;
}

int
iso_directory_get(struct super_block *sb, u32 extent, u32 xattr_blocks, struct vnode **out)
{
	u64 pos = ((u64)extent + xattr_blocks) << iso_fs(sb)->block_shift;
	struct iso_entry *e = kmem_alloc(sizeof(*e), KM_ZERO);
	u32 len;
	int err;

	if (e == NULL)
		return -ENOMEM;
	err = iso_read_entry(sb, pos, e, &len);
	if (err == 0 && (len == 0 || !e->dot || (e->flags & ISO_DIRECTORY) == 0))
		err = -EIO;
	if (err == 0)
		err = get_by_position(sb, e, pos + len, out);
	kmem_free(e);
	return err == -EUCLEAN ? -EIO : err;
}

int
iso_vnode_get(struct super_block *sb, const struct iso_entry *e, u64 next, struct vnode **out)
{
	if (e->child != 0)
		return iso_directory_get(sb, e->child, 0, out);
	if (e->flags & ISO_DIRECTORY)
		return iso_directory_get(sb, e->extent, e->xattr_blocks, out);
	return get_by_position(sb, e, next, out);
}
