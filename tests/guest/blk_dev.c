/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block special files: reading, writing, seeking, mapping, O_DIRECT, O_EXCL, the BLK* ioctls, partitions, what /sys and /proc tell. On a loop device
 * over a file in /tmp, and on /dev/vda where that only reads.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/loop.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define SIZE	(4 << 20)
#define FILE_PATH	"/tmp/blk_dev.img"

static char dev[32];		/* the loop device */
static const char *name;	/* its last part */

static void
setup(void)
{
	int file = ck_ok(open(FILE_PATH, O_RDWR | O_CREAT | O_TRUNC, 0600));
	int ctl = ck_ok(open("/dev/loop-control", O_RDWR));
	int fd;

	ck_ok(ftruncate(file, SIZE));
	snprintf(dev, sizeof(dev), "/dev/loop%ld", ck_ok(ioctl(ctl, LOOP_CTL_GET_FREE)));
	name = dev + 5;
	fd = ck_ok(open(dev, O_RDWR));
	ck_ok(ioctl(fd, LOOP_SET_FD, file));
	close(fd);
	close(ctl);
	close(file);
}

static void
teardown(void)
{
	int fd = open(dev, O_RDWR);

	ioctl(fd, LOOP_CLR_FD, 0);
	close(fd);
	unlink(FILE_PATH);
}

static void
read_text(const char *path, char *buf, size_t size)
{
	int fd = ck_ok(open(path, O_RDONLY));
	ssize_t n = ck_ok(read(fd, buf, size - 1));

	buf[n] = '\0';
	close(fd);
}

static void
expect_attr(const char *file, const char *want)
{
	char path[128], text[128];

	snprintf(path, sizeof(path), "/sys/block/%s/%s", name, file);
	read_text(path, text, sizeof(text));
	ck_assert_str_eq(text, want);
}

START_TEST(data_written_is_read_back_and_reaches_the_file)
{
	char a[5000], b[5000];
	int fd = ck_ok(open(dev, O_RDWR)), file;

	for (size_t i = 0; i < sizeof(a); i++)
		a[i] = (char)(i * 7);
	ck_assert_int_eq(pwrite(fd, a, sizeof(a), 3001), sizeof(a));
	ck_assert_int_eq(pread(fd, b, sizeof(b), 3001), sizeof(b));
	ck_assert(memcmp(a, b, sizeof(a)) == 0);
	ck_ok(fsync(fd));
	file = ck_ok(open(FILE_PATH, O_RDONLY));
	ck_assert_int_eq(pread(file, b, sizeof(b), 3001), sizeof(b));
	ck_assert(memcmp(a, b, sizeof(a)) == 0);
	close(file);
	close(fd);
}
END_TEST

START_TEST(the_end_of_the_device)
{
	char buf[1000] = "";
	int fd = ck_ok(open(dev, O_RDWR));

	ck_assert_int_eq(pread(fd, buf, sizeof(buf), SIZE), 0);
	ck_assert_int_eq(pread(fd, buf, sizeof(buf), SIZE - 10), 10);
	ck_assert_int_eq(pread(fd, buf, sizeof(buf), SIZE + 4096), 0);
	ck_assert_int_eq(pwrite(fd, buf, sizeof(buf), SIZE - 10), 10);
	ck_fails(pwrite(fd, buf, sizeof(buf), SIZE), ENOSPC);
	ck_assert_int_eq(pwrite(fd, buf, 0, SIZE), 0);
	ck_fails(ftruncate(fd, 0), EINVAL);
	close(fd);
}
END_TEST

START_TEST(seeking)
{
	int fd = ck_ok(open(dev, O_RDONLY));

	ck_assert_int_eq(lseek(fd, 0, SEEK_END), SIZE);
	ck_assert_int_eq(lseek(fd, -512, SEEK_END), SIZE - 512);
	ck_assert_int_eq(lseek(fd, 12, SEEK_CUR), SIZE - 500);
	ck_fails(lseek(fd, 1, SEEK_END), EINVAL);
	ck_fails(lseek(fd, -1, SEEK_SET), EINVAL);
	ck_fails(lseek(fd, 0, SEEK_DATA), EINVAL);
	ck_fails(lseek(fd, 0, SEEK_HOLE), EINVAL);
	close(fd);
}
END_TEST

