/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctls of ATA devices (linux/hdreg.h), as far as Linux's libata has them: identity, and commands that root makes up. */
#include "dev/ata/ata.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/lib/string.h"

#define HDIO_GET_32BIT		0x0309
#define HDIO_GET_IDENTITY	0x030d
#define HDIO_DRIVE_TASK		0x031e
#define HDIO_DRIVE_CMD		0x031f
#define HDIO_SET_32BIT		0x0324
#define SCSI_GET_IDLUN		0x5382	/* scsi/scsi.h */
#define SCSI_GET_BUS_NUMBER	0x5386

#define COMMAND_MS		10000
#define DATA_SECTORS_MAX	128U
#define SMART_LBA		0xc24f00UL	/* the key in LBA bits 8 to 23 */

/* Strings are in reading order there, not with swapped bytes as the device gave them. */
static void
swap_string(u16 *words, u32 first, u32 n)
{
	for (u32 i = first; i < first + n; i++)
		words[i] = (u16)(words[i] << 8 | words[i] >> 8);
}

static long
get_identity(struct ata_device *dev, void __user *arg)
{
	u16 *words = kmem_alloc(sizeof(dev->words), KM_NORMAL);
	int err;

	if (words == NULL)
		return -ENOMEM;
	memcpy(words, dev->words, sizeof(dev->words));
	swap_string(words, 10, ATA_SERIAL_MAX / 2);
	swap_string(words, 23, ATA_FIRMWARE_MAX / 2);
	swap_string(words, 27, ATA_MODEL_MAX / 2);
	err = copy_to_user(arg, words, sizeof(dev->words));
	kmem_free(words);
	return err;
}

static bool
may_command(void)
{
	return capable(CAP_SYS_ADMIN) && capable(CAP_SYS_RAWIO);
}

static int
command_with_data(struct ata_device *dev, struct ata_command *c, u32 sectors, u8 __user *to)
{
	u32 len = sectors * SECTOR_SIZE;
	u64 addr = 0;
	void *mem = NULL;
	int err;

	if (sectors > DATA_SECTORS_MAX)
		return -EINVAL;
	if (len != 0) {
		mem = dma_alloc(&dev->port->dma, len, &addr);
		if (mem == NULL)
			return -ENOMEM;
	}
	c->len = len;
	err = ata_execute(dev->port, c, addr, COMMAND_MS, false);
	if (err == 0 && len != 0)
		err = copy_to_user(to, mem, len);
	if (mem != NULL)
		dma_free(mem, len);
	return err;
}

/* args: command, count (SMART: LBA), feature, sectors of data to read; then the data. Back: status, error, count. */
static long
drive_command(struct ata_device *dev, u8 __user *arg)
{
	struct ata_command c = { .dev = dev };
	u8 args[4];
	int err;

	if (arg == NULL)
		return -EINVAL;
	if (copy_from_user(args, arg, sizeof(args)) != 0)
		return -EFAULT;
	if (!may_command())
		return -EACCES;
	c.tf = (struct ata_taskfile){ .command = args[0], .count = args[1], .feature = args[2],
		.protocol = args[3] != 0 ? ATA_PIO : ATA_NODATA };
	if (args[0] == ATA_SMART) {
		c.tf.count = args[3];
		c.tf.lba = SMART_LBA | args[1];
	}
	err = command_with_data(dev, &c, args[3], arg + sizeof(args));
	/* As Linux: registers come back of good commands without data only. */
	if (err != 0 || args[3] != 0)
		return err;
	args[0] = c.result.status;
	args[1] = c.result.error;
	args[2] = (u8)c.result.count;
	return copy_to_user(arg, args, sizeof(args));
}

/* args: command, feature, count, LBA low, mid, high, device. Back: the same registers. */
static long
drive_task(struct ata_device *dev, u8 __user *arg)
{
	struct ata_command c = { .dev = dev };
	u8 args[7];
	int err;

	if (arg == NULL)
		return -EINVAL;
	if (copy_from_user(args, arg, sizeof(args)) != 0)
		return -EFAULT;
	if (!may_command())
		return -EACCES;
	c.tf = (struct ata_taskfile){ .command = args[0], .feature = args[1], .count = args[2], .protocol = ATA_NODATA,
		.lba = args[3] | (u64)args[4] << 8 | (u64)args[5] << 16, .device = args[6] & 0x4f };
	err = ata_execute(dev->port, &c, 0, COMMAND_MS, false);
	args[0] = c.result.status;
	args[1] = c.result.error;
	args[2] = (u8)c.result.count;
	args[3] = (u8)c.result.lba;
	args[4] = (u8)(c.result.lba >> 8);
	args[5] = (u8)(c.result.lba >> 16);
	args[6] = c.result.device;
	return copy_to_user(arg, args, sizeof(args)) != 0 ? -EFAULT : err;
}

/* Where it stands, as its name in sysfs tells: unit, logical unit 0, channel 0, host; then a number of the host. */
static long
get_idlun(const struct ata_device *dev, void __user *arg)
{
	u32 host = dev->port->index - 1, id[2] = { dev->unit | host << 24, host };

	return copy_to_user(arg, id, sizeof(id));
}

static long
get_bus_number(const struct ata_device *dev, void __user *arg)
{
	u32 host = dev->port->index - 1;

	return copy_to_user(arg, &host, sizeof(host));
}

long
ata_disk_ioctl(struct disk *d, unsigned int cmd, u64 arg)
{
	struct ata_device *dev = d->priv;

	switch (cmd) {
	case HDIO_GET_IDENTITY:
		return get_identity(dev, (void __user *)arg);
	case HDIO_GET_32BIT:
		return put_user_u64(0, (u64 __user *)arg);
	case HDIO_SET_32BIT:
		return arg == 0 ? 0 : -EINVAL;	/* PIO is 16 bits wide */
	case SCSI_GET_IDLUN:
		return get_idlun(dev, (void __user *)arg);
	case SCSI_GET_BUS_NUMBER:
		return get_bus_number(dev, (void __user *)arg);
	case HDIO_DRIVE_CMD:
		return drive_command(dev, (u8 __user *)arg);
	case HDIO_DRIVE_TASK:
		return drive_task(dev, (u8 __user *)arg);
	default:
		return -ENOTTY;
	}
}
