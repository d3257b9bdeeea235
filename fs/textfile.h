/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files whose text is made when it is read (procfs, sysfs): a read at offset 0 makes the whole text anew, later ones go on in
 * it, so that what a program sees in one pass is consistent. A write hands the text of one write(2) over.
 */
#ifndef FS_TEXTFILE_H
#define FS_TEXTFILE_H

#include "sys/file.h"
#include "sys/lib/printf.h"

#define TEXT_MAX	(32 * MIB)	/* a text that would be longer: -ENOMEM */
#define TEXT_WRITE_MAX	(64 * KIB)	/* longer writes: -EINVAL */

typedef int text_show(struct file *f, struct strbuf *out);		/* 0 or -errno; may be called again with a larger buffer */
typedef int text_store(struct file *f, char *text, size_t len);	/* NUL-terminated copy, changeable; 0 or -errno */

/* f->priv becomes the text's. -ENOMEM */
int __must_check text_open(struct file *f);
void text_release(struct file *f);
ssize_t text_read(struct file *f, struct iobuf *buf, off_t *pos, text_show *show);
ssize_t text_write(struct file *f, struct iobuf *buf, off_t *pos, text_store *store);
off_t text_llseek(struct file *f, off_t off, int whence);

/* Drop white space at both ends, in place. */
char *text_trim(char *text);

#endif
