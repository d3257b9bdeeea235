/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pipes and FIFOs. See pipe(7), fifo(7).
 *
 * Data stands in a ring of page buffers. A write of at most PIPE_BUF bytes goes into one buffer (the last one, where it
 * fits whole, or a new one), which makes it atomic without further ado. Waking: a writer that finds the ring empty wakes a
 * reader, a reader that finds it full wakes a writer; both wait exclusively, and whoever leaves something behind for
 * the next one of his kind wakes him. Who is to be woken is seen under the lock, and woken without it: he wants it first of all.
 */
#include "fs/pipe.h"

#include "fs/path.h"
#include "mm/iobuf.h"
#include "mm/usercopy.h"
#include "sys/abi/ioctl.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/panic.h"
#include "sys/signal.h"

static struct kmem_cache *pipe_cache;	/* [I] */

static struct pipe *
pipe_of(struct file *f)
{
	return f->priv;
}

static void
wake_one(struct waitq *q, u32 events)
{
	if (waitq_active(q))
		waitq_wake(q, 1, events);
}

void
pipe_unlock_and_wake(struct pipe *p, bool reader, bool writer)
{
	mutex_unlock(&p->lock);
	if (reader)
		wake_one(&p->readers_wq, POLLIN | POLLRDNORM);
	if (writer)
		wake_one(&p->writers_wq, POLLOUT | POLLWRNORM);
}

/* --- life --- */

static struct pipe *
pipe_create(void)
{
	struct pipe *p = kmem_cache_alloc(pipe_cache, KM_USER | KM_ZERO);

	if (p == NULL)
		return NULL;
	p->slots = pipe_charge_new(&p->user);
	if (p->slots == 0)
		goto out_free;
	p->bufs = kmem_alloc_array(p->slots, sizeof(*p->bufs), KM_USER | KM_ZERO);
	if (p->bufs == NULL)
		goto out_uncharge;
	mutex_init(&p->lock, LOCK_PIPE);
	waitq_init(&p->readers_wq);
	waitq_init(&p->writers_wq);
	return p;
out_uncharge:
	pipe_uncharge(p->user, p->slots);
out_free:
	kmem_cache_free(pipe_cache, p);
	return NULL;
}

static void
pipe_destroy(struct pipe *p)
{
	for (; p->tail != p->head; p->tail++)
		page_put(ring_slot(p, p->tail)->page);
	for (u32 i = 0; i < ARRAY_SIZE(p->spare); i++)
		if (p->spare[i] != NULL)
			page_put(p->spare[i]);
	kmem_free(p->bufs);
	pipe_uncharge(p->user, p->slots);
	kmem_cache_free(pipe_cache, p);
}

/* The vnode's pipe, made at the first open, with one more open file. NULL: no memory. */
static struct pipe *
pipe_attach(struct vnode *vn)
{
	struct pipe *fresh = NULL, *p;

	if (READ_ONCE(vn->pipe) == NULL && (fresh = pipe_create()) == NULL)
		return NULL;
	for (;;) {
		spin_lock(&vn->lock);
		if (vn->pipe == NULL) {
			vn->pipe = fresh;
			fresh = NULL;
		}
		p = vn->pipe;
		if (p != NULL)
			p->files++;
		spin_unlock(&vn->lock);
		if (p != NULL)
			break;
		fresh = pipe_create();	/* the last file was closed between the two looks */
		if (fresh == NULL)
			return NULL;
	}
	if (fresh != NULL)
		pipe_destroy(fresh);
	return p;
}

static void
pipe_detach(struct vnode *vn, struct pipe *p)
{
	bool last;

	spin_lock(&vn->lock);
	last = --p->files == 0;
	if (last)
		vn->pipe = NULL;
	spin_unlock(&vn->lock);
	if (last)
		pipe_destroy(p);
}

/* --- pages --- */

static struct page *
take_page(struct pipe *p)
{
	for (u32 i = 0; i < ARRAY_SIZE(p->spare); i++) {
		struct page *pg = p->spare[i];

		if (pg != NULL) {
			p->spare[i] = NULL;
			return pg;
		}
	}
	return page_alloc(0, KM_USER);
}

static void
give_page(struct pipe *p, struct page *pg, bool foreign)
{
	/* Another pipe may have it too (tee): only one that is ours alone is kept. */
	if (!foreign && refcount_read(&pg->refs) == 1) {
		for (u32 i = 0; i < ARRAY_SIZE(p->spare); i++) {
			if (p->spare[i] == NULL) {
				p->spare[i] = pg;
				return;
			}
		}
	}
	page_put(pg);
}

