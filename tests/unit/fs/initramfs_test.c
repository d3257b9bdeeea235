/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The initramfs: good archives, plain and in gzip; cut, damaged and hostile ones.
 * sources: tests/unit/fs/host.c fs/anon.c fs/attr.c fs/dentry.c fs/dentry_tree.c fs/fdtable.c fs/file.c fs/flock.c fs/fsctx.c
 * sources: fs/generic.c fs/libfs.c fs/mount.c fs/mount_ops.c fs/mount_propagation.c fs/namei.c fs/open.c fs/pathname.c fs/pathops.c fs/perm.c
 * sources: fs/reclock.c fs/special.c fs/super.c fs/vfs.c fs/vfsops.c fs/vnode.c fs/walk.c fs/tmpfs/node.c fs/tmpfs/super.c
 * sources: fs/inotify.c fs/notify.c fs/writeback.c fs/xattr.c fs/xattr_mem.c sys/lib/rbtree.c
 * sources: fs/initramfs.c build/src/zlib/inflate.c build/src/zlib/inftrees.c build/src/zlib/inffast.c build/src/zlib/zutil.c
 * sources: build/src/zlib/adler32.c build/src/zlib/crc32.c
 */
#include "tests/unit/test.h"

#include "fs/internal.h"
#include "sys/lib/crc32.h"
#include "tests/unit/fs/host.h"
#include "tests/unit/shim/shim.h"

static u8 ar[64 * 1024], gz[80 * 1024];
static size_t ar_len, gz_len;

void
unit_setup(void)
{
	host_boot();
	ar_len = gz_len = 0;
}

void
unit_teardown(void)
{
	host_shutdown();
}

static void
pad(void)
{
	while (ar_len & 3)
		ar[ar_len++] = 0;
}

static void
add(const char *name, u32 mode, u32 ino, u32 nlink, const void *data, size_t size)
{
	ar_len += (size_t)sprintf((char *)ar + ar_len, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", ino, mode, 5, 6, nlink,
				  1000000, (u32)size, 0, 1, 4, 64, (u32)strlen(name) + 1, 0);
	memcpy(ar + ar_len, name, strlen(name) + 1);
	ar_len += strlen(name) + 1;
	pad();
	memcpy(ar + ar_len, data, size);
	ar_len += size;
	pad();
}

static void
trailer(void)
{
	add("TRAILER!!!", 0, 0, 1, "", 0);
}

static void
standard(void)
{
	add(".", S_IFDIR | 0755, 1, 2, "", 0);
	add("bin", S_IFDIR | 0711, 2, 2, "", 0);
	add("bin/a", S_IFREG | 04755, 3, 1, "contents of a", 13);
	add("bin/l", S_IFLNK | 0777, 4, 1, "a", 1);
	add("h1", S_IFREG | 0644, 5, 2, "", 0);
	add("h2", S_IFREG | 0644, 5, 2, "linked", 6);
	add("tty", S_IFCHR | 0600, 6, 1, "", 0);
	trailer();
}

/* One gzip member of stored blocks of at most `block` bytes (RFC 1951, RFC 1952). */
static void
store_gzip(size_t block)
{
	static const u8 head[10] = { 0x1f, 0x8b, 8 };
	u32 crc = ~crc32_le(~0u, ar, ar_len), size = (u32)ar_len;

	memcpy(gz + gz_len, head, 10);
	gz_len += 10;
	for (size_t at = 0; at < ar_len;) {
		u16 n = (u16)MIN(block, ar_len - at), inv = (u16)~n;

		gz[gz_len++] = at + n == ar_len;
		memcpy(gz + gz_len, &n, 2);
		memcpy(gz + gz_len + 2, &inv, 2);
		memcpy(gz + gz_len + 4, ar + at, n);
		gz_len += 4 + (size_t)n;
		at += n;
	}
	memcpy(gz + gz_len, &crc, 4);
	memcpy(gz + gz_len + 4, &size, 4);
	gz_len += 8;
}

static void
check_standard(void)
{
	struct path p;
	char *s = host_read("/bin/l");

	ck_assert_str_eq(s, "contents of a");
	free(s);
	s = host_read("/h1");
	ck_assert_str_eq(s, "linked");
	free(s);
	ck_assert_int_eq(kern_path("/h2", 0, &p), 0);
	ck_assert_uint_eq(p.dentry->vn->nlink, 2);
	path_put(&p);
	ck_assert_int_eq(kern_path("/bin/a", 0, &p), 0);
	ck_assert_uint_eq(p.dentry->vn->mode, S_IFREG | 04755);
	ck_assert_uint_eq(p.dentry->vn->uid.val, 5);
	ck_assert_uint_eq(p.dentry->vn->gid.val, 6);
	ck_assert_int_eq(p.dentry->vn->mtime, 1000000 * NSEC_PER_SEC);
	path_put(&p);
	ck_assert_int_eq(kern_path("/bin", 0, &p), 0);
	ck_assert_uint_eq(p.dentry->vn->mode, S_IFDIR | 0711);
	ck_assert_int_eq(p.dentry->vn->mtime, 1000000 * NSEC_PER_SEC);
	path_put(&p);
	ck_assert_int_eq(kern_path("/tty", 0, &p), 0);
	ck_assert_uint_eq(p.dentry->vn->rdev, makedev_k(4, 64));
	path_put(&p);
}

