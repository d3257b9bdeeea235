/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the VFS needs of the floors beside and below it, on the host: root's credentials, limits, and a page cache that is a
 * growing array of pages per mapping.
 */
#include "tests/unit/test.h"

#include "fs/epoll.h"
#include "fs/internal.h"
#include "fs/pipe.h"
#include "tests/unit/fs/host.h"
#include "tests/unit/shim/shim.h"

#include "dev/chrdev.h"
#include "mm/aspace.h"
#include "mm/iobuf.h"
#include "mm/usercopy.h"
#include "sys/abi/resource.h"
#include "sys/clock.h"
#include "sys/cred.h"
#include "sys/pid.h"
#include "sys/signal.h"
#include "sys/thread.h"

/* --- identity and limits --- */

const struct cred init_cred = { .refs = { 1 }, .cap_effective = CAP_ALL, .cap_permitted = CAP_ALL };
static struct cred current_cred;
u64 host_nofile = 1024;

const struct cred *cred_current(void) { return &current_cred; }
const struct cred *cred_get(const struct cred *c) { return c; }
void cred_put(const struct cred *c) { (void)c; }
bool capable(int cap) { return current_cred.cap_effective & BIT(cap); }
bool cred_in_group(const struct cred *c, kgid_t gid) { return c->fsgid.val == gid.val; }
u64 rlimit_current(int r) { return r == RLIMIT_NOFILE ? host_nofile : RLIM_INFINITY; }
void pid_get(struct pid *p) { (void)p; }
void pid_put(struct pid *p) { (void)p; }
pid_t pid_nr(const struct pid *p) { (void)p; return 1; }
struct pid *process_tgid_current(void) { return NULL; }
int signal_send_thread(struct thread *t, int sig, const struct siginfo_k *i) { (void)t, (void)sig, (void)i; return 0; }
int signal_send_pid(struct pid *p, int sig, const struct siginfo_k *i) { (void)p, (void)sig, (void)i; return 0; }

/* --- devices, pipes, epoll: nothing behind them --- */

const struct file_ops pipe_fops;
void pipe_init(void) { }
void epoll_init(void) { }
void epoll_file_release(struct file *f) { (void)f; }
int file_set_async(struct file *f, int fd, bool on) { (void)f; (void)fd; (void)on; return 0; }
int chrdev_find(dev_t d, struct chrdev *out, u32 *minor) { (void)d, (void)out, (void)minor; return -ENXIO; }

/* --- memory --- */

void
mem_stats_get(struct mem_stats *out)
{
	memset(out, 0, sizeof(*out));
	out->total = 4096;
}

struct shrinker *host_shrinkers[4];
void
shrinker_register(struct shrinker *s)
{
	for (int i = 0; i < 4; i++) {
		if (host_shrinkers[i] == NULL || host_shrinkers[i] == s) {
			host_shrinkers[i] = s;
			return;
		}
	}
}

struct store { u8 *page[256]; };
u64 host_live_pages;

void
mapping_init(struct mapping *m, const struct mapping_ops *ops, void *owner, u32 flags)
{
	memset(m, 0, sizeof(*m));
	m->ops = ops;
	m->owner = owner;
	m->flags = flags;
	rwlock_init(&m->rmap_lock, LOCK_RMAP_FILE);
}

static u8 *
page_of(struct mapping *m, u64 index, int *err)
{
	struct store *s = m->pages.root;

	*err = -EFBIG;
	if (index >= ARRAY_SIZE(s->page))
		return NULL;
	if (s == NULL)
		s = m->pages.root = calloc(1, sizeof(*s));
	if (s->page[index] == NULL) {
		*err = m->ops != NULL && m->ops->charge != NULL ? m->ops->charge(m, 1) : 0;
		if (*err != 0)
			return NULL;
		s->page[index] = calloc(1, PAGE_SIZE);
		m->nr_pages++;
		host_live_pages++;
	}
	*err = 0;
	return s->page[index];
}

void
mapping_truncate(struct mapping *m, off_t start, off_t end)
{
	struct store *s = m->pages.root;

	for (u64 i = 0; s != NULL && i < ARRAY_SIZE(s->page); i++) {
		off_t a = MAX(start, (off_t)(i * PAGE_SIZE)), b = MIN(end, (off_t)((i + 1) * PAGE_SIZE));

		if (s->page[i] == NULL || a >= b)
			continue;
		if (b - a < (off_t)PAGE_SIZE) {
			memset(s->page[i] + a % PAGE_SIZE, 0, (size_t)(b - a));
			continue;
		}
		free(s->page[i]);
		s->page[i] = NULL;
		m->nr_pages--;
		host_live_pages--;
		if (m->ops != NULL && m->ops->charge != NULL)
			(void)m->ops->charge(m, -1);
	}
}

void
mapping_destroy(struct mapping *m)
{
	mapping_truncate(m, 0, INT64_MAX);
	free(m->pages.root);
}

