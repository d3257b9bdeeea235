/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtio devices as programs see them: the bus in sysfs, the disk vda (run.py gives it: every 8 bytes hold their offset), hwrng, the
 * console hvc0 and a named port.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "guest.h"

#define DISK		"/dev/vda"
#define DISK_SIZE	(16L << 20)
#define THREADS		8
#define REGION		(256L << 10)
#define REGIONS		(8L << 20)	/* threads write from here on */
#define SPARE		(4L << 20)	/* the other tests that write, 1 MiB each */

static void
read_text(const char *path, char *text, size_t size)
{
	int fd = ck_ok(open(path, O_RDONLY));
	long n = ck_ok(read(fd, text, size - 1));

	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	close(fd);
}

/* The first device of a kind on the bus: its directory, without a slash. */
static void
find_device(unsigned kind, char *path, size_t size)
{
	DIR *dir = opendir("/sys/bus/virtio/devices");
	struct dirent *e;
	char text[64], file[300];

	ck_assert_ptr_nonnull(dir);
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "/sys/bus/virtio/devices/%s/device", e->d_name);
		read_text(file, text, sizeof(text));
		if (strtoul(text, NULL, 16) == kind) {
			snprintf(path, size, "/sys/bus/virtio/devices/%s", e->d_name);
			closedir(dir);
			return;
		}
	}
	ck_abort_msg("no virtio device of kind %u", kind);
}

