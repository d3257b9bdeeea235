/* SPDX-License-Identifier: BSD-2-Clause */
/* Device nodes, FIFOs and sockets: what an open of the node leads to. */
#include "fs/blkdev.h"
#include "fs/internal.h"
#include "fs/pipe.h"

#include "dev/chrdev.h"
#include "sys/abi/errno.h"

static int
no_device_open(struct vnode *vn, struct file *f)
{
	(void)vn, (void)f;
	return -ENXIO;
}

const struct file_ops no_device_fops = { .open = no_device_open };

/* The file becomes the driver's: its ops and priv, then its own open. */
static int
chrdev_open(struct vnode *vn, struct file *f)
{
	struct chrdev dev;
	u32 minor;
	int err = chrdev_find(vn->rdev, &dev, &minor);

	if (err != 0)
		return err;
	f->ops = dev.ops;
	f->priv = dev.priv;
	f->mapping = NULL;
	return f->ops->open != NULL ? f->ops->open(vn, f) : 0;
}

static const struct file_ops chrdev_node_fops = { .open = chrdev_open };

void
vnode_init_special(struct vnode *vn, u32 mode, dev_t rdev)
{
	vn->mode = mode;
	switch (mode & S_IFMT) {
	case S_IFCHR:
		vn->rdev = rdev;
		vn->fops = &chrdev_node_fops;
		break;
	case S_IFBLK:
		vn->rdev = rdev;
		vn->fops = &blkdev_fops;
		break;
	case S_IFIFO:
		vn->fops = &pipe_fops;
		break;
	default:
		vn->fops = &no_device_fops;	/* sockets */
		break;
	}
}
