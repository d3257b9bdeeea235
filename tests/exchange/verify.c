/* SPDX-License-Identifier: BSD-2-Clause */
/* What is on the disk, compared with the model: every name, attribute and byte. */
#define _GNU_SOURCE
#include "exchange.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define WINDOW		(64u << 10)	/* of a big file, what is read around its data */
#define LOOKS		32		/* and at as many other places */

/* A directory's children by name, to find them by what getdents says. */
struct listing { struct entry **sorted; bool *seen; uint32_t count; };

/* --- contents --- */

static bool
same_bytes(int fd, const struct entry *e, uint64_t from, uint64_t to)
{
	static unsigned char want[CHUNK], got[CHUNK];

	while (from < to) {
		size_t n = to - from < CHUNK ? to - from : CHUNK;
		ssize_t did = pread(fd, got, n, (off_t)from);

		if (did != (ssize_t)n) {
			fault(e, "%zd of %zu bytes read at %llu", did, n, (unsigned long long)from);
			return false;
		}
		data_fill(e->inode, want, from, n);
		if (memcmp(want, got, n) != 0) {
			size_t i = 0;

			while (want[i] == got[i])
				i++;
			fault(e, "byte %llu of %llu is %02x, not %02x", (unsigned long long)(from + i), (unsigned long long)e->inode->size, got[i], want[i]);
			return false;
		}
		from += n;
	}
	return true;
}

static void
check_big(int fd, const struct entry *e)
{
	const struct inode *ino = e->inode;
	uint64_t size = ino->size;

	for (uint32_t i = 0; i < ino->seg_count; i++) {
		uint64_t from = ino->segs[i].off, to = from + ino->segs[i].len + WINDOW;

		if (ino->segs[i].ver == 0)
			continue;
		if (!same_bytes(fd, e, from > WINDOW ? from - WINDOW : 0, to < size ? to : size))
			return;
	}
	for (unsigned i = 0; i < LOOKS; i++) {
		uint64_t from = rnd(size - 4096);

		if (!same_bytes(fd, e, from, from + 4096))
			return;
	}
	same_bytes(fd, e, size - 4096, size);
}

/* Data and holes alternate as the blocks say. */
static void
check_map(int fd, const struct entry *e)
{
	const struct inode *ino = e->inode;
	uint64_t at = 0;

	for (uint32_t i = 0; i <= ino->run_count; i++) {
		bool last = i == ino->run_count;
		uint64_t first = last ? 0 : ino->runs[i].first * kind->block, end = last ? 0 : ino->runs[i].end * kind->block;
		off_t data = lseek(fd, (off_t)at, SEEK_DATA), hole;

		if (last) {
			if (at < ino->size && (data != -1 || errno != ENXIO))
				fault(e, "SEEK_DATA at %llu finds %lld behind the last data", (unsigned long long)at, (long long)data);
			return;
		}
		if (data != (off_t)first) {
			fault(e, "SEEK_DATA at %llu finds %lld, not %llu", (unsigned long long)at, (long long)data, (unsigned long long)first);
			return;
		}
		end = end < ino->size ? end : ino->size;
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole != (off_t)end) {
			fault(e, "SEEK_HOLE at %llu finds %lld, not %llu", (unsigned long long)first, (long long)hole, (unsigned long long)end);
			return;
		}
		at = end;
	}
}

static void
check_content(int dir, const struct entry *e)
{
	char more;
	int fd = openat(dir, e->name, O_RDONLY | O_NOFOLLOW);

	if (fd < 0) {
		fault(e, "open:");
		return;
	}
	if (e->inode->size >= BIG_FILE)
		check_big(fd, e);
	else
		same_bytes(fd, e, 0, e->inode->size);
	if (pread(fd, &more, 1, (off_t)e->inode->size) != 0)
		fault(e, "there is something behind the end");
	if (!kind->fat && !e->inode->no_map)
		check_map(fd, e);
	close(fd);
}

