/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index of a directory (dir_index): a tree of one or two levels, keyed by the hash of names; its leaves are ordinary blocks of
 * entries. To who doesn't know it, index blocks look like blocks with one empty entry.
 *
 * An index entry (hash, block) leads to names with hashes from that on. The lowest bit of the hash tells that the names of the leaf before go
 * on here (same hash). A full leaf is split in two at its middle hash; a full index block likewise; a full root gets a level below
 * it. Two full levels hold tens of millions of names; then it is -ENOSPC, as on Linux.
 */
#include "fs/ext2/ext2.h"

#include "sys/lib/sort.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"

#define LEVELS_MAX	2

struct frame {
	struct buf *b;
	struct dx_entry *entries;	/* the first one is limit, count and a block */
	u32 at;
};

struct probe {
	struct frame frames[LEVELS_MAX];
	u32 depth;			/* frames in use */
	struct ext2_hash hash;
};

static struct dx_countlimit *
count_of(const struct frame *f)
{
	return (struct dx_countlimit *)f->entries;
}

static void
probe_end(struct probe *p)
{
	for (u32 i = 0; i < p->depth; i++)
		buf_put(p->frames[i].b);
	p->depth = 0;
}

static int
damaged(struct vnode *dir, const char *what)
{
	ext2_error(ext2_fs(dir->sb), "index of directory #%llu: %s", (unsigned long long)dir->ino, what);
	return -EUCLEAN;
}

/* The entries of an index block begin at `off`. */
static int
check_node(struct vnode *dir, struct frame *f, u32 off)
{
	u32 limit = (f->b->size - off) / (u32)sizeof(struct dx_entry);
	struct dx_countlimit *c;

	f->entries = (struct dx_entry *)(f->b->data + off);
	c = count_of(f);
	if (c->limit != limit || c->count == 0 || c->count > limit)
		return damaged(dir, "impossible count of entries");
	return 0;
}

static int
open_root(struct vnode *dir, struct probe *p, u32 *levels)
{
	struct ext2_fs *fs = ext2_fs(dir->sb);
	const struct ext2_dirent *dot, *dotdot;
	const struct dx_root_info *info;
	int err = ext2_dir_read(dir, 0, &p->frames[0].b);

	if (err != 0)
		return err;
	p->depth = 1;
	dot = (const struct ext2_dirent *)p->frames[0].b->data;
	dotdot = (const struct ext2_dirent *)(p->frames[0].b->data + ext2_rec_len(1));
	info = (const struct dx_root_info *)(p->frames[0].b->data + DX_ROOT_INFO);
	if (dot->rec_len != ext2_rec_len(1) || dotdot->rec_len != p->frames[0].b->size - ext2_rec_len(1) || dotdot->name_len != 2)
		return damaged(dir, "no root");
	if (info->zero != 0 || info->info_length != sizeof(*info) || info->hash_version > DX_HASH_TEA || (info->flags & 1))
		return damaged(dir, "unknown kind");
	if (info->levels >= LEVELS_MAX)
		return damaged(dir, "too deep");
	*levels = info->levels;
	p->hash.version = info->hash_version + (fs->hash_unsigned ? DX_HASH_LEGACY_UNSIGNED : 0);
	p->hash.seed = fs->hash_seed;
	return check_node(dir, &p->frames[0], DX_ROOT_INFO + sizeof(*info));
}

/* The last entry with a hash not above `hash`; the first has none, and counts as 0. */
static u32
search(const struct frame *f, u32 hash)
{
	u32 low = 1, high = count_of(f)->count;

	while (low < high) {
		u32 mid = (low + high) / 2;

		if (f->entries[mid].hash > hash)
			high = mid;
		else
			low = mid + 1;
	}
	return low - 1;
}

static int
block_at(struct vnode *dir, const struct frame *f, u64 *fblock)
{
	*fblock = f->entries[f->at].block & DX_BLOCK_MASK;
	return *fblock == 0 || *fblock >= ext2_dir_blocks(dir) ? damaged(dir, "a block that isn't there") : 0;
}

