/* SPDX-License-Identifier: BSD-2-Clause */
/* Mount options (mount(8), "Mount options for iso9660"). What is not known is -EINVAL, and named in the log. */
#include "fs/iso9660/iso9660.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"

static int
parse_number(const char *s, int base, u32 *out)
{
	u64 v;

	if (s == NULL || parse_u64(s, NULL, base, &v) != 0 || v >= UINT32_MAX)
		return -EINVAL;
	*out = (u32)v;
	return 0;
}

static int
parse_map(const char *v, struct iso_options *o)
{
	if (v == NULL || (v[0] != 'o' && v[0] != 'n'))	/* off, normal; no Acorn extensions */
		return -EINVAL;
	o->unmapped = v[0] == 'o';
	return 0;
}

static int
parse_check(const char *v, struct iso_options *o)
{
	if (v == NULL || (strcmp(v, "r") != 0 && strcmp(v, "s") != 0 && strcmp(v, "relaxed") != 0 && strcmp(v, "strict") != 0))
		return -EINVAL;
	o->check = v[0];
	return 0;
}

static int
parse_option(const char *key, const char *v, struct iso_options *o)
{
	if (strcmp(key, "norock") == 0)
		return o->norock = true, 0;
	if (strcmp(key, "nojoliet") == 0)
		return o->nojoliet = true, 0;
	if (strcmp(key, "hide") == 0 || strcmp(key, "unhide") == 0)
		return o->hide = key[0] == 'h', 0;
	if (strcmp(key, "showassoc") == 0)
		return o->showassoc = true, 0;
	if (strcmp(key, "overriderockperm") == 0)
		return o->own_perm = true, 0;
	if (strcmp(key, "check") == 0)
		return parse_check(v, o);
	if (strcmp(key, "map") == 0)
		return parse_map(v, o);
	if (strcmp(key, "uid") == 0)
		return o->uid_set = true, parse_number(v, 10, &o->uid.val);
	if (strcmp(key, "gid") == 0)
		return o->gid_set = true, parse_number(v, 10, &o->gid.val);
	if (strcmp(key, "mode") == 0)
		return o->mode_set = true, parse_number(v, 8, &o->mode);
	if (strcmp(key, "dmode") == 0)
		return o->dmode_set = true, parse_number(v, 8, &o->dmode);
	if (strcmp(key, "sbsector") == 0)
		return parse_number(v, 10, &o->first_sector);
	if (strcmp(key, "iocharset") == 0 && v != NULL && (strcmp(v, "utf8") == 0 || strcmp(v, "utf-8") == 0))
		return 0;
	if (strcmp(key, "block") == 0 && v != NULL)	/* the volume says its own */
		return strcmp(v, "512") == 0 || strcmp(v, "1024") == 0 || strcmp(v, "2048") == 0 ? 0 : -EINVAL;
	if (strcmp(key, "utf8") == 0 || strcmp(key, "ro") == 0 || strcmp(key, "nocompress") == 0 || strcmp(key, "conv") == 0)
		return 0;
	return -EINVAL;
}

int
iso_parse_options(const char *data, struct iso_options *o)
{
	char *copy, *rest, *opt;
	int err = 0;

	if (data == NULL || *data == '\0')
		return 0;
	copy = rest = kmem_strdup(data, KM_NORMAL);
	if (copy == NULL)
		return -ENOMEM;
	while (err == 0 && (opt = strsep(&rest, ",")) != NULL) {
		char *value = strchr(opt, '=');

		if (*opt == '\0')
			continue;
		if (value != NULL)
			*value++ = '\0';
		err = parse_option(opt, value, o);
		if (err != 0)
			log_err("iso9660: unknown or wrong mount option \"%s\"", opt);
	}
	kmem_free(copy);
	o->mode &= 07777;
	o->dmode &= 07777;
	return err;
}

int
iso_show_options(struct super_block *sb, struct strbuf *out)
{
	const struct iso_fs *fs = iso_fs(sb);
	const struct iso_options *o = &fs->opt;

	if (fs->names != ISO_NAMES_ROCK)
		strbuf_printf(out, ",norock");
	else if (o->own_perm)
		strbuf_printf(out, ",overriderockperm");
	if (fs->names != ISO_NAMES_JOLIET)
		strbuf_printf(out, ",nojoliet");
	if (iso_ignores_case(fs))
		strbuf_printf(out, ",check=r");
	if (o->hide)
		strbuf_printf(out, ",hide");
	if (o->showassoc)
		strbuf_printf(out, ",showassoc");
	strbuf_printf(out, ",blocksize=%u", fs->block_size);
	if (o->uid_set)
		strbuf_printf(out, ",uid=%u", o->uid.val);
	if (o->gid_set)
		strbuf_printf(out, ",gid=%u", o->gid.val);
	if (o->dmode_set)
		strbuf_printf(out, ",dmode=%o", o->dmode);
	if (o->mode_set)
		strbuf_printf(out, ",fmode=%o", o->mode);
	strbuf_printf(out, ",iocharset=utf8");
	return 0;
}
