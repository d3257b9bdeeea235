/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unpacks an initramfs into the root: newc cpio archives, plain or compressed with gzip, one behind the other.
 *
 * The archive is fed through as a stream, so that a compressed one is never in memory as a whole besides the files made of it.
 * A damaged archive ends the work with a message that says what and where; what came before it stays. The initramfs may be
 * hostile only as far as a boot loader's file can be: names are walked from the root as init would.
 */
#define Z_SOLO
#include <zlib.h>

#include "fs/internal.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/cpio.h"
#include "sys/lib/string.h"
#include "sys/log.h"

#define WINDOW		(64 * KIB)

enum state { HEADER, NAME, NAME_PAD, DATA, DATA_PAD };

/* A name seen first for a (device, number) with several links. */
struct link {
	struct list node;
	u32 ino, major, minor, archive;
	char name[];
};

/* A directory whose time is set at the end. */
struct dir_time {
	struct list node;
	u32 mtime;
	char name[];
};

struct unpack {
	const char *what;		/* for messages */
	enum state state;
	u64 pos;			/* in the unpacked stream */
	u64 entry;			/* where the entry began */
	struct cpio_entry e;
	u8 header[CPIO_HEADER];
	char name[PATH_MAX_K + 1], target[PATH_MAX_K + 1];
	u32 name_size;
	u64 have, need;			/* of the current part */
	bool behind_trailer;
	struct file *file;		/* being written */
	off_t file_pos;
	bool skip;			/* the entry could not be made: pass over its data */
	u32 sum;
	u32 archive, entries, failed;
	struct list links, dirs;
	z_stream z;
	u8 *window;
};

static int
damaged(const struct unpack *u, const char *why)
{
	log_err("initramfs: %s: %s at byte %llu", u->what, why, (unsigned long long)u->pos);
	return -EINVAL;
}

/* One entry fails (no space, a missing directory): say so, but go on. */
static void
entry_failed(struct unpack *u, int err)
{
	if (u->failed++ < 10)
		log_warn("initramfs: %s: cannot make %s: error %d", u->what, u->name, -err);
	u->skip = true;
}

/* --- entries --- */

static struct link *
find_link(struct unpack *u)
{
	const struct cpio_entry *e = &u->e;
	struct link *l;

	list_for_each(l, &u->links, node)
		if (l->ino == e->ino && l->major == e->dev_major && l->minor == e->dev_minor && l->archive == u->archive)
			return l;
	return NULL;
}

/* A further link of what was made before: 1. Else the name is remembered: 0. */
static int
make_link(struct unpack *u)
{
	struct link *l;
	struct path old;
	size_t len = strlen(u->name);
	int err;

	if (u->e.nlink < 2)
		return 0;
	l = find_link(u);
	if (l != NULL) {
		(void)!path_unlink(AT_FDCWD, u->name);
		err = kern_path(l->name, 0, &old);
		if (err != 0)
			return err;
		err = path_link(&old, AT_FDCWD, u->name);
		path_put(&old);
		return err != 0 ? err : 1;
	}
	l = kmem_alloc(sizeof(*l) + len + 1, KM_NORMAL);
	if (l == NULL)
		return -ENOMEM;
	l->ino = u->e.ino;
	l->major = u->e.dev_major;
	l->minor = u->e.dev_minor;
	l->archive = u->archive;
	memcpy(l->name, u->name, len + 1);
	list_add(&u->links, &l->node);
	return 0;
}

/* Owner, mode and time of what was made. */
static int
set_attributes(struct unpack *u)
{
	nsec_t mtime = (nsec_t)u->e.mtime * NSEC_PER_SEC;
	struct iattr a = { .valid = ATTR_UID | ATTR_GID | ATTR_ATIME | ATTR_MTIME | ATTR_ATIME_SET | ATTR_MTIME_SET | ATTR_FORCE,
		.mode = u->e.mode, .uid = { u->e.uid }, .gid = { u->e.gid }, .atime = mtime, .mtime = mtime };
	struct path p;
	int err = kern_path(u->name, 0, &p);

	if (err != 0)
		return err;
	if (!S_ISLNK(u->e.mode))
		a.valid |= ATTR_MODE;
	err = vnode_setattr(&p, &a);
	path_put(&p);
	return err;
}