START_TEST(stat_tells_number_and_kind)
{
	struct stat st;

	ck_ok(stat(dev, &st));
	ck_assert(S_ISBLK(st.st_mode));
	ck_assert_int_eq(major(st.st_rdev), 7);
	ck_assert_int_eq(st.st_size, 0);
	ck_ok(stat("/dev/vda", &st));
	ck_assert_int_eq(major(st.st_rdev), 254);
	ck_assert_int_eq(minor(st.st_rdev), 0);
}
END_TEST

START_TEST(a_node_without_a_device)
{
	ck_ok(mknod("/tmp/blk_none", S_IFBLK | 0600, makedev(200, 7)));
	ck_fails(open("/tmp/blk_none", O_RDONLY), ENXIO);
	ck_ok(unlink("/tmp/blk_none"));
}
END_TEST

START_TEST(a_node_of_ones_own_is_the_same_device)
{
	struct stat st;
	char c = 0;
	int fd, own;

	ck_ok(stat(dev, &st));
	ck_ok(mknod("/dev/blk_own", S_IFBLK | 0600, st.st_rdev));
	fd = ck_ok(open(dev, O_RDWR));
	own = ck_ok(open("/dev/blk_own", O_RDWR));
	ck_assert_int_eq(pwrite(fd, "x", 1, 77), 1);
	ck_assert_int_eq(pread(own, &c, 1, 77), 1);
	ck_assert_int_eq(c, 'x');
	close(own);
	close(fd);
	ck_ok(unlink("/dev/blk_own"));
}
END_TEST

START_TEST(a_mapping_shows_the_same_memory)
{
	int fd = ck_ok(open(dev, O_RDWR));
	char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 8192), c;

	ck_assert_ptr_ne(p, MAP_FAILED);
	ck_assert_int_eq(pwrite(fd, "abc", 3, 8192 + 5000), 3);
	ck_assert(memcmp(p + 5000, "abc", 3) == 0);
	p[100] = 'Z';
	ck_assert_int_eq(pread(fd, &c, 1, 8192 + 100), 1);
	ck_assert_int_eq(c, 'Z');
	ck_ok(msync(p, 65536, MS_SYNC));
	ck_ok(munmap(p, 65536));
	close(fd);
	fd = ck_ok(open(FILE_PATH, O_RDONLY));
	ck_assert_int_eq(pread(fd, &c, 1, 8192 + 100), 1);
	ck_assert_int_eq(c, 'Z');
	close(fd);
}
END_TEST

START_TEST(direct_and_cached_see_each_other)
{
	int cached = ck_ok(open(dev, O_RDWR)), direct = ck_ok(open(dev, O_RDWR | O_DIRECT));
	char *p, buf[4096];

	ck_assert_int_eq(posix_memalign((void **)&p, 4096, 8192), 0);
	memset(buf, 'c', sizeof(buf));
	ck_assert_int_eq(pwrite(cached, buf, sizeof(buf), 4096), sizeof(buf));
	ck_assert_int_eq(pread(direct, p, 8192, 0), 8192);
	ck_assert_int_eq(p[4096], 'c');
	memset(p, 'd', 8192);
	ck_assert_int_eq(pwrite(direct, p, 8192, 2048), 8192);
	ck_assert_int_eq(pread(cached, buf, 4096, 4096), 4096);
	ck_assert_int_eq(buf[0], 'd');
	ck_assert_int_eq(buf[4095], 'd');
	free(p);
	close(direct);
	close(cached);
}
END_TEST

START_TEST(direct_transfers_are_aligned)
{
	int fd = ck_ok(open(dev, O_RDWR | O_DIRECT));
	char *p;

	ck_assert_int_eq(posix_memalign((void **)&p, 4096, 8192), 0);
	ck_fails(pread(fd, p, 512, 100), EINVAL);
	ck_fails(pread(fd, p, 100, 512), EINVAL);
	ck_fails(pwrite(fd, p + 1, 512, 0), EINVAL);
	ck_assert_int_eq(pread(fd, p, 512, 512), 512);
	ck_assert_int_eq(pread(fd, p, 4096, SIZE - 512), 512);
	ck_assert_int_eq(pread(fd, p, 4096, SIZE), 0);
	free(p);
	close(fd);
}
END_TEST

