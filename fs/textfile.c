/* SPDX-License-Identifier: BSD-2-Clause */
/* Generated text as files. */
#include "fs/textfile.h"

#include "mm/iobuf.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"

#define TEXT_FIRST	(4 * KIB)

struct text {
	struct mutex lock;	/* LOCK_TEXT */
	char *buf;		/* [lock] */
	size_t size, len;	/* [lock] of the buffer; of the text */
	bool made;		/* [lock] */
};

int
text_open(struct file *f)
{
	struct text *t = kmem_alloc(sizeof(*t), KM_USER | KM_ZERO);

	if (t == NULL)
		return -ENOMEM;
	mutex_init(&t->lock, LOCK_TEXT);
	f->priv = t;
	return 0;
}

void
text_release(struct file *f)
{
	struct text *t = f->priv;

	kmem_vfree(t->buf);
	kmem_free(t);
}

/* Make the text, in a buffer that grows until it fits. */
static int
make(struct file *f, struct text *t, text_show *show)
{
	t->made = false;
	for (;;) {
		struct strbuf sb;
		int err;

		if (t->buf == NULL) {
			t->size = t->size == 0 ? TEXT_FIRST : t->size * 4;
			if (t->size > TEXT_MAX)
				return -ENOMEM;
			t->buf = kmem_valloc(t->size, KM_USER);
			if (t->buf == NULL)
				return -ENOMEM;
		}
		strbuf_init(&sb, t->buf, t->size);
		err = show(f, &sb);
		if (err != 0)
			return err;
		if (!sb.overflow) {
			t->len = sb.len;
			t->made = true;
			return 0;
		}
		kmem_vfree(t->buf);
		t->buf = NULL;
	}
}

ssize_t
text_read(struct file *f, struct iobuf *buf, off_t *pos, text_show *show)
{
	struct text *t = f->priv;
	ssize_t ret = 0;

	if (iobuf_left(buf) == 0)
		return 0;
	mutex_lock(&t->lock);
	if (*pos == 0 || !t->made)
		ret = make(f, t, show);
	if (ret == 0 && *pos < (off_t)t->len) {
		size_t n = MIN(t->len - (size_t)*pos, iobuf_left(buf));

		ret = (ssize_t)iobuf_copy_out(buf, t->buf + *pos, n);
		if (ret == 0)
			ret = -EFAULT;
		else
			*pos += ret;
	}
	mutex_unlock(&t->lock);
	return ret;
}

ssize_t
text_write(struct file *f, struct iobuf *buf, off_t *pos, text_store *store)
{
	size_t len = iobuf_left(buf);
	char *copy;
	int err;

	if (len > TEXT_WRITE_MAX)
		return -EINVAL;
	copy = kmem_alloc(len + 1, KM_USER);
	if (copy == NULL)
		return -ENOMEM;
	err = -EFAULT;
	if (iobuf_copy_in(buf, copy, len) != len)
		goto out_free;
	copy[len] = '\0';
	err = store(f, copy, len);
	if (err == 0)
		*pos += (off_t)len;
out_free:
	kmem_free(copy);
	return err != 0 ? err : (ssize_t)len;
}

off_t
text_llseek(struct file *f, off_t off, int whence)
{
	if (whence == SEEK_CUR)
		off += f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	return f->pos = off;
}

char *
text_trim(char *text)
{
	size_t len;

	while (*text == ' ' || *text == '\t' || *text == '\n')
		text++;
	for (len = strlen(text); len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\n'); len--)
		text[len - 1] = '\0';
	return text;
}