/* --- read --- */

void
pipe_drop_front(struct pipe *p, u32 n)
{
	struct pipe_buf *b = ring_slot(p, p->tail);

	b->off += n;
	b->len -= n;
	if (b->len == 0) {
		give_page(p, b->page, b->foreign);
		b->page = NULL;
		WRITE_ONCE(p->tail, p->tail + 1);
	}
}

/* May a reader act: take something, or see the end? */
static bool
reader_may(struct pipe *p)
{
	return !READ_ONCE(p->busy) && (!ring_empty(p) || READ_ONCE(p->writers) == 0);
}

int
pipe_wait_data(struct pipe *p, bool nonblock)
{
	int err;

	mutex_assert_held(&p->lock);
	while (!reader_may(p)) {
		if (nonblock)
			return -EAGAIN;
		mutex_unlock(&p->lock);
		err = wait_event_interruptible_exclusive(&p->readers_wq, reader_may(p));
		mutex_lock(&p->lock);
		if (err != 0) {
			if (reader_may(p))
				wake_one(&p->readers_wq, POLLIN | POLLRDNORM);	/* a wake-up that was ours */
			return err;
		}
	}
	return !ring_empty(p);
}

/* Take from the first buffer. Bytes, or -EFAULT. */
static ssize_t
consume(struct pipe *p, struct iobuf *buf)
{
	struct pipe_buf *b = ring_slot(p, p->tail);
	size_t n = MIN((size_t)b->len, iobuf_left(buf));
	size_t copied = iobuf_copy_out(buf, (char *)page_address(b->page) + b->off, n);

	if (copied == 0 && n != 0)
		return -EFAULT;
	pipe_drop_front(p, b->packet && copied == n ? b->len : (u32)copied);	/* the rest of a packet is lost */
	return (ssize_t)copied;
}

ssize_t
pipe_read_into(struct file *f, struct iobuf *buf, bool nonblock)
{
	struct pipe *p = pipe_of(f);
	bool was_full = false;
	ssize_t done = 0, n;

	if (iobuf_left(buf) == 0)
		return 0;
	mutex_lock(&p->lock);
	n = pipe_wait_data(p, nonblock);
	if (n < 0)
		done = n;
	while (n > 0 && !ring_empty(p)) {
		bool packet = ring_slot(p, p->tail)->packet;

		was_full |= ring_full(p);
		n = consume(p, buf);
		if (n < 0) {
			if (done == 0)
				done = n;
			break;
		}
		done += n;
		if (iobuf_left(buf) == 0 || packet)
			break;
	}
	pipe_unlock_and_wake(p, reader_may(p), was_full && !ring_full(p));
	if (done > 0)
		vnode_touch(f->vn, VT_ATIME);
	return done;
}

static ssize_t
pipe_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	(void)pos;
	return pipe_read_into(f, buf, atomic_load_relaxed(&f->flags) & O_NONBLOCK);
}

/* --- write --- */

/* Append to the last buffer what may go there: bytes, 0 (nothing may), -EFAULT. */
static ssize_t
append(struct pipe *p, struct iobuf *buf)
{
	struct pipe_buf *b;
	size_t space, n;

	if (ring_empty(p))
		return 0;
	b = ring_slot(p, p->head - 1);
	space = PAGE_SIZE - b->off - b->len;
	if (!b->merge || space == 0 || (iobuf_left(buf) > space && iobuf_left(buf) <= PIPE_BUF_K))
		return 0;
	n = MIN(space, iobuf_left(buf));
	if (iobuf_copy_in(buf, (char *)page_address(b->page) + b->off + b->len, n) < n)
		return -EFAULT;
	b->len += (u32)n;
	return (ssize_t)n;
}

/* Put up to a page into a new buffer (the ring is not full): bytes, -EFAULT, -ENOMEM. */
static ssize_t
produce(struct pipe *p, struct iobuf *buf, bool packet)
{
	size_t n = MIN(iobuf_left(buf), (size_t)PAGE_SIZE);
	struct page *pg = take_page(p);

	if (pg == NULL)
		return -ENOMEM;
	if (iobuf_copy_in(buf, page_address(pg), n) < n) {
		give_page(p, pg, false);
		return -EFAULT;
	}
	*ring_slot(p, p->head) = (struct pipe_buf){ .page = pg, .len = (u32)n, .packet = packet, .merge = !packet };
	WRITE_ONCE(p->head, p->head + 1);
	return (ssize_t)n;
}

