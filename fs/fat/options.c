/* SPDX-License-Identifier: BSD-2-Clause */
/* Mount options: mount(8), "Mount options for fat", "msdos", "vfat". The defaults are those of Debian's kernel. */
#include "fs/fat/fat.h"

#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"

#include "fs/internal.h"

void
fat_default_options(struct fat_options *o, bool vfat)
{
	memset(o, 0, sizeof(*o));
	o->uid = cred_current()->fsuid;
	o->gid = cred_current()->fsgid;
	o->fmask = o->dmask = atomic_load_relaxed(&fsctx_current()->umask);
	o->shortname = FAT_SHOW_WINNT | FAT_MAKE_WIN95;
	o->errors = FAT_ERRORS_RO;
	o->charset = vfat ? FAT_UTF8 : FAT_LATIN1;
	o->utf8 = vfat;
	o->check = 'n';
}

/* --- words without a value --- */

struct flag { const char *name; u32 offset; bool value; };
#define FLAG(n, field, v)	{ n, offsetof(struct fat_options, field), v }
static const struct flag flags[] = {
	FLAG("quiet", quiet, true), FLAG("showexec", showexec, true), FLAG("flush", flush, true), FLAG("usefree", usefree, true),
	FLAG("discard", discard, true), FLAG("nocase", nocase, true), FLAG("sys_immutable", sys_immutable, true), FLAG("rodir", rodir, true),
	FLAG("dos1xfloppy", dos1xfloppy, true),
};
static const struct flag vfat_flags[] = { FLAG("nonumtail", nonumtail, true), FLAG("nonumtail=1", nonumtail, true),
	FLAG("nonumtail=yes", nonumtail, true), FLAG("nonumtail=true", nonumtail, true), FLAG("nonumtail=0", nonumtail, false),
	FLAG("nonumtail=no", nonumtail, false), FLAG("nonumtail=false", nonumtail, false), };
static const struct flag msdos_flags[] = { FLAG("dots", dots, true), FLAG("dotsOK=yes", dots, true), FLAG("nodots", dots, false),
	FLAG("dotsOK=no", dots, false) };
/* Of no effect any more: on Linux neither. */
static const char *const accepted[] = { "debug", "posix", "conv=b", "conv=binary", "conv=t", "conv=text", "conv=a", "conv=auto" };

static bool
set_flag(struct fat_options *o, const char *opt, const struct flag *table, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		if (strcmp(opt, table[i].name) == 0) {
			*(bool *)((char *)o + table[i].offset) = table[i].value;
			return true;
		}
	}
	return false;
}

static bool
set_word(struct fat_options *o, const char *opt, bool vfat)
{
	for (u32 i = 0; i < ARRAY_SIZE(accepted); i++)
		if (strcmp(opt, accepted[i]) == 0)
			return true;
	if (strcmp(opt, "tz=UTC") == 0) {
		o->tz_set = true;
		o->time_offset = 0;
		return true;
	}
	if (set_flag(o, opt, flags, ARRAY_SIZE(flags)))
		return true;
	return vfat ? set_flag(o, opt, vfat_flags, ARRAY_SIZE(vfat_flags)) : set_flag(o, opt, msdos_flags, ARRAY_SIZE(msdos_flags));
}

/* --- words with one --- */

static int
set_shortname(struct fat_options *o, const char *v)
{
	static const struct { const char *name; u32 value; } names[] = {
		{ "lower", FAT_SHOW_LOWER | FAT_MAKE_WIN95 }, { "win95", FAT_SHOW_WIN95 | FAT_MAKE_WIN95 },
		{ "winnt", FAT_SHOW_WINNT | FAT_MAKE_WINNT }, { "mixed", FAT_SHOW_WINNT | FAT_MAKE_WIN95 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(v, names[i].name) == 0) {
			o->shortname = names[i].value;
			return 0;
		}
	}
	return -EINVAL;
}

