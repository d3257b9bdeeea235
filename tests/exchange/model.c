/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree as it should be: names, inodes, data. */
#include "exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define GIB	((uint64_t)1 << 30)

/* A sparse file's end stays below what the block map reaches: 16 GiB, 256 GiB, 4 TiB (of which i_blocks counts 2 TiB). */
static const struct kind kinds[] = {
	{ "ext2-1k", "ext2", "", false, 1024, 14 * GIB },
	{ "ext2-4k", "ext2", "", false, 4096, 1500 * GIB },
	{ "ext3-1k", "ext3", "", false, 1024, 14 * GIB },
	{ "ext3-2k", "ext3", "", false, 2048, 200 * GIB },
	{ "ext3-4k", "ext3", "", false, 4096, 1500 * GIB },
	{ "fat16", "vfat", "utf8=1,tz=UTC,umask=022", true, 0, 0 },
	{ "fat32", "vfat", "utf8=1,tz=UTC,umask=022", true, 0, 0 },
};

const struct kind *kind;
struct inode *root;
struct entry **entries;
uint32_t entry_count;
static uint32_t next_id = 1;

const struct kind *
kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

/* --- chance --- */

static uint64_t rnd_state;

/* A hash of 64 bits (splitmix64's output function). */
uint64_t
mix(uint64_t v)
{
	v += 0x9e3779b97f4a7c15ULL;
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9ULL;
	v = (v ^ v >> 27) * 0x94d049bb133111ebULL;
	return v ^ v >> 31;
}

void
rnd_seed(uint64_t v)
{
	rnd_state = v;
}

uint64_t
rnd(uint64_t n)
{
	return mix(rnd_state++) % n;
}

bool
chance(unsigned in)
{
	return rnd(in) == 0;
}

/* --- names and inodes --- */

/* Room for one more element behind `count`; rooms are powers of two. */
void *
grow(void *array, uint32_t count, size_t size)
{
	if (count < 4 ? count == 0 : (count & (count - 1)) == 0) {
		array = realloc(array, size * (count < 4 ? 4 : (size_t)count * 2));
		if (array == NULL)
			abort();
	}
	return array;
}

struct inode *
inode_new(mode_t mode)
{
	struct inode *ino = calloc(1, sizeof(*ino));

	ino->id = next_id++;
	ino->mode = mode;
	ino->touched = true;
	return ino;
}

static void
child_add(struct inode *dir, struct entry *e)
{
	dir->children = grow(dir->children, dir->child_count, sizeof(*dir->children));
	dir->children[dir->child_count++] = e;
	dir->touched = true;
	e->dir = dir;
	if (S_ISDIR(e->inode->mode))
		e->inode->parent = dir;
}

static void
child_remove(struct entry *e)
{
	struct inode *dir = e->dir;
	uint32_t i = 0;

	while (dir->children[i] != e)
		i++;
	dir->children[i] = dir->children[--dir->child_count];
	dir->touched = true;
}

struct entry *
entry_new(struct inode *dir, const char *name, size_t len, struct inode *ino)
{
	struct entry *e = calloc(1, sizeof(*e));

	e->inode = ino;
	e->name = strndup(name, len);
	e->len = len;
	ino->nlink++;
	child_add(dir, e);
	entries = grow(entries, entry_count, sizeof(*entries));
	entries[entry_count++] = e;
	return e;
}

/* The inode stays: who looks may have its number. */
void
entry_remove(struct entry *e)
{
	uint32_t i = 0;

	while (entries[i] != e)
		i++;
	entries[i] = entries[--entry_count];
	child_remove(e);
	e->inode->nlink--;
	free(e->name);
	free(e);
}

void
entry_move(struct entry *e, struct inode *dir, const char *name, size_t len)
{
	char *copy = strndup(name, len);

	child_remove(e);
	free(e->name);
	e->name = copy;
	e->len = len;
	child_add(dir, e);
}

static int
lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c;
}

/* FAT: whatever the case of ASCII letters. */
static bool
same_name(const struct entry *e, const char *name, size_t len)
{
	if (e->len != len)
		return false;
	if (!kind->fat)
		return memcmp(e->name, name, len) == 0;
	for (size_t i = 0; i < len; i++)
		if (lower((unsigned char)e->name[i]) != lower((unsigned char)name[i]))
			return false;
	return true;
}

struct entry *
entry_find(const struct inode *dir, const char *name, size_t len)
{
	for (uint32_t i = 0; i < dir->child_count; i++)
		if (same_name(dir->children[i], name, len))
			return dir->children[i];
	return NULL;
}

