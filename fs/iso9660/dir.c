/* SPDX-License-Identifier: BSD-2-Clause */
/* Directories: records one after the other, none across a sector's end. Looked through from the front; the dentry cache does the rest. */
#include "fs/iso9660/iso9660.h"

#include "fs/path.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"

struct walk {
	struct super_block *sb;
	u64 start, end;			/* byte positions of the directory */
	u64 pos;			/* of the next record */
	struct iso_entry e;		/* the one at hand */
	char name[ISO_NAME_MAX + 1];
	u32 name_len;
	bool more;			/* e goes on in the next record: a section of the same file */
};

static struct walk *
walk_begin(struct vnode *dir, u64 offset)
{
	struct iso_vnode *iv = iso_vnode(dir);
	struct walk *w = kmem_alloc(sizeof(*w), KM_NORMAL);

	if (w == NULL)
		return NULL;
	memset(w, 0, sizeof(*w));
	w->sb = dir->sb;
	w->start = iv->dir_start;
	w->end = iv->dir_start + iv->dir_size;
	w->pos = w->start + offset;
	return w;
}

static int
next_record(struct walk *w)
{
	while (w->pos < w->end) {
		u32 len;
		int err = iso_read_entry(w->sb, w->pos, &w->e, &len);

		if (err != 0)
			return err == -EUCLEAN ? -EIO : err;
		if (len == 0) {
			w->pos = (w->pos | (ISO_SECTOR - 1)) + 1;
			continue;
		}
		w->pos += len;
		w->more = w->e.flags & ISO_MORE;
		return 1;
	}
	return 0;
}

/* Pass the later sections of the file at hand. 1: done; 0: the directory ends. */
static int
skip_sections(struct walk *w)
{
	int r = 1;

	while (r == 1 && w->more)
		r = next_record(w);
	return r;
}

/* The next record that isn't the later section of a file. 1: there is one; 0: the end. */
static int
walk_next(struct walk *w)
{
	int r = skip_sections(w);

	return r == 1 ? next_record(w) : r;
}

static bool
is_shown(const struct walk *w)
{
	const struct iso_options *o = &iso_fs(w->sb)->opt;

	return !w->e.relocated && !(o->hide && w->e.flags & ISO_HIDDEN) && (o->showassoc || !(w->e.flags & ISO_ASSOCIATED));
}

static int
iso_lookup(struct vnode *dir, struct dentry *d, struct vnode **out)
{
	struct walk *w = walk_begin(dir, 0);
	char *link = kmem_alloc(PATH_MAX_K, KM_NORMAL);
	int err = -ENOMEM;

	*out = NULL;
	if (w == NULL || link == NULL)
		goto out_free;
	w->e.link = link;
	while ((err = walk_next(w)) == 1) {
		if (w->e.dot || !is_shown(w))
			continue;
		w->name_len = iso_name(iso_fs(w->sb), &w->e, w->name);
		if (!iso_names_equal(iso_fs(w->sb), w->name, w->name_len, d->name.name, d->name.len))
			continue;
		err = iso_vnode_get(w->sb, &w->e, w->pos, out);
		break;
	}
out_free:
	kmem_free(link);
	kmem_free(w);
	return err;
}

static u64
entry_number(const struct iso_fs *fs, const struct iso_entry *e)
{
	if (e->child != 0)
		return ((u64)e->child << fs->block_shift) >> 5;
	if (e->flags & ISO_DIRECTORY)
		return (((u64)e->extent + e->xattr_blocks) << fs->block_shift) >> 5;
	return e->pos >> 5;
}

static u8
entry_type(const struct iso_entry *e)
{
	if (e->child != 0 || e->flags & ISO_DIRECTORY)
		return DT_DIR;
	return e->rock ? (u8)((e->mode & S_IFMT) >> 12) : DT_REG;
}

/* "." and ".." are the first two records. */
static int
emit(struct walk *w, struct file *f, struct dir_context *ctx)
{
	const struct iso_fs *fs = iso_fs(w->sb);

	if (w->e.dot) {
		bool up = w->e.raw_name[0] == 1;
		u64 ino = up ? entry_number(fs, &w->e) : f->vn->ino;

		if (up && w->e.parent != 0)
			ino = ((u64)w->e.parent << fs->block_shift) >> 5;
		return ctx->emit(ctx, "..", up ? 2 : 1, ino, DT_DIR);
	}
	if (!is_shown(w))
		return 0;
	w->name_len = iso_name(fs, &w->e, w->name);
	if (w->name_len == 0)
		return 0;
	return ctx->emit(ctx, w->name, w->name_len, entry_number(fs, &w->e), entry_type(&w->e));
}

static int
iso_iterate(struct file *f, struct dir_context *ctx)
{
	struct walk *w;
	int err;

	if (ctx->pos < 0 || (u64)ctx->pos >= iso_vnode(f->vn)->dir_size)
		return 0;
	w = walk_begin(f->vn, (u64)ctx->pos);
	if (w == NULL)
		return -ENOMEM;
	while ((err = walk_next(w)) == 1) {
		if (emit(w, f, ctx) != 0) {
			err = 0;
			break;
		}
		err = skip_sections(w);		/* a position in a file's middle would show it twice */
		if (err < 0)
			break;
		ctx->pos = (off_t)(w->pos - w->start);
	}
	kmem_free(w);
	return err;
}

const struct file_ops iso_dir_fops = {
	.llseek = generic_file_llseek,
	.iterate = iso_iterate,
	.fsync = generic_file_fsync,
};

const struct vnode_ops iso_dir_ops = { .lookup = iso_lookup };
const struct vnode_ops iso_file_ops = { .lookup = NULL };