int
pipe_wait_space(struct pipe *p, bool nonblock)
{
	int err;

	mutex_assert_held(&p->lock);
	for (;;) {
		if (p->readers == 0) {
			signal_send_thread(thread_current(), SIGPIPE, NULL);
			return -EPIPE;
		}
		if (!ring_full(p))
			return 0;
		if (nonblock)
			return -EAGAIN;
		mutex_unlock(&p->lock);
		err = wait_event_interruptible_exclusive(&p->writers_wq, !ring_full(p) || READ_ONCE(p->readers) == 0);
		mutex_lock(&p->lock);
		if (err != 0) {
			if (!ring_full(p))
				wake_one(&p->writers_wq, POLLOUT | POLLWRNORM);	/* a wake-up that was ours */
			return err;
		}
	}
}

/* Something was written: readers that may sleep since it was empty. */
static bool
readers_want(struct pipe *p, bool was_empty)
{
	return (was_empty || READ_ONCE(p->polled)) && !ring_empty(p);
}

static ssize_t
pipe_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct pipe *p = pipe_of(f);
	bool packet = atomic_load_relaxed(&f->flags) & O_DIRECT;
	bool was_empty;
	ssize_t done = 0;

	(void)pos;
	if (iobuf_left(buf) == 0)
		return 0;
	mutex_lock(&p->lock);
	was_empty = ring_empty(p);
	while (iobuf_left(buf) > 0) {
		ssize_t n;
		int err;

		if (p->readers == 0) {
			signal_send_thread(thread_current(), SIGPIPE, NULL);
			if (done == 0)
				done = -EPIPE;
			break;
		}
		n = packet ? 0 : append(p, buf);
		if (n == 0 && !ring_full(p))
			n = produce(p, buf, packet);
		if (n > 0) {
			done += n;
			continue;
		}
		if (n == 0 && (atomic_load_relaxed(&f->flags) & O_NONBLOCK))
			n = -EAGAIN;
		if (n < 0) {
			if (done == 0)
				done = n;
			break;
		}
		pipe_unlock_and_wake(p, readers_want(p, was_empty), false);
		err = wait_event_interruptible_exclusive(&p->writers_wq, !ring_full(p) || READ_ONCE(p->readers) == 0);
		mutex_lock(&p->lock);
		was_empty = ring_empty(p);
		if (err != 0) {
			if (done == 0)
				done = err;
			break;
		}
	}
	pipe_unlock_and_wake(p, done > 0 && readers_want(p, was_empty), !ring_full(p) || p->readers == 0);
	if (done > 0)
		vnode_touch(f->vn, VT_MTIME | VT_CTIME);
	return done;
}

/* --- the rest of a file --- */

static u32
pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = pipe_of(f);
	u32 ready = 0;

	WRITE_ONCE(p->polled, true);
	if (f->mode & FMODE_READ)
		poll_wait(pt, f, &p->readers_wq);
	if (f->mode & FMODE_WRITE)
		poll_wait(pt, f, &p->writers_wq);
	if (f->mode & FMODE_READ) {
		if (!ring_empty(p))
			ready |= POLLIN | POLLRDNORM;
		/* A FIFO opened with O_NONBLOCK hangs up only after a writer came and went: f->pos is what it saw. */
		if (READ_ONCE(p->writers) == 0 && (u32)f->pos != READ_ONCE(p->writer_opens))
			ready |= POLLHUP;
	}
	if (f->mode & FMODE_WRITE) {
		if (!ring_full(p))
			ready |= POLLOUT | POLLWRNORM;
		if (READ_ONCE(p->readers) == 0)
			ready |= POLLERR;
	}
	return ready;
}

static long
pipe_ioctl(struct file *f, unsigned int cmd, u64 arg)
{
	struct pipe *p = pipe_of(f);
	u32 bytes = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	mutex_lock(&p->lock);
	for (u32 i = p->tail; i != p->head; i++)
		bytes += ring_slot(p, i)->len;
	mutex_unlock(&p->lock);
	return put_user_u32(bytes, (u32 __user *)arg);
}

static void
pipe_release(struct file *f)
{
	struct pipe *p = pipe_of(f);
	bool gone;

	mutex_lock(&p->lock);
	if (f->mode & FMODE_READ)
		p->readers--;
	if (f->mode & FMODE_WRITE)
		p->writers--;
	gone = (p->readers == 0) != (p->writers == 0);
	if (gone) {
		waitq_wake(&p->readers_wq, 0, POLLIN | POLLRDNORM | POLLERR | POLLHUP);
		waitq_wake(&p->writers_wq, 0, POLLOUT | POLLWRNORM | POLLERR | POLLHUP);
	}
	mutex_unlock(&p->lock);
	pipe_detach(f->vn, p);
}

