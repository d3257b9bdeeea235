/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names: users' bytes, UTF-16 of long names, code page 437 of short ones; and how names compare (case doesn't count for ASCII, as on Linux; dots
 * at the end don't either).
 */
#include "fs/fat/fat.h"

#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/lib/utf8.h"

static const u16 cp437[128] = {
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef,
	0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
	0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa,
	0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
	0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
	0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
	0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
	0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
	0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4,
	0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
	0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

/* Small and capital letters of the code page. */
static const u8 cp437_pairs[][2] = {
	{ 0x81, 0x9a }, { 0x82, 0x90 }, { 0x84, 0x8e }, { 0x86, 0x8f }, { 0x87, 0x80 }, { 0x91, 0x92 }, { 0x94, 0x99 }, { 0xa4, 0xa5 },
};

u8
fat_cp437_upper(u8 c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 'A';
	for (u32 i = 0; i < ARRAY_SIZE(cp437_pairs); i++)
		if (cp437_pairs[i][0] == c)
			return cp437_pairs[i][1];
	return c;
}

int
fat_cp437_from_unicode(u32 c)
{
	if (c < 0x80)
		return (int)c;
	for (int i = 0; i < 128; i++)
		if (cp437[i] == c)
			return i + 0x80;
	return -1;
}

u8
fat_checksum(const u8 name[11])
{
	u8 sum = 0;

	for (u32 i = 0; i < 11; i++)
		sum = (u8)((sum << 7 | sum >> 1) + name[i]);
	return sum;
}

/* --- long names --- */

static u32
without_dots(const char *s, u32 len)
{
	while (len > 0 && s[len - 1] == '.')
		len--;
	return len;
}

static int
decode(const struct fat_fs *fs, const char *s, u32 len, u32 *c)
{
	int n;

	if (fs->opt.charset == FAT_UTF8) {
		n = utf8_decode(s, len, c);
		return n > 0 ? n : -EINVAL;
	}
	*c = (u8)*s;
	return *c >= 0x80 && fs->opt.charset == FAT_ASCII ? -EINVAL : 1;
}

int
fat_name_from_user(const struct fat_fs *fs, const char *s, u32 len, u16 *out, u32 *n)
{
	u32 at = 0, c;

	len = without_dots(s, len);
	for (*n = 0; at < len; ) {
		int used = decode(fs, s + at, len - at, &c);

		if (used < 0)
			return used;
		at += (u32)used;
		if (*n + (c > 0xffff) >= FAT_NAME_MAX)
			return -ENAMETOOLONG;
		if (c > 0xffff) {
			out[(*n)++] = (u16)(0xd800 + ((c - 0x10000) >> 10));
			c = 0xdc00 + (c & 0x3ff);
		}
		out[(*n)++] = (u16)c;
	}
	return 0;
}

u32
fat_name_to_user(const struct fat_fs *fs, const u16 *name, u32 n, char *out)
{
	u32 len = 0;

	for (u32 i = 0; i < n; i++) {
		u32 c = name[i];
		int used;

		if ((c & 0xfc00) == 0xd800 && i + 1 < n && (name[i + 1] & 0xfc00) == 0xdc00)
			c = 0x10000 + ((c & 0x3ff) << 10) + (name[++i] & 0x3ff);
		if (fs->opt.charset != FAT_UTF8) {
			out[len++] = c < (fs->opt.charset == FAT_LATIN1 ? 0x100u : 0x80u) ? (char)c : '?';
			continue;
		}
		used = utf8_encode(c, out + len);
		if (used < 0)
			used = utf8_encode(UTF8_REPLACEMENT, out + len);
		len += used > 0 ? (u32)used : 0;
	}
	return len;
}

static u32
fold(u32 c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

bool
fat_names_equal(const struct fat_fs *fs, const u16 *a, u32 an, const u16 *b, u32 bn)
{
	bool exact = fs->opt.check == 's';

	if (an != bn)
		return false;
	for (u32 i = 0; i < an; i++)
		if (a[i] != b[i] && (exact || fold(a[i]) != fold(b[i])))
			return false;
	return true;
}

/* --- short names --- */

static u32
short_part(const u8 *p, u32 len, bool lower, u16 *out)
{
	u32 n = 0;

	while (len > 0 && p[len - 1] == ' ')
		len--;
	for (u32 i = 0; i < len; i++) {
		u32 c = p[i];

		if (lower && c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		else if (c >= 0x80)
			c = cp437[c - 0x80];
		else if (c == '/' || c == 0)
			c = '_';
		out[n++] = (u16)c;
	}
	return n;
}

u32
fat_short_to_utf16(const struct fat_fs *fs, const struct fat_dirent *de, u16 out[13])
{
	u32 show = fs->opt.shortname, n;
	bool lower_base = !fs->vfat ? !fs->opt.nocase : (show & FAT_SHOW_LOWER) || ((show & FAT_SHOW_WINNT) && (de->lcase & FAT_LOWER_BASE));
	bool lower_ext = !fs->vfat ? !fs->opt.nocase : (show & FAT_SHOW_LOWER) || ((show & FAT_SHOW_WINNT) && (de->lcase & FAT_LOWER_EXT));
	u8 name[11];

	memcpy(name, de->name, 11);
	if (name[0] == 0x05)
		name[0] = FAT_DELETED;
	n = short_part(name, 8, lower_base, out);
	if (name[8] != ' ') {
		out[n++] = '.';
		n += short_part(name + 8, 3, lower_ext, out + n);
	}
	return n;
}

/* --- msdos: only 8.3 --- */

int
fat_msdos_name(const struct fat_fs *fs, const char *s, u32 len, u8 out[11], bool *hidden)
{
	char check = fs->opt.check;
	u32 i = 0, at = 0, end = 8;

	*hidden = false;
	if (len > 0 && s[0] == '.') {		/* a hidden file, with the option */
		if (!fs->opt.dots)
			return -EINVAL;
		*hidden = true;
		s++;
		len--;
	}
	memset(out, ' ', 11);
	for (; i < len; i++) {
		u8 c = (u8)s[i];

		if (c == '.') {
			if (at == 0 || end == 11)
				return -EINVAL;
			at = 8;
			end = 11;
			continue;
		}
		if (check != 'r' && (c < ' ' || strchr("*?<>|\"", (char)c) != NULL))
			return -EINVAL;
		if (check == 's' && (strchr("+=,; ", (char)c) != NULL || (c >= 'A' && c <= 'Z')))
			return -EINVAL;
		if (c < ' ' || c == ':' || c == '\\')
			return -EINVAL;
		if (at == end) {
			if (check == 's')
				return -EINVAL;
			continue;		/* cut off */
		}
		if (at == 0 && c == ' ')
			return -EINVAL;
		out[at++] = fs->opt.nocase ? c : fat_cp437_upper(c);
	}
	if (out[0] == ' ')
		return -EINVAL;
	if (out[0] == FAT_DELETED)
		out[0] = 0x05;
	return 0;
}

/* --- names in the dentry cache --- */

static u32
vfat_hash(const struct dentry *dir, const char *name, u32 len)
{
	u64 h = (u64)(uintptr_t)dir;
	char text[64];
	u32 n;

	for (len = without_dots(name, len); len > 0; len -= n, name += n) {
		n = MIN(len, (u32)sizeof(text));
		for (u32 i = 0; i < n; i++)
			text[i] = (char)fold((u8)name[i]);
		h = hash_bytes(text, n, h);
	}
	return (u32)h;
}

static bool
vfat_equal(const struct dentry *dir, const char *a, u32 an, const char *b, u32 bn)
{
	(void)dir;
	an = without_dots(a, an);
	if (an != without_dots(b, bn))
		return false;
	for (u32 i = 0; i < an; i++)
		if (a[i] != b[i] && fold((u8)a[i]) != fold((u8)b[i]))
			return false;
	return true;
}

static u32
strict_hash(const struct dentry *dir, const char *name, u32 len)
{
	return (u32)hash_bytes(name, without_dots(name, len), (u64)(uintptr_t)dir);
}

static bool
strict_equal(const struct dentry *dir, const char *a, u32 an, const char *b, u32 bn)
{
	(void)dir;
	an = without_dots(a, an);
	return an == without_dots(b, bn) && memcmp(a, b, an) == 0;
}

static u32
msdos_hash(const struct dentry *dir, const char *name, u32 len)
{
	u8 text[11];
	bool hidden;

	if (fat_msdos_name(fat_fs(dir->sb), name, len, text, &hidden) != 0)
		return (u32)hash_bytes(name, len, (u64)(uintptr_t)dir);
	return (u32)hash_bytes(text, sizeof(text), (u64)(uintptr_t)dir);
}

static bool
msdos_equal(const struct dentry *dir, const char *a, u32 an, const char *b, u32 bn)
{
	u8 x[11], y[11];
	bool hidden;

	if (fat_msdos_name(fat_fs(dir->sb), a, an, x, &hidden) != 0 || fat_msdos_name(fat_fs(dir->sb), b, bn, y, &hidden) != 0)
		return an == bn && memcmp(a, b, an) == 0;
	return memcmp(x, y, sizeof(x)) == 0;
}

/* A name that wasn't there may be there by now as somebody's short name: negative entries hold as long as nothing is added. */
static int
fat_revalidate(struct dentry *d, bool rcu)
{
	const struct dentry *dir = READ_ONCE(d->parent);
	struct vnode *vn = READ_ONCE(dir->vn);

	(void)rcu;
	if (READ_ONCE(d->vn) != NULL || vn == NULL || dir == d)
		return 1;
	return READ_ONCE(fat_v(vn)->version) == (u64)(uintptr_t)READ_ONCE(d->priv);
}

const struct dentry_ops fat_vfat_dops = { .revalidate = fat_revalidate, .hash = vfat_hash, .equal = vfat_equal };
const struct dentry_ops fat_vfat_strict_dops = { .revalidate = fat_revalidate, .hash = strict_hash, .equal = strict_equal };
const struct dentry_ops fat_msdos_dops = { .hash = msdos_hash, .equal = msdos_equal };
