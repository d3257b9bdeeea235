/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system use area of a record (SUSP): a list of entries, each two letters, its length, a version. Rock Ridge (RRIP) puts POSIX
 * attributes there. An area may go on elsewhere (CE); how often is limited, so that a loop ends.
 */
#include "fs/iso9660/iso9660.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/calendar.h"
#include "sys/lib/string.h"

#define CONTINUATIONS_MAX	32
#define LINK_MAX_BYTES		4095U

struct area { u32 block, offset, size; };

static u32
both32(const u8 *p)
{
	le32_t v;

	memcpy(&v, p, sizeof(v));
	return le32_get(v);
}

/* --- dates --- */

nsec_t
iso_date7(const u8 *d)
{
	struct calendar c = { 1900 + d[0], d[1], d[2], d[3], d[4], d[5] };

	if (d[1] == 0)
		return 0;
	return (calendar_to_seconds(&c) - (s64)(s8)d[6] * 15 * 60) * 1000000000;
}

static u32
digits(const u8 *p, u32 n)
{
	u32 v = 0;

	while (n-- > 0)
		v = v * 10 + (u32)(*p >= '0' && *p <= '9' ? *p - '0' : 0), p++;
	return v;
}

nsec_t
iso_date17(const u8 *d)
{
	struct calendar c = { (s32)digits(d, 4), digits(d + 4, 2), digits(d + 6, 2), digits(d + 8, 2), digits(d + 10, 2), digits(d + 12, 2) };

	if (c.month == 0 || c.year < 1900 || c.year > 2200)
		return 0;
	return (calendar_to_seconds(&c) - (s64)(s8)d[16] * 15 * 60) * 1000000000 + digits(d + 14, 2) * 10000000;
}

/* --- entries --- */

/* TF: a flag for each time, then those that are there, in this order. */
static void
take_times(const u8 *p, u32 len, struct iso_entry *e)
{
	nsec_t *const times[] = { &e->btime, &e->mtime, &e->atime, &e->ctime };
	u32 flags = p[4], size = flags & 0x80 ? 17 : 7, off = 5, i;

	for (i = 0; i < 4; i++) {
		if ((flags & 1U << i) == 0)
			continue;
		if (off + size > len)
			return;
		*times[i] = size == 17 ? iso_date17(p + off) : iso_date7(p + off);
		off += size;
	}
}

static void
take_name(const u8 *p, u32 len, struct iso_entry *e)
{
	u32 n = len - 5;

	if (p[4] & 6)			/* "." and ".." */
		return;
	if (n > ISO_NAME_MAX - e->name_len)
		n = ISO_NAME_MAX - e->name_len;
	memcpy(e->name + e->name_len, p + 5, n);
	e->name_len += n;
	e->name[e->name_len] = '\0';
}

static void
link_add(struct iso_entry *e, const void *p, u32 n)
{
	if (n > LINK_MAX_BYTES - e->link_len)
		n = LINK_MAX_BYTES - e->link_len;
	memcpy(e->link + e->link_len, p, n);
	e->link_len += n;
	e->link[e->link_len] = '\0';
}

/* SL: components, each flags, length, text. One that goes on is not followed by a slash. */
static void
take_link(const u8 *p, u32 len, struct iso_entry *e, bool *open)
{
	u32 off = 5;

	if (e->link == NULL)
		return;
	while (off + 2 <= len && off + 2 + p[off + 1] <= len) {
		u32 flags = p[off], n = p[off + 1];

		if (e->link_len > 0 && !*open && e->link[e->link_len - 1] != '/')
			link_add(e, "/", 1);
		if (flags & 2)
			link_add(e, ".", 1);
		else if (flags & 4)
			link_add(e, "..", 2);
		else if (flags & 8)
			link_add(e, "/", 1);
		else
			link_add(e, p + off + 2, n);
		*open = flags & 1;
		off += 2 + n;
	}
}

static void
take_posix(const u8 *p, struct iso_entry *e)
{
	e->rock = true;
	e->mode = both32(p + 4) & 0177777;
	e->nlink = both32(p + 12);
	e->uid = both32(p + 20);
	e->gid = both32(p + 28);
}

/* PN: either two words of major and minor, or (high word zero) an old 16-bit number. */
static void
take_device(const u8 *p, struct iso_entry *e)
{
	u32 high = both32(p + 4), low = both32(p + 12);

	e->rdev = high == 0 && (low & ~0xffU) != 0 ? makedev_k(low >> 8, low & 0xff) : makedev_k(high, low);
}

static bool
is(const u8 *p, const char *sig, u32 len, u32 least)
{
	return p[0] == sig[0] && p[1] == sig[1] && len >= least;
}

/* The entries of one area. next: where it goes on, size 0: nowhere. */
static void
parse_area(const u8 *p, u32 left, struct iso_entry *e, struct area *next, bool *open)
{
	next->size = 0;
	while (left >= 4) {
		u32 len = p[2];

		if (len < 4 || len > left || is(p, "ST", len, 4))
			return;
		if (is(p, "CE", len, 28))
			*next = (struct area){ both32(p + 4), both32(p + 12), both32(p + 20) };
		else if (is(p, "PX", len, 36))
			take_posix(p, e);
		else if (is(p, "PN", len, 20))
			take_device(p, e);
		else if (is(p, "NM", len, 5))
			take_name(p, len, e);
		else if (is(p, "SL", len, 5))
			take_link(p, len, e, open);
		else if (is(p, "TF", len, 5))
			take_times(p, len, e);
		else if (is(p, "CL", len, 12))
			e->child = both32(p + 4);
		else if (is(p, "PL", len, 12))
			e->parent = both32(p + 4);
		else if (is(p, "RE", len, 4))
			e->relocated = true;
		else if (is(p, "ZF", len, 16))
			e->unreadable = true;
		p += len;
		left -= len;
	}
}

int
iso_rock_parse(struct super_block *sb, const u8 *area, u32 len, struct iso_entry *e)
{
	const struct iso_fs *fs = iso_fs(sb);
	struct area next;
	u8 *more = NULL;
	bool open = false;
	int i, err = 0;

	parse_area(area, len, e, &next, &open);
	for (i = 0; err == 0 && next.size != 0 && i < CONTINUATIONS_MAX; i++) {
		u32 size = next.size < ISO_SECTOR ? next.size : ISO_SECTOR;

		if (more == NULL && (more = kmem_alloc(ISO_SECTOR, KM_NORMAL)) == NULL)
			return -ENOMEM;
		err = iso_read_bytes(sb, ((u64)next.block << fs->block_shift) + next.offset, more, size);
		if (err == 0)
			parse_area(more, size, e, &next, &open);
	}
	kmem_free(more);
	return err;
}

bool
iso_rock_present(const u8 *p, u32 left, u32 *skip)
{
	/* CD-XA puts 14 bytes before the area. */
	u32 base = left >= 14 + 7 && p[0] != 'S' && is(p + 14, "SP", p[16], 7) ? 14 : 0;

	if (left < base + 7 || !is(p + base, "SP", p[base + 2], 7) || p[base + 4] != 0xbe || p[base + 5] != 0xef)
		return false;
	*skip = p[base + 6];
	return true;
}