TEST(a_plain_archive)
{
	standard();
	ck_assert_int_eq(initramfs_unpack(ar, ar_len, "test"), 0);
	check_standard();
	ck_assert_int_eq(initramfs_unpack(ar, ar_len, "again"), 0);	/* over itself */
	check_standard();
}

TEST(a_compressed_archive)
{
	standard();
	store_gzip(100);
	ck_assert_int_eq(initramfs_unpack(gz, gz_len, "test"), 0);
	check_standard();
}

TEST(archives_behind_each_other)
{
	size_t first;
	char *s;

	add("one", S_IFREG | 0644, 5, 2, "1", 1);
	trailer();
	first = ar_len;
	memset(ar + ar_len, 0, 512);
	ar_len += 512;
	add("two", S_IFREG | 0644, 5, 2, "2", 1);		/* the same number, but another archive: no link */
	trailer();
	(void)first;
	memcpy(gz, ar, ar_len);
	gz_len = ar_len;
	ar_len = 0;
	standard();
	store_gzip(1000);
	gz[gz_len++] = 0;
	ar_len = 0;
	add("three", S_IFREG | 0644, 9, 1, "3", 1);
	trailer();
	store_gzip(50);
	ck_assert_int_eq(initramfs_unpack(gz, gz_len, "test"), 0);
	check_standard();
	s = host_read("/one");
	ck_assert_str_eq(s, "1");
	free(s);
	s = host_read("/two");
	ck_assert_str_eq(s, "2");
	free(s);
	s = host_read("/three");
	ck_assert_str_eq(s, "3");
	free(s);
}

TEST(cut_at_every_byte)
{
	standard();
	for (size_t n = 1; n < ar_len; n++) {
		u8 *copy = malloc(n);		/* so that one byte too far is seen */
		int err;

		memcpy(copy, ar, n);
		err = initramfs_unpack(copy, n, "cut");
		ck_assert(err == 0 || err == -EINVAL);
		ck_assert_uint_eq(unit_locks_held(), 0);
		free(copy);
	}
	store_gzip(64);
	for (size_t n = 2; n < gz_len; n += 3) {
		u8 *copy = malloc(n);

		memcpy(copy, gz, n);
		ck_assert_int_eq(initramfs_unpack(copy, n, "cut"), -EINVAL);
		free(copy);
	}
}

TEST(damaged_anywhere)
{
	standard();
	store_gzip(64);
	for (int n = 0; n < 3000; n++) {
		bool plain = unit_rand_below(2);
		size_t len = plain ? ar_len : gz_len;
		u8 *copy = malloc(len);

		memcpy(copy, plain ? ar : gz, len);
		for (u64 k = 0; k <= unit_rand_below(3); k++)
			copy[unit_rand_below(len)] = plain && unit_rand_below(2) ? (u8)"0123456789ABCDEF/.\0"[unit_rand_below(19)] : (u8)unit_rand();
		(void)!initramfs_unpack(copy, len, "damaged");
		ck_assert_uint_eq(unit_locks_held(), 0);
		free(copy);
	}
}

TEST(hostile_names_stay_inside)
{
	struct path p;
	char longname[300];

	memset(longname, 'x', 299);
	longname[299] = '\0';
	add("../../escape", S_IFREG | 0644, 1, 1, "x", 1);
	add("/abs", S_IFREG | 0644, 1, 1, "x", 1);
	add("none/f", S_IFREG | 0644, 1, 1, "x", 1);
	add(longname, S_IFREG | 0644, 1, 1, "x", 1);
	add("..", S_IFREG | 0644, 1, 1, "x", 1);
	add("/", S_IFLNK | 0777, 1, 1, "x", 1);
	add("empty", S_IFLNK | 0777, 1, 1, "", 0);
	add("odd", 0170000 | 0644, 1, 1, "x", 1);
	add("last", S_IFREG | 0644, 1, 1, "x", 1);
	trailer();
	ck_assert_int_eq(initramfs_unpack(ar, ar_len, "hostile"), 0);
	ck_assert_int_eq(kern_path("/escape", 0, &p), 0);	/* ".." of the root is the root */
	path_put(&p);
	ck_assert_int_eq(kern_path("/last", 0, &p), 0);		/* one bad entry does not spoil the rest */
	path_put(&p);
}

TEST(other_compressions_are_named)
{
	ck_assert_int_eq(initramfs_unpack("\xfd""7zXZ\0\0\0", 8, "xz"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(unit_log_last, "entries"));
	ck_assert_int_eq(initramfs_unpack("hello world, this is not an archive", 35, "junk"), -EINVAL);
	ck_assert_int_eq(initramfs_unpack("", 0, "empty"), 0);
}

TEST(no_memory_is_an_error)
{
	standard();
	store_gzip(100);
	for (unsigned n = 1; n < 80; n++) {
		unit_kmem_fail_in(n);
		(void)!initramfs_unpack(gz, gz_len, "memory");
		unit_kmem_fail_in(0);
		ck_assert_uint_eq(unit_locks_held(), 0);
	}
}