static int
make_dir(struct unpack *u)
{
	size_t len = strlen(u->name);
	struct dir_time *t;
	int err = path_mkdir(AT_FDCWD, u->name, u->e.mode & S_IALLUGO);

	if (err != 0 && err != -EEXIST)
		return err;
	t = kmem_alloc(sizeof(*t) + len + 1, KM_NORMAL);
	if (t != NULL) {
		t->mtime = u->e.mtime;
		memcpy(t->name, u->name, len + 1);
		list_add(&u->dirs, &t->node);
	}
	return set_attributes(u);
}

/* What an earlier archive put there gives way, unless directories meet. */
static void
clear_place(struct unpack *u)
{
	struct path p;
	bool dir;

	if (kern_path(u->name, 0, &p) != 0)
		return;
	dir = S_ISDIR(p.dentry->vn->mode);
	path_put(&p);
	if (!dir)
		(void)!path_unlink(AT_FDCWD, u->name);
	else if (!S_ISDIR(u->e.mode))
		(void)!path_rmdir(AT_FDCWD, u->name);
}

/* The header and the name are there. */
static int
begin_entry(struct unpack *u)
{
	int err;

	if (strcmp(u->name, CPIO_TRAILER) == 0) {
		u->behind_trailer = true;
		u->archive++;
		return 0;
	}
	u->entries++;
	if (S_ISDIR(u->e.mode))
		return make_dir(u);
	err = S_ISLNK(u->e.mode) ? 0 : make_link(u);
	if (err < 0)
		return err;
	if (err == 0)
		clear_place(u);
	if (S_ISREG(u->e.mode)) {
		int trunc = err == 0 || u->e.size > 0 ? O_TRUNC : 0;

		err = file_open(u->name, O_WRONLY | O_CREAT | trunc | O_NOFOLLOW, u->e.mode & S_IALLUGO, &u->file);
		u->file_pos = 0;
		return err;
	}
	if (S_ISLNK(u->e.mode))
		return u->e.size == 0 || u->e.size > PATH_MAX_K - 1 ? -ENAMETOOLONG : 0;	/* made when its target is here */
	if (err == 0)
		err = path_mknod(AT_FDCWD, u->name, u->e.mode, makedev_k(u->e.rdev_major, u->e.rdev_minor));
	return err < 0 ? err : set_attributes(u);
}

