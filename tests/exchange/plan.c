/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done at each stage: 0 builds the tree, later ones change a part of it. The same for every kernel. */
#include "exchange.h"

#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define DEEP		60
#define KIB		((uint64_t)1 << 10)
#define MIB		((uint64_t)1 << 20)
#define SEGS_MOST	24

static char name[NAME_BYTES + 1];

/* --- choosing --- */

static bool
is_plain(const struct entry *e)
{
	return S_ISREG(e->inode->mode) && !e->inode->kept;
}

/* A name of the wanted sort, after some tries; NULL if luck had none. */
static struct entry *
any(bool (*good)(const struct entry *))
{
	for (unsigned i = 0; i < 50 && entry_count > 0; i++) {
		struct entry *e = entries[rnd(entry_count)];

		if (good(e))
			return e;
	}
	return NULL;
}

static bool
is_file(const struct entry *e)
{
	return is_plain(e) && e->inode->seg_count < SEGS_MOST && e->inode->size < BIG_FILE;
}

static bool
is_movable(const struct entry *e)
{
	return !e->inode->kept;
}

static bool
is_no_dir(const struct entry *e)
{
	return !S_ISDIR(e->inode->mode) && !e->inode->kept;
}

static bool
is_dir(const struct entry *e)
{
	return S_ISDIR(e->inode->mode);
}

static bool
is_sparse(const struct entry *e)
{
	return is_plain(e) && e->inode->seg_count < SEGS_MOST && !e->inode->no_map && e->inode->size > 64 * KIB;
}

static struct inode *
any_dir(void)
{
	struct entry *e = any(is_dir);

	return e != NULL ? e->inode : root;
}

/* --- attributes --- */

static void
give_times(struct entry *e)
{
	if (kind->fat) {	/* two seconds, a day; 1980 to 2107 */
		int64_t m = 315532800 + (int64_t)rnd(4354819198 - 315532800), a = 315532800 + (int64_t)rnd(4354732800 - 315532800);

		op_times(e, m & ~1, 0, a - a % 86400, 0);
	} else {		/* from 1901; ext4's 34 bits reach to 2446, Lintel's nanoseconds in 64 bits to 2262 */
		uint64_t m = rnd(11370000000), a = rnd(11370000000);

		op_times(e, (int64_t)m - ((int64_t)1 << 31), (uint32_t)rnd(1000000000), (int64_t)a - ((int64_t)1 << 31), (uint32_t)rnd(1000000000));
	}
}

static void
give_owner(struct entry *e)
{
	static const uid_t ids[] = { 0, 1, 1000, 65534, 65535, 65536, 0x12345678, 0xfffffffe };

	if (kind->fat) {
		if (S_ISREG(e->inode->mode))
			op_owner(e, 0, 0, e->inode->mode & 0200 ? 0555 : 0755);
	} else {
		op_owner(e, ids[rnd(8)], ids[rnd(8)], (mode_t)rnd(010000));
	}
}

static void
give_attr(struct entry *e)
{
	static unsigned char value[2048];
	struct inode *ino = e->inode;
	bool user = S_ISREG(ino->mode) || S_ISDIR(ino->mode);
	const char *space = user && !chance(4) ? "user." : chance(2) ? "trusted." : "security.";
	char attr[NAME_BYTES + 1];
	size_t size = chance(8) ? rnd(kind->block / 3) : rnd(40), len;

	if (ino->attr_count > 0 && chance(3)) {
		op_attr(e, ino->attrs[rnd(ino->attr_count)].name, NULL, (size_t)-1);
		return;
	}
	if (ino->attr_count >= 2)
		return;
	len = (size_t)snprintf(attr, sizeof(attr), "%s%c", space, (char)('a' + rnd(4)));
	for (size_t more = chance(10) ? rnd(100) : rnd(10); more > 0; more--)
		attr[len++] = (char)(1 + rnd(255));
	attr[len] = '\0';
	for (size_t i = 0; i < size; i++)
		value[i] = (unsigned char)rnd(256);
	op_attr(e, attr, value, size);
}

static void
give_flags(struct entry *e)
{
	static const uint32_t flags[] = { 0, FS_NODUMP_FL, FS_NOATIME_FL, FS_SYNC_FL, FS_NODUMP_FL | FS_NOATIME_FL };

	if (S_ISREG(e->inode->mode))
		op_flags(e, flags[rnd(5)]);
}

/* --- making --- */