static int
set_errors(struct fat_options *o, const char *v)
{
	if (strcmp(v, "continue") == 0)
		o->errors = FAT_ERRORS_CONTINUE;
	else if (strcmp(v, "remount-ro") == 0)
		o->errors = FAT_ERRORS_RO;
	else if (strcmp(v, "panic") == 0)
		o->errors = FAT_ERRORS_PANIC;
	else
		return -EINVAL;
	return 0;
}

static int
set_charset(struct fat_options *o, const char *v)
{
	if (strcmp(v, "utf8") == 0 || strcmp(v, "utf-8") == 0)
		o->charset = FAT_UTF8;
	else if (strcmp(v, "iso8859-1") == 0 || strcmp(v, "iso-8859-1") == 0)
		o->charset = FAT_LATIN1;
	else if (strcmp(v, "ascii") == 0)
		o->charset = FAT_ASCII;
	else
		return -EINVAL;
	return 0;
}

static int
set_utf8(struct fat_options *o, const char *v)
{
	bool no = strcmp(v, "0") == 0 || strcmp(v, "no") == 0 || strcmp(v, "false") == 0;

	if (!no && strcmp(v, "1") != 0 && strcmp(v, "yes") != 0 && strcmp(v, "true") != 0)
		return -EINVAL;
	o->utf8 = !no;
	return 0;
}

static int
set_check(struct fat_options *o, const char *v)
{
	if (strcmp(v, "r") != 0 && strcmp(v, "n") != 0 && strcmp(v, "s") != 0 && strcmp(v, "relaxed") != 0 && strcmp(v, "normal") != 0 &&
	    strcmp(v, "strict") != 0)
		return -EINVAL;
	o->check = v[0];
	return 0;
}

static int
set_number(struct fat_options *o, const char *key, const char *v)
{
	bool octal = strcmp(key, "umask") == 0 || strcmp(key, "dmask") == 0 || strcmp(key, "fmask") == 0 || strcmp(key, "allow_utime") == 0;
	bool minus = strcmp(key, "time_offset") == 0 && *v == '-';
	u64 n;

	if (parse_u64(v + minus, NULL, octal ? 8 : 10, &n) != 0 || n > INT32_MAX)
		return -EINVAL;
	if (strcmp(key, "fat") == 0 || strcmp(key, "blocksize") == 0)
		return 0;		/* of no effect */
	if (strcmp(key, "uid") == 0) {
		o->uid.val = (u32)n;
	} else if (strcmp(key, "gid") == 0) {
		o->gid.val = (u32)n;
	} else if (strcmp(key, "umask") == 0) {
		o->fmask = o->dmask = (u32)n & S_IRWXUGO;
	} else if (strcmp(key, "dmask") == 0) {
		o->dmask = (u32)n & S_IRWXUGO;
	} else if (strcmp(key, "fmask") == 0) {
		o->fmask = (u32)n & S_IRWXUGO;
	} else if (strcmp(key, "allow_utime") == 0) {
		o->allow_utime = (u32)n & (S_IWGRP | S_IWOTH);
		o->allow_utime_set = true;
	} else if (strcmp(key, "codepage") == 0) {
		return n == 437 ? 0 : -EINVAL;
	} else if (strcmp(key, "time_offset") == 0 && n <= 24 * 60) {
		o->tz_set = true;
		o->time_offset = minus ? -(s32)n : (s32)n;
	} else {
		return -EINVAL;
	}
	return 0;
}

static int
set_value(struct fat_options *o, const char *key, const char *v, bool vfat)
{
	if (strcmp(key, "check") == 0)
		return set_check(o, v);
	if (strcmp(key, "errors") == 0)
		return set_errors(o, v);
	if (strcmp(key, "cvf_format") == 0 || strcmp(key, "cvf_options") == 0)
		return 0;
	if (vfat && strcmp(key, "shortname") == 0)
		return set_shortname(o, v);
	if (vfat && strcmp(key, "iocharset") == 0)
		return set_charset(o, v);
	if (vfat && strcmp(key, "utf8") == 0)
		return set_utf8(o, v);
	return set_number(o, key, v);
}

