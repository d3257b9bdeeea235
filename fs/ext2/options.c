/* SPDX-License-Identifier: BSD-2-Clause */
/* Mount options: ext4(5), as far as they mean something here. An unknown one is -EINVAL, and named in the log. */
#include "fs/ext2/ext2.h"

#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"

/* es NULL: before the super block is known. Then: what wasn't given is as the super block says. */
void
ext2_default_options(struct ext2_opts *o, const struct ext2_super *es)
{
	if (es == NULL) {
		memset(o, 0, sizeof(*o));
		o->sb_block = 1;
		o->commit_ms = 5000;
		o->errors = EXT2_ERRORS_CONTINUE;
		return;
	}
	if (!o->errors_set && (es->s_errors == EXT2_ERRORS_RO || es->s_errors == EXT2_ERRORS_PANIC))
		o->errors = es->s_errors;
	if (!o->resuid_set)
		o->resuid.val = es->s_def_resuid;
	if (!o->resgid_set)
		o->resgid.val = es->s_def_resgid;
	if (es->s_rev_level > 0 && (es->s_default_mount_opts & EXT2_DEFM_BSDGROUPS))
		o->grpid = true;
}

/* Options that change nothing here: what they ask for is how it is, or doesn't matter to who mounts. */
static const char *const accepted[] = {
	"rw", "ro", "defaults", "check=none", "nocheck", "noacl", "orlov", "norecovery_ok", "block_validity", "noblock_validity",
	"auto_da_alloc", "nodelalloc", "nodiscard", "noquota", "reservation", "noinit_itable", "nombcache",
	"data_err=ignore", "data_err=abort", "noauto_da_alloc",
};

/* Words that switch something; the last one counts. */
static const struct { const char *word; u16 at; bool value; } switches[] = {
	{ "minixdf", offsetof(struct ext2_opts, minixdf), true }, { "bsddf", offsetof(struct ext2_opts, minixdf), false },
	{ "grpid", offsetof(struct ext2_opts, grpid), true }, { "nogrpid", offsetof(struct ext2_opts, grpid), false },
	{ "bsdgroups", offsetof(struct ext2_opts, grpid), true }, { "sysvgroups", offsetof(struct ext2_opts, grpid), false },
	{ "noload", offsetof(struct ext2_opts, noload), true }, { "norecovery", offsetof(struct ext2_opts, noload), true },
	{ "nobarrier", offsetof(struct ext2_opts, no_barrier), true }, { "barrier", offsetof(struct ext2_opts, no_barrier), false },
	{ "barrier=0", offsetof(struct ext2_opts, no_barrier), true }, { "barrier=1", offsetof(struct ext2_opts, no_barrier), false },
	{ "nouser_xattr", offsetof(struct ext2_opts, no_xattr), true }, { "user_xattr", offsetof(struct ext2_opts, no_xattr), false },
	{ "debug", offsetof(struct ext2_opts, debug), true }, { "data=ordered", offsetof(struct ext2_opts, ordered), true },
};

static int
set_errors(struct ext2_opts *o, const char *v)
{
	if (strcmp(v, "continue") == 0)
		o->errors = EXT2_ERRORS_CONTINUE;
	else if (strcmp(v, "remount-ro") == 0)
		o->errors = EXT2_ERRORS_RO;
	else if (strcmp(v, "panic") == 0)
		o->errors = EXT2_ERRORS_PANIC;
	else
		return -EINVAL;
	o->errors_set = true;
	return 0;
}

static int
set_number(struct ext2_opts *o, const char *key, const char *v)
{
	u64 n;

	if (parse_u64(v, NULL, 10, &n) != 0)
		return -EINVAL;
	if (strcmp(key, "resuid") == 0 && n < UINT32_MAX) {
		o->resuid.val = (uid_t)n;
		o->resuid_set = true;
	} else if (strcmp(key, "resgid") == 0 && n < UINT32_MAX) {
		o->resgid.val = (gid_t)n;
		o->resgid_set = true;
	} else if (strcmp(key, "sb") == 0 && n < UINT32_MAX) {
		o->sb_block = n;
	} else if (strcmp(key, "commit") == 0 && n <= INT32_MAX / 1000) {
		o->commit_ms = n == 0 ? 5000 : (u32)n * 1000;
	} else {
		return -EINVAL;
	}
	return 0;
}