/* From the frame that is the last one on, down to the leaf's entry. hash 0: always the first one. */
static int
descend(struct vnode *dir, struct probe *p, u32 levels, u32 hash)
{
	int err = 0;

	while (p->depth <= levels && err == 0) {
		struct frame *f = &p->frames[p->depth];
		u64 fblock;

		err = block_at(dir, &p->frames[p->depth - 1], &fblock);
		if (err == 0)
			err = ext2_dir_read(dir, fblock, &f->b);
		if (err != 0)
			return err;
		p->depth++;
		err = check_node(dir, f, DX_NODE_ENTRIES);
		if (err == 0)
			f->at = search(f, hash);
	}
	return err;
}

/* The way to hash; name NULL: p->hash.major is it. */
static int
probe(struct vnode *dir, const char *name, u32 len, u32 key, struct probe *p)
{
	u32 levels;
	int err;

	memset(p, 0, sizeof(*p));
	err = open_root(dir, p, &levels);
	if (err == 0 && name != NULL) {
		err = ext2_dirhash(name, len, &p->hash);
		key = p->hash.major;
	}
	if (err == 0) {
		p->frames[0].at = search(&p->frames[0], key);
		err = descend(dir, p, levels, key);
	}
	if (err != 0)
		probe_end(p);
	return err;
}

/* The hash of the leaf behind; false: there is none. */
static bool
next_hash(const struct probe *p, u32 *hash)
{
	for (u32 i = p->depth; i-- > 0; ) {
		const struct frame *f = &p->frames[i];

		if (f->at + 1 < count_of(f)->count) {
			*hash = f->entries[f->at + 1].hash;
			return true;
		}
	}
	return false;
}

/* Step to the next leaf, which is there. */
static int
next_leaf(struct vnode *dir, struct probe *p)
{
	u32 levels = p->depth - 1;

	while (p->frames[p->depth - 1].at + 1 >= count_of(&p->frames[p->depth - 1])->count) {
		buf_put(p->frames[p->depth - 1].b);
		p->depth--;
	}
	p->frames[p->depth - 1].at++;
	return descend(dir, p, levels, 0);
}

static int
read_leaf(struct vnode *dir, const struct probe *p, u64 *fblock, struct buf **b)
{
	int err = block_at(dir, &p->frames[p->depth - 1], fblock);

	return err != 0 ? err : ext2_dir_read(dir, *fblock, b);
}

int
ext2_htree_find(struct vnode *dir, const char *name, u32 len, struct ext2_slot *out)
{
	struct probe p;
	u32 next;
	int err = probe(dir, name, len, 0, &p);

	while (err == 0) {
		struct buf *b;

		err = read_leaf(dir, &p, &out->fblock, &b);
		if (err != 0)
			break;
		err = ext2_find_in_block(dir, b, name, len, out);
		if (err == 1) {
			err = 0;
			break;
		}
		buf_put(b);
		if (err != 0)
			break;
		err = -ENOENT;
		if (next_hash(&p, &next) && next == (p.hash.major | 1))
			err = next_leaf(dir, &p);
	}
	probe_end(&p);
	return err;
}

int
ext2_htree_leaf(struct vnode *dir, u32 major, struct buf **leaf, u32 *next, struct ext2_hash *hash)
{
	struct probe p;
	u64 fblock;
	int err = probe(dir, NULL, 0, major, &p);

	if (err != 0)
		return err;
	if (!next_hash(&p, next))
		*next = UINT32_MAX;
	else if (*next <= major)
		err = damaged(dir, "hashes out of order");
	if (err == 0)
		err = read_leaf(dir, &p, &fblock, leaf);
	*hash = p.hash;
	probe_end(&p);
	return err;
}

/* --- splitting leaves --- */

struct map_entry { u32 hash; u16 off, size; };

