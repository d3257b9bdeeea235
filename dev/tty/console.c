/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /dev/tty and /dev/console: names for terminals that are found at open. console(4), tty(4).
 *
 * The console is what the last console= of the command line names, once it is there; without any, the first terminal that
 * registers as one.
 */
#include "dev/tty/tty.h"

#include "arch/boot.h"
#include "sys/abi/errno.h"
#include "sys/lib/cmdline.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

static struct mutex console_lock = MUTEX_INIT(console_lock, LOCK_LEAF_SLEEP);
static struct tty *console;		/* [console_lock] reference; NULL: none, or it is found at open */
static struct tty *(*console_find)(void);	/* [console_lock] */
static int console_rank;		/* [console_lock] which console= it was: the later, the better */

/* Which console= of the command line names the terminal: 1 the first; 0: none does. */
static int
rank_of(const char *name)
{
	const char *pos = boot_info.cmdline;
	char value[32];
	int rank = 0, i = 0;

	while (cmdline_get_next(&pos, "console", value, sizeof(value)) >= 0) {
		char *comma = strchr(value, ',');

		i++;
		if (comma != NULL)
			*comma = '\0';
		if (strcmp(value, name) == 0)
			rank = i;
	}
	return rank;
}

bool
tty_console_wanted(const char *name)
{
	if (!cmdline_has(boot_info.cmdline, "console"))
		return strcmp(name, "ttyS0") == 0 || strcmp(name, "tty0") == 0;
	return rank_of(name) > 0;
}

/* tty, or else what find() gives. */
static void
set_console(const char *name, struct tty *tty, struct tty *(*find)(void))
{
	int rank = rank_of(name);
	struct tty *old = NULL;

	mutex_lock(&console_lock);
	if ((console == NULL && console_find == NULL) || rank > console_rank) {
		old = console;
		if (tty != NULL)
			tty_get(tty);
		console = tty;
		console_find = find;
		console_rank = rank;
	}
	mutex_unlock(&console_lock);
	if (old != NULL)
		tty_put(old);
}

void
tty_set_console(struct tty *tty)
{
	set_console(tty->name, tty, NULL);
}

void
tty_set_console_found(const char *name, struct tty *(*find)(void))
{
	set_console(name, NULL, find);
}

struct tty *
tty_console_get(void)
{
	struct tty *(*find)(void);
	struct tty *tty;

	mutex_lock(&console_lock);
	tty = console;
	find = console_find;
	if (tty != NULL)
		tty_get(tty);
	mutex_unlock(&console_lock);
	return tty == NULL && find != NULL ? find() : tty;
}

static int
console_open(struct vnode *vn, struct file *f)
{
	struct tty *tty = tty_console_get();
	int err;

	(void)vn;
	if (tty == NULL)
		return -ENODEV;
	f->flags |= O_NOCTTY;
	err = tty_open_file(tty, f);
	if (err == 0)
		tty_file_is_console(f);
	tty_put(tty);
	return err;
}

static int
ctty_open(struct vnode *vn, struct file *f)
{
	struct tty *tty = job_tty_get();
	int err;

	(void)vn;
	if (tty == NULL)
		return -ENXIO;
	err = tty_open_file(tty, f);
	tty_put(tty);
	return err;
}

static const struct file_ops console_fops = { .open = console_open };
static const struct file_ops ctty_fops = { .open = ctty_open };

static struct chrdev aux_chrdevs[] = {
	{ .name = "/dev/tty", .major = MAJOR_TTYAUX, .first = 0, .count = 1, .ops = &ctty_fops },
	{ .name = "/dev/console", .major = MAJOR_TTYAUX, .first = 1, .count = 1, .ops = &console_fops },
};

static struct device aux_devices[] = {
	{ .name = "tty", .class = &device_class_tty, .devt = DEV_NUMBER(MAJOR_TTYAUX, 0u), .mode = 0666, .gid = 5 },
	{ .name = "console", .class = &device_class_tty, .devt = DEV_NUMBER(MAJOR_TTYAUX, 1u), .mode = 0600 },
};

void
tty_init_core(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(aux_chrdevs); i++)
		if (chrdev_register(&aux_chrdevs[i]) != 0 || device_register(&aux_devices[i]) != 0)
			panic("tty: cannot register %s", aux_devices[i].name);
}