static void
check_target(int dir, const struct entry *e)
{
	char text[4096];
	ssize_t n = readlinkat(dir, e->name, text, sizeof(text));

	if (n != (ssize_t)e->inode->size || memcmp(text, e->inode->target, (size_t)n) != 0)
		fault(e, "the link's target is another (%zd bytes of %llu)", n, (unsigned long long)e->inode->size);
}

/* --- attributes --- */

static void
check_attrs(int dir, const struct entry *e)
{
	static char list[65536], value[65536];
	char path[64 + NAME_BYTES];
	const struct inode *ino = e->inode;
	uint32_t names = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, e->name);
	n = llistxattr(path, list, sizeof(list));
	if (n < 0)
		fault(e, "listxattr:");
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(list + i) + 1)
		names++;
	if (names != ino->attr_count)
		fault(e, "%u extended attributes, not %u", names, ino->attr_count);
	for (uint32_t i = 0; i < ino->attr_count; i++) {
		n = lgetxattr(path, ino->attrs[i].name, value, sizeof(value));
		if (n != (ssize_t)ino->attrs[i].size || memcmp(value, ino->attrs[i].value, (size_t)n) != 0)
			fault(e, "an extended attribute of %zu bytes has %zd, or others", ino->attrs[i].size, n);
	}
}

static void
check_flags(int dir, const struct entry *e)
{
	int fd = openat(dir, e->name, O_RDONLY), flags = 0;
	uint32_t mask = FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL;

	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
		fault(e, "FS_IOC_GETFLAGS:");
	else if (((uint32_t)flags & mask) != e->inode->flags)
		fault(e, "flags are %x, not %x", (uint32_t)flags & mask, e->inode->flags);
	close(fd);
}

/* The times that nobody sets by hand: of this hour. */
static void
check_now(int dir, const struct entry *e)
{
	struct statx sx;
	time_t now = time(NULL);

	if (syscall(SYS_statx, dir, e->name, AT_SYMLINK_NOFOLLOW, STATX_ALL, &sx) != 0) {
		fault(e, "statx:");
		return;
	}
	if (sx.stx_ctime.tv_sec > now + 10 || sx.stx_ctime.tv_sec < now - 20000)
		fault(e, "changed at %lld", (long long)sx.stx_ctime.tv_sec);
	if (!(sx.stx_mask & STATX_BTIME) || sx.stx_btime.tv_sec > now + 10 || sx.stx_btime.tv_sec < now - 20000)
		fault(e, "born at %lld", (long long)sx.stx_btime.tv_sec);
}

static void
check_times(const struct entry *e, const struct stat *st)
{
	const struct inode *ino = e->inode;

	if (st->st_mtim.tv_sec != ino->mtime || (uint32_t)st->st_mtim.tv_nsec != ino->mtime_ns)
		fault(e, "modified at %lld.%09ld, not %lld.%09u", (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec, (long long)ino->mtime, ino->mtime_ns);
	if (st->st_atim.tv_sec != ino->atime || (uint32_t)st->st_atim.tv_nsec != ino->atime_ns)
		fault(e, "accessed at %lld.%09ld, not %lld.%09u", (long long)st->st_atim.tv_sec, st->st_atim.tv_nsec, (long long)ino->atime, ino->atime_ns);
}

static uint32_t
subdirs(const struct inode *dir)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < dir->child_count; i++)
		n += S_ISDIR(dir->children[i]->inode->mode);
	return n;
}

static void
check_stat(const struct entry *e, const struct stat *st)
{
	const struct inode *ino = e->inode;
	bool is_dir = S_ISDIR(ino->mode);
	uint32_t nlink = is_dir ? 2 + subdirs(ino) : ino->nlink;

	if (st->st_mode != ino->mode)
		fault(e, "mode %o, not %o", st->st_mode, ino->mode);
	if (st->st_uid != ino->uid || st->st_gid != ino->gid)
		fault(e, "owner %u:%u, not %u:%u", st->st_uid, st->st_gid, ino->uid, ino->gid);
	if (!is_dir && (uint64_t)st->st_size != ino->size)
		fault(e, "size %lld, not %llu", (long long)st->st_size, (unsigned long long)ino->size);
	if (st->st_rdev != ino->rdev)
		fault(e, "device %llx, not %llx", (unsigned long long)st->st_rdev, (unsigned long long)ino->rdev);
	if (st->st_nlink != nlink)
		fault(e, "%lu links, not %u", (unsigned long)st->st_nlink, nlink);
	check_times(e, st);
}

