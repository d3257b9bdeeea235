/* SPDX-License-Identifier: BSD-2-Clause */
/* Path names: copied in from users, and built from dentries for getcwd, /proc and messages. */
#include "fs/internal.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

static struct kmem_cache *cache;	/* [I] PATH_MAX_K bytes each */

void
pathname_init(void)
{
	cache = kmem_cache_create("pathname", PATH_MAX_K, 64, 0, NULL);
	if (cache == NULL)
		panic("vfs: no memory for path names");
}

int
path_name_from_user(struct path_name *n, const char __user *u, int lookup_flags)
{
	ssize_t len;

	n->s = kmem_cache_alloc(cache, KM_USER);
	if (n->s == NULL)
		return -ENOMEM;
	len = copy_string_from_user(n->s, u, PATH_MAX_K);
	if (len == 0 && !(lookup_flags & LOOKUP_EMPTY))
		len = -ENOENT;
	if (len < 0) {
		path_name_free(n);
		return (int)len;
	}
	return 0;
}

void
path_name_free(struct path_name *n)
{
	if (n->s != NULL)
		kmem_cache_free(cache, n->s);
	n->s = NULL;
}

/* --- from dentry to name --- */

struct back {
	char *buf, *pos;	/* the text is pos .. end */
	bool full;
};

static void
prepend(struct back *b, const char *s, size_t n)
{
	if ((size_t)(b->pos - b->buf) < n) {
		b->full = true;
		return;
	}
	b->pos -= n;
	memcpy(b->pos, s, n);
}

/* A name may change beside us: then the caller's check of dentry_tree_seq fails; here it only must not run wild. */
static void
prepend_name(struct back *b, const struct dentry *d)
{
	u32 seq, len;
	const char *text;

	do {
		seq = seq_read_begin(&d->seq);
		len = READ_ONCE(d->name.len);
		text = READ_ONCE(d->name.name);
	} while (seq_read_retry(&d->seq, seq));
	prepend(b, text, len);
	prepend(b, "/", 1);
}

/* One try under RCU. 1: the walk up ended beside root. */
static int
format_once(struct back *b, const struct path *p, const struct path *root)
{
	const struct dentry *d = p->dentry;
	const struct mount *m = p->mnt;
	bool any = false;

	while (d != root->dentry || m != root->mnt) {
		const struct dentry *up;

		if (d == m->root) {
			if (READ_ONCE(m->parent) == m) {
				if (!any)
					prepend(b, "/", 1);
				return 1;
			}
			d = READ_ONCE(m->mountpoint);
			m = READ_ONCE(m->parent);
			continue;
		}
		up = READ_ONCE(d->parent);
		if (up == d) {			/* a detached tree */
			if (!any)
				prepend(b, "/", 1);
			return 1;
		}
		prepend_name(b, d);
		any = true;
		d = up;
	}
	if (!any)
		prepend(b, "/", 1);
	return 0;
}

int
path_format(const struct path *p, const struct path *root, char *buf, size_t size, bool del, char **start)
{
	struct back b;
	u32 tseq, mseq;
	int r;

	rcu_read_lock();
	do {
		tseq = seq_read_begin(&dentry_tree_seq);
		mseq = seq_read_begin(&mount_seq);
		b = (struct back){ .buf = buf, .pos = buf + size };
		prepend(&b, "", 1);
		if (del && (READ_ONCE(p->dentry->flags) & DENTRY_UNHASHED) && p->dentry->parent != p->dentry)
			prepend(&b, " (deleted)", 10);
		r = format_once(&b, p, root);
	} while (seq_read_retry(&dentry_tree_seq, tseq) || seq_read_retry(&mount_seq, mseq));
	rcu_read_unlock();
	if (b.full)
		return -ENAMETOOLONG;
	*start = b.pos;
	return r;
}

char *
path_to_string(const struct path *p, const struct path *root, char *buf, size_t size, bool del)
{
	static const char mark[] = "(unreachable)";
	char *start;
	int r;

	if (p->dentry->ops != NULL && p->dentry->ops->show_name != NULL) {
		struct strbuf sb;

		strbuf_init(&sb, buf, size);
		r = p->dentry->ops->show_name(p->dentry, &sb);
		if (r == 0 && sb.overflow)
			r = -ENAMETOOLONG;
		return r < 0 ? ERR_PTR(r) : buf;
	}
	r = path_format(p, root, buf, size, del, &start);
	if (r < 0)
		return ERR_PTR(r);
	if (r > 0) {
		if ((size_t)(start - buf) < sizeof(mark) - 1)
			return ERR_PTR(-ENAMETOOLONG);
		start -= sizeof(mark) - 1;
		memcpy(start, mark, sizeof(mark) - 1);
	}
	return start;
}

