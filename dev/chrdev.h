/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Character devices by number: what an open of a device node finds. The registry is an ordered tree of number ranges.
 */
#ifndef DEV_CHRDEV_H
#define DEV_CHRDEV_H

#include "sys/file.h"
#include "sys/lib/rbtree.h"

/* Numbers as in dev_t of the ABI (glibc's makedev). */
#define DEV_NUMBER(major, minor) \
	(((u64)((major) & 0xfffff000u) << 32) | ((u64)((major) & 0xfffu) << 8) | ((u64)((minor) & 0xffffff00u) << 12) | ((minor) & 0xffu))

struct chrdev {
	const char *name;		/* [I] for /proc/devices */
	u32 major, first, count;	/* [I] minors first .. first + count - 1 */
	const struct file_ops *ops;	/* [I] */
	void *priv;			/* [I] the new file's priv when ops->open is called */
	void (*hold)(void *priv);	/* [I] a reference for the opener, under the registry's lock; NULL: priv is static */
	struct rbnode node;		/* [registry lock] */
};

/* The caller keeps *c until it is unregistered. -EBUSY: numbers are taken. */
int __must_check chrdev_register(struct chrdev *c);
void chrdev_unregister(struct chrdev *c);	/* no new opens; files and references out stay */
/* What stands behind a number: fills in *out, whose priv is held (hold); *minor_index counts from the range's first. -ENXIO. */
int __must_check chrdev_find(dev_t devt, struct chrdev *out, u32 *minor_index);
/* In order of numbers; fn must not sleep long. */
void chrdev_for_each(void (*fn)(const struct chrdev *c, void *arg), void *arg);

void mem_devices_init(void);	/* dev/mem.c: null zero full random urandom kmsg */

#endif
