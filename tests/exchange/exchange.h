/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tree of files as it should be, kept in memory, and the calls that make it so on a disk.
 *
 * Everything follows from the seed, the kind of file system and the stage. plan_stage() changes the model, and where `live` is set does the
 * same to the mounted file system; verify_tree() compares the two. So a kernel that reads need not know what the one that wrote did.
 */
#ifndef TESTS_EXCHANGE_H
#define TESTS_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NAME_BYTES	255
#define CHUNK		(64u << 10)
#define BIG_FILE	(16u << 20)	/* from here on a file is read where its data is, not whole */

struct kind {
	const char *name, *fs, *opts;
	bool fat;
	uint32_t block;			/* ext: bytes of a block */
	uint64_t biggest;		/* bytes that a sparse file may span */
};

/* What was written where, in order: later ones hide earlier ones. ver 0: zeros. */
struct seg { uint64_t off, len; uint32_t ver; };

/* Blocks that hold data, sorted, not touching each other. */
struct run { uint64_t first, end; };

struct attr { char *name; unsigned char *value; size_t size; };

struct entry { struct inode *dir, *inode; char *name; size_t len; };

struct inode {
	uint32_t id, versions, nlink, flags;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	int64_t mtime, atime;
	uint32_t mtime_ns, atime_ns;
	uint64_t size;
	struct seg *segs;
	struct run *runs;
	uint32_t seg_count, run_count, attr_count, child_count, child_room;
	struct attr *attrs;
	char *target;
	bool no_map;			/* which blocks it has depends on the kernel */
	bool touched;			/* its times are set at the end of the stage */
	bool kept;			/* no operation of the plan moves or removes it */
	struct inode *parent;
	struct entry **children;	/* of a directory, in no order */
};

/* --- model.c --- */
extern const struct kind *kind;
extern struct inode *root;
extern struct entry **entries;		/* every name */
extern uint32_t entry_count;

uint64_t	mix(uint64_t v);
void		rnd_seed(uint64_t v);
uint64_t	rnd(uint64_t n);
bool		chance(unsigned in);
void		*grow(void *array, uint32_t count, size_t size);
const struct kind *kind_of(const char *name);
struct inode	*inode_new(mode_t mode);
struct entry	*entry_new(struct inode *dir, const char *name, size_t len, struct inode *ino);
void		entry_remove(struct entry *e);
void		entry_move(struct entry *e, struct inode *dir, const char *name, size_t len);
struct entry	*entry_find(const struct inode *dir, const char *name, size_t len);
bool		inode_below(const struct inode *dir, const struct inode *top);
void		data_write(struct inode *ino, uint64_t off, uint64_t len, uint32_t ver);
void		data_truncate(struct inode *ino, uint64_t size);
void		data_punch(struct inode *ino, uint64_t off, uint64_t len);
void		data_fill(const struct inode *ino, unsigned char *buf, uint64_t off, size_t len);
void		data_pattern(const struct inode *ino, uint32_t ver, unsigned char *buf, uint64_t off, size_t len);

/* --- names.c --- */
size_t		name_make(const struct inode *dir, char *name);	/* one that is free in `dir`; its length */

/* --- ops.c: the model, and the disk if `live` --- */
extern bool live;
extern unsigned faults;
extern char mount_point[32], label[48];	/* label: the disk and its kind, for the log */

void		fault(const struct entry *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int		dir_fd(struct inode *dir);
void		dir_forget(void);
struct entry	*op_dir(struct inode *dir, const char *name, size_t len, mode_t mode);
struct entry	*op_file(struct inode *dir, const char *name, size_t len, mode_t mode);
struct entry	*op_special(struct inode *dir, const char *name, size_t len, mode_t mode, dev_t rdev);
struct entry	*op_symlink(struct inode *dir, const char *name, size_t len, const char *target);
struct entry	*op_link(struct entry *old, struct inode *dir, const char *name, size_t len);
void		op_rename(struct entry *e, struct inode *dir, const char *name, size_t len);
void		op_rename_case(struct entry *e, const char *name);
void		op_replace(struct entry *e, struct entry *over);
void		op_exchange(struct entry *a, struct entry *b);
void		op_remove(struct entry *e);
void		op_write(struct entry *e, uint64_t off, uint64_t len, bool append);
void		op_truncate(struct entry *e, uint64_t size);
void		op_punch(struct entry *e, uint64_t off, uint64_t len);
void		op_owner(struct entry *e, uid_t uid, gid_t gid, mode_t mode);
void		op_attr(struct entry *e, const char *name, const void *value, size_t size);	/* size -1: remove */
void		op_flags(struct entry *e, uint32_t flags);
void		op_times(struct entry *e, int64_t mtime, uint32_t mtime_ns, int64_t atime, uint32_t atime_ns);

/* --- plan.c, verify.c --- */
void		plan_stage(uint64_t seed, unsigned stage, unsigned files, bool big);
void		verify_tree(uint64_t seed);

#endif
