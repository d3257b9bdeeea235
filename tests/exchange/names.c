/* SPDX-License-Identifier: BSD-2-Clause */
/* Odd names: what each file system allows, and people seldom use. */
#include "exchange.h"

#include <stdio.h>
#include <string.h>

/* A code point as UTF-8. */
static size_t
put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Letters of many scripts, none with an upper case that a table might know. */
static size_t
words(char *out, size_t max)
{
	static const uint32_t bases[] = { 0x5d0, 0x627, 0x905, 0x3042, 0x4e00, 0xac00, 0x1f600, 0x20000, 'a', '0' };
	size_t len = 0;

	while (len + 4 <= max) {
		uint32_t base = bases[rnd(sizeof(bases) / sizeof(bases[0]))];

		len += put_utf8(out + len, base + (uint32_t)rnd(base < 0x80 ? 10 : 16));
		if (len + 5 < max && chance(5))
			out[len++] = ' ';
	}
	while (len < max)
		out[len++] = 'z';
	return len;
}

/* --- ext2: every byte but '/' and NUL --- */

static size_t
bytes(char *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		do
			out[i] = (char)(1 + rnd(255));
		while (out[i] == '/');
	return len;
}

static size_t
ext_name(char *out)
{
	static const char *const odd[] = { "-rf", "--", "-", "...", ".hidden", " ", "\t", "\n", "a\nb", "*", "?", "\\", "$(reboot)", "`id`",
		"'", "\"", "lost+found2", "..a", "a..", "CON", "%s%n", "\x7f", "\xff\xfe", "\xc0\x80", "e\xcc\x81", "\xc3\xa9", ";", "&", "|", "~", "#a#" };

	switch (rnd(8)) {
	case 0:
		return bytes(out, 1 + rnd(40));
	case 1:
		return bytes(out, NAME_BYTES - rnd(6));
	case 2:
		return words(out, 4 + rnd(60));
	case 3:
		return words(out, NAME_BYTES - rnd(3));
	case 4:
		return (size_t)snprintf(out, NAME_BYTES, "%s%u", odd[rnd(sizeof(odd) / sizeof(odd[0]))], (unsigned)rnd(1000));
	case 5:
		return (size_t)snprintf(out, NAME_BYTES, "%s", odd[rnd(sizeof(odd) / sizeof(odd[0]))]);
	case 6:
		return (size_t)snprintf(out, NAME_BYTES, "%u\n -%u ", (unsigned)rnd(100000), (unsigned)rnd(10));
	default:
		return (size_t)snprintf(out, NAME_BYTES, "file-%u", (unsigned)rnd(1000000));
	}
}

/* --- FAT: UTF-16 units, without \ : * ? " < > | and control characters; no space and no dot at the end --- */

static size_t
short_like(char *out)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-$%'@~`!(){}^#&";
	unsigned base = 1 + (unsigned)rnd(8), ext = (unsigned)rnd(4), how = (unsigned)rnd(4);
	size_t len = 0;

	for (unsigned i = 0; i < base + ext; i++) {
		char c = letters[rnd(sizeof(letters) - 1)];
		bool small = how == 0 || (how == 1 && i < base) || (how == 2 && i >= base);

		if (i == base)
			out[len++] = '.';
		out[len++] = (char)(small && c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
	}
	return len;
}

static size_t
long_ascii(char *out, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+,;=[] .-_";

	for (size_t i = 0; i < len; i++)
		out[i] = letters[rnd(sizeof(letters) - 1)];
	if (out[len - 1] == ' ' || out[len - 1] == '.')
		out[len - 1] = '_';
	return len;
}

static size_t
fat_name(char *out)
{
	size_t len;

	switch (rnd(9)) {
	case 0:
		return short_like(out);
	case 1:
		return (size_t)snprintf(out, NAME_BYTES, "longfilename%05u.text", (unsigned)rnd(100000));
	case 2:
		return (size_t)snprintf(out, NAME_BYTES, "LongFi~%u.T%02u", (unsigned)rnd(10), (unsigned)rnd(100));
	case 3:
		return long_ascii(out, NAME_BYTES - rnd(14));
	case 4:
		return long_ascii(out, 1 + rnd(40));
	case 5:
		len = words(out, NAME_BYTES - rnd(3));
		break;
	case 6:
		len = words(out, 4 + rnd(60));
		break;
	case 7:
		return (size_t)snprintf(out, NAME_BYTES, " .lead%u.a.b.c.d", (unsigned)rnd(100000));
	default:
		return (size_t)snprintf(out, NAME_BYTES, ".Dots..%u", (unsigned)rnd(100000));
	}
	if (out[len - 1] == ' ' || out[len - 1] == '.')
		out[len - 1] = '_';
	return len;
}

/* "." and "..", which every directory has: bytes() can hit upon them. */
static bool
is_dots(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

size_t
name_make(const struct inode *dir, char *name)
{
	size_t len;

	do
		len = kind->fat ? fat_name(name) : ext_name(name);
	while (is_dots(name, len) || entry_find(dir, name, len) != NULL);
	name[len] = '\0';
	return len;
}
