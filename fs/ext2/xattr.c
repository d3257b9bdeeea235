/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes: in the inode behind its last field, as far as there is room, the others in one block. Files with equal blocks
 * share one, which counts its users and isn't changed while it has more than one.
 *
 * A change reads all attributes, and writes both places anew. POSIX ACLs on the disk are kept, but neither shown nor used, as with
 * Linux's option noacl.
 */
#include "fs/ext2/xattr.h"

#include "fs/xattr.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"

/* What an inode has. Values point into the buffers, which are referenced. */
struct attrs {
	struct buf *ibuf, *bbuf;
	u8 *ibody;			/* header of those in the inode, or NULL: no room for any */
	u8 *iend;
	struct ext2_attr_set in_inode, in_block;
};

static const struct { const char *prefix; enum xattr_space space; u8 index; } spaces[] = {
	{ XATTR_USER_PREFIX, XATTR_USER, 1 },
	{ XATTR_TRUSTED_PREFIX, XATTR_TRUSTED, 4 },
	{ XATTR_SECURITY_PREFIX, XATTR_SECURITY, 6 },
};

/* The number of the name's space, and the rest of the name. -EOPNOTSUPP, -EINVAL. */
static int
split_name(struct vnode *vn, const char *name, const char **rest)
{
	enum xattr_space space = xattr_space_of(name, rest);

	for (u32 i = 0; i < ARRAY_SIZE(spaces); i++) {
		if (spaces[i].space != space)
			continue;
		if (space == XATTR_USER && ext2_fs(vn->sb)->opts.no_xattr)
			return -EOPNOTSUPP;
		return **rest == '\0' ? -EINVAL : spaces[i].index;
	}
	return -EOPNOTSUPP;
}

/* --- reading --- */

static void
attrs_end(struct attrs *a)
{
	kmem_free(a->in_inode.all);
	kmem_free(a->in_block.all);
	buf_put(a->ibuf);
	buf_put(a->bbuf);
}

static int
damaged(struct vnode *vn)
{
	ext2_error(ext2_fs(vn->sb), "extended attributes of inode %llu are damaged", (unsigned long long)vn->ino);
	return -EIO;
}

static int
set_init(struct ext2_attr_set *set, u32 space)
{
	set->max = EXT2_ATTRS_MAX(space);
	set->count = 0;
	set->all = kmem_alloc(set->max * sizeof(*set->all), KM_NORMAL);
	return set->all != NULL ? 0 : -ENOMEM;
}

static int
load_inode(struct vnode *vn, struct attrs *a)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	u32 head = EXT2_OLD_INODE_SIZE + ext2_i(vn)->extra_isize, off, magic;
	int err = ext2_find_inode(fs, vn->ino, &a->ibuf, &off);

	if (err == 0)
		err = set_init(&a->in_inode, fs->inode_size);
	if (err != 0 || ext2_i(vn)->extra_isize == 0 || fs->inode_size - head < 4 + 4 + sizeof(struct ext2_xattr_entry))
		return err;
	a->ibody = a->ibuf->data + off + head;
	a->iend = a->ibuf->data + off + fs->inode_size;
	memcpy(&magic, a->ibody, sizeof(magic));
	if (magic == EXT2_XATTR_MAGIC && ext2_attrs_parse(a->ibody + 4, a->ibody + 4, a->iend, &a->in_inode) != 0)
		return damaged(vn);
	return 0;
}

static int
read_block(struct vnode *vn, u32 block, struct buf **b)
{
	const struct ext2_xattr_header *h;
	int err;

	if (!ext2_block_valid(ext2_fs(vn->sb), block, 1))
		return damaged(vn);
	err = buf_read(vn->sb->bdev, block, b);
	if (err != 0)
		return err;
	h = (const struct ext2_xattr_header *)(*b)->data;
	if (h->h_magic != EXT2_XATTR_MAGIC || h->h_blocks != 1 || h->h_refcount == 0) {
		buf_put(*b);
		*b = NULL;
		return damaged(vn);
	}
	return 0;
}

