/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * newc cpio: what a good archive gives; then every prefix of it, and thousands of mutations, which must end and stay
 * inside an exactly sized heap buffer (ASan).
 * sources: sys/lib/cpio.c
 */
#include "tests/unit/test.h"

#include "sys/abi/errno.h"
#include "sys/lib/cpio.h"

static char area[8192];
static size_t len;

static void
pad(void)
{
	while (len % 4)
		area[len++] = 0;
}

static void
add(char magic, const char *name, u32 mode, u32 ino, u32 nlink, const char *data, size_t size)
{
	u32 sum = 0;

	for (size_t i = 0; magic == '2' && i < size; i++)
		sum += (u8)data[i];
	len += sprintf(area + len, "07070%c%08x%08x%08x%08x%08x%08x%08zx%08x%08X%08x%08x%08zx%08x", magic, ino, mode,
		       1000, 100, nlink, 0x65432100, size, 8, 0xAB, 4, 64, strlen(name) + 1, sum);
	memcpy(area + len, name, strlen(name) + 1);
	len += strlen(name) + 1;
	pad();
	memcpy(area + len, data, size);
	len += size;
	pad();
}

static void
build(void)
{
	len = 0;
	add('1', ".", 040755, 1, 2, "", 0);
	add('1', "bin/sh", 0100755, 2, 2, "", 0);
	add('1', "bin/ash", 0100755, 2, 2, "#!elf", 5);
	add('1', "dev/ttyS0", 020600, 3, 1, "", 0);
	add('1', "link", 0120777, 4, 1, "bin/sh", 6);
	add('1', "TRAILER!!!", 0, 0, 1, "", 0);
	len += 512 - len % 512;
	memset(area + len - 100, 0, 100);
	add('2', "summed", 0100644, 2, 1, "0123456789", 10);
	add('2', "TRAILER!!!", 0, 0, 1, "", 0);
}

static struct cpio_entry
expect(struct cpio_iter *it, const char *name)
{
	struct cpio_entry e;

	ck_assert_int_eq(cpio_next(it, &e), 1);
	ck_assert_str_eq(e.name, name);
	ck_assert_uint_eq(e.name_len, strlen(name));
	return e;
}

TEST(two_archives)
{
	struct cpio_iter it;
	struct cpio_entry e;

	build();
	cpio_init(&it, area, len);
	e = expect(&it, ".");
	ck_assert_uint_eq(e.mode, 040755);
	e = expect(&it, "bin/sh");
	ck_assert(e.size == 0 && e.nlink == 2 && e.ino == 2);
	e = expect(&it, "bin/ash");
	ck_assert(e.size == 5 && !memcmp(e.data, "#!elf", 5));
	ck_assert(e.uid == 1000 && e.gid == 100 && e.mtime == 0x65432100 && e.ino == 2);
	ck_assert(e.dev_major == 8 && e.dev_minor == 0xab);
	e = expect(&it, "dev/ttyS0");
	ck_assert(e.rdev_major == 4 && e.rdev_minor == 64);
	e = expect(&it, "link");
	ck_assert(e.size == 6 && !memcmp(e.data, "bin/sh", 6));
	ck_assert_uint_eq(e.archive, 0);
	e = expect(&it, "summed");
	ck_assert(e.size == 10 && e.archive == 1);
	ck_assert_int_eq(cpio_next(&it, &e), 0);
	ck_assert_int_eq(cpio_next(&it, &e), 0);
	ck_assert(it.trailer);
	ck_assert_uint_eq(it.pos, len);
}

TEST(something_else_behind_the_trailer)
{
	struct cpio_iter it;
	struct cpio_entry e;
	size_t at;

	build();
	at = len += 32;
	memcpy(area + len, "\x1f\x8b\x08", 4);
	len += 4;
	cpio_init(&it, area, len);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(cpio_next(&it, &e), 1);
	ck_assert_int_eq(cpio_next(&it, &e), 0);
	ck_assert_uint_eq(it.pos, at);
}

/* Walks to the end; returns the last result. Reads all that the entries point at. */
static int
walk(const void *p, size_t n)
{
	struct cpio_iter it;
	struct cpio_entry e;
	unsigned sum = 0, count = 0;
	int r;

	cpio_init(&it, p, n);
	while ((r = cpio_next(&it, &e)) == 1) {
		ck_assert_uint_lt(++count, 100);
		ck_assert_uint_gt(e.name_len, 0);
		sum += strlen(e.name);
		for (size_t i = 0; i < e.size; i++)
			sum += e.data[i];
	}
	ck_assert(r == 0 || r == -EINVAL || r == -EIO);
	return r == 0 && !it.trailer && n ? 2 : r;
}

TEST(empty_and_zero_buffers)
{
	ck_assert_int_eq(walk("", 0), 0);
	ck_assert_int_eq(walk("\0\0\0\0", 4), 2);
	ck_assert_int_eq(walk("\x1f\x8b", 2), -EINVAL);
	ck_assert_int_eq(walk("0707", 4), -EIO);
	ck_assert_int_eq(walk("070707", 6), -EINVAL);
}

TEST(every_prefix)
{
	build();
	for (size_t n = 0; n <= len; n++) {
		char *copy = malloc(n);
		int r;

		memcpy(copy, area, n);
		r = walk(copy, n);
		if (n == len || n == 0)
			ck_assert_int_eq(r, 0);
		free(copy);
	}
}

TEST(mutations)
{
	build();
	for (int r = 0; r < 30000; r++) {
		size_t n = unit_rand_below(4) ? len : unit_rand_below(len);
		char *copy = malloc(n);

		memcpy(copy, area, n);
		for (int k = unit_rand_below(4); k >= 0 && n; k--) {
			size_t at = unit_rand_below(n);

			copy[at] = unit_rand_below(2) ? "0f7F"[unit_rand_below(4)] : (char)unit_rand();
		}
		walk(copy, n);
		free(copy);
	}
}

static int
one_entry(const char *name, size_t namesize, u32 size)
{
	char *copy;
	int r;

	len = 0;
	add('1', name, 0100644, 1, 1, "abcd", 4);
	sprintf(area + 6 + 11 * 8, "%08zx", namesize);
	area[6 + 12 * 8] = '0';
	sprintf(area + 6 + 6 * 8, "%08x", size);
	area[6 + 7 * 8] = '0';
	copy = malloc(len);
	memcpy(copy, area, len);
	r = walk(copy, len);
	free(copy);
	return r;
}

TEST(hostile_sizes)
{
	ck_assert_int_eq(one_entry("abc", 4, 4), 2);
	ck_assert_int_eq(one_entry("abc", 0, 4), -EINVAL);
	ck_assert_int_eq(one_entry("abc", 1, 4), -EINVAL);
	ck_assert_int_eq(one_entry("abc", 3, 4), -EINVAL);
	ck_assert_int_eq(one_entry("", 4, 0), -EINVAL);
	ck_assert_int_eq(one_entry("abc", 0xffffffff, 4), -EIO);
	ck_assert_int_eq(one_entry("abc", 4, 0xffffffff), -EIO);
	ck_assert_int_eq(one_entry("abc", 4, 5), -EIO);
}

TEST(wrong_checksum)
{
	len = 0;
	add('2', "f", 0100644, 1, 1, "abcd", 4);
	ck_assert_int_eq(walk(area, len), 2);
	area[len - 1] ^= 1;
	ck_assert_int_eq(walk(area, len), -EINVAL);
}