static int
set_option(struct ext2_opts *o, char *opt)
{
	char *v;

	for (u32 i = 0; i < ARRAY_SIZE(accepted); i++)
		if (strcmp(opt, accepted[i]) == 0)
			return 0;
	for (u32 i = 0; i < ARRAY_SIZE(switches); i++) {
		if (strcmp(opt, switches[i].word) == 0) {
			*(bool *)((u8 *)o + switches[i].at) = switches[i].value;
			return 0;
		}
	}
	v = strchr(opt, '=');
	if (v == NULL)
		return -EINVAL;
	*v++ = '\0';
	return strcmp(opt, "errors") == 0 ? set_errors(o, v) : set_number(o, opt, v);
}

int
ext2_parse_options(struct super_block *sb, struct ext2_opts *o, const char *data, bool remount)
{
	char *copy, *rest, *opt, *whole;
	struct ext2_opts old = *o;
	int err = 0;

	if (data == NULL || *data == '\0')
		return 0;
	copy = rest = kmem_strdup(data, KM_NORMAL);
	whole = kmem_alloc(strlen(data) + 1, KM_NORMAL);
	if (copy == NULL || whole == NULL)
		err = -ENOMEM;
	while (err == 0 && (opt = strsep(&rest, ",")) != NULL) {
		if (*opt == '\0')
			continue;
		strlcpy(whole, opt, strlen(data) + 1);
		err = set_option(o, opt);
		if (err != 0)
			ext2_warn(sb, LOG_ERR, "Unrecognized mount option \"%s\" or missing value", whole);
	}
	if (err == 0 && remount && (o->noload != old.noload || o->sb_block != old.sb_block))
		o->noload = old.noload, o->sb_block = old.sb_block;
	kmem_free(copy);
	kmem_free(whole);
	return err;
}

int
ext2_show_options(struct super_block *sb, struct strbuf *out)
{
	struct ext2_fs *fs = ext2_fs(sb);
	const struct ext2_opts *o = &fs->opts;
	const struct ext2_super *es = fs->es;
	u32 def = es->s_errors == EXT2_ERRORS_RO || es->s_errors == EXT2_ERRORS_PANIC ? es->s_errors : EXT2_ERRORS_CONTINUE;

	if (o->sb_block != 1)
		strbuf_printf(out, ",sb=%llu", (unsigned long long)o->sb_block);
	if (o->minixdf)
		strbuf_puts(out, ",minixdf");
	if (o->grpid)
		strbuf_puts(out, ",grpid");
	if (o->resuid.val != es->s_def_resuid)
		strbuf_printf(out, ",resuid=%u", o->resuid.val);
	if (o->resgid.val != es->s_def_resgid)
		strbuf_printf(out, ",resgid=%u", o->resgid.val);
	if (o->errors != def)
		strbuf_puts(out, o->errors == EXT2_ERRORS_PANIC ? ",errors=panic" :
			o->errors == EXT2_ERRORS_RO ? ",errors=remount-ro" : ",errors=continue");
	if (o->debug)
		strbuf_puts(out, ",debug");
	if (o->commit_ms != 5000)
		strbuf_printf(out, ",commit=%u", o->commit_ms / 1000);
	if (o->no_barrier)
		strbuf_puts(out, ",nobarrier");
	if (o->ordered && fs->journal != NULL)
		strbuf_puts(out, ",data=ordered");
	if (o->noload)
		strbuf_puts(out, ",norecovery");
	if (o->no_xattr)
		strbuf_puts(out, ",nouser_xattr");
	return 0;
}
