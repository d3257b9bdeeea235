/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache of a disk as programs see it: what is cached (mincore), read-ahead, hints, dropping, dirty pages and who writes them. On
 * the scratch disk of run.py, from 12 MiB on, whose 8-byte words hold their offset; what is written is put back.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "guest.h"

#define DISK	"/dev/vda"
#define BASE	(12L << 20)
#define LEN	(2L << 20)
#define P	4096L
#define PAGES	(LEN / P)

static int disk;	/* kept open: the last close empties the cache */

static void
pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static void
put_text(const char *path, const char *text)
{
	int fd = ck_ok(open(path, O_WRONLY));

	ck_assert_int_eq(ck_ok(write(fd, text, strlen(text))), (long)strlen(text));
	close(fd);
}

/* The number behind a name in a file of names and numbers. */
static long
number(const char *path, const char *name)
{
	FILE *f = fopen(path, "r");
	char line[256];
	size_t n = strlen(name);
	long v = -1;

	ck_assert_ptr_nonnull(f);
	while (v < 0 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, n) == 0 && (line[n] == ' ' || line[n] == ':'))
			v = strtol(line + n + 1, NULL, 10);
	fclose(f);
	ck_assert_msg(v >= 0, "%s has no %s", path, name);
	return v;
}

static long vmstat(const char *name) { return number("/proc/vmstat", name); }

/* Linux sums such numbers up once a second. */
static bool
vmstat_reaches(const char *name, long want)
{
	for (int i = 0; i < 250; i++) {
		if (vmstat(name) >= want)
			return true;
		nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
	}
	return false;
}

/* Which pages are cached. */
static void
look(unsigned char *vec)
{
	void *p = mmap(NULL, LEN, PROT_READ, MAP_SHARED, disk, BASE);

	ck_assert_ptr_ne(p, MAP_FAILED);
	ck_ok(mincore(p, LEN, vec));
	munmap(p, LEN);
	for (long i = 0; i < PAGES; i++)
		vec[i] &= 1;
}

static long
cached(long first, long n)
{
	unsigned char vec[PAGES];
	long sum = 0;

	look(vec);
	for (long i = first; i < first + n; i++)
		sum += vec[i];
	return sum;
}

static bool
comes_to(long first, long n, long want)
{
	for (int i = 0; i < 500; i++) {
		if (cached(first, n) == want)
			return true;
		pause_ms(10);
	}
	return false;
}

static void
setup(void)
{
	disk = ck_ok(open(DISK, O_RDWR));
	ck_ok(fsync(disk));
	put_text("/proc/sys/vm/drop_caches", "1\n");
	ck_assert_int_eq(cached(0, PAGES), 0);
}

static void
teardown(void)
{
	close(disk);
}

static void
read_pages(long first, long n)
{
	uint64_t buf[P / 8];

	for (long i = first; i < first + n; i++) {
		ck_assert_int_eq(ck_ok(pread(disk, buf, P, BASE + i * P)), P);
		ck_assert_uint_eq(buf[0], BASE + i * P);
		ck_assert_uint_eq(buf[P / 8 - 1], BASE + i * P + P - 8);
	}
}

/* The same data, so that nothing has to be put back. */
static void
write_pages(long first, long n)
{
	uint64_t buf[P / 8];

	for (long i = first; i < first + n; i++) {
		for (long k = 0; k < P / 8; k++)
			buf[k] = BASE + i * P + k * 8;
		ck_assert_int_eq(ck_ok(pwrite(disk, buf, P, BASE + i * P)), P);
	}
}

START_TEST(drop_caches_drops_clean_pages)
{
	long before = vmstat("drop_pagecache");

	read_pages(0, PAGES);
	ck_assert_int_eq(cached(0, PAGES), PAGES);
	put_text("/proc/sys/vm/drop_caches", "1\n");
	ck_assert_int_le(cached(0, PAGES), PAGES / 16);
	ck_assert_int_eq(vmstat("drop_pagecache"), before + 1);
	read_pages(0, PAGES);
}
END_TEST

START_TEST(drop_caches_loses_no_data)
{
	uint64_t mark = 0x1234567812345678, got;

	for (long i = 10; i < 74; i++) {
		ck_assert_int_eq(ck_ok(pwrite(disk, &mark, 8, BASE + i * P + 80)), 8);
		if (i % 8 == 0)
			put_text("/proc/sys/vm/drop_caches", "3\n");
	}
	put_text("/proc/sys/vm/drop_caches", "1\n");
	for (long i = 10; i < 74; i++) {
		ck_assert_int_eq(ck_ok(pread(disk, &got, 8, BASE + i * P + 80)), 8);
		ck_assert_uint_eq(got, mark);
	}
	write_pages(10, 64);
	ck_ok(fsync(disk));
	put_text("/proc/sys/vm/drop_caches", "1\n");
	ck_assert_int_le(cached(0, PAGES), 8);
	read_pages(10, 64);
}
END_TEST