START_TEST(an_exclusive_open_is_alone)
{
	int a = ck_ok(open(dev, O_RDONLY | O_EXCL)), plain;

	ck_fails(open(dev, O_RDONLY | O_EXCL), EBUSY);
	plain = ck_ok(open(dev, O_RDWR));
	ck_assert_int_eq(fcntl(a, F_GETFL) & O_EXCL, 0);
	close(a);
	a = ck_ok(open(dev, O_RDWR | O_EXCL));
	close(a);
	close(plain);
}
END_TEST

START_TEST(sizes)
{
	int fd = ck_ok(open(dev, O_RDONLY)), i = 0;
	unsigned long l = 0;
	uint64_t u = 0;

	ck_ok(ioctl(fd, BLKGETSIZE, &l));
	ck_assert_uint_eq(l, SIZE / 512);
	ck_ok(ioctl(fd, BLKGETSIZE64, &u));
	ck_assert_uint_eq(u, SIZE);
	ck_ok(ioctl(fd, BLKSSZGET, &i));
	ck_assert_int_eq(i, 512);
	ck_ok(ioctl(fd, BLKPBSZGET, &i));
	ck_assert_int_eq(i, 512);
	ck_ok(ioctl(fd, BLKBSZGET, &i));
	ck_assert_int_eq(i, 4096);
	ck_fails(ioctl(fd, BLKGETSIZE64, 0), EFAULT);
	ck_fails(ioctl(fd, 0x12ff, 0), EINVAL);	/* loop's own answer */
	close(fd);
}
END_TEST

START_TEST(the_block_size_can_be_changed)
{
	int fd = ck_ok(open(dev, O_RDWR)), i = 1024;

	ck_ok(ioctl(fd, BLKBSZSET, &i));
	i = 0;
	ck_ok(ioctl(fd, BLKBSZGET, &i));
	ck_assert_int_eq(i, 1024);
	i = 8192;
	ck_fails(ioctl(fd, BLKBSZSET, &i), EINVAL);
	i = 1000;
	ck_fails(ioctl(fd, BLKBSZSET, &i), EINVAL);
	i = 256;
	ck_fails(ioctl(fd, BLKBSZSET, &i), EINVAL);
	close(fd);
}
END_TEST

START_TEST(the_limits)
{
	int fd = ck_ok(open(dev, O_RDONLY)), i = -1;
	unsigned short s = 0;
	unsigned int u = 0;

	ck_ok(ioctl(fd, BLKIOMIN, &u));
	ck_assert_uint_eq(u, 512);
	ck_ok(ioctl(fd, BLKIOOPT, &u));
	ck_assert_uint_eq(u, 0);
	ck_ok(ioctl(fd, BLKALIGNOFF, &i));
	ck_assert_int_eq(i, 0);
	ck_ok(ioctl(fd, BLKDISCARDZEROES, &u));
	ck_assert_uint_eq(u, 0);
	ck_ok(ioctl(fd, BLKSECTGET, &s));
	ck_assert_uint_gt(s, 0);
	close(fd);
}
END_TEST

START_TEST(read_ahead_is_in_sectors)
{
	int fd = ck_ok(open(dev, O_RDONLY));
	long l = 0;

	ck_ok(ioctl(fd, BLKRASET, 512));
	ck_ok(ioctl(fd, BLKRAGET, &l));
	ck_assert_int_eq(l, 512);
	expect_attr("queue/read_ahead_kb", "256\n");
	ck_ok(ioctl(fd, BLKRASET, 256));
	ck_fails(ioctl(fd, BLKRAGET, 0), EINVAL);
	close(fd);
}
END_TEST

START_TEST(read_only_by_ioctl)
{
	int fd = ck_ok(open(dev, O_RDWR)), i = 1;

	ck_ok(ioctl(fd, BLKROSET, &i));
	i = 0;
	ck_ok(ioctl(fd, BLKROGET, &i));
	ck_assert_int_eq(i, 1);
	ck_fails(pwrite(fd, "x", 1, 0), EPERM);
	expect_attr("ro", "1\n");
	i = 0;
	ck_ok(ioctl(fd, BLKROSET, &i));
	ck_assert_int_eq(pwrite(fd, "x", 1, 0), 1);
	close(fd);
}
END_TEST