static int
take_data(struct unpack *u, const u8 *p, size_t n)
{
	for (size_t i = 0; u->e.checked && i < n; i++)
		u->sum += p[i];
	if (u->skip || u->behind_trailer)
		return 0;
	if (S_ISLNK(u->e.mode)) {
		memcpy(u->target + u->have, p, n);
		return 0;
	}
	while (u->file != NULL && n > 0) {
		ssize_t done = file_write_kernel(u->file, p, n, &u->file_pos);

		if (done <= 0)
			return done < 0 ? (int)done : -EIO;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* All data is there. */
static int
end_entry(struct unpack *u)
{
	int err = 0;

	if (u->file != NULL) {
		file_put(u->file);
		u->file = NULL;
		if (!u->skip)
			err = set_attributes(u);
	} else if (S_ISLNK(u->e.mode) && !u->skip && !u->behind_trailer) {
		u->target[u->e.size] = '\0';
		err = path_symlink(u->target, AT_FDCWD, u->name);
		if (err == 0)
			err = set_attributes(u);
	}
	if (err != 0)
		entry_failed(u, err);
	if (u->e.checked && u->sum != u->e.check)
		return damaged(u, "wrong checksum");
	return 0;
}

/* --- the stream --- */

static void
expect(struct unpack *u, enum state state, u64 need)
{
	u->state = state;
	u->have = 0;
	u->need = need;
}

static u32
padding(u64 pos)
{
	return (u32)(-pos & 3);
}

/* A part is complete: what comes next? */
static int
next_part(struct unpack *u)
{
	int err;

	switch (u->state) {
	case HEADER:
		if (cpio_parse_header(u->header, &u->e, &u->name_size) != 0)
			return damaged(u, "no cpio header");
		if (u->name_size < 2 || u->name_size > PATH_MAX_K)
			return damaged(u, "bad length of a name");
		u->behind_trailer = false;
		u->sum = 0;
		u->skip = false;
		expect(u, NAME, u->name_size);
		return 0;
	case NAME:
		if (u->name[u->name_size - 1] != '\0' || u->name[0] == '\0')
			return damaged(u, "bad name");
		err = begin_entry(u);
		if (err != 0)
			entry_failed(u, err);
		expect(u, NAME_PAD, padding(CPIO_HEADER + u->name_size));
		return 0;
	case NAME_PAD:
		expect(u, DATA, u->e.size);
		return 0;
	case DATA:
		err = end_entry(u);
		expect(u, DATA_PAD, padding(u->e.size));
		return err;
	case DATA_PAD:
		expect(u, HEADER, CPIO_HEADER);
		return 0;
	}
	return -EINVAL;
}

static int
take(struct unpack *u, const u8 *p, size_t n)
{
	int err = 0;

	switch (u->state) {
	case HEADER:
		memcpy(u->header + u->have, p, n);
		break;
	case NAME:
		memcpy(u->name + u->have, p, n);
		break;
	case DATA:
		err = take_data(u, p, n);
		if (err != 0) {
			entry_failed(u, err);
			err = 0;
		}
		break;
	case NAME_PAD:
	case DATA_PAD:
		break;
	}
	u->have += n;
	u->pos += n;
	return err;
}

static bool
at_entry_start(const struct unpack *u)
{
	return u->state == HEADER && u->have == 0;
}

static int
feed(struct unpack *u, const u8 *p, size_t n)
{
	while (n > 0 || u->need == u->have) {
		size_t part;
		int err;

		if (u->need == u->have) {
			err = next_part(u);
			if (err != 0)
				return err;
			if (n == 0)
				continue;
		}
		while (at_entry_start(u) && n > 0 && *p == 0) {
			p++;
			n--;
			u->pos++;
		}
		if (at_entry_start(u))
			u->entry = u->pos;
		part = MIN(n, (size_t)(u->need - u->have));
		err = take(u, p, part);
		if (err != 0)
			return err;
		p += part;
		n -= part;
		if (n == 0 && u->need != u->have)
			return 0;
	}
	return 0;
}

static voidpf
z_alloc(voidpf opaque, uInt n, uInt size)
{
	(void)opaque;
	return kmem_alloc_array(n, size, KM_NORMAL);
}

static void
z_free(voidpf opaque, voidpf p)
{
	(void)opaque;
	kmem_free(p);
}

/* One gzip member at *p; both move behind it. */
static int
feed_gzip(struct unpack *u, const u8 **p, size_t *n)
{
	int r, err = 0;

	memset(&u->z, 0, sizeof(u->z));
	u->z.zalloc = z_alloc;
	u->z.zfree = z_free;
	if (inflateInit2(&u->z, 15 + 16) != Z_OK)
		return -ENOMEM;
	do {
		uInt in = (uInt)MIN(*n, (size_t)(1 << 30));

		u->z.next_in = (z_const Bytef *)(uintptr_t)*p;
		u->z.avail_in = in;
		u->z.next_out = u->window;
		u->z.avail_out = WINDOW;
		r = inflate(&u->z, Z_NO_FLUSH);
		*p += in - u->z.avail_in;
		*n -= in - u->z.avail_in;
		if (r == Z_MEM_ERROR)
			err = -ENOMEM;
		else if (r != Z_OK && r != Z_STREAM_END)
			err = damaged(u, r == Z_BUF_ERROR ? "gzip data ends too early" : "damaged gzip data");
		else
			err = feed(u, u->window, WINDOW - u->z.avail_out);
	} while (err == 0 && r != Z_STREAM_END);
	inflateEnd(&u->z);
	return err;
}

/* Compressed formats that we cannot read get a better message than "no header". */
static const char *
foreign_format(const u8 *p, size_t n)
{
	static const struct { const char *magic; u8 len; const char *text; } formats[] = {
		{ "\xfd""7zXZ", 5, "xz compression is not supported" }, { "\x28\xb5\x2f\xfd", 4, "zstd compression is not supported" },
		{ "BZh", 3, "bzip2 compression is not supported" }, { "\x02\x21", 2, "lz4 compression is not supported" },
		{ "\x04\x22\x4d\x18", 4, "lz4 compression is not supported" }, { "\x5d\0\0", 3, "lzma compression is not supported" },
		{ "\x89LZO", 4, "lzo compression is not supported" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (n >= formats[i].len && memcmp(p, formats[i].magic, formats[i].len) == 0)
			return formats[i].text;
	return NULL;
}

static int
unpack_all(struct unpack *u, const u8 *p, size_t n)
{
	while (n > 0) {
		const char *foreign;
		size_t part;
		int err;

		if (at_entry_start(u) && *p == 0) {
			p++;
			n--;
			u->pos++;
			continue;
		}
		if (at_entry_start(u) && n >= 2 && p[0] == 0x1f && p[1] == 0x8b) {
			err = feed_gzip(u, &p, &n);
			if (err != 0)
				return err;
			continue;
		}
		foreign = at_entry_start(u) ? foreign_format(p, n) : NULL;
		if (foreign != NULL)
			return damaged(u, foreign);
		/* Up to the end of the entry's part, so that another format may begin behind any entry. */
		part = MIN(n, (size_t)(u->need - u->have));
		err = feed(u, p, part);
		if (err != 0)
			return err;
		p += part;
		n -= part;
	}
	if (!at_entry_start(u))
		return damaged(u, "the archive ends inside an entry");
	if (!u->behind_trailer && u->entries > 0)
		log_warn("initramfs: %s: the archive has no end mark: it may have been cut", u->what);
	return 0;
}

static void
set_dir_times(struct unpack *u)
{
	struct dir_time *t;

	while ((t = list_first(&u->dirs, struct dir_time, node)) != NULL) {
		nsec_t mtime = (nsec_t)t->mtime * NSEC_PER_SEC;
		struct iattr a = { .valid = ATTR_ATIME | ATTR_MTIME | ATTR_ATIME_SET | ATTR_MTIME_SET | ATTR_FORCE,
			.atime = mtime, .mtime = mtime };
		struct path p;

		if (kern_path(t->name, 0, &p) == 0) {
			(void)!vnode_setattr(&p, &a);
			path_put(&p);
		}
		list_del(&t->node);
		kmem_free(t);
	}
}

int
initramfs_unpack(const void *data, size_t size, const char *name)
{
	struct unpack *u = kmem_alloc(sizeof(*u), KM_ZERO);
	struct link *l;
	int err;

	if (u == NULL)
		return -ENOMEM;
	u->what = name;
	list_init(&u->links);
	list_init(&u->dirs);
	expect(u, HEADER, CPIO_HEADER);
	err = -ENOMEM;
	u->window = kmem_alloc(WINDOW, KM_NORMAL);
	if (u->window != NULL)
		err = unpack_all(u, data, size);
	if (u->file != NULL)
		file_put(u->file);
	set_dir_times(u);
	while ((l = list_first(&u->links, struct link, node)) != NULL) {
		list_del(&l->node);
		kmem_free(l);
	}
	log_info("initramfs: %s: %u entries%s", name, u->entries, err != 0 ? ", then it failed" : "");
	kmem_free(u->window);
	kmem_free(u);
	return err;
}
