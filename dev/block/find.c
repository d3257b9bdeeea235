/* SPDX-License-Identifier: BSD-2-Clause */
/* Block devices by the names that root= and mount options use. */
#include "dev/block/internal.h"

#include "dev/chrdev.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"

struct wanted {
	const char *text;
	bool (*match)(const struct block_device *b, const char *text);
	struct block_device *found;	/* referenced */
};

static bool
match_name(const struct block_device *b, const char *text)
{
	char name[40];

	block_device_name(b, name, sizeof(name));
	return strcmp(name, text) == 0;
}

static bool
match_partuuid(const struct block_device *b, const char *text)
{
	return b->uuid[0] != '\0' && strcasecmp((const char *)b->uuid, text) == 0;
}

static bool
match_partlabel(const struct block_device *b, const char *text)
{
	return b->label[0] != '\0' && strcmp((const char *)b->label, text) == 0;
}

static void
try_one(struct block_device *b, void *arg)
{
	struct wanted *w = arg;

	if (w->found == NULL && w->match(b, w->text)) {
		block_device_get(b);
		w->found = b;
	}
}

static int
search(const char *text, bool (*match)(const struct block_device *, const char *), struct block_device **out)
{
	struct wanted w = { .text = text, .match = match };

	block_device_for_each(try_one, &w);
	*out = w.found;
	return w.found != NULL ? 0 : -ENODEV;
}

/* "8:1", or as Linux's old form: 801, hexadecimal, the last two digits are the minor. */
static int
by_number(const char *text, struct block_device **out)
{
	const char *end;
	u64 major, minor;
	int err = parse_u64(text, &end, 10, &major);

	if (err == 0 && *end == ':') {
		err = parse_u64(end + 1, &end, 10, &minor);
	} else {
		err = parse_u64(text, &end, 16, &major);
		minor = (major & 0xff) | (major >> 12 & 0xfff00);
		major = major >> 8 & 0xfff;
	}
	if (err != 0 || *end != '\0' || block_device_find(DEV_NUMBER((u32)major, (u32)minor), out) != 0)
		return -ENODEV;
	return 0;
}

int
block_device_find_name(const char *name, struct block_device **out)
{
	if (strncmp(name, "PARTUUID=", 9) == 0)
		return search(name + 9, match_partuuid, out);
	if (strncmp(name, "PARTLABEL=", 10) == 0)
		return search(name + 10, match_partlabel, out);
	if (strncmp(name, "/dev/", 5) == 0)
		return search(name + 5, match_name, out);
	return by_number(name, out);
}