START_TEST(zeroing_and_discarding_ranges)
{
	int fd = ck_ok(open(dev, O_RDWR)), ro = ck_ok(open(dev, O_RDONLY));
	uint64_t range[2] = { 4096, 8192 };
	char buf[16384], zero[8192] = "";

	memset(buf, 'q', sizeof(buf));
	ck_assert_int_eq(pwrite(fd, buf, sizeof(buf), 0), sizeof(buf));
	ck_ok(ioctl(fd, BLKZEROOUT, range));
	ck_assert_int_eq(pread(fd, buf, sizeof(buf), 0), sizeof(buf));
	ck_assert(memcmp(buf + 4096, zero, 8192) == 0);
	ck_assert(buf[4095] == 'q' && buf[12288] == 'q');
	range[0] = 12288;
	range[1] = 512;
	ck_ok(ioctl(fd, BLKDISCARD, range));	/* tmpfs: a hole */
	ck_assert_int_eq(pread(fd, buf, 1024, 12288), 1024);
	ck_assert(buf[0] == 0 && buf[512] == 'q');
	range[0] = 100;
	ck_fails(ioctl(fd, BLKZEROOUT, range), EINVAL);
	range[0] = SIZE;
	ck_fails(ioctl(fd, BLKZEROOUT, range), EINVAL);
	ck_fails(ioctl(ro, BLKZEROOUT, range), EBADF);
	ck_fails(ioctl(ro, BLKDISCARD, range), EBADF);
	ck_fails(ioctl(fd, BLKDISCARD, 0), EFAULT);
	close(ro);
	close(fd);
}
END_TEST

START_TEST(fallocate_zeroes)
{
	int fd = ck_ok(open(dev, O_RDWR));
	char buf[8192];

	memset(buf, 'f', sizeof(buf));
	ck_assert_int_eq(pwrite(fd, buf, sizeof(buf), 0), sizeof(buf));
	ck_ok(fallocate(fd, FALLOC_FL_ZERO_RANGE, 512, 512));
	ck_ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 1024));
	ck_assert_int_eq(pread(fd, buf, sizeof(buf), 0), sizeof(buf));
	ck_assert(buf[511] == 'f' && buf[512] == 0 && buf[1023] == 0 && buf[1024] == 'f');
	ck_assert(buf[4096] == 0 && buf[5119] == 0 && buf[5120] == 'f');
	ck_fails(fallocate(fd, 0, 0, 4096), EOPNOTSUPP);
	ck_fails(fallocate(fd, FALLOC_FL_ZERO_RANGE, 100, 512), EINVAL);
	ck_fails(fallocate(fd, FALLOC_FL_ZERO_RANGE, SIZE, 512), EINVAL);
	close(fd);
}
END_TEST

START_TEST(flushing_needs_no_arguments)
{
	int fd = ck_ok(open(dev, O_RDWR));

	ck_assert_int_eq(pwrite(fd, "abc", 3, 10000), 3);
	ck_ok(ioctl(fd, BLKFLSBUF, 0));
	ck_ok(fsync(fd));
	ck_ok(fdatasync(fd));
	close(fd);
}
END_TEST

START_TEST(no_table_is_read_on_a_loop_without_partscan)
{
	int fd = ck_ok(open(dev, O_RDWR));

	ck_fails(ioctl(fd, BLKRRPART, 0), EINVAL);
	close(fd);
}
END_TEST

