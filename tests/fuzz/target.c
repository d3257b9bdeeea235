/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One input: an image is mounted, walked, read, written to and unmounted. Whatever it says, the answer is an error or a mount; memory is
 * all given back. A panic, a WARN, a sanitizer's report or a hang is a fault of the kernel's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/target.h"

#include "dev/block.h"
#include "sys/abi/errno.h"
#include "sys/abi/fcntl.h"
#include "sys/abi/stat.h"
#include "sys/abi/xattr.h"
#include "sys/lib/cpio.h"
#include "sys/lib/crc32.h"
#include "sys/panic.h"
#include "syscall_protos.h"
#include "tests/fuzz/image.h"
#include "tests/unit/disk/drive.h"
#include "tests/unit/disk/fiber.h"
#include "tests/unit/disk/machine.h"

#define MNT		"/mnt"
#define OBJECTS_MAX	120		/* looked at in one mount */
#define DEPTH_MAX	8
#define READ_MAX	(96 * 1024)

enum { USE_READ_ONLY = 1, USE_OPTION = 2, USE_SYNC = 4, USE_FIX_SUMS = 8 };

/* --- looking --- */

struct walk { u32 left; char some_file[1200], some_dir[1200]; };

static void
read_some(const char *path, off_t size)
{
	static u8 buf[READ_MAX];
	long fd = sys_open(path, O_RDONLY | O_NONBLOCK, 0);
	off_t hole;

	if (fd < 0)
		return;
	(void)!sys_pread64((int)fd, buf, sizeof(buf), 0);
	(void)!sys_pread64((int)fd, buf, 10000, size / 2);
	(void)!sys_pread64((int)fd, buf, 5000, size - 4000 > 0 ? size - 4000 : 0);
	hole = sys_lseek((int)fd, 0, SEEK_HOLE);
	if (hole > 0)
		(void)!sys_lseek((int)fd, hole, SEEK_DATA);
	(void)!sys_close((int)fd);
}

static void
read_attributes(const char *path)
{
	static char names[2048], value[1024];
	long len = sys_llistxattr(path, names, sizeof(names) - 1);

	for (char *p = names; len > 0 && p < names + len; p += strlen(p) + 1)
		(void)!sys_lgetxattr(path, p, value, sizeof(value));
	(void)!sys_lgetxattr(path, "user.none", value, sizeof(value));
}

static void look_into(struct walk *w, const char *path, u32 depth);

static void
look_at(struct walk *w, const char *path, u32 depth)
{
	static char target[5000];
	struct abi_stat st;

	if (w->left == 0 || sys_lstat(path, &st) != 0)
		return;
	w->left--;
	read_attributes(path);
	if (S_ISLNK(st.st_mode)) {
		(void)!sys_readlink(path, target, sizeof(target));
		(void)!sys_stat(path, &st);
	} else if (S_ISREG(st.st_mode)) {
		snprintf(w->some_file, sizeof(w->some_file), "%s", path);
		read_some(path, st.st_size);
	} else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
		snprintf(w->some_dir, sizeof(w->some_dir), "%s", path);
		look_into(w, path, depth + 1);
	}
}

static void
look_into(struct walk *w, const char *path, u32 depth)
{
	char *buf = malloc(1024), *child = malloc(1200);
	long fd = sys_open(path, O_RDONLY | O_DIRECTORY, 0), got = 0;

	for (u32 i = 0; fd >= 0 && i < 40 && w->left > 0 && (got = sys_getdents64((int)fd, buf, 1024)) > 0; i++) {
		for (char *p = buf; p < buf + got; p += *(u16 *)(p + 16)) {
			if (strcmp(p + 19, ".") == 0 || strcmp(p + 19, "..") == 0)
				continue;
			if (snprintf(child, 1200, "%s/%s", path, p + 19) < 1200)
				look_at(w, child, depth);
		}
	}
	if (fd >= 0)
		(void)!sys_close((int)fd);
	free(child);
	free(buf);
}

/* --- changing --- */

static void
write_some(const char *path, off_t at, size_t len, int flags)
{
	static u8 data[70000];
	long fd = sys_open(path, O_RDWR | flags, 0644);

	if (fd < 0)
		return;
	(void)!sys_pwrite64((int)fd, data, len, at);
	(void)!sys_fsync((int)fd);
	(void)!sys_close((int)fd);
}

static void
change(struct walk *w)
{
	char path[1300];

	write_some(MNT "/a new file", 0, 70000, O_CREAT);
	write_some(MNT "/a new file", 300000, 5000, 0);
	(void)!sys_setxattr(MNT "/a new file", "user.one", "a value", 7, 0);
	(void)!sys_mkdir(MNT "/a new directory", 0755);
	(void)!sys_symlink("a new file", MNT "/a symlink");
	(void)!sys_link(MNT "/a new file", MNT "/a new directory/a link");
	if (w->some_file[0] != '\0') {
		write_some(w->some_file, 1000, 9000, 0);
		(void)!sys_setxattr(w->some_file, "user.two", w->some_file, 60, 0);
		(void)!sys_truncate(w->some_file, 700);
		(void)!sys_rename(w->some_file, MNT "/a new directory/moved");
		(void)!sys_unlink(MNT "/a new directory/moved");
	}
	if (w->some_dir[0] != '\0') {
		snprintf(path, sizeof(path), "%s/one more", w->some_dir);
		write_some(path, 0, 3000, O_CREAT);
		for (u32 i = 0; i < 12; i++) {
			snprintf(path, sizeof(path), "%s/a name of some length that fills the block %u", w->some_dir, i);
			(void)!sys_mknod(path, S_IFREG | 0600, 0);
		}
		(void)!sys_rename(w->some_dir, MNT "/renamed directory");
		(void)!sys_rmdir(MNT "/renamed directory");
	}
	(void)!sys_truncate(MNT "/a new file", 100000);
	(void)!sys_unlink(MNT "/a new file");
	(void)!sys_sync();
}