static const char *
attribute(unsigned kind, const char *name)
{
	static char text[512];
	char dir[280], path[600];

	find_device(kind, dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	read_text(path, text, sizeof(text));
	return text;
}

START_TEST(the_bus_is_in_sysfs)
{
	char dir[280], path[600], link[256];
	long n;

	ck_assert_str_eq(attribute(2, "vendor"), "0x1af4");
	ck_assert_str_eq(attribute(2, "status"), "0x0000000f");
	ck_assert_str_eq(attribute(2, "modalias"), "virtio:d00000002v00001AF4");
	ck_assert_str_eq(attribute(2, "uevent"), "DRIVER=virtio_blk");
	find_device(2, dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/driver", dir);
	n = ck_ok(readlink(path, link, sizeof(link) - 1));
	link[n] = '\0';
	ck_assert_str_eq(strrchr(link, '/') + 1, "virtio_blk");
	snprintf(path, sizeof(path), "/sys/bus/virtio/drivers/virtio_blk/%s/driver", strrchr(dir, '/') + 1);
	ck_ok(access(path, F_OK));
	ck_assert_str_eq(attribute(4, "uevent"), "DRIVER=virtio_rng");
	ck_assert_str_eq(attribute(3, "uevent"), "DRIVER=virtio_console");
	ck_assert_uint_eq(strlen(attribute(2, "features")), 64);
	ck_assert_int_eq(attribute(2, "features")[9], '1');	/* FLUSH */
	ck_assert_int_eq(attribute(2, "features")[12], '1');	/* MQ */
	ck_assert_int_eq(attribute(2, "features")[32], '1');	/* VERSION_1 */
}
END_TEST

START_TEST(the_disk_has_its_numbers_and_attributes)
{
	struct stat st;
	uint64_t bytes;
	unsigned long sectors;
	char text[64];
	int fd, size;

	ck_ok(stat(DISK, &st));
	ck_assert(S_ISBLK(st.st_mode));
	ck_assert_uint_eq(major(st.st_rdev), 254);
	ck_assert_uint_eq(minor(st.st_rdev), 0);
	fd = ck_ok(open(DISK, O_RDONLY));
	ck_ok(ioctl(fd, BLKGETSIZE64, &bytes));
	ck_assert_uint_eq(bytes, DISK_SIZE);
	ck_ok(ioctl(fd, BLKGETSIZE, &sectors));
	ck_assert_uint_eq(sectors, DISK_SIZE / 512);
	ck_ok(ioctl(fd, BLKSSZGET, &size));
	ck_assert_int_eq(size, 512);
	close(fd);
	read_text("/sys/block/vda/serial", text, sizeof(text));
	ck_assert_str_eq(text, "scratch-disk");
	read_text("/sys/block/vda/cache_type", text, sizeof(text));
	ck_assert_str_eq(text, "write back");
	read_text("/sys/block/vda/size", text, sizeof(text));
	ck_assert_str_eq(text, "32768");
}
END_TEST

START_TEST(the_write_cache_can_be_switched)
{
	int fd = ck_ok(open("/sys/block/vda/cache_type", O_WRONLY)), disk = ck_ok(open(DISK, O_RDWR));
	char text[64];

	ck_assert_int_eq(write(fd, "write through\n", 14), 14);
	read_text("/sys/block/vda/cache_type", text, sizeof(text));
	ck_assert_str_eq(text, "write through");
	read_text("/sys/block/vda/queue/write_cache", text, sizeof(text));
	ck_assert_str_eq(text, "write through");
	ck_ok(fsync(disk));
	ck_ok(lseek(fd, 0, SEEK_SET));
	ck_fails(write(fd, "none", 4), EINVAL);
	ck_assert_int_eq(write(fd, "write back", 10), 10);
	read_text("/sys/block/vda/queue/write_cache", text, sizeof(text));
	ck_assert_str_eq(text, "write back");
	ck_ok(fsync(disk));
	close(fd);
	close(disk);
}
END_TEST

static void
check_offsets(const uint64_t *words, size_t bytes, uint64_t offset)
{
	for (size_t i = 0; i < bytes / 8; i++)
		ck_assert_uint_eq(words[i], offset + 8 * i);
}

START_TEST(all_of_the_disk_reads_right)
{
	static uint64_t buf[64 << 10];
	int fd = ck_ok(open(DISK, O_RDONLY));

	ck_ok(ioctl(fd, BLKFLSBUF, 0));
	for (long at = 0; at < SPARE; at += sizeof(buf)) {
		ck_assert_int_eq(pread(fd, buf, sizeof(buf), at), sizeof(buf));
		check_offsets(buf, sizeof(buf), (uint64_t)at);
	}
	for (long at = 512; at < SPARE; at += 511 * 512) {
		ck_assert_int_eq(pread(fd, buf, 1000, at), 1000);
		check_offsets(buf, 1000, (uint64_t)at);
	}
	ck_assert_int_eq(pread(fd, buf, 8, DISK_SIZE), 0);
	close(fd);
}
END_TEST

START_TEST(what_is_written_is_read_after_the_cache_is_dropped)
{
	static char out[100000], in[100000];
	int fd = ck_ok(open(DISK, O_RDWR));

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7 + i / 256);
	ck_assert_int_eq(pwrite(fd, out, sizeof(out), SPARE + 300), sizeof(out));
	ck_ok(fsync(fd));
	ck_ok(ioctl(fd, BLKFLSBUF, 0));
	ck_assert_int_eq(pread(fd, in, sizeof(in), SPARE + 300), sizeof(in));
	ck_assert_mem_eq(in, out, sizeof(in));
	ck_assert_int_eq(pread(fd, in, 304, SPARE), 304);
	check_offsets((uint64_t *)in, 296, SPARE);
	close(fd);
	ck_fails(pwrite(ck_ok(open(DISK, O_RDWR)), out, 8, DISK_SIZE), ENOSPC);
}
END_TEST

static void *
hammer(void *arg)
{
	long region = REGIONS + (long)arg * REGION;
	int fd = open(DISK, O_RDWR | O_CLOEXEC);
	static __thread uint64_t buf[512], back[512];

	for (int round = 0; fd >= 0 && round < 30; round++) {
		long at = region + (round * 37 % (REGION / 4096)) * 4096;

		for (int i = 0; i < 512; i++)
			buf[i] = (uint64_t)at * 1000003 + (uint64_t)(round * 512 + i);
		if (pwrite(fd, buf, sizeof(buf), at) != sizeof(buf) || (round % 5 == 0 && fdatasync(fd)))
			return "write";
		if (pread(fd, back, sizeof(back), at) != sizeof(back) || memcmp(buf, back, sizeof(buf)))
			return "read";
	}
	close(fd);
	return fd < 0 ? "open" : NULL;
}

START_TEST(threads_at_once)
{
	pthread_t threads[THREADS];

	for (long i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer, (void *)i), 0);
	for (int i = 0; i < THREADS; i++) {
		void *what;

		pthread_join(threads[i], &what);
		ck_assert_msg(what == NULL, "thread %d: %s", i, (char *)what);
	}
}
END_TEST