static int
compare_map(const void *a, const void *b)
{
	const struct map_entry *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* What is in the leaf, by hash. Count or -errno. */
static int
map_leaf(struct vnode *dir, const struct buf *b, u32 from, struct ext2_hash *hash, struct map_entry *map)
{
	int n = 0;

	for (u32 off = from; off < b->size; ) {
		const struct ext2_dirent *de = (const struct ext2_dirent *)(b->data + off);

		if (!ext2_dirent_ok(dir, b, off))
			return -EIO;
		if (de->inode != 0) {
			int err = ext2_dirhash(de->name, de->name_len, hash);

			if (err != 0)
				return err;
			map[n++] = (struct map_entry){ hash->major, (u16)off, (u16)ext2_rec_len(de->name_len) };
		}
		off += de->rec_len;
	}
	sort(map, (size_t)n, sizeof(*map), compare_map);
	return n;
}

/* Entries map[from .. to) of data, packed into out, which is a block. */
static void
pack(const u8 *data, const struct map_entry *map, int from, int to, u8 *out, u32 size)
{
	struct ext2_dirent *last = NULL;
	u32 at = 0;

	for (int i = from; i < to; i++) {
		last = (struct ext2_dirent *)(out + at);
		memcpy(last, data + map[i].off, map[i].size);
		last->rec_len = map[i].size;
		at += map[i].size;
	}
	if (last == NULL) {
		last = (struct ext2_dirent *)out;
		memset(last, 0, EXT2_DIRENT_HEAD);
		at = 0;
	} else {
		at -= last->rec_len;
	}
	last->rec_len = (u16)(size - at);
	memset(out + at + ext2_rec_len(last->name_len), 0, size - at - ext2_rec_len(last->name_len));
}

static int
split_point(const struct map_entry *map, int n, u32 size)
{
	u32 sum = 0;
	int i;

	for (i = n - 1; i >= 0; i--) {
		if (sum + map[i].size / 2 > size / 2)
			break;
		sum += map[i].size;
	}
	return MIN(MAX(i + 1, 1), n - 1);
}

struct split { struct map_entry *map; u8 *copy; };

static int
split_begin(struct split *s, u32 size)
{
	s->map = kmem_alloc(size / ext2_rec_len(1) * sizeof(struct map_entry), KM_NORMAL);
	s->copy = kmem_alloc(size, KM_NORMAL);
	return s->map != NULL && s->copy != NULL ? 0 : -ENOMEM;
}

static void
split_end(struct split *s)
{
	kmem_free(s->map);
	kmem_free(s->copy);
}

/* Move the upper half of `leaf` (entries from `from` on) to the new block `right`; *hash: the key of that. Both are the handle's. */
static int
split_leaf(struct handle *h, struct vnode *dir, struct split *s, struct buf *leaf, const u8 *data, struct buf *right,
	struct ext2_hash *hash, int n, u32 *key)
{
	int at = split_point(s->map, n, leaf->size);

	(void)hash;
	(void)dir;
	*key = s->map[at].hash | (s->map[at].hash == s->map[at - 1].hash);
	pack(data, s->map, at, n, right->data, right->size);
	pack(data, s->map, 0, at, leaf->data, leaf->size);
	ext2_dirty(h, leaf);
	ext2_dirty(h, right);
	return at;
}

/* --- the index --- */

static void
insert_entry(struct frame *f, u32 hash, u64 fblock)
{
	struct dx_countlimit *c = count_of(f);
	u32 at = f->at + 1;

	memmove(&f->entries[at + 1], &f->entries[at], (c->count - at) * sizeof(f->entries[0]));
	f->entries[at] = (struct dx_entry){ hash, (u32)fblock };
	c->count++;
}

/* An empty index block, from an appended one. */
static void
init_node(struct frame *f)
{
	struct ext2_dirent *de = (struct ext2_dirent *)f->b->data;

	memset(f->b->data, 0, f->b->size);
	de->rec_len = (u16)f->b->size;
	f->entries = (struct dx_entry *)(f->b->data + DX_NODE_ENTRIES);
	count_of(f)->limit = (u16)((f->b->size - DX_NODE_ENTRIES) / sizeof(struct dx_entry));
}

/* The root is full, and the only level: what it has goes to a block below it. */
static int
grow(struct handle *h, struct vnode *dir, struct probe *p)
{
	struct frame *root = &p->frames[0], *node = &p->frames[1];
	struct dx_root_info *info = (struct dx_root_info *)(root->b->data + DX_ROOT_INFO);
	u32 limit, count = count_of(root)->count;
	u64 fblock;
	int err = ext2_access(h, root->b);

	if (err == 0)
		err = ext2_dir_append(h, dir, &fblock, &node->b);
	if (err != 0)
		return err;
	init_node(node);
	limit = count_of(node)->limit;
	memcpy(node->entries, root->entries, count * sizeof(root->entries[0]));
	*count_of(node) = (struct dx_countlimit){ (u16)limit, (u16)count };
	node->at = root->at;
	root->at = 0;
	count_of(root)->count = 1;
	root->entries[0].block = (u32)fblock;
	info->levels = 1;
	p->depth = 2;
	ext2_dirty(h, node->b);
	ext2_dirty(h, root->b);
	return 0;
}

/* The second level's block is full: half of it goes to a new one beside it. */
static int
split_node(struct handle *h, struct vnode *dir, struct probe *p)
{
	struct frame *root = &p->frames[0], *node = &p->frames[1], right = { 0 };
	u32 count = count_of(node)->count, half = count / 2, hash = node->entries[half].hash;
	u64 fblock;
	int err;

	if (count_of(root)->count >= count_of(root)->limit) {
		ext2_warn(dir->sb, 4, "index of directory #%llu is full", (unsigned long long)dir->ino);
		return -ENOSPC;
	}
	err = ext2_access(h, root->b);
	if (err == 0)
		err = ext2_access(h, node->b);
	if (err == 0)
		err = ext2_dir_append(h, dir, &fblock, &right.b);
	if (err != 0)
		return err;
	init_node(&right);
	memcpy(&right.entries[0].block, &node->entries[half].block, sizeof(u32));
	memcpy(&right.entries[1], &node->entries[half + 1], (count - half - 1) * sizeof(right.entries[0]));
	count_of(&right)->count = (u16)(count - half);
	count_of(node)->count = (u16)half;
	insert_entry(root, hash, fblock);
	ext2_dirty(h, root->b);
	ext2_dirty(h, node->b);
	ext2_dirty(h, right.b);
	if (node->at >= half) {
		right.at = node->at - half;
		root->at++;
		buf_put(node->b);
		*node = right;
	} else {
		buf_put(right.b);
	}
	return 0;
}

/* Room for one more entry in the last level. */
static int
make_room(struct handle *h, struct vnode *dir, struct probe *p)
{
	const struct frame *last = &p->frames[p->depth - 1];

	if (count_of(last)->count < count_of(last)->limit)
		return 0;
	return p->depth == 1 ? grow(h, dir, p) : split_node(h, dir, p);
}

/* The leaf is full: split it, enter the new one, and add to the half where the name belongs. */
static int
split_and_add(struct handle *h, struct vnode *dir, struct probe *p, struct buf *leaf, const char *name, u32 len, u64 ino, u8 type)
{
	struct ext2_hash hash = p->hash;
	struct frame *last;
	struct split s;
	struct buf *right;
	u64 fblock;
	u32 key;
	int err = split_begin(&s, leaf->size), n = 0;

	if (err == 0)
		n = map_leaf(dir, leaf, 0, &hash, s.map);
	if (err == 0 && n < 2)
		err = n < 0 ? n : -EIO;
	if (err == 0)
		err = make_room(h, dir, p);
	last = &p->frames[p->depth - 1];
	if (err == 0)
		err = ext2_access(h, leaf);
	if (err == 0)
		err = ext2_access(h, last->b);
	if (err == 0)
		err = ext2_dir_append(h, dir, &fblock, &right);
	if (err != 0)
		goto out_end;
	memcpy(s.copy, leaf->data, leaf->size);
	split_leaf(h, dir, &s, leaf, s.copy, right, &hash, n, &key);
	insert_entry(last, key, fblock);
	ext2_dirty(h, last->b);
	err = ext2_add_to_block(h, dir, p->hash.major >= (key & ~1u) && p->hash.major + 1 > key ? right : leaf, name, len, ino, type);
	buf_put(right);
out_end:
	split_end(&s);
	return err;
}

int
ext2_htree_add(struct handle *h, struct vnode *dir, const char *name, u32 len, u64 ino, u8 type)
{
	struct buf *leaf;
	struct probe p;
	u64 fblock;
	int err = probe(dir, name, len, 0, &p);

	if (err != 0)
		return err;
	err = read_leaf(dir, &p, &fblock, &leaf);
	if (err == 0) {
		err = ext2_add_to_block(h, dir, leaf, name, len, ino, type);
		if (err == -ENOSPC)
			err = split_and_add(h, dir, &p, leaf, name, len, ino, type);
		buf_put(leaf);
	}
	probe_end(&p);
	return err;
}

/* --- the first index of a directory --- */

/* Block 0 is root, the entries that were in it are in two leaves. */
static void
write_root(struct ext2_fs *fs, struct buf *b, u64 left, u64 right, u32 key)
{
	struct ext2_dirent *dotdot = (struct ext2_dirent *)(b->data + ext2_rec_len(1));
	struct dx_root_info *info = (struct dx_root_info *)(b->data + DX_ROOT_INFO);
	struct frame root = { .b = b, .entries = (struct dx_entry *)(b->data + DX_ROOT_INFO + sizeof(*info)) };

	((struct ext2_dirent *)b->data)->rec_len = (u16)ext2_rec_len(1);
	dotdot->rec_len = (u16)(b->size - ext2_rec_len(1));
	memset(info, 0, b->size - DX_ROOT_INFO);
	info->hash_version = fs->hash_version;
	info->info_length = sizeof(*info);
	*count_of(&root) = (struct dx_countlimit){ (u16)((b->size - DX_ROOT_INFO - sizeof(*info)) / sizeof(struct dx_entry)), 2 };
	root.entries[0].block = (u32)left;
	root.entries[1] = (struct dx_entry){ key, (u32)right };
}

/* Where the entries behind "." and ".." begin; 0: these aren't where an index needs them. */
static u32
behind_dots(struct vnode *dir, const struct buf *b)
{
	const struct ext2_dirent *dot = (const struct ext2_dirent *)b->data, *dotdot;

	if (!ext2_dirent_ok(dir, b, 0) || dot->name_len != 1 || dot->name[0] != '.' || dot->rec_len != ext2_rec_len(1))
		return 0;
	dotdot = (const struct ext2_dirent *)(b->data + dot->rec_len);
	if (!ext2_dirent_ok(dir, b, dot->rec_len) || dotdot->name_len != 2 || memcmp(dotdot->name, "..", 2) != 0)
		return 0;
	return dot->rec_len + dotdot->rec_len;
}

int
ext2_htree_make(struct handle *h, struct vnode *dir, struct buf *b, const char *name, u32 len, u64 ino, u8 type)
{
	struct ext2_fs *fs = ext2_fs(dir->sb);
	struct ext2_hash hash = { .version = fs->hash_version + (fs->hash_unsigned ? DX_HASH_LEGACY_UNSIGNED : 0), .seed = fs->hash_seed };
	struct buf *left = NULL, *right = NULL;
	u32 from = behind_dots(dir, b), key;
	u64 lblock, rblock;
	struct split s;
	int err = split_begin(&s, b->size), n = 0;

	if (err == 0 && (from == 0 || from >= b->size))
		err = -EIO;
	if (err == 0)
		n = map_leaf(dir, b, from, &hash, s.map);
	if (err == 0 && n < 2)
		err = n < 0 ? n : -EIO;
	if (err == 0)
		err = ext2_access(h, b);
	if (err == 0)
		err = ext2_dir_append(h, dir, &lblock, &left);
	if (err == 0)
		err = ext2_dir_append(h, dir, &rblock, &right);
	if (err != 0)
		goto out_end;
	memcpy(s.copy, b->data, b->size);
	split_leaf(h, dir, &s, left, s.copy, right, &hash, n, &key);
	write_root(fs, b, lblock, rblock, key);
	ext2_dirty(h, b);
	spin_lock(&dir->lock);
	ext2_i(dir)->flags |= EXT2_INDEX_FL;
	spin_unlock(&dir->lock);
	err = ext2_dirhash(name, len, &hash);
	if (err == 0)
		err = ext2_add_to_block(h, dir, hash.major + 1 > key ? right : left, name, len, ino, type);
out_end:
	buf_put(left);
	buf_put(right);
	split_end(&s);
	return err;
}