START_TEST(partitions_by_ioctl)
{
	int fd = ck_ok(open(dev, O_RDWR)), pfd;
	struct blkpg_partition p = { .start = 1 << 20, .length = 1 << 20, .pno = 3 };
	struct blkpg_ioctl_arg a = { .op = BLKPG_ADD_PARTITION, .datalen = sizeof(p), .data = &p };
	struct loop_info64 info;
	struct hd_geometry g;
	char part[40], c = 0;
	uint64_t size = 0;

	ck_ok(ioctl(fd, LOOP_GET_STATUS64, &info));
	info.lo_flags |= LO_FLAGS_PARTSCAN;
	ck_ok(ioctl(fd, LOOP_SET_STATUS64, &info));
	ck_ok(ioctl(fd, BLKPG, &a));
	ck_fails(ioctl(fd, BLKPG, &a), EBUSY);
	p.pno = 4;
	p.start += 4096;
	ck_fails(ioctl(fd, BLKPG, &a), EBUSY);		/* overlaps */
	p.length = 0;
	ck_fails(ioctl(fd, BLKPG, &a), EINVAL);
	p.pno = 0;
	ck_fails(ioctl(fd, BLKPG, &a), EINVAL);
	snprintf(part, sizeof(part), "%sp3", dev);
	pfd = ck_ok(open(part, O_RDWR));
	ck_ok(ioctl(pfd, BLKGETSIZE64, &size));
	ck_assert_uint_eq(size, 1 << 20);
	ck_assert_int_eq(pwrite(pfd, "P", 1, 5), 1);
	ck_ok(fsync(pfd));
	ck_ok(ioctl(fd, BLKFLSBUF, 0));
	ck_assert_int_eq(pread(fd, &c, 1, (1 << 20) + 5), 1);
	ck_assert_int_eq(c, 'P');
	ck_fails(ioctl(pfd, HDIO_GETGEO, &g), ENOTTY);
	a.op = BLKPG_DEL_PARTITION;
	p.pno = 3;
	ck_fails(ioctl(fd, BLKPG, &a), EBUSY);
	ck_fails(ioctl(fd, BLKRRPART, 0), EBUSY);
	a.op = BLKPG_RESIZE_PARTITION;
	p.start = 1 << 20;
	p.length = 1 << 19;
	ck_ok(ioctl(fd, BLKPG, &a));
	ck_ok(ioctl(pfd, BLKGETSIZE64, &size));
	ck_assert_uint_eq(size, 1 << 19);
	close(pfd);
	a.op = BLKPG_DEL_PARTITION;
	ck_ok(ioctl(fd, BLKPG, &a));
	ck_fails(ioctl(fd, BLKPG, &a), ENXIO);
	ck_fails(open(part, O_RDONLY), ENOENT);
	close(fd);
}
END_TEST

START_TEST(a_table_on_the_device_is_read)
{
	unsigned char mbr[512] = { 0 };
	int fd = ck_ok(open(dev, O_RDWR));
	struct loop_info64 info;
	char path[64], text[64];

	memcpy(mbr + 440, "\x78\x56\x34\x12", 4);
	memcpy(mbr + 446, "\0\0\0\0\x83\0\0\0\x00\x04\0\0\x00\x08\0\0", 16);
	mbr[510] = 0x55;
	mbr[511] = 0xaa;
	ck_assert_int_eq(pwrite(fd, mbr, sizeof(mbr), 0), sizeof(mbr));
	ck_ok(fsync(fd));
	ck_ok(ioctl(fd, LOOP_GET_STATUS64, &info));
	info.lo_flags |= LO_FLAGS_PARTSCAN;
	ck_ok(ioctl(fd, LOOP_SET_STATUS64, &info));
	ck_ok(ioctl(fd, BLKRRPART, 0));
	snprintf(path, sizeof(path), "%sp1/start", name);
	expect_attr(path, "1024\n");
	snprintf(path, sizeof(path), "%sp1/size", name);
	expect_attr(path, "2048\n");
	snprintf(path, sizeof(path), "%sp1/partition", name);
	expect_attr(path, "1\n");
	snprintf(path, sizeof(path), "/sys/class/block/%sp1/ro", name);
	read_text(path, text, sizeof(text));
	ck_assert_str_eq(text, "0\n");
	memset(mbr, 0, sizeof(mbr));
	ck_assert_int_eq(pwrite(fd, mbr, sizeof(mbr), 0), sizeof(mbr));
	ck_ok(ioctl(fd, BLKRRPART, 0));
	snprintf(path, sizeof(path), "%sp1", dev);
	ck_fails(open(path, O_RDONLY), ENOENT);
	close(fd);
}
END_TEST

