/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device tree: what there is, under what it hangs, of which class it is. sysfs and devtmpfs are views of it: they
 * listen, and every add and remove is told to them (and later to the uevent socket).
 *
 * Lock key: [I] immutable once registered  [D] device_lock (LOCK_DEVICE)  [a] atomic
 */
#ifndef DEV_DEVICE_H
#define DEV_DEVICE_H

#include "sys/lib/list.h"
#include "sys/lib/printf.h"
#include "sys/refcount.h"

struct device;

/* One file in the device's sysfs directory. Texts end in a newline. */
struct device_attr {
	const char *name;				/* "size", or with one folder: "queue/rotational" */
	u32 mode;					/* 0444, 0644, 0200 */
	int (*show)(struct device *d, struct strbuf *out);	/* 0 or -errno */
	int (*store)(struct device *d, const char *text, size_t len);	/* 0 or -errno */
};

struct device_class {		/* "tty", "mem", "block" ...: /sys/class/NAME */
	const char *name;
	void (*uevent)(struct device *d, struct strbuf *out);	/* its own lines of the uevent file, or NULL */
};
struct device_bus {			/* "pci", "virtio", "platform": /sys/bus/NAME */
	const char *name;
	void (*uevent)(struct device *d, struct strbuf *out);	/* its own lines of the uevent file, or NULL */
};

#define DEVICE_NAME_MAX	48

struct device {
	char name[DEVICE_NAME_MAX];	/* [I] "ttyS0"; a '/' makes a folder in /dev ("input/mice"), and is '!' in sysfs */
	struct device *parent;		/* [I] reference; NULL: at /sys/devices/virtual/CLASS */
	const struct device_class *class;	/* [I] or NULL */
	const struct device_bus *bus;	/* [I] or NULL */
	const char *driver;		/* [D] bound driver's name, or NULL */
	dev_t devt;			/* [I] 0: no node in /dev */
	bool block;			/* [I] kind of devt */
	u32 mode;			/* [I] of the node, 0: 0600 */
	u32 uid, gid;			/* [I] of the node */
	const struct device_attr *const *attrs;	/* [I] NULL-terminated, or NULL */
	void *priv;			/* [I] the driver's */
	void (*release)(struct device *d);	/* [I] last reference gone; NULL: static */
	struct refcount refs;		/* [a] */
	struct list children, sibling;	/* [D] */
	struct list node;		/* [D] all devices, in order of registration */
	void *sysfs;			/* [D] the listener's own */
};

/* Zero the struct, set what is [I], then register: the tree takes a reference of its own. Tells the listeners. -EEXIST. */
int __must_check device_register(struct device *d);
void device_unregister(struct device *d);	/* tells the listeners, drops the tree's reference */
void device_get(struct device *d);
void device_put(struct device *d);

/* fn may sleep, under device_lock: it may not register devices. */
struct device_listener {
	void (*added)(struct device_listener *l, struct device *d);
	void (*removed)(struct device_listener *l, struct device *d);
	struct list node;
};
/* From now on; `added` is called at once for every device that is there already. */
void device_listen(struct device_listener *l);

extern const struct device_class device_class_mem, device_class_tty, device_class_misc, device_class_graphics;

#endif
