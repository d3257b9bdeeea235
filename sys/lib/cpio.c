/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * newc cpio (cpio(5), "New ASCII Format"): a header of 110 bytes, 6 of magic and 13 numbers of 8 hexadecimal digits;
 * the name with its NUL; zeros to a multiple of 4; the data; zeros to a multiple of 4. "TRAILER!!!" ends an archive.
 */
#include "sys/lib/cpio.h"

#include "sys/abi/errno.h"
#include "sys/lib/string.h"

#define HEADER_SIZE	CPIO_HEADER
#define TRAILER		CPIO_TRAILER

enum {
	F_INO, F_MODE, F_UID, F_GID, F_NLINK, F_MTIME, F_FILESIZE, F_DEVMAJOR, F_DEVMINOR, F_RDEVMAJOR,
	F_RDEVMINOR, F_NAMESIZE, F_CHECK, F_COUNT
};

static bool
is_magic(const u8 *p, size_t left)
{
	return left >= 6 && !memcmp(p, "07070", 5) && (p[5] == '1' || p[5] == '2');
}

static int
read_fields(const u8 *p, u32 fields[F_COUNT])
{
	for (unsigned f = 0; f < F_COUNT; f++) {
		u32 v = 0;

		for (unsigned i = 0; i < 8; i++) {
			int d = digit_value(p[6 + f * 8 + i]);

			if (d < 0 || d > 15)
				return -EINVAL;
			v = v << 4 | d;
		}
		fields[f] = v;
	}
	return 0;
}

int
cpio_parse_header(const u8 *p, struct cpio_entry *e, u32 *name_size)
{
	u32 f[F_COUNT];

	if (!is_magic(p, HEADER_SIZE) || read_fields(p, f))
		return -EINVAL;
	*e = (struct cpio_entry){
		.size = f[F_FILESIZE],
		.ino = f[F_INO], .nlink = f[F_NLINK],
		.mode = f[F_MODE], .uid = f[F_UID], .gid = f[F_GID], .mtime = f[F_MTIME],
		.dev_major = f[F_DEVMAJOR], .dev_minor = f[F_DEVMINOR],
		.rdev_major = f[F_RDEVMAJOR], .rdev_minor = f[F_RDEVMINOR],
		.check = f[F_CHECK], .checked = p[5] == '2',
	};
	*name_size = f[F_NAMESIZE];
	return 0;
}

/* The format's checksum: the sum of all bytes. */
static bool
checksum_ok(const struct cpio_entry *e)
{
	u32 sum = 0;

	for (size_t i = 0; i < e->size; i++)
		sum += e->data[i];
	return sum == e->check;
}

/* Reads the entry at it->pos and stores where the next one begins. */
static int
parse_entry(const struct cpio_iter *it, struct cpio_entry *e, size_t *next)
{
	const u8 *p = it->base + it->pos;
	size_t left = it->size - it->pos, data_at, end;
	u32 name_size;
	int err;

	if (!is_magic(p, left))
		return left < 6 && !memcmp(p, "07070", MIN(left, 5UL)) ? -EIO : -EINVAL;
	if (left < HEADER_SIZE)
		return -EIO;
	err = cpio_parse_header(p, e, &name_size);
	if (err)
		return err;
	/* The sums cannot overflow: 64-bit arithmetic on 32-bit sizes. */
	data_at = ALIGN_UP(HEADER_SIZE + (size_t)name_size, 4UL);
	end = data_at + e->size;
	if (HEADER_SIZE + (size_t)name_size > left || (e->size && end > left))
		return -EIO;
	if (name_size < 2 || p[HEADER_SIZE + name_size - 1] || !p[HEADER_SIZE])
		return -EINVAL;
	e->name = (const char *)p + HEADER_SIZE;
	e->name_len = strlen(e->name);
	e->data = p + MIN(data_at, left);
	e->archive = it->archive;
	if (e->checked && !checksum_ok(e))
		return -EINVAL;
	*next = it->pos + MIN(ALIGN_UP(end, 4UL), left);
	return 0;
}

int
cpio_next(struct cpio_iter *it, struct cpio_entry *e)
{
	for (;;) {
		size_t next;
		int err;

		while (it->pos < it->size && !it->base[it->pos])
			it->pos++;
		if (it->pos == it->size)
			return 0;
		if (it->trailer && !is_magic(it->base + it->pos, it->size - it->pos))
			return 0;
		it->trailer = false;
		err = parse_entry(it, e, &next);
		if (err)
			return err;
		it->pos = next;
		if (strcmp(e->name, TRAILER))
			return 1;
		it->trailer = true;
		it->archive++;
	}
}
