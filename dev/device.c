/* SPDX-License-Identifier: BSD-2-Clause */
/* The device tree and its listeners. */
#include "dev/device.h"

#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/mutex.h"

const struct device_class device_class_mem = { .name = "mem" };
const struct device_class device_class_tty = { .name = "tty" };
const struct device_class device_class_misc = { .name = "misc" };
const struct device_class device_class_graphics = { .name = "graphics" };

static struct mutex device_lock = MUTEX_INIT(device_lock, LOCK_DEVICE);
static struct list devices = LIST_INIT(devices);	/* [device_lock] */
static struct list listeners = LIST_INIT(listeners);	/* [device_lock] */

void
device_get(struct device *d)
{
	refcount_get(&d->refs);
}

void
device_put(struct device *d)
{
	if (refcount_put(&d->refs)) {
		struct device *parent = d->parent;

		if (d->release != NULL)
			d->release(d);
		if (parent != NULL)
			device_put(parent);
	}
}

static bool
name_taken(const struct device *d)
{
	struct device *o;

	list_for_each(o, &devices, node)
		if (o->parent == d->parent && o->class == d->class && strcmp(o->name, d->name) == 0)
			return true;
	return false;
}

int
device_register(struct device *d)
{
	struct device_listener *l;
	int err = 0;

	refcount_init(&d->refs, 1);
	list_init(&d->children);
	list_init(&d->sibling);
	mutex_lock(&device_lock);
	if (name_taken(d)) {
		err = -EEXIST;
		goto out_unlock;
	}
	if (d->parent != NULL) {
		device_get(d->parent);
		list_add_tail(&d->parent->children, &d->sibling);
	}
	list_add_tail(&devices, &d->node);
	list_for_each(l, &listeners, node)
		l->added(l, d);
out_unlock:
	mutex_unlock(&device_lock);
	return err;
}

void
device_unregister(struct device *d)
{
	struct device_listener *l;

	mutex_lock(&device_lock);
	list_for_each(l, &listeners, node)
		l->removed(l, d);
	list_del(&d->node);
	if (d->parent != NULL)
		list_del_init(&d->sibling);
	mutex_unlock(&device_lock);
	device_put(d);
}

void
device_listen(struct device_listener *l)
{
	struct device *d;

	mutex_lock(&device_lock);
	list_add_tail(&listeners, &l->node);
	list_for_each(d, &devices, node)
		l->added(l, d);
	mutex_unlock(&device_lock);
}
