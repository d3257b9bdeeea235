/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults on purpose, in debug builds: the n-th command of a kind fails, in one of these ways:
 *
 *	error		the device is given something that it refuses, and so the whole way of its error is walked
 *	timeout		the device never sees it
 *	dead		nor anything that comes later, and no reset helps
 *
 * "echo read 3 error >/sys/block/sda/ata_fail_nth", or on the command line "ata.fail_nth=write:2:timeout" for the first disk that
 * gets so far. Commands: read, write, flush, discard, any. "ata.timeout=ms" sets the time-out of requests.
 */
#include "dev/ata/ata.h"

#include "arch/boot.h"
#include "sys/abi/errno.h"
#include "sys/lib/cmdline.h"
#include "sys/lib/string.h"
#include "sys/log.h"

enum fault_op { FAULT_NONE, FAULT_READ, FAULT_WRITE, FAULT_FLUSH, FAULT_DISCARD, FAULT_ANY };
enum fault_kind { FAULT_ERROR, FAULT_TIMEOUT, FAULT_DEAD };

static const char *const op_names[] = { "off", "read", "write", "flush", "discard", "any" };
static const char *const kind_names[] = { "error", "timeout", "dead" };

/* Lock key: [f] fault_lock, inside a port's lock */
static struct spinlock fault_lock = SPINLOCK_INIT(LOCK_LEAF);
static struct {
	enum fault_op op;		/* [f] */
	enum fault_kind kind;		/* [f] */
	u64 left;			/* [f] this many go well */
	struct ata_device *dev;		/* [f] NULL: any */
	struct ata_command *victim;	/* [f] it failed among queued ones, and shall when it comes alone too */
	u64 victim_lba;			/* [f] */
} plan;
static const struct ata_port *dead_port;	/* [f] */
static bool words_read;				/* [f] */

static int
find_name(const char *const *names, u32 n, const char *word)
{
	for (u32 i = 0; i < n; i++) {
		if (strcmp(names[i], word) == 0)
			return (int)i;
	}
	return -EINVAL;
}

/* "write 2 timeout", the words separated by blanks or colons. Changes text. */
static int
set_plan(char *text, struct ata_device *dev)
{
	char *op = strsep(&text, " :\n"), *count = strsep(&text, " :\n"), *kind = strsep(&text, " :\n");
	int o = find_name(op_names, ARRAY_SIZE(op_names), op), k = FAULT_ERROR;
	u64 n = 1, flags;

	if (o < 0 || (count != NULL && *count != '\0' && parse_u64(count, NULL, 10, &n) != 0) || n == 0)
		return -EINVAL;
	if (kind != NULL && *kind != '\0')
		k = find_name(kind_names, ARRAY_SIZE(kind_names), kind);
	if (k < 0)
		return -EINVAL;
	flags = spin_lock_irqsave(&fault_lock);
	plan.op = (enum fault_op)o;
	plan.kind = (enum fault_kind)k;
	plan.left = n - 1;
	plan.dev = dev;
	spin_unlock_irqrestore(&fault_lock, flags);
	return 0;
}

static void
read_words(void)
{
	char text[48];

	if (atomic_xchg(&words_read, true))
		return;
	if (cmdline_get(boot_info.cmdline, "ata.fail_nth", text, sizeof(text)) > 0 && set_plan(text, NULL) != 0)
		log_warn("ata.fail_nth: not understood");
}

static enum fault_op
op_of(const struct ata_command *c)
{
	switch (c->tf.command) {
	case ATA_FLUSH_CACHE:
	case ATA_FLUSH_CACHE_EXT:
		return FAULT_FLUSH;
	case ATA_DATA_SET_MANAGEMENT:
		return FAULT_DISCARD;
	default:
		return c->tf.write ? FAULT_WRITE : FAULT_READ;
	}
}

/* It will be refused: a sector far behind the end, or a command that nobody knows. */
static void
spoil(struct ata_command *c)
{
	if (c->tf.command == ATA_PACKET) {
		memset(c->cdb + 2, 0xff, 4);	/* the block */
	} else if (op_of(c) == FAULT_READ || op_of(c) == FAULT_WRITE) {
		c->tf.lba = c->tf.ext ? 0xfffffffffff0 : 0xffffff0;
		c->tf.device |= c->tf.ext ? 0 : 0xf;
	} else {
		c->tf = (struct ata_taskfile){ .command = 0xff, .protocol = ATA_NODATA };
	}
}

static bool
is_hit(struct ata_command *c)
{
	bool again = c->unqueued && c == plan.victim && c->tf.lba == plan.victim_lba;

	plan.victim = again ? NULL : plan.victim;
	if (c->internal || (plan.dev != NULL && plan.dev != c->dev))
		return false;
	return again || (plan.op != FAULT_NONE && (plan.op == FAULT_ANY || plan.op == op_of(c)) && plan.left-- == 0);
}

bool
ata_fault_swallow(struct ata_command *c)
{
	struct ata_port *p = c->dev->port;
	u64 flags = spin_lock_irqsave(&fault_lock);
	bool hit = is_hit(c), swallow;

	if (hit) {
		plan.op = FAULT_NONE;
		plan.victim = c->tf.protocol == ATA_NCQ ? c : NULL;
		plan.victim_lba = c->tf.lba;
		if (plan.kind == FAULT_ERROR)
			spoil(c);
		else if (plan.kind == FAULT_DEAD)
			dead_port = p;
	}
	swallow = (hit && plan.kind != FAULT_ERROR) || dead_port == p;
	spin_unlock_irqrestore(&fault_lock, flags);
	p->swallowed &= ~(u32)BIT(c->slot);
	p->swallowed |= swallow ? (u32)BIT(c->slot) : 0;
	return swallow;
}

bool
ata_fault_dead(const struct ata_port *p)
{
	u64 flags = spin_lock_irqsave(&fault_lock);
	bool dead = dead_port == p;

	spin_unlock_irqrestore(&fault_lock, flags);
	return dead;
}

u32
ata_fault_timeout(u32 ms)
{
	char text[16];
	u64 v;

	read_words();
	if (cmdline_get(boot_info.cmdline, "ata.timeout", text, sizeof(text)) > 0 && parse_u64(text, NULL, 10, &v) == 0 && v > 0 && v < ms)
		return (u32)v;
	return ms;
}

/* --- /sys/block/sda/ata_fail_nth --- */

static int
show(struct device *d, struct strbuf *out)
{
	u64 flags = spin_lock_irqsave(&fault_lock);
	const char *op = op_names[plan.op], *kind = kind_names[plan.kind];
	u64 left = plan.left;

	spin_unlock_irqrestore(&fault_lock, flags);
	strbuf_printf(out, "%s %lu %s\n", op, left + 1, kind);
	return 0;
}

static int
store(struct device *d, const char *text, size_t len)
{
	struct block_device *bdev = container_of(d, struct block_device, dev);
	char copy[48];

	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return set_plan(copy, bdev->disk->priv);
}

static const struct device_attr attr_fail_nth = { "ata_fail_nth", 0644, show, store };
const struct device_attr *const ata_fault_attrs[] = { &attr_fail_nth, NULL };
