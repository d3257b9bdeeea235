/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations: each changes the model, and the mounted file system if `live`. */
#define _GNU_SOURCE
#include "exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define FAULTS_SHOWN	12
#define CACHED		16
#define ALIGN		4096

bool live;
unsigned faults;
char mount_point[32], label[48];

/* --- what goes wrong --- */

static void
show_name(const char *name, size_t len)
{
	for (size_t i = 0; i < len && i < 24; i++)
		printf(name[i] > ' ' && name[i] < 0x7f ? "%c" : "\\x%02x", (unsigned char)name[i]);
}

/* The directory's own name; the whole path can be very long. */
static void
show_dir(const struct inode *dir)
{
	struct inode *up = dir->parent;

	for (uint32_t i = 0; up != NULL && i < up->child_count; i++)
		if (up->children[i]->inode == dir)
			show_name(up->children[i]->name, up->children[i]->len);
	printf("/");
}

/* e: NULL for the root. Appends strerror(errno) where fmt ends with ':'. */
void
fault(const struct entry *e, const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	if (faults++ >= FAULTS_SHOWN)
		return;
	printf("FAULT %s ", label);
	if (e != NULL) {
		show_dir(e->dir);
		show_name(e->name, e->len);
	}
	printf(": ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(fmt[strlen(fmt) - 1] == ':' ? " %s\n" : "\n", strerror(err));
	fflush(stdout);
}

static void
expect(bool good, const struct entry *e, const char *what)
{
	if (!good)
		fault(e, "%s:", what);
}

/* --- directories, by descriptor, since paths can be longer than PATH_MAX --- */

static struct { struct inode *dir; int fd; } cache[CACHED];
static unsigned cache_next;

static int
open_dir(struct inode *dir)
{
	struct inode *up = dir->parent;

	if (dir == root)
		return open(mount_point, O_RDONLY | O_DIRECTORY);
	for (uint32_t i = 0; i < up->child_count; i++)
		if (up->children[i]->inode == dir)
			return openat(dir_fd(up), up->children[i]->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	return -1;
}

/* The cache's: don't close it, and don't keep it. -1 on error. */
int
dir_fd(struct inode *dir)
{
	int fd;

	for (unsigned i = 0; i < CACHED; i++)
		if (cache[i].dir == dir)
			return cache[i].fd;
	fd = open_dir(dir);
	if (fd < 0)
		return -1;
	if (cache[cache_next].dir != NULL)
		close(cache[cache_next].fd);
	cache[cache_next].dir = dir;
	cache[cache_next].fd = fd;
	cache_next = (cache_next + 1) % CACHED;
	return fd;
}

void
dir_forget(void)
{
	for (unsigned i = 0; i < CACHED; i++) {
		if (cache[i].dir != NULL)
			close(cache[i].fd);
		cache[i].dir = NULL;
	}
}

/* The name as it is given to the kernel: FAT drops dots at the end. */
static const char *
given(const char *name, size_t len)
{
	static char text[NAME_BYTES + 8];

	snprintf(text, sizeof(text), "%s%s", name, kind->fat && len < 200 && len % 8 == 0 ? "..." : "");
	return text;
}

/* --- making --- */

/* A new inode in a directory with S_ISGID has the directory's group; a directory has the bit, too. */
static struct inode *
born_in(const struct inode *dir, mode_t mode)
{
	bool group = (dir->mode & S_ISGID) != 0;
	struct inode *ino = inode_new(mode | (group && S_ISDIR(mode) ? S_ISGID : 0));

	ino->gid = group ? dir->gid : 0;
	return ino;
}

struct entry *
op_dir(struct inode *dir, const char *name, size_t len, mode_t mode)
{
	struct entry *e = entry_new(dir, name, len, born_in(dir, S_IFDIR | mode));

	if (live)
		expect(mkdirat(dir_fd(dir), given(name, len), mode) == 0, e, "mkdir");
	return e;
}

struct entry *
op_file(struct inode *dir, const char *name, size_t len, mode_t mode)
{
	struct entry *e = entry_new(dir, name, len, born_in(dir, S_IFREG | mode));

	if (live) {
		int fd = openat(dir_fd(dir), given(name, len), O_CREAT | O_EXCL | O_WRONLY, mode);

		expect(fd >= 0, e, "create");
		close(fd);
	}
	return e;
}

struct entry *
op_special(struct inode *dir, const char *name, size_t len, mode_t mode, dev_t rdev)
{
	struct entry *e = entry_new(dir, name, len, born_in(dir, mode));

	e->inode->rdev = rdev;
	if (live)
		expect(mknodat(dir_fd(dir), name, mode, rdev) == 0, e, "mknod");
	return e;
}

struct entry *
op_symlink(struct inode *dir, const char *name, size_t len, const char *target)
{
	struct entry *e = entry_new(dir, name, len, born_in(dir, S_IFLNK | 0777));

	e->inode->target = strdup(target);
	e->inode->size = strlen(target);
	if (live)
		expect(symlinkat(target, dir_fd(dir), name) == 0, e, "symlink");
	return e;
}

struct entry *
op_link(struct entry *old, struct inode *dir, const char *name, size_t len)
{
	struct entry *e = entry_new(dir, name, len, old->inode);

	if (live) {
		int to = dup(dir_fd(dir));

		expect(linkat(dir_fd(old->dir), old->name, to, name, 0) == 0, e, "link");
		close(to);
	}
	return e;
}

/* --- names --- */

void
op_rename(struct entry *e, struct inode *dir, const char *name, size_t len)
{
	if (live) {
		int to = dup(dir_fd(dir));

		expect(renameat(dir_fd(e->dir), e->name, to, given(name, len)) == 0, e, "rename");
		close(to);
	}
	entry_move(e, dir, name, len);
}

/* The same name but for the case of letters: the model doesn't change. */
void
op_rename_case(struct entry *e, const char *name)
{
	int fd = live ? dir_fd(e->dir) : -1;

	if (live)
		expect(renameat(fd, e->name, fd, name) == 0, e, "rename to another case");
}

/* Onto a name that is there, of another inode. */
void
op_replace(struct entry *e, struct entry *over)
{
	struct inode *dir = over->dir;
	char *name = strdup(over->name);
	size_t len = over->len;

	if (live) {
		int to = dup(dir_fd(dir));

		expect(renameat(dir_fd(e->dir), e->name, to, name) == 0, e, "rename onto another");
		close(to);
	}
	entry_remove(over);
	entry_move(e, dir, name, len);
	free(name);
}

void
op_exchange(struct entry *a, struct entry *b)
{
	struct inode *dir = a->dir;
	char *name = strdup(a->name);
	size_t len = a->len;

	if (live) {
		int to = dup(dir_fd(b->dir));

		expect(syscall(SYS_renameat2, dir_fd(dir), name, to, b->name, RENAME_EXCHANGE) == 0, a, "exchange");
		close(to);
	}
	entry_move(a, b->dir, b->name, b->len);
	entry_move(b, dir, name, len);
	free(name);
}

void
op_remove(struct entry *e)
{
	bool is_dir = S_ISDIR(e->inode->mode);

	if (is_dir)
		dir_forget();
	if (live)
		expect(unlinkat(dir_fd(e->dir), e->name, is_dir ? AT_REMOVEDIR : 0) == 0, e, "unlink");
	e->inode->touched = true;
	entry_remove(e);
}

/* --- data --- */

/* In pieces of odd sizes. direct: everything is a multiple of ALIGN but the end, which is written without. */
static bool
write_pieces(int fd, const struct inode *ino, uint32_t ver, uint64_t off, uint64_t len, bool direct, bool append)
{
	static _Alignas(ALIGN) unsigned char buf[CHUNK];
	uint64_t done = 0;

	while (done < len) {
		size_t most = direct ? CHUNK : 1 + mix(off + done) % CHUNK, n = len - done < most ? len - done : most;
		ssize_t did;

		if (direct && n % ALIGN != 0) {
			if (n > ALIGN)
				n -= n % ALIGN;
			else if (fcntl(fd, F_SETFL, 0) != 0)
				return false;
		}
		data_pattern(ino, ver, buf, off + done, n);
		did = append ? write(fd, buf, n) : pwrite(fd, buf, n, (off_t)(off + done));
		if (did <= 0)
			return false;
		done += (uint64_t)did;
	}
	return true;
}

static bool
write_mapped(int fd, const struct inode *ino, uint32_t ver, uint64_t off, uint64_t len)
{
	uint64_t base = off & ~(uint64_t)(ALIGN - 1);
	size_t size = off + len - base;
	unsigned char *p;

	if (ftruncate(fd, (off_t)ino->size) != 0)
		return false;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)base);
	if (p == MAP_FAILED)
		return false;
	data_pattern(ino, ver, p + (off - base), off, len);
	return munmap(p, size) == 0;
}

