/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot sector: what of it is believed, and what kind of FAT it means (by the number of clusters, as the specification says). */
#include "fs/fat/fat.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/bits.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"

#define FAT12_MAX	0xff4U
#define FAT16_MAX	0xfff4U
#define FAT32_MAX	0x0ffffff6U

static bool
is_power2(u32 v)
{
	return v != 0 && (v & (v - 1)) == 0;
}

/* NULL: all is well. */
static const char *
check_fields(const struct fat_bpb *b)
{
	u32 size = le16_get(b->block_size);

	if (!is_power2(size) || size < 512 || size > 4096)
		return "bogus logical sector size";
	if (!is_power2(b->cluster_blocks))
		return "bogus sectors per cluster value";
	if (le16_get(b->reserved) == 0)
		return "bogus number of reserved sectors";
	if (b->fats == 0)
		return "bogus number of FAT structure";
	if (b->media < 0xf8 && b->media != 0xf0)
		return "invalid media value";
	if (le16_get(b->fat_blocks16) == 0 && le32_get(b->f32.fat_blocks) == 0)
		return "bogus number of FAT sectors";
	if (le16_get(b->root_entries) % (size / sizeof(struct fat_dirent)) != 0)
		return "bogus number of directory entries";
	return NULL;
}

static u64
total_blocks(const struct fat_bpb *b)
{
	u32 small = le16_get(b->blocks16);

	return small != 0 ? small : le32_get(b->blocks32);
}

/* Where everything lies. */
static const char *
lay_out(struct fat_fs *fs, const struct fat_bpb *b)
{
	u32 size = le16_get(b->block_size), small = le16_get(b->fat_blocks16);
	u64 fat_blocks = small != 0 ? small : le32_get(b->f32.fat_blocks), total = total_blocks(b), data, entries;

	fs->block_bits = ilog2(size);
	fs->cluster_blocks = b->cluster_blocks;
	fs->cluster_bits = fs->block_bits + ilog2((u32)b->cluster_blocks);
	fs->fats = b->fats;
	fs->fat_start = le16_get(b->reserved);
	fs->root_entries = le16_get(b->root_entries);
	data = fs->fat_start + fat_blocks * fs->fats;
	if (data > UINT32_MAX)
		return "bogus number of FAT sectors";
	fs->fat_blocks = (u32)fat_blocks;
	fs->root_start = (u32)data;
	data += fs->root_entries * sizeof(struct fat_dirent) / size;
	if (data >= total || (total - data) / fs->cluster_blocks == 0)
		return "no room for data";
	fs->data_start = (u32)data;
	fs->clusters = (u32)((total - data) / fs->cluster_blocks);
	fs->bits = small == 0 ? 32 : fs->clusters > FAT12_MAX ? 16 : 12;
	entries = fat_blocks * size * 8 / fs->bits;
	if (entries <= FAT_FIRST)
		return "bogus number of FAT sectors";
	fs->clusters = (u32)MIN((u64)fs->clusters, entries - FAT_FIRST);
	if (fs->clusters > (fs->bits == 32 ? FAT32_MAX : fs->bits == 16 ? FAT16_MAX : FAT12_MAX))
		return "count of clusters too big";
	return NULL;
}

static const char *
use_fat32(struct fat_fs *fs, const struct fat_bpb *b)
{
	u32 flags = le16_get(b->f32.flags), info = le16_get(b->f32.info);

	if (le16_get(b->f32.version) != 0)
		return "unknown version of FAT32";
	fs->root_cluster = le32_get(b->f32.root);
	if (!fat_cluster_valid(fs, fs->root_cluster))
		return "bogus root cluster";
	if (flags & 0x80) {		/* only one copy is kept */
		fs->mirror = false;
		fs->active = flags & 15;
		if (fs->active >= fs->fats)
			return "bogus active FAT";
	}
	fs->info_block = info != 0 && info != 0xffff && info < fs->fat_start ? info : 0;
	return NULL;
}

bool
fat_dos1x_bpb(struct fat_bpb *b, u64 device_bytes)
{
	static const struct { u16 blocks; u8 cluster_blocks, fat_blocks, media, root_entries; } disks[] = {
		{ 320, 1, 1, 0xfe, 64 }, { 360, 1, 2, 0xfc, 64 }, { 640, 2, 1, 0xff, 112 }, { 720, 2, 2, 0xfd, 112 },
	};
	const u8 *from = (const u8 *)&b->block_size;

	if (b->jump[0] != 0xeb || b->jump[2] != 0x90)
		return false;
	for (u32 i = 0; i < offsetof(struct fat_bpb, t16) - offsetof(struct fat_bpb, block_size); i++)
		if (from[i] != 0)
			return false;
	for (u32 i = 0; i < ARRAY_SIZE(disks); i++) {
		if (device_bytes != (u64)disks[i].blocks << SECTOR_SHIFT)
			continue;
		b->block_size = le16_make(512);
		b->cluster_blocks = disks[i].cluster_blocks;
		b->reserved = le16_make(1);
		b->fats = 2;
		b->root_entries = le16_make(disks[i].root_entries);
		b->blocks16 = le16_make(disks[i].blocks);
		b->media = disks[i].media;
		b->fat_blocks16 = le16_make(disks[i].fat_blocks);
		return true;
	}
	return false;
}