/* --- directories --- */

static int
by_name(const void *a, const void *b)
{
	return strcmp((*(struct entry *const *)a)->name, (*(struct entry *const *)b)->name);
}

static struct listing
listing_of(const struct inode *dir)
{
	struct listing l = { malloc((dir->child_count + 1) * sizeof(struct entry *)), calloc(dir->child_count + 1, 1), dir->child_count };

	if (dir->child_count > 0)
		memcpy(l.sorted, dir->children, dir->child_count * sizeof(struct entry *));
	qsort(l.sorted, l.count, sizeof(struct entry *), by_name);
	return l;
}

/* One entry that getdents gave. */
static void
check_listed(struct listing *l, const struct entry *self, const char *name, unsigned type)
{
	struct entry key = { .name = (char *)name }, *p = &key, **found;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0)
		return;
	found = bsearch(&p, l->sorted, l->count, sizeof(p), by_name);
	if (found == NULL) {
		fault(self, "holds a name of %zu bytes that nobody made: %.60s", strlen(name), name);
		return;
	}
	if (l->seen[found - l->sorted])
		fault(*found, "listed twice");
	l->seen[found - l->sorted] = true;
	if (type != IFTODT((*found)->inode->mode))
		fault(*found, "listed as type %u", type);
}

static void
check_listing(int fd, struct listing *l, const struct entry *self)
{
	static _Alignas(8) char buf[32768];
	struct dirent *d;
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i += d->d_reclen) {
			d = (struct dirent *)(buf + i);
			check_listed(l, self, d->d_name, d->d_type);
		}
	if (n < 0)
		fault(self, "getdents:");
	for (uint32_t i = 0; i < l->count; i++)
		if (!l->seen[i])
			fault(l->sorted[i], "isn't listed");
}

/* FAT: found in any case, and with dots behind. */
static void
check_other_case(int dir, const struct entry *e)
{
	char name[NAME_BYTES + 8];
	size_t len = e->len;

	for (size_t i = 0; i <= len; i++) {
		bool letter = (e->name[i] >= 'a' && e->name[i] <= 'z') || (e->name[i] >= 'A' && e->name[i] <= 'Z');

		name[i] = (char)(letter ? e->name[i] ^ 0x20 : e->name[i]);
	}
	if (len < 250)
		strcpy(name + len, "..");
	if (faccessat(dir, name, F_OK, 0) != 0)
		fault(e, "isn't found in another case:");
}

static void
check_entry(struct inode *dir, const struct entry *e)
{
	struct stat st;
	int fd = dir_fd(dir);

	if (fstatat(fd, e->name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		fault(e, "stat:");
		return;
	}
	check_stat(e, &st);
	if (S_ISREG(e->inode->mode))
		check_content(fd, e);
	if (S_ISLNK(e->inode->mode))
		check_target(fd, e);
	if (kind->fat) {
		check_other_case(fd, e);
		return;
	}
	check_attrs(fd, e);
	check_now(fd, e);
	if (S_ISREG(e->inode->mode))
		check_flags(fd, e);
}

/* self: NULL for the root. */
static void
check_dir(struct inode *dir, const struct entry *self)
{
	struct listing l = listing_of(dir);
	int fd = dir_fd(dir);

	if (fd < 0) {
		fault(self, "open of the directory:");
		goto out;
	}
	check_listing(fd, &l, self);
	for (uint32_t i = 0; i < l.count; i++)
		check_entry(dir, l.sorted[i]);
	for (uint32_t i = 0; i < l.count; i++)
		if (S_ISDIR(l.sorted[i]->inode->mode))
			check_dir(l.sorted[i]->inode, l.sorted[i]);
out:
	free(l.sorted);
	free(l.seen);
}

void
verify_tree(uint64_t seed)
{
	rnd_seed(seed);
	check_dir(root, NULL);
	dir_forget();
}
