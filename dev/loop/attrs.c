/* SPDX-License-Identifier: BSD-2-Clause */
/* /sys/block/loopN/loop: what losetup shows. Reads of a device that isn't bound fail. */
#include "dev/loop/loop.h"

#include "sys/abi/errno.h"

static struct loop *
lock_bound(struct device *d)
{
	struct loop *l = loop_of(container_of(d, struct block_device, dev)->disk);

	mutex_lock(&l->lock);
	if (l->file != NULL)
		return l;
	mutex_unlock(&l->lock);
	return NULL;
}

static int
show_backing_file(struct device *d, struct strbuf *out)
{
	struct loop *l = lock_bound(d);

	if (l == NULL)
		return -ENXIO;
	file_show_path(l->file, out);
	strbuf_putc(out, '\n');
	mutex_unlock(&l->lock);
	return 0;
}

/* One number of a bound device. */
static int
put(struct device *d, struct strbuf *out, u64 (*value)(const struct loop *l))
{
	struct loop *l = lock_bound(d);

	if (l == NULL)
		return -ENXIO;
	strbuf_printf(out, "%lu\n", value(l));
	mutex_unlock(&l->lock);
	return 0;
}

static u64
offset_of(const struct loop *l)
{
	return l->offset;
}

static int
show_offset(struct device *d, struct strbuf *out)
{
	return put(d, out, offset_of);
}

static u64
sizelimit_of(const struct loop *l)
{
	return l->sizelimit;
}

static int
show_sizelimit(struct device *d, struct strbuf *out)
{
	return put(d, out, sizelimit_of);
}

static u64
autoclear_of(const struct loop *l)
{
	return (l->flags & LO_FLAGS_AUTOCLEAR) != 0;
}

static int
show_autoclear(struct device *d, struct strbuf *out)
{
	return put(d, out, autoclear_of);
}

static u64
partscan_of(const struct loop *l)
{
	return (l->flags & LO_FLAGS_PARTSCAN) != 0;
}

static int
show_partscan(struct device *d, struct strbuf *out)
{
	return put(d, out, partscan_of);
}

static u64
dio_of(const struct loop *l)
{
	return (l->flags & LO_FLAGS_DIRECT_IO) != 0;
}

static int
show_dio(struct device *d, struct strbuf *out)
{
	return put(d, out, dio_of);
}

static const struct device_attr attr_backing_file = { .name = "loop/backing_file", .mode = 0444, .show = show_backing_file };
static const struct device_attr attr_offset = { .name = "loop/offset", .mode = 0444, .show = show_offset };
static const struct device_attr attr_sizelimit = { .name = "loop/sizelimit", .mode = 0444, .show = show_sizelimit };
static const struct device_attr attr_autoclear = { .name = "loop/autoclear", .mode = 0444, .show = show_autoclear };
static const struct device_attr attr_partscan = { .name = "loop/partscan", .mode = 0444, .show = show_partscan };
static const struct device_attr attr_dio = { .name = "loop/dio", .mode = 0444, .show = show_dio };

const struct device_attr *const loop_attrs[] = { &attr_backing_file, &attr_offset, &attr_sizelimit, &attr_autoclear, &attr_partscan,
	&attr_dio, NULL };
