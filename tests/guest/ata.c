/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATA disks and a CD drive as programs see them. run.py gives two disks and a CD, every 8 bytes of which hold their offset: one disk
 * on PCI IDE, one on AHCI (for which Debian's cloud kernel has no driver: there only the first is looked at), the CD on PCI IDE.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>

#include "guest.h"

#define DISK_SIZE	(16L << 20)
#define THREADS		4
#define REGION		(256L << 10)
#define REGIONS		(8L << 20)
#define SPARE		(4L << 20)

static const char *const serials[] = { "piix-scratch", "ahci-scratch" };
static uint64_t block[1 << 13];		/* 64 KiB */

static bool
on_linux(void)
{
	struct utsname u;

	ck_ok(uname(&u));
	return strstr(u.version, "Lintel") == NULL && strstr(u.release, "lintel") == NULL;
}

/* Open the disk with this serial number; name gets "sda". -1 where this kernel can't have it. */
static int
open_disk(int which, int flags, char *name)
{
	struct hd_driveid id;
	char path[16];

	for (char c = 'a'; c <= 'd'; c++) {
		int fd;

		snprintf(path, sizeof(path), "/dev/sd%c", c);
		fd = open(path, flags);
		if (fd < 0)
			continue;
		if (ioctl(fd, HDIO_GET_IDENTITY, &id) == 0 && strncmp((char *)id.serial_no, serials[which], strlen(serials[which])) == 0) {
			strcpy(name, path + 5);
			return fd;
		}
		close(fd);
	}
	if (which == 0 || !on_linux())
		ck_abort_msg("no disk %s", serials[which]);
	return -1;
}

static void
attribute(const char *disk, const char *file, const char *want)
{
	char path[128], text[64];
	int fd;
	long n;

	snprintf(path, sizeof(path), "/sys/block/%s/%s", disk, file);
	fd = ck_ok(open(path, O_RDONLY));
	n = ck_ok(read(fd, text, sizeof(text) - 1));
	text[n] = '\0';
	ck_assert_str_eq(text, want);
	close(fd);
}

static void
read_all(int fd, long size)
{
	for (long at = 0; at < size; at += sizeof(block)) {
		ck_assert_int_eq(ck_ok(pread(fd, block, sizeof(block), at)), sizeof(block));
		for (unsigned i = 0; i < sizeof(block) / 8; i++)
			ck_assert_uint_eq(block[i], (uint64_t)at + 8UL * i);
	}
}

START_TEST(a_disk_has_names_and_numbers)
{
	char name[8];
	int fd = open_disk(_i, O_RDONLY, name), n;
	uint64_t size;

	if (fd < 0)
		return;
	attribute(name, "device/vendor", "ATA     \n");
	attribute(name, "device/model", "QEMU HARDDISK   \n");
	attribute(name, "device/type", "0\n");
	attribute(name, "removable", "0\n");
	attribute(name, "size", "32768\n");
	ck_ok(ioctl(fd, BLKGETSIZE64, &size));
	ck_assert_uint_eq(size, DISK_SIZE);
	ck_ok(ioctl(fd, BLKSSZGET, &n));
	ck_assert_int_eq(n, 512);
	close(fd);
}
END_TEST

START_TEST(all_of_a_disk_reads_right)
{
	char name[8];
	int fd = open_disk(_i, O_RDONLY, name);

	if (fd < 0)
		return;
	ck_ok(ioctl(fd, BLKFLSBUF, 0));
	read_all(fd, SPARE);
	ck_assert_int_eq(pread(fd, block, sizeof(block), DISK_SIZE), 0);
	close(fd);
}
END_TEST

START_TEST(what_is_written_is_there_after_the_cache_is_dropped)
{
	char name[8];
	int fd = open_disk(_i, O_RDWR, name);

	if (fd < 0)
		return;
	for (unsigned i = 0; i < sizeof(block) / 8; i++)
		block[i] = i * 0x9e3779b97f4a7c15UL;
	ck_assert_int_eq(pwrite(fd, block, sizeof(block), SPARE + 512), sizeof(block));
	ck_ok(fsync(fd));
	ck_ok(ioctl(fd, BLKFLSBUF, 0));
	memset(block, 0, sizeof(block));
	ck_assert_int_eq(pread(fd, block, sizeof(block), SPARE + 512), sizeof(block));
	for (unsigned i = 0; i < sizeof(block) / 8; i++)
		ck_assert_uint_eq(block[i], i * 0x9e3779b97f4a7c15UL);
	close(fd);
}
END_TEST

static int shared_fd;

static void *
write_and_read(void *arg)
{
	long at = REGIONS + (long)arg * REGION;
	static __thread uint64_t page[512];

	for (int round = 0; round < 3; round++) {
		for (long off = 0; off < REGION; off += sizeof(page)) {
			for (unsigned i = 0; i < 512; i++)
				page[i] = (uint64_t)(at + off) << 8 | (uint64_t)round;
			if (pwrite(shared_fd, page, sizeof(page), at + off) != sizeof(page))
				return "write";
		}
		if (fsync(shared_fd) != 0)
			return "fsync";
		for (long off = 0; off < REGION; off += sizeof(page)) {
			if (pread(shared_fd, page, sizeof(page), at + off) != sizeof(page))
				return "read";
			for (unsigned i = 0; i < 512; i++)
				if (page[i] != ((uint64_t)(at + off) << 8 | (uint64_t)round))
					return "data";
		}
	}
	return NULL;
}

START_TEST(threads_at_once)
{
	pthread_t t[THREADS];
	char name[8];
	void *what;

	shared_fd = open_disk(_i, O_RDWR, name);
	if (shared_fd < 0)
		return;
	for (long i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, write_and_read, (void *)i), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &what);
		ck_assert_msg(what == NULL, "thread %d: %s", i, (char *)what);
	}
	close(shared_fd);
}
END_TEST