struct fat_bpb_tail *
fat_bpb_tail(const struct fat_fs *fs, struct fat_bpb *b)
{
	return fs->bits == 32 ? &b->f32.tail : &b->t16;
}

int
fat_check_bpb(struct fat_fs *fs, const struct fat_bpb *b, u64 device_bytes, bool quiet)
{
	const char *wrong = check_fields(b);
	const struct fat_bpb_tail *tail;

	fs->mirror = true;
	fs->active = 0;
	if (wrong == NULL)
		wrong = lay_out(fs, b);
	if (wrong == NULL && total_blocks(b) << fs->block_bits > device_bytes)
		wrong = "larger than its device";
	if (wrong == NULL && fs->bits == 32)
		wrong = use_fat32(fs, b);
	else if (wrong == NULL && fs->root_entries == 0)
		wrong = "no root directory";
	if (wrong != NULL) {
		if (!quiet)
			log_err("FAT-fs (%s): %s", fs->sb->id, wrong);
		return -EINVAL;
	}
	tail = fs->bits == 32 ? &b->f32.tail : &b->t16;
	if (tail->signature == 0x28 || tail->signature == 0x29)
		fs->volume_id = (u32)tail->volume_id[0] | (u32)tail->volume_id[1] << 8 | (u32)tail->volume_id[2] << 16 |
			(u32)tail->volume_id[3] << 24;
	return 0;
}

/* --- label and UUID --- */

static void
copy_label(const u8 label[11], char *out)
{
	u32 n = 11;

	while (n > 0 && (label[n - 1] == ' ' || label[n - 1] == '\0'))
		n--;
	memcpy(out, label, n);
	out[n] = '\0';
	if (n > 0 && (u8)out[0] == 0x05)
		out[0] = (char)FAT_DELETED;
}

/* The label among the root's entries: in its first cluster, or the fixed root. */
static void
root_label(const struct fat_fs *fs, struct block_device *bdev, char *out)
{
	u32 size = 1u << fs->block_bits, blocks = fs->bits == 32 ? fs->cluster_blocks : fs->data_start - fs->root_start;
	u64 start = fs->bits == 32 ? fat_cluster_block(fs, fs->root_cluster) : fs->root_start;
	struct fat_dirent *de = kmem_alloc(size, KM_NORMAL);

	for (u32 i = 0; de != NULL && i < blocks; i++) {
		if (block_rw_kernel(bdev, BIO_READ, (start + i) << (fs->block_bits - SECTOR_SHIFT), de, size) != 0)
			break;
		for (u32 k = 0; k < size / sizeof(*de); k++) {
			if (de[k].name[0] == 0)
				goto out_free;
			if (de[k].name[0] == FAT_DELETED || (de[k].attr & FAT_LONG_MASK) == FAT_LONG)
				continue;
			if ((de[k].attr & (FAT_VOLUME | FAT_DIR)) == FAT_VOLUME) {
				copy_label(de[k].name, out);
				goto out_free;
			}
		}
	}
out_free:
	kmem_free(de);
}

int
fat_probe(struct block_device *bdev, struct fs_probe *out)
{
	struct fat_fs *fs = kmem_alloc(sizeof(*fs), KM_ZERO);
	struct fat_bpb *b = kmem_alloc(sizeof(*b), KM_NORMAL);
	int err = -ENOMEM;

	if (fs != NULL && b != NULL)
		err = block_rw_kernel(bdev, BIO_READ, 0, b, sizeof(*b)) == 0 && b->mark[0] == 0x55 && b->mark[1] == 0xaa ?
			fat_check_bpb(fs, b, block_device_bytes(bdev), true) : -EINVAL;
	if (err == 0) {
		const struct fat_bpb_tail *tail = fat_bpb_tail(fs, b);

		out->label[0] = '\0';
		root_label(fs, bdev, out->label);
		if (out->label[0] == '\0' && tail->signature == 0x29 && memcmp(tail->label, "NO NAME    ", 11) != 0)
			copy_label(tail->label, out->label);
		(void)snprintf(out->uuid, sizeof(out->uuid), "%04X-%04X", fs->volume_id >> 16, fs->volume_id & 0xffff);
	}
	kmem_free(b);
	kmem_free(fs);
	return err;
}