/* --- open --- */

static struct super_block *pipefs_sb;	/* [I] */

/* Wait for the other end: until *opens differs from what it was. Pipe locked, and locked again after it. */
static int
wait_for_partner(struct pipe *p, const u32 *opens, struct waitq *q)
{
	u32 was = *opens;
	int err;

	mutex_unlock(&p->lock);
	err = wait_event_interruptible(q, READ_ONCE(*opens) != was);
	mutex_lock(&p->lock);
	return err;
}

static int
open_read(struct pipe *p, struct file *f, bool fifo)
{
	int err = 0;

	p->reader_opens++;
	p->readers++;
	waitq_wake_all(&p->writers_wq);
	if (fifo && p->writers == 0) {
		if (f->flags & O_NONBLOCK)
			f->pos = p->writer_opens;
		else
			err = wait_for_partner(p, &p->writer_opens, &p->readers_wq);
	}
	if (err != 0 && --p->readers == 0)
		waitq_wake_all(&p->writers_wq);
	return err;
}

static int
open_write(struct pipe *p, struct file *f, bool fifo)
{
	int err = 0;

	if (fifo && (f->flags & O_NONBLOCK) && p->readers == 0)
		return -ENXIO;
	p->writer_opens++;
	p->writers++;
	waitq_wake_all(&p->readers_wq);
	if (fifo && p->readers == 0)
		err = wait_for_partner(p, &p->reader_opens, &p->writers_wq);
	if (err != 0 && --p->writers == 0)
		waitq_wake_all(&p->readers_wq);
	return err;
}

static int
pipe_open(struct vnode *vn, struct file *f)
{
	bool fifo = vn->sb != pipefs_sb;
	struct pipe *p = pipe_attach(vn);
	int err = 0;

	if (p == NULL)
		return fifo ? -ENOMEM : -ENFILE;	/* as Linux, whatever was missing */
	f->mode |= FMODE_STREAM;
	f->mode &= ~(u32)(FMODE_SEEK | FMODE_PREAD | FMODE_PWRITE);
	f->pos = -1;
	mutex_lock(&p->lock);
	switch (f->mode & (FMODE_READ | FMODE_WRITE)) {
	case FMODE_READ:
		err = open_read(p, f, fifo);
		break;
	case FMODE_WRITE:
		err = open_write(p, f, fifo);
		break;
	default:		/* both: never blocks (Linux) */
		p->reader_opens++;
		p->writer_opens++;
		p->readers++;
		p->writers++;
		waitq_wake_all(&p->readers_wq);
		waitq_wake_all(&p->writers_wq);
	}
	mutex_unlock(&p->lock);
	if (err != 0) {
		pipe_detach(vn, p);
		return err;
	}
	f->priv = p;
	return 0;
}

const struct file_ops pipe_fops = {
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.open = pipe_open,
	.release = pipe_release,
};

/* --- pipefs: where pipe(2)'s vnodes live --- */

static int
pipefs_show_name(struct dentry *d, struct strbuf *out)
{
	strbuf_printf(out, "pipe:[%lu]", d->vn->ino);
	return 0;
}

static const struct dentry_ops pipefs_dops = { .show_name = pipefs_show_name };

static int
pipefs_mount(const struct fs_type *type, u32 flags, const char *dev, const char *data, struct super_block **out)
{
	(void)dev, (void)data;
	return libfs_mount_nameless(type, flags, 0x50495045 /* PIPEFS_MAGIC, statfs(2) */, &pipefs_dops, out);
}

static const struct fs_type pipefs_type = { .name = "pipefs", .flags = FS_NODEV, .mount = pipefs_mount };
static struct mount *pipefs_mnt;	/* [I] */

int
pipe_create_files(struct file *ends[2], int flags)
{
	struct path path;
	int err;

	err = libfs_new_nameless(pipefs_mnt, S_IFIFO | 0600, &pipe_fops, &path);
	if (err != 0)
		return err;
	err = file_open_path(&path, O_RDONLY | flags, &ends[0]);
	if (err != 0)
		goto out_path;
	err = file_open_path(&path, O_WRONLY | flags, &ends[1]);
	if (err != 0)
		file_put(ends[0]);
out_path:
	path_put(&path);
	return err;
}

void
pipe_init(void)
{
	pipe_cache = kmem_cache_create("pipe", sizeof(struct pipe), 64, 0, NULL);
	if (pipe_cache == NULL || mount_internal(&pipefs_type, &pipefs_mnt) != 0)
		panic("pipe: no memory at boot");
	pipefs_sb = pipefs_mnt->sb;
}
