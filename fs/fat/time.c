/* SPDX-License-Identifier: BSD-2-Clause */
/* Times: local ones on the disk, from 1980 to 2107; modified to 2 s, made to 10 ms, accessed to a day. There is no time of change. */
#include "fs/fat/fat.h"

#include "sys/clock.h"
#include "sys/lib/calendar.h"

#define DAY		86400L
#define FIRST_SECOND	315532800L	/* 1980-01-01 00:00:00 */
#define LAST_SECOND	4354819198L	/* 2107-12-31 23:59:58 */

static s64
offset_seconds(const struct fat_fs *fs)
{
	return (fs->opt.tz_set ? (s64)fs->opt.time_offset : -(s64)atomic_load_relaxed(&clock_minutes_west)) * 60;
}

nsec_t
fat_time_decode(const struct fat_fs *fs, le16_t date, le16_t time, u8 cs)
{
	u32 d = le16_get(date), t = le16_get(time);
	struct calendar c = {
		.year = 1980 + (s32)(d >> 9), .month = (d >> 5) & 15, .day = d & 31,
		.hour = t >> 11, .minute = (t >> 5) & 63, .second = (t & 31) * 2,
	};

	c.month = MIN(MAX(c.month, 1u), 12u);
	c.day = MAX(c.day, 1u);
	return (calendar_to_seconds(&c) - offset_seconds(fs)) * NSEC_PER_SEC + (nsec_t)cs * 10 * NSEC_PER_MSEC;
}

void
fat_time_encode(const struct fat_fs *fs, nsec_t t, le16_t *date, le16_t *time, u8 *cs)
{
	s64 seconds = t / NSEC_PER_SEC;
	struct calendar c;
	u32 d = 0, h = 0, part;

	if (t % NSEC_PER_SEC < 0)
		seconds--;
	part = (u32)((t - seconds * NSEC_PER_SEC) / (10 * NSEC_PER_MSEC));
	calendar_from_seconds(seconds + offset_seconds(fs), &c);
	if (c.year < 1980) {
		d = 1 << 5 | 1;
		part = c.second = 0;
	} else if (c.year > 2107) {
		d = 127u << 9 | 12 << 5 | 31;
		h = 23 << 11 | 59 << 5 | 29;
		part = 99;
		c.second = 1;
	} else {
		d = (u32)(c.year - 1980) << 9 | c.month << 5 | c.day;
		h = c.hour << 11 | c.minute << 5 | c.second / 2;
	}
	*date = le16_make((u16)d);
	if (time != NULL)
		*time = le16_make((u16)h);
	if (cs != NULL)
		*cs = (u8)((c.second & 1) * 100 + part);
}

static nsec_t
round_down(nsec_t t, nsec_t unit)
{
	nsec_t rest = t % unit;

	return t - (rest < 0 ? rest + unit : rest);
}

nsec_t
fat_time_round(const struct fat_fs *fs, nsec_t t, int which)
{
	nsec_t off = offset_seconds(fs) * NSEC_PER_SEC;

	t = MIN(MAX(t, FIRST_SECOND * NSEC_PER_SEC - off), LAST_SECOND * NSEC_PER_SEC - off);
	if (which == VT_ATIME)
		return round_down(t + off, DAY * NSEC_PER_SEC) - off;
	return round_down(t, which == VT_BTIME ? 10 * NSEC_PER_MSEC : 2 * NSEC_PER_SEC);
}

/* As Linux: what has changed is told by the time of modification alone. */
int
fat_update_time(struct vnode *vn, int which)
{
	const struct fat_fs *fs = fat_fs(vn->sb);

	spin_lock(&vn->lock);
	if (which & VT_ATIME)
		vn->atime = fat_time_round(fs, vn->atime, VT_ATIME);
	if (which & VT_MTIME)
		vn->mtime = fat_time_round(fs, vn->mtime, VT_MTIME);
	vn->ctime = vn->mtime;
	spin_unlock(&vn->lock);
	return 0;
}
