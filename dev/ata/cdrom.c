/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctls of CD drives (linux/cdrom.h): tray, door, state of the medium, table of contents. */
#include "dev/ata/ata.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/lib/string.h"

#define CDROMREADTOCHDR		0x5305
#define CDROMREADTOCENTRY	0x5306
#define CDROMSTOP		0x5307
#define CDROMSTART		0x5308
#define CDROMEJECT		0x5309
#define CDROMEJECT_SW		0x530f
#define CDROMMULTISESSION	0x5310
#define CDROMCLOSETRAY		0x5319
#define CDROM_SET_OPTIONS	0x5320
#define CDROM_CLEAR_OPTIONS	0x5321
#define CDROM_SELECT_SPEED	0x5322
#define CDROM_MEDIA_CHANGED	0x5325
#define CDROM_DRIVE_STATUS	0x5326
#define CDROM_DISC_STATUS	0x5327
#define CDROM_CHANGER_NSLOTS	0x5328
#define CDROM_LOCKDOOR		0x5329
#define CDROM_GET_CAPABILITY	0x5331

enum { CDS_NO_DISC = 1, CDS_TRAY_OPEN = 2, CDS_DRIVE_NOT_READY = 3, CDS_DISC_OK = 4 };
enum { CDS_AUDIO = 100, CDS_DATA_1 = 101, CDS_MIXED = 105 };
enum { CDC_CLOSE_TRAY = 1, CDC_OPEN_TRAY = 2, CDC_LOCK = 4, CDC_SELECT_SPEED = 8, CDC_MULTI_SESSION = 0x20, CDC_MEDIA_CHANGED = 0x80, CDC_DRIVE_STATUS = 0x800, CDC_DVD = 0x8000 };
#define CDROM_LBA		1
#define CDROM_MSF		2
#define CDROM_LEADOUT		0xaa
#define MSF_OFFSET		150	/* block 0 is at 00:02:00, 75 blocks a second */

struct abi_cdrom_tochdr { u8 first, last; };
struct abi_cdrom_tocentry { u8 track, adr_ctrl, format, pad; u8 addr[4]; u8 datamode, pad2[3]; };
struct abi_cdrom_multisession { u8 addr[4]; u8 xa_flag, addr_format, pad[2]; };

enum { START_STOP = 0x1b, PREVENT_REMOVAL = 0x1e, READ_TOC = 0x43, GET_EVENT = 0x4a, SET_SPEED = 0xbb };
enum { STOP = 0, START = 1, EJECT = 2, LOAD = 3 };

#define TOC_MAX		(4 + 100 * 8)

struct toc {
	u32 tracks;			/* with the lead-out */
	u8 first, last;
	u8 data[TOC_MAX];
};

static int
start_stop(struct ata_device *dev, u8 what)
{
	const u8 cdb[16] = { START_STOP, 0, 0, 0, what };
	int r = ata_packet(dev, cdb, false, NULL, 0, NULL);

	return r < 0 ? r : 0;
}

static int
lock_door(struct ata_device *dev, bool locked)
{
	const u8 cdb[16] = { PREVENT_REMOVAL, 0, 0, 0, locked };
	int r = ata_packet(dev, cdb, false, NULL, 0, NULL);

	if (r >= 0)
		atomic_store(&dev->locked, locked);
	return r < 0 ? -EOPNOTSUPP : 0;
}

static u32
openers(struct disk *d)
{
	u32 n;

	mutex_lock(&d->lock);
	n = d->whole->openers;
	mutex_unlock(&d->lock);
	return n;
}

static long
eject(struct disk *d)
{
	struct ata_device *dev = d->priv;
	int err;

	if (openers(d) > 1)		/* as Linux: not under who else uses it */
		return -EBUSY;
	if (atomic_load(&dev->locked))
		(void)!lock_door(dev, false);
	err = start_stop(dev, EJECT);
	if (err == 0)
		atomic_store(&dev->medium_changed, true);
	return err;
}