START_TEST(commands_of_root)
{
	unsigned char args[4 + 512] = { WIN_IDENTIFY, 0, 0, 1 };
	char name[8];
	int fd = open_disk(_i, O_RDONLY, name);
	struct hd_driveid id;

	if (fd < 0)
		return;
	ck_ok(ioctl(fd, HDIO_GET_IDENTITY, &id));
	ck_ok(ioctl(fd, HDIO_DRIVE_CMD, args));
	ck_assert(memcmp(args + 4 + 120, (char *)&id + 120, 4) == 0);		/* words 60 and 61: sectors */
	ck_assert(args[4 + 54] == 'E' && args[4 + 55] == 'Q');			/* strings have swapped bytes there */
	ck_assert(args[0] == WIN_IDENTIFY && args[3] == 1);			/* registers come back only without data */
	memset(args, 0, 4);
	args[0] = WIN_CHECKPOWERMODE1;
	ck_ok(ioctl(fd, HDIO_DRIVE_CMD, args));
	ck_assert(args[0] == 0x50 && args[1] == 0 && args[2] == 0xff);
	memset(args, 0, 4);
	args[0] = WIN_FLUSH_CACHE;
	ck_ok(ioctl(fd, HDIO_DRIVE_CMD, args));
	memset(args, 0, 4);
	args[0] = 0xff;
	ck_fails(ioctl(fd, HDIO_DRIVE_CMD, args), EIO);
	ck_assert(args[0] == 0xff && args[1] == 0);
	ck_ok(ioctl(fd, HDIO_SET_32BIT, 0));
	ck_fails(ioctl(fd, HDIO_DRIVE_CMD, NULL), EINVAL);
	ck_fails(ioctl(fd, HDIO_DRIVE_CMD, 8L), EFAULT);
	ck_fails(ioctl(fd, HDIO_GET_IDENTITY, 8L), EFAULT);
	ck_fails(ioctl(fd, 0x03ff, 0), ENOTTY);
	close(fd);
}
END_TEST

static void
set_attribute(const char *disk, const char *file, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/block/%s/%s", disk, file);
	fd = ck_ok(open(path, O_WRONLY));
	ck_assert_int_eq(ck_ok(write(fd, text, strlen(text))), (long)strlen(text));
	close(fd);
}

START_TEST(the_time_out_is_told_in_two_ways)
{
	char name[8];
	int fd = open_disk(_i, O_RDONLY, name);

	if (fd < 0)
		return;
	attribute(name, "device/state", "running\n");
	attribute(name, "device/scsi_level", "6\n");
	attribute(name, "device/modalias", "scsi:t-0x00\n");
	attribute(name, "device/timeout", "30\n");
	set_attribute(name, "device/timeout", "31");
	attribute(name, "queue/io_timeout", "31000\n");
	set_attribute(name, "device/timeout", "30\n");
	attribute(name, "queue/io_timeout", "30000\n");
	close(fd);
}
END_TEST

START_TEST(the_cd_reads_and_does_not_write)
{
	int fd = ck_ok(open("/dev/sr0", O_RDONLY)), n;
	uint64_t size;

	ck_ok(ioctl(fd, BLKSSZGET, &n));
	ck_assert_int_eq(n, 2048);
	ck_ok(ioctl(fd, BLKGETSIZE64, &size));
	ck_assert_uint_eq(size, 1 << 20);
	read_all(fd, 1 << 20);
	close(fd);
	ck_fails(open("/dev/sr0", O_RDWR), EROFS);
	attribute("sr0", "device/model", "QEMU DVD-ROM    \n");
	attribute("sr0", "device/type", "5\n");
	attribute("sr0", "removable", "1\n");
}
END_TEST