static int
load_block(struct vnode *vn, struct attrs *a)
{
	u32 block = ext2_i(vn)->file_acl;
	int err = set_init(&a->in_block, vn->sb->blksize);

	if (err != 0 || block == 0)
		return err;
	err = read_block(vn, block, &a->bbuf);
	if (err != 0)
		return err;
	if (ext2_attrs_parse(a->bbuf->data + sizeof(struct ext2_xattr_header), a->bbuf->data, a->bbuf->data + a->bbuf->size,
	    &a->in_block) != 0)
		return damaged(vn);
	return 0;
}

/* End with attrs_end(), also after an error. */
static int
attrs_load(struct vnode *vn, struct attrs *a)
{
	int err;

	memset(a, 0, sizeof(*a));
	err = load_inode(vn, a);
	return err != 0 ? err : load_block(vn, a);
}

ssize_t
ext2_getxattr(struct vnode *vn, const char *name, void *buf, size_t size)
{
	const struct ext2_attr *found = NULL;
	struct attrs a;
	const char *rest;
	int index = split_name(vn, name, &rest);
	ssize_t n;

	if (index < 0)
		return index;
	n = attrs_load(vn, &a);
	if (n == 0) {
		found = ext2_attrs_find(&a.in_inode, (u8)index, rest);
		if (found == NULL)
			found = ext2_attrs_find(&a.in_block, (u8)index, rest);
		n = found == NULL ? -ENODATA : (ssize_t)found->size;
	}
	if (n >= 0 && size != 0) {
		if (found->size > size)
			n = -ERANGE;
		else
			memcpy(buf, found->value, found->size);
	}
	attrs_end(&a);
	return n;
}

static int
list_set(struct vnode *vn, const struct ext2_attr_set *set, char *buf, size_t size, size_t *used)
{
	char name[EXT2_NAME_LEN + 1];

	for (u32 i = 0; i < set->count; i++) {
		const struct ext2_attr *a = &set->all[i];

		for (u32 k = 0; k < ARRAY_SIZE(spaces); k++) {
			int err;

			if (spaces[k].index != a->index || (a->index == 1 && ext2_fs(vn->sb)->opts.no_xattr))
				continue;
			memcpy(name, a->name, a->name_len);
			name[a->name_len] = '\0';
			err = xattr_list_one(buf, size, used, spaces[k].prefix, name);
			if (err != 0)
				return err;
		}
	}
	return 0;
}

ssize_t
ext2_listxattr(struct vnode *vn, char *buf, size_t size)
{
	struct attrs a;
	size_t used = 0;
	int err = attrs_load(vn, &a);

	if (err == 0)
		err = list_set(vn, &a.in_inode, buf, size, &used);
	if (err == 0)
		err = list_set(vn, &a.in_block, buf, size, &used);
	attrs_end(&a);
	return err != 0 ? err : (ssize_t)used;
}

/* --- blocks that are shared --- */

static void
remember_block(struct ext2_fs *fs, u32 hash, u32 block)
{
	u32 i = hash % EXT2_XATTR_SHARED;

	fs->xattr_shared[i].hash = hash;
	fs->xattr_shared[i].block = block;
}

static void
forget_block(struct ext2_fs *fs, u32 block)
{
	for (u32 i = 0; i < EXT2_XATTR_SHARED; i++)
		if (fs->xattr_shared[i].block == block)
			fs->xattr_shared[i].block = 0;
}

/* One user less of b; the last one frees it. [xattr_lock] */
static int
release_block(struct handle *h, struct vnode *vn, struct buf *b)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_xattr_header *head = (struct ext2_xattr_header *)b->data;
	int err;

	if (head->h_refcount > 1) {
		err = ext2_access(h, b);
		if (err != 0)
			return err;
		head->h_refcount--;
		ext2_dirty(h, b);
	} else {
		u32 block = (u32)b->block;

		forget_block(fs, block);
		journal_forget(h, b);
		(void)!buf_wait(b);
		ext2_free_blocks(h, fs, block, 1);
	}
	ext2_add_blocks(vn, -1);
	return 0;
}