/* --- targets --- */

static void
use(const struct target *t, const char *node, u8 how)
{
	static char options[4096] __attribute__((aligned(4096)));
	struct walk w = { .left = OBJECTS_MAX };
	struct abi_statfs st;
	const char *text = "";

	if (strncmp(t->type, "ext", 3) == 0)	/* the super block may ask for a panic */
		text = how & USE_OPTION ? "errors=continue" : "errors=remount-ro";
	else if (how & USE_OPTION)
		text = strcmp(t->type, "vfat") == 0 ? "utf8" : "norock";
	snprintf(options, sizeof(options), "%s", text);
	if (sys_mount(node, MNT, t->type, (how & USE_READ_ONLY ? 1 : 0) | (how & USE_SYNC ? 16 : 0), options) != 0)
		return;
	(void)!sys_statfs(MNT, &st);
	look_into(&w, MNT, 0);
	if (!(how & USE_READ_ONLY))
		change(&w);
	if (sys_umount2(MNT, 0) != 0)
		panic("it cannot be unmounted");
}

/* Good checksums for a GPT, whatever it says. */
static void
fix_gpt(u8 *image, size_t size, size_t at)
{
	u8 *h = image + at;
	u32 header, n, entry, sum;
	u64 lba;

	if (at + 512 > size || memcmp(h, "EFI PART", 8) != 0)
		return;
	memcpy(&header, h + 12, 4);
	memcpy(&lba, h + 72, 8);
	memcpy(&n, h + 80, 4);
	memcpy(&entry, h + 84, 4);
	if (lba < size / 512 && (u64)n * entry <= size - lba * 512) {
		sum = ~crc32_le(~0u, image + lba * 512, (size_t)n * entry);
		memcpy(h + 88, &sum, 4);
	}
	memset(h + 16, 0, 4);
	if (header <= 512) {
		sum = ~crc32_le(~0u, h, header);
		memcpy(h + 16, &sum, 4);
	}
}

static void
run_image(const struct target *t, const unsigned char *in, size_t in_size)
{
	struct drive *d;
	size_t size;
	u8 *image = image_unpack(in, in_size, &size);

	if (image == NULL)
		return;
	if (t->type == NULL && (in[0] & USE_FIX_SUMS)) {
		fix_gpt(image, size, 512);
		fix_gpt(image, size, 4096);
		fix_gpt(image, size, size - 512);
	}
	if (drive_attach(image, size, in[0] & 16 ? DRIVE_SECTOR_2K : 0, &d) == 0) {
		if (t->type != NULL)
			use(t, d->node, in[0]);
		drive_detach(d);
	}
	machine_check_leaks();
	image_free(image, size);
}

static void
run_cpio(const struct target *t, const unsigned char *in, size_t size)
{
	u8 *copy = malloc(size);		/* of its own size: what is behind is found */
	struct cpio_iter it;
	struct cpio_entry e;
	u64 sum = 0;

	(void)t;
	memcpy(copy, in, size);
	cpio_init(&it, copy, size);
	while (cpio_next(&it, &e) == 1) {
		sum += strlen(e.name) + e.name_len;
		for (size_t i = 0; i < e.size; i++)
			sum += e.data[i];
	}
	KASSERT(it.pos <= size);
	free(copy);
}

const struct target targets[] = {
	{ "ext2", true, run_image, "ext2" },
	{ "ext3", true, run_image, "ext3" },
	{ "fat", true, run_image, "vfat" },
	{ "iso9660", true, run_image, "iso9660" },
	{ "partition", true, run_image, NULL },
	{ "cpio", false, run_cpio, NULL },
	{ NULL, false, NULL, NULL },
};

const struct target *
target_find(const char *name)
{
	const struct target *t;

	for (t = targets; t->name != NULL; t++)
		if (strcmp(t->name, name) == 0)
			return t;
	return NULL;
}

/* What is made at the first use stays: a disk, and a partition of a number so high that it needs a minor of its own. */
static void
warm_up(void)
{
	static u8 image[64 * 1024];
	u32 head[] = { 0x10000, 92, 0, 0 }, table[] = { 20, 128 };
	u64 where[] = { 1, 127, 34, 120 }, first[] = { 2, 0 }, part[] = { 1, 2, 3, 4, 40, 50 };
	struct drive *d;

	image[446 + 4] = 0xee;
	image[446 + 8] = 1;
	image[446 + 12] = 127;
	memcpy(image + 510, "\x55\xaa", 2);
	memcpy(image + 512, "EFI PART", 8);
	memcpy(image + 512 + 8, head, sizeof(head));
	memcpy(image + 512 + 24, where, sizeof(where));
	memcpy(image + 512 + 72, first, sizeof(first));
	memcpy(image + 512 + 80, table, sizeof(table));
	memcpy(image + 1024 + 19 * 128, part, sizeof(part));
	fix_gpt(image, sizeof(image), 512);
	if (drive_attach(image, sizeof(image), 0, &d) != 0)
		abort();
	drive_detach(d);
}

void
target_boot(void)
{
	machine_boot(32 * MIB);
	warm_up();
	machine_mark();
}
