/* SPDX-License-Identifier: BSD-2-Clause */
/* Names: Rock Ridge's as they stand, Joliet's from UCS-2, plain ones in lower case without version. */
#include "fs/iso9660/iso9660.h"

#include "fs/path.h"
#include "sys/lib/string.h"
#include "sys/lib/utf8.h"

/* UTF-16 in fact: pairs of surrogates are met. Slashes and zeros can't be part of a name. */
static u32
joliet_name(const u8 *p, u32 len, char *out)
{
	u32 n = 0, i;

	for (i = 0; i + 2 <= len; i += 2) {
		u32 c = (u32)p[i] << 8 | p[i + 1];
		char text[UTF8_MAX];
		int bytes;

		if (c >= 0xd800 && c < 0xdc00 && i + 4 <= len && (p[i + 2] & 0xfc) == 0xdc) {
			c = 0x10000 + ((c & 0x3ff) << 10) + (((u32)p[i + 2] & 3) << 8 | p[i + 3]);
			i += 2;
		}
		if (c == 0 || c == '/')
			c = '_';
		bytes = utf8_encode(c, text);
		if (bytes < 0)
			bytes = utf8_encode(UTF8_REPLACEMENT, text);
		if (bytes < 0 || n + (u32)bytes > ISO_NAME_MAX)
			break;
		memcpy(out + n, text, (u32)bytes);
		n += (u32)bytes;
	}
	if (n > 2 && out[n - 2] == ';' && out[n - 1] == '1')
		n -= 2;
	while (n > 1 && out[n - 1] == '.')	/* not so the names "." and "..", which reserved() refuses */
		n--;
	return n;
}

static u32
plain_name(const u8 *p, u32 len, bool unmapped, char *out)
{
	u32 i;

	if (!unmapped) {
		if (len > 2 && p[len - 2] == ';' && p[len - 1] == '1')
			len -= 2;
		if (len > 1 && p[len - 1] == '.')
			len--;
	}
	for (i = 0; i < len; i++) {
		char c = (char)p[i];

		if (!unmapped && c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		out[i] = c == '/' || c == '\0' || (c == ';' && !unmapped) ? '.' : c;
	}
	return len;
}

/* "." and ".." are the directory's own; a file can't have such a name. */
static bool
reserved(const char *name, u32 n)
{
	return (n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.') || memchr(name, '/', n) != NULL ||
	    memchr(name, '\0', n) != NULL;
}

u32
iso_name(const struct iso_fs *fs, const struct iso_entry *e, char *out)
{
	u32 n;

	if (fs->names == ISO_NAMES_ROCK && e->name_len != 0) {
		memcpy(out, e->name, e->name_len);
		n = e->name_len;
	} else if (fs->names == ISO_NAMES_JOLIET) {
		n = joliet_name(e->raw_name, e->raw_len, out);
	} else {
		n = plain_name(e->raw_name, e->raw_len, fs->opt.unmapped, out);
	}
	return reserved(out, n) ? 0 : n;
}

/* --- without case: ASCII letters, as on Linux --- */

static char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static u32
relaxed_hash(const struct dentry *dir, const char *name, u32 len)
{
	u64 h = (u64)(uintptr_t)dir;
	char text[64];

	for (u32 n; len > 0; len -= n, name += n) {
		n = MIN(len, (u32)sizeof(text));
		for (u32 i = 0; i < n; i++)
			text[i] = fold(name[i]);
		h = hash_bytes(text, n, h);
	}
	return (u32)h;
}

static bool
relaxed_equal(const struct dentry *dir, const char *a, u32 alen, const char *b, u32 blen)
{
	(void)dir;
	if (alen != blen)
		return false;
	for (u32 i = 0; i < alen; i++)
		if (fold(a[i]) != fold(b[i]))
			return false;
	return true;
}

const struct dentry_ops iso_relaxed_dops = { .hash = relaxed_hash, .equal = relaxed_equal };

bool
iso_ignores_case(const struct iso_fs *fs)
{
	return fs->opt.check == 'r' ? fs->names != ISO_NAMES_ROCK : fs->opt.check == 0 && fs->names == ISO_NAMES_JOLIET;
}

bool
iso_names_equal(const struct iso_fs *fs, const char *a, u32 alen, const char *b, u32 blen)
{
	return iso_ignores_case(fs) ? relaxed_equal(NULL, a, alen, b, blen) : alen == blen && memcmp(a, b, alen) == 0;
}