bool
inode_below(const struct inode *dir, const struct inode *top)
{
	for (; dir != NULL; dir = dir->parent)
		if (dir == top)
			return true;
	return false;
}

/* --- blocks --- */

static void
runs_add(struct inode *ino, uint64_t first, uint64_t end)
{
	uint32_t i = 0, j;

	while (i < ino->run_count && ino->runs[i].end < first)
		i++;
	for (j = i; j < ino->run_count && ino->runs[j].first <= end; j++) {
		first = ino->runs[j].first < first ? ino->runs[j].first : first;
		end = ino->runs[j].end > end ? ino->runs[j].end : end;
	}
	if (j == i) {
		ino->runs = realloc(ino->runs, (ino->run_count + 1) * sizeof(*ino->runs));
		memmove(&ino->runs[i + 1], &ino->runs[i], (ino->run_count - i) * sizeof(*ino->runs));
		ino->run_count++;
	} else {
		memmove(&ino->runs[i + 1], &ino->runs[j], (ino->run_count - j) * sizeof(*ino->runs));
		ino->run_count -= j - i - 1;
	}
	ino->runs[i] = (struct run){ first, end };
}

static void
runs_cut(struct inode *ino, uint64_t first, uint64_t end)
{
	struct run *old = ino->runs;
	uint32_t n = ino->run_count;

	ino->runs = NULL;
	ino->run_count = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (old[i].first < first)
			runs_add(ino, old[i].first, old[i].end < first ? old[i].end : first);
		if (old[i].end > end)
			runs_add(ino, old[i].first > end ? old[i].first : end, old[i].end);
	}
	free(old);
}

/* --- data --- */

static void
seg_add(struct inode *ino, uint64_t off, uint64_t len, uint32_t ver)
{
	ino->segs = grow(ino->segs, ino->seg_count, sizeof(*ino->segs));
	ino->segs[ino->seg_count++] = (struct seg){ off, len, ver };
}

void
data_write(struct inode *ino, uint64_t off, uint64_t len, uint32_t ver)
{
	seg_add(ino, off, len, ver);
	if (off + len > ino->size)
		ino->size = off + len;
	if (!kind->fat)
		runs_add(ino, off / kind->block, (off + len + kind->block - 1) / kind->block);
	ino->touched = true;
}

void
data_truncate(struct inode *ino, uint64_t size)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ino->seg_count; i++) {
		struct seg s = ino->segs[i];

		if (s.off >= size)
			continue;
		if (s.len > size - s.off)
			s.len = size - s.off;
		ino->segs[n++] = s;
	}
	if (n == 0) {
		free(ino->segs);	/* so that grow() begins anew */
		ino->segs = NULL;
	} else {
		struct seg *copy = NULL;

		for (uint32_t i = 0; i < n; i++) {
			copy = grow(copy, i, sizeof(*copy));
			copy[i] = ino->segs[i];
		}
		free(ino->segs);
		ino->segs = copy;
	}
	ino->seg_count = n;
	if (!kind->fat && size < ino->size)
		runs_cut(ino, (size + kind->block - 1) / kind->block, UINT64_MAX);
	ino->size = size;
	ino->touched = true;
}

/* Whole blocks go, the rest is zeros. */
void
data_punch(struct inode *ino, uint64_t off, uint64_t len)
{
	uint64_t first = (off + kind->block - 1) / kind->block, end = (off + len) / kind->block;

	seg_add(ino, off, len, 0);
	if (first < end)
		runs_cut(ino, first, end);
	ino->touched = true;
}

/* What version `ver` of the file's bytes is. */
void
data_pattern(const struct inode *ino, uint32_t ver, unsigned char *buf, uint64_t off, size_t len)
{
	uint64_t base = mix((uint64_t)ino->id << 32 | ver), word;

	while (len > 0) {
		size_t skip = off % 8, n = 8 - skip < len ? 8 - skip : len;

		word = mix(base + off / 8);
		memcpy(buf, (unsigned char *)&word + skip, n);
		buf += n;
		off += n;
		len -= n;
	}
}

/* The bytes that the file should have there. */
void
data_fill(const struct inode *ino, unsigned char *buf, uint64_t off, size_t len)
{
	memset(buf, 0, len);
	for (uint32_t i = 0; i < ino->seg_count; i++) {
		const struct seg *s = &ino->segs[i];
		uint64_t from = s->off > off ? s->off : off, to = s->off + s->len < off + len ? s->off + s->len : off + len;

		if (from >= to)
			continue;
		if (s->ver == 0)
			memset(buf + (from - off), 0, to - from);
		else
			data_pattern(ino, s->ver, buf + (from - off), from, to - from);
	}
}
