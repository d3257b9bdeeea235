/* SPDX-License-Identifier: BSD-2-Clause */
/* The short name beside a long one: "A Long Name.text" is also ALONGN~1.TEX (fatgen103, "The Basis-Name Generation Algorithm"). */
#include "fs/fat/fat.h"

#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"

struct part { u8 *out; u32 max, n; bool lower, upper, lossy; };

/* One character of the long name. */
static void
put(struct part *p, u16 c)
{
	int code;

	if (c == ' ' || c == '.') {		/* left out */
		p->lossy = true;
		return;
	}
	code = fat_cp437_from_unicode(c);
	if (code < 0 || strchr("[];,+=", code) != NULL) {
		code = '_';
		p->lossy = true;
	} else if (code >= 0x80) {
		u8 up = fat_cp437_upper((u8)code);

		if (up != code)
			p->upper = false;
		p->lower = false;	/* its case is not kept by a bit */
		code = up;
	} else if (code >= 'a' && code <= 'z') {
		p->upper = false;
		code += 'A' - 'a';
	} else if (code >= 'A' && code <= 'Z') {
		p->lower = false;
	}
	if (p->n == p->max) {
		p->lossy = true;
		return;
	}
	p->out[p->n++] = (u8)code;
}

int
fat_alias_make(const struct fat_fs *fs, const u16 *name, u32 n, struct fat_alias *a)
{
	struct part base = { .out = a->name, .max = 8, .lower = true, .upper = true };
	struct part ext = { .out = a->name + 8, .max = 3, .lower = true, .upper = true };
	u32 skip = 0, dot = n;

	memset(a, 0, sizeof(*a));
	memset(a->name, ' ', sizeof(a->name));
	while (skip < n && (name[skip] == '.' || name[skip] == ' '))
		skip++;
	for (u32 i = n; i-- > skip + 1; ) {
		if (name[i] == '.') {
			dot = i;
			break;
		}
	}
	if (skip == n)
		return -EINVAL;
	base.lossy = skip > 0;
	for (u32 i = skip; i < dot; i++)
		put(&base, name[i]);
	for (u32 i = dot + 1; i < n; i++)
		put(&ext, name[i]);
	if (base.n == 0)
		return -EINVAL;
	if (a->name[0] == FAT_DELETED)
		a->name[0] = 0x05;
	a->base_len = base.n;
	a->tail = base.lossy || ext.lossy;
	if (fs->opt.shortname & FAT_MAKE_WIN95) {
		a->with_long = a->tail || !base.upper || !ext.upper;
	} else {
		a->with_long = a->tail || !(base.upper || base.lower) || !(ext.upper || ext.lower);
		if (!a->with_long)
			a->lcase = (base.upper ? 0 : FAT_LOWER_BASE) | (ext.upper ? 0 : FAT_LOWER_EXT);
	}
	if (fs->opt.nonumtail)
		a->tail = false;
	return 0;
}

/* The basis before the number: two places are its own. */
static u32
basis_len(const struct fat_alias *a)
{
	return MIN(a->base_len, 6u);
}

void
fat_alias_seen(struct fat_alias *a, const u8 other[11])
{
	u32 n = basis_len(a);

	if (memcmp(other, a->name, 11) == 0)
		a->used |= 1;
	if (memcmp(other + 8, a->name + 8, 3) != 0 || memcmp(other, a->name, n) != 0 || other[n] != '~')
		return;
	if (other[n + 1] >= '1' && other[n + 1] <= '9' && (n == 6 || other[n + 2] == ' '))
		a->used |= 1u << (other[n + 1] - '0');
}

void
fat_alias_number(struct fat_alias *a, u32 attempt, u8 out[11])
{
	u32 n = basis_len(a), random;
	char text[8];

	memcpy(out, a->name, 11);
	if (!a->tail && !(a->used & 1))
		return;
	for (u32 i = 1; i <= 9 && attempt == 0; i++) {
		if (!(a->used & (1u << i))) {
			out[n] = '~';
			out[n + 1] = (u8)('0' + i);
			memset(out + n + 2, ' ', 8 - (n + 2));
			return;
		}
	}
	/* Many of the kind: a hash instead, as Windows does behind the first few. */
	n = MIN(n, 2u);
	random = (u32)(clock_now() / 1000) + attempt * 11;
	(void)scnprintf(text, sizeof(text), "%04X", random & 0xffff);
	memcpy(out + n, text, 4);
	out[n + 4] = '~';
	out[n + 5] = (u8)('1' + (random >> 16) % 9);
	memset(out + n + 6, ' ', 8 - (n + 6));
}
