/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory devices, major 1: null, zero, full, random, urandom, kmsg. mem(4), null(4), full(4), random(4). */
#include "dev/chrdev.h"
#include "dev/device.h"
#include "mm/aspace.h"
#include "mm/iobuf.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/kmem.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/random.h"
#include "sys/wait.h"

#define MAJOR_MEM	1

static off_t
null_llseek(struct file *f, off_t off, int whence)
{
	(void)off, (void)whence;
	return f->pos = 0;
}

static ssize_t
null_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	(void)f, (void)buf, (void)pos;
	return 0;
}

static ssize_t
null_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	size_t n = iobuf_left(buf);

	(void)f, (void)pos;
	iobuf_skip(buf, n);
	return (ssize_t)n;
}

static ssize_t
zero_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	size_t done = 0;

	(void)f, (void)pos;
	while (iobuf_left(buf) > 0) {
		size_t want = MIN(iobuf_left(buf), 16 * KIB);
		size_t n = iobuf_zero(buf, want);

		done += n;
		if (n < want)
			return done > 0 ? (ssize_t)done : -EFAULT;
		if (thread_signal_pending(thread_current()))
			break;
	}
	return (ssize_t)done;
}

static ssize_t
full_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	(void)f, (void)buf, (void)pos;
	return -ENOSPC;
}

/* A private mapping of /dev/zero is anonymous memory; a shared one is a fresh memory object. */
static int
zero_mmap(struct file *f, struct vma *v)
{
	(void)f;
	if (!(v->flags & VM_SHARED))
		return 0;
	v->shared = shared_anon_create((v->end - v->start) >> PAGE_SHIFT);
	if (v->shared == NULL)
		return -ENOMEM;
	v->mapping = &v->shared->mapping;
	return 0;
}

static ssize_t
random_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	u8 chunk[256];
	size_t done = 0;

	(void)f, (void)pos;
	while (iobuf_left(buf) > 0) {
		size_t want = MIN(iobuf_left(buf), sizeof(chunk)), n;

		random_bytes(chunk, want);
		n = iobuf_copy_out(buf, chunk, want);
		done += n;
		if (n < want)
			return done > 0 ? (ssize_t)done : -EFAULT;
		if (done % PAGE_SIZE == 0 && thread_signal_pending(thread_current()))
			break;
	}
	return (ssize_t)done;
}

static ssize_t
random_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	u8 chunk[256];
	size_t done = 0;

	(void)f, (void)pos;
	while (iobuf_left(buf) > 0) {
		size_t want = MIN(iobuf_left(buf), sizeof(chunk)), n = iobuf_copy_in(buf, chunk, want);

		random_mix(chunk, n, 0);	/* what users say is mixed in, and credited with nothing */
		done += n;
		if (n < want)
			return done > 0 ? (ssize_t)done : -EFAULT;
		if (thread_signal_pending(thread_current()))
			break;
	}
	return (ssize_t)done;
}

static const struct file_ops null_fops = { .read = null_read, .write = null_write, .llseek = null_llseek };
static const struct file_ops zero_fops = { .read = zero_read, .write = null_write, .llseek = null_llseek, .mmap = zero_mmap };
static const struct file_ops full_fops = { .read = zero_read, .write = full_write, .llseek = null_llseek };
static const struct file_ops random_fops = { .read = random_read, .write = random_write, .llseek = null_llseek };

/* --- kmsg: a record per read, "prio,seq,usec,-;text"; a line written becomes a record --- */

#define KMSG_TEXT_MAX	1024

struct kmsg_reader { struct mutex lock; u64 seq; /* [lock] */ };

static int
kmsg_open(struct vnode *vn, struct file *f)
{
	struct kmsg_reader *r = NULL;

	(void)vn;
	if (f->mode & FMODE_READ) {
		if (!capable(CAP_SYSLOG) && !capable(CAP_SYS_ADMIN))
			return -EPERM;
		r = kmem_alloc(sizeof(*r), KM_USER);
		if (r == NULL)
			return -ENOMEM;
		mutex_init(&r->lock, LOCK_LEAF_SLEEP);
		r->seq = log_first_seq();
	}
	f->priv = r;
	return 0;
}

static void
kmsg_release(struct file *f)
{
	kmem_free(f->priv);
}

/* Format the record at r->seq. Its length, 0: none yet, -EPIPE: it was overwritten, and r is at the next one now. [r] held. */
static ssize_t
kmsg_record(struct kmsg_reader *r, char *line, size_t size)
{
	char text[KMSG_TEXT_MAX];
	struct log_record rec;
	u64 want = r->seq;
	struct strbuf sb;

	if (log_read(want, &rec, text, sizeof(text)) == 0)
		return 0;
	r->seq = rec.seq;
	if (rec.seq != want)
		return -EPIPE;
	r->seq++;
	strbuf_init(&sb, line, size);
	strbuf_printf(&sb, "%u,%lu,%ld,-;", rec.level, rec.seq, rec.time / NSEC_PER_USEC);
	for (u32 i = 0; i < rec.len; i++) {
		u8 c = (u8)text[i];

		if (c < ' ' || c >= 127 || c == '\\')
			strbuf_printf(&sb, "\\x%02x", c);
		else
			strbuf_putc(&sb, (char)c);
	}
	strbuf_putc(&sb, '\n');
	return (ssize_t)MIN(sb.len, size);
}