static void
entry(int fd, unsigned char track, unsigned char format, unsigned char ctrl, uint32_t address)
{
	struct cdrom_tocentry e = { .cdte_track = track, .cdte_format = format };

	ck_ok(ioctl(fd, CDROMREADTOCENTRY, &e));
	ck_assert_uint_eq(e.cdte_adr | e.cdte_ctrl << 4, ctrl);
	ck_assert_uint_eq(format == CDROM_LBA ? (uint32_t)e.cdte_addr.lba :
		(e.cdte_addr.msf.minute * 60U + e.cdte_addr.msf.second) * 75 + e.cdte_addr.msf.frame, address);
}

START_TEST(the_table_of_contents)
{
	int fd = ck_ok(open("/dev/sr0", O_RDONLY | O_NONBLOCK));
	struct cdrom_tocentry bad = { .cdte_track = 1, .cdte_format = 3 };
	struct cdrom_multisession m = { .addr_format = CDROM_MSF };
	struct cdrom_tochdr h;

	ck_ok(ioctl(fd, CDROMREADTOCHDR, &h));
	ck_assert(h.cdth_trk0 == 1 && h.cdth_trk1 == 1);
	entry(fd, 1, CDROM_LBA, 0x41, 0);
	entry(fd, 0, CDROM_LBA, 0x41, 0);	/* the first */
	entry(fd, 1, CDROM_MSF, 0x41, 150);
	entry(fd, CDROM_LEADOUT, CDROM_LBA, 0x61, 512);
	entry(fd, CDROM_LEADOUT, CDROM_MSF, 0x61, 512 + 150);
	ck_fails(ioctl(fd, CDROMREADTOCENTRY, &bad), EINVAL);
	ck_ok(ioctl(fd, CDROMMULTISESSION, &m));
	ck_assert(m.addr.msf.second == 2 && m.xa_flag == 0);
	close(fd);
}
END_TEST

START_TEST(options_and_speed)
{
	int fd = ck_ok(open("/dev/sr0", O_RDONLY | O_NONBLOCK));

	ck_assert_int_eq(ioctl(fd, CDROM_SET_OPTIONS, 0), CDO_AUTO_CLOSE | CDO_USE_FFLAGS | CDO_LOCK);
	ck_assert_int_eq(ioctl(fd, CDROM_SET_OPTIONS, CDO_AUTO_EJECT), CDO_AUTO_CLOSE | CDO_AUTO_EJECT | CDO_USE_FFLAGS | CDO_LOCK);
	ck_assert_int_eq(ioctl(fd, CDROM_CLEAR_OPTIONS, CDO_AUTO_EJECT), CDO_AUTO_CLOSE | CDO_USE_FFLAGS | CDO_LOCK);
	ck_ok(ioctl(fd, CDROM_SELECT_SPEED, 8));
	ck_assert_int_eq(ioctl(fd, CDROM_CHANGER_NSLOTS, 0), 1);
	ck_assert_int_eq(ioctl(fd, CDROM_DRIVE_STATUS, 1), CDS_DISC_OK);	/* no changer: whatever slot */
	ck_fails(ioctl(fd, CDROM_SELECT_DISC, 0), ENOTTY);
	close(fd);
}
END_TEST

START_TEST(the_tray_opens_and_closes)
{
	int fd = ck_ok(open("/dev/sr0", O_RDONLY | O_NONBLOCK));

	ck_assert_int_eq(ck_ok(ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT)), CDS_DISC_OK);
	ck_assert_int_eq(ck_ok(ioctl(fd, CDROM_DISC_STATUS, 0)), CDS_DATA_1);
	ck_ok(ioctl(fd, CDROMEJECT, 0));
	ck_assert_int_eq(ck_ok(ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT)), CDS_TRAY_OPEN);
	ck_ok(ioctl(fd, CDROMCLOSETRAY, 0));
	ck_assert_int_eq(ck_ok(ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT)), CDS_DISC_OK);
	ck_ok(ioctl(fd, CDROMEJECT, 0));
	close(fd);
	fd = ck_ok(open("/dev/sr0", O_RDONLY));		/* closes it */
	ck_assert_int_eq(ck_ok(ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT)), CDS_DISC_OK);
	read_all(fd, 128 << 10);
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ata");
	TCase *disk = tcase_create("disk"), *cd = tcase_create("cd");

	tcase_add_loop_test(disk, a_disk_has_names_and_numbers, 0, 2);
	tcase_add_loop_test(disk, all_of_a_disk_reads_right, 0, 2);
	tcase_add_loop_test(disk, what_is_written_is_there_after_the_cache_is_dropped, 0, 2);
	tcase_add_loop_test(disk, threads_at_once, 0, 2);
	tcase_add_loop_test(disk, commands_of_root, 0, 2);
	tcase_add_loop_test(disk, the_time_out_is_told_in_two_ways, 0, 2);
	tcase_add_test(cd, the_cd_reads_and_does_not_write);
	tcase_add_test(cd, the_table_of_contents);
	tcase_add_test(cd, options_and_speed);
	tcase_add_test(cd, the_tray_opens_and_closes);
	suite_add_tcase(s, disk);
	suite_add_tcase(s, cd);
	return guest_run(s);
}