/* A block that is like `image` already, and can have one user more: counted. 0: there is none. [xattr_lock] */
static int
share_block(struct handle *h, struct vnode *vn, const u8 *image, u32 *block)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	const struct ext2_xattr_header *want = (const struct ext2_xattr_header *)image;
	u32 i = want->h_hash % EXT2_XATTR_SHARED, head_size = sizeof(struct ext2_xattr_header);
	struct ext2_xattr_header *head;
	struct buf *b;
	int err;

	*block = 0;
	if (want->h_hash == 0 || fs->xattr_shared[i].hash != want->h_hash || fs->xattr_shared[i].block == 0)
		return 0;
	if (read_block(vn, fs->xattr_shared[i].block, &b) != 0)
		return 0;
	head = (struct ext2_xattr_header *)b->data;
	err = 0;
	if (head->h_refcount < EXT2_XATTR_REFCOUNT_MAX && memcmp(b->data + head_size, image + head_size, b->size - head_size) == 0) {
		err = ext2_access(h, b);
		if (err == 0) {
			head->h_refcount++;
			ext2_dirty(h, b);
			*block = (u32)b->block;
			ext2_add_blocks(vn, 1);
		}
	}
	buf_put(b);
	return err;
}

/* A block of the inode's own with the image. [map_lock, xattr_lock] */
static int
new_block(struct handle *h, struct vnode *vn, const u8 *image, u32 *block)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	u32 n, goal = ext2_group_first(fs, (u32)(vn->ino - 1) / fs->inodes_per_group);
	struct buf *b;
	int err = ext2_alloc_blocks(h, vn, goal, 1, block, &n);

	if (err != 0)
		return err;
	err = buf_get_zeroed(fs->bdev, *block, &b);
	if (err == 0) {
		err = journal_access_new(h, b);
		if (err == 0) {
			memcpy(b->data, image, b->size);
			ext2_dirty(h, b);
			ext2_add_blocks(vn, 1);
			remember_block(fs, ((const struct ext2_xattr_header *)image)->h_hash, *block);
		}
		buf_put(b);
	}
	if (err != 0)
		ext2_free_blocks(h, fs, *block, 1);
	return err;
}

/* --- writing --- */

/* The image of a block with the set; NULL: no memory. */
static u8 *
make_image(struct vnode *vn, struct ext2_attr_set *set)
{
	u8 *image = kmem_alloc(vn->sb->blksize, KM_ZERO);
	struct ext2_xattr_header *head = (struct ext2_xattr_header *)image;

	if (image == NULL)
		return NULL;
	head->h_magic = EXT2_XATTR_MAGIC;
	head->h_refcount = 1;
	head->h_blocks = 1;
	ext2_attrs_format(set, image + sizeof(*head), image, image + vn->sb->blksize);
	head->h_hash = ext2_attrs_hash(image + sizeof(*head));
	return image;
}

static int
replace_block(struct handle *h, struct vnode *vn, struct attrs *a, const u8 *image)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	u32 block = 0;
	int err = 0;

	if (image != NULL) {
		err = share_block(h, vn, image, &block);
		if (err == 0 && block == 0 && a->bbuf != NULL && ((struct ext2_xattr_header *)a->bbuf->data)->h_refcount == 1) {
			err = ext2_access(h, a->bbuf);
			if (err == 0) {
				forget_block(fs, (u32)a->bbuf->block);
				memcpy(a->bbuf->data, image, a->bbuf->size);
				ext2_dirty(h, a->bbuf);
				remember_block(fs, ((const struct ext2_xattr_header *)image)->h_hash, (u32)a->bbuf->block);
			}
			return err;
		}
		if (err == 0 && block == 0)
			err = new_block(h, vn, image, &block);
		if (err != 0)
			return err;
	}
	if (a->bbuf != NULL)
		err = release_block(h, vn, a->bbuf);
	if (err == 0)
		ext2_i(vn)->file_acl = block;
	return err;
}

static int
store_block(struct handle *h, struct vnode *vn, struct attrs *a)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);
	u8 *image = NULL;
	int err;

	if (a->in_block.count == 0 && a->bbuf == NULL)
		return 0;
	if (a->in_block.count != 0) {
		image = make_image(vn, &a->in_block);
		if (image == NULL)
			return -ENOMEM;
	}
	rwlock_write_lock(&ei->map_lock);
	mutex_lock_nested(&fs->xattr_lock);
	err = replace_block(h, vn, a, image);
	mutex_unlock(&fs->xattr_lock);
	rwlock_write_unlock(&ei->map_lock);
	kmem_free(image);
	return err;
}