void
op_write(struct entry *e, uint64_t off, uint64_t len, bool append)
{
	struct inode *ino = e->inode;
	uint32_t ver = ++ino->versions;
	unsigned how = append ? 2 : (unsigned)(mix((uint64_t)ino->id << 20 | ver) % 12);
	bool mapped = how == 0 && len < (1 << 20), direct = how == 1 && off % ALIGN == 0;
	int fd;

	if (len == 0)
		return;
	if (append)
		off = ino->size;
	data_write(ino, off, len, ver);
	if (mapped)
		ino->no_map = true;
	if (!live)
		return;
	fd = openat(dir_fd(e->dir), e->name, (mapped ? O_RDWR : O_WRONLY) | (append ? O_APPEND : 0) | (direct ? O_DIRECT : 0));
	expect(fd >= 0, e, "open for writing");
	if (fd >= 0)
		expect(mapped ? write_mapped(fd, ino, ver, off, len) : write_pieces(fd, ino, ver, off, len, direct, append), e, "write");
	close(fd);
}

void
op_truncate(struct entry *e, uint64_t size)
{
	data_truncate(e->inode, size);
	if (live) {
		int fd = openat(dir_fd(e->dir), e->name, O_WRONLY);

		expect(fd >= 0 && ftruncate(fd, (off_t)size) == 0, e, "truncate");
		close(fd);
	}
}