START_TEST(zeroes_and_discard)
{
	uint64_t range[2] = { SPARE + (1L << 20), 128 << 10 };
	static char in[128 << 10], zeros[128 << 10];
	int fd = ck_ok(open(DISK, O_RDWR));

	ck_ok(ioctl(fd, BLKZEROOUT, range));
	ck_assert_int_eq(pread(fd, in, sizeof(in), (off_t)range[0]), sizeof(in));
	ck_assert_mem_eq(in, zeros, sizeof(in));
	ck_assert_int_eq(pread(fd, in, 8, (off_t)(range[0] + range[1])), 8);
	check_offsets((uint64_t *)in, 8, range[0] + range[1]);
	range[0] += 1L << 20;
	ck_ok(ioctl(fd, BLKDISCARD, range));	/* what is there now is the device's business */
	ck_assert_int_eq(pread(fd, in, 8, (off_t)(range[0] + range[1])), 8);
	check_offsets((uint64_t *)in, 8, range[0] + range[1]);
	range[1] = DISK_SIZE;
	ck_fails(ioctl(fd, BLKDISCARD, range), EINVAL);
	range[0] = 100;
	range[1] = 512;
	ck_fails(ioctl(fd, BLKDISCARD, range), EINVAL);
	close(fd);
}
END_TEST

START_TEST(hwrng_gives_bytes)
{
	unsigned char a[300], b[300];
	struct stat st;
	int fd = ck_ok(open("/dev/hwrng", O_RDONLY));
	size_t got = 0;

	ck_ok(fstat(fd, &st));
	ck_assert_uint_eq(major(st.st_rdev), 10);
	ck_assert_uint_eq(minor(st.st_rdev), 183);
	while (got < sizeof(a))
		got += (size_t)ck_ok(read(fd, a + got, sizeof(a) - got));
	for (got = 0; got < sizeof(b); )
		got += (size_t)ck_ok(read(fd, b + got, sizeof(b) - got));
	ck_assert_mem_ne(a, b, sizeof(a));
	close(fd);
}
END_TEST

START_TEST(hvc0_is_a_terminal)
{
	int fd = ck_ok(open("/dev/hvc0", O_RDWR | O_NOCTTY | O_NONBLOCK));
	static char text[5000];
	struct termios t;
	struct stat st;
	char c;

	ck_ok(fstat(fd, &st));
	ck_assert_uint_eq(major(st.st_rdev), 229);
	ck_assert(isatty(fd));
	ck_ok(tcgetattr(fd, &t));
	ck_fails(read(fd, &c, 1), EAGAIN);
	ck_ok(fcntl(fd, F_SETFL, 0));
	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(write(fd, text, sizeof(text)), sizeof(text));
	ck_ok(tcdrain(fd));
	close(fd);
}
END_TEST

START_TEST(a_port_has_a_name_and_one_user)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	struct dirent *e;
	char path[300], text[64] = "";
	int fd;

	ck_assert_ptr_nonnull(dir);
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", e->d_name);
		if (access(path, F_OK) == 0)	/* consoles have none */
			read_text(path, text, sizeof(text));
		if (strcmp(text, "org.lintel.test") == 0)
			break;
	}
	ck_assert_ptr_nonnull(e);
	snprintf(path, sizeof(path), "/dev/%s", e->d_name);
	fd = ck_ok(open(path, O_RDWR));
	ck_fails(open(path, O_RDWR), EBUSY);
	ck_assert_int_eq(write(fd, "hello", 5), 5);
	close(fd);
	fd = ck_ok(open(path, O_RDWR | O_NONBLOCK));
	close(fd);
	closedir(dir);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("virtio");
	TCase *disk = tcase_create("disk"), *rest = tcase_create("rest");

	tcase_add_test(disk, the_bus_is_in_sysfs);
	tcase_add_test(disk, the_disk_has_its_numbers_and_attributes);
	tcase_add_test(disk, the_write_cache_can_be_switched);
	tcase_add_test(disk, all_of_the_disk_reads_right);
	tcase_add_test(disk, what_is_written_is_read_after_the_cache_is_dropped);
	tcase_add_test(disk, threads_at_once);
	tcase_add_test(disk, zeroes_and_discard);
	tcase_add_test(rest, hwrng_gives_bytes);
	tcase_add_test(rest, hvc0_is_a_terminal);
	tcase_add_test(rest, a_port_has_a_name_and_one_user);
	suite_add_tcase(s, disk);
	suite_add_tcase(s, rest);
	return guest_run(s);
}
