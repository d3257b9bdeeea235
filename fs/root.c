/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The root file system by the command line: root= (a device, its number, LABEL=, UUID=, PARTUUID=, PARTLABEL=), rootfstype=, rootflags=, ro,
 * rw, rootdelay=, rootwait. Words, messages and the panic are Linux's.
 */
#include "fs/root.h"

#include "arch/boot.h"
#include "dev/block.h"
#include "fs/internal.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/lib/cmdline.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/wait.h"

#define WORD_MAX	256
#define PROBE_GRACE	(3 * NSEC_PER_SEC)	/* drivers may still be looking at their ports */
#define LOOK_EVERY	(50 * NSEC_PER_MSEC)

static struct waitq never = WAITQ_INIT(never);

static void
pause_for(nsec_t time)
{
	nsec_t until = clock_now() + time;

	(void)!wait_event_until(&never, clock_now() >= until, until);
}

static bool
word(const char *key, char *buf, size_t size)
{
	return cmdline_get(boot_info.cmdline, key, buf, size) >= 0;
}

bool
root_is_given(void)
{
	char name[WORD_MAX];

	return word("root", name, sizeof(name)) && name[0] != '\0';
}

bool
path_exists(const char *name)
{
	struct path p;

	if (kern_path(name, LOOKUP_FOLLOW, &p) != 0)
		return false;
	path_put(&p);
	return true;
}

/* --- which device --- */

struct search {
	const char *label, *uuid;	/* what is wanted: one of them */
	struct block_device *bdev;	/* the one that is looked at */
	struct block_device *found;	/* referenced */
};

static void
probe_type(const struct fs_type *t, void *arg)
{
	struct search *s = arg;
	struct fs_probe p = { .label = "", .uuid = "" };

	if (s->found != NULL || t->probe == NULL || t->probe(s->bdev, &p) != 0)
		return;
	if (s->label != NULL ? strcmp(p.label, s->label) != 0 : strcasecmp(p.uuid, s->uuid) != 0)
		return;
	block_device_get(s->bdev);
	s->found = s->bdev;
}

static void
probe_device(struct block_device *b, void *arg)
{
	struct search *s = arg;

	if (s->found != NULL || block_device_open(b, false, NULL) != 0)
		return;
	s->bdev = b;
	fs_for_each(probe_type, s);
	block_device_close(b, false, NULL);
}

/* The device that the word names: referenced. -ENODEV. */
static int
find_root(const char *name, struct block_device **out)
{
	struct search s = { 0 };

	if (strncmp(name, "LABEL=", 6) == 0)
		s.label = name + 6;
	else if (strncmp(name, "UUID=", 5) == 0)
		s.uuid = name + 5;
	else
		return block_device_find_name(name, out);
	block_device_for_each(probe_device, &s);
	*out = s.found;
	return s.found != NULL ? 0 : -ENODEV;
}

static int
wait_for_root(const char *name, struct block_device **out)
{
	bool forever = cmdline_has(boot_info.cmdline, "rootwait"), told = false;
	nsec_t end = clock_now() + PROBE_GRACE;
	int err;

	while ((err = find_root(name, out)) != 0 && (forever || clock_now() < end)) {
		if (forever && !told)
			log_info("Waiting for root device %s...", name);
		told = true;
		pause_for(LOOK_EVERY);
	}
	return err;
}

/* --- when there is none --- */

static void
list_row(struct block_device *b, void *arg)
{
	char name[40];

	(void)arg;
	if (b->nr_sectors == 0)
		return;
	block_device_name(b, name, sizeof(name));
	log_emerg("%02x%02x    %10lu %s %s", dev_major(b->dev.devt), dev_minor(b->dev.devt), b->nr_sectors / 2, name, (const char *)b->uuid);
}

static void
name_row(const struct fs_type *t, void *arg)
{
	if (!(t->flags & FS_NODEV))
		strbuf_printf(arg, " %s", t->name);
}

static __noreturn void
no_device(const char *name, int err)
{
	log_emerg("VFS: Cannot open root device \"%s\" or unknown-block(0,0): error %d", name, err);
	log_emerg("Please append a correct \"root=\" boot option; here are the available partitions:");
	block_device_for_each(list_row, NULL);
	panic("VFS: Unable to mount root fs on unknown-block(0,0)");
}

