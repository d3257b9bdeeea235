/* SPDX-License-Identifier: BSD-2-Clause */
/* What mm/ asks about a mapped file: sys/file.h, at its end. */
#include "fs/path.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"

bool
file_may_exec(struct file *f)
{
	return f->mnt == NULL || !(f->mnt->flags & MNT_NOEXEC);
}

void
file_identity(struct file *f, dev_t *dev, u64 *ino)
{
	*dev = f->vn != NULL && f->vn->sb != NULL ? f->vn->sb->dev : 0;
	*ino = f->vn != NULL ? f->vn->ino : 0;
}

static void
put_escaped(struct strbuf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\n')
			strbuf_puts(out, "\\012");
		else
			strbuf_putc(out, *s);
	}
}

void
file_show_path(struct file *f, struct strbuf *out)
{
	struct path p = { f->mnt, f->dentry }, root;
	char *buf, *s;

	if (f->dentry == NULL)
		return;
	if (f->dentry->ops != NULL && f->dentry->ops->show_name != NULL) {
		(void)f->dentry->ops->show_name(f->dentry, out);
		return;
	}
	buf = kmem_alloc(PATH_MAX_K, KM_NORMAL);
	if (buf == NULL)
		return;
	path_current_root(&root);
	s = path_to_string(&p, &root, buf, PATH_MAX_K, true);
	if (!IS_ERR(s))
		put_escaped(out, s);
	path_put(&root);
	kmem_free(buf);
}