static uint64_t
some_size(void)
{
	unsigned r = (unsigned)rnd(1000);

	return r < 150 ? 0 : r < 550 ? rnd(1000) : r < 850 ? rnd(12 * KIB) : r < 975 ? rnd(60 * KIB) : r < 997 ? rnd(300 * KIB) : rnd(2 * MIB);
}

static void
make_sparse(struct entry *e, uint64_t span)
{
	unsigned n = 1 + (unsigned)rnd(5);

	for (unsigned i = 0; i < n; i++)
		op_write(e, chance(3) ? rnd(span) & ~(uint64_t)4095 : rnd(span), 1 + rnd(20 * KIB), false);
	if (chance(2))
		op_truncate(e, e->inode->size + rnd(span));
}

static void
make_symlink(struct inode *dir, size_t len)
{
	static const unsigned sizes[] = { 1, 59, 60, 61, 200, 1000, 4000 };
	unsigned n = sizes[rnd(7)];
	char target[4001];

	if (n >= kind->block)
		n = kind->block - 1;
	for (unsigned i = 0; i < n; i++)
		target[i] = (char)(1 + rnd(255));
	target[n] = '\0';
	op_symlink(dir, name, len, target);
}

static void
make_one(struct inode *dir)
{
	static const mode_t types[] = { S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK };
	size_t len = name_make(dir, name);
	unsigned r = (unsigned)rnd(100);
	struct entry *e;
	mode_t type;

	if (kind->fat || r < 78) {
		e = op_file(dir, name, len, kind->fat ? 0755 : 0644);
		op_write(e, 0, some_size(), false);
	} else if (r < 83) {
		make_sparse(op_file(dir, name, len, 0600), chance(10) ? 300 * MIB : 4 * MIB);
	} else if (r < 89) {
		make_symlink(dir, len);
	} else if (r < 92) {
		type = types[rnd(4)];
		op_special(dir, name, len, type | 0640, type == S_IFCHR || type == S_IFBLK ?
			(chance(2) ? makedev(rnd(256), rnd(256)) : makedev(rnd(4096), rnd(1 << 20))) : 0);
	} else {
		e = any(is_no_dir);
		if (e == NULL || e->inode->nlink > 100)
			op_file(dir, name, len, 0644);
		else
			op_link(e, dir, name, len);
	}
}

/* A chain of directories, longer than a path may be. */
static void
make_deep(void)
{
	struct inode *dir = root;

	for (unsigned i = 0; i < DEEP; i++)
		dir = op_dir(dir, name, name_make(dir, name), 0755)->inode;
	make_one(dir);
}

/* Every name of one byte. */
static void
make_one_byte(void)
{
	struct inode *dir = op_dir(root, "one-byte", 8, 0755)->inode;

	for (unsigned c = 1; c < 256; c++) {
		name[0] = (char)c;
		name[1] = '\0';
		if (c != '/' && c != '.')
			op_write(op_file(dir, name, 1, 0644), 0, c, false);
	}
}

/* Beyond 4 GiB, or for FAT all that it can hold. */
static void
make_big(bool all)
{
	struct entry *e;

	if (kind->fat) {
		if (!all || strcmp(kind->name, "fat32") != 0)	/* FAT16's volumes are smaller */
			return;
		e = op_file(root, "nearly-4-GiB", 12, 0755);
		e->inode->kept = true;
		op_truncate(e, UINT32_MAX);
		op_write(e, UINT32_MAX - 100000, 100000, false);
		op_write(e, 3 * ((uint64_t)1 << 30) + 12345, 300 * KIB, false);
		return;
	}
	for (unsigned i = 0; i < 3; i++) {
		e = op_file(root, name, (size_t)snprintf(name, sizeof(name), "beyond-4-GiB-%u", i), 0644);
		op_write(e, ((uint64_t)4 << 30) - 5000 - rnd(100000), 200 * KIB, false);
		op_write(e, ((uint64_t)5 << 30) + rnd(1 << 30), 1 + rnd(100 * KIB), false);
		op_write(e, kind->biggest - 1 - rnd((uint64_t)1 << 30), 1 + rnd(10 * KIB), false);
		op_write(e, rnd(MIB), 1 + rnd(10 * KIB), false);
	}
}

/* --- changing --- */