static int
set_option(struct fat_options *o, char *opt, bool vfat)
{
	char *v;

	if (set_word(o, opt, vfat))
		return 0;
	if (vfat && strcmp(opt, "utf8") == 0)
		return set_utf8(o, "1");
	v = strchr(opt, '=');
	if (v == NULL)
		return -EINVAL;
	*v++ = '\0';
	return set_value(o, opt, v, vfat);
}

int
fat_parse_options(struct fat_options *o, const char *data, bool vfat)
{
	char *copy, *rest, *opt;
	int err = 0;

	copy = rest = kmem_strdup(data != NULL ? data : "", KM_NORMAL);
	if (copy == NULL)
		return -ENOMEM;
	if (vfat)
		o->charset = FAT_ASCII;
	while (err == 0 && (opt = strsep(&rest, ",")) != NULL) {
		if (*opt == '\0')
			continue;
		err = set_option(o, opt, vfat);
		if (err != 0)
			log_err("FAT-fs: Unrecognized mount option \"%s\" or missing value", opt);
	}
	kmem_free(copy);
	if (o->utf8)
		o->charset = FAT_UTF8;
	if (!o->allow_utime_set)
		o->allow_utime = ~o->dmask & (S_IWGRP | S_IWOTH);
	return err;
}

/* --- telling them --- */

static const char *
shortname_text(u32 v)
{
	if (v & FAT_SHOW_LOWER)
		return "lower";
	if (v & FAT_SHOW_WIN95)
		return "win95";
	return v & FAT_MAKE_WINNT ? "winnt" : "mixed";
}

int
fat_show_options(struct super_block *sb, struct strbuf *out)
{
	const struct fat_fs *fs = fat_fs(sb);
	const struct fat_options *o = &fs->opt;
	static const char *const errors[] = { "remount-ro", "continue", "panic" };
	static const char *const charsets[] = { "ascii", "iso8859-1", "utf8" };

	if (o->uid.val != 0)
		strbuf_printf(out, ",uid=%u", o->uid.val);
	if (o->gid.val != 0)
		strbuf_printf(out, ",gid=%u", o->gid.val);
	strbuf_printf(out, ",fmask=%04o,dmask=%04o", o->fmask, o->dmask);
	if (o->allow_utime != 0)
		strbuf_printf(out, ",allow_utime=%04o", o->allow_utime);
	strbuf_puts(out, ",codepage=437");
	if (fs->vfat)
		strbuf_printf(out, ",iocharset=%s,shortname=%s", o->utf8 ? "ascii" : charsets[o->charset], shortname_text(o->shortname));
	if (o->check != 'n')
		strbuf_printf(out, ",check=%c", o->check);
	if (o->usefree)
		strbuf_puts(out, ",usefree");
	if (o->quiet)
		strbuf_puts(out, ",quiet");
	if (o->showexec)
		strbuf_puts(out, ",showexec");
	if (o->sys_immutable)
		strbuf_puts(out, ",sys_immutable");
	if (o->dots)
		strbuf_puts(out, ",dotsOK=yes");
	if (o->nocase)
		strbuf_puts(out, ",nocase");
	if (fs->vfat && o->utf8)
		strbuf_puts(out, ",utf8");
	if (o->nonumtail)
		strbuf_puts(out, ",nonumtail");
	if (o->flush)
		strbuf_puts(out, ",flush");
	if (o->tz_set && o->time_offset != 0)
		strbuf_printf(out, ",time_offset=%d", o->time_offset);
	else if (o->tz_set)
		strbuf_puts(out, ",tz=UTC");
	if (o->rodir)
		strbuf_puts(out, ",rodir");
	strbuf_printf(out, ",errors=%s", errors[o->errors]);
	if (o->discard)
		strbuf_puts(out, ",discard");
	return 0;
}