START_TEST(drop_caches_takes_only_its_numbers)
{
	int fd = ck_ok(open("/proc/sys/vm/drop_caches", O_WRONLY));
	struct stat st;

	ck_fails(write(fd, "0", 1), EINVAL);
	ck_fails(write(fd, "5", 1), EINVAL);
	ck_fails(write(fd, "x", 1), EINVAL);
	close(fd);
	ck_ok(stat("/proc/sys/vm/drop_caches", &st));
	ck_assert_int_eq(st.st_mode & 0777, 0200);
}
END_TEST

START_TEST(sequential_reads_read_ahead)
{
	read_pages(0, 4);
	ck_assert(comes_to(4, 4, 4));
	read_pages(4, 60);
	ck_assert(comes_to(64, 8, 8));
	ck_assert_int_eq(cached(64 + 128, 64), 0);
}
END_TEST

START_TEST(random_reads_do_not)
{
	read_pages(100, 1);
	read_pages(300, 1);
	read_pages(200, 1);
	pause_ms(100);
	ck_assert_int_eq(cached(90, 10), 0);
	ck_assert_int_eq(cached(0, PAGES), 3);
	ck_ok(posix_fadvise(disk, 0, 0, POSIX_FADV_RANDOM));
	read_pages(400, 4);
	pause_ms(100);
	ck_assert_int_eq(cached(0, PAGES), 7);
}
END_TEST

START_TEST(willneed_reads_in_the_background)
{
	ck_assert_int_eq(posix_fadvise(disk, BASE + 16 * P, 16 * P, POSIX_FADV_WILLNEED), 0);
	ck_assert(comes_to(16, 16, 16));
	ck_assert_int_eq(cached(32, 100), 0);
	ck_ok(readahead(disk, BASE + 64 * P, 16 * P));
	ck_assert(comes_to(64, 16, 16));
	ck_assert_int_eq(cached(80, 100), 0);
	read_pages(16, 16);
	read_pages(64, 16);
}
END_TEST

START_TEST(dontneed_drops_whole_clean_pages)
{
	read_pages(0, 64);
	ck_assert_int_eq(posix_fadvise(disk, BASE + 8 * P + 1, 16 * P, POSIX_FADV_DONTNEED), 0);
	ck_assert_int_eq(cached(9, 15), 0);
	ck_assert_int_eq(cached(0, 9), 9);
	ck_assert_int_eq(cached(24, 40), 40);
	ck_assert_int_eq(posix_fadvise(disk, BASE, LEN, POSIX_FADV_DONTNEED), 0);
	ck_assert_int_eq(cached(0, 64), 0);
	write_pages(0, 8);
	ck_assert_int_eq(posix_fadvise(disk, BASE, LEN, POSIX_FADV_DONTNEED), 0);	/* starts the writing */
	ck_ok(fdatasync(disk));
	ck_assert_int_eq(posix_fadvise(disk, BASE, LEN, POSIX_FADV_DONTNEED), 0);
	ck_assert_int_eq(cached(0, 8), 0);
	read_pages(0, 8);
}
END_TEST

START_TEST(mapped_pages_stay)
{
	char *p = mmap(NULL, 8 * P, PROT_READ, MAP_SHARED, disk, BASE);
	volatile char sink;

	ck_assert_ptr_ne(p, MAP_FAILED);
	for (long i = 0; i < 8; i++)
		sink = p[i * P];
	(void)sink;
	put_text("/proc/sys/vm/drop_caches", "1\n");
	ck_assert_int_eq(posix_fadvise(disk, BASE, LEN, POSIX_FADV_DONTNEED), 0);
	ck_assert_int_eq(cached(0, 8), 8);
	munmap(p, 8 * P);
	put_text("/proc/sys/vm/drop_caches", "1\n");
	ck_assert_int_eq(cached(0, 8), 0);
}
END_TEST

START_TEST(faults_read_around)
{
	char *p = mmap(NULL, LEN, PROT_READ, MAP_SHARED, disk, BASE);

	ck_assert_ptr_ne(p, MAP_FAILED);
	ck_assert_uint_eq(*(uint64_t *)(p + 100 * P), BASE + 100 * P);
	ck_assert(comes_to(96, 8, 8));
	ck_assert_int_eq(cached(200, 300), 0);
	ck_ok(madvise(p, LEN, MADV_RANDOM));
	ck_assert_uint_eq(*(uint64_t *)(p + 300 * P), BASE + 300 * P);
	pause_ms(50);
	ck_assert_int_eq(cached(200, 300), 1);
	ck_ok(madvise(p + 400 * P, 16 * P, MADV_WILLNEED));
	ck_assert(comes_to(400, 16, 16));
	munmap(p, LEN);
}
END_TEST