/* FAT: to a name that differs from the old one in case only, which is the same file: nothing happens. */
static void
change_case(struct entry *e)
{
	memcpy(name, e->name, e->len + 1);
	for (size_t i = 0; i < e->len; i++)
		if ((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z'))
			name[i] ^= 0x20;
	if (memcmp(name, e->name, e->len) != 0)
		op_rename_case(e, name);
}

static void
move_one(void)
{
	struct entry *e = any(is_movable), *over = any(is_no_dir);
	struct inode *dir = any_dir();

	if (e == NULL)
		return;
	if (kind->fat && chance(6))
		change_case(e);
	else if (!S_ISDIR(e->inode->mode) && over != NULL && over->inode != e->inode && chance(4))
		op_replace(e, over);
	else if (!S_ISDIR(e->inode->mode) && over != NULL && over->inode != e->inode && chance(4))
		op_exchange(e, over);
	else if (!inode_below(dir, e->inode))
		op_rename(e, dir, name, name_make(dir, name));
}

static void
remove_one(void)
{
	struct entry *e = any(is_no_dir);

	if (e != NULL)
		op_remove(e);
}

/* With all that is in it. */
static void
remove_dir(void)
{
	struct entry *e = any(is_dir);

	if (e == NULL || e->inode->kept || e->inode->child_count > 40)
		return;
	for (uint32_t i = 0; i < e->inode->child_count; i++)
		if (S_ISDIR(e->inode->children[i]->inode->mode) || e->inode->children[i]->inode->kept)
			return;
	while (e->inode->child_count > 0)
		op_remove(e->inode->children[e->inode->child_count - 1]);
	op_remove(e);
}

static void
change_data(void)
{
	struct entry *e = any(is_file);
	uint64_t size;

	if (e == NULL)
		return;
	size = e->inode->size;
	switch (rnd(5)) {
	case 0:
		op_truncate(e, rnd(size + 1));
		break;
	case 1:
		op_truncate(e, size + rnd(20 * KIB));
		break;
	case 2:
		op_write(e, rnd(size + 1), rnd(10 * KIB), false);
		break;
	case 3:
		op_truncate(e, 0);
		op_write(e, 0, some_size(), false);
		break;
	default:
		op_write(e, 0, 1 + rnd(9 * KIB), true);
		break;
	}
}

static void
punch_one(void)
{
	struct entry *e = kind->fat ? NULL : any(is_sparse);
	uint64_t off, len;

	if (e == NULL)
		return;
	off = rnd(e->inode->size - 16 * KIB);
	len = 1 + rnd(e->inode->size - 8 * KIB - off);
	op_punch(e, off, chance(2) && len > 40 * KIB ? 40 * KIB : len);
}

static void
change_attributes(void)
{
	struct entry *e = any(is_movable);

	if (e == NULL)
		return;
	if (chance(2) || kind->fat)
		give_owner(e);
	if (!kind->fat && !chance(3))
		give_attr(e);
	if (!kind->fat && chance(5))
		give_flags(e);
}

/* n operations of every sort. */
static void
churn(unsigned n)
{
	while (n-- > 0) {
		switch (rnd(9)) {
		case 0:
		case 1:
			move_one();
			break;
		case 2:
			remove_one();
			break;
		case 3:
			make_one(any_dir());
			break;
		case 4:
			punch_one();
			break;
		case 5:
			change_attributes();
			break;
		case 6:
			if (chance(8))
				remove_dir();
			break;
		default:
			change_data();
			break;
		}
	}
}

/* --- stages --- */

static void
build(unsigned files, bool big)
{
	struct entry *flat;
	unsigned i;

	flat = op_dir(root, "flat", 4, 0755);
	flat->inode->kept = true;
	for (i = 0; i < 2 + files / 60; i++) {
		struct inode *dir = any_dir();

		op_dir(dir, name, name_make(dir, name), 0755);
	}
	make_deep();
	if (!kind->fat && files >= 2000)
		make_one_byte();
	make_big(big);
	for (i = 0; i < files / 2; i++)
		make_one(flat->inode);
	while (entry_count < files)
		make_one(any_dir());
	for (i = 0; i < files / 2; i++)
		change_attributes();
	churn(files / 2);
	while (entry_count < files)
		make_one(any_dir());
}

void
plan_stage(uint64_t seed, unsigned stage, unsigned files, bool big)
{
	rnd_seed(mix(seed) ^ mix(stage));
	if (stage == 0) {
		root = inode_new(S_IFDIR | 0755);
		build(files, big);
	} else {
		churn(files);
	}
	root->touched = false;
	for (int dirs = 0; dirs < 2; dirs++)	/* directories last */
		for (uint32_t i = 0; i < entry_count; i++)
			if (entries[i]->inode->touched && S_ISDIR(entries[i]->inode->mode) == dirs)
				give_times(entries[i]);
	dir_forget();
}