static __noreturn void
no_file_system(const struct block_device *b)
{
	char text[128];
	struct strbuf sb;

	strbuf_init(&sb, text, sizeof(text));
	fs_for_each(name_row, &sb);
	log_emerg("List of all partitions:");
	block_device_for_each(list_row, NULL);
	log_emerg("No filesystem could mount root, tried:%s", text);
	panic("VFS: Unable to mount root fs on unknown-block(%u,%u)", dev_major(b->dev.devt), dev_minor(b->dev.devt));
}

/* --- mounting --- */

struct attempt {
	const char *dev, *data;
	u32 flags;
	int err;		/* 0: done */
};

/* One type. What isn't its kind says EINVAL, and the next is tried; a device that can't be written to is tried read-only. */
static void
try_type(const char *fstype, struct attempt *a)
{
	if (a->err == 0)
		return;
	a->err = mount_kern(fstype, a->dev, "/root", a->flags | MS_KERNMOUNT, a->data);
	if ((a->err == -EACCES || a->err == -EROFS) && !(a->flags & MS_RDONLY)) {
		a->flags |= MS_RDONLY;
		a->err = mount_kern(fstype, a->dev, "/root", a->flags | MS_KERNMOUNT, a->data);
	}
	if (a->err == 0)
		log_info("VFS: Mounted root (%s filesystem)%s on device %s.", fstype, a->flags & MS_RDONLY ? " readonly" : "", a->dev);
	else if (a->err != -EINVAL)
		log_warn("VFS: %s on %s: error %d", fstype, a->dev, a->err);
}

static void
try_any(const struct fs_type *t, void *arg)
{
	if (!(t->flags & FS_NODEV))
		try_type(t->name, arg);
}

static void
try_types(struct attempt *a)
{
	char list[WORD_MAX], *rest = list, *name;

	a->err = -EINVAL;
	if (!word("rootfstype", list, sizeof(list)) || list[0] == '\0') {
		fs_for_each(try_any, a);
		return;
	}
	while ((name = strsep(&rest, ",")) != NULL)
		if (*name != '\0')
			try_type(name, a);
}

/* The last of "ro" and "rw" counts; neither is ro. */
static bool
is_writable(void)
{
	const char *pos = boot_info.cmdline;
	struct cmdline_word w;
	bool rw = false;

	while (cmdline_next(&pos, &w)) {
		if (cmdline_key_is(&w, "ro"))
			rw = false;
		else if (cmdline_key_is(&w, "rw"))
			rw = true;
	}
	return rw;
}

/* What was mounted on /root goes over "/", and is where this thread, and all it starts, is at home. */
static int
enter_root(void)
{
	struct path new, top;
	int err = kern_path("/root", LOOKUP_FOLLOW, &new);

	if (err != 0)
		return err;
	err = kern_path("/", 0, &top);
	if (err == 0) {
		err = mount_move(&new, &top);
		path_put(&top);
	}
	if (err == 0) {
		fsctx_set_cwd(&new);
		fsctx_set_root(&new);
	}
	path_put(&new);
	return err;
}

void
root_mount(void)
{
	char name[WORD_MAX] = "", flags[WORD_MAX] = "", delay[16], dev[48] = "/dev/";
	struct attempt a = { .dev = dev, .data = flags, .flags = is_writable() ? 0 : MS_RDONLY };
	struct block_device *b;
	u64 seconds;
	int err;

	(void)word("root", name, sizeof(name));
	(void)word("rootflags", flags, sizeof(flags));
	if (word("rootdelay", delay, sizeof(delay)) && parse_u64(delay, NULL, 10, &seconds) == 0) {
		log_info("Waiting %lu sec before mounting root device...", seconds);
		pause_for((nsec_t)MIN(seconds, 3600UL) * NSEC_PER_SEC);
	}
	err = wait_for_root(name, &b);
	if (err != 0)
		no_device(name, err);
	block_device_name(b, dev + 5, sizeof(dev) - 5);
	err = path_mkdir(AT_FDCWD, "/root", 0700);
	if (err == 0 || err == -EEXIST)
		try_types(&a);
	if (a.err != 0)
		no_file_system(b);
	block_device_put(b);
	err = enter_root();
	if (err != 0)
		panic("VFS: the new root cannot be entered: error %d", err);
	err = mount_kern("devtmpfs", "devtmpfs", "/dev", 0, NULL);
	if (err != 0)
		log_warn("devtmpfs: error mounting %d", err);
	else
		log_info("devtmpfs: mounted");
}