/* --- the mount table as text --- */

/* As the mangled names in /proc/mounts. */
static void
put_escaped(struct strbuf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\\' || *s == '#')
			strbuf_printf(out, "\\%03o", (unsigned)(u8)*s);
		else
			strbuf_putc(out, *s);
	}
}

static void
put_flags(struct strbuf *out, u32 flags)
{
	static const struct { u32 flag; const char *text; } names[] = {
		{ MNT_NOSUID, ",nosuid" }, { MNT_NODEV, ",nodev" }, { MNT_NOEXEC, ",noexec" }, { MNT_NOATIME, ",noatime" },
		{ MNT_NODIRATIME, ",nodiratime" }, { MNT_RELATIME, ",relatime" }, { MNT_NOSYMFOLLOW, ",nosymfollow" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			strbuf_puts(out, names[i].text);
}

static void
put_super_flags(struct strbuf *out, const struct super_block *sb)
{
	if (sb->flags & MS_SYNCHRONOUS)
		strbuf_puts(out, ",sync");
	if (sb->flags & MS_DIRSYNC)
		strbuf_puts(out, ",dirsync");
	if (sb->flags & MS_MANDLOCK)
		strbuf_puts(out, ",mand");
	if (sb->flags & MS_LAZYTIME)
		strbuf_puts(out, ",lazytime");
}

static void
put_mounts_line(struct strbuf *out, struct mount *m, const char *where)
{
	struct super_block *sb = m->sb;

	put_escaped(out, m->devname);
	strbuf_putc(out, ' ');
	put_escaped(out, where);
	strbuf_printf(out, " %s %s", sb->type->name, (m->flags & MNT_READONLY) || (sb->flags & MS_RDONLY) ? "ro" : "rw");
	put_super_flags(out, sb);
	put_flags(out, m->flags);
	if (sb->ops->show_options != NULL)
		(void)!sb->ops->show_options(sb, out);
	strbuf_puts(out, " 0 0\n");
}

static void
put_mountinfo_line(struct strbuf *out, struct mount *m, const char *where, char *buf)
{
	struct super_block *sb = m->sb;
	struct path in_fs = { m, m->root }, top = { m, sb->root };
	struct mount fake = { .root = sb->root, .parent = &fake };
	char *root;

	in_fs.mnt = top.mnt = &fake;		/* the name within the file system */
	strbuf_printf(out, "%u %u %u:%u ", m->id, m->parent->id, dev_major(sb->dev), dev_minor(sb->dev));
	put_escaped(out, path_format(&in_fs, &top, buf, PATH_MAX_K, false, &root) < 0 ? "/" : root);
	strbuf_putc(out, ' ');
	put_escaped(out, where);
	strbuf_putc(out, ' ');
	strbuf_puts(out, m->flags & MNT_READONLY ? "ro" : "rw");
	put_flags(out, m->flags);
	if (m->group != 0)
		strbuf_printf(out, " shared:%u", m->group);
	if (m->master != 0)
		strbuf_printf(out, " master:%u", m->master);
	if (m->flags & MNT_UNBINDABLE)
		strbuf_puts(out, " unbindable");
	strbuf_printf(out, " - %s ", sb->type->name);
	put_escaped(out, m->devname);
	strbuf_puts(out, sb->flags & MS_RDONLY ? " ro" : " rw");
	put_super_flags(out, sb);
	if (sb->ops->show_options != NULL)
		(void)!sb->ops->show_options(sb, out);
	strbuf_putc(out, '\n');
}

void
mount_show_all(struct strbuf *out, int format)
{
	char *buf = kmem_alloc(2 * PATH_MAX_K, KM_NORMAL), *where;
	struct path root;
	struct mount *m;

	if (buf == NULL)
		return;
	path_current_root(&root);
	mutex_lock(&mount_mutex);
	list_for_each(m, &mount_list, ns_node) {
		struct path p = { m, m->root };

		if (path_format(&p, &root, buf, PATH_MAX_K, false, &where) != 0)
			continue;		/* not below the reader's root */
		if (format == 0)
			put_mounts_line(out, m, where);
		else
			put_mountinfo_line(out, m, where, buf + PATH_MAX_K);
	}
	mutex_unlock(&mount_mutex);
	path_put(&root);
	kmem_free(buf);
}