START_TEST(what_sys_tells)
{
	char text[64];

	expect_attr("size", "8192\n");
	expect_attr("ro", "0\n");
	expect_attr("removable", "0\n");
	expect_attr("queue/logical_block_size", "512\n");
	expect_attr("queue/physical_block_size", "512\n");
	expect_attr("queue/minimum_io_size", "512\n");
	expect_attr("queue/optimal_io_size", "0\n");
	expect_attr("queue/write_cache", "write back\n");
	expect_attr("queue/zoned", "none\n");
	expect_attr("alignment_offset", "0\n");
	expect_attr("range", "1\n");
	snprintf(text, sizeof(text), "7:%s\n", name + 4);
	expect_attr("dev", text);
}
END_TEST

START_TEST(what_proc_tells)
{
	FILE *f = fopen("/proc/partitions", "r");
	char line[128], want[64], found[64];
	unsigned ma, mi;
	unsigned long blocks;
	int hits = 0;

	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
	ck_assert_str_eq(line, "major minor  #blocks  name\n");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%u %u %lu %63s", &ma, &mi, &blocks, found) == 4 && !strcmp(found, name)) {
			ck_assert_uint_eq(ma, 7);
			ck_assert_uint_eq(blocks, SIZE / 1024);
			hits++;
		}
	fclose(f);
	ck_assert_int_eq(hits, 1);
	f = fopen("/proc/diskstats", "r");
	ck_assert_ptr_nonnull(f);
	snprintf(want, sizeof(want), " %s ", name);
	for (hits = 0; fgets(line, sizeof(line), f); )
		hits += strstr(line, want) != NULL;
	fclose(f);
	ck_assert_int_eq(hits, 1);
}
END_TEST

START_TEST(statistics_count)
{
	unsigned long reads[2], sectors[2];
	char path[64], text[256], buf[65536];
	int fd = ck_ok(open(dev, O_RDONLY));

	snprintf(path, sizeof(path), "/sys/block/%s/stat", name);
	for (int i = 0; i < 2; i++) {
		read_text(path, text, sizeof(text));
		ck_assert_int_eq(sscanf(text, "%lu %*u %lu", &reads[i], &sectors[i]), 2);
		if (i == 0) {
			ck_ok(ioctl(fd, BLKFLSBUF, 0));
			ck_assert_int_eq(pread(fd, buf, sizeof(buf), 2 << 20), sizeof(buf));
		}
	}
	ck_assert_uint_gt(reads[1], reads[0]);
	ck_assert_uint_ge(sectors[1] - sectors[0], sizeof(buf) / 512);
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("blk_dev");
	TCase *t = tcase_create("device");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, data_written_is_read_back_and_reaches_the_file);
	tcase_add_test(t, the_end_of_the_device);
	tcase_add_test(t, seeking);
	tcase_add_test(t, stat_tells_number_and_kind);
	tcase_add_test(t, a_node_without_a_device);
	tcase_add_test(t, a_node_of_ones_own_is_the_same_device);
	tcase_add_test(t, a_mapping_shows_the_same_memory);
	tcase_add_test(t, direct_and_cached_see_each_other);
	tcase_add_test(t, direct_transfers_are_aligned);
	tcase_add_test(t, an_exclusive_open_is_alone);
	tcase_add_test(t, sizes);
	tcase_add_test(t, the_block_size_can_be_changed);
	tcase_add_test(t, the_limits);
	tcase_add_test(t, read_ahead_is_in_sectors);
	tcase_add_test(t, read_only_by_ioctl);
	tcase_add_test(t, zeroing_and_discarding_ranges);
	tcase_add_test(t, fallocate_zeroes);
	tcase_add_test(t, flushing_needs_no_arguments);
	tcase_add_test(t, no_table_is_read_on_a_loop_without_partscan);
	tcase_add_test(t, partitions_by_ioctl);
	tcase_add_test(t, a_table_on_the_device_is_read);
	tcase_add_test(t, what_sys_tells);
	tcase_add_test(t, what_proc_tells);
	tcase_add_test(t, statistics_count);
	suite_add_tcase(s, t);
	return guest_run(s);
}