START_TEST(bad_hints)
{
	int fd[2], wr = ck_ok(open(DISK, O_WRONLY));

	ck_ok(pipe(fd));
	ck_assert_int_eq(posix_fadvise(fd[0], 0, 0, POSIX_FADV_NORMAL), ESPIPE);
	ck_assert_int_eq(posix_fadvise(fd[0], 0, 0, 77), ESPIPE);
	ck_assert_int_eq(posix_fadvise(disk, 0, 0, 77), EINVAL);
	ck_assert_int_eq(posix_fadvise(disk, 0, -1, POSIX_FADV_NORMAL), EINVAL);
	ck_assert_int_eq(posix_fadvise(disk, 0, 0, POSIX_FADV_NOREUSE), 0);
	ck_assert_int_eq(posix_fadvise(disk, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
	ck_assert_int_eq(posix_fadvise(9999, 0, 0, POSIX_FADV_NORMAL), EBADF);
	ck_fails(readahead(wr, 0, P), EBADF);
	ck_fails(readahead(fd[0], 0, P), EINVAL);
	ck_fails(readahead(9999, 0, P), EBADF);
	close(wr);
}
END_TEST

START_TEST(dirty_pages_are_counted_until_they_are_written)
{
	long dirtied = vmstat("nr_dirtied"), written = vmstat("nr_written");

	ck_ok(fsync(disk));
	write_pages(0, PAGES);
	ck_assert(vmstat_reaches("nr_dirtied", dirtied + PAGES));
	ck_ok(fsync(disk));
	ck_assert(vmstat_reaches("nr_written", written + PAGES));
	ck_assert_int_eq(number("/proc/meminfo", "Writeback"), 0);
	put_text("/proc/sys/vm/drop_caches", "1\n");
	read_pages(0, PAGES);
}
END_TEST

START_TEST(sync_writes_all)
{
	long written = vmstat("nr_written");

	write_pages(0, 64);
	sync();
	ck_assert(vmstat_reaches("nr_written", written + 64));
	ck_assert_int_eq(posix_fadvise(disk, BASE, LEN, POSIX_FADV_DONTNEED), 0);
	ck_assert_int_eq(cached(0, 64), 0);
}
END_TEST

START_TEST(sync_file_range_does_what_its_flags_say)
{
	long written;

	write_pages(0, 32);
	ck_ok(sync_file_range(disk, BASE, 16 * P, 0));
	written = vmstat("nr_written");
	ck_ok(sync_file_range(disk, BASE, 16 * P, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
	ck_assert(vmstat_reaches("nr_written", written + 16));
	ck_assert_int_eq(posix_fadvise(disk, BASE, 16 * P, POSIX_FADV_DONTNEED), 0);
	ck_assert_int_eq(cached(0, 16), 0);
	ck_assert_int_eq(cached(16, 16), 16);
	ck_fails(sync_file_range(disk, -1, P, 0), EINVAL);
	ck_fails(sync_file_range(disk, 0, P, 64), EINVAL);
	ck_ok(fsync(disk));
}
END_TEST

START_TEST(dirty_memory_reaches_the_disk)
{
	uint64_t *p = mmap(NULL, 4 * P, PROT_READ | PROT_WRITE, MAP_SHARED, disk, BASE);
	long written;

	ck_assert_ptr_ne(p, MAP_FAILED);
	for (int round = 0; round < 3; round++) {
		written = vmstat("nr_written");
		p[0] = BASE + (unsigned)round;
		p[3 * P / 8] = 5;
		ck_ok(msync(p, 4 * P, MS_SYNC));
		ck_assert(vmstat_reaches("nr_written", written + 2));
	}
	munmap(p, 4 * P);
	put_text("/proc/sys/vm/drop_caches", "1\n");
	ck_assert_int_eq(cached(0, 4), 0);
	p = mmap(NULL, 4 * P, PROT_READ | PROT_WRITE, MAP_SHARED, disk, BASE);
	ck_assert_uint_eq(p[0], BASE + 2);
	ck_assert_uint_eq(p[3 * P / 8], 5);
	munmap(p, 4 * P);
	write_pages(0, 4);
	ck_ok(fsync(disk));
}
END_TEST

START_TEST(old_dirty_pages_are_written_by_themselves)
{
	long written;

	put_text("/proc/sys/vm/dirty_expire_centisecs", "50");
	put_text("/proc/sys/vm/dirty_writeback_centisecs", "20");
	ck_ok(fsync(disk));
	written = vmstat("nr_written");
	write_pages(0, 16);
	for (int i = 0; i < 1000 && vmstat("nr_written") < written + 16; i++)
		pause_ms(20);
	put_text("/proc/sys/vm/dirty_expire_centisecs", "3000");
	put_text("/proc/sys/vm/dirty_writeback_centisecs", "500");
	ck_assert(vmstat_reaches("nr_written", written + 16));
}
END_TEST

START_TEST(limits_have_their_defaults_and_bounds)
{
	static const struct { const char *name, *value; } all[] = {
		{ "dirty_ratio", "20\n" }, { "dirty_background_ratio", "10\n" }, { "dirty_expire_centisecs", "3000\n" },
		{ "dirty_writeback_centisecs", "500\n" },
	};
	char path[80], text[20];

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		int fd;
		long n;

		snprintf(path, sizeof(path), "/proc/sys/vm/%s", all[i].name);
		fd = ck_ok(open(path, O_RDWR));
		n = ck_ok(read(fd, text, sizeof(text) - 1));
		text[n] = '\0';
		ck_assert_str_eq(text, all[i].value);
		close(fd);
		fd = ck_ok(open(path, O_WRONLY));
		if (i < 3)
			ck_fails(write(fd, "-1", 2), EINVAL);
		close(fd);
	}
	snprintf(path, sizeof(path), "/proc/sys/vm/dirty_ratio");
	int fd = ck_ok(open(path, O_WRONLY));
	ck_fails(write(fd, "101", 3), EINVAL);
	close(fd);
}
END_TEST

START_TEST(file_pages_are_on_the_lists)
{
	long before = number("/proc/meminfo", "Inactive(file)") + number("/proc/meminfo", "Active(file)"), now = 0;

	read_pages(0, PAGES);
	for (int i = 0; i < 100 && now < before + LEN / 1024 * 3 / 4; i++) {
		now = number("/proc/meminfo", "Inactive(file)") + number("/proc/meminfo", "Active(file)");
		pause_ms(10);
	}
	ck_assert_int_ge(now, before + LEN / 1024 * 3 / 4);
	ck_assert_int_ge(number("/proc/meminfo", "Buffers"), LEN / 1024 * 3 / 4);
}
END_TEST

/* Readers, writers of the same data, and one who drops it all the time. */
static void *
worker(void *arg)
{
	long me = (long)arg;

	for (long i = 0; i < 60; i++) {
		long first = (me * 131 + i * 37) % (PAGES - 8);

		switch ((me + i) % 4) {
		case 0:
			write_pages(first, 4);
			break;
		case 1:
			put_text("/proc/sys/vm/drop_caches", "1\n");
			break;
		case 2:
			ck_assert_int_eq(posix_fadvise(disk, BASE + first * P, 8 * P, POSIX_FADV_DONTNEED), 0);
			break;
		default:
			read_pages(first, 8);
		}
		if (i % 20 == 0)
			ck_ok(fsync(disk));
	}
	return NULL;
}

START_TEST(all_at_once)
{
	pthread_t t[6];

	for (long i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, worker, (void *)i), 0);
	for (long i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	ck_ok(fsync(disk));
	put_text("/proc/sys/vm/drop_caches", "1\n");
	read_pages(0, PAGES);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pagecache");
	TCase *t = tcase_create("core");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, drop_caches_drops_clean_pages);
	tcase_add_test(t, drop_caches_loses_no_data);
	tcase_add_test(t, drop_caches_takes_only_its_numbers);
	tcase_add_test(t, sequential_reads_read_ahead);
	tcase_add_test(t, random_reads_do_not);
	tcase_add_test(t, willneed_reads_in_the_background);
	tcase_add_test(t, dontneed_drops_whole_clean_pages);
	tcase_add_test(t, mapped_pages_stay);
	tcase_add_test(t, faults_read_around);
	tcase_add_test(t, bad_hints);
	tcase_add_test(t, dirty_pages_are_counted_until_they_are_written);
	tcase_add_test(t, sync_writes_all);
	tcase_add_test(t, sync_file_range_does_what_its_flags_say);
	tcase_add_test(t, dirty_memory_reaches_the_disk);
	tcase_add_test(t, old_dirty_pages_are_written_by_themselves);
	tcase_add_test(t, limits_have_their_defaults_and_bounds);
	tcase_add_test(t, file_pages_are_on_the_lists);
	tcase_add_test(t, all_at_once);
	suite_add_tcase(s, t);
	return guest_run(s);
}