/* MMC-5 6.7: media class. */
static long
drive_status(struct ata_device *dev)
{
	static const u8 cdb[16] = { GET_EVENT, 1, 0, 0, 0x10, 0, 0, 0, 8 };
	static const u8 ready[16] = { 0 };
	struct ata_sense s;
	u8 data[8];
	int r = ata_packet(dev, ready, false, NULL, 0, &s);

	if (r >= 0)
		return CDS_DISC_OK;
	if (s.key == 2 && s.asc == 0x04)
		return CDS_DRIVE_NOT_READY;
	r = ata_packet(dev, cdb, false, data, sizeof(data), NULL);
	if (r >= 6 && (data[2] & 7) == 4) {
		if (data[5] & 1)
			return CDS_TRAY_OPEN;
		return data[5] & 2 ? CDS_DISC_OK : CDS_NO_DISC;
	}
	return s.asc == 0x3a && s.ascq == 2 ? CDS_TRAY_OPEN : CDS_NO_DISC;
}

/* How fast it turns, in units of the first drives' 177 kB/s (MMC-5 6.41); 0: as fast as it can. */
static long
select_speed(struct ata_device *dev, u64 speed)
{
	u32 kilobytes = speed == 0 || speed > 0xffff / 177 ? 0xffff : (u32)speed * 177;
	const u8 cdb[16] = { SET_SPEED, 0, (u8)(kilobytes >> 8), (u8)kilobytes };
	int r = ata_packet(dev, cdb, false, NULL, 0, NULL);

	return r < 0 ? r : 0;
}

bool
ata_cd_close_tray(struct ata_device *dev)
{
	return drive_status(dev) == CDS_TRAY_OPEN && start_stop(dev, LOAD) == 0;
}

void
ata_cd_open_tray(struct ata_device *dev)
{
	if (start_stop(dev, EJECT) == 0)
		atomic_store(&dev->medium_changed, true);
}

/* --- table of contents (MMC-5 6.26) --- */

static int
read_toc(struct ata_device *dev, struct toc *t)
{
	const u8 cdb[16] = { READ_TOC, 0, 0, 0, 0, 0, 0, (u8)(TOC_MAX >> 8), (u8)(TOC_MAX & 0xff) };
	int r = ata_packet(dev, cdb, false, t->data, TOC_MAX, NULL);
	u32 len;

	if (r < 0)
		return r;
	len = r >= 4 ? (u32)t->data[0] << 8 | t->data[1] : 0;
	if (len < 2 + 8)
		return -EIO;
	if (len + 2 > (u32)r)
		len = (u32)r - 2;
	t->tracks = (len - 2) / 8;
	t->first = t->data[2];
	t->last = t->data[3];
	return 0;
}

/* Track 0 is the first one. */
static const u8 *
toc_track(const struct toc *t, u8 track)
{
	track = track == 0 ? t->first : track;
	for (u32 i = 0; i < t->tracks; i++) {
		const u8 *e = t->data + 4 + 8 * i;

		if (e[2] == track)
			return e;
	}
	return NULL;
}

static void
put_address(u32 lba, u8 format, u8 *out)
{
	if (format == CDROM_MSF) {
		lba += MSF_OFFSET;
		out[0] = (u8)(lba / 75 / 60);
		out[1] = (u8)(lba / 75 % 60);
		out[2] = (u8)(lba % 75);
	} else {
		memcpy(out, &lba, 4);
	}
}

static u32
toc_lba(const u8 *e)
{
	return (u32)e[4] << 24 | (u32)e[5] << 16 | (u32)e[6] << 8 | e[7];
}

static long
toc_header(const struct toc *t, void __user *arg)
{
	struct abi_cdrom_tochdr h = { t->first, t->last };

	return copy_to_user(arg, &h, sizeof(h));
}

static long
toc_entry(const struct toc *t, void __user *arg)
{
	struct abi_cdrom_tocentry e;
	const u8 *found;

	if (copy_from_user(&e, arg, sizeof(e)) != 0)
		return -EFAULT;
	if (e.format != CDROM_LBA && e.format != CDROM_MSF)
		return -EINVAL;
	found = toc_track(t, e.track);
	if (found == NULL)
		return -EINVAL;
	e.adr_ctrl = (u8)(found[1] << 4 | found[1] >> 4);	/* adr is the low half there, and the high half here */
	e.datamode = found[1] & 4 ? 1 : 0;
	put_address(toc_lba(found), e.format, e.addr);
	return copy_to_user(arg, &e, sizeof(e));
}