static int
store_inode(struct handle *h, struct attrs *a)
{
	u32 size = (u32)(a->iend - a->ibody), magic = EXT2_XATTR_MAGIC;
	u8 *image;
	int err;

	if (a->ibody == NULL)
		return 0;
	image = kmem_alloc(size, KM_ZERO);
	if (image == NULL)
		return -ENOMEM;
	if (a->in_inode.count != 0) {
		memcpy(image, &magic, sizeof(magic));
		ext2_attrs_format(&a->in_inode, image + 4, image + 4, image + size);
	}
	err = ext2_access(h, a->ibuf);
	if (err == 0) {
		memcpy(a->ibody, image, size);
		ext2_dirty(h, a->ibuf);
	}
	kmem_free(image);
	return err;
}

static void
set_remove(struct ext2_attr_set *set, struct ext2_attr *a)
{
	if (a != NULL)
		*a = set->all[--set->count];
}

/* Add where there is room. */
static int
set_add(struct vnode *vn, struct attrs *a, const struct ext2_attr *new)
{
	if (a->ibody != NULL && a->in_inode.count < a->in_inode.max) {
		a->in_inode.all[a->in_inode.count++] = *new;
		if (ext2_attrs_size(&a->in_inode) <= (u32)(a->iend - a->ibody) - 4)
			return 0;
		a->in_inode.count--;
	}
	if (a->in_block.count >= a->in_block.max)
		return -ENOSPC;
	a->in_block.all[a->in_block.count++] = *new;
	return ext2_attrs_size(&a->in_block) <= vn->sb->blksize - sizeof(struct ext2_xattr_header) ? 0 : -ENOSPC;
}

static int
change(struct handle *h, struct vnode *vn, struct attrs *a, const struct ext2_attr *new, int flags)
{
	struct ext2_attr *old_i, *old_b;
	char name[EXT2_NAME_LEN + 1];
	int err;

	memcpy(name, new->name, new->name_len);
	name[new->name_len] = '\0';
	old_i = ext2_attrs_find(&a->in_inode, new->index, name);
	old_b = ext2_attrs_find(&a->in_block, new->index, name);
	if ((flags & XATTR_CREATE) && (old_i != NULL || old_b != NULL))
		return -EEXIST;
	if (((flags & XATTR_REPLACE) || new->value == NULL) && old_i == NULL && old_b == NULL)
		return -ENODATA;
	set_remove(&a->in_inode, old_i);
	set_remove(&a->in_block, old_b);
	err = new->value != NULL ? set_add(vn, a, new) : 0;
	if (err == 0)
		err = store_block(h, vn, a);	/* it may fail for want of room; the other can't */
	if (err == 0)
		err = store_inode(h, a);
	if (err == 0 && new->value != NULL)
		err = ext2_set_feature(h, ext2_fs(vn->sb), COMPAT_EXT_ATTR, 0);
	return err;
}

int
ext2_setxattr(struct vnode *vn, const char *name, const void *value, size_t size, int flags)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_attr new = { .size = (u32)size, .value = value };
	struct attrs a;
	struct handle *h;
	int index = split_name(vn, name, &new.name), err, e;

	if (index < 0)
		return index;
	if (strlen(new.name) > EXT2_NAME_LEN)
		return -ERANGE;
	if (size > fs->block_size)
		return -ENOSPC;
	new.index = (u8)index;
	new.name_len = (u8)strlen(new.name);
	err = ext2_start_alloc(fs, EXT2_CREDITS_XATTR, &h);
	if (err != 0)
		return err;
	err = attrs_load(vn, &a);
	if (err == 0)
		err = change(h, vn, &a, &new, flags);
	attrs_end(&a);
	if (err == 0) {
		vnode_touch(vn, VT_CTIME);
		err = ext2_write_inode(h, vn);
	}
	e = ext2_stop_sync(fs, h, vn);
	return err != 0 ? err : e;
}

int
ext2_xattr_free(struct handle *h, struct vnode *vn)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);
	struct buf *b;
	int err;

	if (ei->file_acl == 0)
		return 0;
	mutex_lock(&fs->xattr_lock);
	err = read_block(vn, ei->file_acl, &b);
	if (err == 0) {
		err = release_block(h, vn, b);
		buf_put(b);
	}
	mutex_unlock(&fs->xattr_lock);
	if (err == 0 || err == -EIO)
		ei->file_acl = 0;
	return err == -EIO ? 0 : err;
}