void
op_punch(struct entry *e, uint64_t off, uint64_t len)
{
	data_punch(e->inode, off, len);
	if (live) {
		int fd = openat(dir_fd(e->dir), e->name, O_RDWR);

		expect(fd >= 0 && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len) == 0, e, "punch");
		close(fd);
	}
}

/* --- attributes --- */

/* FAT: only the bits for writing, of a file. */
void
op_owner(struct entry *e, uid_t uid, gid_t gid, mode_t mode)
{
	struct inode *ino = e->inode;
	int fd = live ? dir_fd(e->dir) : -1;

	ino->uid = uid;
	ino->gid = gid;
	if (!S_ISLNK(ino->mode))
		ino->mode = (ino->mode & S_IFMT) | mode;
	ino->touched = true;
	if (!live)
		return;
	if (!kind->fat)
		expect(fchownat(fd, e->name, uid, gid, AT_SYMLINK_NOFOLLOW) == 0, e, "chown");
	if (!S_ISLNK(ino->mode))
		expect(fchmodat(fd, e->name, mode, 0) == 0, e, "chmod");
}

/* The entry's path for calls that know no directories' descriptors. */
static const char *
fd_path(const struct entry *e)
{
	static char text[64 + NAME_BYTES];

	snprintf(text, sizeof(text), "/proc/self/fd/%d/%s", dir_fd(e->dir), e->name);
	return text;
}

void
op_attr(struct entry *e, const char *name, const void *value, size_t size)
{
	struct inode *ino = e->inode;
	uint32_t i = 0;

	while (i < ino->attr_count && strcmp(ino->attrs[i].name, name) != 0)
		i++;
	if (size == (size_t)-1) {
		if (live)
			expect(lremovexattr(fd_path(e), name) == 0, e, "removexattr");
		free(ino->attrs[i].name);
		free(ino->attrs[i].value);
		ino->attrs[i] = ino->attrs[--ino->attr_count];
		return;
	}
	if (i == ino->attr_count) {
		ino->attrs = realloc(ino->attrs, (i + 1) * sizeof(*ino->attrs));
		ino->attrs[ino->attr_count++] = (struct attr){ strdup(name), NULL, 0 };
	}
	free(ino->attrs[i].value);
	ino->attrs[i].value = malloc(size + 1);
	memcpy(ino->attrs[i].value, value, size);
	ino->attrs[i].size = size;
	if (live)
		expect(lsetxattr(fd_path(e), name, value, size, 0) == 0, e, "setxattr");
}

void
op_flags(struct entry *e, uint32_t flags)
{
	e->inode->flags = flags;
	if (live) {
		int fd = openat(dir_fd(e->dir), e->name, O_RDONLY | O_NONBLOCK), all = 0;

		expect(fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &all) == 0, e, "FS_IOC_GETFLAGS");
		all = (int)(((uint32_t)all & ~(uint32_t)(FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL)) | flags);
		expect(ioctl(fd, FS_IOC_SETFLAGS, &all) == 0, e, "FS_IOC_SETFLAGS");
		close(fd);
	}
}

void
op_times(struct entry *e, int64_t mtime, uint32_t mtime_ns, int64_t atime, uint32_t atime_ns)
{
	struct inode *ino = e->inode;
	struct timespec ts[2] = { { atime, atime_ns }, { mtime, mtime_ns } };

	ino->mtime = mtime;
	ino->mtime_ns = mtime_ns;
	ino->atime = atime;
	ino->atime_ns = atime_ns;
	ino->touched = false;
	if (live)
		expect(utimensat(dir_fd(e->dir), e->name, ts, AT_SYMLINK_NOFOLLOW) == 0, e, "utimensat");
}