static ssize_t
kmsg_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct kmsg_reader *r = f->priv;
	size_t size = 4 * KMSG_TEXT_MAX + 64;
	char *line = kmem_alloc(size, KM_USER);
	ssize_t n;

	(void)pos;
	if (line == NULL)
		return -ENOMEM;
	for (;;) {
		mutex_lock(&r->lock);
		n = kmsg_record(r, line, size);
		mutex_unlock(&r->lock);
		if (n != 0)
			break;
		n = -EAGAIN;
		if (atomic_load_relaxed(&f->flags) & O_NONBLOCK)
			break;
		n = wait_event_interruptible(log_waitq(), log_next_seq() > READ_ONCE(r->seq));
		if (n != 0)
			break;
	}
	if (n > 0 && (size_t)n > iobuf_left(buf))
		n = -EINVAL;
	if (n > 0 && iobuf_copy_out(buf, line, (size_t)n) != (size_t)n)
		n = -EFAULT;
	kmem_free(line);
	return n;
}

static ssize_t
kmsg_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	char text[KMSG_TEXT_MAX + 1], *s = text;
	size_t len = iobuf_left(buf);
	u32 prio = LOG_WARNING;

	(void)f, (void)pos;
	if (len > KMSG_TEXT_MAX)
		return -EINVAL;
	if (iobuf_copy_in(buf, text, len) != len)
		return -EFAULT;
	text[len] = '\0';
	if (len > 0 && text[len - 1] == '\n')
		text[len - 1] = '\0';
	if (*s == '<') {	/* "<prio>text": facility and level */
		u32 v = 0, digits = 0;

		for (s++; *s >= '0' && *s <= '9' && digits < 5; s++, digits++)
			v = v * 10 + (u32)(*s - '0');
		if (*s == '>' && digits > 0) {
			prio = v & 7;
			s++;
		} else {
			s = text;
		}
	}
	log_printf((enum log_level)prio, "%s", s);
	return (ssize_t)len;
}

static u32
kmsg_poll(struct file *f, struct poll_table *pt)
{
	struct kmsg_reader *r = f->priv;

	if (r == NULL)
		return POLLOUT | POLLWRNORM;
	poll_wait(pt, f, log_waitq());
	return (log_next_seq() > READ_ONCE(r->seq) ? POLLIN | POLLRDNORM : 0) | POLLOUT | POLLWRNORM;
}

static off_t
kmsg_llseek(struct file *f, off_t off, int whence)
{
	struct kmsg_reader *r = f->priv;

	if (r == NULL)
		return -EBADF;
	if (off != 0)
		return -ESPIPE;
	mutex_lock(&r->lock);
	switch (whence) {
	case SEEK_SET:
		r->seq = log_first_seq();
		break;
	case SEEK_END:
		r->seq = log_next_seq();
		break;
	case SEEK_DATA:
		r->seq = log_clear_seq();
		break;
	default:
		off = -EINVAL;
	}
	mutex_unlock(&r->lock);
	return off;
}

static const struct file_ops kmsg_fops = {
	.read = kmsg_read,
	.write = kmsg_write,
	.llseek = kmsg_llseek,
	.poll = kmsg_poll,
	.open = kmsg_open,
	.release = kmsg_release,
};

static struct chrdev mem_chrdevs[] = {
	{ .name = "mem", .major = MAJOR_MEM, .first = 3, .count = 1, .ops = &null_fops },
	{ .name = "mem", .major = MAJOR_MEM, .first = 5, .count = 1, .ops = &zero_fops },
	{ .name = "mem", .major = MAJOR_MEM, .first = 7, .count = 1, .ops = &full_fops },
	{ .name = "mem", .major = MAJOR_MEM, .first = 8, .count = 1, .ops = &random_fops },
	{ .name = "mem", .major = MAJOR_MEM, .first = 9, .count = 1, .ops = &random_fops },
	{ .name = "mem", .major = MAJOR_MEM, .first = 11, .count = 1, .ops = &kmsg_fops },
};

static struct device mem_devices[] = {
	{ .name = "null", .class = &device_class_mem, .devt = DEV_NUMBER(MAJOR_MEM, 3u), .mode = 0666 },
	{ .name = "zero", .class = &device_class_mem, .devt = DEV_NUMBER(MAJOR_MEM, 5u), .mode = 0666 },
	{ .name = "full", .class = &device_class_mem, .devt = DEV_NUMBER(MAJOR_MEM, 7u), .mode = 0666 },
	{ .name = "random", .class = &device_class_mem, .devt = DEV_NUMBER(MAJOR_MEM, 8u), .mode = 0666 },
	{ .name = "urandom", .class = &device_class_mem, .devt = DEV_NUMBER(MAJOR_MEM, 9u), .mode = 0666 },
	{ .name = "kmsg", .class = &device_class_mem, .devt = DEV_NUMBER(MAJOR_MEM, 11u), .mode = 0644 },
};

void
mem_devices_init(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(mem_chrdevs); i++)
		if (chrdev_register(&mem_chrdevs[i]) != 0 || device_register(&mem_devices[i]) != 0)
			panic("mem: cannot register %s", mem_devices[i].name);
}