ssize_t
pagecache_read_ahead(struct mapping *m, struct iobuf *buf, off_t *pos, off_t size, struct read_ahead *ra)
{
	(void)ra;
	ssize_t done = 0;
	int err;

	while (iobuf_left(buf) > 0 && *pos < size) {
		size_t off = (size_t)*pos % PAGE_SIZE, n = MIN(MIN(PAGE_SIZE - off, iobuf_left(buf)), (size_t)(size - *pos));
		u8 *p = page_of(m, (u64)*pos / PAGE_SIZE, &err);

		ck_assert(p != NULL);
		ck_assert_uint_eq(iobuf_copy_out(buf, p + off, n), n);
		*pos += (off_t)n;
		done += (ssize_t)n;
	}
	return done;
}

ssize_t
pagecache_write(struct mapping *m, struct iobuf *buf, off_t *pos, void (*update)(struct mapping *m, off_t end))
{
	ssize_t done = 0;
	int err;

	while (iobuf_left(buf) > 0) {
		size_t off = (size_t)*pos % PAGE_SIZE, n = MIN(PAGE_SIZE - off, iobuf_left(buf));
		u8 *p = page_of(m, (u64)*pos / PAGE_SIZE, &err);

		if (p == NULL)
			return done > 0 ? done : err;
		ck_assert_uint_eq(iobuf_copy_in(buf, p + off, n), n);
		*pos += (off_t)n;
		done += (ssize_t)n;
		update(m, *pos);
	}
	return done;
}

off_t mapping_seek(struct mapping *m, off_t off, off_t size, bool hole) { (void)m, (void)size, (void)hole; return off; }
int mapping_sync(struct mapping *m, off_t a, off_t b) { (void)m, (void)a, (void)b; return 0; }
int mapping_flush(struct mapping *m, struct writeback_control *wbc) { (void)m, (void)wbc; return 0; }
void mapping_set_error(struct mapping *m, int err) { (void)m, (void)err; }
const struct file_ops blkdev_fops;
void ext2_init(void);
void ext2_init(void) { }
u32 mapping_sample_error(struct mapping *m) { (void)m; return 0; }
int mapping_check_error(struct mapping *m, u32 *seen) { (void)m, (void)seen; return 0; }
struct page *mapping_find(struct mapping *m, u64 i) { (void)m, (void)i; return NULL; }
int mapping_get_locked(struct mapping *m, u64 i, struct page **pg) { (void)m, (void)i, (void)pg; return -ENOMEM; }
void mapping_dirty(struct mapping *m, struct page *pg) { (void)m, (void)pg; }
void page_unlock(struct page *pg) { (void)pg; }
void page_put(struct page *pg) { (void)pg; }

/* --- memory of a transfer: kernel buffers only --- */

void
iobuf_init_kernel(struct iobuf *b, void *p, size_t len, bool to_user)
{
	*b = (struct iobuf){ .kind = IOBUF_KERNEL, .to_user = to_user, .nsegs = 1, .left = len, .one = { (u64)p, len } };
}

size_t
iobuf_copy_out(struct iobuf *b, const void *p, size_t n)
{
	memcpy((u8 *)b->one.base + b->seg_off, p, n);
	iobuf_skip(b, n);
	return n;
}

size_t
iobuf_copy_in(struct iobuf *b, void *p, size_t n)
{
	memcpy(p, (u8 *)b->one.base + b->seg_off, n);
	iobuf_skip(b, n);
	return n;
}

void
iobuf_skip(struct iobuf *b, size_t n)
{
	b->seg_off += n;
	b->left -= n;
}

/* No test comes from user space. */
ssize_t copy_string_from_user(char *d, const char *s, size_t n) { (void)d, (void)s, (void)n; return -EFAULT; }

void iobuf_truncate(struct iobuf *b, size_t left) { b->left = left; }

/* --- for tests --- */

void
host_boot(void)
{
	current_cred = init_cred;
	vfs_init();
	unit_thread.files = files_create();
	ck_assert(unit_thread.files != NULL);
}

void
host_shutdown(void)
{
	files_put(unit_thread.files);
	unit_thread.files = NULL;
	unit_rcu_flush();
	ck_assert_uint_eq(unit_locks_held(), 0);
}

void
host_write(const char *name, const void *data, size_t len)
{
	struct file *f;
	off_t pos = 0;

	ck_assert_int_eq(file_open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644, &f), 0);
	ck_assert_int_eq(file_write_kernel(f, data, len, &pos), (ssize_t)len);
	file_put(f);
}

char *
host_read(const char *name)
{
	struct file *f;
	char *text;
	off_t pos = 0;
	size_t size;

	if (file_open(name, O_RDONLY, 0, &f) != 0)
		return NULL;
	size = (size_t)vnode_size(f->vn);
	text = calloc(1, size + 1);
	ck_assert_int_eq(file_read_kernel(f, text, size, &pos), (ssize_t)size);
	file_put(f);
	return text;
}