static long
disc_status(const struct toc *t)
{
	u32 data = 0, audio = 0;

	for (u32 i = 0; i < t->tracks; i++) {
		const u8 *e = t->data + 4 + 8 * i;

		if (e[2] == CDROM_LEADOUT)
			continue;
		if (e[1] & 4)
			data++;
		else
			audio++;
	}
	return data != 0 && audio != 0 ? CDS_MIXED : data != 0 ? CDS_DATA_1 : CDS_AUDIO;
}

/* Where the last session begins: only single-session discs here, so at 0. */
static long
multisession(void __user *arg)
{
	struct abi_cdrom_multisession m;

	if (copy_from_user(&m, arg, sizeof(m)) != 0)
		return -EFAULT;
	if (m.addr_format != CDROM_LBA && m.addr_format != CDROM_MSF)
		return -EINVAL;
	memset(m.addr, 0, sizeof(m.addr));
	put_address(0, m.addr_format, m.addr);
	m.xa_flag = 0;
	return copy_to_user(arg, &m, sizeof(m));
}

static long
toc_ioctl(struct ata_device *dev, unsigned int cmd, void __user *arg)
{
	struct toc *t = kmem_alloc(sizeof(*t), KM_NORMAL);
	long r;

	if (t == NULL)
		return -ENOMEM;
	r = read_toc(dev, t);
	if (r == 0 && cmd == CDROMREADTOCHDR)
		r = toc_header(t, arg);
	else if (r == 0 && cmd == CDROMREADTOCENTRY)
		r = toc_entry(t, arg);
	else if (r == 0)
		r = disc_status(t);
	else if (cmd == CDROM_DISC_STATUS && drive_status(dev) != CDS_DISC_OK)
		r = CDS_NO_DISC;
	kmem_free(t);
	return r;
}

long
ata_cd_ioctl(struct disk *d, unsigned int cmd, u64 arg)
{
	struct ata_device *dev = d->priv;

	switch (cmd) {
	case CDROMEJECT:
		return eject(d);
	case CDROMCLOSETRAY:
		return start_stop(dev, LOAD);
	case CDROMSTART:
		return start_stop(dev, START);
	case CDROMSTOP:
		return start_stop(dev, STOP);
	case CDROM_LOCKDOOR:
		return arg == 0 && openers(d) > 1 && !capable(CAP_SYS_ADMIN) ? -EBUSY : lock_door(dev, arg != 0);
	case CDROM_DRIVE_STATUS:
		return drive_status(dev);	/* whatever slot: there is one */
	case CDROM_MEDIA_CHANGED:
		return atomic_xchg(&dev->medium_changed, false);
	case CDROM_CHANGER_NSLOTS:
		return 1;
	case CDROM_GET_CAPABILITY:
		return CDC_CLOSE_TRAY | CDC_OPEN_TRAY | CDC_LOCK | CDC_SELECT_SPEED | CDC_MULTI_SESSION | CDC_MEDIA_CHANGED | CDC_DRIVE_STATUS |
			CDC_DVD;
	case CDROM_SELECT_SPEED:
		return select_speed(dev, arg);
	case CDROM_SET_OPTIONS:
		return atomic_fetch_or(&dev->cd_options, (u8)(arg & CDO_ALL)) | (long)(arg & CDO_ALL);
	case CDROM_CLEAR_OPTIONS:
		return atomic_fetch_and(&dev->cd_options, (u8)~(arg & CDO_ALL)) & ~(long)(arg & CDO_ALL);
	case CDROMEJECT_SW:
		if (arg != 0)
			(void)atomic_fetch_or(&dev->cd_options, (u8)(CDO_AUTO_CLOSE | CDO_AUTO_EJECT));
		else
			(void)atomic_fetch_and(&dev->cd_options, (u8)~(CDO_AUTO_CLOSE | CDO_AUTO_EJECT));
		return 0;
	case CDROMMULTISESSION:
		return multisession((void __user *)arg);
	case CDROMREADTOCHDR:
	case CDROMREADTOCENTRY:
	case CDROM_DISC_STATUS:
		return toc_ioctl(dev, cmd, (void __user *)arg);
	default:
		return ata_disk_ioctl(d, cmd, arg);
	}
}
